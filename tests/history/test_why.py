"""Why one does not see another: the very message that is missing is named."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwidget.events import (
    Event,
    SignalingResumed,
)
from meshwidget.history.moment import Moment
from meshwidget.history.why import Step, Why, why

from .simulator import SimulatedCall
from .strategies import histories

Simulate = Callable[..., SimulatedCall]

NAMES = ("alice", "bob", "carol", "dave")
MESSAGES = {2: 6, 4: 28}
"""How many messages a call of so many has: all_users, and four a link."""

GOOD_CALL = """\
bob sees alice.
  ✓ bob is in the room
  ✓ alice is in the room
  ✓ alice heard who was there: all_users 1 from the server to alice
  ✓ bob heard who was there: all_users 2 from the server to bob
  ✓ offer sent: offer 3 from bob to alice
  ✓ offer delivered: offer 3 from bob to alice
  ✓ offer applied: alice: stable -> have-remote-offer
  ✓ answer sent: answer 5 from alice to bob
  ✓ answer delivered: answer 5 from alice to bob
  ✓ answer applied: bob: have-local-offer -> stable
  ✓ bob's candidates delivered: candidate 4
  ✓ alice's candidates delivered: candidate 6
  ✓ ICE found a path
  ✓ DTLS handshake: each certificate has the fingerprint that was told
  ✓ alice's video announced
  ✓ first frame decoded"""

DROPPED_ANSWER = """\
alice does not see bob:
  ✓ alice is in the room
  ✓ bob is in the room
  ✓ alice heard who was there: all_users 1 from the server to alice
  ✓ bob heard who was there: all_users 2 from the server to bob
  ✓ offer sent: offer 3 from bob to alice
  ✓ offer delivered: offer 3 from bob to alice
  ✓ offer applied: alice: stable -> have-remote-offer
  ✓ answer sent: answer 5 from alice to bob
  ✗ answer delivered: answer 5 from alice to bob was dropped on purpose: bob
    stays in have-local-offer and learns neither alice's ICE credentials nor its
    fingerprint. Only a new try helps: mesh.exit("bob"), then mesh.join("bob")
  … answer applied
  ✓ bob's candidates delivered: candidate 4
  ✓ alice's candidates delivered: candidate 6
  … ICE found a path: bob, who chooses the path (RFC 8445, section 8.1.1),
    cannot check any before it has alice's description
  … DTLS handshake
  ✓ bob's video announced
  … first frame decoded"""


def missing(answer: Why) -> Step:
    """The step that is missing; there has to be one."""
    assert answer.missing is not None
    return answer.missing


def played(
    simulate: Simulate, count: int, number: int, what: str, *, trickle: bool = True
) -> SimulatedCall:
    """A call in which everything goes well but for one message."""
    call = simulate(*NAMES[:count], trickle=trickle)
    call.deliver_all(but=[number])
    if what == "dropped":
        call.drop(number)
        call.deliver_all()
    return call


# Each single message ------------------------------------------------------------------


@pytest.mark.parametrize("what", ["dropped", "held"])
@pytest.mark.parametrize(
    ("count", "number"),
    [(count, n) for count, total in MESSAGES.items() for n in range(1, total + 1)],
)
def test_the_message_that_is_missing_is_named_and_no_other(
    simulate: Simulate, count: int, number: int, what: str
) -> None:
    call = played(simulate, count, number, what)
    moment = Moment.of(call.events)
    message = moment.messages[number]
    concerned = []
    for viewer, remote in itertools.permutations(NAMES[:count], 2):
        answer = why(moment, viewer, remote)
        step = answer.missing
        if step is None:
            continue
        concerned.append({viewer, remote})
        assert step.message == number
        assert message.described in step.words
        assert step.state == ("failed" if what == "dropped" else "waiting")
        assert ("dropped on purpose" in step.words) == (what == "dropped")
        others = set(moment.messages) - {number}
        named = {
            each.message
            for each in answer.steps
            if each.state != "done" and each.message is not None
        }
        assert not named & others
    ends = {message.sender, message.receiver} - {""}
    assert concerned
    assert all(ends <= pair for pair in concerned)
    # Both directions of a link are told the same.
    assert all(concerned.count(pair) == 2 for pair in concerned)


@pytest.mark.parametrize(("count", "total"), MESSAGES.items())
def test_a_call_has_so_many_messages(
    simulate: Simulate, count: int, total: int
) -> None:
    call = simulate(*NAMES[:count])
    call.deliver_all()
    assert call.count == total


@pytest.mark.parametrize("number", range(1, 29))
def test_links_that_do_not_need_a_message_come_up_without_it(
    simulate: Simulate, number: int
) -> None:
    call = played(simulate, 4, number, "dropped")
    moment = Moment.of(call.events)
    message = moment.messages[number]
    for viewer, remote in itertools.permutations(NAMES, 2):
        if message.sender and {message.sender, message.receiver} != {viewer, remote}:
            assert why(moment, viewer, remote).missing is None
            assert why(moment, viewer, remote).sees


@given(
    order=st.permutations(NAMES),
    dropped=st.integers(1, 28),
    chance=st.randoms(use_true_random=False),
)
def test_in_whichever_order_messages_are_delivered(
    simulate: Simulate,
    order: list[str],
    dropped: int,
    chance: object,
) -> None:
    """Also a candidate before its offer, and an answer of one link before another's."""
    call = simulate(*order)
    while ready := [number for number in call.pending if number != dropped]:
        call.deliver(chance.choice(ready))  # type: ignore[attr-defined]
    if dropped in call.pending:
        call.drop(dropped)
    moment = Moment.of(call.events)
    for viewer, remote in itertools.permutations(order, 2):
        step = why(moment, viewer, remote).missing
        assert step is None or step.message == dropped


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_without_trickle(simulate: Simulate, number: int) -> None:
    call = played(simulate, 2, number, "dropped", trickle=False)
    assert missing(why(call.events, "alice", "bob")).message == number


