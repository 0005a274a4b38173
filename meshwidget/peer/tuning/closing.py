"""How a connection ends without a goodbye."""

from __future__ import annotations

from aiortc import RTCPeerConnection

from .base import TuningError


def abort(connection: RTCPeerConnection) -> None:
    """Cut a connection's sockets, so that closing it cannot say goodbye.

    Raises
    ------
    TuningError
    """
    for transceiver in connection.getTransceivers():
        ice = getattr(transceiver.sender.transport.transport, "_connection", None)
        protocols = getattr(ice, "_protocols", None)
        if protocols is None:
            raise TuningError("RTCIceTransport has no _connection._protocols")
        for protocol in protocols:
            if protocol.transport is not None:
                protocol.transport.abort()
