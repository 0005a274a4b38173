"""The plots of a real call: measured while somebody looks, and not otherwise."""

from __future__ import annotations

import gc
import importlib.util
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from unittest.mock import patch

import pytest
from ipywidgets import Widget  # type: ignore[import-untyped]

from meshwidget import Mesh, MeshClosedError, MissingExtraError
from meshwidget.events import TaskFailed
from meshwidget.views.stats_view import StatsView

DEADLINE = 15

UNITS = {
    "frames/s": ("frames_per_second", 1),
    "kbit/s": ("bitrate", 1 / 1000),
    "latency, ms": ("latency", 1000),
    "round trip, ms": ("round_trip_time", 1000),
    "loss, %": ("fraction_lost", 100),
    "jitter, ms": ("jitter", 1000),
    "frames dropped": ("frames_dropped", 1),
    "keyframes": ("key_frames_received", 1),
    "retransmissions": ("retransmitted_packets_received", 1),
    "requests for repair": ("nack_count", 1),
}
"""From the W3C's, which ``mesh.stats()`` has."""


@pytest.fixture(autouse=True)
def _close_widgets() -> Iterator[None]:
    yield
    Widget.close_all()


@pytest.fixture
def mesh() -> Iterator[Mesh]:
    with Mesh() as mesh:
        mesh.join("alice")
        mesh.join("bob")
        mesh.wait_connected()
        yield mesh


def names(view: StatsView) -> list[str]:
    return [trace.name for trace in view.figure.data]


def until(view: StatsView, condition: Callable[[], object]) -> None:
    """Until it holds; it is asked again whenever the figure was drawn."""
    drawn = threading.Event()
    draw = view._draw

    def note() -> None:
        draw()
        drawn.set()

    deadline = time.monotonic() + DEADLINE
    with patch.object(view, "_draw", note):
        while not condition():
            assert time.monotonic() < deadline
            drawn.clear()
            drawn.wait(0.1)


def is_served(view: StatsView) -> bool:
    return view._thread is not None


def here(view: StatsView, *, visible: bool, client: str = "page") -> None:
    """What sight.js says."""
    message = {"type": "here", "version": 1, "visible": visible, "client": client}
    view._receive(view, message, [])


def update(view: StatsView) -> None:
    """Until every link has a figure: one that stood still for a second has none."""
    deadline = time.monotonic() + DEADLINE
    view.update()
    while not all(trace.y[-1] for trace in view.figure.data):
        assert time.monotonic() < deadline
        view.update()


def test_one_line_a_link(mesh: Mesh) -> None:
    view = mesh.stats_view()
    view.update()
    update(view)
    assert names(view) == ["alice to bob", "bob to alice"]
    for trace in view.figure.data:
        assert len(trace.x) == len(trace.y) >= 2
        assert trace.y[-1] > 0


def test_the_metric_is_chosen_in_the_menu(mesh: Mesh) -> None:
    view = mesh.stats_view("kbit/s")
    view.update()
    assert view.figure.layout.yaxis.title.text == "kbit/s"
    _, table = view._history._tables[-1]
    assert view.figure.data[0].y[0] == pytest.approx((table[0].bitrate or 0) / 1000)
    view._metrics.value = "latency, ms"
    update(view)
    assert view.metric == "latency, ms"
    assert view.figure.layout.yaxis.title.text == "latency, ms"
    assert 0 < view.figure.data[0].y[-1] < 1000


def test_an_unknown_metric_is_refused(mesh: Mesh) -> None:
    with pytest.raises(ValueError, match="frames/s"):
        mesh.stats_view("speed")


def test_what_one_receives(mesh: Mesh) -> None:
    view = mesh.stats_view(receiver="bob")
    view.update()
    assert names(view) == ["alice to bob"]
    assert view._receivers.value == "bob"
    view._receivers.value = "everybody"
    view.update()
    assert view.receiver is None
    assert len(names(view)) == 2


def test_who_joins_gets_lines(mesh: Mesh) -> None:
    view = mesh.stats_view()
    view.update()
    mesh.join("carol")
    mesh.wait_connected()
    view.update()
    assert len(names(view)) == 6
    assert "carol" in view._receivers.options
    colours = {trace.name.split()[0]: trace.line.color for trace in view.figure.data}
    assert len(set(colours.values())) == 3