def test_without_trickle_candidates_are_in_the_descriptions(
    simulate: Simulate,
) -> None:
    call = simulate("alice", "bob", trickle=False)
    call.deliver_all()
    text = str(why(call.events, "alice", "bob"))
    assert "bob's candidates delivered: 1 inside offer 3 from bob to alice" in text
    assert "alice's candidates delivered: 1 inside answer 4 from alice to bob" in text


# Texts --------------------------------------------------------------------------------


def test_a_good_call(simulate: Simulate) -> None:
    call = simulate("alice", "bob")
    call.deliver_all()
    answer = why(call.events, "bob", "alice")
    assert str(answer) == repr(answer) == GOOD_CALL
    assert answer.missing is None
    assert answer.sees
    assert answer.sentence == "bob sees alice"


def test_a_dropped_answer(simulate: Simulate) -> None:
    call = played(simulate, 2, 5, "dropped")
    answer = why(call.events, "alice", "bob")
    assert str(answer) == DROPPED_ANSWER
    assert not answer.sees
    assert answer.sentence == (
        "alice does not see bob: answer 5 from alice to bob was dropped on purpose: "
        "bob stays in have-local-offer and learns neither alice's ICE credentials nor "
        'its fingerprint. Only a new try helps: mesh.exit("bob"), then mesh.join("bob")'
    )


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (1, "bob came later and is not in it, so nothing is missing here"),
        (2, "bob does not know that alice is there, and makes no offer"),
        (3, "alice never hears of bob's offer, and bob stays in have-local-offer"),
        (4, "alice takes the address that bob's own check comes from for a"),
        (6, "bob takes the address that alice's own check comes from for a"),
    ],
)
def test_what_the_loss_of_each_means(
    simulate: Simulate, number: int, words: str
) -> None:
    call = played(simulate, 2, number, "dropped")
    assert words in missing(why(call.events, "alice", "bob")).words


@pytest.mark.parametrize("number", [4, 6])
def test_a_lost_candidate_is_survived(simulate: Simulate, number: int) -> None:
    call = played(simulate, 2, number, "dropped")
    answer = why(call.events, "alice", "bob")
    step = missing(answer)
    assert answer.sees
    assert step.harmless
    assert "The link came up all the same" in step.words
    assert "peer-reflexive candidate (RFC 8445, section 7.3.1.3)" in step.words
    assert answer.sentence.startswith("alice sees bob: candidate")


def test_a_link_without_any_candidate(simulate: Simulate) -> None:
    call = simulate("alice", "bob")
    call.deliver_all(but=[4, 6])
    call.drop(4)
    step = missing(why(call.events, "alice", "bob"))
    assert step.message == 4
    assert "candidate 6 from alice to bob can still save the link" in step.words
    call.drop(6)
    step = missing(why(call.events, "alice", "bob"))
    assert step.message == 4
    assert "candidate 6 from alice to bob was dropped on purpose too" in step.words
    assert 'Only a new try helps: mesh.exit("bob")' in step.words


