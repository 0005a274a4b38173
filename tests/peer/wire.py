"""The datagrams of one side's socket, seen and hurt on their way out."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

from .links import Side

MEDIA = range(128, 192)
"""First bytes of RTP and RTCP (RFC 7983)."""


def is_rtp(datagram: bytes) -> bool:
    return datagram[0] in MEDIA and datagram[1] not in range(192, 224)


def source_of(datagram: bytes) -> int:
    return int.from_bytes(datagram[8:12], "big")


def sequence_of(datagram: bytes) -> int:
    return int.from_bytes(datagram[2:4], "big")


class Wire:
    """Stands at the sockets of one side and decides what becomes of each RTP datagram.

    Parameters
    ----------
    side : Side
        With its candidates gathered.
    fate : callable
        ``fate(datagram)``: the datagrams that go out now in its place.
    """

    def __init__(
        self, side: Side, fate: Callable[[bytes], list[bytes]] = lambda each: [each]
    ) -> None:
        self.sent: list[bytes] = []
        """RTP that the side meant to send."""
        self.delivered: list[bytes] = []
        """RTP that went out."""
        self.fate = fate
        for protocol in protocols_of(side):
            protocol.transport = _Socket(protocol.transport, self)

    def source(self, source: int) -> list[bytes]:
        """What was meant to be sent by that source."""
        return [each for each in self.sent if source_of(each) == source]

    def arrived(self, source: int) -> set[int]:
        """Sequence numbers of that source that went out."""
        return {
            sequence_of(each) for each in self.delivered if source_of(each) == source
        }


class _Socket:
    """A socket as aioice sees it."""

    def __init__(self, socket: Any, wire: Wire) -> None:
        self._socket = socket
        self._wire = wire

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def sendto(self, datagram: bytes, address: Any) -> None:
        wire = self._wire
        if not is_rtp(datagram):
            self._socket.sendto(datagram, address)
            return
        wire.sent.append(datagram)
        for each in wire.fate(datagram):
            wire.delivered.append(each)
            self._socket.sendto(each, address)


def faults(loss: float, seed: int) -> Callable[[bytes], list[bytes]]:
    """Lose so many, and of the rest double some and have some overtaken."""
    generator = random.Random(seed)
    held: list[bytes] = []

    def fate(datagram: bytes) -> list[bytes]:
        if generator.random() < loss:
            return []
        if generator.random() < loss and not held:
            held.append(datagram)
            return []
        going = [datagram] * (2 if generator.random() < loss else 1)
        if held and generator.random() < 0.5:
            going.append(held.pop())
        return going

    return fate


def protocols_of(side: Side) -> list[Any]:
    """What aioice has at each socket."""
    connection = side.connection._peer_connection
    transport: Any = connection.getTransceivers()[0].sender.transport.transport
    protocols: list[Any] = transport._connection._protocols
    return protocols


def ports_of(side: Side) -> Iterator[int]:
    """Where a side can be reached."""
    for protocol in protocols_of(side):
        yield protocol.transport.get_extra_info("sockname")[1]
