"""What may be given to ``join`` as picture and sound."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiortc import AudioStreamTrack, VideoStreamTrack

from meshwidget.errors import SourceError
from meshwidget.media import pattern
from meshwidget.media.camera import Camera
from meshwidget.media.files import FileAudio, FileVideo
from meshwidget.media.functions import FunctionAudio, FunctionVideo
from meshwidget.media.sources import open_sources, resolve_sources
from meshwidget.media.tone import Tone, pitch
from meshwidget.media.tracks import TrackAudio, TrackVideo

LeakCheck = Callable[..., AbstractContextManager[None]]
MakeClip = Callable[..., Path]


def draw(seconds: float) -> Any:
    return np.zeros((4, 4, 3), np.uint8)


def sound(moments: Any) -> Any:
    return np.zeros(960)


def resolve(video: object = ..., audio: object = ...) -> tuple[object, object]:
    return resolve_sources("alice", 3, video, audio)


def test_nothing_given_is_pattern_and_tone() -> None:
    video, audio = resolve()
    assert isinstance(video, pattern.TestPattern)
    assert (video.name, video.number) == ("alice", 3)
    assert isinstance(audio, Tone)
    assert audio.frequency == pitch(3)


def test_none_is_none() -> None:
    assert resolve(None, None) == (None, None)


def test_without_a_picture_there_is_a_tone() -> None:
    video, audio = resolve(None)
    assert video is None
    assert isinstance(audio, Tone)


@pytest.mark.parametrize("path", ["clip.mp4", Path("clip.mp4")])
def test_a_path_is_a_file_with_its_sound(path: str | Path) -> None:
    video, audio = resolve(path)
    assert isinstance(video, FileVideo)
    assert isinstance(audio, FileAudio)
    assert video._file is audio._file


def test_picture_and_sound_of_one_file_share_it() -> None:
    video, audio = resolve("clip.mp4", "clip.mp4")
    assert isinstance(video, FileVideo)
    assert isinstance(audio, FileAudio)
    assert video._file is audio._file


def test_picture_and_sound_of_two_files() -> None:
    video, audio = resolve("clip.mp4", "song.mp3")
    assert isinstance(video, FileVideo)
    assert isinstance(audio, FileAudio)
    assert video._file is not audio._file


def test_a_file_without_its_sound() -> None:
    video, audio = resolve("clip.mp4", None)
    assert isinstance(video, FileVideo)
    assert audio is None


def test_functions() -> None:
    video, audio = resolve(draw, sound)
    assert isinstance(video, FunctionVideo)
    assert isinstance(audio, FunctionAudio)
    assert isinstance(resolve(draw)[1], Tone)


def test_tracks() -> None:
    async def main() -> None:
        video, audio = resolve(VideoStreamTrack(), AudioStreamTrack())
        assert isinstance(video, TrackVideo)
        assert isinstance(audio, TrackAudio)
        assert isinstance(resolve(VideoStreamTrack())[1], Tone)

    asyncio.run(main())


def test_sources_are_taken_as_they_are() -> None:
    camera, tone = Camera(), Tone(0)
    assert resolve(camera, tone) == (camera, tone)


@pytest.mark.parametrize("given", [3, 2.5, True, b"clip.mp4", [draw], np.zeros(3)])
def test_anything_else_is_refused_with_what_may_be_given(given: object) -> None:
    with pytest.raises(SourceError, match="it can be a file's name, a function draw"):
        resolve(given)
    with pytest.raises(SourceError, match="it can be a file's name, a function of"):
        resolve(None, given)


def test_an_empty_name() -> None:
    with pytest.raises(SourceError, match="name is empty"):
        resolve("")


def test_a_class_for_an_object_of_it() -> None:
    with pytest.raises(SourceError, match=r"video=Camera\(\)"):
        resolve(Camera)


def test_an_async_function() -> None:
    async def draw(seconds: float) -> None: ...

    with pytest.raises(SourceError, match="is an async function"):
        resolve(draw)
    with pytest.raises(SourceError, match="is an async function"):
        resolve(None, draw)


def test_opened_together(make_clip: MakeClip, leaks: LeakCheck) -> None:
    path = make_clip(sound=0.4)

    async def main() -> None:
        video, audio = await open_sources("alice", 0, path, ...)
        assert video is not None
        assert audio is not None
        await video.close()
        await audio.close()

    with leaks():
        asyncio.run(main())


def test_a_file_without_sound_has_none(make_clip: MakeClip, leaks: LeakCheck) -> None:
    path = make_clip()

    async def main() -> None:
        video, audio = await open_sources("alice", 0, path, ...)
        assert audio is None
        assert isinstance(video, FileVideo)
        async for _ in video.frames():
            break
        await video.close()

    with leaks():
        asyncio.run(main())


def test_if_the_sound_fails_the_picture_is_closed(
    make_clip: MakeClip, leaks: LeakCheck
) -> None:
    path = make_clip()

    async def main() -> None:
        with pytest.raises(SourceError, match="has no sound"):
            await open_sources("alice", 0, draw, path)
        with pytest.raises(SourceError, match="has no sound"):
            await open_sources("alice", 0, path, path)

    with leaks():
        asyncio.run(main())
