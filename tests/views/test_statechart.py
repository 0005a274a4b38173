"""The state diagrams: drawn from the tables, all of them, with the state in words."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from meshwidget.events import Event
from meshwidget.history.moment import Moment
from meshwidget.peer.machines import CLOSE, MACHINES
from meshwidget.views.curves import Box, Curve
from meshwidget.views.places import ALONG, BENDS, NAMED_ACROSS, PLACES
from meshwidget.views.statechart import WIDTH, statechart_svg, states_svg

from ..history.simulator import SimulatedCall
from ..history.strategies import histories

SVG = "{http://www.w3.org/2000/svg}"

names = st.text(st.characters(), min_size=1, max_size=64)
every_machine = pytest.mark.parametrize("name", MACHINES)


def parse(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(markup.encode("utf-8"))


def texts(root: ElementTree.Element) -> list[str]:
    shown = []
    for text in root.iter(f"{SVG}text"):
        title = text.find(f"{SVG}title")
        words = text.text or "" if title is None else title.tail or ""
        shown.append(words.replace("\u2068", "").replace("\u2069", ""))
    return shown


def states(root: ElementTree.Element) -> dict[tuple[str, str], ElementTree.Element]:
    """The boxes, by machine and state."""
    return {
        (machine.attrib["data-machine"], state.attrib["data-state"]): state
        for machine in root.iter(f"{SVG}g")
        if machine.get("class") == "meshwidget-machine"
        for state in machine.iter(f"{SVG}g")
        if state.get("class") == "meshwidget-state"
    }


def lit(root: ElementTree.Element) -> dict[str, str]:
    """The current states, as a screen reader is told."""
    return {
        machine: state
        for (machine, state), box in states(root).items()
        if box.get("aria-current") == "true"
    }


def classes(box: ElementTree.Element) -> list[str]:
    rect = box.find(f"{SVG}rect")
    assert rect is not None
    return rect.attrib["class"].split()


@pytest.fixture
def call() -> SimulatedCall:
    """Two participants; bob's offer is held."""
    call = SimulatedCall()
    call.join("alice", "bob")
    call.deliver(1)
    call.deliver(2)
    return call


# One machine --------------------------------------------------------------------------


@every_machine
def test_every_state_and_trigger_is_drawn(name: str) -> None:
    machine = MACHINES[name]
    root = parse(statechart_svg(name))
    assert [state for _, state in states(root)] == list(PLACES[name])
    assert set(PLACES[name]) == set(machine.states)
    words = texts(root)
    for transition in machine.transitions:
        if transition.trigger == CLOSE:
            assert "close(), from any state" in words
        else:
            trigger = transition.trigger.replace("Description(", "(")
            again = transition.source == transition.target
            assert (f"again: {trigger}" if again else trigger) in words


@every_machine
def test_an_arrow_for_every_pair_of_states(name: str) -> None:
    machine = MACHINES[name]
    pairs = {
        (each.source, each.target)
        for each in machine.transitions
        if each.trigger != CLOSE and each.source != each.target
    }
    lines = [
        path
        for path in parse(statechart_svg(name)).iter(f"{SVG}path")
        if "line" in path.get("class", "").split()
    ]
    assert len(lines) == len(pairs) + ("closed" in machine.states)


@every_machine
def test_what_aiortc_does_otherwise_is_said(name: str) -> None:
    words = " ".join(texts(parse(statechart_svg(name))))
    for difference in MACHINES[name].differences:
        assert difference in words


@every_machine
def test_what_aiortc_never_shows_is_dashed_and_has_a_reason(name: str) -> None:
    machine = MACHINES[name]
    root = parse(statechart_svg(name))
    dashed = [
        state for (_, state), box in states(root).items() if "dashed" in classes(box)
    ]
    assert tuple(dashed) == tuple(
        state for state in PLACES[name] if state in machine.never_shown
    )
    titles = {title.text for title in root.iter(f"{SVG}title")}
    for transition in machine.transitions:
        if transition.missing and transition.trigger != CLOSE:
            assert f"{transition.trigger}\n{transition.missing}" in titles


@every_machine
def test_the_current_state_is_lit_and_said(name: str) -> None:
    machine = MACHINES[name]
    for state, meaning in machine.states.items():
        markup = statechart_svg(name, state)
        root = parse(markup)
        assert lit(root) == {name: state}
        assert f"is {state}: {meaning}" in texts(root)
        assert "lit" in classes(states(root)[name, state])
        assert root.attrib["aria-label"].endswith(f"which is {state}")


def test_without_a_state_none_is_lit() -> None:
    root = parse(statechart_svg("dtls"))
    assert lit(root) == {}
    assert root.attrib["aria-label"] == "State diagram of RTCDtlsTransport.state"


def test_states_that_were_reached_have_a_stronger_outline() -> None:
    root = parse(statechart_svg("dtls", "connected", reached=["new", "connecting"]))
    been = [state for (_, state), box in states(root).items() if "been" in classes(box)]
    assert been == ["new", "connecting"]


def test_the_section_is_named() -> None:
    assert "webrtc-pc, section 4.3.4" in texts(parse(statechart_svg("ice_connection")))


def test_an_unknown_state_is_said_and_not_lit() -> None:
    root = parse(statechart_svg("dtls", "odd"))
    assert lit(root) == {}
    assert "is odd" in texts(root)


def test_an_unknown_machine_gets_a_sentence() -> None:
    with pytest.raises(ValueError, match="there is no state machine 'sctp': there are"):
        statechart_svg("sctp")


