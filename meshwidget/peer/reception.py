"""What one connection receives: from aiortc's receivers to the sinks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import av
from aiortc import MediaStreamTrack, RTCRtpReceiver
from aiortc.mediastreams import MediaStreamError

from ..events import FrameReceived, TaskFailed, TrackReceived, TuningSkipped
from ..log import EventLog
from ..media.sinks import AudioSink, VideoSink
from . import tuning


class Reception:
    """The newest picture and sound of one directed link. Mesh loop only.

    Parameters
    ----------
    local, remote : str
        Who receives, and from whom.
    tuned : bool
        Whether frames are decoded where they arrive, or by aiortc's threads.
    on_frame : callable
        ``on_frame(remote, frame)``, for every picture.
    log : EventLog
    """

    def __init__(
        self,
        local: str,
        remote: str,
        *,
        tuned: bool,
        on_frame: Callable[[str, av.VideoFrame], None],
        log: EventLog,
    ) -> None:
        self.video = VideoSink(self._take_frame)
        self.audio = AudioSink()
        self.kinds: set[str] = set()
        """Of the tracks that were announced."""
        self._local = local
        self._remote = remote
        self._tuned = tuned
        self._on_frame = on_frame
        self._log = log
        self._pumps: list[asyncio.Task[None]] = []

    def take(self, receiver: RTCRtpReceiver) -> None:
        """Read a receiver whose track was just announced."""
        push = self._sink_for(receiver.track)
        if self._tuned:
            try:
                tuning.decode_inline(receiver, push, self._fail)
            except tuning.TuningError as error:
                skipped(self._log, "decoding", error)
            else:
                return
        self._pumps.append(asyncio.create_task(self._pump(receiver.track, push)))

    def stop(self) -> None:
        """Read no more."""
        for pump in self._pumps:
            pump.cancel()

    def _sink_for(self, track: MediaStreamTrack) -> Callable[[Any], None]:
        if track.kind in self.kinds:
            # A track that nobody reads grows without bound, so a second one of a kind
            # is read too, and what it brings is thrown away.
            return _discard
        self.kinds.add(track.kind)
        self._log.record(
            TrackReceived, peer=self._local, remote=self._remote, kind=track.kind
        )
        return self.video.push if track.kind == "video" else self.audio.push

    async def _pump(self, track: MediaStreamTrack, push: Callable[[Any], None]) -> None:
        try:
            while True:
                push(await track.recv())
        except MediaStreamError:
            return

    def _take_frame(self, frame: av.VideoFrame) -> None:
        if self.video.count == 1:
            self._log.record(FrameReceived, peer=self._local, remote=self._remote)
        self._on_frame(self._remote, frame)

    def _fail(self, error: BaseException) -> None:
        where = f"receiving {self._remote}'s media at {self._local}"
        message = f"{type(error).__name__}: {error}"
        self._log.record(TaskFailed, where=where, message=message)


def skipped(log: EventLog, what: str, error: tuning.TuningError) -> None:
    """Say once in a log that a faster path does not fit this aiortc."""
    if not log.of(TuningSkipped, what=what):
        log.record(TuningSkipped, what=what, reason=str(error))


def _discard(frame: object) -> None:
    """Nobody looks at this."""
