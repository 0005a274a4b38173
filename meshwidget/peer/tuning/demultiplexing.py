"""Datagrams of media go straight to their stream; all others where they always went.

aiortc has a datagram parsed as STUN, fail at that, wait in a queue, wake a task, be
parsed into objects and be awaited through four coroutines. A link carries eighty of
them a second, and a call of twelve has 132 links. Here RTP (RFC 7983 tells it from the
rest by its first byte) is decrypted where it arrives and handed over as it is; STUN,
DTLS and RTCP take aiortc's way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

import pylibsrtp
from aiortc import RTCDtlsTransport, RTCRtpReceiver
from aiortc.rtp import RtpPacket

from .base import private
from .srtp import unprotector

_RX_BYTES = "_RTCDtlsTransport__rx_bytes"
_RX_PACKETS = "_RTCDtlsTransport__rx_packets"

_RTP_FIRST = range(128, 192)
_RTCP_SECOND = range(192, 224)
_FIXED_HEADER = 12

_MAX_SOURCES = 31
"""Of one connection. A receiver report has no room for more (RFC 3550, section 6.4.2),
and who sends from ever new ones would fill the memory."""

_STANDING = "_meshwidget_demultiplexer"

Datagram = Callable[[bytes, Any], None]


class PacketStream(Protocol):
    """Who takes the decrypted packets of one receiver."""

    def take(self, packet: bytes) -> None:
        """Take one RTP packet."""


class Demultiplexer:
    """What stands at the sockets of one DTLS transport.

    Made by :func:`demultiplexer`, one for all media that are bundled.
    """

    def __init__(self, transport: RTCDtlsTransport) -> None:
        for name in (_RX_BYTES, _RX_PACKETS):
            private(transport, name, int)
        self._transport: Any = transport
        self._unprotect = unprotector(private(transport, "_rx_srtp", pylibsrtp.Session))
        router = private(transport, "_rtp_router")
        self._route: Callable[[RtpPacket], object] = private(router, "route_rtp")
        self._receivers: dict[int, set[RTCRtpReceiver]] = private(
            router, "payload_type_table", dict
        )
        """Of each payload type."""
        self._streams: dict[RTCRtpReceiver, PacketStream] = {}
        self._by_source: dict[int, PacketStream] = {}
        connection = private(transport.transport, "_connection")
        self._queue: asyncio.Queue[tuple[bytes, int] | None] = private(
            connection, "_queue", asyncio.Queue
        )
        """Of datagrams that aiortc has still to look at; None is the end."""
        protocols = private(connection, "_protocols", list)
        originals = [private(each, "datagram_received") for each in protocols]
        for protocol, original in zip(protocols, originals, strict=True):
            protocol.datagram_received = self._before(original)

    def add(self, receiver: RTCRtpReceiver, stream: PacketStream) -> None:
        """Hand over the packets of that receiver from now on.

        And those that came before, while the transport was still being connected: the
        first keyframe is often among them.
        """
        self._streams[receiver] = stream
        for _ in range(self._queue.qsize()):
            item = self._queue.get_nowait()
            if item is None or not self._take(item[0]):
                self._queue.put_nowait(item)

    def _before(self, original: Datagram) -> Datagram:
        """What a socket calls instead of aioice's own."""
        take = self._take

        def datagram_received(data: bytes, address: Any) -> None:
            if not take(data):
                original(data, address)

        return datagram_received

    def _expects(self, payload_type: int) -> bool:
        """Whether a packet from somebody unknown may be for one of the streams."""
        return not self._streams.keys().isdisjoint(
            self._receivers.get(payload_type, ())
        )

    def _take(self, data: bytes) -> bool:
        """Whether that is RTP for one of the streams, which has it then."""
        if (
            len(data) <= _FIXED_HEADER
            or data[0] not in _RTP_FIRST
            or data[1] in _RTCP_SECOND
        ):
            return False
        stream = self._by_source.get(int.from_bytes(data[8:12], "big"))
        if stream is None and not self._expects(data[1] & 0x7F):
            return False
        transport = self._transport
        transport._RTCDtlsTransport__rx_bytes += len(data)
        transport._RTCDtlsTransport__rx_packets += 1
        try:
            packet = self._unprotect(data)
        except (pylibsrtp.Error, ValueError):
            return True  # forged, doubled or too old: it never was
        if stream is None:
            stream = self._find(packet)
        if stream is not None:
            stream.take(packet)
        return True

    def _find(self, packet: bytes) -> PacketStream | None:
        """Whose packet that is, by the rules of BUNDLE (RFC 8843, section 9.2).

        It must have been authenticated: aiortc notes the source for good.
        """
        if len(self._by_source) >= _MAX_SOURCES:
            return None
        source = int.from_bytes(packet[8:12], "big")
        receiver: Any = self._route(
            RtpPacket(payload_type=packet[1] & 0x7F, ssrc=source)
        )
        stream = self._streams.get(receiver)
        if stream is not None:
            self._by_source[source] = stream
        return stream


def demultiplexer(transport: RTCDtlsTransport) -> Demultiplexer:
    """The one that stands at this transport's sockets; DTLS must be connected.

    Raises
    ------
    TuningError
        The transport is not what it was; nothing of it is changed.
    """
    found: Demultiplexer | None = getattr(transport, _STANDING, None)
    if found is None:
        found = Demultiplexer(transport)
        setattr(transport, _STANDING, found)  # which lives as long as it
    return found
