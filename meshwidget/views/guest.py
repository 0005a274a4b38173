"""The learner's own browser as a participant: the widget that lets it in.

The page does the WebRTC. The kernel's part is the page's line to the signaling server,
over this widget's comm: what it says goes to :class:`~meshwidget.signaling.pages.Pages`
and what is said to it comes from there. No call logic is here.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget

from ..nesting import view_closed, view_opened

if TYPE_CHECKING:
    from ..mesh import Mesh

__all__ = ["BrowserGuest"]

HERE = Path(__file__).parent


class BrowserGuest(anywidget.AnyWidget):
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
        self._loop = mesh.loop
        self._sending = threading.Lock()
        super().__init__()
        self._line = mesh.pages.open_line(self._send_to_pages, Passage().is_open)
        self.on_msg(self._receive)
        view_opened(self)

    def close(self) -> None:
        """Take it off every page; those that had joined by it leave."""
        if not hasattr(self, "_line"):
            return  # it was never finished, and is collected now
        self._loop.call_soon(self._line.close)
        view_closed(self)
        with self._sending:
            super().close()

    def __repr__(self) -> str:
        return f"<BrowserGuest of room {self._room}>"

    def _receive(self, widget: object, content: object, buffers: object) -> None:
        """Hand a page's message on; on whatever thread the kernel takes it."""
        if self._loop.closed:
            # Pages that open later still have to hear that there is no call.
            self._send_to_pages({"type": "closed"})
        else:
            self._loop.call_soon(self._line.receive, content)

    def _send_to_pages(self, content: dict[str, Any]) -> None:
        with self._sending:
            if self.comm is not None:  # closed on another thread
                self.send(content)


class Passage:
    """Whether messages of a comm get through to where they are handled.

    They do not while a cell keeps the kernel's main thread busy. So its event loop is
    given something to do each time; if that is not done by the next, nothing else is.
    """

    def __init__(self) -> None:
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None  # no notebook: whoever hands messages over can always
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
