"""One view's end in the kernel: a task on the mesh's loop that feeds its pages.

Everything with a leading underscore runs on the mesh's thread; the public methods
only hand off to it, so that a widget's message handler may call them from anywhere.

The transport is one function: ``send(content, buffers)`` takes a JSON object and
binary buffers, to all pages of the view, and is called on the mesh's thread. What a
page says comes back through :meth:`ViewSession.receive`. A comm and a WebSocket
differ in nothing else.

The mesh is referred to weakly: a panel that is still on a page must not keep a call
going that its owner has dropped.
"""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from ..errors import MeshError, ProtocolError
from ..events import Event, MeshClosed, PeerJoined, TaskFailed
from ..nesting import view_closed, view_opened
from .fault_actions import call_menu, chosen, link_menu, perform, tile_menu
from .held import Follower
from .messages import (
    Acknowledgement,
    Bye,
    Exit,
    Fault,
    Hello,
    Join,
    Menu,
    PageMessage,
    Request,
    Undecodable,
    View,
    Visibility,
    parse,
    reply,
)
from .overload import Overload
from .pictures import Pictures
from .reading import CallReading, closed_message, read_call
from .stream import FrameStream

if TYPE_CHECKING:
    from ..mesh import Mesh

TICKS_PER_SECOND = 36
"""Looks for new pictures. Somewhat more than the pictures' own rate: at the same rate a
look that comes now before and now after a picture would miss one and find none."""

TICKS_PER_STATE = 8
"""Ticks between two looks at all that is said in words: less than five a second."""

PARTING_SECONDS = 0.05
"""For an answer to reach its page before the server goes, and every line with it."""

Send = Callable[[dict[str, Any], list[bytes]], None]
Action = Callable[["Mesh"], Coroutine[Any, Any, object]]


