"""Sockets at which a message that cannot be read is no failure.

aioice's parser raises ValueError for what is no STUN, and takes it for DTLS or media
then; but an attribute that is shorter than its type (RFC 8489, section 14) makes it
raise ``struct.error``, which goes on to the event loop. Whoever knows the port could
fill the log with failures so.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from aioice.ice import StunProtocol
from aiortc import RTCIceTransport

from .base import private

_RECEIVE = "datagram_received"

Receive = Callable[[bytes, Any], None]


def refuse_malformed(transport: RTCIceTransport) -> None:
    """Have the sockets that a transport will have pass such messages over.

    Must be called before it gathers.

    Raises
    ------
    TuningError
    """
    connection = private(transport, "_connection")
    protocols: list[Any] = private(connection, "_protocols", list)
    private(StunProtocol, _RECEIVE)
    gatherer = transport.iceGatherer

    def cover() -> None:
        if gatherer.state == "completed":
            for protocol in protocols:
                setattr(protocol, _RECEIVE, _passing_over(protocol.datagram_received))

    gatherer.on("statechange", cover)


def _passing_over(receive: Receive) -> Receive:
    def datagram_received(data: bytes, address: Any) -> None:
        try:
            receive(data, address)
        except struct.error:
            return  # nobody's: it was not authenticated

    return datagram_received
