"""Wires in the sockets of two real connections, and paths that are lost."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from aiortc import RTCPeerConnection

from meshwidget.events import StateChanged, TuningSkipped
from meshwidget.faults import Impairment, LinkFaults
from meshwidget.log import EventLog
from meshwidget.peer.tuning import Splice, TuningError, consent, watch_consent
from meshwidget.peer.wire import Wire

from .links import Link, Side, make_side

CLEAN = LinkFaults(names=("alice", "bob"))


@dataclass
class Wired:
    """A link and the two wires it goes through."""

    link: Link
    there: Wire
    back: Wire

    def put(self, faults: LinkFaults, *, where: str = "both send") -> None:
        """Set the faults and have them take effect."""
        for wire in (self.there, self.back):
            wire.set(faults)
        if where == "both send":
            self.link.alice.connection.put_wires((self.there, None))
            self.link.bob.connection.put_wires((self.back, None))
        else:
            self.link.alice.connection.put_wires((self.there, self.back))

    def remove(self) -> None:
        for side in (self.link.alice, self.link.bob):
            side.connection.put_wires(None)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Consent that expires in less than a second."""
    monkeypatch.setattr(consent, "CONSENT_SECONDS", 0.5)
    monkeypatch.setattr(consent, "_INTERVAL_SECONDS", 0.1)
    monkeypatch.setattr(consent, "_HURRY_SECONDS", 0.02)


@pytest.fixture
async def wired(request: pytest.FixtureRequest) -> AsyncIterator[Wired]:
    """Alice and bob, not connected yet; tuned unless a test says otherwise."""
    log = EventLog(lambda: 0.0)
    is_tuned = getattr(request, "param", True)
    alice, bob = [
        await make_side(name, log, audio=False, tuned=is_tuned)
        for name in ("alice", "bob")
    ]
    link = Link(alice, bob)
    yield Wired(link, Wire("alice", "bob"), Wire("bob", "alice"))
    await link.close()
    assert log.of(TuningSkipped) == []


BOTH = pytest.mark.parametrize(
    "wired", [True, False], ids=["tuned", "plain"], indirect=True
)


@BOTH
@pytest.mark.usefixtures("hasty")
async def test_a_path_that_is_cut_fails_and_goes(wired: Wired) -> None:
    link = wired.link
    await link.negotiate()
    await link.connected()
    wired.put(CLEAN.cutting())
    for side in (link.alice, link.bob):
        await link.until(lambda side=side: side.lost == [side.connection])  # type: ignore[misc]
        await _gone(link, side)
        for machine in ("ice_connection", "connection"):
            changes = link.log.of(StateChanged, peer=side.name, machine=machine)
            assert [event.new for event in changes][-2:] == ["failed", "closed"]


@BOTH
async def test_closing_while_ice_checks_is_no_failed_handshake(wired: Wired) -> None:
    link = wired.link
    wired.put(CLEAN.cutting())
    await link.negotiate()
    alice = link.alice.connection
    await link.until(lambda: alice.ice_connection_state == "checking")
    await alice.close()
    changes = link.log.of(StateChanged, peer="alice", machine="dtls")
    assert [event.new for event in changes] == ["closed"]


@pytest.mark.usefixtures("hasty")
async def test_one_direction_is_enough_to_lose_a_path(wired: Wired) -> None:
    """A check needs its way there and its answer's way back."""
    link = wired.link
    await link.negotiate()
    await link.connected()
    wired.put(CLEAN.impaired(Impairment(loss=1.0), "bob"))
    for side in (link.alice, link.bob):
        await link.until(lambda side=side: bool(side.lost))  # type: ignore[misc]


@pytest.mark.usefixtures("hasty")
async def test_consent_outlives_loss(wired: Wired) -> None:
    link = wired.link
    await link.negotiate()
    await link.connected()
    wired.put(CLEAN.impaired(Impairment(loss=0.3, seed=5), None))
    await _pictures(link, 60)
    assert link.alice.lost == link.bob.lost == []


@pytest.mark.usefixtures("hasty")
async def test_consent_outlives_a_short_cut(wired: Wired) -> None:
    link = wired.link
    await link.negotiate()
    await link.connected()
    wired.put(CLEAN.cutting())
    wired.remove()
    await _pictures(link, 30)
    assert link.alice.lost == link.bob.lost == []


