"""Functions of the user's as sources: ``draw(t)`` for pictures, ``sound(t)`` for sound.

Each runs on a thread of its own, so that a slow one loses only its own frames.
"""

import inspect
import time
from collections.abc import AsyncIterator, Callable

import av
import numpy as np
import numpy.typing as npt

from ..errors import SourceError
from .base import AudioSource, VideoSource
from .fit import fit
from .formats import (
    AUDIO_FRAME_SAMPLES,
    AUDIO_SAMPLE_RATE,
    VIDEO_CLOCK_RATE,
    VIDEO_FRAME_RATE,
    VIDEO_TIME_BASE,
)
from .pace import AUDIO_PATIENCE, Schedule
from .threaded import (
    AUDIO_CAPACITY,
    VIDEO_CAPACITY,
    Outlet,
    SourceThread,
    ThreadStream,
    describe,
)
from .tone import audio_frame

Draw = Callable[[float], npt.NDArray[np.uint8]]
"""Seconds since the source was opened, to (height, width, 3), RGB."""
Sound = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.floating]]
"""960 moments, in seconds, to 960 samples from -1 to 1."""

FULL_SCALE = 32767


class FunctionVideo(VideoSource):
    """Pictures from a function of time, up to 30 a second.

    A function that is slower than that is called less often. It is tried once when the
    source is opened. If it hangs, its thread is left behind: nothing can stop it.

    Parameters
    ----------
    draw : callable
        ``draw(t)`` returns the picture ``t`` seconds (a float) after opening: shape
        (height, width, 3), uint8, RGB. Any size; it is fitted into the tile.
    """

    def __init__(self, draw: Draw) -> None:
        subject = _subject(draw)

        def work(thread: SourceThread, outlet: Outlet[av.VideoFrame]) -> None:
            _draw_frames(subject, draw, thread, outlet)

        self._stream = ThreadStream(subject, work, VIDEO_CAPACITY)

    async def open(self) -> None:
        """Call the function once, at 0.0, and check what it returns."""
        await self._stream.open()

    def frames(self) -> AsyncIterator[av.VideoFrame]:
        """Give the pictures; see :meth:`VideoSource.frames`."""
        return self._stream.items()

    async def close(self) -> None:
        """Call the function no more."""
        self._stream.close()


class FunctionAudio(AudioSource):
    """Sound from a function of time.

    Parameters
    ----------
    sound : callable
        ``sound(t)`` is called with 960 moments, float64, in seconds since opening, and
        returns a sample from -1 to 1 for each, as floats. What is louder is clipped.
    """

    def __init__(self, sound: Sound) -> None:
        subject = _subject(sound)

        def work(thread: SourceThread, outlet: Outlet[av.AudioFrame]) -> None:
            _sound_frames(subject, sound, thread, outlet)

        self._stream = ThreadStream(subject, work, AUDIO_CAPACITY)

    async def open(self) -> None:
        """Call the function once, for the first 20 ms, and check what it returns."""
        await self._stream.open()

    def frames(self) -> AsyncIterator[av.AudioFrame]:
        """Give the sound; see :meth:`AudioSource.frames`."""
        return self._stream.items()

    async def close(self) -> None:
        """Call the function no more."""
        self._stream.close()


def _draw_frames(
    subject: str, draw: Draw, thread: SourceThread, outlet: Outlet[av.VideoFrame]
) -> None:
    first = _picture(subject, draw, 0.0)
    thread.report_open()
    schedule = Schedule(time.monotonic(), VIDEO_FRAME_RATE)
    while True:
        index, due = schedule.next(time.monotonic())
        if not thread.wait_until(due):
            return
        seconds = index / VIDEO_FRAME_RATE
        frame = _picture(subject, draw, seconds) if index else first
        frame.pts = index * VIDEO_CLOCK_RATE // VIDEO_FRAME_RATE
        frame.time_base = VIDEO_TIME_BASE
        outlet.put(frame)


def _sound_frames(
    subject: str, sound: Sound, thread: SourceThread, outlet: Outlet[av.AudioFrame]
) -> None:
    first = _samples(subject, sound, 0)
    thread.report_open()
    rate = AUDIO_SAMPLE_RATE / AUDIO_FRAME_SAMPLES
    schedule = Schedule(time.monotonic(), rate, AUDIO_PATIENCE)
    while True:
        index, due = schedule.next(time.monotonic())
        if not thread.wait_until(due):
            return
        position = index * AUDIO_FRAME_SAMPLES
        samples = _samples(subject, sound, position) if index else first
        outlet.put(audio_frame(samples, position))


def _picture(subject: str, draw: Draw, seconds: float) -> av.VideoFrame:
    try:
        pixels = draw(seconds)
    except Exception as raised:
        raise SourceError(_complaint(subject, raised)) from raised
    if (
        not isinstance(pixels, np.ndarray)
        or pixels.dtype != np.uint8
        or pixels.ndim != 3
        or pixels.shape[2] != 3
        or 0 in pixels.shape
    ):
        message = (
            f"{subject} returned {_kind(pixels)}; it must return an array of shape "
            "(height, width, 3) and dtype uint8, RGB."
        )
        raise SourceError(message)
    return fit(av.VideoFrame.from_ndarray(pixels, format="rgb24"))


def _samples(subject: str, sound: Sound, position: int) -> npt.NDArray[np.int16]:
    moments = np.arange(position, position + AUDIO_FRAME_SAMPLES) / AUDIO_SAMPLE_RATE
    try:
        wave = sound(moments)
    except Exception as raised:
        raise SourceError(_complaint(subject, raised)) from raised
    if (
        not isinstance(wave, np.ndarray)
        or not np.issubdtype(wave.dtype, np.floating)
        or wave.shape != (AUDIO_FRAME_SAMPLES,)
    ):
        message = (
            f"{subject} returned {_kind(wave)}; it must return one float from -1 to 1 "
            f"for each moment: an array of shape ({AUDIO_FRAME_SAMPLES},)."
        )
        raise SourceError(message)
    if not np.isfinite(wave).all():
        message = (
            f"{subject} returned nan or infinity among its samples; "
            "it must return floats from -1 to 1."
        )
        raise SourceError(message)
    return np.round(np.clip(wave, -1, 1) * FULL_SCALE).astype(np.int16)


def _subject(function: Callable[..., object]) -> str:
    return f"The function {getattr(function, '__name__', None) or repr(function)}"


def _complaint(subject: str, raised: Exception) -> str:
    line = _line_in_function(raised)
    return f"{subject} raised {describe(raised)}{line}. Correct it, then join again."


def _line_in_function(raised: Exception) -> str:
    """Say in which line it happened: in a notebook the traceback is out of sight."""
    trace = raised.__traceback__
    inner = inspect.getinnerframes(trace, context=0)[1:] if trace else []
    return f" (line {inner[0].lineno})" if inner else ""


def _kind(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    return "None" if value is None else f"a {type(value).__name__}"
