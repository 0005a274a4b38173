"""The picture of the mesh: every participant, every link, its state in words."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from meshwidget.events import (
    Event,
    FrameReceived,
    MeshOpened,
    PeerJoined,
    SourceFailed,
    StateChanged,
    TrackReceived,
)
from meshwidget.history.moment import Moment
from meshwidget.history.parts import LINK_STATES
from meshwidget.views.topology import MARKS, topology_svg

from ..history.simulator import SimulatedCall
from ..history.strategies import histories

SVG = "{http://www.w3.org/2000/svg}"

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=64)


def parse(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(markup.encode("utf-8"))


def links(root: ElementTree.Element) -> dict[tuple[str, str], ElementTree.Element]:
    """By the names, sorted."""
    found = {}
    for group in root.iter(f"{SVG}g"):
        if "meshwidget-link" in group.get("class", "").split():
            one, other = sorted(json.loads(group.attrib["data-peers"]))
            found[one, other] = group
    return found


def texts(root: ElementTree.Element) -> list[str]:
    shown = []
    for text in root.iter(f"{SVG}text"):
        title = text.find(f"{SVG}title")
        words = text.text or "" if title is None else title.tail or ""
        shown.append(words.replace("\u2068", "").replace("\u2069", ""))
    return shown


def joined(*members: str) -> list[Event]:
    events: list[Event] = [MeshOpened(seq=0, time=0.0, room="1234", max_peers=64)]
    for name in members:
        seq = len(events)
        events.append(PeerJoined(seq=seq, time=0.0, peer=name, room="1234"))
    return events


@pytest.fixture
def connected() -> SimulatedCall:
    call = SimulatedCall(paused=False)
    call.join("alice", "bob", "carol")
    call.deliver_all()
    return call


# Counting -----------------------------------------------------------------------------


@pytest.mark.parametrize("count", range(13))
def test_there_are_n_times_n_minus_one_over_two_links(count: int) -> None:
    members = [f"peer {number}" for number in range(count)]
    root = parse(topology_svg(joined(*members)))
    pairs = {(one, other) for one, other in combinations(sorted(members), 2)}
    assert set(links(root)) == pairs
    if count > 1:
        number = count * (count - 1) // 2
        plural = "s" if number > 1 else ""
        words = f"{count} participants, {number} link{plural} = {count}·{count - 1}/2"
        assert words in texts(root)


def test_nobody_and_one() -> None:
    assert texts(parse(topology_svg([]))) == ["nobody is in the room"]
    assert texts(parse(topology_svg(joined("zoe")))) == [
        "zoe",
        "1 participant, no link",
    ]


def test_states_are_counted(connected: SimulatedCall) -> None:
    connected.join("dave")
    root = parse(topology_svg(connected.events))
    assert "3 new, 3 connected" in texts(root)


# States -------------------------------------------------------------------------------


def test_every_state_of_a_link_has_a_mark() -> None:
    assert set(MARKS) == set(LINK_STATES)


def test_a_connected_link_says_what_flows(connected: SimulatedCall) -> None:
    root = parse(topology_svg(connected.events))
    assert texts(root).count("connected") == 3
    assert texts(root).count("⇄ video, audio") == 3
    for link in links(root).values():
        assert link.get("data-state") == "connected"


def test_a_link_says_where_no_picture_has_come(connected: SimulatedCall) -> None:
    blind = [
        event
        for event in connected.events
        if not (isinstance(event, FrameReceived) and event.peer == "bob")
    ]
    words = texts(parse(topology_svg(blind)))
    assert words.count("bob sees no frame yet") == 2
    dark = [event for event in blind if not isinstance(event, FrameReceived)]
    assert texts(parse(topology_svg(dark))).count("no frame yet") == 3


def test_a_link_says_which_way_there_is_less(connected: SimulatedCall) -> None:
    events = [
        event
        for event in connected.events
        if not (
            isinstance(event, TrackReceived)
            and (event.peer, event.remote, event.kind) == ("alice", "bob", "video")
        )
    ]
    words = texts(parse(topology_svg(events)))
    assert "to alice: audio" in words
    assert "to bob: video, audio" in words


def test_a_side_that_does_not_report_is_left_out() -> None:
    """A browser's connection: only what is seen from the kernel is known."""
    call = SimulatedCall(paused=False)
    call.join("alice", "browser")
    call.deliver_all()
    events = [e for e in call.events if getattr(e, "peer", "") != "browser"]
    events[1:1] = [e for e in call.events if isinstance(e, PeerJoined)]
    words = texts(parse(topology_svg(events)))
    assert "to alice: video, audio" in words
    assert not [each for each in words if each.startswith("to browser")]


@pytest.mark.parametrize(
    ("state", "machine", "new"),
    [
        ("signaling", "signaling", "have-local-offer"),
        ("checking", "ice_connection", "checking"),
        ("securing", "ice_connection", "completed"),
        ("connected", "connection", "connected"),
        ("failed", "connection", "failed"),
        ("closed", "signaling", "closed"),
    ],
)
def test_a_link_is_named_by_its_state(state: str, machine: str, new: str) -> None:
    events = joined("alice", "bob")
    change = StateChanged(
        seq=3, time=0.0, peer="alice", remote="bob", machine=machine, old="new", new=new
    )
    root = parse(topology_svg([*events, change]))
    link = links(root)["alice", "bob"]
    assert link.get("data-state") == state
    assert link.get("aria-label") == f"alice and bob: {state}"
    assert state in texts(root)
    line = link.findall(f"{SVG}line")[-1]
    assert MARKS[state] in line.attrib["class"].split()


