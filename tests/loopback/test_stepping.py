"""A real call held still: what a step delivers, loses, changes and waits for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from meshwidget import (
    EditError,
    Mesh,
    MeshClosedError,
    MeshTimeoutError,
    SteppingError,
)
from meshwidget.events import (
    FrameReceived,
    MessageDelivered,
    MessageDropped,
    MessageEdited,
    SignalingPaused,
    SignalingResumed,
)

from .conftest import MakeMesh


@pytest.fixture
def mesh(make_mesh: MakeMesh) -> Mesh:
    """Two who have joined, and of whom neither has heard of the other."""
    mesh = make_mesh(paused=True)
    mesh.join("alice")
    mesh.join("bob")
    return mesh


def kinds(mesh: Mesh) -> list[str]:
    return [message.kind for message in mesh.pending]


def run_dry(mesh: Mesh) -> None:
    while mesh.pending:
        mesh.step()


def test_a_whole_call_can_be_made_by_hand(mesh: Mesh) -> None:
    run_dry(mesh)
    mesh.wait_connected()
    assert mesh.paused
    delivered = [event.kind for event in mesh.log.of(MessageDelivered)]
    assert delivered[:4] == ["all_users", "all_users", "offer", "candidate"]
    assert "answer" in delivered


def test_a_step_delivers_one_and_gives_what_it_caused(mesh: Mesh) -> None:
    mesh.step(2)  # who is there already: nobody, and alice
    assert kinds(mesh)[0] == "offer"
    happened = mesh.step()
    assert [event.number for event in happened if type(event) is MessageDelivered] == [
        mesh.log.of(MessageDelivered)[-1].number
    ]
    assert len(mesh.log.of(MessageDelivered)) == 3
    assert "answer" in kinds(mesh)  # it has settled: the answer is there
    assert list(mesh.log)[-len(happened) :] == list(happened)


def test_the_last_step_returns_when_pictures_are_seen(mesh: Mesh) -> None:
    run_dry(mesh)
    seen = {(event.peer, event.remote) for event in mesh.log.of(FrameReceived)}
    assert seen == {("alice", "bob"), ("bob", "alice")}


def test_any_pending_message_can_be_the_next(mesh: Mesh) -> None:
    mesh.step(2)
    offer, candidate = mesh.pending[:2]
    mesh.step(candidate)
    assert candidate not in mesh.pending
    assert mesh.pending[0] == offer
    run_dry(mesh)
    mesh.wait_connected()  # a candidate that came early has been kept


def test_so_many_at_once_and_no_more_than_there_are(mesh: Mesh) -> None:
    mesh.step(1000)
    assert list(mesh.pending) == []
    mesh.wait_connected()


@pytest.mark.parametrize(
    ("which", "sentence"),
    [
        (0, "1 or more"),
        (-1, "1 or more"),
        (True, r"one of mesh\.pending, or how many"),
        ("offer", r"one of mesh\.pending, or how many"),
        (1.5, r"one of mesh\.pending, or how many"),
    ],
)
def test_what_cannot_be_stepped_is_said(mesh: Mesh, which: Any, sentence: str) -> None:
    before = list(mesh.pending)
    with pytest.raises(SteppingError, match=sentence):
        mesh.step(which)
    assert list(mesh.pending) == before


def test_a_message_is_delivered_or_dropped_once(mesh: Mesh) -> None:
    first, second = mesh.pending
    mesh.step(first)
    mesh.drop(second)
    calls: list[Callable[[], object]] = [
        lambda: mesh.step(first),
        lambda: mesh.drop(first),
        lambda: mesh.step(second),
        lambda: mesh.edit(second, sdp="v=0"),
    ]
    for call in calls:
        with pytest.raises(SteppingError, match="not pending any more"):
            call()
    with pytest.raises(SteppingError, match="nothing is pending"):
        mesh.step()


def test_a_dropped_offer_is_never_answered(mesh: Mesh) -> None:
    mesh.step(2)
    offer = mesh.pending[0]
    mesh.drop(offer)
    (dropped,) = mesh.log.of(MessageDropped)
    assert dropped.number == offer.number
    run_dry(mesh)
    assert not mesh.log.of(MessageDelivered, kind="answer")
    with pytest.raises(MeshTimeoutError, match="alice"):
        mesh.wait_connected(timeout=0.1)


def test_an_edited_offer_keeps_its_number_and_its_turn(mesh: Mesh) -> None:
    mesh.step(2)
    offer = mesh.pending[0]
    edited = mesh.edit(offer, without="a=ssrc")
    assert edited.number == offer.number
    assert mesh.pending[0] == edited
    assert "a=ssrc" in offer.payload["sdp"]["sdp"]
    assert "a=ssrc" not in edited.payload["sdp"]["sdp"]
    (event,) = mesh.log.of(MessageEdited)
    assert event.payload == edited.payload
    with pytest.raises(EditError, match="nothing changes"):
        mesh.edit(edited, without="a=ssrc")


def test_what_carries_no_sdp_cannot_be_edited(mesh: Mesh) -> None:
    with pytest.raises(EditError, match="all_users carries no SDP"):
        mesh.edit(mesh.pending[0], sdp="v=0")


def test_resuming_delivers_what_was_held_and_holds_nothing(mesh: Mesh) -> None:
    mesh.resume()
    mesh.resume()
    mesh.wait_connected()
    assert not mesh.paused
    assert len(mesh.log.of(SignalingResumed)) == 1
    with pytest.raises(SteppingError, match="signaling is not paused"):
        mesh.step()


def test_media_flows_on_while_signaling_is_held(make_mesh: MakeMesh) -> None:
    mesh = make_mesh()
    mesh.join("alice")
    mesh.join("bob")
    mesh.wait_connected()
    mesh.pause()
    mesh.pause()
    assert len(mesh.log.of(SignalingPaused)) == 1
    mesh.exit("bob")
    assert kinds(mesh) == ["user_exit"]
    assert "bob" in mesh.peers["alice"].connections  # she has not heard of it
    mesh.step()
    assert mesh.peers["alice"].connections == {}


def test_a_break_is_before_the_message_that_was_named(make_mesh: MakeMesh) -> None:
    mesh = make_mesh(paused=True)
    for name in ("alice", "bob", "carol"):
        mesh.join(name)
    found = mesh.break_on("answer", sender="alice", to="carol")
    assert mesh.pending[0] == found
    assert (found.kind, found.sender, found.receiver) == ("answer", "alice", "carol")
    assert not mesh.log.of(MessageDelivered, number=found.number)
    assert mesh.break_on() == found  # any: it is still the next


def test_a_break_pauses_a_call_that_runs(make_mesh: MakeMesh) -> None:
    mesh = make_mesh()
    mesh.join("alice")
    with pytest.raises(MeshTimeoutError, match=r"no offer from bob .* 0 are pending"):
        mesh.break_on("offer", sender="bob", timeout=0.05)
    assert mesh.paused


def test_a_break_on_what_there_is_not_is_refused_at_once(mesh: Mesh) -> None:
    with pytest.raises(SteppingError, match="'ofer'; there are all_users, offer"):
        mesh.break_on("ofer")


async def test_all_of_it_can_be_awaited(make_mesh: MakeMesh) -> None:
    mesh = make_mesh()
    await mesh.pause_async()
    await mesh.join_async("alice")
    await mesh.join_async("bob")
    assert len(await mesh.step_async(2)) > 0
    offer = await mesh.break_on_async("offer")
    await mesh.edit_async(offer, without="a=ssrc")
    candidate = await mesh.break_on_async("candidate")
    await mesh.drop_async(candidate)
    assert len(mesh.log.of(MessageDropped)) == 1
    await mesh.resume_async()
    assert not mesh.paused


def test_a_closed_call_is_not_stepped(mesh: Mesh) -> None:
    pending = mesh.pending[0]
    mesh.close()
    calls: list[Callable[[], object]] = [
        mesh.pause,
        mesh.resume,
        mesh.step,
        lambda: mesh.drop(pending),
        mesh.break_on,
    ]
    for call in calls:
        with pytest.raises(MeshClosedError):
            call()
