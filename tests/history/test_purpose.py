"""Faults made on purpose, as a log is read: why, the moment, Mermaid and the views."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from meshwidget.events import (
    ConnectionRenewed,
    Event,
    LayerHeld,
    LayerReleased,
    LinkCut,
    LinkHealed,
    LinkImpaired,
    PeerFrozen,
    PeerReturned,
    PeerThawed,
    ServerStarted,
    ServerStopped,
)
from meshwidget.faults import Impairment
from meshwidget.history.mermaid import mermaid
from meshwidget.history.moment import Moment
from meshwidget.history.storage import dumps, loads
from meshwidget.history.text import log_text
from meshwidget.history.why import Why, why
from meshwidget.views.rows import Divider, Notes, notes_of, rows_of
from meshwidget.views.topology import topology_svg

from .simulator import SimulatedCall

Simulate = Callable[..., SimulatedCall]

LINK = {"peer": "alice", "remote": "bob"}
NOTHING = {
    "toward": "",
    "loss": 0.0,
    "delay_ms": 0.0,
    "jitter_ms": 0.0,
    "kbps": None,
    "duplicate": 0.0,
    "reorder": 0.0,
    "seed": 0,
}
HEAL = 'mesh.link("alice", "bob").heal() heals it'


@pytest.fixture
def call(simulate: Simulate) -> SimulatedCall:
    """Alice and bob, who see each other."""
    made = simulate("alice", "bob")
    made.deliver_all()
    return made


@pytest.fixture
def early(simulate: Simulate) -> SimulatedCall:
    """Alice and bob, to whom nothing was delivered yet."""
    return simulate("alice", "bob")


def impair(call: SimulatedCall, **values: object) -> None:
    call.record(LinkImpaired, **LINK, **{**NOTHING, **values})


def alice_sees_bob(call: SimulatedCall) -> Why:
    return why(call.events, "alice", "bob")


# Why ----------------------------------------------------------------------------------


def test_a_cut_link_is_why(call: SimulatedCall) -> None:
    call.record(LinkCut, **LINK)
    answer = alice_sees_bob(call)
    assert not answer.sees
    assert answer.sentence == (
        f"alice does not see bob: the link is cut on purpose: {HEAL}"
    )
    # The other way round it is the same link.
    assert "cut on purpose" in why(call.events, "bob", "alice").sentence
    call.record(LinkHealed, **LINK)
    assert alice_sees_bob(call).sentence == "alice sees bob"


def test_the_cut_is_named_in_whichever_order_it_was_made(call: SimulatedCall) -> None:
    call.record(LinkCut, peer="bob", remote="alice")
    assert "cut on purpose" in alice_sees_bob(call).sentence


def test_a_cut_of_another_link_is_not(call: SimulatedCall) -> None:
    call.record(LinkCut, peer="alice", remote="carol")
    assert alice_sees_bob(call).sentence == "alice sees bob"


def test_what_comes_before_a_cut_link_is_told_first(early: SimulatedCall) -> None:
    early.record(LinkCut, **LINK)
    assert "all_users" in alice_sees_bob(early).sentence


@pytest.mark.parametrize(
    ("layer", "effect", "sees"),
    [
        ("stun", "no check of ICE arrives", True),
        ("dtls", "the handshake does not end", True),
        ("srtp", "no picture arrives", False),
    ],
)
def test_a_held_layer_matters_when_it_is_needed(
    call: SimulatedCall, layer: str, effect: str, sees: bool
) -> None:
    call.record(LayerHeld, **LINK, layer=layer)
    answer = alice_sees_bob(call)
    assert answer.sees is sees
    assert answer.missing is not None
    assert answer.missing.words == (
        f"{layer.upper()} is held on purpose, so {effect}: "
        f'mesh.link("alice", "bob").release("{layer}") lets it pass'
    )
    call.record(LayerReleased, **LINK, layer=layer)
    assert alice_sees_bob(call).missing is None


def test_a_held_handshake_is_why_before_it_has_ended(early: SimulatedCall) -> None:
    early.record(LayerHeld, **LINK, layer="dtls")
    (step,) = [
        each for each in alice_sees_bob(early).steps if each.name == "link passes DTLS"
    ]
    assert not step.harmless


@pytest.mark.parametrize(
    ("values", "sees", "words"),
    [
        ({"loss": 0.1}, True, "it loses 10 %"),
        ({"loss": 1.0}, False, "it loses 100 %"),
        ({"loss": 1.0, "toward": "alice"}, False, "toward alice it loses 100 %"),
        ({"loss": 1.0, "toward": "bob"}, True, "toward bob it loses 100 %"),
    ],
)
def test_an_impaired_link(
    call: SimulatedCall, values: dict[str, object], sees: bool, words: str
) -> None:
    impair(call, **values)
    answer = alice_sees_bob(call)
    assert answer.sees is sees
    assert answer.missing is not None
    assert answer.missing.words == (f"the link is impaired on purpose, {words}: {HEAL}")


def test_one_who_is_frozen(call: SimulatedCall) -> None:
    call.record(PeerFrozen, peer="bob")
    assert alice_sees_bob(call).sentence == (
        'alice does not see bob: bob is frozen on purpose: mesh.thaw("bob") wakes it'
    )
    # Bob still receives.
    assert why(call.events, "bob", "alice").sees
    call.record(PeerThawed, peer="bob")
    assert alice_sees_bob(call).missing is None


def test_a_stopped_server_is_why_for_those_who_are_not_connected(
    call: SimulatedCall, simulate: Simulate
) -> None:
    call.record(ServerStopped)
    assert alice_sees_bob(call).sees
    alone = simulate("alice", "bob")
    alone.record(ServerStopped)
    assert alice_sees_bob(alone).sentence == (
        "alice does not see bob: the server is stopped on purpose: "
        "mesh.server.start() brings it back"
    )
    call.record(ServerStarted)
    assert alice_sees_bob(call).missing is None


# The moment ---------------------------------------------------------------------------


def test_the_moment_has_all_that_is_wrong(call: SimulatedCall) -> None:
    impair(call, loss=0.1, toward="bob")
    impair(call, delay_ms=80.0, toward="alice")
    call.record(LayerHeld, **LINK, layer="srtp")
    moment = Moment.of(call.events)
    faults = moment.faults_of("bob", "alice")
    assert faults.toward == {
        "bob": Impairment(loss=0.1),
        "alice": Impairment(delay_ms=80.0),
    }
    assert faults.held == ("srtp",)
    assert moment == Moment.of(loads(dumps(call.events)))
    copy = moment.copy()
    call.record(LinkHealed, **LINK)
    moment.advance(call.events[-1])
    assert not moment.faults_of("alice", "bob")
    assert moment.faults == {}
    assert copy.faults_of("alice", "bob") == faults


def test_one_who_left_is_frozen_no_more(call: SimulatedCall) -> None:
    call.record(PeerFrozen, peer="bob")
    assert list(Moment.of(call.events).frozen) == ["bob"]
    call.leave("bob", "lost")
    assert list(Moment.of(call.events).frozen) == []


# As text, as Mermaid, as pictures -----------------------------------------------------


def happenings(call: SimulatedCall) -> None:
    call.record(LinkCut, **LINK)
    call.record(PeerFrozen, peer="bob")
    call.record(ServerStopped)
    call.record(ServerStarted)
    call.record(PeerReturned, peer="bob", room="1234")
    call.record(PeerReturned, peer="alice", room="1234")
    call.record(ConnectionRenewed, **LINK, reason="the old one failed")
    call.record(PeerThawed, peer="bob")


def test_what_was_done_heads_what_followed(call: SimulatedCall) -> None:
    happenings(call)
    assert log_text(call.events).splitlines()[-8:] == [
        "the link of alice and bob is cut on purpose",
        "bob freezes on purpose: connected, and silent",
        "the signaling server is stopped on purpose",
        "the signaling server is started again",
        "    alice is back in room 1234",
        "    alice connects to bob anew: the old one failed",
        "    bob is back in room 1234",
        "bob thaws and goes on",
    ]


def test_mermaid_has_notes_of_it(call: SimulatedCall) -> None:
    happenings(call)
    lines = [line.strip() for line in mermaid(call.events).splitlines()[-7:]]
    assert lines == [
        "Note over p0,p1: the link of alice and bob is cut on purpose",
        "Note over p1: bob freezes on purpose: connected, and silent",
        "Note over server: the signaling server is stopped on purpose",
        "Note over server: the signaling server is started again",
        "Note over p0: back in the room<br/>to bob: anew",
        "Note over p1: back in the room",
        "Note over p1: bob thaws and goes on",
    ]


def test_the_sequence_has_rows_of_it(call: SimulatedCall) -> None:
    happenings(call)
    rows = rows_of(call.events, Moment.of(call.events))
    dividers = [row for row in rows if isinstance(row, Divider)]
    assert [(row.text, row.mark) for row in dividers][-5:] == [
        ("the link of alice and bob is cut on purpose", "warn"),
        ("bob freezes on purpose: connected, and silent", "warn"),
        ("the signaling server is stopped on purpose", "warn"),
        ("the signaling server is started again", ""),
        ("bob thaws and goes on", ""),
    ]
    notes = [row for row in rows if isinstance(row, Notes)][-1].by_name
    texts = {
        (name, remote): [note.text for note in notes_of(events)]
        for name, by_remote in notes.items()
        for remote, events in by_remote.items()
    }
    assert texts == {
        ("alice", ""): ["back in the room"],
        ("alice", "bob"): ["connects anew"],
        ("bob", ""): ["back in the room"],
    }


def test_the_topology_says_it_in_words_and_shows_it(call: SimulatedCall) -> None:
    clean = topology_svg(call.events)
    assert "data-faults" not in clean
    impair(call, loss=0.1)
    impaired = topology_svg(call.events)
    assert 'data-faults="loses 10 %"' in impaired
    assert "1 with faults on purpose" in impaired
    assert "alice and bob: connected; on purpose: loses 10 %" in impaired
    assert _line(impaired) == "stroke dashed wait link"
    call.record(LinkCut, **LINK)
    call.record(PeerFrozen, peer="bob")
    cut = topology_svg(call.events)
    assert ">cut</text>" in cut
    assert "frozen on purpose" in cut
    assert _line(cut) == "stroke dashed bad link"
    call.record(LinkHealed, **LINK)
    call.record(PeerThawed, peer="bob")
    assert topology_svg(call.events) == clean


def test_a_fault_shows_in_a_large_call_too(simulate: Simulate) -> None:
    call = simulate("alice", "bob", "carol", "dave", "eve", "frank")
    call.deliver_all()
    assert ">cut</text>" not in topology_svg(call.events)
    call.record(LinkCut, **LINK)
    assert ">cut</text>" in topology_svg(call.events)


def _line(svg: str) -> str:
    """The classes of the one link's line."""
    return svg.split(' link"')[0].rpartition('class="')[2] + " link"


@pytest.mark.parametrize("kind", [LinkCut, LinkHealed])
def test_a_link_of_one_is_only_in_the_views_of_the_two(
    call: SimulatedCall, kind: type[Event]
) -> None:
    call.record(kind, **LINK)
    moment = Moment.of(call.events)
    other = rows_of(call.events, moment, peers=["carol"])
    assert not [row for row in other if isinstance(row, Divider)][1:]
