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
from ..media.received import ReceivedAudio, ReceivedVideo
from ..media.sinks import AudioSink, VideoSink
from . import tuning


class Reception:
    """The newest picture and sound of one directed link. Mesh loop only.

    Parameters
    ----------
    local, remote : str
        Who receives, and from whom.
    tuned : bool
        Whether frames are decoded where they arrive and when somebody looks, or always
        and by aiortc's threads.
    on_frame : callable
        ``on_frame(remote, frame)``, for every decoded picture.
    is_followed : callable
        ``is_followed(remote)``: whether every picture is to be decoded.
    log : EventLog
    """

    def __init__(
        self,
        local: str,
        remote: str,
        *,
        tuned: bool,
        on_frame: Callable[[str, av.VideoFrame], None],
        is_followed: Callable[[str], bool],
        log: EventLog,
    ) -> None:
        self.video = (
            ReceivedVideo(self._take_frame, lambda: is_followed(remote))
            if tuned
            else VideoSink(self._take_frame)
        )
        self.audio = ReceivedAudio() if tuned else AudioSink()
        self.kinds: set[str] = set()
        """Of the tracks that were announced."""
        self.streams: dict[str, tuning.DirectStream] = {}
        """What takes the packets, by kind; empty where aiortc does."""
        self._local = local
        self._remote = remote
        self._tuned = tuned
        self._on_frame = on_frame
        self._log = log
        self._has_seen = False
        self._pumps: list[asyncio.Task[None]] = []

    def take(self, receiver: RTCRtpReceiver) -> None:
        """Read a receiver whose track was just announced."""
        # A track that nobody reads grows without bound, so a second one of a kind is
        # read too, and what it brings is thrown away.
        is_first = receiver.track.kind not in self.kinds
        if is_first:
            kind = receiver.track.kind
            self.kinds.add(kind)
            self._log.record(
                TrackReceived, peer=self._local, remote=self._remote, kind=kind
            )
        push: Callable[[Any], None] = _discard
        if is_first:
            push = (
                self.video.push if receiver.track.kind == "video" else self.audio.push
            )

        def receive_plainly() -> None:
            pump = asyncio.create_task(self._pump(receiver.track, push))
            self._pumps.append(pump)

        def refuse(error: tuning.TuningError) -> None:
            skipped(self._log, "receiving", error)
            if is_first:
                self.streams.pop(receiver.track.kind, None)
            if push == self.video.push and isinstance(self.video, ReceivedVideo):
                self.video.ask_keyframe = None  # pictures come decoded
            receive_plainly()

        if not self._tuned:
            receive_plainly()
            return
        try:
            self._receive_directly(receiver, is_first, refuse)
        except tuning.TuningError as error:
            refuse(error)

    def stop(self) -> None:
        """Read no more."""
        for pump in self._pumps:
            pump.cancel()

    def _receive_directly(
        self,
        receiver: RTCRtpReceiver,
        is_first: bool,
        on_refusal: Callable[[tuning.TuningError], None],
    ) -> None:
        assert isinstance(self.video, ReceivedVideo)
        assert isinstance(self.audio, ReceivedAudio)
        handlers = tuning.MediaHandlers(
            on_picture=self.video.push_encoded if is_first else _discard,
            on_sound=self.audio.push_encoded if is_first else _discard,
            on_error=self._fail,
            on_refusal=on_refusal,
        )
        stream = tuning.receive_directly(receiver, handlers)
        if is_first:
            self.streams[receiver.track.kind] = stream
        if is_first and receiver.track.kind == "video":
            self.video.ask_keyframe = stream.ask_keyframe

    async def _pump(self, track: MediaStreamTrack, push: Callable[[Any], None]) -> None:
        try:
            while True:
                push(await track.recv())
        except MediaStreamError:
            return

    def _take_frame(self, frame: av.VideoFrame) -> None:
        if not self._has_seen:
            self._has_seen = True
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


def _discard(*media: object) -> None:
    """Nobody looks at this."""
