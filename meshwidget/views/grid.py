"""The tiles as widgets: alone, as a matrix, and with the controls to join and leave.

All show the same front end, ``panel.js``; traits say what there is besides the tiles.
They are few and never hold a picture: those would end in the saved notebook.
Everything else goes through a :class:`ViewSession`, over custom messages of the comm or
over a WebSocket.
"""

from __future__ import annotations

import base64
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import traitlets

from ..errors import MeshClosedError
from ..signaling.protocol import EVERYONE
from .live import LiveWidget
from .messages import is_text
from .reading import CallReading, read_call
from .session import ViewSession
from .snapshot import snapshot

if TYPE_CHECKING:
    from ..mesh import Mesh
    from .socket import Send

__all__ = ["CallPanel", "MeshGrid", "MeshMatrix", "optional_names"]

HERE = Path(__file__).parent


def optional_names() -> traitlets.TraitType[Any, Any]:
    """A trait for two names, or for none."""
    return traitlets.Tuple(default_value=None, allow_none=True)


class MeshGrid(LiveWidget[ViewSession]):
    """The live tiles of what one participant receives.

    Parameters
    ----------
    mesh : Mesh
        The call to look at. The grid can be closed without closing the call.
    viewer : str, optional
        Whose view it is, see the trait.

    Attributes
    ----------
    viewer : str or None
        The participant whose received pictures are shown; its own tile is local.
        None follows the first in the room, ``"*"`` shows a row for everyone.
    mesh : Mesh
        The call.
    """

    _esm = HERE / "panel.js"
    _css = HERE / "panel.css"

    controls = traitlets.Bool(False, read_only=True).tag(sync=True)
    matrix = traitlets.Bool(False, read_only=True).tag(sync=True)
    viewer = traitlets.Unicode(None, allow_none=True)

    _SETS = frozenset({"view"})

    def __init__(self, mesh: Mesh, viewer: str | None = None) -> None:
        self.mesh = mesh
        super().__init__(mesh, viewer=viewer)

    def snapshot(self) -> bytes:
        """Return the tiles as they are now, as a PNG file."""
        try:
            reading = self.mesh.loop.run(self._look())
        except MeshClosedError:
            reading = read_call(self.mesh, self.viewer, time.monotonic())
        return snapshot(reading, heading=self.controls)

    async def _look(self) -> CallReading:
        """Look at all tiles at once: one by one each would wait for its keyframe."""
        reading = read_call(self.mesh, self.viewer, time.monotonic())
        for tile in reading.tiles:
            if tile.sink is not None:
                tile.sink.look()
        return reading

    def __repr__(self) -> str:
        viewer = "" if self.viewer is None else f", viewer={self.viewer!r}"
        return f"<{type(self).__name__} of room {self.mesh.room}{viewer}>"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle = super()._repr_mimebundle_(**options)
        if bundle is None:
            return None
        data, metadata = bundle
        data["image/png"] = base64.b64encode(self.snapshot()).decode("ascii")
        return data, metadata

    @traitlets.observe("viewer")
    def _viewer_changed(self, change: Any) -> None:
        for session in self._ends:
            session.look_as(change["new"])

    def _open_end(self, send: Send) -> ViewSession:
        return ViewSession(self.mesh, send, self.viewer)

    def _take(self, content: object, end: ViewSession) -> None:
        match content:
            case {"type": "view", "viewer": viewer} if is_text(viewer):
                self.viewer = viewer
            case _:
                end.receive(content)


class MeshMatrix(MeshGrid):
    """Who sees whom: a row a viewer, a column a participant, small live pictures.

    Parameters
    ----------
    mesh : Mesh
    """

    matrix = traitlets.Bool(True, read_only=True).tag(sync=True)

    def __init__(self, mesh: Mesh) -> None:
        super().__init__(mesh, viewer=EVERYONE)


class CallPanel(MeshGrid):
    """The tiles, and who joins and leaves by hand.

    Parameters
    ----------
    mesh : Mesh

    Attributes
    ----------
    asked : (str, str) or None
        Of whom somebody has pressed "Why?": who does not see whom.
    """

    controls = traitlets.Bool(True, read_only=True).tag(sync=True)
    asked = optional_names()

    _SETS = frozenset({"view", "why"})

    def _take(self, content: object, end: ViewSession) -> None:
        match content:
            case {"type": "why", "viewer": viewer, "remote": remote} if is_text(
                viewer
            ) and is_text(remote):
                if viewer != remote:
                    self.asked = (viewer, remote)
            case _:
                super()._take(content, end)
