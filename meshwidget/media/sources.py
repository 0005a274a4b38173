"""From what the user gives to ``mesh.join`` to sources of picture and sound."""

import inspect
import os
from pathlib import Path

from aiortc import MediaStreamTrack

from ..errors import SourceError
from .base import AudioSource, VideoSource
from .files import FileAudio, FileVideo, MediaFile
from .functions import FunctionAudio, FunctionVideo
from .pattern import TestPattern
from .tone import Tone
from .tracks import TrackAudio, TrackVideo

__all__ = ["AudioSource", "VideoSource", "open_sources", "resolve_sources"]

VIDEO_CHOICES = (
    "a file's name, a function draw(t), an aiortc video track, Camera(), "
    "or None for no picture"
)
AUDIO_CHOICES = (
    "a file's name, a function of time, an aiortc audio track, or None for no sound"
)


async def open_sources(
    name: str, number: int, video: object, audio: object
) -> tuple[VideoSource | None, AudioSource | None]:
    """Make the two sources of a participant and open them.

    As :func:`resolve_sources`, and the sound of a video file that has none is None.

    Raises
    ------
    SourceError
        One of them cannot be read. Nothing is left open, also when cancelled.
    """
    picture, sound = resolve_sources(name, number, video, audio)
    try:
        if picture is not None:
            await picture.open()
        if sound is not None:
            await sound.open()
    except BaseException:
        if picture is not None:
            await picture.close()
        raise
    if isinstance(sound, FileAudio) and sound.is_silent:
        await sound.close()
        sound = None
    return picture, sound


def resolve_sources(
    name: str, number: int, video: object, audio: object
) -> tuple[VideoSource | None, AudioSource | None]:
    """Make the two sources of a participant; they are not open yet.

    Parameters
    ----------
    name : str
    number : int
        Colour and pitch follow it.
    video : object
        ``...`` for the test pattern, None, a path, ``draw(t)``, an aiortc video track,
        or a :class:`VideoSource` such as a camera.
    audio : object
        ``...`` for the sound that goes with the picture (a file's own, which has none
        if the file has none, or else a tone), None, a path, a function, an aiortc audio
        track, or an :class:`AudioSource`.

    Raises
    ------
    SourceError
        It is none of these.
    """
    video_path = _path(video)
    audio_path = _path(audio)
    if video_path is not None and (audio is ... or audio_path == video_path):
        file = MediaFile(video_path, video=True, audio=True)
        return FileVideo(file), FileAudio(file, required=audio is not ...)
    return _video(name, number, video), _audio(number, audio)


def _video(name: str, number: int, given: object) -> VideoSource | None:
    if given is ...:
        return TestPattern(name, number)
    if given is None or isinstance(given, VideoSource):
        return given
    if isinstance(given, MediaStreamTrack):
        return TrackVideo(given)
    if path := _path(given):
        return FileVideo(MediaFile(path, video=True, audio=False))
    _check_function("video", given, VIDEO_CHOICES)
    return FunctionVideo(given)  # type: ignore[arg-type]


def _audio(number: int, given: object) -> AudioSource | None:
    if given is ...:
        return Tone(number)
    if given is None or isinstance(given, AudioSource):
        return given
    if isinstance(given, MediaStreamTrack):
        return TrackAudio(given)
    if path := _path(given):
        return FileAudio(MediaFile(path, video=False, audio=True), required=True)
    _check_function("audio", given, AUDIO_CHOICES)
    return FunctionAudio(given)  # type: ignore[arg-type]


def _path(given: object) -> Path | None:
    if not isinstance(given, str | os.PathLike):
        return None
    if not (name := os.fsdecode(given)):
        raise SourceError("A file's name is empty. Give the name of a file.")
    return Path(name)


def _check_function(keyword: str, given: object, choices: str) -> None:
    kind = type(given).__name__
    if isinstance(given, type):
        message = (
            f"{keyword}={given.__name__} is a class. Give an object of it: "
            f"{keyword}={given.__name__}()."
        )
        raise SourceError(message)
    if not callable(given):
        raise SourceError(f"{keyword}= is of type {kind}; it can be {choices}.")
    if inspect.iscoroutinefunction(given):
        message = (
            f"{keyword}= is an async function; it must be a plain one, which runs on a "
            "thread of its own."
        )
        raise SourceError(message)
