"""Frames leave a receiver on the marker bit, and are decoded where they arrive."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any

import av
from aiortc import RTCRtpReceiver, rtcrtpreceiver
from aiortc.codecs import get_decoder
from aiortc.jitterbuffer import JitterBuffer, JitterFrame
from aiortc.rtcrtpreceiver import TimestampMapper
from aiortc.rtp import RtpPacket

from .base import TuningError

_QUEUE = "_RTCRtpReceiver__decoder_queue"
_BUFFER = "_RTCRtpReceiver__jitter_buffer"
_MAPPER = "_RTCRtpReceiver__timestamp_mapper"
_ERROR = "_RTCRtpReceiver__decoder_error"


def decode_inline(
    receiver: RTCRtpReceiver,
    on_frame: Callable[[Any], None],
    on_error: Callable[[BaseException], None],
) -> None:
    """Decode on the event loop, when a frame is complete, and call back with it.

    aiortc has a thread with a queue for each receiver and waits, to know that a picture
    is complete, until the next one begins. Here a picture is complete with its last
    packet, which RTP marks (RFC 7741, section 4.1), and is decoded at once.

    Must be called before the receiver starts, that is, in the ``track`` event.

    Raises
    ------
    TuningError
    """
    if not isinstance(getattr(receiver, _QUEUE, None), queue.Queue):
        raise TuningError(f"RTCRtpReceiver has no {_QUEUE}")
    if not isinstance(getattr(receiver, _ERROR, None), threading.Event):
        raise TuningError(f"RTCRtpReceiver has no {_ERROR}")
    if type(getattr(receiver, _BUFFER, None)) is not JitterBuffer:
        raise TuningError(f"RTCRtpReceiver has no {_BUFFER}")
    if not hasattr(rtcrtpreceiver, "decoder_worker"):
        raise TuningError("rtcrtpreceiver has no decoder_worker")
    if not isinstance(getattr(receiver, _MAPPER, None), TimestampMapper):
        raise TuningError(f"RTCRtpReceiver has no {_MAPPER}")
    buffer: JitterBuffer
    if receiver.track.kind == "video":
        buffer = _MarkerJitterBuffer(capacity=512, is_video=True)
    else:
        # Four packets of patience cost 80 ms; nobody plays this sound.
        buffer = JitterBuffer(capacity=16, prefetch=0)
    setattr(receiver, _BUFFER, buffer)
    setattr(receiver, _QUEUE, _InlineDecoder(receiver, buffer, on_frame, on_error))


class _InlineDecoder:
    """Stands where a receiver has the queue to its decoder thread."""

    def __init__(
        self,
        receiver: RTCRtpReceiver,
        buffer: JitterBuffer,
        on_frame: Callable[[Any], None],
        on_error: Callable[[BaseException], None],
    ) -> None:
        self._receiver = receiver
        self._buffer = buffer
        self._mapper: TimestampMapper = getattr(receiver, _MAPPER)
        self._failed: threading.Event = getattr(receiver, _ERROR)
        self._on_frame = on_frame
        self._on_error = on_error
        self._codec: str | None = None
        self._decoder: Any = None

    def put(self, task: tuple[Any, JitterFrame] | None) -> None:
        """Take a frame, or None at the end, as ``queue.Queue.put`` would."""
        if task is None:
            self._decoder = None
            # Ends the track, as the thread would.
            getattr(self._receiver.track, "_queue").put_nowait(None)
            return
        codec, encoded = task
        if codec.name != self._codec:
            self._codec, self._decoder = codec.name, get_decoder(codec)
        self._decode(encoded)
        if isinstance(self._buffer, _MarkerJitterBuffer):
            # A packet that comes late completes more than one picture. aiortc takes one
            # out for each packet, and would lag behind for ever after.
            while (late := self._buffer.take_complete()) is not None:
                late.timestamp = self._mapper.map(late.timestamp)
                self._decode(late)

    def _decode(self, encoded: JitterFrame) -> None:
        try:
            frames = self._decoder.decode(encoded)
        except av.FFmpegError:
            self._failed.set()  # aiortc asks for a keyframe
            return
        for frame in frames:
            try:
                self._on_frame(frame)
            except Exception as error:
                self._on_error(error)


class _MarkerJitterBuffer(JitterBuffer):
    """Gives a picture out with its last packet instead of with the next one's first."""

    def _remove_frame(self, sequence_number: int) -> JitterFrame | None:
        return self.take_complete()

    def take_complete(self) -> JitterFrame | None:
        """The next picture in order, if all of its packets are here."""
        payloads: list[bytes] = []
        timestamp: int | None = None
        origin = self._origin or 0
        for offset in range(self._capacity):
            packet = self._packets[(origin + offset) % self._capacity]
            if packet is None:
                return None
            if timestamp is None:
                timestamp = packet.timestamp
            elif packet.timestamp != timestamp:
                # The marker is missing: the next picture's first packet ends this one.
                return self._take(offset, payloads, timestamp)
            payloads.append(getattr(packet, "_data"))
            if packet.marker:
                return self._take(offset + 1, payloads, timestamp)
        return None

    def smart_remove(self, count: int) -> bool:
        """Make room by as many packets at least, up to where a picture begins.

        After a gap nobody knows whether the next packet is the first of its picture, so
        it goes too; aiortc's own keeps it, and gives out half a picture.
        """
        previous: RtpPacket | None = None
        for removed in range(self._capacity):
            packet = self._packets[(self._origin or 0) % self._capacity]
            is_start = (
                packet is not None
                and previous is not None
                and packet.timestamp != previous.timestamp
            )
            if removed >= count and is_start:
                return False
            self.remove(1)
            previous = packet
        return True

    def _take(self, count: int, payloads: list[bytes], timestamp: int) -> JitterFrame:
        self.remove(count)
        return JitterFrame(data=b"".join(payloads), timestamp=timestamp)


_original_worker = getattr(rtcrtpreceiver, "decoder_worker", None)


def _decoder_worker(
    loop: asyncio.AbstractEventLoop,
    input_queue: Any,
    output_queue: Any,
    *arguments: Any,
) -> None:
    """The decoder thread's function: over at once where decoding is inline."""
    if not isinstance(input_queue, _InlineDecoder) and _original_worker is not None:
        _original_worker(loop, input_queue, output_queue, *arguments)


if _original_worker is not None:
    rtcrtpreceiver.decoder_worker = _decoder_worker  # type: ignore[assignment]
