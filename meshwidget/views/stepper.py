"""The controls with which a call is held still and stepped, as a widget."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import traitlets

from ..errors import MeshClosedError
from .grid import optional_names
from .live import LiveWidget
from .stepping_session import SteppingSession

if TYPE_CHECKING:
    from ..mesh import Mesh
    from .socket import Send

HERE = Path(__file__).parent


class Stepper(LiveWidget[SteppingSession]):
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

    _SETS = frozenset({"close", "open"})

    def __init__(self, mesh: Mesh) -> None:
        self._room = mesh.room
        self._mesh = weakref.ref(mesh)
        super().__init__(mesh)

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
        for session in self._ends:
            session.look(self.asked, self.selected)

    def _open_end(self, send: Send) -> SteppingSession:
        mesh = self._mesh()
        if mesh is None:
            raise MeshClosedError("the mesh is closed; make a new one")
        session = SteppingSession(mesh, lambda content: send(content, ()))
        session.look(self.asked, self.selected)
        return session

    def _take(self, content: object, end: SteppingSession) -> None:
        match content:
            case {"type": "close"}:
                self.asked = None
                return
            case {"type": "open", "number": int(number)}:
                self.selected = number  # the reply has its text as well
        end.receive(content)
