"""The kernel's port: one HTTP server, behind the door.

Behind it are socket.io and the WebSockets of views. It knows how to listen, to count
and to close; what is said on a WebSocket is the affair of whoever takes it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import cast

from aiohttp import WSCloseCode, web
from aiohttp.http_exceptions import HttpProcessingError

from ..errors import NoAddressError
from .door import SOCKET_PATH, Door, Refused
from .limits import MAX_LINES, MAX_VIEW_BYTES, MAX_VIEWS
from .sockets import SocketServer

Channel = Callable[[web.WebSocketResponse], Awaitable[None]]
"""Talks on a WebSocket for as long as it lasts."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_SOCKET_METHODS = ("GET", "POST", "OPTIONS")
"""What engine.io answers, and in a browser asks first."""

_SHUTDOWN_SECONDS = 0.2
"""How long a request in progress may hold up the server's end."""

_IDLE_SECONDS = 15
"""How long a line is kept on which nothing is asked."""

_HEARTBEAT_SECONDS = 20
"""Between a view's pings; one who answers none for half of that is gone. Longer than a
cell keeps the interpreter to itself."""


class Port:
    """Listens, and lets in who knows the secret.

    Parameters
    ----------
    door : Door
    sockets : SocketServer
        What answers under ``/socket.io/``.
    channels : dict
        What answers under ``/views/NAME``, by name.
    on_error : callable
        ``on_error(where, exception)``: a channel raised.
    """

    def __init__(
        self,
        door: Door,
        sockets: SocketServer,
        channels: dict[str, Channel],
        on_error: Callable[[str, BaseException], None],
    ) -> None:
        self._door = door
        self._channels = channels
        self._on_error = on_error
        self._views: set[web.WebSocketResponse] = set()
        self._listener: asyncio.Server | None = None
        # No middleware: aiohttp would keep the handlers, and with them the whole call,
        # in a cache of the process.
        application = web.Application()
        route = application.router.add_route
        route("GET", "/views/{channel}", self._guarded(self._view))
        for method in _SOCKET_METHODS:
            route(method, SOCKET_PATH, self._guarded(sockets.handle_request))
        route("*", "/{anywhere:.*}", self._guarded(_nothing))
        self._runner = web.AppRunner(
            application,
            access_log=None,
            logger=_log_of(self._door, on_error),
            keepalive_timeout=_IDLE_SECONDS,
            shutdown_timeout=_SHUTDOWN_SECONDS,
        )

    async def open(self, host: str, port: int) -> str:
        """Listen.

        Returns
        -------
        str
            The address, as a URL without a path.

        Raises
        ------
        NoAddressError
            When the address cannot be listened on.
        """
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        try:
            self._listener = await loop.create_server(self._answer, host, port)
        except (OSError, OverflowError) as error:
            await self._runner.cleanup()
            where = f"{host} port {port}" if port else host
            raise NoAddressError(
                f"the signaling server cannot listen on {where}: {error}"
            ) from error
        address = self._listener.sockets[0].getsockname()
        listening = f"[{address[0]}]" if ":" in address[0] else address[0]
        return f"http://{listening}:{address[1]}"

    def cut(self) -> None:
        """Cut every connection without a word, as a machine that loses its power."""
        server = self._runner.server
        for line in list(server.connections) if server is not None else ():
            if line.transport is not None:
                line.transport.abort()

    async def close(self) -> None:
        """Cut every connection and free the port."""
        if self._listener is not None:
            self._listener.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SHUTDOWN_SECONDS):
                await asyncio.gather(
                    *(
                        socket.close(code=WSCloseCode.GOING_AWAY, drain=False)
                        for socket in self._views
                    ),
                    return_exceptions=True,
                )
        await self._runner.cleanup()
        self._door.close()

    def _answer(self) -> asyncio.Protocol:
        server = self._runner.server
        assert server is not None, "set up before it listens"
        if len(server.connections) >= MAX_LINES:
            return _Full(self._door)
        line = server()
        self._door.arrive(line)
        return line

    def _guarded(self, handler: Handler) -> Handler:
        """What answers only those whom the door lets in."""

        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                self._door.check(request)
            except Refused as refused:
                return _refuse(refused)
            line = request.transport
            try:
                return await handler(request)
            finally:
                # Closing would wait for ever for one who reads nothing.
                if line is not None and line.get_write_buffer_size():
                    line.abort()

        return answer

    async def _view(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["channel"]
        channel = self._channels.get(name)
        socket = web.WebSocketResponse(
            max_msg_size=MAX_VIEW_BYTES + 1,  # the first size that is too large
            heartbeat=_HEARTBEAT_SECONDS,
            timeout=_SHUTDOWN_SECONDS,
            # Pictures are compressed, and the rest is short.
            compress=False,
        )
        try:
            if channel is None:
                raise self._door.refusal(404, "there is no such view in this call")
            if not socket.can_prepare(request):
                raise self._door.refusal(400, "a view is a WebSocket, nothing else")
            if len(self._views) >= MAX_VIEWS:
                raise self._door.refusal(503, "no more views fit into this call")
        except Refused as refused:
            return _refuse(refused)
        await socket.prepare(request)
        self._views.add(socket)
        try:
            # A page that is gone while it is written to is no failure.
            with contextlib.suppress(ConnectionError):
                await channel(socket)
        except Exception as error:
            self._on_error(f"the WebSocket of view {name}", error)
        finally:
            self._views.discard(socket)
            await socket.close(drain=False)
        return socket


class _Full(asyncio.Protocol):
    """Says that there is no room, before anything is read."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's are transports without being asyncio's.
        line = cast("asyncio.Transport", transport)
        reason = f"{MAX_LINES} connections are open, and no more"
        self._door.note_refused(reason)
        line.write(
            b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
            b"Content-Type: text/plain; charset=utf-8\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(reason), reason.encode())
        )
        line.close()


_HARMLESS = (ConnectionError, asyncio.InvalidStateError)
"""A client is gone; or, of aiohttp's own, a request ends in the very moment in which
the closing server waits for it no longer."""


class _Bridge(logging.Handler):
    """Tells of what goes wrong with requests below any handler of ours."""

    def __init__(
        self, door: Door, on_error: Callable[[str, BaseException], None]
    ) -> None:
        super().__init__(logging.ERROR)
        self._door = door
        self._on_error = on_error

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            self._door.note_refused(f"its request is no HTTP ({type(error).__name__})")
        elif error is not None and not isinstance(error, _HARMLESS):
            self._on_error("a request at the kernel's port", error)


def _log_of(
    door: Door, on_error: Callable[[str, BaseException], None]
) -> logging.Logger:
    """What aiohttp writes to: one for each port, in nobody's hierarchy."""
    logger = logging.Logger("meshwidget.port")
    logger.addHandler(_Bridge(door, on_error))
    return logger


async def _nothing(request: web.Request) -> web.StreamResponse:
    raise web.HTTPNotFound


def _refuse(refused: Refused) -> web.Response:
    response = web.Response(status=refused.status, text=f"{refused}\n")
    response.force_close()
    return response
