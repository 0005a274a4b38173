"""What the panel says about a call that is held still."""

from __future__ import annotations

import pytest

from meshwidget.history.moment import Moment
from meshwidget.log import EventLog
from meshwidget.views.held import (
    SHOWN,
    Follower,
    Rows,
    editable_text,
    held_state,
    panel_words,
    waiting_sentence,
)

from ..history.simulator import SimulatedCall


@pytest.mark.parametrize(
    ("python", "panel"),
    [
        ("mesh.step() delivers it", "Step delivers it"),
        (
            "mesh.step(3) delivers it and the 2 before it",
            "Step, pressed 3 times, delivers it and the 2 before it",
        ),
        (
            'Only a new try helps: mesh.exit("bob"), then mesh.join("bob")',
            'Only a new try helps: Exit "bob", then Join "bob"',
        ),
        ('mesh.join("a\\"b)") and mesh.resume()', 'Join "a\\"b)" and Resume'),
        (
            'it is cut: mesh.link("a", "b").heal() heals it',
            "it is cut: Heal, on the menu of a tile or of Faults, heals it",
        ),
        (
            'mesh.link("a", "b").release("dtls") lets it pass',
            "Release DTLS, on the menu of a tile or of Faults, lets it pass",
        ),
        ('mesh.thaw("bob") wakes it', "Thaw, on the menu of its tile, wakes it"),
        (
            "mesh.server.start() brings it back",
            "Start server, on the menu of Faults, brings it back",
        ),
        ("nothing to press", "nothing to press"),
    ],
)
def test_buttons_for_python(python: str, panel: str) -> None:
    assert panel_words(python) == panel


@pytest.fixture
def call() -> SimulatedCall:
    """Three in the room, everything held."""
    call = SimulatedCall()
    call.join("alice", "bob", "carol")
    return call


def moment_of(call: SimulatedCall) -> Moment:
    return Moment.of(call.events)


def test_held_messages_are_listed_with_what_they_will_do(call: SimulatedCall) -> None:
    state = held_state(moment_of(call), None, 2)
    assert (state["paused"], state["closed"], state["count"]) == (True, False, 3)
    assert (state["selected"], state["why"]) == (2, None)
    assert state["pending"][1] == {
        "number": 2,
        "kind": "all_users",
        "sender": "server",
        "receiver": "bob",
        "summary": "alice is in the room",
        "edited": "",
        "effect": "bob makes an offer to alice (signaling stable -> have-local-offer) "
        "and gathers candidates",
        "editable": False,
    }


def test_descriptions_and_candidates_can_be_edited(call: SimulatedCall) -> None:
    call.deliver(2)
    rows = {
        row["kind"]: row for row in held_state(moment_of(call), None, None)["pending"]
    }
    assert rows["offer"]["editable"]
    assert rows["candidate"]["editable"]
    messages = {each.kind: each for each in moment_of(call).pending}
    assert (editable_text(messages["offer"]) or "").startswith("v=0\n")
    assert (editable_text(messages["candidate"]) or "").startswith("candidate:")
    assert editable_text(messages["all_users"]) is None


def test_what_was_edited_is_said(call: SimulatedCall) -> None:
    call.deliver(2)
    number = next(n for n, each in call.pending.items() if each["kind"] == "offer")
    call.edit(number, "lines a=fingerprint taken out", "a=fingerprint", "a=x")
    rows = held_state(moment_of(call), None, None)["pending"]
    edited = {row["number"]: row["edited"] for row in rows}
    assert edited[number] == "lines a=fingerprint taken out"
    assert set(edited.values()) == {"", "lines a=fingerprint taken out"}


def test_of_many_the_first_are_listed_and_all_are_counted() -> None:
    call = SimulatedCall()
    call.join(*(f"peer {number}" for number in range(300)))
    state = held_state(moment_of(call), None, None)
    assert state["count"] == 300
    assert [row["number"] for row in state["pending"]] == list(range(1, SHOWN + 1))