def test_a_lost_candidate_among_more(simulate: Simulate) -> None:
    call = simulate("alice", "bob")
    call.deliver(2)
    call.accept("candidate", "bob", "alice", {"candidate": {"candidate": "candidate:"}})
    call.deliver_all(but=[4])
    call.drop(4)
    step = missing(why(call.events, "alice", "bob"))
    assert "alice has to reach bob at another of its candidates" in step.words


def test_a_lost_candidate_before_anything_came_back(simulate: Simulate) -> None:
    call = simulate("alice", "bob")
    call.deliver(2)
    call.drop(4)
    candidates = why(call.events, "alice", "bob").steps[10]
    assert candidates.message == 4
    assert candidates.words.endswith("alice was not told where bob can be reached")
    call.deliver(3)
    call.deliver(6)
    candidates = why(call.events, "alice", "bob").steps[10]
    assert "The link can come up all the same" in candidates.words


def test_the_end_of_candidates_is_not_needed(simulate: Simulate) -> None:
    call = simulate("alice", "bob")
    call.deliver(2)
    call.accept("candidate", "bob", "alice", {"candidate": {"candidate": ""}})
    call.drop(call.count)
    step = why(call.events, "alice", "bob").steps[10]
    assert step.harmless
    assert "is not told that there are no more, and needs not be" in step.words


# What is held -------------------------------------------------------------------------


def test_how_a_held_message_is_let_go(simulate: Simulate) -> None:
    call = simulate("alice", "bob", "carol")
    words = missing(why(call.events, "alice", "carol")).words
    assert words == (
        "all_users 3 from the server to carol is held at the server: mesh.step(3) "
        "delivers it and the 2 before it"
    )
    words = missing(why(call.events, "alice", "bob")).words
    assert words.endswith("mesh.step(2) delivers it and the one before it")
    call.deliver(1)
    words = missing(why(call.events, "alice", "bob")).words
    assert words.endswith("mesh.step() delivers it")


def test_a_message_that_is_not_held_is_on_its_way(simulate: Simulate) -> None:
    call = simulate("alice", "bob")
    call.record(SignalingResumed)
    step = missing(why(call.events, "alice", "bob"))
    assert step.words == "all_users 2 from the server to bob is on its way"
    assert step.state == "waiting"


@given(delivered=st.integers(0, 5))
def test_every_stage_waits_for_the_next_message(
    simulate: Simulate, delivered: int
) -> None:
    call = simulate("alice", "bob")
    for _ in range(delivered):
        call.deliver(min(call.pending))
    answer = why(call.events, "alice", "bob")
    step = missing(answer)
    if step.harmless:  # the link is up, and one candidate is left over
        assert delivered == 5
        assert answer.sees
    else:
        # Nothing was dropped, so what is missing waits to be delivered.
        assert step.message in call.pending
        assert "mesh.step(" in step.words


# Always -------------------------------------------------------------------------------


@given(events=histories())
def test_whatever_was_recorded_there_is_an_answer(events: list[Event]) -> None:
    moment = Moment.of(events)
    before = moment.copy()
    for viewer, remote in itertools.permutations(("alice", "bob", "<b>&"), 2):
        answer = why(moment, viewer, remote)
        assert len(answer.steps) >= 16
        assert answer.sees == (answer.missing is None or answer.missing.harmless)
        for step in answer.steps:
            assert step.state in ("done", "waiting", "failed")
            assert not (step.harmless and step.state == "done")
        assert str(answer)
        assert answer.sentence
    assert moment == before


@given(cut=st.integers(0, 200))
def test_a_moment_and_its_events_give_the_same_answer(
    simulate: Simulate, cut: int
) -> None:
    call = simulate("alice", "bob", "carol")
    call.deliver_all()
    events = call.events[:cut]
    assert why(events, "alice", "bob") == why(Moment.of(events), "alice", "bob")


def test_shown_in_html_the_first_missing_step_stands_out(simulate: Simulate) -> None:
    call = simulate("<b>alice</b>", "bob")
    call.deliver_all(but=[5])
    html = why(call.events, "<b>alice</b>", "bob")._repr_html_()
    assert "<b>" not in html
    assert html.count("<strong>") == 1
    assert "<strong>answer delivered: answer 5 from &lt;b&gt;alice" in html
    assert html.count('<li data-state="done">') == 11
