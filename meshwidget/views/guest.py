"""The learner's own browser as a participant: the widget that lets it in.

The page does the WebRTC. The kernel's part is the page's line to the signaling server:
what it says goes to :class:`~meshwidget.signaling.pages.Pages`, and what is said to it
comes from there. No call logic is here.
"""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import MeshClosedError
from ..nesting import view_closed, view_opened
from .live import LiveWidget

if TYPE_CHECKING:
    from ..mesh import Mesh
    from .socket import Send

__all__ = ["BrowserGuest", "GuestEnd"]

HERE = Path(__file__).parent


class GuestEnd:
    """The kernel's end of the way to one page, or to all pages of a comm.

    Parameters
    ----------
    mesh : Mesh
    send : callable
        ``send(content, buffers)``, from any thread.
    is_passable : callable
        As for :meth:`~meshwidget.signaling.pages.Pages.open_line`.
    """

    def __init__(
        self, mesh: Mesh, send: Send, is_passable: Callable[[], bool] = lambda: True
    ) -> None:
        self._loop = mesh.loop
        self._send = send
        self._line = mesh.pages.open_line(lambda said: send(said, ()), is_passable)
        view_opened(self, mesh.loop)

    def receive(self, content: object) -> None:
        """Take what a page has said, from any thread."""
        if self._loop.closed:
            # Pages that open later still have to hear that there is no call.
            self._send({"type": "closed"}, ())
        else:
            self._loop.call_soon(self._line.receive, content)

    def close(self) -> None:
        """Give the pages up that came this way, from any thread."""
        self._loop.call_soon(self._line.close)
        view_closed(self)


class BrowserGuest(LiveWidget[GuestEnd]):
    """A button with which a browser joins the call, and what it receives.

    Parameters
    ----------
    mesh : Mesh
        The call. Closing the widget takes its pages out of it, and nobody else.
    """

    _esm = HERE / "guest.js"
    _css = HERE / "guest.css"

    def __init__(self, mesh: Mesh) -> None:
        self._room = mesh.room
        self._mesh = weakref.ref(mesh)
        self._cells = _running_loop()
        super().__init__(mesh)

    def __repr__(self) -> str:
        return f"<BrowserGuest of room {self._room}>"

    def _open_end(self, send: Send) -> GuestEnd:
        mesh = self._mesh()
        if mesh is None:
            raise MeshClosedError("the mesh is closed; make a new one")
        return GuestEnd(mesh, send, Passage(self._cells).is_open)


class Passage:
    """Whether messages of a comm get through to where they are handled.

    They do not while a cell keeps the kernel's main thread busy. So its event loop is
    given something to do each time; if that is not done by the next, nothing else is.

    Parameters
    ----------
    loop : AbstractEventLoop or None
        The one that runs cells. None is no notebook: whoever hands messages over
        always can.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop | None) -> None:
        self._loop = loop
        self._done = True

    def is_open(self) -> bool:
        """Whether anything has got through since the last time this was asked."""
        if self._loop is None:
            return True
        was_done = self._done
        if was_done:
            self._done = False
            # The kernel is shutting down when its loop is closed.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._note)
        return was_done

    def _note(self) -> None:
        self._done = True


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
