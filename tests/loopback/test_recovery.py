"""What mends by itself: lost paths, frozen peers, a server that was away."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from meshwidget import Mesh, NoAddressError, Peer, SignalingError, UnknownPeerError
from meshwidget.events import (
    ConnectionRenewed,
    MessageAccepted,
    MessageDelivered,
    MessageIgnored,
    PeerFrozen,
    PeerLeft,
    PeerReturned,
    PeerThawed,
    ServerStarted,
    ServerStopped,
    StateChanged,
)
from meshwidget.peer import renewal

from ..conftest import LeakCheck
from .calls import CLOSE_SECONDS, SECONDS, painted, wait_frames, wait_until
from .conftest import MakeMesh
from .test_guest import Guest, guests  # noqa: F401
from .test_links import pictures_while, wait_frames_made

TUNED = pytest.mark.parametrize("is_tuned", [True, False], ids=["tuned", "plain"])


def call(make_mesh: MakeMesh, *names: str, tuned: bool = True) -> Mesh:
    """These peers, who see each other, without sound."""
    mesh = make_mesh(tuned=tuned, max_peers=8)
    for name in names:
        mesh.join(name, audio=None)
    mesh.wait_connected(timeout=SECONDS)
    return mesh


def failed(mesh: Mesh) -> list[str]:
    """Whose connections have failed, in order of the alphabet."""
    changes = mesh.log.of(StateChanged, machine="connection", new="failed")
    return sorted(event.peer for event in changes)


def sockets() -> dict[str, str]:
    """The addresses that sockets of this process stand at, by kind and port."""
    return {
        f"{each.type.name} {each.laddr.port}": each.laddr.ip
        for each in psutil.Process().net_connections("inet")
        if each.laddr
    }


def test_nothing_depends_on_a_network(make_mesh: MakeMesh) -> None:
    """No socket stands at an address that goes when the cable does."""
    before = set(sockets())
    mesh = call(make_mesh, "alice", "bob")
    new = {key: ip for key, ip in sockets().items() if key not in before}
    assert len(new) >= 3, "the server's and one of each peer"
    assert [ip for ip in new.values() if not ip_address(ip).is_loopback] == []
    mesh.close()


# Lost paths ---------------------------------------------------------------------------


@TUNED
def test_a_link_that_is_cut_for_long_is_made_anew(
    make_mesh: MakeMesh, is_tuned: bool
) -> None:
    mesh = call(make_mesh, "alice", "bob", tuned=is_tuned)
    alice, bob = mesh.peers["alice"], mesh.peers["bob"]
    before = alice.connections["bob"], bob.connections["alice"]
    start = time.monotonic()
    mesh.link("alice", "bob").cut()
    # The other one may hear of the new offer before it notices by itself.
    wait_until(mesh, lambda: bool(failed(mesh)))
    assert time.monotonic() - start < 5
    wait_until(mesh, lambda: all(each.is_closed for each in before))
    wait_until(mesh, lambda: bool(mesh.log.of(ConnectionRenewed)))
    mesh.link("alice", "bob").heal()
    wait_until(mesh, lambda: mesh.why("alice", "bob").sees)
    mesh.wait_connected(timeout=SECONDS)
    wait_frames(alice, "bob")
    wait_frames(bob, "alice")
    renewals = mesh.log.of(ConnectionRenewed)
    assert {event.peer for event in renewals} == {"bob"}, "the one who offered before"
    told = mesh.log.of(StateChanged, peer="bob", machine="connection")
    earlier = [event.new for event in told if event.seq < renewals[0].seq]
    assert earlier[-2:] == ["failed", "closed"], "it ends before another begins"
    assert mesh.log.of(MessageIgnored) == []


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections that are made anew are given half a second."""
    monkeypatch.setattr(renewal, "AGAIN_SECONDS", (0.5, 1.0))


@pytest.mark.usefixtures("impatient")
def test_one_that_is_stuck_when_it_was_made_anew_is_made_anew_again(
    make_mesh: MakeMesh,
) -> None:
    mesh = call(make_mesh, "alice", "bob")
    link = mesh.link("alice", "bob")
    link.impair(loss=1.0)  # unlike a cut: nobody knows that nothing can come
    wait_until(mesh, lambda: len(mesh.log.of(ConnectionRenewed)) >= 3)
    assert {event.peer for event in mesh.log.of(ConnectionRenewed)} == {"bob"}
    link.impair(loss=0.0)
    mesh.wait_connected(timeout=SECONDS)
    wait_frames(mesh.peers["alice"], "bob")
    assert mesh.log.of(MessageIgnored) == []


