"""A stepped call is the same text every time, however its connections interleave."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwidget.events import (
    Event,
    MeshClosed,
    MessageIgnored,
    MessageRefused,
    PeerLeft,
    SourceFailed,
    TaskFailed,
    TuningSkipped,
)
from meshwidget.history.filters import chosen
from meshwidget.history.text import Group, grouped, log_html, log_table, log_text, who

from .simulator import SimulatedCall
from .strategies import histories, shuffled

Simulate = Callable[..., SimulatedCall]

TWO_PEERS = """\
room 1234 is open for 4
signaling is paused
alice joins room 1234
    the server accepts all_users 1 from the server to alice
bob joins room 1234
    the server accepts all_users 2 from the server to bob
the server delivers all_users 1 from the server to alice
the server delivers all_users 2 from the server to bob
    bob to alice: signaling stable -> have-local-offer
    bob to alice: ice gathering new -> gathering
    bob to alice: ice gathering gathering -> complete
    the server accepts offer 3 from bob to alice
    the server accepts candidate 4 from bob to alice
the server delivers offer 3 from bob to alice
    alice gets a track of video from bob
    alice gets a track of audio from bob
    alice to bob: signaling stable -> have-remote-offer
    alice to bob: signaling have-remote-offer -> stable
    alice to bob: ice gathering new -> gathering
    alice to bob: ice gathering gathering -> complete
    alice to bob: ice connection new -> checking
    alice to bob: connection new -> connecting
    the server accepts answer 5 from alice to bob
    the server accepts candidate 6 from alice to bob
the server delivers candidate 4 from bob to alice
the server delivers answer 5 from alice to bob
    bob gets a track of video from alice
    bob gets a track of audio from alice
    bob to alice: signaling have-local-offer -> stable
    bob to alice: ice connection new -> checking
    bob to alice: connection new -> connecting
    bob to alice: ice connection checking -> completed
    bob to alice: dtls new -> connecting
    bob to alice: connection connecting -> connected
    bob to alice: dtls connecting -> connected
    bob sees the first frame of alice
    alice to bob: ice connection checking -> completed
    alice to bob: dtls new -> connecting
    alice to bob: connection connecting -> connected
    alice to bob: dtls connecting -> connected
    alice sees the first frame of bob
the server delivers candidate 6 from alice to bob"""

BYE = """\
bob leaves room 1234
    bob to alice: signaling stable -> closed
    bob to alice: ice connection completed -> closed
    bob to alice: connection connected -> closed
    bob to alice: dtls connected -> closed
    alice to bob: signaling stable -> closed
    alice to bob: ice connection completed -> closed
    alice to bob: connection connected -> closed
    alice to bob: dtls connected -> closed
    the server accepts user_exit 7 from bob to alice
