"""Where received frames end: the newest picture and the level of the sound.

A sink is written on the mesh loop and may be read from any thread: it only ever
replaces one immutable value by another.
"""

from __future__ import annotations

import itertools
import math
import time
from collections import deque
from collections.abc import Callable
from itertools import islice

import av
import numpy as np
import simplejpeg  # type: ignore[import-untyped]
from numpy.typing import NDArray

from .decoder import EncodedFrame
from .planes import Planes

SILENCE = -127.0
"""dBov. The lowest level that RFC 6464, section 3, can express."""

STALE_SECONDS = 1.0
"""A picture or level older than this says nothing about now."""

_PAUSE_SECONDS = 0.2

_versions = itertools.count(1)

Release = Callable[[], None]
"""Ends a subscription; harmless the second time."""

JPEG_QUALITY = 80


class VideoSink:
    """The newest frame of one directed link, or of a source, and how fast they come.

    Parameters
    ----------
    on_frame : callable or None
        Called with every frame, on the mesh loop.

    Attributes
    ----------
    frame : av.VideoFrame or None
        The newest, yuv420p in limited range; None before the first.
    count : int
        Pictures that have come so far.
    decoded : int
        Frames that were shown so far.
    version : int
        Another one for each picture of any sink; 0 before the first.
    full_rate : float
        Frames a second that are pushed here when nothing holds them up: by the least
        time between two, in the frames' own clock. 0 before the second.
    """

    def __init__(self, on_frame: Callable[[av.VideoFrame], None] | None = None) -> None:
        self.frame: av.VideoFrame | None = None
        self.count = 0
        self.decoded = 0
        self.version = 0
        self.full_rate = 0.0
        self._pushed: float | None = None
        self._on_frame = on_frame
        self._arrivals: deque[float] = deque(maxlen=128)
        self._timestamps: deque[int] = deque(maxlen=128)
        self._jpeg: tuple[av.VideoFrame, bytes] | None = None

    def push(self, frame: av.VideoFrame) -> None:
        """Take the next frame."""
        self._note_arrival(time.monotonic(), frame.pts or 0)
        if frame.time is not None:
            if self._pushed is not None and frame.time > self._pushed:
                rate = 1 / (frame.time - self._pushed)
                self.full_rate = max(self.full_rate, rate)
            self._pushed = frame.time
        self._show(frame)

    def look(self) -> None:
        """Somebody looks: the newest frame is to be had. From any thread."""

    def tap(self, listener: Callable[[EncodedFrame], None]) -> Release | None:
        """Hear of encoded pictures instead of frames; None where there are none."""
        return None

    def request_keyframe(self) -> None:
        """Have a whole picture come soon, for who listens by :meth:`tap`."""

    @property
    def arrived(self) -> float | None:
        """When the newest frame came, on ``time.monotonic()``'s clock."""
        return self._arrivals[-1] if self._arrivals else None

    @property
    def frame_rate(self) -> float:
        """Frames a second, over the last one."""
        now = time.monotonic()
        arrivals = [each for each in list(self._arrivals) if each > now - 1]
        seconds = arrivals[-1] - arrivals[0] if arrivals else 0.0
        if seconds < _PAUSE_SECONDS or now - arrivals[-1] > _PAUSE_SECONDS:
            return float(len(arrivals))  # it has just begun, or stopped
        # By the time between them: a count would jump by one all the time.
        return (len(arrivals) - 1) / seconds

    def arrivals(self, since: float, limit: int) -> list[tuple[int, float]]:
        """Timestamp, 90 kHz, and time of the newest pictures. Mesh loop only.

        Parameters
        ----------
        since : float
            On ``time.monotonic()``'s clock, like the times.
        limit : int
            How many at most.
        """
        newest = zip(reversed(self._timestamps), reversed(self._arrivals), strict=True)
        return [pair for pair in islice(newest, limit) if pair[1] > since]

    def rgb(self) -> NDArray[np.uint8] | None:
        """The newest frame as an array of shape (H, W, 3), uint8, RGB, or None."""
        self.look()
        frame = self.frame
        return (
            None
            if frame is None
            else np.asarray(frame.to_ndarray(format="rgb24", threads=1), np.uint8)
        )

    def jpeg(self) -> bytes | None:
        """The newest frame as a JPEG file, encoded once however often it is asked."""
        self.look()
        frame = self.frame
        if frame is None:
            return None
        cached = self._jpeg
        if cached is not None and cached[0] is frame:
            return cached[1]
        encoded = encode_jpeg(frame)
        self._jpeg = (frame, encoded)
        return encoded

    def _note_arrival(self, now: float, timestamp: int) -> None:
        self.count += 1
        self._arrivals.append(now)
        self._timestamps.append(timestamp)

    def _show(self, frame: av.VideoFrame) -> None:
        self.frame = frame
        self.decoded += 1
        self.version = next(_versions)
        if self._on_frame is not None:
            self._on_frame(frame)


class AudioSink:
    """The level of the newest sound of one directed link."""

    def __init__(self) -> None:
        self.count = 0
        self._frame: av.AudioFrame | None = None
        self._arrived = -math.inf

    def push(self, frame: av.AudioFrame) -> None:
        """Take the next 20 ms."""
        self.count += 1
        self._hear(frame, time.monotonic())

    def look(self) -> None:
        """Somebody wants to know the level. From any thread."""

    @property
    def level(self) -> float:
        """dBov, 0 the loudest, -127 silence (RFC 6464, section 3)."""
        self.look()
        frame = self._frame
        if frame is None or time.monotonic() - self._arrived > STALE_SECONDS:
            return SILENCE
        return level_of(frame)

    def _hear(self, frame: av.AudioFrame, now: float) -> None:
        self._frame = frame
        self._arrived = now


def level_of(frame: av.AudioFrame) -> float:
    """The level of a signed 16-bit frame in dBov: the RMS against full scale."""
    samples = frame.to_ndarray().astype(np.float32)
    power = float(np.mean(np.square(samples))) / 32768**2
    return max(SILENCE, 10 * math.log10(power)) if power > 0 else SILENCE


def encode_jpeg(frame: av.VideoFrame) -> bytes:
    """A JPEG from the YUV planes, without a detour through RGB.

    Video has luma from 16 to 235; JFIF wants 0 to 255, so the range is stretched.
    """
    if frame.format.name != "yuv420p" or frame.width % 2 or frame.height % 2:
        frame = frame.reformat(
            width=frame.width & ~1,
            height=frame.height & ~1,
            format="yuv420p",
            threads=1,
        )
    planes = Planes.from_frame(frame)
    encoded: bytes = simplejpeg.encode_jpeg_yuv_planes(
        _FULL_RANGE_LUMA[planes.luma],
        _FULL_RANGE_CHROMA[planes.blue],
        _FULL_RANGE_CHROMA[planes.red],
        quality=JPEG_QUALITY,
    )
    return encoded


def _stretched(low: int, high: int, centre: int) -> NDArray[np.uint8]:
    values = np.arange(256, dtype=np.float64)
    stretched = (values - centre) * 255 / (high - low) + (0 if centre == low else 128)
    return np.clip(np.rint(stretched), 0, 255).astype(np.uint8)


_FULL_RANGE_LUMA = _stretched(16, 235, centre=16)
_FULL_RANGE_CHROMA = _stretched(16, 240, centre=128)
