"""Links that are cut, impaired and held, in whole calls over 127.0.0.1."""

from __future__ import annotations

import asyncio
import statistics
import time

import av
import numpy as np
import pytest

from meshwidget import InvalidNameError, Mesh, MeshClosedError, Peer
from meshwidget.events import (
    LayerHeld,
    LayerReleased,
    LinkCut,
    LinkHealed,
    LinkImpaired,
    MeshOpened,
    StateChanged,
)
from meshwidget.media import mark

from ..conftest import LeakCheck
from .calls import SECONDS, wait_frames, wait_until
from .conftest import MakeMesh
from .test_guest import Guest, guests  # noqa: F401

TUNED = pytest.mark.parametrize("is_tuned", [True, False], ids=["tuned", "plain"])


def pair(make_mesh: MakeMesh, *, tuned: bool = True) -> tuple[Mesh, Peer, Peer]:
    """Alice and bob, who see each other, without sound."""
    mesh = make_mesh(tuned=tuned)
    alice, bob = (mesh.join(name, audio=None) for name in ("alice", "bob"))
    mesh.wait_connected(timeout=SECONDS)
    return mesh, alice, bob


def count(viewer: Peer, remote: str) -> int:
    return viewer.connections[remote].video.count


def pictures_while(viewer: Peer, remote: str, clock: Peer, frames: int) -> int:
    """How many came from there while so many of its own pictures were made by another.

    A peer's own pictures go through no link.
    """
    before = count(viewer, remote)
    wait_frames_made(clock, frames)
    return count(viewer, remote) - before


def wait_frames_made(peer: Peer, frames: int) -> None:
    sink = peer.video(peer.name)
    assert sink is not None
    end = sink.count + frames
    deadline = time.monotonic() + SECONDS
    while sink.count < end:
        assert time.monotonic() < deadline, f"{peer.name} makes no pictures"
        time.sleep(0.01)


@TUNED
def test_a_cut_link_carries_nothing_and_a_healed_one_goes_on(
    make_mesh: MakeMesh, is_tuned: bool
) -> None:
    mesh, alice, bob = pair(make_mesh, tuned=is_tuned)
    connection = alice.connections["bob"]
    link = mesh.link("alice", "bob")
    link.cut()
    assert repr(link) == "<Link alice - bob: cut>"
    wait_frames_made(alice, 2)  # what was on its way to be decoded
    assert pictures_while(alice, "bob", bob, 10) == 0
    assert pictures_while(bob, "alice", alice, 5) == 0
    assert "cut on purpose" in mesh.why("alice", "bob").sentence
    link.heal()
    wait_frames(alice, "bob")
    wait_frames(bob, "alice")
    assert alice.connections["bob"] is connection, "ICE still held"
    assert repr(link) == "<Link alice - bob: no faults>"
    assert len(mesh.log.of(LinkCut)) == len(mesh.log.of(LinkHealed)) == 1


@pytest.mark.parametrize("loss", [0.02, 0.1])
@TUNED
def test_under_loss_the_picture_stays(
    make_mesh: MakeMesh, is_tuned: bool, loss: float
) -> None:
    mesh, alice, _ = pair(make_mesh, tuned=is_tuned)
    mesh.link("alice", "bob").impair(loss=loss, seed=1)
    wait_frames(alice, "bob", 30)


@pytest.mark.parametrize("loss", [0.1, 0.3])
def test_after_loss_the_picture_goes_on(make_mesh: MakeMesh, loss: float) -> None:
    """Not always in plain aiortc, which asks for a repair again when more is missing.

    When the last one is lost it waits until its buffer of 512 packets is full.
    """
    mesh, alice, _ = pair(make_mesh)
    mesh.link("alice", "bob").impair(loss=loss, seed=1)
    wait_frames(alice, "bob", 30)
    mesh.link("alice", "bob").heal()
    wait_frames(alice, "bob", 30)