def test_a_pointer_is_told_every_machine(connected: SimulatedCall) -> None:
    link = links(parse(topology_svg(connected.events)))["alice", "bob"]
    title = link.findtext(f"{SVG}title", "")
    assert "alice receives video, audio" in title
    assert "ice connection completed" in title
    assert "dtls connected" in title


def test_many_participants_are_labelled_where_they_are_not_connected() -> None:
    call = SimulatedCall(paused=False)
    call.join(*(f"peer {number}" for number in range(7)))
    call.deliver_all()
    call.join("late")
    root = parse(topology_svg(call.events))
    words = texts(root)
    assert words.count("connected") == 0
    assert words.count("new") == 7
    assert "7 new, 21 connected" in words


def test_a_source_that_stopped_is_said_below_its_name(connected: SimulatedCall) -> None:
    connected.record(SourceFailed, peer="bob", kind="video", message="no such file")
    root = parse(topology_svg(connected.events))
    assert "video stopped" in texts(root)
    assert "no such file" in ElementTree.tostring(root, "unicode")


def test_who_left_is_not_in_it(connected: SimulatedCall) -> None:
    connected.leave("bob")
    connected.deliver_all()
    root = parse(topology_svg(connected.events))
    assert set(links(root)) == {("alice", "carol")}
    assert "bob" not in texts(root)


# The picture --------------------------------------------------------------------------


@pytest.mark.parametrize("pair", [("alice", "carol"), ("carol", "alice")])
def test_a_selected_link_is_marked(
    connected: SimulatedCall, pair: tuple[str, str]
) -> None:
    found = links(parse(topology_svg(connected.events, selected=pair)))
    chosen = [key for key, link in found.items() if "selected" in link.attrib["class"]]
    assert chosen == [("alice", "carol")]


def test_links_can_be_reached_by_keyboard(connected: SimulatedCall) -> None:
    for link in links(parse(topology_svg(connected.events))).values():
        assert link.get("tabindex") == "0"
        assert link.get("role") == "button"


def test_a_moment_and_its_events_give_the_same_bytes(connected: SimulatedCall) -> None:
    moment = Moment.of(connected.events)
    assert topology_svg(moment) == topology_svg(iter(connected.events))
    assert topology_svg(moment) == topology_svg(moment.copy())


def test_times_are_not_in_it(connected: SimulatedCall) -> None:
    later = [replace(event, time=event.time + 99.5) for event in connected.events]
    assert topology_svg(later) == topology_svg(connected.events)


@pytest.mark.parametrize("count", [2, 3, 4, 5, 8, 12])
def test_nothing_covers_another_or_leaves_the_picture(count: int) -> None:
    members = [f"peer {number}" for number in range(count)]
    root = parse(topology_svg(joined(*members)))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    boxes = []
    for group in root.iter(f"{SVG}g"):
        if group.get("class") == "meshwidget-node":
            rect = group.find(f"{SVG}rect")
            assert rect is not None
            x, y, w, h = (float(rect.attrib[k]) for k in ("x", "y", "width", "height"))
            boxes.append((x, y, x + w, y + h))
            assert min(x, y) >= 0
            assert x + w <= width
            assert y + h <= height
    assert len(boxes) == count
    for one, other in combinations(boxes, 2):
        apart = one[2] < other[0] or other[2] < one[0]
        assert apart or one[3] < other[1] or other[3] < one[1]


# Any names, any events ----------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(names, min_size=2, max_size=7, unique=True))
@example(["<script>alert(1)</script>", '"&amp;\\', "\u202eevil", "]]>"])
@example(["m" * 64, "\u0645\u062d\u0645\u062f", "\U0001f469\u200d\U0001f4bb", "\u0301"])
def test_any_names_are_text(members: list[str]) -> None:
    root = parse(topology_svg(joined(*members)))
    allowed = {"svg", "style", "rect", "g", "title", "line", "circle", "text"}
    assert {each.tag.removeprefix(SVG) for each in root.iter()} <= allowed
    count = len(members)
    groups = [g for g in root.iter(f"{SVG}g") if g.get("class") == "meshwidget-link"]
    assert len(groups) == count * (count - 1) // 2


@given(st.lists(names, min_size=2, max_size=2, unique=True))
@example(['"\\', "\\u0041"])
@example(["a\nb", "\x00"])
def test_a_page_can_read_who_a_link_is_between(members: list[str]) -> None:
    root = parse(topology_svg(joined(*members)))
    (group,) = (g for g in root.iter(f"{SVG}g") if "data-peers" in g.attrib)
    assert json.loads(group.attrib["data-peers"]) == members


@settings(deadline=None)
@given(histories())
def test_any_events_are_drawn(events: list[Event]) -> None:
    root = parse(topology_svg(events, selected=("alice", "bob")))
    count = len(Moment.of(events).members)
    assert len(links(root)) == count * (count - 1) // 2
