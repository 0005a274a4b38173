"""The part of :class:`~meshwidget.mesh.Mesh` that shows a call.

The views are imported when one is asked for, so that a script needs no ipywidgets.
"""

from __future__ import annotations

import weakref
from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, cast

from .errors import MeshClosedError, MissingExtraError

if TYPE_CHECKING:
    from aiohttp import web

    from .call import Call
    from .mesh import Mesh
    from .views.socket import PageEnd, Send
    from .views.stats_view import StatsView
    from .views.widget import MeshGrid, MeshMatrix, MeshWidget

    Serve = Callable[[web.WebSocketResponse], Awaitable[None]]

PANEL_CHANNEL = "panel"
"""Where a page that is no notebook finds tiles and controls: each its own."""

GUEST_CHANNEL = "guest"
"""Where such a page takes part itself."""


class ViewMethods:
    """Each gives a new widget of this call."""

    _call: Call

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

        Returns
        -------
        MeshGrid
            A widget.
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

        Returns
        -------
        StatsView
            A widget; its ``figure`` is plotly's.

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

    def open_channel(self, name: str, serve: Serve) -> str:
        """Take WebSockets under a name, which lets in whoever knows it.

        Parameters
        ----------
        name : str
        serve : coroutine function
            Talks on a WebSocket for as long as it lasts, on the mesh's thread.

        Returns
        -------
        str
            Where Jupyter's own server has them, below ``{base_url}meshwidget/``; empty
            when the call is over.
        """
        mesh = cast("Mesh", self)
        if mesh.closed:
            return ""
        self._call.server.channels[name] = serve
        return f"rooms/{mesh.room_id}/views/{name}"

    def close_channel(self, name: str) -> None:
        """Take no more WebSockets under that name; harmless if there are none.

        Parameters
        ----------
        name : str
            As it was opened.
        """
        self._call.server.channels.pop(name, None)

    def _open_page_channels(self) -> None:
        """Let in the pages that are no notebook's, each with an end of its own."""
        weak = weakref.ref(cast("Mesh", self))

        def serve_with(make: Callable[[Mesh, Send], PageEnd]) -> Serve:
            def open_end(send: Send) -> PageEnd:
                mesh = weak()
                if mesh is None:
                    raise MeshClosedError("the mesh is closed; make a new one")
                return make(mesh, send)

            async def serve(socket: web.WebSocketResponse) -> None:
                from .views.socket import serve_page

                await serve_page(socket, open_end)

            return serve

        def make_panel(mesh: Mesh, send: Send) -> PageEnd:
            from .views.session import ViewSession

            return ViewSession(mesh, send)

        def make_guest(mesh: Mesh, send: Send) -> PageEnd:
            from .views.guest import GuestEnd

            return GuestEnd(mesh, send)

        self.open_channel(PANEL_CHANNEL, serve_with(make_panel))
        self.open_channel(GUEST_CHANNEL, serve_with(make_guest))
