"""Datagrams of media go straight to their stream; all others where they always went.

aiortc has a datagram parsed as STUN, fail at that, wait in a queue, wake a task, be
parsed into objects and be awaited through four coroutines. A link carries eighty of
them a second, and a call of twelve has 132 links. Here RTP (RFC 7983 tells it from the
rest by its first byte) is decrypted where it arrives and handed over as it is; STUN,
DTLS and RTCP take aiortc's way.
"""

from __future__ import annotations

import weakref
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
        protocols = check(transport)
        self._transport: Any = transport
        self._router = private(transport, "_rtp_router")
        self._unprotect = unprotector(private(transport, "_rx_srtp", pylibsrtp.Session))
        self._streams: dict[RTCRtpReceiver, PacketStream] = {}
        self._by_source: dict[int, PacketStream] = {}
        for protocol in protocols:
            self._stand_before(protocol)

    def add(self, receiver: RTCRtpReceiver, stream: PacketStream) -> None:
        """Hand over the packets of that receiver from now on."""
        self._streams[receiver] = stream
        self._by_source.clear()

    def remove(self, receiver: RTCRtpReceiver) -> None:
        """Hand over no more of them."""
        self._streams.pop(receiver, None)
        self._by_source.clear()

    def _stand_before(self, protocol: Any) -> None:
        original: Datagram = private(protocol, "datagram_received")

        def datagram_received(data: bytes, address: Any) -> None:
            if (
                len(data) > _FIXED_HEADER
                and data[0] in _RTP_FIRST
                and data[1] not in _RTCP_SECOND
            ):
                stream = self._by_source.get(int.from_bytes(data[8:12], "big"))
                if stream is None:
                    stream = self._find(data)
                if stream is not None:
                    self._take(stream, data)
                    return
            original(data, address)

        protocol.datagram_received = datagram_received

    def _take(self, stream: PacketStream, data: bytes) -> None:
        transport = self._transport
        transport._RTCDtlsTransport__rx_bytes += len(data)
        transport._RTCDtlsTransport__rx_packets += 1
        try:
            packet = self._unprotect(data)
        except (pylibsrtp.Error, ValueError):
            return  # forged, doubled or too old: it never was
        stream.take(packet)

    def _find(self, data: bytes) -> PacketStream | None:
        """Whose packet that is, by the rules of BUNDLE (RFC 8843, section 9.2)."""
        source = int.from_bytes(data[8:12], "big")
        receiver = self._router.route_rtp(
            RtpPacket(payload_type=data[1] & 0x7F, ssrc=source)
        )
        stream = self._streams.get(receiver)
        if stream is not None:
            self._by_source[source] = stream
        return stream


def check(transport: RTCDtlsTransport) -> list[Any]:
    """Look whether a transport is what it was; return its sockets so far.

    Raises
    ------
    TuningError
    """
    for name in (_RX_BYTES, _RX_PACKETS):
        private(transport, name, int)
    private(private(transport, "_rtp_router"), "route_rtp")
    private(transport, "_rx_srtp", (pylibsrtp.Session, type(None)))
    connection = private(transport.transport, "_connection")
    protocols: list[Any] = private(connection, "_protocols", list)
    for protocol in protocols:
        private(protocol, "datagram_received")
    return protocols


_demultiplexers: weakref.WeakKeyDictionary[RTCDtlsTransport, Demultiplexer] = (
    weakref.WeakKeyDictionary()
)


def demultiplexer(transport: RTCDtlsTransport) -> Demultiplexer:
    """The one that stands at this transport's sockets; DTLS must be connected."""
    found = _demultiplexers.get(transport)
    if found is None:
        found = _demultiplexers[transport] = Demultiplexer(transport)
    return found