@pytest.mark.usefixtures("impatient")
def test_while_a_link_is_cut_one_new_connection_is_enough(make_mesh: MakeMesh) -> None:
    mesh = call(make_mesh, "alice", "bob")
    mesh.link("alice", "bob").cut()
    wait_until(mesh, lambda: bool(mesh.log.of(ConnectionRenewed)))
    wait_frames_made(mesh.peers["alice"], 90)
    assert len(mesh.log.of(ConnectionRenewed)) == 1
    mesh.link("alice", "bob").heal()
    mesh.wait_connected(timeout=SECONDS)
    assert len(mesh.log.of(ConnectionRenewed)) == 2


@pytest.mark.usefixtures("impatient")
def test_one_that_was_impaired_to_nothing_before_it_was_there_comes_up(
    make_mesh: MakeMesh,
) -> None:
    mesh = make_mesh()
    link = mesh.link("alice", "bob")
    link.impair(loss=1.0)
    alice = mesh.join("alice")
    mesh.join("bob")
    wait_until(mesh, lambda: len(mesh.log.of(StateChanged, new="checking")) == 2)
    wait_frames_made(alice, 10)
    link.impair(loss=0.0)
    mesh.wait_connected(timeout=SECONDS)


def test_a_renewed_offer_waits_like_any_other(make_mesh: MakeMesh) -> None:
    mesh = call(make_mesh, "alice", "bob")
    mesh.pause()
    mesh.link("alice", "bob").cut()
    wait_until(mesh, lambda: [each.kind for each in mesh.pending[:1]] == ["offer"])
    mesh.link("alice", "bob").heal()
    assert mesh.pending[0].sender == "bob"
    while mesh.pending:
        mesh.step()
    mesh.wait_connected(timeout=SECONDS)


def test_a_link_that_was_cut_before_it_was_there_comes_up(make_mesh: MakeMesh) -> None:
    mesh = make_mesh()
    mesh.link("alice", "bob").cut()
    alice = mesh.join("alice")
    mesh.join("bob")
    wait_until(mesh, lambda: len(mesh.log.of(StateChanged, new="checking")) == 2)
    wait_frames_made(alice, 10)
    mesh.link("alice", "bob").heal()
    mesh.wait_connected(timeout=SECONDS)
    assert len(mesh.log.of(ConnectionRenewed, peer="bob")) == 1


def test_one_who_left_while_the_link_was_cut_is_not_called(
    make_mesh: MakeMesh,
) -> None:
    mesh = call(make_mesh, "alice", "bob", "carol")
    mesh.link("alice", "bob").cut()
    mesh.crash("bob")
    alice = mesh.peers["alice"]
    wait_until(mesh, lambda: "bob" not in alice.connections)
    mesh.link("alice", "bob").heal()
    wait_frames(alice, "carol")
    assert mesh.log.of(ConnectionRenewed) == []


def test_of_two_offers_that_cross_one_stands(make_mesh: MakeMesh) -> None:
    mesh = call(make_mesh, "alice", "bob")
    alice, bob = mesh.peers["alice"], mesh.peers["bob"]
    mesh.pause()
    # Both lose the link and are told to offer; bob's offer stands.
    mesh.link("alice", "bob").cut()
    wait_until(mesh, lambda: len(mesh.log.of(ConnectionRenewed)) == 2)
    assert {event.peer for event in mesh.log.of(ConnectionRenewed)} == {"alice", "bob"}
    mesh.link("alice", "bob").heal()
    mesh.resume()
    mesh.wait_connected(timeout=SECONDS)
    wait_frames(alice, "bob")
    wait_frames(bob, "alice")
    ignored = mesh.log.of(MessageIgnored, kind="offer")
    assert [(event.peer, event.remote) for event in ignored] == [("bob", "alice")]
    assert "glare" in ignored[0].reason


def test_a_crash_is_noticed_within_a_second(make_mesh: MakeMesh) -> None:
    mesh = call(make_mesh, "alice", "bob")
    alice = mesh.peers["alice"]
    took = []
    for _ in range(3):  # the machine may be busy once
        start = time.monotonic()
        mesh.crash("bob")
        wait_until(mesh, lambda: "bob" not in alice.connections)
        took.append(time.monotonic() - start)
        mesh.join("bob")
        mesh.wait_connected(timeout=SECONDS)
    assert min(took) < 1.0


# Frozen peers -------------------------------------------------------------------------


