"""WebSockets between a browser and a kernel, one to one.

The kernel is called first: when it does not answer, the browser hears a status and a
sentence, as there is no way to tell it so later. From then on each side's messages go
to the other, each waiting until the one before is written, so that nothing piles up
here when a side is slow. When one side closes, so does the other.
"""

from __future__ import annotations

import asyncio
import contextlib
from urllib.parse import urlencode

from jupyter_server.auth.decorator import authorized, ws_authenticated
from jupyter_server.base.websocket import WebSocketMixin
from tornado import httpclient, web
from tornado.iostream import StreamClosedError
from tornado.websocket import (
    WebSocketClientConnection,
    WebSocketClosedError,
    WebSocketError,
    WebSocketHandler,
    websocket_connect,
)

from ..registration import Registration
from ..signaling.limits import MAX_PACKET_BYTES, MAX_VIEW_BYTES
from .base import Handler
from .sockets import OpenSockets, TooManySockets

_MAX_FROM_KERNEL = 16 * 1024 * 1024
"""Bytes of one message: pictures of all tiles or a long diagram, with room to spare."""

_CONNECT_SECONDS = 5

_PASSED_ON = {
    400: "The room does not understand this: it speaks socket.io 5 (Engine.IO 4).",
    403: "The room does not let this server in: its call was closed.",
    404: "There is no such view in this room.",
    503: "The room has no place for another connection.",
}
"""What the kernel refuses with, and what it means for a browser."""


class Relay(WebSocketMixin, WebSocketHandler, Handler):
    """One browser's WebSocket into one room."""

    def initialize(self, sockets: OpenSockets) -> None:
        """Take what the route has for it."""
        self._sockets = sockets
        self._kernel: WebSocketClientConnection | None = None
        self._forwarding: asyncio.Task[None] | None = None

    @ws_authenticated
    @authorized(action="execute")  # type: ignore[untyped-decorator]
    async def get(self, room_id: str, *rest: str) -> None:  # type: ignore[override]
        """Connect both sides, and return when they have parted."""
        if self.request.headers.get("Upgrade", "").lower() != "websocket":
            raise web.HTTPError(
                400, "Only a WebSocket is answered here; transports: ['websocket']."
            )
        self.refuse_foreign_pages()
        path = self.kernel_path(*rest)
        registration = self.find_room(room_id)
        try:
            with self._sockets.one_more(room_id):
                await self._relay(registration, path)
        except TooManySockets as error:
            raise web.HTTPError(503, f"{error}.") from error

    def kernel_path(self, *rest: str) -> str:
        """What to ask the kernel for."""
        raise NotImplementedError

    async def _relay(self, registration: Registration, path: str) -> None:
        async with self._sockets.door(registration.room_id):
            self._kernel = await _connect(registration, path)
        try:
            await super().get()
        finally:
            self._kernel.close(_sendable(self.close_code))
            if self._forwarding is not None:
                self._forwarding.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._forwarding

    def open(self, *arguments: str, **keywords: str) -> None:
        """The browser is connected."""
        super().open(*arguments, **keywords)
        self._forwarding = asyncio.create_task(self._forward())

    async def on_message(self, message: str | bytes) -> None:
        """From the browser to the kernel; the next is read when this is written."""
        assert self._kernel is not None, "connected before the browser was"
        try:
            await self._kernel.write_message(message, binary=isinstance(message, bytes))
        except (WebSocketClosedError, StreamClosedError):
            self.close()

    async def _forward(self) -> None:
        """From the kernel to the browser, until either is gone."""
        kernel = self._kernel
        assert kernel is not None, "connected before the browser was"
        with contextlib.suppress(WebSocketClosedError, StreamClosedError):
            while (message := await kernel.read_message()) is not None:
                await self.write_message(message, binary=isinstance(message, bytes))
        self.close(_sendable(kernel.close_code), kernel.close_reason)


class SocketIoRelay(Relay):
    """A socket.io client that joins the room."""

    @property
    def max_message_size(self) -> int:
        """For tornado's base class, in bytes."""
        return MAX_PACKET_BYTES

    def kernel_path(self, *rest: str) -> str:
        """The kernel's socket.io; nothing else of the browser's query gets there."""
        if self.get_query_argument("transport", "") != "websocket":
            raise web.HTTPError(400, "Only transports: ['websocket'] is answered here.")
        version = self.get_query_argument("EIO", "")
        return "/socket.io/?" + urlencode({"EIO": version, "transport": "websocket"})


class ViewRelay(Relay):
    """A view that shows and steers the call."""

    @property
    def max_message_size(self) -> int:
        """For tornado's base class, in bytes."""
        return MAX_VIEW_BYTES

    def kernel_path(self, *rest: str) -> str:
        """One of the kernel's channels."""
        (channel,) = rest
        return f"/views/{channel}"


async def _connect(registration: Registration, path: str) -> WebSocketClientConnection:
    """Call the kernel.

    Raises
    ------
    tornado.web.HTTPError
    """
    host = f"[{registration.host}]" if ":" in registration.host else registration.host
    request = httpclient.HTTPRequest(
        f"ws://{host}:{registration.port}{path}",
        headers={"Authorization": f"Bearer {registration.secret}"},
        connect_timeout=_CONNECT_SECONDS,
        request_timeout=_CONNECT_SECONDS,
    )
    try:
        return await websocket_connect(request, max_message_size=_MAX_FROM_KERNEL)
    except httpclient.HTTPError as error:
        if error.code in _PASSED_ON:
            raise web.HTTPError(error.code, _PASSED_ON[error.code]) from error
        raise _unreachable() from error
    except (OSError, WebSocketError) as error:
        raise _unreachable() from error


def _unreachable() -> web.HTTPError:
    return web.HTTPError(502, "The room's kernel does not answer.")


def _sendable(code: int | None) -> int | None:
    """A code that a close frame may carry (RFC 6455, section 7.4), or None."""
    if code is None or code in {1004, 1005, 1006, 1015} or not 1000 <= code < 5000:
        return None
    return code
