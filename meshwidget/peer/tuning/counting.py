"""What aiortc counts and does not tell, or tells in other units than the W3C's.

Its ``getStats`` gives a fraction as a byte, jitter in ticks of a clock, one inbound
stream where there are two (a repair's takes the place of the media's), a round trip
that takes ten seconds to follow a change, and nothing of what receivers ask for. Here
its books are read as they are, and what it does not count is counted as it passes:
RTCP only, a few packets a second. Nothing that it does is changed.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiortc import RTCDtlsTransport, RTCRtpReceiver, RTCRtpSender
from aiortc.rtcrtpreceiver import StreamStatistics, TimestampMapper
from aiortc.rtp import (
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSrPacket,
)

from ...media.formats import CLOCK_RATES
from ...stats.reading import InboundCounts, OutboundCounts, RemoteReport
from .base import private
from .receiving import DirectStream

_RECEIVER = "_RTCRtpReceiver__"
_STREAMS = _RECEIVER + "remote_streams"
_REPAIRS = _RECEIVER + "rtx_ssrc"
_MAPPER = _RECEIVER + "timestamp_mapper"
_NACK = "_send_rtcp_nack"
_PLI = "_send_rtcp_pli"

_SENDER = "_RTCRtpSender__"
_OCTETS = _SENDER + "octet_count"
_PACKETS = _SENDER + "packet_count"
_STAMP = _SENDER + "rtp_timestamp"
_REPORT = _SENDER + "lsr"
_REPORTED_AT = _SENDER + "lsr_time"
_REPAIR_NUMBER = _SENDER + "rtx_sequence_number"
_HANDLE = "_handle_rtcp_packet"
_NEXT = "_next_encoded_frame"

_TRANSPORT = "_RTCDtlsTransport__"
_TX_BYTES = _TRANSPORT + "tx_bytes"
_RX_BYTES = _TRANSPORT + "rx_bytes"

_STAMPS = 1 << 32
_NUMBERS = 1 << 16
_DELAY_UNIT = 1 << 16
"""Of a delay in a report, to the second (RFC 3550, section 6.4.1)."""


def transport_bytes(transport: RTCDtlsTransport) -> tuple[int, int]:
    """How many bytes it has sent and received (``RTCTransportStats``).

    Raises
    ------
    TuningError
    """
    return private(transport, _TX_BYTES, int), private(transport, _RX_BYTES, int)


class ReceiverCounter:
    """What one receiver has received.

    Must be made before the receiver starts, and before others replace what it does.

    Raises
    ------
    TuningError
    """

    def __init__(self, receiver: RTCRtpReceiver) -> None:
        self._receiver = receiver
        self._kind: str = receiver.track.kind
        self._streams: dict[int, StreamStatistics] = private(receiver, _STREAMS, dict)
        self._repairs: dict[int, int] = private(receiver, _REPAIRS, dict)
        self._mapper = private(receiver, _MAPPER, TimestampMapper)
        private(self._mapper, "_origin")
        private(StreamStatistics, "packets_lost", property)
        private(StreamStatistics, "jitter", property)
        self._nacks = self._plis = 0
        nack: Callable[..., Awaitable[None]] = private(receiver, _NACK)
        pli: Callable[..., Awaitable[None]] = private(receiver, _PLI)

        async def send_nack(source: int, lost: list[int]) -> None:
            self._nacks += 1
            await nack(source, lost)

        async def send_pli(source: int) -> None:
            self._plis += 1
            await pli(source)

        setattr(receiver, _NACK, send_nack)
        setattr(receiver, _PLI, send_pli)

    @property
    def origin(self) -> int | None:
        """The RTP timestamp from which the receiver counts; None before it does."""
        origin: int | None = self._mapper._origin
        return None if origin is None else origin % _STAMPS

    def read(self, stream: DirectStream | None) -> InboundCounts | None:
        """The counts so far; None before the first packet.

        Parameters
        ----------
        stream : DirectStream or None
            What takes the packets instead of aiortc, which does not count bytes.
        """
        media = [each for each in self._streams if each not in self._repairs]
        if not media:
            return None
        source = media[-1]  # another one when the sender began anew
        books = self._streams[source]
        repairs = [each for each in self._streams if each in self._repairs]
        return InboundCounts(
            kind=self._kind,
            ssrc=source,
            packets_received=books.packets_received,
            packets_lost=books.packets_lost,
            jitter=books.jitter / CLOCK_RATES[self._kind],
            bytes_received=None if stream is None else stream.bytes_received,
            retransmitted_packets_received=sum(
                self._streams[each].packets_received for each in repairs
            ),
            nack_count=self._nacks,
            pli_count=self._plis,
        )


class SenderCounter:
    """What one sender has sent, and what its receiver said of it.

    Must be made before the sender starts.

    Attributes
    ----------
    origin : int or None
        What it adds to its track's timestamps to make RTP's (RFC 3550, section 5.1);
        None until a second frame was sent.

    Raises
    ------
    TuningError
    """

    def __init__(self, sender: RTCRtpSender) -> None:
        for name in (_OCTETS, _PACKETS, _STAMP):
            private(sender, name, int)
        for name in (_REPORT, _REPORTED_AT):
            private(sender, name, (int, float, type(None)))
        self._sender = sender
        self._source: int = private(sender, "_ssrc", int)
        self._repair_number: int = private(sender, _REPAIR_NUMBER, int)
        self._repairs = 0
        self._nacks = self._plis = self._firs = 0
        self._remote: RemoteReport | None = None
        self.origin: int | None = None
        self._listen(private(sender, _HANDLE))
        self._find_origin(private(sender, _NEXT))

    def read(self) -> OutboundCounts:
        """The counts so far."""
        sender = self._sender
        number: int = getattr(sender, _REPAIR_NUMBER)
        self._repairs += (number - self._repair_number) % _NUMBERS
        self._repair_number = number
        return OutboundCounts(
            kind=sender.kind,
            ssrc=self._source,
            packets_sent=getattr(sender, _PACKETS),
            bytes_sent=getattr(sender, _OCTETS),
            retransmitted_packets_sent=self._repairs,
            nack_count=self._nacks,
            pli_count=self._plis,
            fir_count=self._firs,
            remote=self._remote,
        )

    def _listen(self, handle: Callable[[Any], Awaitable[None]]) -> None:
        async def handle_rtcp_packet(packet: Any) -> None:
            if isinstance(packet, RtcpRrPacket | RtcpSrPacket):
                for report in packet.reports:
                    if report.ssrc == self._source:
                        self._note(report)
            elif isinstance(packet, RtcpRtpfbPacket):
                self._nacks += packet.fmt == RTCP_RTPFB_NACK
            elif isinstance(packet, RtcpPsfbPacket):
                self._plis += packet.fmt == RTCP_PSFB_PLI
                self._firs += packet.fmt == RTCP_PSFB_FIR
            await handle(packet)

        setattr(self._sender, _HANDLE, handle_rtcp_packet)

    def _note(self, report: RtcpReceiverInfo) -> None:
        before = self._remote
        newest = before.round_trip_time if before else None
        total = before.total_round_trip_time if before else 0.0
        measurements = before.round_trip_time_measurements if before else 0
        if report.lsr and report.lsr == getattr(self._sender, _REPORT):
            elapsed = time.time() - getattr(self._sender, _REPORTED_AT)
            # A little below zero on the same machine: the delay is rounded.
            newest = max(0.0, elapsed - report.dlsr / _DELAY_UNIT)
            total += newest
            measurements += 1
        self._remote = RemoteReport(
            fraction_lost=report.fraction_lost / 256,
            packets_lost=report.packets_lost,
            jitter=report.jitter / CLOCK_RATES[self._sender.kind],
            round_trip_time=newest,
            total_round_trip_time=total,
            round_trip_time_measurements=measurements,
        )

    def _find_origin(self, next_frame: Callable[[Any], Awaitable[Any]]) -> None:
        """Of a sender that is left to itself: its origin is a local variable.

        When it comes for its next frame, the one before has been sent whole.
        """
        sent: int | None = None

        async def next_encoded_frame(codec: Any) -> Any:
            nonlocal sent
            if sent is not None:
                self.origin = (getattr(self._sender, _STAMP) - sent) % _STAMPS
                delattr(self._sender, _NEXT)  # once is enough
            frame = await next_frame(codec)
            if frame is not None:
                sent = frame.timestamp
            return frame

        setattr(self._sender, _NEXT, next_encoded_frame)
