"""python-socketio's server, hardened against clients that were not written by friends.

The library looks the name of a client's event up among its own handlers, so that an
event called ``disconnect`` would act as one; it lets exceptions over malformed packets
go to the log of whoever runs it; and it leaves a sleeping task behind for each socket.
The three places are overridden here; nothing else knows them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import engineio
import socketio
from engineio.async_socket import AsyncSocket

from ..logs import SOCKETIO_LOGGER
from .limits import MAX_PACKET_BYTES

_PING_SECONDS = 5
_PONG_SECONDS = 10
"""A client that answers no ping for so long is gone. A page in a background tab
answers; a kernel that computes without letting go of the interpreter may take long."""

OnEvent = Callable[..., Awaitable[dict[str, Any]]]
OnMalformed = Callable[[str | None, str], None]


class SocketServer(socketio.AsyncServer):
    """A socket.io server with one handler for all events of clients.

    Parameters
    ----------
    on_event : coroutine function
        ``on_event(event, connection, *arguments)``; what it returns is the
        acknowledgement.
    on_malformed : callable
        Told of a packet that is no Socket.IO: the id of the connection if it has one,
        and what was wrong. The connection is cut then.
    """

    def __init__(self, on_event: OnEvent, on_malformed: OnMalformed) -> None:
        # The default for origins is the server's own: no web site can reach it through
        # the user's browser.
        super().__init__(
            async_mode="aiohttp",
            max_http_buffer_size=MAX_PACKET_BYTES,
            ping_interval=_PING_SECONDS,
            ping_timeout=_PONG_SECONDS,
            logger=SOCKETIO_LOGGER,
            engineio_logger=SOCKETIO_LOGGER,
        )
        self._on_event = on_event
        self._on_malformed = on_malformed

    def _engineio_server_class(self) -> type[engineio.AsyncServer]:
        return _EngineServer

    async def _handle_eio_message(self, eio_sid: str, data: Any) -> None:
        try:
            await super()._handle_eio_message(eio_sid, data)
        except Exception as error:
            # Whatever the parser stumbles over, the sender is the one to blame; what it
            # was is said, so that a mistake of ours would not pass for one of theirs.
            await self._cut_off(eio_sid, type(error).__name__)

    async def _handle_event_internal(
        self,
        server: object,
        sid: str,
        eio_sid: str,
        data: Any,
        namespace: str,
        id: int | None,
    ) -> None:
        if not isinstance(data, list) or not data or not isinstance(data[0], str):
            await self._cut_off(eio_sid, "an event without a name")
            return
        answer = await self._on_event(data[0], sid, *data[1:])
        if id is not None:
            acknowledgement = self.packet_class(
                socketio.packet.ACK, namespace=namespace, id=id, data=[answer]
            )
            await self._send_packet(eio_sid, acknowledgement)

    async def _cut_off(self, eio_sid: str, reason: str) -> None:
        self._on_malformed(self.manager.sid_from_eio_sid(eio_sid, "/"), reason)
        await self.eio.disconnect(eio_sid)


class _EngineServer(engineio.AsyncServer):
    """engine.io's server, without the ping task that sleeps on after each socket."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._pings: dict[AsyncSocket, asyncio.Task[Any]] = {}

    def start_background_task(
        self, target: Callable[..., Any], *arguments: Any, **keywords: Any
    ) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = super().start_background_task(
            target, *arguments, **keywords
        )
        owner = getattr(target, "__self__", None)
        if isinstance(owner, AsyncSocket):
            self._pings = {
                sock: ping for sock, ping in self._pings.items() if not ping.done()
            }
            self._pings[owner] = task
        return task

    def cancel_pings(self) -> None:
        """End the pings of sockets that are closed."""
        for sock, ping in self._pings.items():
            if sock.closed or sock.closing:
                ping.cancel()
