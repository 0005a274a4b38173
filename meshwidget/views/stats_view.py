"""Live plots of a call's statistics, by plotly.

plotly is an extra: ``pip install 'meshwidget[plots]'``. Measuring and drawing happen
on a daemon thread of the view, once a second and only while somebody sees it.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import ipywidgets  # type: ignore[import-untyped]
import plotly.graph_objects as go
import traitlets

from ..errors import MeshClosedError, ProtocolError
from ..events import TaskFailed
from ..nesting import view_closed, view_opened
from .audience import Audience
from .closing import close_belongings
from .diagram_messages import Bye, Here, parse
from .plots import METRICS, Line, PlotHistory

if TYPE_CHECKING:
    from ..mesh import Mesh

__all__ = ["StatsView"]

INTERVAL = 1.0
"""Seconds between two measurements."""

_EVERYBODY = "everybody"

_COLOURS = (
    *("#1f77b4", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9"),
    *("#9467bd", "#8c8c8c", "#17a2b8", "#e377c2", "#a0522d", "#6b8e23"),
)
"""Of senders: to be told apart on light and on dark pages."""

_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
"""Of receivers."""

_INK = "#7a7a7a"
"""Legible on light and on dark pages."""


class _Sight(anywidget.AnyWidget):
    """Says when somebody sees the view."""

    # As text: a file would be followed, and the widget kept, for good.
    _esm = (Path(__file__).parent / "sight.js").read_text("utf-8")


class _Figure(go.FigureWidget):  # type: ignore[misc]
    """Plotly's, which is gone when it is closed."""

    _esm = str(go.FigureWidget._esm)  # as text, for the same reason


class StatsView(ipywidgets.VBox):  # type: ignore[misc]
    """One line a directed link, live.

    Parameters
    ----------
    mesh : Mesh
        The view does not keep the call going.
    metric, receiver
        The attributes below.

    Attributes
    ----------
    metric : str
        What is plotted; one of :data:`METRICS`.
    receiver : str or None
        Plot only what this one receives.
    figure : plotly.graph_objects.FigureWidget
        To be styled further.
    """

    metric = traitlets.Enum(list(METRICS), default_value="frames/s")
    receiver = traitlets.Unicode(None, allow_none=True)

    def __init__(
        self, mesh: Mesh, metric: str = "frames/s", receiver: str | None = None
    ) -> None:
        if metric not in METRICS:
            raise ValueError(f"{metric!r} is not plotted; {', '.join(METRICS)} are")
        self._room = mesh.room
        self._mesh = weakref.ref(mesh)
        self._history = PlotHistory()
        self._audience = Audience()
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._links: list[tuple[str, str]] = []
        self.figure = _Figure(layout=_layout(metric))
        self._metrics = ipywidgets.Dropdown(
            options=list(METRICS), value=metric, description="Plot"
        )
        self._receivers = ipywidgets.Dropdown(
            options=[_EVERYBODY, *mesh.peers], description="received by"
        )
        sight = _Sight()
        menus = ipywidgets.HBox(
            [self._metrics, self._receivers], layout={"flex_flow": "row wrap"}
        )
        super().__init__(
            [menus, self.figure, sight],
            metric=metric,
            receiver=receiver,
        )
        traitlets.link((self, "metric"), (self._metrics, "value"))
        traitlets.link(
            (self, "receiver"),
            (self._receivers, "value"),
            transform=(lambda name: name or _EVERYBODY, _name_of),
        )
        self.observe(self._look_changed, ["metric", "receiver"])
        sight.on_msg(self._receive)
        view_opened(self, mesh.loop)

    def update(self) -> None:
        """Measure and draw now, seen or not.

        Raises
        ------
        MeshClosedError
        """
        mesh = self._mesh()
        if mesh is None:
            raise MeshClosedError("the mesh is closed; make a new one")
        self._history.add(mesh.stats())
        self._draw()

    def close(self) -> None:
        """Take the view off every page; the call goes on."""
        if not hasattr(self, "_receivers"):
            return  # it was never finished, and is collected now
        with self._condition:
            self._is_closed = True
            self._condition.notify_all()
        view_closed(self)
        controls, figure, sight = self.children
        super().close()  # first: plotly still speaks when it is taken off a page
        parts = (*controls.children, controls, figure, sight)
        for part in parts:
            part.close()
        close_belongings(self, *parts)

    def __repr__(self) -> str:
        return f"<StatsView of room {self._room}>"

    # What pages and users say: any thread ---------------------------------------------

    def _receive(self, widget: object, content: object, buffers: object) -> None:
        try:
            message = parse(content)
        except ProtocolError:
            return  # the page is not ours
        now = time.monotonic()
        with self._condition:
            match message:
                case Here(client=client, version=version, visible=visible):
                    self._audience.here(client, version, visible, now)
                case Bye(client=client):
                    self._audience.bye(client)
            if self._audience.is_watched(now) and self._thread is None:
                self._thread = threading.Thread(
                    target=_serve,
                    args=(weakref.ref(self), self._condition),
                    name="meshwidget-plot",
                    daemon=True,
                )
                self._thread.start()

    def _look_changed(self, change: object) -> None:
        with self._condition:
            self._condition.notify_all()

    # Drawing: the view's thread, or whoever calls update() ----------------------------

    def _draw(self) -> None:
        metric = METRICS[self.metric]
        lines = self._history.lines(metric, self.receiver)
        links = [(line.sender, line.receiver) for line in lines]
        self._offer_receivers()
        with self.figure.batch_update():
            self.figure.layout.yaxis.title.text = self.metric
        if links != self._links:
            self._links = links
            self.figure.data = []
            self.figure.add_traces(_traces(lines))
        elif lines:
            self.figure.plotly_restyle(
                {
                    "x": [line.times for line in lines],
                    "y": [line.values for line in lines],
                }
            )

    def _offer_receivers(self) -> None:
        options = (_EVERYBODY, *self._history.receivers())
        if self.receiver is not None and self.receiver not in options:
            options = (*options, self.receiver)
        if tuple(self._receivers.options) != options:
            receiver = self.receiver
            self._receivers.options = options
            self.receiver = receiver  # new options choose the first one

    def _is_watched(self) -> bool:
        """Whether to go on; with the condition held. Not again once it said no."""
        watched = not self._is_closed and self._audience.is_watched(time.monotonic())
        if not watched:
            self._thread = None
        return watched

    def _fail(self, error: Exception) -> None:
        """Say that it is not drawn; a page that goes on looking has it tried again."""
        with self._condition:
            self._thread = None
        mesh = self._mesh()
        if mesh is not None:
            message = f"{type(error).__name__}: {error}"
            mesh.log.record(TaskFailed, where="plotting statistics", message=message)


