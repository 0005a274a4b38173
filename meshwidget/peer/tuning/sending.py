"""A sender whose packets go out the moment they are made.

aiortc's has a task that awaits its track, packs what it gets into objects, and awaits
four coroutines for each packet. Here a track that is encoded once hands its payloads to
:class:`_DirectSender`, which writes header, SRTP and datagram in one go.
Retransmission, sender reports and ``getStats`` go on through aiortc, whose books are
kept.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
import time
import weakref
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pylibsrtp
from aiortc import RTCRtpSender
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTP_HISTORY_SIZE,
    HeaderExtensions,
    HeaderExtensionsMap,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpSrPacket,
    RtpPacket,
    unpack_remb_fci,
)

from .base import TuningError, is_over, private
from .srtp import protector

_KEYFRAME = "_send_keyframe"
_HANDLE = "_handle_rtcp_packet"
_RUN = "_run_rtp"
_RETRANSMIT = "_retransmit"

_ENABLED = "_enabled"

_PREFIX = "_RTCRtpSender__"
_STARTED = _PREFIX + "rtp_started"
_EXITED = _PREFIX + "rtp_exited"
_EXTENSIONS = _PREFIX + "rtp_header_extensions_map"
_MID = _PREFIX + "mid"
_HISTORY = _PREFIX + "rtp_history"
_NTP = _PREFIX + "ntp_timestamp"
_RTP = _PREFIX + "rtp_timestamp"
_OCTETS = _PREFIX + "octet_count"
_PACKETS = _PREFIX + "packet_count"
_TX_BYTES = "_RTCDtlsTransport__tx_bytes"
_TX_PACKETS = "_RTCDtlsTransport__tx_packets"

_HEADER = struct.Struct("!BBHLL")
_EXTENSION_HEADER = struct.Struct("!HH")
_NTP_EPOCH = 2_208_988_800
"""Seconds from 1900, where NTP begins, to 1970."""

_COMPONENT = 1
"""Of ICE; RTCP is multiplexed (RFC 8834, section 4.5)."""


class PayloadTrack(Protocol):
    """A track that has finished payloads to give."""

    def divert(self, send: Callable[[Sequence[bytes], int], None] | None) -> None:
        """Give ``send(payloads, timestamp)`` each frame instead of ``recv()``."""

    def stop(self) -> None:
        """Give no more."""


@dataclass(frozen=True)
class SenderFeedback:
    """What a receiver says about what it gets.

    Attributes
    ----------
    on_keyframe_request : callable
        It cannot decode without a keyframe: PLI or FIR (RFC 4585, RFC 5104).
    on_loss : callable
        Takes the fraction of packets lost since the last report, 0 to 1 (RFC 3550).
    on_bitrate : callable
        Takes the most that it estimates the path to carry, bits a second (REMB).
    """

    on_keyframe_request: Callable[[], None]
    on_loss: Callable[[float], None]
    on_bitrate: Callable[[int], None]


def listen_to_feedback(sender: RTCRtpSender, feedback: SenderFeedback) -> None:
    """Hear what the receiver asks for and reports.

    aiortc notes it for its own encoder, which a track of packets has not.

    Raises
    ------
    TuningError
    """
    private(sender, _KEYFRAME)
    source = private(sender, "_ssrc", int)
    handle: Callable[[Any], Awaitable[None]] = private(sender, _HANDLE)

    async def handle_rtcp_packet(packet: Any) -> None:
        if isinstance(packet, RtcpRrPacket | RtcpSrPacket):
            for report in packet.reports:
                if report.ssrc == source:
                    feedback.on_loss(report.fraction_lost / 256)
        elif isinstance(packet, RtcpPsfbPacket) and packet.fmt == RTCP_PSFB_APP:
            try:
                bitrate, sources = unpack_remb_fci(packet.fci)
            except ValueError:
                return
            if source in sources:
                feedback.on_bitrate(bitrate)
        await handle(packet)

    setattr(sender, _KEYFRAME, feedback.on_keyframe_request)
    setattr(sender, _HANDLE, handle_rtcp_packet)


def send_directly(
    sender: RTCRtpSender,
    track: PayloadTrack,
    *,
    on_origin: Callable[[int], None],
    on_refusal: Callable[[TuningError], None],
) -> None:
    """Send what the track gives without a detour through tasks.

    Must be called before the sender starts.

    Parameters
    ----------
    sender : RTCRtpSender
    track : PayloadTrack
        The sender's own.
    on_origin : callable
        Told what is added to the track's timestamps to make RTP's, when it starts.
    on_refusal : callable
        Told when something, of which much is there only when the sender starts, is not
        what it was: aiortc sends, then.

    Raises
    ------
    TuningError
    """
    run_plainly: Callable[[Any], Awaitable[None]] = private(sender, _RUN)

    async def run_rtp(codec: RTCRtpCodecParameters) -> None:
        try:
            direct = _DirectSender(sender, codec.payloadType or 0)
        except TuningError as error:
            if not is_over(sender.transport):
                on_refusal(error)
            await run_plainly(codec)
            return
        getattr(sender, _STARTED).set()
        setattr(sender, _RETRANSMIT, direct.retransmit)
        on_origin(direct.timestamp_origin)
        transport = sender.transport
        transport.on("statechange", direct.follow_transport)
        try:
            track.divert(direct.send)
            await direct.ended
        except asyncio.CancelledError:
            pass  # the sender stops
        finally:
            transport.remove_listener("statechange", direct.follow_transport)
            track.divert(None)
            track.stop()
            sender.replaceTrack(None)
            getattr(sender, _EXITED).set()

    setattr(sender, _RUN, run_rtp)


class _DirectSender:
    """The RTP of one sender (RFC 3550, section 5.1)."""

    def __init__(self, sender: RTCRtpSender, payload_type: int) -> None:
        transport: Any = sender.transport
        for name in (_STARTED, _EXITED):
            private(sender, name, asyncio.Event)
        for name in (_NTP, _RTP, _OCTETS, _PACKETS):
            private(sender, name, int)
        for name in (_TX_BYTES, _TX_PACKETS):
            private(transport, name, int)
        private(sender, _ENABLED, bool)
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when nothing can be sent any more, with whatever is the reason."""
        self._sender: Any = sender
        self._transport = transport
        connection = private(transport.transport, "_connection")
        self._nominated: dict[int, Any] = private(connection, "_nominated", dict)
        _check_route(self._nominated.get(_COMPONENT))
        self._protect = protector(private(transport, "_tx_srtp", pylibsrtp.Session))
        self._exit: _Exit | None = None
        self._source: int = private(sender, "_ssrc", int)
        self._payload_type = payload_type
        self._sequence = secrets.randbelow(1 << 15)
        self.timestamp_origin = secrets.randbits(32)
        self._sent: dict[int, tuple[int, int, bool, bytes]] = {}
        """Sequence number, timestamp, marker and payload, for retransmission."""
        self._history: dict[int, RtpPacket] = private(sender, _HISTORY, dict)
        self._retransmit: Callable[[int], Awaitable[None]] = private(
            sender, _RETRANSMIT
        )
        self._mid: str | None = private(sender, _MID, (str, type(None)))
        self._extensions = _ExtensionTemplate(
            private(sender, _EXTENSIONS, HeaderExtensionsMap), self._mid
        )

    def follow_transport(self) -> None:
        """End as the transport does."""
        if self._transport.state in ("closed", "failed") and not self.ended.done():
            self.ended.set_result(None)

    def send(self, payloads: Sequence[bytes], timestamp: int) -> None:
        """Send one frame now.

        Parameters
        ----------
        payloads : sequence of bytes
            Of its packets.
        timestamp : int
            In units of the codec's clock, from any beginning.
        """
        pair = self._nominated.get(_COMPONENT)
        if pair is None or self.ended.done() or not getattr(self._sender, _ENABLED):
            return
        try:
            transport = pair.protocol.transport
            if self._exit is None or self._exit.transport is not transport:
                self._exit = _Exit(transport)
            if not self._exit.is_closing():
                self._send(payloads, timestamp, self._exit.send, pair.remote_addr)
        except Exception as error:
            # Of this link only; aiortc's task dies of such an error too, and says so.
            self.ended.set_exception(error)

    async def retransmit(self, sequence: int) -> None:
        """Send a packet again that was reported as lost (RFC 4588)."""
        index = sequence % RTP_HISTORY_SIZE
        sent = self._sent.get(index)
        if sent is None or sent[0] != sequence:
            return  # it is too long ago
        _, timestamp, marker, payload = sent
        # aiortc's own history is filled where it is looked at, which is seldom.
        packet = self._history[index] = RtpPacket(
            payload_type=self._payload_type,
            marker=int(marker),
            sequence_number=sequence,
            timestamp=timestamp,
            ssrc=self._source,
            payload=payload,
        )
        packet.extensions.mid = self._mid
        await self._retransmit(sequence)

    def _send(
        self,
        payloads: Sequence[bytes],
        timestamp: int,
        send: Callable[[bytes, Any], object],
        address: Any,
    ) -> None:
        sender, transport = self._sender, self._transport
        ntp_time = int((time.time() + _NTP_EPOCH) * (1 << 32))
        stamp = (self.timestamp_origin + timestamp) & 0xFFFFFFFF
        first, extensions = self._extensions.first_byte, self._extensions.at(ntp_time)
        last = len(payloads) - 1
        size = 0
        for index, payload in enumerate(payloads):
            sequence = self._sequence
            self._sequence = (sequence + 1) & 0xFFFF
            marker = index == last
            second = self._payload_type | (0x80 if marker else 0)
            header = _HEADER.pack(first, second, sequence, stamp, self._source)
            datagram = self._protect(header + extensions + payload)
            send(datagram, address)
            size += len(datagram)
            sent = sequence, stamp, marker, payload
            self._sent[sequence % RTP_HISTORY_SIZE] = sent
        sender._RTCRtpSender__ntp_timestamp = ntp_time
        sender._RTCRtpSender__rtp_timestamp = stamp
        sender._RTCRtpSender__octet_count += sum(map(len, payloads))
        sender._RTCRtpSender__packet_count += len(payloads)
        transport._RTCDtlsTransport__tx_bytes += size
        transport._RTCDtlsTransport__tx_packets += len(payloads)