def test_it_is_drawn_while_somebody_looks(mesh: Mesh) -> None:
    view = mesh.stats_view()
    assert not is_served(view)
    here(view, visible=True)
    until(view, lambda: names(view))
    here(view, visible=False)
    until(view, lambda: not is_served(view))
    here(view, visible=True)
    assert is_served(view)
    view._receive(view, {"type": "bye", "client": "page"}, [])
    until(view, lambda: not is_served(view))


def test_a_page_that_does_not_look_starts_nothing(mesh: Mesh) -> None:
    view = mesh.stats_view()
    here(view, visible=False)
    view._receive(view, {"type": "nonsense"}, [])
    view._receive(view, None, [])
    assert not is_served(view)


def test_what_cannot_be_drawn_is_in_the_log_and_tried_again(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    def draw() -> None:
        raise RuntimeError("out of paint")

    view = mesh.stats_view()
    monkeypatch.setattr(view, "_draw", draw)
    said = threading.Event()
    mesh.log.subscribe(lambda event: said.set())
    here(view, visible=True)
    assert said.wait(DEADLINE)
    assert not is_served(view)
    (failed,) = mesh.log.of(TaskFailed)
    assert failed.where == "plotting statistics"
    assert failed.message == "RuntimeError: out of paint"
    monkeypatch.undo()
    here(view, visible=True)
    until(view, lambda: names(view))


def test_two_pages_are_one_thread_and_the_last_one_ends_it(mesh: Mesh) -> None:
    view = mesh.stats_view()
    here(view, visible=True, client="one")
    thread = view._thread
    here(view, visible=True, client="two")
    assert view._thread is thread
    here(view, visible=False, client="one")
    until(view, lambda: names(view))
    assert view._thread is thread
    view._receive(view, {"type": "bye", "client": "two"}, [])
    until(view, lambda: not is_served(view))


def test_what_is_plotted_is_what_was_measured(mesh: Mesh) -> None:
    """Every metric, in the unit of its name."""
    view = mesh.stats_view()
    came = threading.Event()
    mesh.peers["bob"].on_frame("alice", lambda frame: came.set())
    deadline = time.monotonic() + DEADLINE
    while not all(row.round_trip_time for row in mesh.stats()):
        assert time.monotonic() < deadline
        came.clear()
        came.wait(1)
    view.update()
    for metric, (attribute, factor) in UNITS.items():
        view.metric = metric
        view._draw()
        _, table = view._history._tables[-1]
        for trace, row in zip(view.figure.data, table, strict=True):
            measured = getattr(row, attribute)
            assert measured is not None, metric
            assert trace.y[-1] == pytest.approx(measured * factor)


def test_closing_it_ends_its_thread(mesh: Mesh) -> None:
    view = mesh.stats_view()
    here(view, visible=True)
    thread = view._thread
    assert thread is not None
    view.close()
    thread.join(DEADLINE)
    assert not thread.is_alive()
    view.close()


def test_the_end_of_the_mesh_ends_its_thread(mesh: Mesh) -> None:
    view = mesh.stats_view()
    here(view, visible=True)
    until(view, lambda: names(view))
    thread = view._thread
    assert thread is not None
    mesh.close()
    thread.join(DEADLINE)
    assert not thread.is_alive()
    with pytest.raises(MeshClosedError):
        view.update()
    assert len(names(view)) == 2  # what was drawn stays


def test_it_does_not_keep_the_mesh() -> None:
    mesh = Mesh()
    view = mesh.stats_view()
    kept = weakref.ref(mesh)
    del mesh
    gc.collect()
    assert kept() is None
    with pytest.raises(MeshClosedError):
        view.update()


def test_its_name_is_the_same_each_time(mesh: Mesh) -> None:
    assert repr(mesh.stats_view()) == "<StatsView of room 1234>"


def test_without_plotly_it_says_how_to_get_it(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "meshwidget.mesh_views.find_spec",
        lambda name: None if name == "plotly" else found(name),
    )
    with pytest.raises(MissingExtraError, match=r"pip install 'meshwidget\[plots\]'"):
        mesh.stats_view()
