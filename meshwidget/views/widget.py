"""The panel: a call's tiles and controls, its stepper and its diagrams."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import ipywidgets  # type: ignore[import-untyped]
import traitlets

from .closing import close_belongings
from .grid import CallPanel, MeshGrid, MeshMatrix
from .guest import BrowserGuest
from .stepper import Stepper
from .tabs import DiagramTabs

if TYPE_CHECKING:
    from ..mesh import Mesh

__all__ = ["MeshGrid", "MeshMatrix", "MeshWidget"]


class MeshWidget(ipywidgets.Box):  # type: ignore[misc]
    """The panel: who is in the call, what is held, and what has happened.

    Parameters
    ----------
    mesh : Mesh, optional
        The call. Without one the panel starts its own, and closes it when the panel
        is closed.
    **mesh_arguments
        For that call: what ``Mesh`` takes.

    Attributes
    ----------
    viewer : str or None
        As in :class:`MeshGrid`; "View as" on the page sets it too.
    mesh : Mesh
        The call.
    call_panel : CallPanel
        The tiles, and who joins and leaves.
    browser_guest : BrowserGuest
        "Join from this browser", and what it receives.
    stepper : Stepper
        Pause, step, resume.
    diagrams : DiagramTabs
        Sequence, topology, matrix, states and log.
    """

    viewer = traitlets.Unicode(None, allow_none=True)

    def __init__(self, mesh: Mesh | None = None, **mesh_arguments: Any) -> None:
        owned = mesh is None
        if mesh is None:
            # Not above: the call imports the views when it is displayed.
            from ..mesh import Mesh

            mesh = Mesh(**mesh_arguments)
        elif mesh_arguments:
            names = ", ".join(mesh_arguments)
            raise TypeError(f"{names}: only for a mesh that the panel starts itself")
        self.mesh = mesh
        self._owned = owned
        self.call_panel = CallPanel(mesh)
        self.browser_guest = BrowserGuest(mesh)
        self.stepper = Stepper(mesh)
        self.diagrams = DiagramTabs(
            mesh, layout={"flex": "1 1 440px", "min_width": "0"}
        )
        self._room = mesh.room
        # Side by side where the page is wide enough for both, or else one below the
        # other; what a learner does first comes first for the keyboard too.
        left = ipywidgets.VBox(
            [self.call_panel, self.browser_guest, self.stepper],
            layout={"flex": "1 1 400px", "min_width": "0"},
        )
        super().__init__(
            [left, self.diagrams],
            layout={
                "flex_flow": "row wrap",
                "align_items": "flex-start",
                "grid_gap": "8px 14px",
            },
        )
        traitlets.link((self, "viewer"), (self.call_panel, "viewer"))
        traitlets.link((self.call_panel, "asked"), (self.stepper, "asked"))
        traitlets.link((self.diagrams, "selected"), (self.stepper, "selected"))

    def close(self) -> None:
        """Take the panel off every page; a call of its own ends."""
        if not hasattr(self, "diagrams"):
            return  # it was never finished, and is collected now
        parts = (*self.children[0].children, *self.children)
        for part in parts:
            part.close()
        super().close()
        close_belongings(self, *parts)
        if self._owned:
            self.mesh.close()

    def snapshot(self) -> bytes:
        """Return the tiles as they are now, as a PNG file."""
        return self.call_panel.snapshot()

    def __repr__(self) -> str:
        viewer = "" if self.viewer is None else f", viewer={self.viewer!r}"
        return f"<{type(self).__name__} of room {self._room}{viewer}>"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        data = super()._repr_mimebundle_(**options)
        if data is None:
            return None
        data["image/png"] = base64.b64encode(self.snapshot()).decode("ascii")
        return data, {}