class _Exit:
    """The way out through one datagram transport.

    The event loop's own ``sendto`` costs several times what the system's does, so a
    socket is written to directly, and through the loop only when it is full. A
    transport that is no plain socket's (of TURN, or one that loses packets on purpose)
    is left to itself.
    """

    def __init__(self, transport: Any) -> None:
        self.transport = transport
        self.send: Callable[[bytes, Any], object] = transport.sendto
        # aioice's own transport, to a TURN server, looks itself.
        self.is_closing: Callable[[], bool] = getattr(transport, "is_closing", bool)
        descriptor = _descriptor(transport)
        if descriptor is None:
            return
        self._socket = socket.socket(fileno=descriptor)
        self._socket.setblocking(False)
        # The descriptor stays the transport's, which closes it.
        weakref.finalize(self, self._socket.detach)
        self.send = self._send

    def _send(self, datagram: bytes, address: Any) -> None:
        try:
            self._socket.sendto(datagram, address)
        except OSError:
            # Full for now, or worse: the loop waits, or tells whom it concerns.
            self.transport.sendto(datagram, address)


def _descriptor(transport: Any) -> int | None:
    """Of a socket that is the transport's own."""
    if type(transport).__module__.partition(".")[0] not in ("asyncio", "uvloop"):
        return None
    plain = transport.get_extra_info("socket")
    return None if plain is None else plain.fileno()


