"""The controls with which a call is held still and stepped, as a widget."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from .grid import optional_names
from .stepping_session import SteppingSession

if TYPE_CHECKING:
    from ..mesh import Mesh

HERE = Path(__file__).parent


class Stepper(anywidget.AnyWidget):
    """Pause, Step, Resume; what is held; why somebody is not seen.

    Parameters
    ----------
    mesh : Mesh
        The call. The stepper can be closed without closing it.

    Attributes
    ----------
    asked : (str, str) or None
        Who does not see whom, to be explained.
    selected : int or None
        Number of the message that is open, here or in a diagram.
    """

    _esm = HERE / "stepper.js"
    _css = HERE / "stepper.css"

    asked = optional_names()
    selected = traitlets.Int(None, allow_none=True)

    def __init__(self, mesh: Mesh) -> None:
        self._room = mesh.room
        self._sending = threading.Lock()
        super().__init__()
        self._session = SteppingSession(mesh, self._send_to_pages)
        self.on_msg(self._receive)

    def close(self) -> None:
        """Take the stepper off every page; the call goes on."""
        if not hasattr(self, "_session"):
            return  # it was never finished, and is collected now
        self._session.close()
        with self._sending:
            super().close()

    def __repr__(self) -> str:
        return f"<Stepper of room {self._room}>"

    @traitlets.validate("asked")
    def _check_asked(self, proposal: Any) -> Any:
        asked = proposal["value"]
        if asked is not None and len(set(asked)) != 2:
            raise traitlets.TraitError("asked has two names, who sees and whom")
        return asked

    @traitlets.observe("asked", "selected")
    def _look_changed(self, change: object) -> None:
        if hasattr(self, "_session"):
            self._session.look(self.asked, self.selected)

    def _receive(self, widget: object, content: object, buffers: object) -> None:
        """Hand a page's message on; on whatever thread the kernel takes it."""
        match content:
            case {"type": "close"}:
                self.asked = None
                return
            case {"type": "open", "number": int(number)}:
                self.selected = number  # the reply has its text as well
        self._session.receive(content)

    def _send_to_pages(self, content: dict[str, Any]) -> None:
        with self._sending:
            if self.comm is not None:  # closed on another thread
                self.send(content)