@TUNED
def test_a_frozen_peer_is_connected_and_silent(
    make_mesh: MakeMesh, is_tuned: bool
) -> None:
    mesh = call(make_mesh, "alice", "bob", "carol", tuned=is_tuned)
    alice, bob, carol = mesh.peers.values()
    mesh.freeze("bob")
    mesh.freeze("bob")
    wait_frames_made(alice, 2)
    assert pictures_while(alice, "bob", carol, 10) == 0
    wait_frames(bob, "alice")
    wait_frames(alice, "carol")
    assert alice.connections["bob"].connection_state == "connected"
    assert "bob is frozen on purpose" in mesh.why("alice", "bob").sentence
    mesh.thaw("bob")
    mesh.thaw("bob")
    wait_frames(alice, "bob")
    assert len(mesh.log.of(PeerFrozen)) == len(mesh.log.of(PeerThawed)) == 1


def test_a_frozen_peer_keeps_consenting(make_mesh: MakeMesh) -> None:
    mesh = call(make_mesh, "alice", "bob")
    mesh.freeze("bob")
    # Longer than consent lasts without an answer.
    wait_frames_made(mesh.peers["alice"], 150)
    assert failed(mesh) == []
    mesh.thaw("bob")
    wait_frames(mesh.peers["alice"], "bob")


def test_a_frozen_peer_answers_when_it_thaws(make_mesh: MakeMesh) -> None:
    mesh = make_mesh()
    mesh.join("alice")
    mesh.freeze("alice")
    mesh.join("bob")
    wait_until(mesh, lambda: bool(mesh.log.of(MessageDelivered, kind="candidate")))
    assert mesh.log.of(MessageAccepted, kind="answer") == []
    mesh.thaw("alice")
    mesh.wait_connected(timeout=SECONDS)


def test_a_step_to_a_frozen_peer_does_not_wait_for_it(make_mesh: MakeMesh) -> None:
    mesh = make_mesh(paused=True)
    mesh.join("alice")
    mesh.freeze("alice")
    mesh.join("bob")
    start = time.monotonic()
    while mesh.pending:
        mesh.step()
    assert time.monotonic() - start < 3
    mesh.thaw("alice")
    wait_until(mesh, lambda: bool(mesh.pending))


@pytest.mark.parametrize("act", ["exit", "crash"])
def test_a_frozen_peer_can_leave(
    make_mesh: MakeMesh, leaks: LeakCheck, act: str
) -> None:
    make_mesh().close()
    with leaks():
        mesh = call(make_mesh, "alice", "bob", "carol")
        mesh.freeze("carol")
        mesh.join("dave")
        getattr(mesh, act)("carol")
        mesh.exit("dave")
        wait_until(mesh, lambda: list(mesh.peers["alice"].connections) == ["bob"])
        wait_until(mesh, lambda: list(mesh.peers["bob"].connections) == ["alice"])
        mesh.close()


def test_who_is_not_there_cannot_be_frozen(mesh: Mesh) -> None:
    for act in (mesh.freeze, mesh.thaw):
        with pytest.raises(UnknownPeerError, match="no peer called bob"):
            act("bob")


# The server ---------------------------------------------------------------------------


def advances(viewer: Peer, remote: str) -> None:
    wait_frames(viewer, remote, 5)


def is_listening(url: str) -> bool:
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname, address.port), 1).close()
    except ConnectionRefusedError:
        return False
    return True


@TUNED
def test_media_flows_without_the_server_and_everybody_returns(
    make_mesh: MakeMesh, is_tuned: bool
) -> None:
    mesh = call(make_mesh, "alice", "bob", tuned=is_tuned)
    alice, bob = mesh.peers["alice"], mesh.peers["bob"]
    ids = alice.id, bob.id
    connections = alice.connections["bob"], bob.connections["alice"]
    url = mesh.server.url
    assert repr(mesh.server) == f"<Server {url}: running>"
    mesh.server.stop()
    mesh.server.stop()
    assert not is_listening(url)
    assert repr(mesh.server) == f"<Server {url}: stopped>"
    advances(alice, "bob")
    with pytest.raises(SignalingError, match=r"mesh\.server\.start\(\) brings it"):
        mesh.join("carol")
    mesh.server.start()
    mesh.server.start()
    assert mesh.url == mesh.server.url == url
    assert is_listening(url)
    wait_until(mesh, lambda: len(mesh.log.of(PeerReturned)) == 2)
    advances(bob, "alice")
    assert (alice.id, bob.id) == ids
    assert (alice.connections["bob"], bob.connections["alice"]) == connections
    assert mesh.log.of(ConnectionRenewed) == []
    after = mesh.log.of(ServerStarted)[0].seq
    assert [each for each in mesh.log.of(MessageAccepted) if each.seq > after] == []
    mesh.join("carol")
    mesh.wait_connected(timeout=SECONDS)
    assert len(mesh.log.of(ServerStopped)) == 1