def test_one_direction_only(make_mesh: MakeMesh) -> None:
    mesh, alice, bob = pair(make_mesh)
    mesh.link("bob", "alice").impair(loss=1.0, toward="bob")
    wait_frames_made(alice, 2)
    assert pictures_while(bob, "alice", alice, 10) == 0
    wait_frames(alice, "bob")
    assert mesh.why("alice", "bob").sees
    assert not mesh.why("bob", "alice").sees


def test_a_delay_is_seen_as_latency(make_mesh: MakeMesh) -> None:
    mesh, alice, _ = pair(make_mesh)
    mesh.link("alice", "bob").impair(delay_ms=200, toward="alice")
    wait_frames(alice, "bob", 3)
    late = statistics.median(ages(alice, "bob"))
    assert 190 < late < 600
    assert statistics.median(ages(mesh.peers["bob"], "alice")) < 190


def ages(viewer: Peer, remote: str, frames: int = 15) -> list[float]:
    """Milliseconds from a picture's making to its arrival, of the next ones."""
    found: list[float] = []

    def note(frame: av.VideoFrame) -> None:
        read = mark.read(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
        if read is not None:
            found.append(read.age(time.time()))

    unsubscribe = viewer.on_frame(remote, note)
    wait_frames(viewer, remote, frames)
    unsubscribe()
    return found


def test_doubled_and_reordered_packets_make_no_wrong_picture(
    make_mesh: MakeMesh,
) -> None:
    mesh, alice, _ = pair(make_mesh)
    mesh.link("alice", "bob").impair(duplicate=0.3, reorder=0.2, jitter_ms=5, seed=2)
    stamps: list[int] = []

    def note(frame: av.VideoFrame) -> None:
        read = mark.read(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
        assert read is not None, "a picture that was put together wrongly"
        stamps.append(read.milliseconds)

    unsubscribe = alice.on_frame("bob", note)
    wait_frames(alice, "bob", 60)
    unsubscribe()
    assert stamps == sorted(stamps)
    assert len(set(stamps)) >= len(stamps) - 2, "a keyframe may repeat a picture"


def test_a_held_handshake_goes_on_when_it_is_released(make_mesh: MakeMesh) -> None:
    mesh = make_mesh()
    link = mesh.link("alice", "bob")
    link.hold("dtls")
    assert repr(link) == "<Link alice - bob: DTLS held (alice and bob not in the room)>"
    alice, bob = mesh.join("alice"), mesh.join("bob")
    wait_until(mesh, lambda: len(mesh.log.of(StateChanged, new="completed")) == 2)
    wait_frames_made(alice, 10)
    for peer, other in ((alice, "bob"), (bob, "alice")):
        assert peer.connections[other].dtls_state == "connecting"
        assert peer.connections[other].connection_state == "connecting"
    assert "DTLS is held on purpose" in mesh.why("alice", "bob").sentence
    link.release("dtls")
    mesh.wait_connected(timeout=SECONDS)
    assert [event.layer for event in mesh.log.of(LayerHeld)] == ["dtls"]
    assert [event.layer for event in mesh.log.of(LayerReleased)] == ["dtls"]


def test_held_checks_keep_ice_checking(make_mesh: MakeMesh) -> None:
    mesh = make_mesh()
    link = mesh.link("bob", "alice")
    link.hold("stun")
    alice = mesh.join("alice")
    mesh.join("bob")
    wait_until(mesh, lambda: len(mesh.log.of(StateChanged, new="checking")) == 2)
    wait_frames_made(alice, 10)
    assert alice.connections["bob"].ice_connection_state == "checking"
    assert "STUN is held on purpose" in mesh.why("alice", "bob").sentence
    link.release()
    mesh.wait_connected(timeout=SECONDS)


def test_held_media_leaves_the_connection_up(make_mesh: MakeMesh) -> None:
    mesh, alice, bob = pair(make_mesh)
    link = mesh.link("alice", "bob")
    link.hold("srtp")
    wait_frames_made(alice, 2)
    assert pictures_while(alice, "bob", bob, 10) == 0
    assert alice.connections["bob"].connection_state == "connected"
    link.release("srtp")
    wait_frames(alice, "bob")


def test_faults_stay_when_one_leaves_and_comes_back(make_mesh: MakeMesh) -> None:
    mesh, _, _ = pair(make_mesh)
    mesh.link("alice", "bob").impair(delay_ms=100)
    mesh.exit("bob")
    assert str(mesh.link("bob", "alice").faults) == "delays by 100 ms"
    bob = mesh.join("bob", audio=None)
    mesh.wait_connected(timeout=SECONDS)
    assert statistics.median(ages(bob, "alice")) > 100


def test_only_that_link(make_mesh: MakeMesh) -> None:
    mesh, alice, bob = pair(make_mesh)
    carol = mesh.join("carol", audio=None)
    mesh.link("alice", "bob").cut()
    mesh.join("dave", audio=None)
    for viewer, seen in ((alice, "carol"), (carol, "bob"), (bob, "dave")):
        wait_until(mesh, lambda viewer=viewer, seen=seen: seen in viewer.connections)  # type: ignore[misc]
        wait_frames(viewer, seen)


async def test_what_a_browser_sends_is_caught_where_it_arrives(
    make_mesh: MakeMesh,
    guests: list[Guest],  # noqa: F811
) -> None:
    mesh = make_mesh()
    alice = await mesh.join_async("alice", audio=None)
    guest = Guest(mesh, "guest")
    guests.append(guest)
    await guest.join()
    await mesh.wait_connected_async(timeout=SECONDS)
    link = mesh.link("alice", "guest")
    await link.impair_async(loss=1.0, toward="alice")
    await asyncio.to_thread(wait_frames_made, alice, 2)
    came = await asyncio.to_thread(pictures_while, alice, "guest", alice, 10)
    assert came == 0
    await link.heal_async()
    await asyncio.to_thread(wait_frames, alice, "guest")
    await link.hold_async("srtp")
    await link.release_async("srtp")
    await link.cut_async()
    await link.heal_async()
    await asyncio.to_thread(wait_frames, alice, "guest")


def test_a_fault_leaves_nothing_behind(make_mesh: MakeMesh, leaks: LeakCheck) -> None:
    make_mesh().close()
    with leaks():
        mesh, alice, _ = pair(make_mesh)
        link = mesh.link("alice", "bob")
        link.impair(delay_ms=5000, kbps=100)
        link.heal()
        wait_frames(alice, "bob")
        connection = alice.connections["bob"]
        assert connection._splice is None
        link.impair(delay_ms=5000, jitter_ms=5000, duplicate=1.0)
        wait_frames_made(alice, 5)
        link.hold("dtls")
        mesh.close()


def test_the_seed_is_in_the_log(mesh: Mesh) -> None:
    mesh.link("alice", "bob").impair(loss=0.1, toward="alice", seed=7)
    (event,) = mesh.log.of(LinkImpaired)
    assert (event.toward, event.loss, event.seed) == ("alice", 0.1, 7)


def test_the_same_fault_again_is_no_event(mesh: Mesh) -> None:
    link = mesh.link("alice", "bob")
    link.heal()
    link.release()
    for _ in range(2):
        link.cut()
        link.hold("stun")
    for _ in range(2):
        link.heal()
        link.release("stun")
    kinds = [type(event) for event in mesh.log]
    assert kinds == [MeshOpened, LinkCut, LayerHeld, LinkHealed]


def test_what_cannot_be_is_refused_in_a_sentence(mesh: Mesh) -> None:
    with pytest.raises(ValueError, match="a link has two ends; alice has none"):
        mesh.link("alice", "alice")
    with pytest.raises(InvalidNameError):
        mesh.link("alice", "")
    link = mesh.link("alice", "bob")
    with pytest.raises(ValueError, match="toward is 'carol'; this link leads to alice"):
        link.impair(loss=0.1, toward="carol")
    with pytest.raises(ValueError, match="loss is 2; it can be a fraction"):
        link.impair(loss=2)
    for act in (link.hold, link.release):
        with pytest.raises(ValueError, match="no layer 'rtp'; a link has stun, dtls"):
            act("rtp")
    assert [type(event) for event in mesh.log] == [MeshOpened]
    mesh.close()
    with pytest.raises(MeshClosedError):
        link.cut()
