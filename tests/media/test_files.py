"""Files as sources: pace, sharing of one thread, and that nothing stays open."""

import asyncio
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

from meshwidget.errors import SourceError
from meshwidget.media import files
from meshwidget.media.base import AudioSource, VideoSource
from meshwidget.media.demux import TimedFrame
from meshwidget.media.files import FileAudio, FileVideo, MediaFile, Projector, play
from meshwidget.media.tone import audio_frame

LeakCheck = Callable[..., AbstractContextManager[None]]
MakeClip = Callable[..., Path]


async def take(source: VideoSource | AudioSource, count: int) -> list[Any]:
    """So many frames, and when they came."""
    loop = asyncio.get_running_loop()
    frames: list[Any] = []
    async for frame in source.frames():
        frames.append((loop.time(), frame))
        if len(frames) == count:
            break
    return frames


def both(path: Path) -> tuple[FileVideo, FileAudio]:
    file = MediaFile(path, video=True, audio=True)
    return FileVideo(file), FileAudio(file, required=False)


def test_pictures_come_at_the_pace_of_the_file(
    make_clip: MakeClip, leaks: LeakCheck
) -> None:
    path = make_clip(pictures=5, rate=10)

    async def main() -> list[Any]:
        source = FileVideo(MediaFile(path, video=True, audio=False))
        await source.open()
        try:
            return await take(source, 8)
        finally:
            await source.close()

    with leaks():
        found = asyncio.run(main())
    for (_, before), (_, after) in itertools.pairwise(found):
        assert after.pts - before.pts >= 9000
        assert (after.pts - before.pts) % 9000 == 0
    assert all(frame.time_base == Fraction(1, 90_000) for _, frame in found)
    began, first = found[0]
    late = [at - began - (frame.pts - first.pts) / 90_000 for at, frame in found]
    # One may come late on a busy machine; the next one does not wait for that.
    assert min(late) > -0.3
    assert min(late[4:]) < 0.3


def test_picture_and_sound_are_in_step(make_clip: MakeClip, leaks: LeakCheck) -> None:
    path = make_clip(pictures=10, sound=0.4)

    async def main() -> tuple[list[Any], list[Any]]:
        video, audio = both(path)
        await video.open()
        await audio.open()
        try:
            return await asyncio.gather(take(video, 12), take(audio, 25))
        finally:
            await video.close()
            await audio.close()

    with leaks():
        pictures, sounds = asyncio.run(main())
    for came, frame in sounds:
        assert frame.samples == 960
        picture_came, picture = min(pictures, key=lambda each: abs(each[0] - came))
        real = came - picture_came
        assert frame.pts / 48_000 - picture.pts / 90_000 == pytest.approx(real, abs=0.3)
    assert all(b[1].pts > a[1].pts for a, b in itertools.pairwise(sounds))


def test_one_thread_for_both(make_clip: MakeClip, leaks: LeakCheck) -> None:
    path = make_clip(sound=0.4)

    async def main() -> None:
        video, audio = both(path)
        before = threading.active_count()
        await asyncio.gather(video.open(), audio.open())
        assert threading.active_count() == before + 1
        await video.close()
        assert await take(audio, 3), "the sound goes on"
        await audio.close()
        await audio.close()

    with leaks():
        asyncio.run(main())


def test_closing_ends_what_is_being_read(make_clip: MakeClip, leaks: LeakCheck) -> None:
    path = make_clip(pictures=3, rate=1)

    async def main() -> int:
        source = FileVideo(MediaFile(path, video=True, audio=False))
        await source.open()
        count = 0
        async for _ in source.frames():
            count += 1
            await source.close()
        return count

    with leaks():
        assert asyncio.run(main()) == 1


def test_opening_again_after_close(make_clip: MakeClip, leaks: LeakCheck) -> None:
    path = make_clip()

    async def main() -> None:
        source = FileVideo(MediaFile(path, video=True, audio=False))
        for _ in range(3):
            await source.open()
            ((_, frame),) = await take(source, 1)
            assert frame.pts < 90_000  # from the beginning, or nearly, if it came late
            await source.close()
        assert await take(source, 1) == []

    with leaks():
        asyncio.run(main())


def test_one_source_for_two_participants(make_clip: MakeClip) -> None:
    path = make_clip()

    async def main() -> None:
        source = FileVideo(MediaFile(path, video=True, audio=False))
        await source.open()
        with pytest.raises(SourceError, match="in use by another participant"):
            await source.open()
        assert await take(source, 1), "the first one goes on"
        await source.close()

    asyncio.run(main())


def test_cancelling_one_of_two_that_open(make_clip: MakeClip, leaks: LeakCheck) -> None:
    path = make_clip(sound=0.4)

    async def main() -> None:
        video, audio = both(path)
        opening = asyncio.create_task(video.open())
        other = asyncio.create_task(audio.open())
        await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        await other
        assert await take(audio, 1)
        await audio.close()

    with leaks():
        asyncio.run(main())


def test_cancelling_the_only_one_that_opens(
    make_clip: MakeClip, leaks: LeakCheck
) -> None:
    path = make_clip()

    async def main() -> None:
        source = FileVideo(MediaFile(path, video=True, audio=False))
        opening = asyncio.create_task(source.open())
        await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        await source.open()
        await source.close()

    with leaks():
        asyncio.run(main())


def test_a_file_that_fails_to_open_leaves_nothing(
    tmp_path: Path, leaks: LeakCheck
) -> None:
    async def main() -> None:
        video, audio = both(tmp_path / "none.mp4")
        for source in (video, audio):
            with pytest.raises(SourceError, match="There is no file"):
                await source.open()
            await source.close()

    with leaks():
        asyncio.run(main())


