"""The part of :class:`~meshwidget.mesh.Mesh` that shows a call.

The views are imported when one is asked for, so that a script needs no ipywidgets.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, cast

from .errors import MissingExtraError

if TYPE_CHECKING:
    from .mesh import Mesh
    from .views.stats_view import StatsView
    from .views.widget import MeshGrid, MeshMatrix, MeshWidget


class ViewMethods:
    """Each gives a new widget of this call."""

    def panel(self) -> MeshWidget:
        """A panel of this call: tiles, diagrams, controls to join, exit and step."""
        from .views.widget import MeshWidget

        return MeshWidget(cast("Mesh", self))

    def grid(self, viewer: str | None = None) -> MeshGrid:
        """The tiles alone.

        Parameters
        ----------
        viewer : str or None
            Whose view it is: a peer's name; ``"*"`` for everybody's, a row each; None
            for the first peer's.
        """
        from .views.widget import MeshGrid

        return MeshGrid(cast("Mesh", self), viewer=viewer)

    def matrix(self) -> MeshMatrix:
        """Who sees whom: small live pictures, a row a viewer, a column a participant.

        A hole in it is a link that is missing, and says why.
        """
        from .views.widget import MeshMatrix

        return MeshMatrix(cast("Mesh", self))

    def stats_view(
        self, metric: str = "frames/s", receiver: str | None = None
    ) -> StatsView:
        """Live plots of :meth:`stats`: one line a directed link.

        Parameters
        ----------
        metric : str
            ``"frames/s"``, ``"kbit/s"``, ``"latency, ms"``, ``"round trip, ms"``,
            ``"loss, %"``, ``"jitter, ms"``, ``"frames dropped"``, ``"keyframes"``,
            ``"retransmissions"`` or ``"requests for repair"``; a menu changes it.
        receiver : str or None
            Plot only what this one receives.

        Raises
        ------
        MissingExtraError
            When plotly is not installed.
        ValueError
            When there is no such metric.
        """
        if find_spec("plotly") is None:
            raise MissingExtraError(
                "mesh.stats_view() draws with plotly, which is not installed: "
                "pip install 'meshwidget[plots]'; mesh.stats() needs nothing else"
            )
        from .views.stats_view import StatsView

        return StatsView(cast("Mesh", self), metric, receiver)