# A connection -------------------------------------------------------------------------


def test_the_five_machines_of_a_connection(call: SimulatedCall) -> None:
    root = parse(states_svg(call.events, "bob", "alice"))
    assert "bob's connection to alice" in texts(root)
    assert lit(root) == {
        "signaling": "have-local-offer",
        "ice_gathering": "complete",
        "ice_connection": "new",
        "dtls": "new",
        "connection": "new",
    }


def test_a_step_moves_the_light(call: SimulatedCall) -> None:
    call.deliver(3)
    root = parse(states_svg(call.events, "alice", "bob"))
    assert lit(root)["signaling"] == "stable"
    assert lit(root)["ice_connection"] == "checking"
    assert "been" in classes(states(root)["signaling", "have-remote-offer"])


def test_connected_and_closed(call: SimulatedCall) -> None:
    call.deliver_all()
    assert lit(parse(states_svg(call.events, "alice", "bob"))) == {
        "signaling": "stable",
        "ice_gathering": "complete",
        "ice_connection": "completed",
        "dtls": "connected",
        "connection": "connected",
    }
    call.leave("bob")
    call.deliver_all()
    assert set(lit(parse(states_svg(call.events, "alice", "bob"))).values()) == {
        "closed",
        "complete",
    }


def test_a_connection_that_does_not_report_says_so(call: SimulatedCall) -> None:
    root = parse(states_svg(call.events, "alice", "bob"))
    assert lit(root) == {}
    assert any("its states are not known here" in text for text in texts(root))


def test_some_machines_only(call: SimulatedCall) -> None:
    root = parse(states_svg(call.events, "bob", "alice", machines=["dtls"]))
    assert {machine for machine, _ in states(root)} == {"dtls"}


def test_a_moment_and_its_events_give_the_same_bytes(call: SimulatedCall) -> None:
    moment = Moment.of(call.events)
    one = states_svg(moment, "bob", "alice")
    assert one == states_svg(iter(call.events), "bob", "alice")


@settings(deadline=None)
@given(names, names)
@example("<script>alert(1)</script>", '"&amp;')
@example("m" * 64, "\u0645\u062d\u0645\u062f")
def test_any_names_are_text(peer: str, remote: str) -> None:
    root = parse(states_svg([], peer, remote))
    allowed = {"svg", "style", "rect", "g", "title", "path", "line", "circle", "text"}
    assert {each.tag.removeprefix(SVG) for each in root.iter()} == allowed


@settings(deadline=None)
@given(histories())
def test_any_events_are_drawn(events: list[Event]) -> None:
    root = parse(states_svg(events, "alice", "bob"))
    assert len(states(root)) == sum(len(each.states) for each in MACHINES.values())


# Where things stand -------------------------------------------------------------------


def test_what_is_placed_by_hand_exists() -> None:
    for name, source, target in {*BENDS, *ALONG, *NAMED_ACROSS}:
        pairs = {(each.source, each.target) for each in MACHINES[name].transitions}
        assert (source, target) in pairs


@every_machine
def test_boxes_are_inside_and_apart(name: str) -> None:
    boxes = []
    for box in states(parse(statechart_svg(name))).values():
        rect = box.find(f"{SVG}rect")
        assert rect is not None
        x, y, w, h = (float(rect.attrib[k]) for k in ("x", "y", "width", "height"))
        assert x >= 0
        assert x + w <= WIDTH
        boxes.append((x, y, x + w, y + h))
    for number, one in enumerate(boxes):
        for other in boxes[:number]:
            apart = one[2] < other[0] or other[2] < one[0]
            assert apart or one[3] < other[1] or other[3] < one[1]


def test_a_straight_arrow_goes_from_edge_to_edge() -> None:
    curve = Curve(Box((0, 0), 20, 10), Box((100, 0), 40, 10))
    data, tip, angle = curve.path()
    assert tip == pytest.approx((80, 0), abs=0.1)
    assert angle == pytest.approx(0)
    assert data.startswith("M10.0 0.0L8")


@pytest.mark.parametrize(("bend", "below"), [(20.0, True), (-20.0, False)])
def test_an_arrow_bends_to_its_right(bend: float, below: bool) -> None:
    curve = Curve(Box((0, 0), 20, 10), Box((100, 0), 20, 10), bend)
    x, y = curve.at(0.5)
    assert x == pytest.approx(50)
    assert y == pytest.approx(bend)
    assert (y > 0) is below
    data, _, angle = curve.path()
    assert "Q" in data
    assert (angle < 0) is below


coordinates = st.tuples(st.floats(-500, 500), st.floats(-500, 500))


@given(coordinates, coordinates, st.floats(-60, 60))
def test_an_arrow_begins_and_ends_at_the_edges(
    start: tuple[float, float], end: tuple[float, float], bend: float
) -> None:
    distance = math.dist(start, end)
    if distance < 150:
        return
    curve = Curve(Box(start, 60, 26), Box(end, 60, 26), bend)
    leaves, reaches = curve.visible()
    assert 0 <= leaves < 0.5 < reaches <= 1
    for box, part in ((curve.start, leaves), (curve.end, reaches)):
        (x, y), (middle_x, middle_y) = curve.at(part), box.middle
        across = abs(x - middle_x) / (box.width / 2)
        down = abs(y - middle_y) / (box.height / 2)
        assert max(across, down) == pytest.approx(1, abs=0.05)


def test_boxes_on_one_spot_do_no_harm() -> None:
    box = Box((5, 5), 10, 10)
    data, _, _ = Curve(box, box).path()
    assert data.startswith("M")
