"""The diagrams of one call, one beside the other, looked at together.

What is hidden costs nothing: a diagram is made when its tab is first chosen, and one
that nobody sees is neither drawn nor sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets  # type: ignore[import-untyped]
import traitlets

from .closing import close_belongings
from .diagram_widget import Diagram, SequenceView, StatesView, TopologyView
from .grid import MeshMatrix, optional_names
from .log_view import LogView

if TYPE_CHECKING:
    from ..mesh import Mesh

__all__ = ["DiagramTabs"]


class DiagramTabs(ipywidgets.Tab):  # type: ignore[misc]
    """A tab for each way to look at a call.

    A link or a moment that is chosen in one is chosen in all. A message is opened in
    the sequence.

    Parameters
    ----------
    mesh : Mesh
    **arguments
        As ``ipywidgets.Tab`` has them, for instance its layout.

    Attributes
    ----------
    pair, selected, position
        As of the diagrams.
    """

    pair = optional_names()
    selected = traitlets.Int(None, allow_none=True)
    position = traitlets.Int(None, allow_none=True)

    def __init__(self, mesh: Mesh, **arguments: Any) -> None:
        views: dict[str, Callable[[Any], ipywidgets.Widget]] = {
            "Sequence": SequenceView,
            "Topology": TopologyView,
            "Matrix": MeshMatrix,
            "States": StatesView,
            "Log": LogView,
        }
        self._mesh = mesh
        self._views = list(views.values())
        pages = [ipywidgets.Box() for _ in views]
        super().__init__(pages, titles=tuple(views), **arguments)
        self._fill({"new": self.selected_index})
        self.observe(self._fill, "selected_index")

    def close(self) -> None:
        """Take the diagrams off every page."""
        for page in self.children:
            for view in page.children:
                view.close()
            page.close()
        super().close()
        close_belongings(self, *self.children)

    def _fill(self, change: Any) -> None:
        """Make what is on the chosen tab, the first time."""
        place = change["new"]
        if place is None or self.children[place].children:
            return
        view = self._views[place](self._mesh)
        view.layout.width = "100%"
        if isinstance(view, Diagram):
            for name in ("pair", "position"):
                traitlets.link((self, name), (view, name))
        if isinstance(view, SequenceView):
            traitlets.link((self, "selected"), (view, "selected"))
        self.children[place].children = (view,)