the server delivers user_exit 7 from bob to alice"""


def four(simulate: Simulate) -> SimulatedCall:
    """Four who meet, of whom one leaves and one vanishes."""
    call = simulate("alice", "bob", "carol", "dave")
    call.deliver_all()
    call.leave("bob")
    call.deliver_all()
    call.leave("carol", "lost")
    call.deliver_all()
    call.record(MeshClosed)
    return call


def test_two_peers_step_by_step(simulate: Simulate) -> None:
    call = simulate("alice", "bob")
    call.deliver_all()
    assert log_text(call.events) == TWO_PEERS


def test_what_closes_when_one_leaves_is_put_under_its_leaving(
    simulate: Simulate,
) -> None:
    call = simulate("alice", "bob")
    call.deliver_all()
    call.leave("bob")
    call.deliver_all()
    assert log_text(call.events) == f"{TWO_PEERS}\n{BYE}"


@given(chance=st.randoms(use_true_random=False))
def test_the_text_does_not_depend_on_who_was_quicker(
    simulate: Simulate, chance: random.Random
) -> None:
    events = four(simulate).events
    mixed = shuffled(events, chance)
    assert sorted(map(str, mixed)) == sorted(map(str, events))
    assert log_text(mixed) == log_text(events)


@given(chance=st.randoms(use_true_random=False), moved=st.integers(0, 8))
def test_the_text_does_not_depend_on_when_the_server_notices_a_leaver(
    simulate: Simulate, chance: random.Random, moved: int
) -> None:
    """Connections close before the server lets their owner go, or a moment after."""
    call = simulate("alice", "bob")
    call.deliver_all()
    call.leave("bob")
    expected = log_text(call.events)
    place = next(
        index for index, event in enumerate(call.events) if isinstance(event, PeerLeft)
    )
    events = call.events[:]
    events.insert(place - moved, events.pop(place))
    assert log_text(shuffled(events, chance)) == expected


def test_a_close_that_a_message_caused_stays_under_the_message(
    simulate: Simulate,
) -> None:
    """Alice is told that bob is gone, closes, and then leaves herself."""
    call = simulate("alice", "bob")
    call.deliver_all()
    call.leave("bob", "lost")
    call.deliver_all()
    call.leave("alice")
    text = log_text(call.events)
    told = text.index("the server delivers user_exit 7 from bob to alice")
    closed = text.index("alice to bob: signaling stable -> closed")
    left = text.index("alice leaves room 1234")
    assert told < closed < left


@given(events=histories())
def test_every_event_is_in_it_once(events: list[Event]) -> None:
    lines = [line.removeprefix("    ") for line in log_text(events).split("\n")]
    expected = [line for event in events for line in str(event).split("\n")]
    assert sorted(line.strip() for line in lines) == sorted(
        line.strip() for line in expected or [""]
    )


@given(events=histories())
def test_groups_hold_every_event_in_the_order_of_their_roots(
    events: list[Event],
) -> None:
    groups = grouped(events)
    roots = [group.root for group in groups if group.root is not None]
    assert [root.seq for root in roots] == sorted(root.seq for root in roots)
    assert all(group.root is not None for group in groups[1:])
    found = [event for group in groups for event in group.caused] + roots
    assert sorted(event.seq for event in found) == [event.seq for event in events]


def test_no_log_no_text() -> None:
    assert log_text([]) == ""
    assert grouped([]) == []


def test_a_part_of_a_log_begins_without_a_root(simulate: Simulate) -> None:
    call = simulate("alice", "bob")
    call.deliver(1)
    start = len(call.events) + 1
    call.deliver(2)
    text = log_text(call.events[start:])
    assert text.startswith("bob to alice: signaling stable -> have-local-offer\n")
    assert grouped(call.events[start:])[0].root is None


def test_those_who_joined_before_a_part_are_sorted_as_they_are_told(
    simulate: Simulate,
) -> None:
    call = simulate("zoe", "alice")
    call.deliver_all()
    part = [event for event in call.events if who(event) in _both("zoe", "alice")]
    unsorted = [event for event in part if type(event).__name__ == "StateChanged"]
    by_name = log_text(unsorted)
    by_joining = log_text(unsorted, ["zoe", "alice"])
    assert by_name.startswith("alice to zoe")
    assert by_joining.startswith("zoe to alice")


def _both(one: str, other: str) -> list[tuple[str, str]]:
    return [(one, other), (other, one)]


def test_what_is_about_nobody_comes_last(simulate: Simulate) -> None:
    call = simulate("alice")
    call.record(TaskFailed, where="a task", message="ValueError: no")
    call.record(TuningSkipped, what="decoding", reason="too new")
    call.record(SourceFailed, peer="alice", kind="video", message="gone")
    call.record(MessageRefused, sender="", kind="offer", code="x", message="not yet")
    group = grouped(call.events)[-1]
    assert [type(event).__name__ for event in group.caused] == [
        "MessageRefused",
        "SourceFailed",
        "MessageAccepted",
        "TaskFailed",
        "TuningSkipped",
    ]


def test_whom_an_event_is_about(simulate: Simulate) -> None:
    call = simulate("alice", "bob")
    call.record(
        MessageIgnored, peer="bob", remote="alice", kind="answer", reason="no offer"
    )
    assert who(call.events[0]) is None
    assert who(call.events[2]) == ("alice", "")
    assert who(call.events[3]) == ("", "alice")
    assert who(call.events[-1]) == ("bob", "alice")


# Tables -------------------------------------------------------------------------------


def test_a_row_an_event(simulate: Simulate) -> None:
    call = simulate("alice", "bob")
    call.deliver_all()
    rows = log_table(call.events)
    assert len(rows) == len(call.events)
    assert rows[2] == {
        "seq": 2,
        "time": 0.002,
        "event": "PeerJoined",
        "peer": "alice",
        "remote": "",
        "what": "alice joins room 1234",
    }
    assert [row["seq"] for row in rows] == list(range(len(rows)))


def test_the_table_in_html_shows_hostile_names_as_text(simulate: Simulate) -> None:
    html = log_html(simulate("<script>alert(1)</script>").events)
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert html.count("<tr>") == 1 + 4
    assert "<td>0.003</td>" in html


# Filters ------------------------------------------------------------------------------


def test_what_one_peer_is_in(simulate: Simulate) -> None:
    call = simulate("alice", "bob", "carol")
    call.deliver_all()
    for event in chosen(call.events, peers=["bob"]):
        involved = who(event)
        assert involved is None or "bob" in involved
    assert len(chosen(call.events, peers=["alice", "bob", "carol"])) == len(call.events)


def test_what_lies_between_two(simulate: Simulate) -> None:
    call = simulate("alice", "bob", "carol")
    call.deliver_all()
    events = chosen(call.events, pair=("alice", "carol"))
    for event in events:
        assert "bob" not in (who(event) or ())
    assert any(who(event) == ("carol", "alice") for event in events)
    assert any(who(event) == ("", "carol") for event in events)


@pytest.mark.parametrize("kind", ["all_users", "offer", "answer", "candidate"])
def test_messages_of_a_kind(simulate: Simulate, kind: str) -> None:
    call = simulate("alice", "bob")
    call.deliver_all()
    events = chosen(call.events, kinds=[kind])
    assert len(events) == (2 if kind in ("offer", "answer") else 4)
    assert {getattr(event, "kind", None) for event in events} == {kind}


def test_no_filter_leaves_all(simulate: Simulate) -> None:
    events = simulate("alice", "bob").events
    assert chosen(events) == events
    assert chosen(events, kinds=[]) == []


def test_a_group_is_made_empty() -> None:
    assert Group(None).caused == []
