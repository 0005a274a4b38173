"""Pictures that say when they were made, and how old they are when they arrive.

The strip of the test pattern counts whole milliseconds from when a picture was due. A
tuned call is faster than that, so the strip of these pictures counts tenths of a
millisecond from when the picture was really made. Sender and receiver share a clock
because they share a process.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import av

from ..media.base import VideoSource
from ..media.formats import VIDEO_CLOCK_RATE, VIDEO_FRAME_RATE, VIDEO_TIME_BASE
from ..media.mark import (
    DAY_MILLISECONDS,
    STRIP_HEIGHT,
    PatternMark,
    name_checksum,
    read_strip,
    strip_luma,
)
from ..media.pace import Schedule
from ..media.pattern import PatternPainter
from ..media.planes import Planes

TENTHS = 10_000
"""A second."""
WRAP = DAY_MILLISECONDS
"""Tenths; then the strip's clock begins again, every 2.4 hours."""
READ_EVERY = 5
"""Of so many frames one is asked for its age."""


def stamp(frame: av.VideoFrame, number: int, checksum: int, now: float) -> None:
    """Write into a picture's strip whose it is and that it is made now.

    Parameters
    ----------
    frame : av.VideoFrame
        ``yuv420p``, 240x240; written into.
    number, checksum : int
        Of the sender; see :class:`~meshwidget.media.mark.PatternMark`.
    now : float
        Seconds, on any clock that the reader has too.
    """
    mark = PatternMark(number, checksum, int(now * TENTHS) % WRAP)
    Planes.from_frame(frame).luma[-STRIP_HEIGHT:] = strip_luma(mark)


def age(mark: PatternMark, now: float) -> float:
    """Milliseconds since the picture was made, up to 0.1 too many."""
    return (now * TENTHS - mark.milliseconds) % WRAP / 10


class StampedPattern(VideoSource):
    """The test pattern, with a stamp.

    Parameters
    ----------
    name : str
    number : int
        How many joined before.
    """

    def __init__(self, name: str, number: int) -> None:
        self._number = number
        self._checksum = name_checksum(name)
        self._painter = PatternPainter(name, number)
        self._is_open = False

    async def open(self) -> None:
        """Be ready: everything is drawn."""
        self._is_open = True

    async def frames(self) -> AsyncIterator[av.VideoFrame]:
        """Give the pictures; see :meth:`VideoSource.frames`."""
        loop = asyncio.get_running_loop()
        schedule = Schedule(loop.time(), VIDEO_FRAME_RATE)
        while True:
            index, due = schedule.next(loop.time())
            await asyncio.sleep(due - loop.time())
            if not self._is_open:
                return
            frame = self.picture()
            frame.pts = index * VIDEO_CLOCK_RATE // VIDEO_FRAME_RATE
            frame.time_base = VIDEO_TIME_BASE
            yield frame

    def picture(self) -> av.VideoFrame:
        """The picture as of now, without a ``pts``."""
        made = time.monotonic()
        frame = self._painter.paint(time.time())
        stamp(frame, self._number, self._checksum, made)
        return frame

    async def close(self) -> None:
        """Stop: the iteration ends within a frame."""
        self._is_open = False


class LinkMeter:
    """Counts the frames of one directed link and reads the age of some.

    Written on the mesh's thread, read from any.

    Parameters
    ----------
    remote : str
        Whose pictures they have to be.
    clock : callable
        The one that they were stamped by, in seconds.
    """

    def __init__(
        self, remote: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.frames = 0
        self.ages: list[float] = []
        """In milliseconds, of the pictures that could say it."""
        self.stamps = 0
        self.strange = 0
        """Pictures of somebody else."""
        self._checksum = name_checksum(remote)
        self._clock = clock

    def take(self, frame: av.VideoFrame) -> None:
        """Count one more frame, for :meth:`meshwidget.Peer.on_frame`."""
        self.frames += 1
        if self.frames % READ_EVERY == 0:
            self.read(frame)

    def read(self, frame: av.VideoFrame) -> None:
        """Note the age of this frame."""
        now = self._clock()
        self.stamps += 1
        mark = read_strip(Planes.from_frame(frame).luma[-STRIP_HEIGHT:])
        if mark is None:
            return
        if mark.name_checksum != self._checksum:
            self.strange += 1
        self.ages.append(age(mark, now))
