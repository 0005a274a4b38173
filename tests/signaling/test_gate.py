"""The gate: numbers, order, holding, and taking what is asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwidget.errors import MeshError
from meshwidget.signaling.gate import Gate, Message
from meshwidget.signaling.room import Member, Outgoing

ALICE = Member("sid-alice", "alice", "1", "s1", "sid-alice")
BOB = Member("sid-bob", "bob", "1", "s2", "sid-bob")


def outgoing(
    kind: str = "candidate",
    sender: Member | None = ALICE,
    receiver: Member = BOB,
) -> Outgoing:
    return Outgoing(kind, sender, receiver, {"some": "payload"})


def anybody(message: Message) -> bool:
    return True


def nobody(message: Message) -> bool:
    return False


def drain(gate: Gate) -> list[int]:
    """The numbers of what is given out."""
    numbers = []
    while (message := gate.take_next(anybody)) is not None:
        numbers.append(message.number)
    return numbers


def test_messages_are_numbered_from_one() -> None:
    gate = Gate()
    assert [gate.accept(outgoing()).number for _ in range(3)] == [1, 2, 3]
    gate.take()
    assert gate.accept(outgoing()).number == 4


def test_a_message_says_what_it_is() -> None:
    message = Gate().accept(outgoing("offer"))
    assert (message.kind, message.sender, message.receiver) == ("offer", "alice", "bob")
    assert message.payload == {"some": "payload"}
    assert repr(message) == "<1 offer alice -> bob>"


def test_the_servers_own_message() -> None:
    message = Gate().accept(outgoing("all_users", sender=None))
    assert message.sender == ""
    assert repr(message) == "<1 all_users server -> bob>"


def test_an_open_gate_gives_out_in_order() -> None:
    gate = Gate()
    for _ in range(5):
        gate.accept(outgoing())
    assert drain(gate) == [1, 2, 3, 4, 5]
    assert gate.pending == ()


def test_a_paused_gate_gives_out_nothing() -> None:
    gate = Gate(paused=True)
    gate.accept(outgoing())
    assert gate.take_next(anybody) is None
    assert [message.number for message in gate.pending] == [1]
    gate.paused = False
    assert drain(gate) == [1]


def test_a_paused_gate_gives_out_what_is_asked_for() -> None:
    gate = Gate(paused=True)
    messages = [gate.accept(outgoing()) for _ in range(3)]
    assert gate.take(messages[1]) == messages[1]
    assert gate.take() == messages[0]
    assert gate.pending == (messages[2],)


def test_who_cannot_be_reached_does_not_hold_up_the_others() -> None:
    gate = Gate()
    waiting = gate.accept(outgoing(receiver=BOB))
    ready = gate.accept(outgoing(sender=BOB, receiver=ALICE))
    assert gate.take_next(lambda message: message.receiver == "alice") == ready
    assert gate.take_next(nobody) is None
    assert gate.take_next(anybody) == waiting


def test_taking_from_an_empty_gate() -> None:
    with pytest.raises(MeshError, match="pending"):
        Gate().take()


def test_taking_twice() -> None:
    gate = Gate()
    message = gate.accept(outgoing())
    gate.take(message)
    with pytest.raises(MeshError, match="not pending"):
        gate.take(message)


def test_a_message_cannot_be_changed() -> None:
    message = Gate().accept(outgoing())
    with pytest.raises(AttributeError):
        message.number = 7  # type: ignore[misc]


@given(st.lists(st.sampled_from(["accept", "next", "pause", "resume", "pick"])))
def test_every_message_comes_out_once_and_in_order(acts: list[str]) -> None:
    """Running and stepping are one path: nothing is lost or doubled by their mix."""
    gate = Gate()
    accepted: list[int] = []
    out: list[int] = []
    picked: list[int] = []
    for act in acts:
        waiting = gate.pending
        if act == "accept":
            accepted.append(gate.accept(outgoing()).number)
        elif act == "next":
            message = gate.take_next(anybody)
            assert (message is None) == (gate.paused or not waiting)
            if message is not None:
                out.append(message.number)
        elif act == "pick" and gate.pending:
            picked.append(gate.take(gate.pending[-1]).number)
        else:
            gate.paused = act == "pause"
    gate.paused = False
    out += drain(gate)
    assert out == sorted(out)
    assert sorted(out + picked) == accepted
