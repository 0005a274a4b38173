"""The sequence diagram: everything that happened is in it, as what it was.

Calls are simulated; what is drawn is read from the SVG as a learner would: by groups,
words and marks.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from meshwidget.events import (
    Event,
    JoinRefused,
    MeshClosed,
    MessageAccepted,
    MessageDelivered,
    MessageDropped,
    MessageEdited,
    MessageEvent,
    MessageRefused,
    PeerJoined,
    SignalingResumed,
    SourceFailed,
    StateChanged,
    TaskFailed,
)
from meshwidget.history.moment import Moment
from meshwidget.views.lanes import MARGIN, SERVER, Lanes
from meshwidget.views.rows import Arrow, Notes, notes_of, rows_of
from meshwidget.views.sequence import sequence_svg

from ..history.simulator import SimulatedCall
from ..history.strategies import histories, shuffled

SVG = "{http://www.w3.org/2000/svg}"

names = st.text(st.characters(), min_size=1, max_size=64)


class Drawing:
    """A diagram, as somebody sees it who cannot see colours."""

    def __init__(self, markup: str) -> None:
        self.markup = markup
        self.root = ElementTree.fromstring(markup.encode("utf-8"))

    def groups(self, class_: str) -> list[ElementTree.Element]:
        return [
            group
            for group in self.root.iter(f"{SVG}g")
            if class_ in group.get("class", "").split()
        ]

    def messages(self) -> list[ElementTree.Element]:
        return self.groups("meshwidget-message")

    def numbers(self) -> list[int]:
        return [int(group.attrib["data-number"]) for group in self.messages()]

    def message(self, number: int) -> list[ElementTree.Element]:
        return [
            each for each in self.messages() if each.get("data-number") == str(number)
        ]

    @property
    def texts(self) -> list[str]:
        return list(texts_of(self.root))

    @property
    def words(self) -> str:
        return " | ".join(self.texts)

    @property
    def heads(self) -> list[str]:
        (heads,) = self.groups("meshwidget-heads")
        return list(texts_of(heads))


def texts_of(element: ElementTree.Element) -> Iterator[str]:
    """What is written, without isolates; not what a pointer shows."""
    for text in element.iter(f"{SVG}text"):
        title = text.find(f"{SVG}title")
        shown = text.text or "" if title is None else title.tail or ""
        yield shown.replace("\u2068", "").replace("\u2069", "")


def classes_of(element: ElementTree.Element) -> set[str]:
    return {word for each in element.iter() for word in each.get("class", "").split()}


def draw(events: list[Event], **options: object) -> Drawing:
    return Drawing(sequence_svg(events, **options))  # type: ignore[arg-type]


@pytest.fixture
def paused() -> SimulatedCall:
    """Two participants whose joining was delivered: an offer is held."""
    call = SimulatedCall()
    call.join("alice", "bob")
    call.deliver(1)
    call.deliver(2)
    return call


@pytest.fixture
def mesh() -> SimulatedCall:
    """Four who are connected, without ever having been paused."""
    call = SimulatedCall(paused=False)
    for name in ("alice", "bob", "carol", "dave"):
        call.join(name)
        call.deliver_all()
    return call


def numbers_in(events: list[Event]) -> set[int]:
    return {event.number for event in events if isinstance(event, MessageEvent)}


# Everything is there ------------------------------------------------------------------


def test_every_message_is_drawn(mesh: SimulatedCall) -> None:
    assert set(draw(mesh.events).numbers()) == numbers_in(mesh.events)


def test_a_message_that_was_not_held_is_one_row(mesh: SimulatedCall) -> None:
    drawn = draw(mesh.events)
    assert len(drawn.numbers()) == len(set(drawn.numbers()))


def test_a_message_that_was_held_is_two_rows(paused: SimulatedCall) -> None:
    paused.deliver_all()
    drawn = draw(paused.events)
    sent, delivered = drawn.message(3)
    assert sent.get("aria-label") == "offer 3 from bob to alice, was held at the server"
    assert delivered.get("aria-label") == "offer 3 from bob to alice, delivered"


def test_columns_are_the_participants_and_the_server_second(
    mesh: SimulatedCall,
) -> None:
    assert draw(mesh.events).heads == ["alice", "server", "bob", "carol", "dave"]


def test_states_are_told_in_words(mesh: SimulatedCall) -> None:
    words = draw(mesh.events, pair=("alice", "bob"), width=1200).words
    for state in (
        "have-local-offer",
        "have-remote-offer → stable",
        "gathering → complete",
        "ICE checking",
        "DTLS connecting → connected",
        "connection connected",
        "track: video, audio",
        "first frame",
    ):
        assert state in words


def test_with_two_nobody_needs_to_be_told_whose_connection_it_is(
    mesh: SimulatedCall,
) -> None:
    assert "bob: " not in draw(mesh.events, pair=("alice", "bob")).words
    assert "bob: " in draw(mesh.events).words


def test_a_change_is_explained_to_a_pointer(paused: SimulatedCall) -> None:
    paused.deliver(3)
    assert "webrtc-pc, section 4.3.1" in draw(paused.events).markup


def test_the_newest_is_at_the_bottom(mesh: SimulatedCall) -> None:
    drawn = draw(mesh.events)
    assert drawn.numbers() == sorted(drawn.numbers())
    heights = [
        float(group.attrib["transform"].split()[1].rstrip(")"))
        for group in drawn.root.iter(f"{SVG}g")
        if group.get("transform", "").startswith("translate(0 ")
        and group[0].get("class") == "meshwidget-message"
    ]
    assert heights == sorted(heights)
    assert len(set(heights)) == len(heights)


def test_joining_and_leaving_begin_and_end_a_lifeline(mesh: SimulatedCall) -> None:
    before = draw(mesh.events)
    mesh.leave("bob")
    mesh.deliver_all()
    mesh.leave("carol", reason="lost")
    mesh.deliver_all()
    after = draw(mesh.events)
    assert "leaves" not in before.words
    assert before.texts.count("join_room") == after.texts.count("join_room") == 4
    assert "leaves" in after.texts
    assert "lost, without a word" in after.texts
    assert "user_exit" in after.words
    # Who is gone has a lifeline that ends above the bottom.
    assert lifeline_ends(before) == {"100%"}
    assert len(lifeline_ends(after) - {"100%"}) == 2


def lifeline_ends(drawn: Drawing) -> set[str]:
    lines = drawn.root.findall(f"{SVG}line")
    return {line.attrib["y2"] for line in lines if line.get("class") == "thin"}


def test_who_comes_back_has_a_second_lifeline(mesh: SimulatedCall) -> None:
    mesh.leave("bob")
    mesh.deliver_all()
    mesh.join("bob")
    drawn = draw(mesh.events)
    assert drawn.heads == ["alice", "server", "bob", "carol", "dave"]
    lines = drawn.root.findall(f"{SVG}line")
    assert sum(line.get("class") == "thin" for line in lines) == 6


def test_a_closed_connection_is_one_word(mesh: SimulatedCall) -> None:
    mesh.leave("bob")
    mesh.deliver_all()
    words = draw(mesh.events).texts
    assert "bob: closed" in words
    assert not any("DTLS closed" in text for text in words)


def test_an_empty_log_says_so() -> None:
    drawn = draw([])
    assert drawn.heads == ["server"]
    assert "nobody has joined yet" in drawn.texts


# What became of a message -------------------------------------------------------------


def test_held(paused: SimulatedCall) -> None:
    drawn = draw(paused.events)
    (offer,) = drawn.message(3)
    assert offer.get("aria-label") == "offer 3 from bob to alice, held at the server"
    assert {"dashed", "warn", "ring"} <= classes_of(offer)
    assert "held, for alice" in list(texts_of(offer))
    assert "signaling is paused: the server holds what it accepts" in drawn.texts


def test_the_servers_own_message_is_held_without_an_arrow() -> None:
    call = SimulatedCall()
    call.join("alice")
    (message,) = draw(call.events).message(1)
    assert list(texts_of(message)) == ["all_users 1 held, for alice"]
    assert not list(message.iter(f"{SVG}polygon"))


def test_resumed_messages_are_on_their_way(paused: SimulatedCall) -> None:
    paused.record(SignalingResumed)
    drawn = draw(paused.events)
    (offer,) = drawn.message(3)
    assert "on its way to alice" in list(texts_of(offer))
    assert "signaling is resumed" in drawn.texts
    assert "held" not in " ".join(texts_of(offer))


def test_dropped(paused: SimulatedCall) -> None:
    paused.drop(3)
    drawn = draw(paused.events)
    _, lost = drawn.message(3)
    assert lost.get("aria-label") == "offer 3 from bob to alice, lost on the way"
    assert "bad" in classes_of(lost)
    assert list(texts_of(lost)) == ["offer 3", "dropped"]


def test_lost_because_its_receiver_left(paused: SimulatedCall) -> None:
    paused.leave("alice")
    assert "receiver left" in draw(paused.events).texts


def test_edited(paused: SimulatedCall) -> None:
    paused.edit(3, "took out a=fingerprint", "a=fingerprint")
    drawn = draw(paused.events)
    assert "offer 3 edited: took out a=fingerprint" in drawn.texts
    sent, edited = drawn.message(3)
    assert "changed by hand" in sent.attrib["aria-label"]
    assert edited.attrib["aria-label"].endswith("took out a=fingerprint")
    paused.deliver(3)
    assert "offer 3 (edited)" in draw(paused.events).texts


def test_ignored_and_refused(paused: SimulatedCall) -> None:
    paused.ignore("alice", "bob", "answer", "there is no offer to answer")
    paused.record(
        MessageRefused, sender="bob", kind="offer", code="x", message="no such member"
    )
    paused.record(MessageRefused, sender="", kind="offer", code="x", message="no name")
    paused.record(SourceFailed, peer="alice", kind="video", message="the end")
    drawn = draw(paused.events)
    for words in ("ignores answer", "offer refused", "video source stopped"):
        assert words in drawn.words
    assert "there is no offer to answer" in drawn.markup
    assert any("somebody outside the room" in text for text in drawn.texts)


def test_what_concerns_the_call_goes_across(paused: SimulatedCall) -> None:
    paused.record(
        JoinRefused, peer="erin", code="room_full", message="the room is full"
    )
    paused.record(TaskFailed, where="a callback", message="ZeroDivisionError: oh")
    paused.record(MeshClosed)
    texts = draw(paused.events).texts
    assert "erin is not let in: the room is full" in texts
    assert "a callback failed: ZeroDivisionError: oh" in texts
    assert "the mesh is closed" in texts


def test_a_machine_that_nobody_knows_is_shown_as_it_is(paused: SimulatedCall) -> None:
    fields = {"peer": "alice", "remote": "bob", "old": "new", "new": "odd"}
    paused.record(StateChanged, machine="sctp_transport", **fields)
    assert "sctp transport odd" in draw(paused.events).words


# Selecting, folding, filtering --------------------------------------------------------


def test_a_selected_message_is_marked_in_all_its_rows(paused: SimulatedCall) -> None:
    paused.deliver_all()
    drawn = draw(paused.events, selected=3)
    chosen = [group.get("data-number") for group in drawn.groups("selected")]
    assert chosen == ["3", "3"]


def test_messages_can_be_reached_by_keyboard(mesh: SimulatedCall) -> None:
    for group in draw(mesh.events).messages():
        assert group.get("tabindex") == "0"
        assert group.get("role") == "button"


@pytest.mark.parametrize("limit", [1, 2, 5, 12, 100])
def test_older_messages_are_folded(mesh: SimulatedCall, limit: int) -> None:
    drawn = draw(mesh.events, limit=limit)
    everything = numbers_in(mesh.events)
    shown = set(drawn.numbers())
    assert len(shown) <= limit
    assert shown == set(sorted(everything)[-len(shown) :])
    hidden = len(everything) - len(shown)
    assert any(f"… {hidden} earlier message" in text for text in drawn.texts) is (
        hidden > 0
    )


def test_a_held_message_is_never_folded(paused: SimulatedCall) -> None:
    for name in ("carol", "dave"):
        paused.join(name)
        paused.deliver_all(but=[3, 4])
    drawn = draw(paused.events, limit=4)
    assert {3, 4} <= set(drawn.numbers())
    assert drawn.groups("meshwidget-fold")


def test_folding_moves_by_steps(mesh: SimulatedCall) -> None:
    """A growing diagram must not move with every message."""
    hidden = set()
    for end in range(len(mesh.events)):
        events = mesh.events[: end + 1]
        if not Moment.of(events).pending:  # those are never folded
            numbers = draw(events, limit=8).numbers()
            hidden.add(min(numbers, default=1) - 1)
    assert len(hidden) > 2
    assert not any(number % 2 for number in hidden)


def test_nothing_is_folded_without_a_limit(mesh: SimulatedCall) -> None:
    assert set(draw(mesh.events, limit=None).numbers()) == numbers_in(mesh.events)


def test_a_pair(mesh: SimulatedCall) -> None:
    drawn = draw(mesh.events, pair=("dave", "bob"))
    assert drawn.heads == ["bob", "server", "dave"]
    for message in drawn.messages():
        words = message.attrib["aria-label"].split(",")[0]
        assert "alice" not in words
        assert "carol" not in words


def test_some_peers(mesh: SimulatedCall) -> None:
    drawn = draw(mesh.events, peers=["carol"])
    assert drawn.numbers()
    for message in drawn.messages():
        assert "carol" in message.attrib["aria-label"]


def test_some_kinds(mesh: SimulatedCall) -> None:
    drawn = draw(mesh.events, kinds=["offer", "answer"])
    labels = [group.attrib["aria-label"] for group in drawn.messages()]
    assert len(labels) == 12
    assert {label.split()[0] for label in labels} == {"offer", "answer"}
    assert "ICE" not in drawn.words
    # They were there all the time.
    assert lifeline_ends(drawn) == {"100%"}


def test_a_pair_that_never_met(mesh: SimulatedCall) -> None:
    drawn = draw(mesh.events, pair=("alice", "zoe"))
    assert drawn.heads == ["alice", "server"]


# The picture --------------------------------------------------------------------------


def test_the_same_events_give_the_same_bytes(mesh: SimulatedCall) -> None:
    assert sequence_svg(mesh.events) == sequence_svg(iter(list(mesh.events)))


@pytest.mark.parametrize("seed", range(10))
def test_what_connections_do_at_once_may_come_in_any_order(
    paused: SimulatedCall, seed: int
) -> None:
    """A stepped call is the same picture each time it is stepped."""
    paused.join("carol")
    paused.deliver_all()
    events = shuffled(paused.events, random.Random(seed))
    assert sequence_svg(events) == sequence_svg(paused.events)


def test_times_and_addresses_are_not_in_it(mesh: SimulatedCall) -> None:
    later = [replace(event, time=event.time + 99.5) for event in mesh.events]
    assert sequence_svg(later) == sequence_svg(mesh.events)
    assert "40000" not in sequence_svg(mesh.events)


def test_a_moment_at_hand_saves_its_folding(mesh: SimulatedCall) -> None:
    moment = Moment.of(mesh.events)
    assert sequence_svg(mesh.events, moment=moment) == sequence_svg(mesh.events)


@pytest.mark.parametrize("limit", [None, 20])
def test_a_growing_diagram_changes_in_few_lines(
    mesh: SimulatedCall, limit: int | None
) -> None:
    """What did not change is not sent again, not even when it moves up."""
    new_lines = []
    everything = len(mesh.events)
    for end in range(everything - 60, everything):
        known = set(sequence_svg(mesh.events[:end], limit=limit).split("\n"))
        lines = sequence_svg(mesh.events[: end + 1], limit=limit).split("\n")
        new_lines.append(sum(len(line) for line in lines if line not in known))
    assert sorted(new_lines)[30] < 1_500
    assert max(new_lines) < len(sequence_svg(mesh.events, limit=limit)) / 3


def test_four_peers_fit_a_notebook(mesh: SimulatedCall) -> None:
    assert float(draw(mesh.events).root.attrib["width"]) <= 910


def test_twelve_peers_are_wider_not_crowded() -> None:
    call = SimulatedCall(paused=False)
    call.join(*(f"peer {number}" for number in range(12)))
    call.deliver_all()
    drawn = draw(call.events)
    assert len(drawn.heads) == 13
    assert float(drawn.root.attrib["width"]) > 13 * 136


def test_a_tall_diagram_has_its_names_below_too(mesh: SimulatedCall) -> None:
    assert draw(mesh.events).groups("meshwidget-feet")
    assert not draw(mesh.events[:5]).groups("meshwidget-feet")


# Any names, any events ----------------------------------------------------------------


def renamed(events: list[Event], name_of: dict[str, str]) -> list[Event]:
    fields = ("peer", "remote", "sender", "receiver")
    return [
        replace(
            event,
            **{
                field: name_of.get(getattr(event, field), getattr(event, field))
                for field in fields
                if hasattr(event, field)
            },
        )
        for event in events
    ]


@settings(deadline=None, max_examples=60)
@given(st.lists(names, min_size=4, max_size=4, unique=True))
@example(["<script>alert(1)</script>", '"&amp;', "\u202eevil", "]]>"])
@example(["m" * 64, "\u0645\u062d\u0645\u062f", "\U0001f469\u200d\U0001f4bb", "\u0301"])
def test_any_names_are_text(chosen: list[str]) -> None:
    call = SimulatedCall(paused=False)
    call.join("alice", "bob", "carol", "dave")
    call.deliver_all()
    call.leave("bob")
    originals = ["alice", "bob", "carol", "dave"]
    events = renamed(call.events, dict(zip(originals, chosen, strict=True)))
    drawn = draw(events)
    assert structure(drawn.root) == structure(draw(call.events).root)
    assert set(drawn.numbers()) == numbers_in(call.events)


def structure(root: ElementTree.Element) -> list[str]:
    """Elements without the texts, which wrap and are cut by their width."""
    passing = {"text", "title"}
    tags = [each.tag.removeprefix(SVG) for each in root.iter()]
    return [tag for tag in tags if tag not in passing]


@settings(deadline=None)
@given(histories())
def test_any_events_are_drawn(events: list[Event]) -> None:
    drawn = draw(events, limit=None)
    accepted = {
        event.number
        for event in events
        if isinstance(event, MessageDelivered | MessageDropped | MessageEdited)
    }
    pending = {message.number for message in Moment.of(events).pending}
    assert accepted | pending <= set(drawn.numbers())
    assert len(draw(events, limit=3).numbers()) <= 3 + 2 * len(pending)


@settings(deadline=None)
@given(histories(), st.lists(st.sampled_from(["alice", "bob", ""]), max_size=2))
def test_any_filters_are_drawn(events: list[Event], peers: list[str]) -> None:
    draw(events, peers=peers, kinds=["offer", "strange"], selected=2)
    draw(events, pair=("alice", "bob"), width=1)


def test_a_part_of_a_log_is_drawn(mesh: SimulatedCall) -> None:
    for start in range(0, len(mesh.events), 7):
        drawn = draw(mesh.events[start:])
        delivered = [e for e in mesh.events[start:] if isinstance(e, MessageDelivered)]
        assert {event.number for event in delivered} <= set(drawn.numbers())


# Rows and lanes -----------------------------------------------------------------------


def test_rows_are_in_the_order_of_the_log(paused: SimulatedCall) -> None:
    paused.deliver(3)
    rows = rows_of(paused.events, Moment.of(paused.events))
    arrows = [(r.message.number, r.end) for r in rows if isinstance(r, Arrow)]
    assert arrows == [
        (1, "kept"),
        (2, "kept"),
        (1, "delivered"),
        (2, "delivered"),
        (3, "kept"),
        (4, "held"),
        (3, "delivered"),
        (5, "held"),
        (6, "held"),
    ]


def test_notes_are_in_the_order_of_the_machines(paused: SimulatedCall) -> None:
    paused.deliver(3)
    rows = rows_of(paused.events, Moment.of(paused.events))
    (*_, told) = [row for row in rows if isinstance(row, Notes)]
    notes = notes_of(told.by_name["alice"]["bob"])
    assert [note.text for note in notes] == [
        "have-remote-offer → stable",
        "gathering → complete",
        "track: video, audio",
        "ICE checking",
        "connection connecting",
    ]
    assert {note.mark for note in notes} == {"wait"}


def test_a_message_of_which_only_the_end_is_known_comes_from_the_server() -> None:
    call = SimulatedCall(paused=False)
    call.join("alice", "bob")
    call.deliver_all()
    (delivery,) = [
        event
        for event in call.events
        if isinstance(event, MessageDelivered) and event.kind == "offer"
    ]
    (row,) = rows_of([delivery], Moment.of([delivery]))
    assert isinstance(row, Arrow)
    assert not row.is_sent


def test_accepted_twice_is_drawn_once_each(mesh: SimulatedCall) -> None:
    (first, *_) = [e for e in mesh.events if isinstance(e, MessageAccepted)]
    joined = [e for e in mesh.events if isinstance(e, PeerJoined)]
    draw([*joined, first, first])


def test_lanes_fill_from_above() -> None:
    lanes = Lanes(["alice", "bob", "carol"], 900, top=40)
    assert lanes.names == ("alice", SERVER, "bob", "carol")
    assert lanes.place(20, "alice", SERVER) == 40
    assert lanes.place(20, SERVER, "bob") == 60
    assert lanes.place(20, "alice", gap=1) == 60, "beside the arrow to bob"
    assert lanes.place(30, "carol", gap=1) == 40
    assert lanes.place(10, "alice", "carol") == 80, "below everything that it crosses"
    assert lanes.place(10) == 90
    assert lanes.bottom == 100


def test_a_gap_on_the_left() -> None:
    lanes = Lanes(["alice", "bob"], 900, top=0)
    assert lanes.place(20, "alice", gap=1) == 0
    assert lanes.place(20, SERVER, gap=-1) == 20
    assert lanes.place(20, "alice", gap=-1) == 20


@given(st.lists(names, max_size=20, unique=True), st.floats(0, 3000))
def test_lanes_stand_apart_and_inside(peers: list[str], width: float) -> None:
    lanes = Lanes(peers, width, top=0)
    places = [lanes.x(name) for name in lanes.names]
    assert all(b - a == lanes.spacing for a, b in pairwise(places))
    assert places[0] > MARGIN
    assert lanes.room(lanes.names[-1]) > 80
    assert places[-1] + lanes.room(lanes.names[-1]) < lanes.width
