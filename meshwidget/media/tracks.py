"""aiortc tracks of the user's as sources.

A track's ``recv()`` is a coroutine and runs on the mesh loop, as it would in any aiortc
program; if it blocks, the call waits for it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from ..errors import SourceError
from .base import AudioSource, VideoSource
from .fit import fit
from .formats import VIDEO_CLOCK_RATE, VIDEO_FRAME_RATE, VIDEO_TIME_BASE
from .pace import SlotFilter
from .soundtrack import Soundtrack
from .threaded import describe

LARGEST_LEAD = 0.5
"""Seconds that a track may be ahead of the clock. Farther ahead it is held back: it
does not wait between its frames as it should."""
LARGEST_STEP = 10.0
"""Seconds. Timestamps that jump farther, or backwards, are taken for damage."""

LARGEST_INLINE = 640 * 480
"""Pixels of a picture that is fitted on the loop itself: it takes 0.04 to 0.4 ms.
A thread would have to wait for its turn beside a busy loop, and the picture with it."""

FrameType = TypeVar("FrameType", av.VideoFrame, av.AudioFrame)


class TrackVideo(VideoSource):
    """The pictures of a video track, at most 30 a second.

    Parameters
    ----------
    track : aiortc.MediaStreamTrack
        Stopped when the source is closed.
    """

    def __init__(self, track: MediaStreamTrack) -> None:
        self._receiver = _Receiver(track, "video", av.VideoFrame)
        self._scaler: ThreadPoolExecutor | None = None

    async def open(self) -> None:
        """Check that the track is live and has pictures; receives nothing yet."""
        self._receiver.open()
        self._scaler = ThreadPoolExecutor(1, "meshwidget scaler")

    async def frames(self) -> AsyncIterator[av.VideoFrame]:
        """Give the pictures; see :meth:`VideoSource.frames`."""
        loop = asyncio.get_running_loop()
        clock = _TrackClock()
        slots = SlotFilter()
        async for frame in self._receiver.frames():
            seconds = clock.place(frame, 1 / VIDEO_FRAME_RATE)
            await clock.hold_back(loop.time, seconds)
            if self._scaler is None:
                return
            if slots.accepts(seconds):
                if frame.width * frame.height <= LARGEST_INLINE:
                    fitted = fit(frame)
                else:
                    fitted = await loop.run_in_executor(self._scaler, fit, frame)
                fitted.pts = round(seconds * VIDEO_CLOCK_RATE)
                fitted.time_base = VIDEO_TIME_BASE
                yield fitted

    async def close(self) -> None:
        """Stop the track."""
        self._receiver.close()
        if self._scaler is not None:
            self._scaler.shutdown(wait=False)
            self._scaler = None


class TrackAudio(AudioSource):
    """The sound of an audio track.

    Parameters
    ----------
    track : aiortc.MediaStreamTrack
        Stopped when the source is closed.
    """

    def __init__(self, track: MediaStreamTrack) -> None:
        self._receiver = _Receiver(track, "audio", av.AudioFrame)

    async def open(self) -> None:
        """Check that the track is live and has sound; receives nothing yet."""
        self._receiver.open()

    async def frames(self) -> AsyncIterator[av.AudioFrame]:
        """Give the sound; see :meth:`AudioSource.frames`."""
        loop = asyncio.get_running_loop()
        clock = _TrackClock()
        soundtrack = Soundtrack()
        async for frame in self._receiver.frames():
            seconds = clock.place(frame, frame.samples / frame.sample_rate)
            await clock.hold_back(loop.time, seconds)
            for piece in soundtrack.add(frame, seconds):
                yield piece

    async def close(self) -> None:
        """Stop the track."""
        self._receiver.close()


class _Receiver(Generic[FrameType]):
    """Calls a track's ``recv()`` until it ends, is closed, or gives something else."""

    def __init__(
        self, track: MediaStreamTrack, kind: str, frame_type: type[FrameType]
    ) -> None:
        self._track = track
        self._kind = kind
        self._frame_type: type[FrameType] = frame_type
        self._subject = f"The track {type(track).__name__}"
        self._receiving: asyncio.Future[Any] | None = None
        self._closed = False

    def open(self) -> None:
        if self._track.kind != self._kind:
            message = (
                f"{self._subject} is an {self._track.kind} track. "
                f"Give it as {self._track.kind}=, not {self._kind}=."
            )
            raise SourceError(message)
        if self._track.readyState != "live":
            message = (
                f"{self._subject} has ended already: a track is stopped when its peer "
                "leaves. Give a new one."
            )
            raise SourceError(message)

    async def frames(self) -> AsyncIterator[FrameType]:
        while not self._closed:
            try:
                received = await self._receive()
            except MediaStreamError:
                return
            except Exception as raised:
                message = (
                    f"{self._subject} raised {describe(raised)} in recv(). "
                    "Correct it, then join again."
                )
                raise SourceError(message) from raised
            if not isinstance(received, self._frame_type):
                message = (
                    f"{self._subject} gave a {type(received).__name__} from recv(); "
                    f"it must give an av.{self._frame_type.__name__}."
                )
                raise SourceError(message)
            yield received

    async def _receive(self) -> object:
        self._receiving = asyncio.ensure_future(self._track.recv())
        try:
            # Not awaited itself, so that its cancelling by close() is not ours.
            await asyncio.wait({self._receiving})
        finally:
            self._receiving.cancel()
        if self._closed:
            raise MediaStreamError
        return self._receiving.result()

    def close(self) -> None:
        self._closed = True
        if self._receiving is not None:
            self._receiving.cancel()
        self._track.stop()


class _TrackClock:
    """The place of each frame of a track on a timeline from 0, always growing."""

    def __init__(self) -> None:
        self._offset: float | None = None
        self._next = 0.0
        self._newest = -1.0
        self._started: float | None = None

    def place(self, frame: av.VideoFrame | av.AudioFrame, duration: float) -> float:
        """Return where a frame goes, in seconds.

        By its own time as long as that moves on; otherwise right after the last one.
        """
        seconds = self._next
        if frame.time is not None:
            if self._offset is None:
                self._offset = frame.time
            own = frame.time - self._offset
            if self._newest < own <= self._next + LARGEST_STEP:
                seconds = own
            else:
                self._offset = frame.time - seconds
        self._newest = seconds
        self._next = seconds + duration
        return seconds

    async def hold_back(self, now: Callable[[], float], seconds: float) -> None:
        """Wait while the frame at ``seconds`` is much too early."""
        if self._started is None:
            self._started = now() - seconds
        lead = seconds - (now() - self._started)
        # At least one turn of the loop, for a recv() that never waits.
        await asyncio.sleep(max(0.0, lead - LARGEST_LEAD))
