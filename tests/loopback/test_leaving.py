"""Exit, crash, coming back under the same name; nothing of it stays behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import threading
from typing import NamedTuple

import pytest

from meshwidget import DuplicateNameError, Mesh, RoomFullError, UnknownPeerError
from meshwidget.events import MessageIgnored, PeerJoined, PeerLeft, StateChanged

from ..conftest import LeakCheck
from .calls import SECONDS, colour_of, painted, wait_frames, wait_until
from .conftest import MakeMesh

TUNED = pytest.mark.parametrize("is_tuned", [True, False], ids=["tuned", "plain"])


@TUNED
@pytest.mark.parametrize("act", ["exit", "crash"])
def test_the_others_notice(make_mesh: MakeMesh, act: str, is_tuned: bool) -> None:
    mesh = make_mesh(tuned=is_tuned)
    for name in ("alice", "bob", "carol"):
        mesh.join(name)
    mesh.wait_connected(timeout=SECONDS)
    alice, carol = mesh.peers["alice"], mesh.peers["carol"]
    getattr(mesh, act)("bob")
    assert list(mesh.peers) == ["alice", "carol"]
    wait_until(mesh, lambda: _who_closed(mesh, "bob") == ["alice", "carol"])
    assert "bob" not in {*alice.connections, *carol.connections}
    assert alice.frame("bob") is None
    wait_frames(alice, "carol")
    wait_frames(carol, "alice")
    (left,) = mesh.log.of(PeerLeft)
    assert (left.peer, left.reason) == ("bob", "left" if act == "exit" else "lost")
    mesh.wait_connected(timeout=SECONDS)


def _who_closed(mesh: Mesh, remote: str) -> list[str]:
    """Whose connections to that one are closed."""
    closed = mesh.log.of(
        StateChanged, remote=remote, machine="connection", new="closed"
    )
    return sorted(event.peer for event in closed)


@TUNED
def test_a_crash_says_nothing_to_the_others(
    make_mesh: MakeMesh, is_tuned: bool
) -> None:
    """They learn of it from the server: no BYE, no close_notify came from bob."""
    mesh = make_mesh(tuned=is_tuned)
    alice = mesh.join("alice")
    mesh.join("bob")
    mesh.wait_connected(timeout=SECONDS)
    mesh.crash("bob")
    machines = ("ice_connection", "connection", "dtls")
    wait_until(
        mesh,
        lambda: all(
            mesh.log.of(StateChanged, peer="alice", machine=machine, new="closed")
            for machine in machines
        ),
    )
    assert alice.connections == {}
    (left,) = mesh.log.of(PeerLeft)
    for machine in machines:
        (closed,) = mesh.log.of(
            StateChanged, peer="alice", machine=machine, new="closed"
        )
        assert closed.seq > left.seq


@pytest.mark.parametrize("act", ["exit", "crash"])
def test_coming_back_under_the_same_name(mesh: Mesh, act: str) -> None:
    alice = mesh.join("alice")
    mesh.join("bob", video=painted("red"))
    mesh.wait_connected(timeout=SECONDS)
    first = mesh.peers["bob"]
    getattr(mesh, act)("bob")
    second = mesh.join("bob", video=painted("blue"))
    mesh.wait_connected(timeout=SECONDS)
    assert second is not first
    assert second.id != first.id
    wait_frames(alice, "bob")
    assert colour_of(alice.frame("bob")) == "blue"
    assert list(alice.connections) == ["bob"]
    assert len(mesh.log.of(PeerJoined, peer="bob")) == 2


def test_leaving_before_anything_is_connected(mesh: Mesh) -> None:
    alice = mesh.join("alice")
    for _ in range(5):
        mesh.join("bob")
        mesh.exit("bob")
    mesh.wait_connected(timeout=SECONDS)
    wait_until(mesh, lambda: not alice.connections)


def test_one_who_leaves_before_it_is_met_keeps_nobody_from_the_others(
    mesh: Mesh,
) -> None:
    """The newcomer's first offer is refused; the second one is sent all the same."""
    mesh.join("alice", video=None)
    mesh.join("bob", video=None)
    mesh.wait_connected(timeout=SECONDS)
    mesh.pause()
    mesh.join("carol", video=None)
    mesh.exit("alice")
    mesh.resume()
    mesh.wait_connected(timeout=SECONDS)
    assert list(mesh.peers["carol"].connections) == ["bob"]
    (ignored,) = mesh.log.of(MessageIgnored)
    assert (ignored.peer, ignored.kind) == ("carol", "the reply to its all_users")


