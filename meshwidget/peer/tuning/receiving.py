"""A receiver whose packets become pictures here, not in aiortc's threads.

aiortc waits, to know that a picture is complete, until the next one begins, has a
thread with a queue for each receiver and decodes whether or not anybody looks. Here
packets come from the :mod:`.demultiplexing`, are put together by a pure
:class:`~meshwidget.peer.assembly.VideoAssembly`, and leave as encoded pictures. What is
asked of the sender (NACK, PLI), what is reported to it and what ``getStats`` counts go
on through aiortc.
"""

from __future__ import annotations

import asyncio
import queue
import struct
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from aiortc import RTCRtpReceiver, rtcrtpreceiver
from aiortc.clock import current_datetime
from aiortc.rtcrtpparameters import RTCRtpReceiveParameters
from aiortc.rtcrtpreceiver import StreamStatistics, TimestampMapper

from ...media.decoder import EncodedFrame
from ...media.vp8 import is_keyframe
from ..assembly import VideoAssembly
from .base import TuningError, is_over, private
from .demultiplexing import demultiplexer

_PREFIX = "_RTCRtpReceiver__"
_QUEUE = _PREFIX + "decoder_queue"
_CODECS = _PREFIX + "codecs"
_REMOTE_STREAMS = _PREFIX + "remote_streams"
_ACTIVE = _PREFIX + "active_ssrc"
_RTX = _PREFIX + "rtx_ssrc"
_MAPPER = _PREFIX + "timestamp_mapper"
_ENABLED = "_enabled"

_HEADER = struct.Struct("!BBHLL")
_ACTIVE_EVERY = 64
"""Packets between two notes of when a source was heard: about a second."""


@dataclass(frozen=True)
class MediaHandlers:
    """What becomes of what a receiver receives; all on the event loop.

    Attributes
    ----------
    on_picture : callable
        Takes every picture that is complete and in order, after a keyframe.
    on_sound : callable
        Takes the payload and the timestamp of every audio packet.
    on_error : callable
        Takes an exception of the other two.
    on_refusal : callable
        Told when the transport, which is known only then, is not what it was: the
        track is aiortc's own, and to be read.
    """

    on_picture: Callable[[EncodedFrame], None]
    on_sound: Callable[[bytes, int], None]
    on_error: Callable[[BaseException], None]
    on_refusal: Callable[[TuningError], None]


def receive_directly(receiver: RTCRtpReceiver, handlers: MediaHandlers) -> DirectStream:
    """Hand over what a receiver receives.

    Must be called before the receiver starts, that is, in the ``track`` event.

    Raises
    ------
    TuningError
    """
    if not hasattr(rtcrtpreceiver, "decoder_worker"):
        raise TuningError("rtcrtpreceiver has no decoder_worker")
    for name in (_CODECS, _REMOTE_STREAMS, _ACTIVE, _RTX):
        private(receiver, name, dict)
    private(receiver, _MAPPER, TimestampMapper)
    for name in ("_send_rtcp_nack", "_send_rtcp_pli"):
        private(receiver, name)
    private(receiver, _QUEUE, queue.Queue)
    private(receiver, _ENABLED, bool)
    stream = DirectStream(receiver, handlers)
    start, stop = receiver.receive, receiver.stop

    async def receive(parameters: RTCRtpReceiveParameters) -> None:
        receiver.receive = start  # type: ignore[method-assign]
        try:
            at_sockets = demultiplexer(receiver.transport)
        except TuningError as error:
            if not is_over(receiver.transport):
                handlers.on_refusal(error)
            await start(parameters)
            return
        setattr(receiver, _QUEUE, _TrackEnd(receiver))
        receiver.stop = end  # type: ignore[method-assign]
        await start(parameters)
        at_sockets.add(receiver, stream)

    async def end() -> None:
        stream.stop()
        await stop()

    receiver.receive = receive  # type: ignore[method-assign]
    return stream


