"""A moment is the fold of a log's events, however it is reached."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwidget.events import (
    Event,
    JoinRefused,
    MeshClosed,
    MessageDelivered,
    MessageDropped,
    MessageIgnored,
    MessageRefused,
    PeerJoined,
    SignalingPaused,
    SignalingResumed,
    SourceFailed,
    StateChanged,
    TaskFailed,
    TrackReceived,
    TuningSkipped,
)
from meshwidget.history.moment import Moment
from meshwidget.history.parts import INITIAL_STATES, LINK_STATES, Link, Side

from .simulator import SimulatedCall
from .strategies import histories

Simulate = Callable[..., SimulatedCall]


@pytest.fixture
def connected(simulate: Simulate) -> SimulatedCall:
    """Two who see each other."""
    call = simulate("alice", "bob")
    call.deliver_all()
    return call


# The fold -----------------------------------------------------------------------------


@given(events=histories())
def test_a_moment_reached_step_by_step_is_the_one_built_anew(
    events: list[Event],
) -> None:
    live = Moment()
    for count, event in enumerate(events, 1):
        live.advance(event)
        assert live == Moment.of(events[:count])


@given(events=histories(), data=st.data())
def test_a_copy_goes_its_own_way(events: list[Event], data: st.DataObject) -> None:
    middle = data.draw(st.integers(0, len(events)))
    first = Moment.of(events[:middle])
    second = first.copy()
    assert second == first
    for event in events[middle:]:
        second.advance(event)
    assert first == Moment.of(events[:middle])
    assert second == Moment.of(events)


@given(events=histories())
def test_whatever_is_recorded_a_moment_holds_together(events: list[Event]) -> None:
    moment = Moment.of(events)
    assert moment.seq == len(events) - 1
    assert not moment.members.keys() & moment.departed.keys()
    for names, link in moment.links.items():
        assert names == link.names
        assert link.state in LINK_STATES
        assert all(number in moment.messages for number in link.messages)
        assert {side.peer for side in link.sides} == set(names)
    for message in moment.pending:
        assert message.is_pending
        assert message.status == ("held" if moment.paused else "in flight")
    for link in moment.present_links:
        assert set(link.names) <= moment.members.keys()


def test_nothing_has_happened_at_first() -> None:
    moment = Moment()
    assert (moment.seq, moment.time, moment.room) == (-1, 0.0, "")
    assert not moment.members
    assert not moment.pending
    assert moment.links == {}
    assert not moment.paused
    assert not moment.closed


def test_moments_compare_by_what_they_hold(connected: SimulatedCall) -> None:
    moment = Moment.of(connected.events)
    assert moment == Moment.of(connected.events)
    assert moment != Moment.of(connected.events[:-1])
    assert moment != "a moment"


def test_an_event_of_another_kind_only_moves_the_clock() -> None:
    moment = Moment.of([TuningSkipped(seq=3, time=1.5, what="decoding", reason="old")])
    assert (moment.seq, moment.time) == (3, 1.5)
    blank = Moment()
    blank.seq, blank.time = 3, 1.5
    assert moment == blank


def test_what_a_view_keeps_does_not_change(connected: SimulatedCall) -> None:
    moment = Moment.of(connected.events[:10])
    link = moment.link("alice", "bob")
    messages = dict(moment.messages)
    states = {number: message.status for number, message in messages.items()}
    assert link is not None
    before = link.state
    for event in connected.events[10:]:
        moment.advance(event)
    assert link.state == before
    assert {n: message.status for n, message in messages.items()} == states


# Who is there -------------------------------------------------------------------------


def test_members_are_in_order_of_joining(simulate: Simulate) -> None:
    moment = Moment.of(simulate("carol", "alice", "bob").events)
    assert list(moment.members) == ["carol", "alice", "bob"]
    assert moment.members["alice"].joined_seq == 4
    assert moment.members["alice"].all_users == 2
    assert (moment.room, moment.max_peers, moment.paused) == ("1234", 4, True)


@pytest.mark.parametrize(
    ("names", "links"),
    [(["a"], 0), (["a", "b"], 1), (["a", "b", "c"], 3), (["a", "b", "c", "d"], 6)],
)
def test_every_two_have_a_link(
    simulate: Simulate, names: list[str], links: int
) -> None:
    moment = Moment.of(simulate(*names).events)
    assert len(moment.present_links) == links
    assert all(link.state == "new" for link in moment.links.values())
    assert all(names.index(one) < names.index(other) for one, other in moment.links)


def test_who_leaves_is_remembered(connected: SimulatedCall) -> None:
    connected.leave("bob")
    moment = Moment.of(connected.events)
    assert list(moment.members) == ["alice"]
    assert moment.departed == {"bob": "left"}
    assert moment.present_links == ()
    assert moment.links["alice", "bob"].state == "closed"


def test_who_comes_back_starts_anew(connected: SimulatedCall) -> None:
    connected.leave("alice", "lost")
    connected.join("alice")
    moment = Moment.of(connected.events)
    assert moment.departed == {}
    # Now bob was there first.
    assert list(moment.links) == [("bob", "alice")]
    link = moment.links["bob", "alice"]
    assert link.state == "new"
    assert link.messages == ()
    assert [moment.messages[number].kind for number in link.farewells] == ["user_exit"]


def test_who_was_refused_is_no_member(connected: SimulatedCall) -> None:
    connected.record(JoinRefused, peer="eve", code="room_full", message="it is full")
    moment = Moment.of(connected.events)
    assert moment.refused == {"eve": "it is full"}
    assert "eve" not in moment.members
    connected.join("eve")
    assert Moment.of(connected.events).refused == {}


def test_a_namesake_who_is_refused_changes_nothing(connected: SimulatedCall) -> None:
    connected.record(JoinRefused, peer="bob", code="name_taken", message="taken")
    moment = Moment.of(connected.events)
    assert moment.refused == {}
    assert "bob" in moment.members


def test_one_who_joins_where_it_is_has_no_link_to_itself() -> None:
    joined = [PeerJoined(seq=seq, time=0, peer="alice", room="1") for seq in (0, 1)]
    moment = Moment.of(joined)
    assert moment.links == {}
    assert moment.members["alice"].joined_seq == 1


def test_the_end(connected: SimulatedCall) -> None:
    connected.record(MeshClosed)
    assert Moment.of(connected.events).closed


# Messages -----------------------------------------------------------------------------


def test_a_message_is_held_then_delivered(simulate: Simulate) -> None:
    call = simulate("alice", "bob")
    moment = Moment.of(call.events)
    assert [message.described for message in moment.pending] == [
        "all_users 1 from the server to alice",
        "all_users 2 from the server to bob",
    ]
    assert moment.messages[2].status == "held"
    call.deliver(2)
    moment = Moment.of(call.events)
    message = moment.messages[2]
    assert message.status == "delivered"
    assert message.delivered_seq is not None
    assert message.delivered_seq > message.accepted_seq
    assert message.dropped_seq is None
    assert [each.number for each in moment.pending] == [1, 3, 4]


def test_a_message_is_dropped(simulate: Simulate) -> None:
    call = simulate("alice", "bob")
    call.drop(1)
    message = Moment.of(call.events).messages[1]
    assert (message.status, message.reason) == ("dropped", "dropped")
    assert message.dropped_seq == len(call.events) - 1
    assert not message.is_pending


def test_what_waits_for_one_who_left_is_lost(simulate: Simulate) -> None:
    call = simulate("alice", "bob")
    call.leave("bob")
    message = Moment.of(call.events).messages[2]
    assert (message.status, message.reason) == ("dropped", "receiver left")


def test_an_edited_message_keeps_its_number(simulate: Simulate) -> None:
    call = simulate("alice", "bob")
    call.deliver(2)
    call.edit(3, "m=audio becomes m=sound", "m=audio", "m=sound")
    call.edit(3, "no password", "a=ice-pwd")
    message = Moment.of(call.events).messages[3]
    assert message.edited == ("m=audio becomes m=sound", "no password")
    assert message.is_pending
    assert message.sdp is not None
    assert "m=sound" in message.sdp
    assert message.candidate is None


def test_resuming_lets_what_is_held_go(simulate: Simulate) -> None:
    call = simulate("alice", "bob")
    call.record(SignalingResumed)
    moment = Moment.of(call.events)
    assert not moment.paused
    assert {message.status for message in moment.pending} == {"in flight"}
    call.record(SignalingPaused)
    moment = Moment.of(call.events)
    assert {message.status for message in moment.pending} == {"held"}


def test_the_messages_of_a_link(simulate: Simulate) -> None:
    call = simulate("alice", "bob", "carol")
    call.deliver_all()
    moment = Moment.of(call.events)
    messages = moment.between("bob", "alice")
    assert [message.kind for message in messages] == [
        "offer", "candidate", "answer", "candidate",
    ]  # fmt: skip
    assert messages == moment.between("alice", "bob")
    assert {(m.sender, m.receiver) for m in messages} == {
        ("alice", "bob"),
        ("bob", "alice"),
    }
    assert moment.between("alice", "zed") == ()


def test_the_newest_description(simulate: Simulate) -> None:
    call = simulate("alice", "bob")
    call.deliver_all()
    moment = Moment.of(call.events)
    offer = moment.description("bob", "alice")
    answer = moment.description("alice", "bob")
    assert offer is not None
    assert answer is not None
    assert (offer.kind, answer.kind) == ("offer", "answer")
    assert moment.description("alice", "zed") is None


def test_a_part_of_a_log_may_begin_after_the_acceptance() -> None:
    fields = {"number": 7, "kind": "offer", "sender": "alice", "receiver": "bob"}
    delivered = MessageDelivered(seq=50, time=9.0, **fields)  # type: ignore[arg-type]
    moment = Moment.of([delivered])
    assert moment.messages[7].status == "delivered"
    assert moment.messages[7].payload is None
    assert moment.messages[7].sdp is None
    assert moment.pending == ()
    dropped = MessageDropped(seq=50, time=9.0, reason="dropped", **fields)  # type: ignore[arg-type]
    assert Moment.of([dropped]).messages[7].status == "dropped"


# Connections --------------------------------------------------------------------------


def test_the_states_of_both_sides(connected: SimulatedCall) -> None:
    moment = Moment.of(connected.events)
    for side in moment.links["alice", "bob"].sides:
        assert side.states == {
            "signaling": "stable",
            "ice_gathering": "complete",
            "ice_connection": "completed",
            "dtls": "connected",
            "connection": "connected",
        }
        assert side.tracks == ("video", "audio")
        assert side.saw_frame
        assert side.reports
        assert side.has_been("dtls", "failed", "connecting")
        assert not side.has_been("dtls", "failed")


def test_a_link_is_as_far_as_the_side_that_is_behind(simulate: Simulate) -> None:
    call = simulate("alice", "bob")
    seen: list[str] = []
    moment = Moment()
    position = 0
    while call.pending:
        call.deliver(min(call.pending))
        for event in call.events[position:]:
            moment.advance(event)
            state = moment.links["alice", "bob"].state if moment.links else "new"
            if not seen or seen[-1] != state:
                seen.append(state)
        position = len(call.events)
    assert seen == ["new", "signaling", "checking", "securing", "connected"]


@pytest.mark.parametrize(
    ("states", "word"),
    [
        ({}, "new"),
        ({"signaling": "have-local-offer"}, "signaling"),
        ({"ice_gathering": "gathering"}, "signaling"),
        ({"ice_connection": "checking", "connection": "connecting"}, "checking"),
        ({"ice_connection": "disconnected"}, "checking"),
        ({"ice_connection": "completed"}, "securing"),
        ({"ice_connection": "connected", "dtls": "connecting"}, "securing"),
        ({"ice_connection": "completed", "connection": "connected"}, "connected"),
        ({"ice_connection": "failed"}, "failed"),
        ({"dtls": "failed"}, "failed"),
        ({"connection": "failed"}, "failed"),
        ({"connection": "closed"}, "closed"),
        ({"signaling": "closed", "connection": "failed"}, "closed"),
    ],
)
def test_one_word_for_five_machines(states: dict[str, str], word: str) -> None:
    side = Side(peer="alice", remote="bob", states={**INITIAL_STATES, **states})
    assert side.state == word


def test_a_side_that_does_not_report_is_left_out() -> None:
    link = Link.between("alice", "bob")
    assert link.state == "new"
    silent = link.having(link.one("alice").moved("connection", "connected"))
    assert silent.state == "connected"
    behind = silent.having(link.one("bob").moved("ice_connection", "checking"))
    assert behind.state == "checking"
    failed = silent.having(link.one("bob").moved("dtls", "failed"))
    assert failed.state == "failed"


def test_two_browsers_are_known_by_their_messages(simulate: Simulate) -> None:
    call = simulate("alice", "bob")
    call.accept("offer", "bob", "alice", {})
    assert Moment.of(call.events).links["alice", "bob"].state == "signaling"


def test_the_sides_of_a_link() -> None:
    link = Link.between("alice", "bob")
    assert link.one("bob").remote == "alice"
    assert link.other("bob").peer == "alice"
    with pytest.raises(KeyError):
        link.one("carol")


def test_a_side_that_nothing_is_known_of() -> None:
    side = Moment().side("alice", "bob")
    assert side == Side(peer="alice", remote="bob")
    assert side.state == "new"


def test_a_track_of_a_kind_counts_once(connected: SimulatedCall) -> None:
    connected.record(TrackReceived, peer="bob", remote="alice", kind="video")
    side = Moment.of(connected.events).side("bob", "alice")
    assert side.tracks == ("video", "audio")


def test_a_second_offer_starts_a_new_side(connected: SimulatedCall) -> None:
    connected.close("alice", "bob")
    assert Moment.of(connected.events).side("alice", "bob").is_over
    connected.record(TrackReceived, peer="alice", remote="bob", kind="video")
    side = Moment.of(connected.events).side("alice", "bob")
    assert side.tracks == ("video",)
    assert side.states == INITIAL_STATES
    connected.events.pop()
    connected.ends.pop(("alice", "bob"))
    connected.move("alice", "bob", "signaling", "have-remote-offer")
    side = Moment.of(connected.events).side("alice", "bob")
    assert side.states["signaling"] == "have-remote-offer"
    assert not side.saw_frame


def test_an_old_connection_that_closes_late_is_not_the_new_one(
    connected: SimulatedCall,
) -> None:
    """Bob vanishes and comes back before alice hears that he was gone."""
    connected.leave("bob", "lost")
    goodbye = connected.count
    old = connected.ends.pop(("alice", "bob"))
    connected.join("bob")
    connected.deliver_all(but=[goodbye])
    new = connected.ends["alice", "bob"]
    connected.ends["alice", "bob"] = old
    connected.deliver(goodbye)
    connected.ends["alice", "bob"] = new
    moment = Moment.of(connected.events)
    assert moment.links["alice", "bob"].state == "connected"
    assert moment.side("alice", "bob").states["dtls"] == "connected"
    # What comes now is about the new one.
    connected.leave("bob")
    assert Moment.of(connected.events).side("alice", "bob").is_over


def test_what_an_old_connection_does_fits_only_its_own_states(
    simulate: Simulate,
) -> None:
    call = simulate("alice", "bob")
    call.deliver(1)
    call.deliver(2)
    call.drop(4)
    call.deliver(3)
    call.leave("bob", "lost")
    call.join("bob")
    old = {"peer": "alice", "remote": "bob", "machine": "ice_connection"}
    call.record(StateChanged, **old, old="checking", new="failed")
    moment = Moment.of(call.events)
    assert moment.links["alice", "bob"].state == "new"


# What went wrong ----------------------------------------------------------------------


def test_what_could_not_be_used(connected: SimulatedCall) -> None:
    connected.ignore("bob", "alice", "answer", "there is no offer")
    side = Moment.of(connected.events).side("bob", "alice")
    assert [(each.kind, each.reason) for each in side.ignored] == [
        ("answer", "there is no offer")
    ]


def test_a_strangers_message_is_of_no_link() -> None:
    ignored = MessageIgnored(
        seq=0, time=0, peer="bob", remote="a stranger", kind="answer", reason="unknown"
    )
    assert Moment.of([ignored]).links == {}


def test_sources_and_errors(connected: SimulatedCall) -> None:
    connected.record(SourceFailed, peer="bob", kind="video", message="file is gone")
    connected.record(SourceFailed, peer="bob", kind="audio", message="file is gone")
    connected.record(TaskFailed, where="bob handling offer", message="ValueError: no")
    connected.record(
        MessageRefused, sender="bob", kind="offer", code="x", message="too long"
    )
    moment = Moment.of(connected.events)
    assert moment.sources_failed == {
        "bob": {"video": "file is gone", "audio": "file is gone"}
    }
    assert [sentence for _, sentence in moment.problems] == [
        "bob handling offer failed: ValueError: no"
    ]
    assert moment.rejected == [("bob", "offer", "too long")]
    connected.join("carol")
    connected.leave("bob")
    connected.join("bob")
    assert Moment.of(connected.events).sources_failed == {}


def test_it_is_shown_in_a_line(connected: SimulatedCall) -> None:
    moment = Moment.of(connected.events)
    last = len(connected.events) - 1
    assert repr(moment) == (
        f"<Moment {last}: alice, bob; 1 of 1 links connected, 0 messages pending>"
    )
    assert repr(Moment()) == (
        "<Moment -1: nobody; 0 of 0 links connected, 0 messages pending>"
    )
