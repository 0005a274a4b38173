"""A widget's second way to its pages: WebSockets, through Jupyter's own server.

A :class:`Channel` has an address that cannot be guessed. Each page that opens a
WebSocket there has an end of its own in the kernel.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from .socket import PageEnd, Send, serve_page

if TYPE_CHECKING:
    from aiohttp import web

    from ..mesh import Mesh

End = TypeVar("End", bound=PageEnd)


class Channel(Generic[End]):
    """The pages of one widget that came over a WebSocket.

    The widget, whose methods the callables are, is not kept alive by them.

    Parameters
    ----------
    mesh : Mesh
        Whose server takes the pages.
    open_end : callable
        Given what sends to a page, from any thread, makes its end in the kernel. Called
        on the mesh's thread.
    take : callable
        ``take(content, end)``: what a page has said to its end.
    in_thread : frozenset of str
        Types of messages that are not taken on the mesh's thread.
    on_end : callable
        Called on the mesh's thread when the call is over.

    Attributes
    ----------
    address : str
        Below ``{base_url}meshwidget/`` of the Jupyter server; empty of a call that is
        over.
    """

    def __init__(
        self,
        mesh: Mesh,
        open_end: Callable[[Send], End],
        take: Callable[[object, End], None],
        in_thread: frozenset[str],
        on_end: Callable[[], None],
    ) -> None:
        self._name = secrets.token_urlsafe(16)
        self._mesh = weakref.ref(mesh)
        self._loop = mesh.loop
        self._open_end = weakref.WeakMethod(open_end)
        self._take = weakref.WeakMethod(take)
        self._in_thread = in_thread
        self._pages: dict[web.WebSocketResponse, _Page[End]] = {}
        self._closing: set[asyncio.Task[bool]] = set()
        self._lock = threading.Lock()
        self.address = mesh.open_channel(self._name, self._serve)
        ended = weakref.WeakMethod(on_end)

        def end() -> None:
            if (on_end := ended()) is not None:
                on_end()

        self._end = end
        mesh.add_closer(end)

    @property
    def ends(self) -> tuple[End, ...]:
        """Those of the pages that are there now."""
        with self._lock:
            return tuple(page.end for page in self._pages.values())

    def close(self) -> None:
        """Take no more pages and hang up on those that are there; from any thread."""
        mesh = self._mesh()
        if mesh is not None:
            mesh.close_channel(self._name)
            mesh.remove_closer(self._end)
        self._loop.call_soon(self._hang_up)

    def _hang_up(self) -> None:
        for socket in self._pages:
            task = asyncio.get_running_loop().create_task(socket.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def _serve(self, socket: web.WebSocketResponse) -> None:
        open_end, take = self._open_end(), self._take()
        if open_end is None or take is None:
            return  # the widget was collected

        def open_page(send: Send) -> _Page[End]:
            page = _Page(open_end(send), take)
            with self._lock:
                self._pages[socket] = page
            return page

        try:
            await serve_page(socket, open_page, self._in_thread)
        finally:
            with self._lock:
                self._pages.pop(socket, None)


class _Page(Generic[End]):
    """An end, behind a widget that hears first what is said to it."""

    def __init__(self, end: End, take: Callable[[object, End], None]) -> None:
        self.end = end
        self._take = take

    def receive(self, content: object) -> None:
        self._take(content, self.end)

    def close(self) -> None:
        self.end.close()
