"""The stepper's end in the kernel: says what is held, does what a page asks for.

Everything with a leading underscore runs on the mesh's thread; the public methods only
hand off to it. The transport is one function, as for
:class:`~meshwidget.views.session.ViewSession`: ``send(content)``.

Nothing runs by itself: a state is said when the log has grown, ten times a second at
most, and only while somebody looks and has what was said before.

The mesh is referred to weakly, as there.
"""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import MeshError, ProtocolError, SteppingError
from ..events import Event, MeshClosed
from ..history.moment import Moment
from ..nesting import view_closed, view_opened
from .audience import Audience
from .held import Follower, Rows, editable_text, held_state
from .messages import Request, reply
from .stepping_messages import (
    Bye,
    Drop,
    Edit,
    Here,
    Open,
    Pause,
    Resume,
    Step,
    SteppingMessage,
    parse,
)

if TYPE_CHECKING:
    from ..mesh import Mesh
    from ..signaling.gate import Message

INTERVAL = 0.1
"""Seconds between two states."""

Send = Callable[[dict[str, Any]], None]


class SteppingSession:
    """Feeds every page that shows one stepper.

    Parameters
    ----------
    mesh : Mesh
    send : callable
        The transport, see above.
    """

    def __init__(self, mesh: Mesh, send: Send) -> None:
        self._mesh = weakref.ref(mesh)
        self._loop = mesh.loop
        self._send = send
        self._follower = Follower(mesh.log)
        self._rows = Rows()
        self._audience = Audience()
        self._asked: tuple[str, str] | None = None
        self._selected: int | None = None
        self._said: dict[str, Any] | None = None
        self._due: asyncio.TimerHandle | None = None
        self._requests: set[asyncio.Task[None]] = set()
        self._closed = mesh.closed
        self._unsubscribe = mesh.log.subscribe(self._note)
        view_opened(self, mesh.loop)

    def receive(self, content: object) -> None:
        """Take what a page has said, from any thread."""
        if self._closed or self._loop.closed:
            self._send(_closed_state())
        else:
            self._loop.call_soon(self._receive, content)

    def look(self, asked: tuple[str, str] | None, selected: int | None) -> None:
        """Explain somebody's picture, mark a message; from any thread."""
        self._loop.call_soon(self._look, asked, selected)

    def close(self) -> None:
        """Stop feeding, from any thread; the call goes on."""
        self._loop.call_soon(self._stop)

    def _receive(self, content: object) -> None:
        try:
            message = parse(content)
        except ProtocolError as error:
            self._send({"type": "refused", "message": str(error)})
        else:
            self._handle(message)

    def _handle(self, message: SteppingMessage) -> None:
        match message:
            case Here(client=client, version=version, visible=visible):
                self._audience.here(client, version, visible, time.monotonic())
                self._say()
            case Bye(client=client):
                self._audience.bye(client)
            case Request():
                task = asyncio.get_running_loop().create_task(self._answer(message))
                self._requests.add(task)
                task.add_done_callback(self._requests.discard)

    def _look(self, asked: tuple[str, str] | None, selected: int | None) -> None:
        self._asked, self._selected = asked, selected
        self._say()

    async def _answer(self, request: Request) -> None:
        mesh = self._mesh()
        if mesh is None:
            return
        try:
            done = await self._do(mesh, request)
        except MeshError as error:
            self._send(reply(request, ok=False, message=str(error)))
        except Exception as error:
            # A mistake of ours: the page must not wait for ever, and the loop's
            # handler, to which it goes on, puts it into the log.
            message = f"that failed: {type(error).__name__}: {error}"
            self._send(reply(request, ok=False, message=message))
            raise
        else:
            self._say()
            self._send(reply(request, ok=True, message=done))

    async def _do(self, mesh: Mesh, request: Request) -> str:
        """Do what a page asks for, and say what has happened."""
        match request:
            case Pause():
                await mesh.pause_async()
                return "Paused: messages are held at the server from now on."
            case Resume():
                await mesh.resume_async()
                return "Resumed: everything is delivered as it comes."
            case Step(number=number):
                which = None if number is None else _pending(mesh, number)
                return repr(await mesh.step_async(which))
            case Drop(number=number):
                message = _pending(mesh, number)
                await mesh.drop_async(message)
                return f"Dropped: {_described(self._moment(), message.number)}."
            case Edit(number=number, text=text):
                message = _pending(mesh, number)
                text = _wire_text(message, text)
                if message.kind == "candidate":
                    await mesh.edit_async(message, candidate=text)
                else:
                    await mesh.edit_async(message, sdp=text)
                return f"Changed: {_described(self._moment(), message.number)}."
            case Open(number=number):
                message = _pending(mesh, number)
                return editable_text(self._moment().messages[message.number]) or ""
        raise AssertionError(f"{request!r} is no stepping request")

    def _moment(self) -> Moment:
        return self._follower.moment()

    def _note(self, event: Event) -> None:
        """Take an event, on whatever thread it is recorded."""
        if isinstance(event, MeshClosed):
            self._loop.call_soon(self._end)
        elif self._due is None:
            self._loop.call_soon(self._say_later)

    def _say_later(self) -> None:
        if self._due is None and not self._closed:
            loop = asyncio.get_running_loop()
            self._due = loop.call_later(INTERVAL, self._say)

    def _say(self) -> None:
        """Say how it is, if that has changed and somebody is ready to hear it."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        now = time.monotonic()
        if self._closed or not self._audience.is_ready(now):
            return  # a page speaks up when it has the last one, and every few seconds
        state = held_state(self._moment(), self._asked, self._selected, self._rows)
        if self._audience.wants_all or state != self._said:
            self._said = state
            _, version = self._audience.sent(now)
            self._send({"type": "state", "version": version, **state})

    def _end(self) -> None:
        """Tell the pages that the call is over."""
        if not self._closed:
            self._stop()
            self._send(_closed_state())

    def _stop(self) -> None:
        self._closed = True
        self._unsubscribe()
        view_closed(self)
        if self._due is not None:
            self._due.cancel()


def _closed_state() -> dict[str, Any]:
    moment = Moment()
    moment.closed = True
    return {"type": "state", "version": 0, **held_state(moment, None, None)}


def _pending(mesh: Mesh, number: int) -> Message:
    for message in mesh.pending:
        if message.number == number:
            return message
    raise SteppingError(
        f"message {number} is not pending any more: it was delivered or dropped"
    )


def _described(moment: Moment, number: int) -> str:
    return moment.messages[number].described


def _wire_text(message: Message, text: str) -> str:
    """What was typed, with the line ends of SDP (RFC 8866, section 5).

    A page's text area has other line ends, and drops none at the end on purpose.
    """
    if message.kind == "candidate":
        return text.strip()
    return "".join(f"{line}\r\n" for line in text.splitlines() if line)
