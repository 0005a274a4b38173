"""The views that a mesh and a loaded session offer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ipywidgets import Widget  # type: ignore[import-untyped]

from meshwidget import Mesh, MeshWidget
from meshwidget.log import EventLog
from meshwidget.readings import Session
from meshwidget.views.grid import MeshGrid
from meshwidget.views.sequence import sequence_svg
from meshwidget.views.statechart import states_svg
from meshwidget.views.topology import topology_svg

from ..history.simulator import SimulatedCall


@pytest.fixture(autouse=True)
def _close_widgets() -> Iterator[None]:
    yield
    Widget.close_all()


@pytest.fixture
def call() -> SimulatedCall:
    call = SimulatedCall()
    call.join("alice", "bob", "carol")
    call.deliver_all()
    return call


@pytest.fixture
def session(call: SimulatedCall) -> Session:
    return Session(EventLog.of_events(call.events))


def test_a_session_without_a_call_is_drawn(
    session: Session, call: SimulatedCall
) -> None:
    assert session.sequence().svg() == sequence_svg(call.events)
    assert session.topology().svg() == topology_svg(call.events)
    assert session.states("alice", "bob").svg() == states_svg(
        call.events, "alice", "bob"
    )
    assert session.states().pair is None


def test_what_of_the_sequence_is_shown(session: Session, call: SimulatedCall) -> None:
    view = session.sequence(pair=("alice", "bob"), kinds=["offer"], limit=7)
    assert (view.pair, view.kinds, view.limit) == (("alice", "bob"), ("offer",), 7)
    assert view.svg() == sequence_svg(
        call.events, pair=("alice", "bob"), kinds=("offer",), limit=7
    )
    assert session.sequence(peers=["carol"]).peers == ("carol",)


def test_a_connection_has_two_ends(session: Session) -> None:
    with pytest.raises(TypeError, match="name both or neither"):
        session.states("alice")
    with pytest.raises(TypeError, match="name both or neither"):
        session.states(remote="alice")


def test_views_of_a_live_call() -> None:
    with Mesh() as mesh:
        mesh.join("alice")
        assert isinstance(mesh.panel(), MeshWidget)
        assert isinstance(mesh.grid("alice"), MeshGrid)
        matrix = mesh.matrix()
        assert (matrix.viewer, matrix.matrix, matrix.controls) == ("*", True, False)
        assert repr(matrix) == "<MeshMatrix of room 1234, viewer='*'>"
        assert "alice" in mesh.sequence().svg()
        assert "alice" in mesh.topology().svg()
        assert "<svg" in mesh.states().svg()
