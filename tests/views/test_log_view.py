"""The log as a view."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ipywidgets import Widget  # type: ignore[import-untyped]

from meshwidget.events import Event
from meshwidget.history.moment import Moment
from meshwidget.log import EventLog
from meshwidget.readings import Session
from meshwidget.views.diagram_feed import Look
from meshwidget.views.log_view import SHOWN, LogView

from ..history.simulator import SimulatedCall


@pytest.fixture
def call() -> SimulatedCall:
    call = SimulatedCall()
    call.join("alice", "bob")
    call.deliver_all()
    return call


@pytest.fixture(autouse=True)
def _close_widgets() -> Iterator[None]:
    yield
    Widget.close_all()


def lines(events: list[Event], look: Look | None = None) -> list[str]:
    drawn = LogView.draw(events, Moment.of(events), look or Look()).split("\n")
    assert drawn[0].startswith("<pre ")
    assert drawn[-1] == "</pre>"
    return drawn[1:-1]


def test_every_event_is_a_line(call: SimulatedCall) -> None:
    assert len(lines(call.events)) == len(call.events)


def test_the_newest_is_on_top_and_has_under_it_what_followed(
    call: SimulatedCall,
) -> None:
    shown = lines(call.events)
    assert shown[-1] == "<b>room 1234 is open for 4</b>"
    joined = shown.index("<b>bob joins room 1234</b>")
    assert shown[joined + 1].startswith("    the server accepts all_users 2")
    assert joined < shown.index("<b>alice joins room 1234</b>")


def test_filters(call: SimulatedCall) -> None:
    call.join("carol")
    call.deliver_all()
    for line in lines(call.events, Look(pair=("alice", "bob"))):
        assert "carol" not in line
    offers = lines(call.events, Look(kinds=("offer",)))
    assert len(offers) == 6  # three, each accepted and delivered
    assert all("offer" in line for line in offers)


def test_names_are_text() -> None:
    call = SimulatedCall()
    call.join("<img src=x>")
    markup = "\n".join(lines(call.events))
    assert "<img" not in markup
    assert "&lt;img src=x&gt;" in markup


def test_a_long_log_says_how_much_is_left_out() -> None:
    call = SimulatedCall()
    call.join(*(f"peer {number}" for number in range(SHOWN)))
    shown = lines(call.events)
    assert len(shown) == SHOWN + 1
    assert shown[-1] == f"… {len(call.events) - SHOWN} earlier events"


def test_its_output_is_a_view_and_a_text(call: SimulatedCall) -> None:
    view = LogView(Session(EventLog.of_events(call.events)))
    data, _ = view._repr_mimebundle_()
    assert set(data) == {"text/plain", "application/vnd.jupyter.widget-view+json"}
    assert data["text/plain"] == "<LogView of room 1234>"