@pytest.mark.usefixtures("hasty")
async def test_a_loop_that_stood_still_has_heard_nobody(wired: Wired) -> None:
    link = wired.link
    await link.negotiate()
    await link.connected()
    for _ in range(5):
        time.sleep(3 * consent.CONSENT_SECONDS)  # noqa: ASYNC251
        await _pictures(link, 5)
    assert link.alice.lost == link.bob.lost == []


async def test_consent_that_is_given_is_not_asked_for_in_a_hurry(
    wired: Wired, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consent, "_INTERVAL_SECONDS", 0.5)
    asked: Counter[object] = Counter()
    ask = consent._Consent._ask

    def note(self: consent._Consent, pair: Any) -> None:
        asked[self] += 1
        ask(self, pair)

    monkeypatch.setattr(consent._Consent, "_ask", note)
    link = wired.link
    await link.negotiate()
    await link.connected()
    now = asyncio.get_running_loop().time
    start = now()
    await _pictures(link, 75)
    assert len(asked) == 2
    # After pauses of at least 0.4 s; three more, for answers that were late.
    assert 2 <= min(asked.values()) <= max(asked.values()) <= (now() - start) / 0.4 + 3


async def _gone(link: Link, side: Side) -> None:
    await link.until(lambda: side.lost == [side.connection])
    await link.until(lambda: side.connection.ice_connection_state == "closed")


async def _pictures(link: Link, count: int) -> None:
    frames = link.alice.frames
    end = len(frames) + count
    while len(frames) < end:
        await _turn()


async def _turn() -> None:
    """Let the loop work for a moment."""
    await asyncio.sleep(0.005)


@BOTH
@pytest.mark.parametrize("where", ["both send", "one has both"])
async def test_wires_put_in_before_there_is_a_socket_hold_the_first_check(
    wired: Wired, where: str
) -> None:
    link = wired.link
    wired.put(CLEAN.holding("stun"), where=where)
    await link.negotiate()
    await link.until(lambda: len(link.log.of(StateChanged, new="checking")) == 2)
    for _ in range(40):
        await _turn()
    assert link.log.of(StateChanged, new="completed") == []
    wired.put(CLEAN.releasing("stun").impaired(Impairment(delay_ms=1), None))
    await link.connected()
    wired.remove()


@BOTH
async def test_what_was_there_is_there_again(wired: Wired) -> None:
    """Neither the sockets nor what stands before them has changed."""
    link = wired.link
    await link.negotiate()
    await link.connected()

    def parts() -> list[Any]:
        ice = next(iter(link.alice.connection._faster._ice_transports()))
        return [
            part
            for protocol in ice._connection._protocols
            for part in (
                protocol.transport,
                protocol.transport.get_protocol(),
                vars(protocol).get("datagram_received"),
            )
        ]

    before = parts()
    wired.put(CLEAN.impaired(Impairment(delay_ms=20), None), where="one has both")
    assert parts() != before
    await _pictures(link, 3)
    wired.remove()
    assert parts() == before
    await _pictures(link, 3)


async def test_what_is_under_way_when_it_is_healed_arrives(wired: Wired) -> None:
    link = wired.link
    await link.negotiate()
    await link.connected()
    wired.put(CLEAN.impaired(Impairment(delay_ms=9000), None))
    for _ in range(30):
        await _turn()
    seen = len(link.alice.frames)
    wired.remove()
    assert len(link.alice.frames) >= seen
    await _pictures(link, 3)


class Changed:
    """An ICE transport of another aiortc."""

    _connection = object()


async def test_another_aiortc_is_left_as_it_is() -> None:
    with pytest.raises(TuningError, match="object has no _nominated"):
        watch_consent(Changed(), lambda: None)  # type: ignore[arg-type]


async def test_another_aioice_is_told_of() -> None:
    connection = RTCPeerConnection()
    transceiver = connection.addTransceiver("video")
    ice = getattr(transceiver.sender.transport.transport, "_connection")
    ice._protocols = ()
    wire = Wire("alice", "bob")
    with pytest.raises(TuningError, match="_protocols is a tuple now"):
        Splice(connection, wire, None)
    ice._protocols = []
    await connection.close()
