"""Why one does not see another: who is there, broken descriptions, path, picture."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from meshwidget.events import (
    JoinRefused,
    MeshClosed,
    MessageRefused,
    SourceFailed,
    StateChanged,
    TaskFailed,
)
from meshwidget.history.why import Step, Why, why

from .simulator import SimulatedCall

Simulate = Callable[..., SimulatedCall]

NAMES = ("alice", "bob", "carol", "dave")


def missing(answer: Why) -> Step:
    """The step that is missing; there has to be one."""
    assert answer.missing is not None
    return answer.missing


# Who is there -------------------------------------------------------------------------


def test_one_who_has_not_joined(simulate: Simulate) -> None:
    step = missing(why(simulate("alice").events, "alice", "bob"))
    assert step.name == "bob is in the room"
    assert step.words == 'bob has not joined: mesh.join("bob")'
    step = missing(why([], "alice", "bob"))
    assert step.words == 'alice has not joined: mesh.join("alice")'


def test_one_who_was_refused(simulate: Simulate) -> None:
    call = simulate("alice")
    call.record(JoinRefused, peer="bob", code="room_full", message="room 1 is full")
    step = missing(why(call.events, "bob", "alice"))
    assert step.words == "bob was not let in: room 1 is full"
    assert step.state == "failed"


def test_a_call_that_is_over(simulate: Simulate) -> None:
    call = simulate("alice")
    call.record(MeshClosed)
    step = missing(why(call.events, "alice", "bob"))
    assert step.words == "the call is over, and it never came"


@pytest.mark.parametrize(
    ("reason", "words"),
    [("left", "bob left"), ("lost", "bob vanished without a word")],
)
def test_one_who_has_gone(simulate: Simulate, reason: str, words: str) -> None:
    call = simulate("alice", "bob")
    call.deliver_all()
    call.leave("bob", reason)
    call.deliver_all()
    for viewer, remote in (("alice", "bob"), ("bob", "alice")):
        step = missing(why(call.events, viewer, remote))
        assert step.name == "bob is in the room"
        assert step.words == words
        assert step.message is None


@pytest.mark.parametrize("what", ["dropped", "held"])
@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("left", "connection is closed all the same, because DTLS said goodbye too"),
        ("lost", "keeps its connection until nobody answers its checks of consent"),
    ],
)
def test_a_goodbye_that_is_missing_is_named(
    simulate: Simulate, reason: str, words: str, what: str
) -> None:
    call = simulate(*NAMES)
    call.deliver_all()
    call.leave("bob", reason)
    goodbyes = list(call.pending)
    assert len(goodbyes) == 3
    for number in goodbyes:
        each = SimulatedCall()
        each.events = call.events[:]
        each.pending = {n: dict(message) for n, message in call.pending.items()}
        each.ends = call.ends
        receiver = each.pending[number]["receiver"]
        each.deliver_all(but=[number])
        if what == "dropped":
            each.drop(number)
        for other in ("alice", "carol", "dave"):
            for viewer, remote in ((other, "bob"), ("bob", other)):
                step = missing(why(each.events, viewer, remote))
                assert step.message == (number if other == receiver else None)
                named = f"user_exit {number} from bob to {receiver}" in step.words
                assert named == (other == receiver)
                if named:
                    assert (words in step.words) == (what == "dropped")


def test_a_goodbye_to_one_who_left_too(simulate: Simulate) -> None:
    call = simulate("alice", "bob")
    call.deliver_all()
    call.leave("bob")
    call.leave("alice")
    step = missing(why(call.events, "alice", "bob"))
    assert step.words == "alice left"
    step = missing(why(call.events, "bob", "alice"))
    assert step.message == 7
    assert "was lost, because alice left" in step.words


def test_a_goodbye_of_an_earlier_visit(simulate: Simulate) -> None:
    call = simulate("alice", "bob")
    call.deliver_all()
    call.leave("bob")
    call.drop(7)
    call.join("bob")
    call.deliver_all()
    answer = why(call.events, "alice", "bob")
    step = missing(answer)
    assert answer.sees
    assert step.message == 7
    assert step.name == "alice heard that bob left, earlier"


def test_a_visit_whose_goodbyes_came_is_forgotten(simulate: Simulate) -> None:
    call = simulate("alice", "bob")
    call.deliver_all()
    call.leave("bob")
    call.deliver_all()
    call.join("bob")
    call.deliver_all()
    assert why(call.events, "alice", "bob").missing is None


def test_nobody_needs_a_connection_to_see_itself(simulate: Simulate) -> None:
    with pytest.raises(ValueError, match="alice sees itself without any connection"):
        why(simulate("alice").events, "alice", "alice")


def test_names_are_typed_as_in_python(simulate: Simulate) -> None:
    words = missing(why(simulate("alice").events, "alice", 'é"x')).words
    assert words == 'é"x has not joined: mesh.join("é\\"x")'


# Descriptions that cannot be used -----------------------------------------------------


def test_a_list_that_does_not_name_the_other(simulate: Simulate) -> None:
    call = simulate("alice", "bob")
    call.pending[2]["payload"] = [{"id": "x", "email": "zed"}]
    call.events[5] = call.events[5].__class__(
        **{**vars(call.events[5]), "payload": call.pending[2]["payload"]}
    )
    call.pending[2]["payload"] = []
    call.deliver(2)
    step = missing(why(call.events, "alice", "bob"))
    assert step.message == 2
    assert step.words.endswith("names zed, not alice")


@pytest.mark.parametrize(("number", "kind"), [(3, "offer"), (5, "answer")])
def test_a_description_without_a_fingerprint(
    simulate: Simulate, number: int, kind: str
) -> None:
    call = simulate("alice", "bob")
    call.deliver_all(but=[number])
    call.edit(number, "no fingerprints", "a=fingerprint:", "a=fingerabdruck:")
    call.deliver_all()
    answer = why(call.events, "alice", "bob")
    step = missing(answer)
    assert not answer.sees
    assert step.name == "DTLS handshake"
    assert step.message == number
    assert f"{kind} {number} from" in step.words
    assert "(changed by hand: no fingerprints)" in step.words
    assert "has no a=fingerprint line" in step.words
    assert "(RFC 8827, section 6.5)" in step.words


def test_an_offer_that_is_refused(simulate: Simulate) -> None:
    call = simulate("alice", "bob")
    call.deliver(2)
    call.edit(3, "no password", "a=ice-pwd", "a=password")
    call.deliver_all()
    step = missing(why(call.events, "alice", "bob"))
    assert (step.name, step.state, step.message) == ("offer applied", "failed", 3)
    assert "its SDP has no a=ice-pwd line" in step.words
    assert "(RFC 8839, section 5.4)" in step.words


def test_an_answer_that_is_refused_for_a_reason_not_known_here(
    simulate: Simulate,
) -> None:
    call = simulate("alice", "bob")
    call.deliver_all(but=[5])
    message = call.pending[5]
    call.ends["bob", "alice"].states["signaling"] = "closed"
    call.deliver(message["number"])
    step = missing(why(call.events, "alice", "bob"))
    assert step.name == "answer applied"
    assert step.words.startswith(
        "bob could not use answer 5 from alice to bob: there is no offer to answer."
    )


@pytest.mark.parametrize(
    ("number", "where", "name"),
    [
        (2, "bob handling all_users", "offer sent"),
        (3, "alice handling offer", "answer sent"),
        (5, "bob handling answer", "answer applied"),
    ],
)
def test_an_error_in_a_participant_is_told(
    simulate: Simulate, number: int, where: str, name: str
) -> None:
    call = simulate("alice", "bob")
    call.deliver_all(but=[number])
    events = call.events[:]
    call.deliver(number)
    delivered = next(e for e in call.events[len(events) :])
    call.events = [*events, delivered]
    if number == 3:
        call.ends.pop(("alice", "bob"))
        call.move("alice", "bob", "signaling", "have-remote-offer")
    call.record(TaskFailed, where=where, message="ValueError: no address")
    step = missing(why(call.events, "bob", "alice"))
    assert (step.name, step.state, step.message) == (name, "failed", number)
    assert "ValueError: no address" in step.words


def test_an_offer_that_the_server_refuses(simulate: Simulate) -> None:
    call = simulate("alice", "bob")
    events = call.events[:]
    call.deliver(2)
    call.events = [*events, call.events[len(events)]]
    step = missing(why(call.events, "alice", "bob"))
    assert step.words == (
        "bob has all_users 2 from the server to bob and no offer came yet"
    )
    call.record(
        MessageRefused, sender="bob", kind="offer", code="x", message="it is too long"
    )
    step = missing(why(call.events, "alice", "bob"))
    assert step.words == "the server refused bob's offer: it is too long"


def test_a_candidate_that_cannot_be_used(simulate: Simulate) -> None:
    call = simulate("alice", "bob")
    call.deliver_all(but=[6])
    call.ignore("alice", "bob", "candidate", "it cannot be added")
    step = why(call.events, "alice", "bob").steps[10]
    assert (step.state, step.message) == ("failed", 4)
    assert "could not use candidate 4 from bob to alice" in step.words


# Path, handshake, picture -------------------------------------------------------------


def state(call: SimulatedCall, machine: str, new: str, peer: str = "alice") -> None:
    other = "bob" if peer == "alice" else "alice"
    call.move(peer, other, machine, new)


@pytest.fixture
def checking(simulate: Simulate) -> SimulatedCall:
    """Everything was delivered, and ICE finds nothing."""
    call = simulate("alice", "bob")
    call.check = lambda peer, remote: None  # type: ignore[method-assign]
    call.deliver_all()
    return call


def test_checks_under_way(checking: SimulatedCall) -> None:
    step = missing(why(checking.events, "alice", "bob"))
    assert step.name == "ICE found a path"
    assert step.words.startswith("alice and bob send connectivity checks")


def test_checks_that_failed(checking: SimulatedCall) -> None:
    state(checking, "ice_connection", "failed")
    step = missing(why(checking.events, "alice", "bob"))
    assert step.words == "none of alice's checks was answered until it gave up"


def test_a_changed_message_is_suspected(simulate: Simulate) -> None:
    call = simulate("alice", "bob")
    call.check = lambda peer, remote: None  # type: ignore[method-assign]
    call.deliver(2)
    call.edit(3, "another password", "a=ice-pwd:", "a=ice-pwd:x")
    call.deliver_all()
    step = missing(why(call.events, "alice", "bob"))
    assert step.message == 3
    assert step.words.endswith(
        "; offer 3 from bob to alice was changed by hand: another password"
    )
    state(call, "ice_connection", "failed")
    assert missing(why(call.events, "alice", "bob")).message == 3


def test_a_connection_that_closes_too_early(checking: SimulatedCall) -> None:
    state(checking, "signaling", "closed")
    step = missing(why(checking.events, "alice", "bob"))
    assert step.words == "alice's connection was closed before a path was found"


def test_a_handshake(checking: SimulatedCall) -> None:
    for peer in ("alice", "bob"):
        state(checking, "ice_connection", "completed", peer)
    step = missing(why(checking.events, "alice", "bob"))
    assert step.name == "DTLS handshake"
    assert step.words == "under way on the path that ICE found"
    state(checking, "dtls", "failed")
    step = missing(why(checking.events, "alice", "bob"))
    assert step.state == "failed"
    assert "a certificate has another fingerprint than its SDP said" in step.words


def test_a_picture_that_does_not_come(checking: SimulatedCall) -> None:
    for peer in ("alice", "bob"):
        state(checking, "ice_connection", "completed", peer)
        state(checking, "connection", "connected", peer)
    step = missing(why(checking.events, "alice", "bob"))
    assert step.name == "first frame decoded"
    assert step.words.startswith("alice waits for a keyframe")
    checking.record(SourceFailed, peer="bob", kind="video", message="the file is gone")
    step = missing(why(checking.events, "alice", "bob"))
    assert step.words == "bob's source of video stopped: the file is gone"
    assert missing(why(checking.events, "bob", "alice")).state == "waiting"


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("m=video", "m=image", "has no section for video, or refuses it"),
        ("a=sendrecv", "a=recvonly", "says a=recvonly for video"),
        ("a=sendrecv", "a=what", "has no direction for video; that means sendrecv"),
    ],
)
def test_one_who_sends_no_video(
    simulate: Simulate, before: str, after: str, words: str
) -> None:
    call = simulate("alice", "bob")
    tracks = call.take_tracks
    call.take_tracks = lambda peer, remote, sdp: (  # type: ignore[method-assign]
        None if after in sdp else tracks(peer, remote, sdp)
    )
    call.deliver_all(but=[5])
    call.edit(5, "by hand", before, after)
    call.deliver_all()
    step = missing(why(call.events, "bob", "alice"))
    assert step.name == "alice's video announced"
    assert step.message == 5
    assert words in step.words


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ("a=sendonly", "says a=sendonly for video, so bob sends none"),
        ("a=what", "has no direction for video"),
    ],
)
def test_one_who_was_asked_to_send_none(
    simulate: Simulate, after: str, words: str
) -> None:
    call = simulate("alice", "bob")
    call.deliver_all(but=[5])
    call.edit(5, "by hand", "a=sendrecv", after)
    call.deliver_all()
    call.events = [
        event
        for event in call.events
        if type(event).__name__ != "FrameReceived" or vars(event)["peer"] == "bob"
    ]
    step = missing(why(call.events, "alice", "bob"))
    assert (step.name, step.message) == ("first frame decoded", 5)
    assert words in step.words


def test_a_connection_that_was_up_and_is_not(simulate: Simulate) -> None:
    call = simulate("alice", "bob")
    call.deliver_all()
    call.close("alice", "bob")
    answer = why(call.events, "alice", "bob")
    step = missing(answer)
    assert not answer.sees
    assert step.name == "connection kept"
    assert step.words == "alice's connection to bob was up and is closed"


def test_browsers_do_not_tell_their_states(simulate: Simulate) -> None:
    call = simulate("alice", "bob")
    call.deliver_all()
    silent = [
        event
        for event in call.events
        if getattr(event, "peer", None) != "alice"
        or type(event).__name__ in ("PeerJoined",)
    ]
    assert why(silent, "bob", "alice").sees
    answer = why(silent, "alice", "bob")
    assert not answer.sees
    assert missing(answer).name == "bob's video announced"
    assert "alice runs elsewhere, and does not tell" in str(answer)
    none = [event for event in silent if not isinstance(event, StateChanged)]
    none = [event for event in none if getattr(event, "remote", "") == ""]
    step = missing(why(none, "alice", "bob"))
    assert "alice and bob run elsewhere" in str(why(none, "alice", "bob"))
    assert step.state == "waiting"