def _serve(
    view: Callable[[], StatsView | None], condition: threading.Condition
) -> None:
    """Measure and draw once a second while somebody looks, and the view is there."""
    due = time.monotonic()
    while (shown := view()) is not None:
        with condition:
            if not shown._is_watched():
                return
        try:
            shown.update()
        except MeshClosedError:
            return  # the lines stay as they are
        except Exception as error:
            shown._fail(error)
            return
        del shown
        due = max(due + INTERVAL, time.monotonic())
        with condition:
            condition.wait(due - time.monotonic())


def _name_of(option: str) -> str | None:
    return None if option == _EVERYBODY else option


def _traces(lines: list[Line]) -> list[Any]:
    names = list(
        dict.fromkeys([each for line in lines for each in (line.sender, line.receiver)])
    )
    return [
        go.Scatter(
            x=line.times,
            y=line.values,
            # plotly takes markup, even links, in what it writes.
            name=escape(f"{line.sender} to {line.receiver}", quote=False),
            mode="lines",
            line={
                "color": _COLOURS[names.index(line.sender) % len(_COLOURS)],
                "dash": _DASHES[names.index(line.receiver) % len(_DASHES)],
            },
        )
        for line in lines
    ]


def _layout(metric: str) -> dict[str, Any]:
    clear = "rgba(0,0,0,0)"
    axis = {
        "gridcolor": "rgba(128,128,128,0.25)",
        "linecolor": _INK,
        "zeroline": False,
    }
    return {
        "template": "none",
        "height": 340,
        "autosize": True,
        "margin": {"l": 56, "r": 12, "t": 12, "b": 44},
        "paper_bgcolor": clear,
        "plot_bgcolor": clear,
        "font": {"color": _INK},
        "showlegend": True,
        "xaxis": {**axis, "title": {"text": "seconds"}},
        "yaxis": {**axis, "title": {"text": metric}, "rangemode": "tozero"},
        # What the user has hidden or magnified stays so.
        "uirevision": "kept",
    }