def _check_route(pair: Any) -> None:
    """Look whether a nominated pair says by which socket it sends, and where to."""
    private(pair, "remote_addr", tuple)
    socket = private(private(pair, "protocol"), "transport")
    private(socket, "sendto")


class _ExtensionTemplate:
    """The header extensions of all packets of a sender, made but for the time."""

    def __init__(self, extensions: HeaderExtensionsMap, mid: str | None) -> None:
        texts = []
        for time_bits in (0, 0xFFFFFF):
            values = HeaderExtensions(mid=mid, abs_send_time=time_bits)
            profile, value = extensions.set(values)
            header = _EXTENSION_HEADER.pack(profile, len(value) // 4) if value else b""
            texts.append(header + value)
        self._text, other = texts
        self.first_byte = 0x90 if self._text else 0x80
        differing = [at for at, byte in enumerate(other) if byte != self._text[at]]
        self._time_at = differing[0] if differing else None

    def at(self, ntp_time: int) -> bytes:
        """Of a packet sent at that NTP time, a fixed-point number of 32.32 bits."""
        if self._time_at is None:
            return self._text
        bits = (ntp_time >> 14) & 0xFFFFFF
        at = self._time_at
        return self._text[:at] + bits.to_bytes(3, "big") + self._text[at + 3 :]