def test_nothing_is_listed_while_messages_only_pass_through() -> None:
    call = SimulatedCall(paused=False)
    call.join("alice")
    state = held_state(moment_of(call), None, None)
    assert (state["paused"], state["count"], state["pending"]) == (False, 0, [])


def test_the_checklist_speaks_of_buttons(call: SimulatedCall) -> None:
    why = held_state(moment_of(call), ("alice", "bob"), None)["why"]
    assert why["title"] == "alice does not see bob"
    (missing,) = [step for step in why["steps"] if step["missing"]]
    assert missing["state"] == "waiting"
    assert "all_users 2" in missing["words"]
    assert "Step, pressed 2 times, delivers it" in missing["words"]
    assert "mesh." not in str(why)


def test_a_dropped_message_is_named(call: SimulatedCall) -> None:
    call.deliver(1)
    call.deliver(2)
    number = next(n for n, each in call.pending.items() if each["kind"] == "offer")
    call.drop(number)
    why = held_state(moment_of(call), ("alice", "bob"), None)["why"]
    (missing,) = [step for step in why["steps"] if step["missing"]]
    assert missing["state"] == "failed"
    assert f"offer {number} from bob to alice was dropped" in missing["words"]


def test_what_the_chosen_viewer_waits_for(call: SimulatedCall) -> None:
    names = ["alice", "bob", "carol"]
    assert waiting_sentence(moment_of(call), "bob", names) == (
        "bob waits for alice: all_users 2 from the server to bob is held "
        "(Step, pressed 2 times, delivers it)."
    )
    call.deliver(1)
    assert waiting_sentence(moment_of(call), "*", names) == (
        "alice waits for bob: all_users 2 from the server to bob is held "
        "(Step delivers it)."
    )


def test_nothing_waits_in_a_call_that_is_complete(call: SimulatedCall) -> None:
    call.deliver_all()
    names = ["alice", "bob", "carol"]
    for viewer in (*names, "*", None):
        assert waiting_sentence(moment_of(call), viewer, names) == (
            "Signaling is paused; no message is held."
        )
    call.leave("carol")
    assert waiting_sentence(moment_of(call), "alice", names[:2]) == (
        "Signaling is paused; 2 messages are held."
    )


def test_a_message_that_was_lost_is_what_is_waited_for(call: SimulatedCall) -> None:
    call.drop(2)
    sentence = waiting_sentence(moment_of(call), "alice", ["alice", "bob"]) or ""
    assert sentence.startswith("alice waits for bob: ")
    assert "was dropped on purpose" in sentence
    assert 'Exit "bob", then Join "bob".' in sentence


def test_a_call_that_runs_waits_for_nobodys_hand() -> None:
    call = SimulatedCall(paused=False)
    call.join("alice", "bob")
    assert waiting_sentence(moment_of(call), "alice", ["alice", "bob"]) is None


def test_following_a_log_gives_the_moment_of_all_of_it(call: SimulatedCall) -> None:
    log = EventLog(lambda: 0.0)
    follower = Follower(log)
    assert follower.moment() == Moment()
    for event in call.events:
        fields = {
            name: getattr(event, name)
            for name in event.__dataclass_fields__
            if name not in ("seq", "time")
        }
        log.record(type(event), **fields)
        assert follower.moment() == Moment.of(log)


def test_a_message_is_put_into_words_once_and_again_when_it_changes(
    call: SimulatedCall,
) -> None:
    call.deliver(2)
    rows = Rows()
    moment = moment_of(call)
    before = rows.of(moment.pending)
    number = next(n for n, each in call.pending.items() if each["kind"] == "offer")
    call.edit(number, "a=setup rewritten", "a=setup:actpass", "a=setup:active")
    moment.advance(call.events[-1])
    after = rows.of(moment.pending)
    for old, new in zip(before, after, strict=True):
        assert (old is new) == (new["number"] != number)
    assert rows.of(()) == []
