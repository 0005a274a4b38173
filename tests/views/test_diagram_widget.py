"""The diagram widgets, without a browser: what they show of a call and of a session."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import traitlets

from meshwidget.log import EventLog
from meshwidget.readings import Session
from meshwidget.views.diagram_widget import (
    Diagram,
    SequenceView,
    StatesView,
    TopologyView,
)
from meshwidget.views.sequence import sequence_svg
from meshwidget.views.statechart import states_svg
from meshwidget.views.topology import topology_svg

from ..history.simulator import SimulatedCall

DEADLINE = 10

VIEWS = [SequenceView, TopologyView, StatesView]


@pytest.fixture
def call() -> SimulatedCall:
    call = SimulatedCall()
    call.join("alice", "bob")
    call.deliver_all()
    return call


@pytest.fixture
def session(call: SimulatedCall) -> Session:
    """As it comes from a file: a log and nothing else."""
    return Session(EventLog.of_events(call.events))


@pytest.fixture(autouse=True)
def _close_widgets() -> Iterator[None]:
    yield
    Diagram.close_all()


class Pages:
    """What the pages of a widget would get, and say."""

    def __init__(self, view: Diagram, monkeypatch: pytest.MonkeyPatch) -> None:
        self.view = view
        self.sent: queue.Queue[dict[str, Any]] = queue.Queue()
        monkeypatch.setattr(view, "send", self.sent.put)

    def say(self, kind: str, **fields: object) -> None:
        """As the kernel does it with a custom message of the comm."""
        message = {"type": kind, "client": "page", **fields}
        self.view._handle_custom_msg(message, [])

    def next(self) -> dict[str, Any]:
        return self.sent.get(timeout=DEADLINE)


@pytest.mark.parametrize("view_type", VIEWS)
def test_the_output_has_the_picture_beside_the_view(
    view_type: type[Diagram], session: Session
) -> None:
    view = view_type(session)
    data, _ = view._repr_mimebundle_()
    assert set(data) == {
        "text/plain",
        "image/svg+xml",
        "application/vnd.jupyter.widget-view+json",
    }
    assert data["text/plain"] == f"<{view_type.__name__} of room 1234>"
    assert data["image/svg+xml"] == view.svg()


def test_the_pictures_are_those_of_the_renderers(
    session: Session, call: SimulatedCall
) -> None:
    assert SequenceView(session).svg() == sequence_svg(call.events)
    assert TopologyView(session).svg() == topology_svg(call.events)
    assert StatesView(session, pair=("alice", "bob")).svg() == states_svg(
        call.events, "alice", "bob"
    )


def test_states_are_those_of_the_newest_link_at_first(session: Session) -> None:
    words = StatesView(session).svg()
    assert "\u2068bob\u2069's connection to \u2068alice\u2069" in words


def test_states_of_nobody() -> None:
    ElementTree.fromstring(StatesView(Session(EventLog.of_events([]))).svg())


def test_traits_say_what_is_looked_at(session: Session, call: SimulatedCall) -> None:
    view = SequenceView(session, kinds=("offer",), limit=5)
    assert view.svg() == sequence_svg(call.events, kinds=("offer",), limit=5)
    view.kinds = None
    view.position = 4
    assert view.svg() == sequence_svg(call.events[:5], limit=5)


def test_traits_are_not_saved_with_the_notebook(session: Session) -> None:
    """But for those by which the page knows which diagram it is, and where."""
    view = SequenceView(session)
    names = set(view.get_state()) - set(traitlets_of_anywidget())
    assert names == {"kind", "address"}


def traitlets_of_anywidget() -> list[str]:
    import anywidget

    return [*anywidget.AnyWidget().get_state(), "_esm", "_css"]


def test_a_wrong_trait_is_refused(session: Session) -> None:
    with pytest.raises(traitlets.TraitError):
        SequenceView(session, position="yesterday")
    with pytest.raises(traitlets.TraitError):
        SequenceView(session, limit=0)
    with pytest.raises(traitlets.TraitError, match="a pair has two names, not 1"):
        SequenceView(session, pair=["alice"])


def test_diagrams_can_follow_each_other(session: Session) -> None:
    topology, sequence = TopologyView(session), SequenceView(session)
    traitlets.link((topology, "pair"), (sequence, "pair"))
    topology.pair = ("alice", "bob")
    assert sequence.pair == ("alice", "bob")
    assert "selected" in topology.svg()


def test_a_page_chooses(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    view = SequenceView(session)
    pages = Pages(view, monkeypatch)
    pages.say("set", pair=["alice", "bob"], selected=3, position=7)
    assert (view.pair, view.selected, view.position) == (("alice", "bob"), 3, 7)
    pages.say("set", pair=None, position=None)
    assert view.selected == 3
    assert view.pair is None
    assert view.position is None


def test_a_page_that_looks_is_sent_the_picture(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = SequenceView(session)
    pages = Pages(view, monkeypatch)
    pages.say("here", version=0, visible=True)
    message = pages.next()
    assert "\n".join(message["lines"]) == view.svg()
    assert message["state"]["live"] is False
    pages.say("here", version=1, visible=True)
    pages.say("set", selected=3)
    message = pages.next()
    assert message["base"] == 1
    assert message["state"]["detail"]["number"] == 3
    pages.say("bye")


def test_nonsense_from_a_page_is_refused_with_a_sentence(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = SequenceView(session)
    pages = Pages(view, monkeypatch)
    pages.say("set", pair="alice")
    assert pages.next() == {
        "type": "refused",
        "message": "pair must be a list of names",
    }
    assert view.pair is None


def test_a_view_is_written_to_a_file(session: Session, tmp_path: Path) -> None:
    view = TopologyView(session)
    view.save(tmp_path / "mesh.svg")
    assert (tmp_path / "mesh.svg").read_text(encoding="utf-8") == view.svg()


def test_a_closed_view_is_quiet(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = SequenceView(session)
    pages = Pages(view, monkeypatch)
    view.close()
    view.close()
    pages.say("here", version=0, visible=True)
    pages.say("set", selected=3)
    assert pages.sent.empty()


class LiveCall(Session):
    """A call that goes on until it is closed."""

    closed = False


def test_whether_the_call_goes_on(
    call: SimulatedCall, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = LiveCall(EventLog.of_events(call.events))
    pages = Pages(SequenceView(live), monkeypatch)
    pages.say("here", version=0, visible=True)
    assert pages.next()["state"]["live"] is True
    live.closed = True
    pages.say("here", version=1, visible=True)
    pages.say("set", limit=9)
    assert pages.next()["state"]["live"] is False


def test_a_view_does_not_keep_a_call(call: SimulatedCall) -> None:
    import gc
    import weakref

    live = LiveCall(EventLog.of_events(call.events))
    view = SequenceView(live)
    gone = weakref.ref(live)
    del live
    gc.collect()
    assert gone() is None
    assert view.svg()