def test_sound_that_goes_with_a_picture_may_be_missing(
    make_clip: MakeClip, leaks: LeakCheck
) -> None:
    path = make_clip()

    async def main() -> None:
        video, audio = both(path)
        await video.open()
        await audio.open()
        assert audio.is_silent
        assert await take(audio, 1) == []
        await audio.close()
        assert await take(video, 1)
        await video.close()

    with leaks():
        asyncio.run(main())


def test_sound_that_is_asked_for_may_not_be_missing(
    make_clip: MakeClip, leaks: LeakCheck
) -> None:
    path = make_clip()

    async def main() -> None:
        source = FileAudio(MediaFile(path, video=False, audio=True), required=True)
        with pytest.raises(SourceError, match="has no sound"):
            await source.open()

    with leaks():
        asyncio.run(main())


def test_a_photo_is_given_again_and_again(
    make_clip: MakeClip, leaks: LeakCheck
) -> None:
    path = make_clip("a.png", pictures=1, codec="png", pixel_format="rgb24")

    async def main() -> list[Any]:
        source = FileVideo(MediaFile(path, video=True, audio=False))
        await source.open()
        try:
            return await take(source, 4)
        finally:
            await source.close()

    with leaks():
        found = [frame for _, frame in asyncio.run(main())]
    assert len({id(frame) for frame in found}) == 4
    for before, after in itertools.pairwise(found):
        assert after.pts - before.pts >= 18_000
        np.testing.assert_array_equal(before.to_ndarray(), after.to_ndarray())


class FakeThread:
    """Whoever waits is told at once that the time has come."""

    def wait_until(self, due: float) -> bool:
        return True


class FakeOutlet:
    """Notes the times of the frames that are put."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def put(self, frame: av.VideoFrame) -> None:
        assert frame.pts is not None
        self.seconds.append(frame.pts / 90_000)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ([0, 0.04, 0.08], [0, 0.04, 0.08]),
        ([0, 0.7], [0, 0.2, 0.4, 0.6, 0.7]),
        ([0, 0.2, 0.4], [0, 0.2, 0.4]),
        ([0, 0.42], [0, 0.2, 0.42]),
    ],
)
def test_a_picture_is_given_again_until_the_next(
    monkeypatch: pytest.MonkeyPatch, shown: list[float], expected: list[float]
) -> None:
    monkeypatch.setattr(files, "time", SimpleNamespace(monotonic=lambda: 1000.0))
    outlet: Any = FakeOutlet()
    thread: Any = FakeThread()
    projector = Projector(outlet, thread, 1000.0)
    for seconds in shown:
        assert projector.wait_until(1000 + seconds)
        frame = av.VideoFrame(240, 240, "yuv420p")
        projector.show(frame, 1000 + seconds)
    assert outlet.seconds == pytest.approx(expected, abs=0.001)


def test_after_a_long_sleep_a_photo_is_given_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outlet: Any = FakeOutlet()
    thread: Any = FakeThread()
    projector = Projector(outlet, thread, 1000.0)
    projector.show(av.VideoFrame(240, 240, "yuv420p"), 1000.0)
    monkeypatch.setattr(files, "time", SimpleNamespace(monotonic=lambda: 4600.0))
    assert projector.wait_until(4600.1)
    assert outlet.seconds == pytest.approx([0, 3600])


def test_after_a_long_sleep_a_file_goes_on_where_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0

    class Reader:
        def frames(self) -> Iterator[TimedFrame]:
            nonlocal now
            for index in range(6):
                if index == 3:
                    now += 3600  # the lid is shut
                picture = av.VideoFrame(240, 240, "yuv420p")
                yield TimedFrame(index * 0.04, index * 2, picture)
                sound = audio_frame(np.zeros(960, np.int16), index * 1920)
                yield TimedFrame(index * 0.04, index * 2 + 1, sound)

    class Thread:
        def report_open(self) -> None: ...

        def wait_until(self, due: float) -> bool:
            nonlocal now
            now = max(now, due)
            return now < 1000 + 3600 + 0.5

    class SoundOutlet:
        def put(self, frame: av.AudioFrame) -> None:
            assert frame.pts is not None
            sounds.append(frame.pts / 48_000)

    sounds: list[float] = []
    pictures: Any = FakeOutlet()
    everything: list[Any] = [Reader(), Thread(), pictures, SoundOutlet()]
    monkeypatch.setattr(files, "time", SimpleNamespace(monotonic=lambda: now))
    play(*everything)
    expected = [0.04, 0.04, 3600, 0.04, 0.04]
    assert np.diff(sounds) == pytest.approx(expected, abs=0.05)
    assert np.diff(pictures.seconds)[:5] == pytest.approx(expected, abs=0.05)


def test_the_home_directory(
    make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_clip()
    monkeypatch.setenv("HOME", str(path.parent))
    monkeypatch.setenv("USERPROFILE", str(path.parent))

    async def main() -> None:
        source = FileVideo(MediaFile("~/clip.mp4", video=True, audio=False))
        await source.open()
        await source.close()

    asyncio.run(main())


def test_opening_does_not_hold_up_the_loop(
    make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything that touches the file happens in another thread."""
    path = make_clip()
    threads: set[int] = set()
    original = Path.open

    def spying(self: Path, *arguments: Any, **keywords: Any) -> Any:
        threads.add(threading.get_ident())
        return original(self, *arguments, **keywords)

    monkeypatch.setattr(Path, "open", spying)

    async def main() -> None:
        source = FileVideo(MediaFile(path, video=True, audio=False))
        await source.open()
        await source.close()

    asyncio.run(main())
    assert threads
    assert threading.get_ident() not in threads
