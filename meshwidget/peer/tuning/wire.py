"""Wires between a connection's sockets and the network, while a link has faults.

A connection without faults has nothing of this: the wires are spliced in when they are
needed and taken out again.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from aiortc import RTCPeerConnection

from ..wire import Wire, layer_of
from .base import TuningError, private

_MAX_HELD = 64
"""Packets of a held layer that are kept for each socket and direction, the newest:
both protocols that wait send again what was not answered."""

_SECONDS_EARLY = 0.0005
"""Half a tick of an event loop's clock: what is due by then is not worth a timer."""


class Splice:
    """The wires of one connection, put into every socket that it has or will have.

    Parameters
    ----------
    connection : RTCPeerConnection
    outgoing, incoming : Wire or None
        None leaves that direction as it is: the other end has the wire.

    Raises
    ------
    TuningError
        When the sockets are not where they were; nothing is changed then.
    """

    def __init__(
        self,
        connection: RTCPeerConnection,
        outgoing: Wire | None,
        incoming: Wire | None,
    ) -> None:
        self._connection = connection
        self._wires = outgoing, incoming
        self._taps: dict[int, _Tap] = {}
        self._watched: list[Any] = []
        self.cover()

    def cover(self) -> None:
        """Put the wires into sockets that have been opened, or are being opened.

        Raises
        ------
        TuningError
        """
        for gatherer, protocols in _sockets(self._connection):
            for protocol in protocols:
                if id(protocol) not in self._taps:
                    self._taps[id(protocol)] = _Tap(protocol, *self._wires)
            if gatherer.state != "completed" and gatherer not in self._watched:
                # Told before the first check is sent.
                gatherer.on("statechange", self.cover)
                self._watched.append(gatherer)

    def update(self) -> None:
        """The wires have changed: let go what is held no more, lose what is cut."""
        for tap in self._taps.values():
            tap.update()

    def remove(self) -> None:
        """Take the wires out; what is on its way arrives now, in order."""
        self._unwatch()
        for tap in self._taps.values():
            tap.remove()
        self._taps.clear()

    def lose(self) -> None:
        """Take the wires out, with everything on them."""
        for tap in self._taps.values():
            tap.lose()
        self.remove()

    def _unwatch(self) -> None:
        for gatherer in self._watched:
            if self.cover in gatherer.listeners("statechange"):
                gatherer.remove_listener("statechange", self.cover)
        self._watched.clear()


def _sockets(connection: RTCPeerConnection) -> Iterator[tuple[Any, list[Any]]]:
    """Each ICE gatherer and its protocols, one a socket."""
    seen: set[int] = set()
    for transceiver in connection.getTransceivers():
        transport = transceiver.sender.transport.transport
        if id(transport) in seen:
            continue
        seen.add(id(transport))
        ice = private(transport, "_connection")
        protocols: list[Any] = private(ice, "_protocols", list)
        for protocol in protocols:
            private(private(protocol, "transport"), "sendto")
            private(protocol, "datagram_received")
        yield transport.iceGatherer, protocols


class _Tap:
    """The wires of one socket."""

    def __init__(
        self, protocol: Any, outgoing: Wire | None, incoming: Wire | None
    ) -> None:
        self._protocol = protocol
        self._lines: list[_Line] = []
        self._transport = protocol.transport
        self._is_receiving = incoming is not None
        if self._is_receiving and not hasattr(self._transport, "set_protocol"):
            raise TuningError("what a TURN server relays cannot be caught here")
        if outgoing is not None:
            line = _Line(outgoing, _sending(self._transport))
            protocol.transport = _TappedTransport(self._transport, line)
            self._lines.append(line)
        if incoming is not None:
            line = _Line(incoming, _receiving(protocol))
            self._transport.set_protocol(_TappedProtocol(protocol, line))
            self._lines.append(line)

    def update(self) -> None:
        for line in self._lines:
            line.update()

    def remove(self) -> None:
        self._protocol.transport = self._transport
        if self._is_receiving:
            self._transport.set_protocol(self._protocol)
        for line in self._lines:
            line.finish()

    def lose(self) -> None:
        for line in self._lines:
            line.lose()


def _sending(transport: Any) -> Callable[[bytes, Any], None]:
    """``sendto``, as long as the socket is open: packets arrive after it was closed."""
    is_closing = getattr(transport, "is_closing", None)  # a TURN transport asks itself

    def send(data: bytes, address: Any) -> None:
        if is_closing is None or not is_closing():
            transport.sendto(data, address)

    return send


def _receiving(protocol: Any) -> Callable[[bytes, Any], None]:
    """``datagram_received`` as it is when a packet arrives: others replace it too."""

    def receive(data: bytes, address: Any) -> None:
        protocol.datagram_received(data, address)

    return receive


class _TappedTransport:
    """Stands where a protocol has its transport; what is sent goes along the wire."""

    def __init__(self, transport: Any, line: _Line) -> None:
        self._transport = transport
        self.sendto = line.carry

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _TappedProtocol:
    """Stands where a transport has its protocol; what arrives goes along the wire."""

    def __init__(self, protocol: Any, line: _Line) -> None:
        self._protocol = protocol
        self.datagram_received = line.carry

    def __getattr__(self, name: str) -> Any:
        return getattr(self._protocol, name)


class _Line:
    """Carries datagrams of one socket one way, when and if the wire says."""

    def __init__(self, wire: Wire, deliver: Callable[[bytes, Any], None]) -> None:
        self._wire = wire
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        self._held: deque[tuple[str, bytes, Any]] = deque(maxlen=_MAX_HELD)
        self._underway: list[tuple[float, int, bytes, Any]] = []
        self._order = itertools.count()
        self._timer: asyncio.Handle | None = None
        self._timer_at = 0.0

    def carry(self, data: bytes, address: Any = None) -> None:
        """Take one datagram."""
        layer = layer_of(data)
        if layer in self._wire.held:
            # Nobody wants media that is late; a check or a handshake can wait.
            if layer != "srtp" and not self._wire.is_cut:
                self._held.append((layer, bytes(data), address))
            return
        now = self._loop.time()
        for arrival in self._wire.send(now, layer, len(data)):
            if arrival <= now and not self._underway:
                self._deliver(data, address)
            else:
                packet = (arrival, next(self._order), bytes(data), address)
                heapq.heappush(self._underway, packet)
        self._set_timer()

    def update(self) -> None:
        """Go on under the wire's new faults."""
        if self._wire.is_cut:
            self.lose()
        waiting = list(self._held)
        self._held.clear()
        for _, data, address in waiting:
            self.carry(data, address)

    def finish(self) -> None:
        """Deliver everything now, in order, and end."""
        self._stop_timer()
        held = [(data, address) for _, data, address in self._held]
        underway = [packet[2:] for packet in sorted(self._underway)]
        self.lose()
        for data, address in (*underway, *held):
            self._deliver(data, address)

    def lose(self) -> None:
        """Deliver nothing of what is under way."""
        self._stop_timer()
        self._held.clear()
        self._underway.clear()

    def _set_timer(self) -> None:
        if not self._underway:
            return
        first = self._underway[0][0]
        if self._timer is None or first < self._timer_at:
            self._stop_timer()
            self._timer_at = first
            self._timer = self._loop.call_at(first, self._arrive)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arrive(self) -> None:
        self._timer = None
        soon = self._loop.time() + _SECONDS_EARLY
        while self._underway and self._underway[0][0] <= soon:
            _, _, data, address = heapq.heappop(self._underway)
            self._deliver(data, address)
        self._set_timer()