def test_crashing_before_anything_is_connected(mesh: Mesh) -> None:
    alice = mesh.join("alice")
    for _ in range(2):
        mesh.join("bob")
        mesh.crash("bob")
    wait_until(mesh, lambda: not alice.connections)


def test_everybody_leaves_at_once(mesh: Mesh) -> None:
    names = ["alice", "bob", "carol", "dave"]
    for name in names:
        mesh.join(name)
    mesh.wait_connected(timeout=SECONDS)
    threads = [threading.Thread(target=mesh.exit, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
        assert not thread.is_alive()
    assert mesh.peers == {}
    assert sorted(event.peer for event in mesh.log.of(PeerLeft)) == names


def test_leaving_twice_from_two_threads(mesh: Mesh) -> None:
    mesh.join("alice")
    mesh.join("bob")
    outcomes: list[str] = []

    def leave() -> None:
        try:
            mesh.exit("bob")
            outcomes.append("left")
        except UnknownPeerError:
            outcomes.append("unknown")

    threads = [threading.Thread(target=leave) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert sorted(outcomes) == ["left", "unknown"]


def test_a_peer_that_left_can_be_held(mesh: Mesh) -> None:
    mesh.join("alice")
    bob = mesh.join("bob")
    mesh.wait_connected(timeout=SECONDS)
    mesh.exit("bob")
    assert bob.name == "bob"
    assert bob.connections.keys() <= {"alice"}
    assert repr(bob)


class Held(NamedTuple):
    """What a leak would add to."""

    threads: int
    tasks: int
    descriptors: int

    @classmethod
    def by(cls, mesh: Mesh) -> Held:
        gc.collect()
        return cls(
            sum(not _is_pooled(thread) for thread in threading.enumerate()),
            mesh.loop.run(_count_tasks()),
            len(os.listdir("/dev/fd")),
        )

    def is_within(self, other: Held) -> bool:
        """Whether nothing is more than it was."""
        return all(now <= then for now, then in zip(self, other, strict=True))


def _is_pooled(thread: threading.Thread) -> bool:
    """Whether it is of the event loop's pool, which grows as it is used and is kept."""
    return thread.name.startswith(("asyncio_", "uvloop_"))


async def _count_tasks() -> int:
    return len(asyncio.all_tasks())


@TUNED
def test_thirty_joins_and_exits_leave_things_as_they_were(
    make_mesh: MakeMesh, is_tuned: bool
) -> None:
    mesh = make_mesh(tuned=is_tuned)
    for name in ("alice", "bob", "carol"):
        mesh.join(name)
    mesh.wait_connected(timeout=SECONDS)
    mesh.exit("carol")
    alice = mesh.peers["alice"]
    wait_until(mesh, lambda: list(alice.connections) == ["bob"])
    before = Held.by(mesh)
    count = 30 if is_tuned else 10
    for number in range(count):
        mesh.join("carol")
        if number % 3 == 0:
            mesh.wait_connected(timeout=SECONDS)
        (mesh.crash if number % 10 == 5 else mesh.exit)("carol")
    after = before

    def is_as_before() -> bool:
        nonlocal after
        after = Held.by(mesh)
        return after.is_within(before)

    with contextlib.suppress(AssertionError):
        wait_until(mesh, is_as_before)
    assert after.is_within(before), (before, after)
    wait_frames(mesh.peers["alice"], "bob")
    assert len(mesh.log.of(PeerLeft)) == count + 1


@TUNED
def test_whole_calls_leave_nothing(leaks: LeakCheck, is_tuned: bool) -> None:
    def call() -> None:
        with Mesh(tuned=is_tuned) as mesh:
            mesh.join("alice")
            mesh.join("bob")
            mesh.wait_connected(timeout=SECONDS)

    call()
    with leaks():
        for _ in range(3):
            call()


def test_joins_that_are_refused_leave_nothing(
    make_mesh: MakeMesh, leaks: LeakCheck
) -> None:
    mesh = make_mesh(max_peers=1)
    mesh.join("alice")
    with leaks():
        for _ in range(10):
            with pytest.raises(RoomFullError):
                mesh.join("bob")
            with pytest.raises(DuplicateNameError):
                mesh.join("alice")


def test_candidates_of_those_who_left_do_not_pile_up(mesh: Mesh) -> None:
    """One that is delivered after its sender's goodbye is of nobody."""
    mesh.join("alice")
    alice = mesh._call._participants["alice"]

    async def hear_from_strangers() -> None:
        for number in range(500):
            candidate = {"candidate": "", "sdpMid": "0"}
            await alice._on_candidate(
                {"candidate": candidate, "candidateSendID": f"gone {number}"}
            )

    mesh.loop.run(hear_from_strangers())
    assert len(alice._early_candidates) <= 100