class DirectStream:
    """The packets of one receiver.

    Attributes
    ----------
    bytes_received : int
        Of payloads, repairs included.
    """

    def __init__(self, receiver: RTCRtpReceiver, handlers: MediaHandlers) -> None:
        self._receiver = receiver
        self._handlers = handlers
        self._codecs: dict[int, Any] = getattr(receiver, _CODECS)
        self._formats: dict[int, tuple[bool, int]] = {}
        """Of each payload type: whether it is for repairs, and its clock's rate."""
        self._sources: dict[int, StreamStatistics] = getattr(receiver, _REMOTE_STREAMS)
        self._active: dict[int, Any] = getattr(receiver, _ACTIVE)
        self._repairs: dict[int, int] = getattr(receiver, _RTX)
        self._is_video = receiver.track.kind == "video"
        self._assembly = VideoAssembly()
        self.bytes_received = 0
        self._media_source = 0
        self._arrival = _Arrival()
        self._mapper: TimestampMapper = getattr(receiver, _MAPPER)
        self._feedback: set[asyncio.Task[None]] = set()
        self._stopped = False

    def stop(self) -> None:
        """Take no more: nobody is there whom it could be handed to."""
        self._stopped = True

    @property
    def frames_dropped(self) -> int:
        """Complete pictures that could not be decoded, one before them being lost."""
        return self._assembly.dropped

    def ask_keyframe(self) -> None:
        """Ask the sender for a whole picture (RFC 4585, section 6.3.1)."""
        if self._media_source:
            self._tell(getattr(self._receiver, "_send_rtcp_pli")(self._media_source))

    def take(self, packet: bytes) -> None:
        """Take a decrypted RTP packet (RFC 3550, section 5.1)."""
        first, second, sequence, timestamp, source = _HEADER.unpack_from(packet)
        start = _HEADER.size + 4 * (first & 0x0F)
        if first & 0x10:
            start += 4 + 4 * int.from_bytes(packet[start + 2 : start + 4], "big")
        end = len(packet) - (packet[-1] if first & 0x20 else 0)
        form = self._formats.get(second & 0x7F) or self._format(second & 0x7F)
        if start > end or form is None or self._stopped:
            return
        if not getattr(self._receiver, _ENABLED):
            return  # the direction was changed
        is_repair, rate = form
        self._count(source, sequence, timestamp, rate)
        payload = packet[start:end]
        self.bytes_received += len(payload)
        if is_repair:
            # RFC 4588, section 4: the original's number stands before its payload.
            original = self._repairs.get(source)
            if original is None or len(payload) < 2:
                return
            sequence = int.from_bytes(payload[:2], "big")
            payload = payload[2:]
        else:
            self._media_source = source
        if self._is_video:
            self._take_video(sequence, timestamp, second >= 0x80, payload)
        elif payload:
            self._hand_over(self._handlers.on_sound, payload, timestamp)

    def _take_video(
        self, sequence: int, timestamp: int, marker: bool, payload: bytes
    ) -> None:
        now = time.monotonic()
        assembly = self._assembly
        for stamp, data in assembly.add(sequence, timestamp, marker, payload, now):
            picture = EncodedFrame(data, self._mapper.map(stamp), is_keyframe(data))
            self._hand_over(self._handlers.on_picture, picture)
        if assembly.needs_feedback:
            lost, wants_keyframe = assembly.feedback(now)
            if lost:
                nack = getattr(self._receiver, "_send_rtcp_nack")
                self._tell(nack(self._media_source, lost))
            if wants_keyframe:
                self.ask_keyframe()

    def _hand_over(self, handler: Callable[..., None], *media: Any) -> None:
        try:
            handler(*media)
        except Exception as error:
            self._handlers.on_error(error)

    def _format(self, payload_type: int) -> tuple[bool, int] | None:
        codec = self._codecs.get(payload_type)
        if codec is None:
            return None
        is_repair = codec.name.lower() == "rtx"
        form = self._formats[payload_type] = is_repair, codec.clockRate
        return form

    def _count(self, source: int, sequence: int, timestamp: int, rate: int) -> None:
        """Keep aiortc's books, of which it makes receiver reports and statistics."""
        statistics = self._sources.get(source)
        if statistics is None:
            statistics = self._sources[source] = StreamStatistics(rate)
        self._arrival.sequence_number = sequence
        self._arrival.timestamp = timestamp
        statistics.add(self._arrival)  # type: ignore[arg-type]
        if statistics.packets_received % _ACTIVE_EVERY == 1:
            self._active[source] = current_datetime()

    def _tell(self, sending: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(sending)
        self._feedback.add(task)
        task.add_done_callback(self._feedback.discard)


class _Arrival:
    """As much of a packet as aiortc's statistics look at."""

    __slots__ = ("sequence_number", "timestamp")
    sequence_number: int
    timestamp: int


class _TrackEnd:
    """Stands where a receiver has the queue to its decoder thread."""

    def __init__(self, receiver: RTCRtpReceiver) -> None:
        self._receiver = receiver

    def put(self, task: object) -> None:
        """Take None, at the end, as ``queue.Queue.put`` would; there is no more."""
        if task is None:
            getattr(self._receiver.track, "_queue").put_nowait(None)


_original_worker = getattr(rtcrtpreceiver, "decoder_worker", None)


def _decoder_worker(
    loop: asyncio.AbstractEventLoop,
    input_queue: Any,
    output_queue: Any,
    *arguments: Any,
) -> None:
    """The decoder thread's function: over at once where nothing is decoded."""
    if not isinstance(input_queue, _TrackEnd) and _original_worker is not None:
        _original_worker(loop, input_queue, output_queue, *arguments)


if _original_worker is not None:
    rtcrtpreceiver.decoder_worker = _decoder_worker  # type: ignore[assignment]