class ViewSession:
    """Feeds every page that shows one view of a mesh.

    Parameters
    ----------
    mesh : Mesh
    send : callable
        The transport, see above.
    viewer : str or None
        Whose view it is at first; see :func:`read_call`.
    """

    def __init__(self, mesh: Mesh, send: Send, viewer: str | None = None) -> None:
        self._mesh = weakref.ref(mesh)
        self._loop = mesh.loop
        self._room, self._max_peers = mesh.room, mesh.max_peers
        self._send = send
        self._viewer = viewer
        self._stream = FrameStream()
        self._pictures = Pictures(time.monotonic)
        self._follower = Follower(mesh.log)
        self._overload = Overload()
        self._reading: CallReading | None = None
        self._said: dict[str, Any] | None = None
        self._failure = _last_failure(mesh)
        self._unsubscribe = mesh.log.subscribe(self._note)
        self._ticking: asyncio.Task[None] | None = None
        self._requests: set[asyncio.Task[None]] = set()
        self._closed = mesh.closed
        view_opened(self, mesh.loop)

    def receive(self, content: object) -> None:
        """Take what a page has said, from any thread."""
        if self._closed or self._loop.closed:
            # Pages that open later still have to hear that there is no call.
            self._send(closed_message(self._room, self._max_peers), [])
        else:
            self._loop.call_soon(self._receive, content)

    def look_as(self, viewer: str | None) -> None:
        """Show what another participant receives, from any thread."""
        self._loop.call_soon(self._look_as, viewer)

    def close(self) -> None:
        """Stop feeding, from any thread; the call goes on."""
        self._loop.call_soon(self._stop)

    def _receive(self, content: object) -> None:
        if self._closed:
            return  # it was on its way when the view was closed
        try:
            message = parse(content)
        except ProtocolError as error:
            refusal = {"type": "refused", "code": error.code, "message": str(error)}
            self._send(refusal, [])
        else:
            self._handle(message)

    def _handle(self, message: PageMessage) -> None:
        match message:
            case Acknowledgement(client=client, sequence=sequence):
                if self._stream.acknowledge(client, sequence):
                    self._pictures.need_keyframes(None)
            case Hello(client=client, codecs=codecs):
                self._stream.hello(client, decodes="vp8" in codecs)
                self._say_state(time.monotonic(), again=True)
            case Visibility(client=client, visible=visible, hidden=hidden):
                appeared = self._stream.set_visible(client, visible, hidden)
                self._pictures.need_keyframes(appeared)
                if visible:
                    self._say_state(time.monotonic(), again=True)
            case Undecodable(tiles=tiles, failed=True):
                self._pictures.fail(tiles)
            case Undecodable(tiles=tiles):
                self._pictures.need_keyframes(tiles)
            case Bye(client=client):
                self._stream.bye(client)
            case View(viewer=viewer):
                self._look_as(viewer)
            case Join(name=name):
                self._start(message, lambda mesh: mesh.join_async(name))
            case Exit(name=name):
                self._start(message, lambda mesh: mesh.exit_async(name))
            case Menu():
                self._show_menu(message)
            case Fault():
                self._start(message, lambda mesh: self._break(mesh, message))
        if self._stream.watched and self._ticking is None:
            self._ticking = asyncio.get_running_loop().create_task(self._tick_on())

    def _look_as(self, viewer: str | None) -> None:
        self._viewer = viewer
        self._say_state(time.monotonic())

    def _show_menu(self, request: Menu) -> None:
        mesh = self._mesh()
        if mesh is None:
            return
        moment = self._follower.moment()
        match request.of:
            case "tile":
                menu = tile_menu(moment, list(mesh.peers), *request.names)
            case "link":
                menu = link_menu(moment, *request.names)
            case _:
                menu = call_menu(moment)
        self._send(reply(request, ok=True, message="", menu=menu), [])

    async def _break(self, mesh: Mesh, request: Fault) -> None:
        """Do what was chosen in a menu."""
        names = request.names
        action = chosen(self._follower.moment(), mesh.peers, names, request.key)
        if not names and action.method == "stop":
            # The page may hear from us over the very server that goes away.
            self._send(reply(request, ok=True, message=""), [])
            await asyncio.sleep(PARTING_SECONDS)
        await perform(mesh, action, names, request.values)

    def _start(self, request: Request, action: Action) -> None:
        task = asyncio.get_running_loop().create_task(self._answer(request, action))
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)

    async def _answer(self, request: Request, action: Action) -> None:
        mesh = self._mesh()
        if mesh is None:
            return
        try:
            await action(mesh)
        except MeshError as error:
            self._send(reply(request, ok=False, message=str(error)), [])
        except Exception as error:
            # A mistake of ours: the page must not wait for ever, and the loop's
            # handler, to which it goes on, puts it into the log.
            message = f"that failed: {type(error).__name__}: {error}"
            self._send(reply(request, ok=False, message=message), [])
            raise
        else:
            self._say_state(time.monotonic())
            self._send(reply(request, ok=True, message=""), [])

    async def _tick_on(self) -> None:
        """Tick as long as somebody looks, on an absolute schedule."""
        clock = asyncio.get_running_loop().time
        due, ticks = clock(), 0
        try:
            while self._stream.watched:
                if ticks % TICKS_PER_STATE == 0:
                    self._say_state(time.monotonic())
                self._send_frames(clock())
                ticks += 1
                due = max(due + 1 / TICKS_PER_SECOND, clock())
                await asyncio.sleep(due - clock())
                self._stream.drop_stale(clock())
        finally:
            self._pictures.follow({}, video=False)
            self._ticking = None

    def _send_frames(self, now: float) -> None:
        if self._reading is None:
            return
        tiles = {
            tile.key: tile.sink
            for tile in self._reading.tiles
            if tile.sink is not None and self._stream.on_screen(tile.key)
        }
        self._pictures.follow(tiles, video=self._stream.decodes)
        if not self._stream.ready():
            return
        self._pictures.ask()
        chosen = self._stream.take(self._pictures.versions(), now)
        if not chosen:
            return
        pictures = [
            (key, picture) for key in chosen for picture in self._pictures.take(key)
        ]
        # Sent even if no picture could be encoded: the number has been taken, and
        # whoever looks owes an acknowledgement for it.
        message = {
            "type": "frames",
            "sequence": self._stream.sequence,
            "pictures": [picture.describe(key) for key, picture in pictures],
        }
        self._send(message, [picture.data for _, picture in pictures])

    def _say_state(self, now: float, *, again: bool = False) -> None:
        """Say how the call is, if it has changed since it was said last."""
        mesh = self._mesh()
        if mesh is None or mesh.closed or self._closed:
            return
        self._reading = read_call(
            mesh,
            self._viewer,
            now,
            self._failure,
            self._follower.moment(),
            self._overload,
        )
        message = self._reading.message()
        if again or message != self._said:
            self._said = message
            self._send(message, [])

    def _note(self, event: Event) -> None:
        """Take an event, on whatever thread it is recorded.

        What went wrong outside any tile is kept until somebody joins after it.
        """
        if isinstance(event, TaskFailed):
            self._failure = str(event)
        elif isinstance(event, PeerJoined):
            self._failure = None
        elif isinstance(event, MeshClosed):
            self._loop.call_soon(self._end)

    def _end(self) -> None:
        """Tell the pages that the call is over."""
        if not self._closed:
            self._stop()
            self._send(closed_message(self._room, self._max_peers), [])

    def _stop(self) -> None:
        # What somebody has asked for by a click is finished all the same.
        self._closed = True
        self._unsubscribe()
        view_closed(self)
        if self._ticking is not None:
            self._ticking.cancel()


def _last_failure(mesh: Mesh) -> str | None:
    for event in reversed(list(mesh.log)):
        if isinstance(event, PeerJoined):
            return None
        if isinstance(event, TaskFailed):
            return str(event)
    return None