@pytest.mark.parametrize("act", ["exit", "crash"])
def test_who_left_meanwhile_is_noticed(make_mesh: MakeMesh, act: str) -> None:
    mesh = call(make_mesh, "alice", "bob", "carol")
    alice, carol = mesh.peers["alice"], mesh.peers["carol"]
    kept = alice.connections["carol"]
    mesh.server.stop()
    getattr(mesh, act)("bob")
    mesh.server.start()
    for peer in (alice, carol):
        wait_until(mesh, lambda peer=peer: "bob" not in peer.connections)  # type: ignore[misc]
    assert [event.peer for event in mesh.log.of(PeerLeft)] == ["bob"]
    assert alice.connections["carol"] is kept
    advances(alice, "carol")


def test_what_was_held_is_still_there(make_mesh: MakeMesh) -> None:
    mesh = make_mesh(paused=True)
    mesh.join("alice")
    mesh.join("bob")
    kinds = [message.kind for message in mesh.pending]
    mesh.server.stop()
    assert [message.kind for message in mesh.pending] == kinds
    mesh.server.start()
    wait_until(mesh, lambda: len(mesh.log.of(PeerReturned)) == 2)
    mesh.resume()
    mesh.wait_connected(timeout=SECONDS)


def test_a_negotiation_that_was_interrupted_goes_on(make_mesh: MakeMesh) -> None:
    mesh = make_mesh()
    mesh.join("alice")
    mesh.freeze("alice")
    mesh.join("bob")
    wait_until(mesh, lambda: bool(mesh.log.of(MessageDelivered, kind="candidate")))
    mesh.server.stop()
    mesh.thaw("alice")  # whose answer cannot be sent now
    wait_until(mesh, lambda: bool(mesh.log.of(MessageIgnored)))
    mesh.server.start()
    mesh.wait_connected(timeout=SECONDS)


def test_a_path_that_is_lost_without_a_server_is_made_anew_with_it(
    make_mesh: MakeMesh,
) -> None:
    mesh = call(make_mesh, "alice", "bob")
    mesh.server.stop()
    mesh.link("alice", "bob").cut()
    wait_until(mesh, lambda: failed(mesh) == ["alice", "bob"])
    mesh.link("alice", "bob").heal()
    mesh.server.start()
    mesh.wait_connected(timeout=SECONDS)


def test_an_address_that_was_taken_meanwhile(make_mesh: MakeMesh) -> None:
    mesh = call(make_mesh, "alice", "bob")
    mesh.server.stop()
    address = urlsplit(mesh.url)
    with socket.create_server((address.hostname or "", address.port or 0)):
        with pytest.raises(NoAddressError, match="cannot listen"):
            mesh.server.start()
        assert not mesh.server.running
    mesh.server.start()
    wait_until(mesh, lambda: len(mesh.log.of(PeerReturned)) == 2)


async def test_everything_is_awaitable(
    make_mesh: MakeMesh,
    guests: list[Guest],  # noqa: F811
) -> None:
    mesh = make_mesh()
    alice = await mesh.join_async("alice", video=painted("red"))
    await mesh.freeze_async("alice")
    await mesh.thaw_async("alice")
    await mesh.server.stop_async()
    await mesh.server.start_async()
    guest = Guest(mesh, "guest")
    guests.append(guest)
    await guest.join()
    await mesh.wait_connected_async(timeout=SECONDS)
    assert await guest.sees(alice.id) == "red"


def test_a_call_can_be_closed_while_the_server_is_away(
    make_mesh: MakeMesh, leaks: LeakCheck
) -> None:
    make_mesh().close()
    with leaks():
        mesh = call(make_mesh, "alice", "bob")
        mesh.link("alice", "bob").cut()
        mesh.freeze("alice")
        mesh.server.stop()
        start = time.monotonic()
        mesh.close()
        assert time.monotonic() - start < CLOSE_SECONDS


def test_who_is_closed_while_it_looks_for_the_server_leaves_no_session(
    make_mesh: MakeMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    mesh = call(make_mesh, "alice")
    client = mesh._call._participants["alice"]._client
    session, engine = client._http, client._sio.eio  # type: ignore[union-attr]
    assert session is not None
    close, connect = session.close, engine.connect
    closed, tried = asyncio.Event(), asyncio.Event()

    async def close_slowly() -> None:
        await close()
        closed.set()
        with contextlib.suppress(TimeoutError):
            # Longer than it waits between two attempts.
            await asyncio.wait_for(tried.wait(), 1.5)

    async def try_to_connect(*given: Any, **more: Any) -> None:
        if closed.is_set():
            tried.set()
        await connect(*given, **more)

    monkeypatch.setattr(session, "close", close_slowly)
    monkeypatch.setattr(engine, "connect", try_to_connect)
    mesh.server.stop()
    mesh.exit("alice")
    assert engine.http.closed
