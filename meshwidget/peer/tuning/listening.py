"""A transport that an empty datagram does not end.

aiortc looks at the first byte of whatever comes, and one that has none ends its task:
anybody who knows the port could end a call so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiortc import RTCIceTransport

from .base import private

_RECEIVE = "_recv"


def ignore_empty(transport: RTCIceTransport) -> None:
    """Have a transport hear nothing of datagrams in which nothing is.

    Raises
    ------
    TuningError
    """
    receive: Callable[[], Awaitable[bytes]] = private(transport, _RECEIVE)

    async def receive_something() -> bytes:
        while not (datagram := await receive()):
            pass
        return datagram

    setattr(transport, _RECEIVE, receive_something)
