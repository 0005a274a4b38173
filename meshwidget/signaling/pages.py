"""The edge for the pages of this package: signaling over a view's own messages.

Beside the socket.io edge, over the same switchboard. A page that shows a view has a
line to the kernel already, a widget's comm or a WebSocket; a browser's peer speaks over
it, so that our pages need no socket.io client. A line carries JSON objects:

from the page
    ``{type: "hello", client}``: it is here, or on this line from now on;
    ``{type: "signal", client, request, event, payload}``: an event of the protocol;
    ``{type: "alive", client}``: the answer to a ping;
    ``{type: "bye", client}``: it is being closed.
to the page
    ``{type: "settings", client, connected, room, …}`` after a hello;
    ``{type: "signal", client, event, payload}``: what the server sends on;
    ``{type: "reply", client, request, ok, …}``: the acknowledgement of a signal;
    ``{type: "ping", client}``, while it is a peer;
    ``{type: "gone", client}`` when it speaks though it was given up: it may join again;
    ``{type: "refused", code, message}`` for what is no such message;
    ``{type: "closed"}``, to all: the call is over.

A client is one page and one connection. It may go from one line to another: where it
speaks last it is spoken to. Pages are asked for a sign of life, because an answer is
not slowed down in a background tab as timers are. Everything runs on the mesh loop.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from ..conversion import announce
from ..errors import ProtocolError
from .limits import MAX_PAGES
from .protocol import MAX_ID_LENGTH, shorten
from .pulse import Pulse
from .switchboard import Switchboard

PING_SECONDS = 0.25
"""Between two looks at who is still there."""

LOST_SECONDS = 1.25
"""Of silence, until a page is given up. With what passes between two looks, and the
moment for which its place is kept, the others hear of it within two seconds. A page
that was only busy takes its place again in that moment, or else joins again."""

SendToPages = Callable[[dict[str, Any]], None]

Client = Annotated[str, msgspec.Meta(min_length=8, max_length=MAX_ID_LENGTH)]


class Hello(msgspec.Struct, frozen=True, tag_field="type", tag="hello"):
    """The page is here, and hears what is said on this line."""

    client: Client


class Signal(msgspec.Struct, frozen=True, tag_field="type", tag="signal"):
    """An event of the wire protocol."""

    client: Client
    request: Annotated[int, msgspec.Meta(ge=0)]
    event: str
    payload: Any = msgspec.UNSET


class Alive(msgspec.Struct, frozen=True, tag_field="type", tag="alive"):
    """The answer to a ping."""

    client: Client


class Bye(msgspec.Struct, frozen=True, tag_field="type", tag="bye"):
    """The page is being closed, or goes to another line."""

    client: Client


PageMessage = Hello | Signal | Alive | Bye
announce([PageMessage])


@dataclass(slots=True)
class _Page:
    connection: str
    line: Line
    pulse: Pulse


class Line:
    """One way to one page, or to all pages of a widget; mesh loop only.

    Made by :meth:`Pages.open_line`.
    """

    def __init__(
        self, pages: Pages, send: SendToPages, is_passable: Callable[[], bool]
    ) -> None:
        self.is_passable = is_passable
        self.is_closed = False
        self._pages = pages
        self._send = send

    def receive(self, content: object) -> None:
        """Take what a page has said."""
        self._pages.receive(self, content)

    def send(self, content: dict[str, Any]) -> None:
        """Say something, in order and soon.

        A transport that fails has an error of its own in the log, and whoever speaks
        to others as well goes on.
        """
        asyncio.get_running_loop().call_soon(self._send, content)

    def close(self) -> None:
        """Note that nothing comes this way any more."""
        self.is_closed = True
        self._pages.close_line(self)


class Pages:
    """All browsers that are peers without being clients of socket.io.

    Parameters
    ----------
    switchboard : Switchboard
    settings : mapping
        What a page has to know before it joins, for instance ``iceServers``.
    """

    def __init__(self, switchboard: Switchboard, settings: Mapping[str, Any]) -> None:
        self._switchboard = switchboard
        self._settings = dict(settings)
        self._lines: set[Line] = set()
        self._pages: dict[str, _Page] = {}
        self._handling: set[asyncio.Task[None]] = set()
        self._watch: asyncio.Task[None] | None = None
        self._closed = False
        self._lost: dict[str, Line] = {}
        """Pages that were peers when the server went away, and hear nothing of it."""

    def open_line(
        self, send: SendToPages, is_passable: Callable[[], bool] = lambda: True
    ) -> Line:
        """Make a way to some pages, from any thread; it counts when it is used.

        Parameters
        ----------
        send : callable
            ``send(content)``, called on the mesh loop, must not wait.
        is_passable : callable
            Asked regularly, while a page of this line is a peer: whether what a page
            says has been able to arrive since it was asked last.
        """
        return Line(self, send, is_passable)

    def close_line(self, line: Line) -> None:
        """Note that nothing comes by this line any more."""
        self._lines.discard(line)
        for client, page in list(self._pages.items()):
            if page.line is line:
                self._give_up(client)

    def suspend(self) -> None:
        """Say nothing to the pages that are peers: the server is away."""
        self._lost = {client: page.line for client, page in self._pages.items()}
        self._pages.clear()

    def resume(self) -> None:
        """Have the pages that were peers take their places again."""
        lost, self._lost = self._lost, {}
        for client, line in lost.items():
            line.send({"type": "gone", "client": client})

    def close(self) -> None:
        """Tell every page that the call is over."""
        self._closed = True
        self._pages.clear()
        if self._watch is not None:
            self._watch.cancel()
        for line in self._lines:
            line.send({"type": "closed"})
        self._lines.clear()

    def receive(self, line: Line, content: object) -> None:
        """Take what a page has said on a line."""
        if line.is_closed:
            return
        if self._closed:
            line.send({"type": "closed"})
            return
        self._lines.add(line)
        try:
            message = msgspec.convert(content, PageMessage)
            # What is said back goes over a comm, as UTF-8.
            message.client.encode()
        except (msgspec.ValidationError, RecursionError, UnicodeError) as error:
            line.send(_refusal(error))
            return
        # Tasks begin in order, and nothing in them waits.
        task = asyncio.create_task(self._handle(line, message))
        self._handling.add(task)
        task.add_done_callback(self._handling.discard)

    async def _handle(self, line: Line, message: PageMessage) -> None:
        if line.is_closed:
            return  # meanwhile: who came in now would never go
        if message.client in self._lost:
            self._lost[message.client] = line
            return
        page = self._pages.get(message.client)
        if page is not None:
            page.pulse.beat(_now())
        match message:
            case Hello(client=client):
                if page is not None:
                    page.line = line
                line.send(
                    {
                        **self._settings,
                        "type": "settings",
                        "client": client,
                        "connected": page is not None,
                    }
                )
            case Signal():
                await self._answer(line, message)
            case Alive(client=client) if page is None:
                line.send({"type": "gone", "client": client})
            case Bye(client=client) if page is not None and page.line is line:
                self._give_up(client)
                # A line that was blocked brings an old hello and its bye late. Whoever
                # has moved on meanwhile is still there, and has to know.
                line.send({"type": "gone", "client": client})

    async def _answer(self, line: Line, signal: Signal) -> None:
        try:
            page = self._page(line, signal)
        except ProtocolError as error:
            answer = {"ok": False, "code": error.code, "message": str(error)}
        else:
            arguments = [] if signal.payload is msgspec.UNSET else [signal.payload]
            answer = await self._switchboard.event(
                page.connection, signal.event, arguments
            )
        line.send(
            {
                "message": "",
                **answer,
                "type": "reply",
                "client": signal.client,
                "request": signal.request,
            }
        )

    def _page(self, line: Line, signal: Signal) -> _Page:
        """The page that sent it, connected if it begins to be a peer by it."""
        client = signal.client
        page = self._pages.get(client)
        if page is not None:
            page.line = line
            return page
        if signal.event != "join_room":
            raise ProtocolError("not_joined", "join a room first")
        if len(self._pages) >= MAX_PAGES:
            raise ProtocolError(
                "too_many_pages",
                f"{MAX_PAGES} pages take part already; no more fit",
            )
        # Not the page's own id: the others hear this one.
        connection = f"page-{secrets.token_urlsafe(12)}"

        async def send(event: str, *payload: Any) -> None:
            present = self._pages.get(client)
            if present is not None:
                message = {"type": "signal", "client": client, "event": event}
                if payload:
                    message["payload"] = payload[0]
                present.line.send(message)

        self._switchboard.connect(connection, send)
        page = _Page(connection, line, Pulse(_now(), 2 * PING_SECONDS))
        self._pages[client] = page
        if self._watch is None:
            self._watch = asyncio.create_task(self._watch_over())
        return page

    def _give_up(self, client: str) -> None:
        page = self._pages.pop(client)
        self._switchboard.disconnect(page.connection, politely=False)

    async def _watch_over(self) -> None:
        """Ask the pages for signs of life, as long as there are any."""
        while self._pages:
            passable = {line: line.is_passable() for line in self._lines}
            for client, page in list(self._pages.items()):
                silence = page.pulse.silence(_now(), passable=passable[page.line])
                if silence >= LOST_SECONDS:
                    self._give_up(client)
                else:
                    page.line.send({"type": "ping", "client": client})
            await asyncio.sleep(PING_SECONDS)
        self._watch = None


def _now() -> float:
    return asyncio.get_running_loop().time()


def _refusal(error: Exception) -> dict[str, Any]:
    what, _, where = str(error).rpartition(" - at ")
    text = shorten(what or where, 100) + (f" at {shorten(where)}" if what else "")
    return {"type": "refused", "code": "invalid_payload", "message": text}
