"""python-socketio's server, hardened against clients that were not written by friends.

The library looks the name of a client's event up among its own handlers, so that an
event called ``disconnect`` would act as one; it lets exceptions over malformed packets
go to the log of whoever runs it; it hears clients that were not let in; and it leaves a
sleeping task behind for each socket. These places are overridden here; nothing else
knows them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import engineio
import socketio
from aiohttp import web
from engineio.async_drivers.aiohttp import WebSocket
from engineio.async_socket import AsyncSocket

from ..logs import SOCKETIO_LOGGER
from .door import Door
from .limits import MAX_CONNECT_LENGTH, MAX_PACKET_BYTES, MAX_UNREAD_PACKETS

_PING_SECONDS = 5
_PONG_SECONDS = 10
"""A client that answers no ping for so long is gone. A page in a background tab
answers; a kernel that computes without letting go of the interpreter may take long."""

_GOODBYE_SECONDS = 0.5
"""For one who is hung up on to hear of it."""

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
    door : Door
        Who is let in.
    """

    def __init__(
        self, on_event: OnEvent, on_malformed: OnMalformed, door: Door
    ) -> None:
        self._on_event = on_event
        self._on_malformed = on_malformed
        self._door = door
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

    def _engineio_server_class(self) -> Callable[..., engineio.AsyncServer]:
        return partial(_EngineServer, self._door, self._note_malformed)

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> None:
        await super()._handle_eio_connect(eio_sid, environ)
        self._door.open_session(eio_sid, environ["aiohttp.request"])

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        await super()._handle_eio_disconnect(eio_sid, reason)
        self._door.close_session(eio_sid)
        # Also of one that never connected to socket.io; it counts as closed soon.
        asyncio.get_running_loop().call_soon(self.eio.cancel_pings)

    async def _handle_connect(
        self, eio_sid: str, namespace: str | None, data: Any
    ) -> None:
        if self._door.take_token(eio_sid, data):
            await super()._handle_connect(eio_sid, namespace, data)
            return
        # The client's library hangs up when it hears this; else the door does.
        refusal = self.packet_class(
            socketio.packet.CONNECT_ERROR,
            namespace=namespace,
            data={"message": "give the call's token: mesh.credentials() has it"},
        )
        await self._send_packet(eio_sid, refusal)

    async def _handle_eio_message(self, eio_sid: str, data: Any) -> None:
        if not self._door.knows(eio_sid) and not _may_connect(data):
            self._door.note_refused("it speaks before it has given the call's token")
            await self.eio.disconnect(eio_sid)
            return
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
        self._note_malformed(eio_sid, reason)
        await self.eio.disconnect(eio_sid)

    def _note_malformed(self, eio_sid: str, reason: str) -> None:
        self._on_malformed(self.manager.sid_from_eio_sid(eio_sid, "/"), reason)


def _may_connect(data: object) -> bool:
    """Whether a packet can be CONNECT with a token, told without parsing it."""
    return (
        isinstance(data, str)
        and data.startswith(str(socketio.packet.CONNECT))
        and len(data) <= MAX_CONNECT_LENGTH
    )


class _Complaints(logging.LoggerAdapter[logging.Logger]):
    """engine.io's logger; what it says of a client's packets is the door's to count."""

    def __init__(self, logger: logging.Logger, door: Door) -> None:
        super().__init__(logger)
        self._door = door

    def exception(self, msg: object, *arguments: object, **keywords: Any) -> None:
        """Write an error with its exception, unless it is a client's fault."""
        if msg == "post request handler error":
            kind = type(sys.exc_info()[1]).__name__
            self._door.note_refused(f"what it posted cannot be read ({kind})")
        else:
            super().exception(msg, *arguments, **keywords)


class _EngineServer(engineio.AsyncServer):
    """engine.io's server, without the ping task that sleeps on after each socket.

    What is wrong with a request is counted, and no line in a log of errors.
    """

    def __init__(
        self, door: Door, on_malformed: Callable[[str, str], None], **options: Any
    ) -> None:
        super().__init__(**options)
        self._door = door
        self._on_malformed = on_malformed
        self.logger: Any = _Complaints(SOCKETIO_LOGGER, door)
        # The dictionary is the library's own, of all its servers.
        library: dict[str, Any] = getattr(self, "_async")
        self._async: dict[str, Any] = {**library, "websocket": self._open_websocket}
        self._pings: dict[AsyncSocket, asyncio.Task[Any]] = {}
        self._transports: dict[AsyncSocket, asyncio.Transport] = {}

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

    async def handle_request(self, *request: Any, **more: Any) -> Any:
        """Answer a request; the library has no answer for a session that it ended."""
        try:
            return await super().handle_request(*request, **more)
        except (KeyError, UnboundLocalError):
            raise web.HTTPBadRequest(text="the session has ended\n") from None

    async def send_packet(self, sid: str, packet: object) -> None:
        """Send a packet, unless too many wait already for the client to read them."""
        sock: AsyncSocket | None = self.sockets.get(sid)
        if sock is None or sock.queue.qsize() < MAX_UNREAD_PACKETS:
            await super().send_packet(sid, packet)
        elif not sock.closing:
            self._door.note_refused("it does not read what it is sent")
            if sock in self._transports:
                self._transports[sock].abort()
            await sock.close(wait=False, abort=True, reason=self.reason.TRANSPORT_ERROR)

    async def disconnect(self, sid: str | None = None) -> None:
        """Hang up; the library would wait for ever for one who polls no more."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await super().disconnect(sid)
        self.sockets.pop(sid, None)

    def _open_websocket(
        self, handler: Callable[..., Awaitable[object]], server: object
    ) -> object:
        """What serves a WebSocket.

        A packet that cannot be decoded ends the library's own in the middle: its
        session and its writer would stay.
        """
        sock: AsyncSocket = getattr(handler, "__self__")

        async def serve(websocket: WebSocket) -> None:
            transport = websocket.environ["aiohttp.request"].transport
            if transport is not None:
                self._transports[sock] = transport
            try:
                await handler(websocket)
            except ValueError as error:
                self._on_malformed(sock.sid, type(error).__name__)
                await sock.close(
                    wait=False, abort=True, reason=self.reason.TRANSPORT_ERROR
                )
                await sock.queue.put(None)  # ends the writer
            finally:
                self._transports.pop(sock, None)

        return WebSocket(serve, server)

    def _log_error_once(self, message: str, message_key: str) -> None:
        # The key, because the message has the sender's own words in it.
        self._door.note_refused(
            f"its request breaks Engine.IO's protocol ({message_key})"
        )

    def cancel_pings(self) -> None:
        """End the pings of sockets that are closed."""
        for sock, ping in self._pings.items():
            if sock.closed or sock.closing:
                ping.cancel()
