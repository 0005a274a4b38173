"""A whole call by the public names: who sees whom, and who is not let in."""

from __future__ import annotations

import threading

import av
import pytest

import meshwidget
from meshwidget import (
    DuplicateNameError,
    InvalidNameError,
    Mesh,
    MeshClosedError,
    MeshError,
    MeshTimeoutError,
    NoAddressError,
    RoomFullError,
    UnknownPeerError,
)
from meshwidget.events import (
    FrameReceived,
    MeshClosed,
    MeshOpened,
    PeerJoined,
    PeerLeft,
    StateChanged,
    TaskFailed,
)

from .calls import COLOURS, SECONDS, colour_of, painted, pairs, wait_frames, wait_until
from .conftest import MakeMesh

TUNED = pytest.mark.parametrize("is_tuned", [True, False], ids=["tuned", "plain"])


# Four peers ---------------------------------------------------------------------------


@TUNED
def test_four_peers_see_each_others_colours(
    make_mesh: MakeMesh, is_tuned: bool
) -> None:
    mesh = make_mesh(tuned=is_tuned)
    for colour in COLOURS:
        mesh.join(colour, video=painted(colour))
    mesh.wait_connected(timeout=SECONDS)
    for viewer, seen in pairs(COLOURS):
        assert colour_of(mesh.peers[viewer].frame(seen)) == seen
    assert len(mesh.log.of(FrameReceived)) == 12


@TUNED
def test_pictures_and_sound_go_on(make_mesh: MakeMesh, is_tuned: bool) -> None:
    mesh = make_mesh(tuned=is_tuned)
    alice, bob = mesh.join("alice"), mesh.join("bob")
    mesh.wait_connected(timeout=SECONDS)
    wait_frames(alice, "bob", 10)
    wait_frames(bob, "alice", 10)
    level = bob.audio_level("alice")
    assert level is not None
    assert -60 < level < 0


def test_a_peer_sees_itself(mesh: Mesh) -> None:
    alice = mesh.join("alice", video=painted("red"))
    bob = mesh.join("bob", video=painted("blue"))
    mesh.wait_connected(timeout=SECONDS)
    assert colour_of(alice.frame("alice")) == "red"
    assert colour_of(bob.frame("bob")) == "blue"
    assert alice.audio_level("alice") is not None


def test_the_newcomer_offers(mesh: Mesh) -> None:
    for name in ("alice", "bob", "carol"):
        mesh.join(name)
    mesh.wait_connected(timeout=SECONDS)
    offered = mesh.log.of(StateChanged, machine="signaling", new="have-local-offer")
    assert {(event.peer, event.remote) for event in offered} == {
        ("bob", "alice"),
        ("carol", "alice"),
        ("carol", "bob"),
    }


def test_all_at_once(mesh: Mesh) -> None:
    """Simultaneous joins from many threads connect as one after the other would."""
    names = ["alice", "bob", "carol", "dave"]
    threads = [threading.Thread(target=mesh.join, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    mesh.wait_connected(timeout=SECONDS)
    assert sorted(mesh.peers) == names


@pytest.mark.parametrize("trickle", [True, False], ids=["trickle", "whole"])
def test_with_and_without_trickle(make_mesh: MakeMesh, trickle: bool) -> None:
    mesh = make_mesh(trickle=trickle)
    mesh.join("alice")
    mesh.join("bob")
    mesh.wait_connected(timeout=SECONDS)


def test_two_calls_at_once(make_mesh: MakeMesh) -> None:
    first, second = make_mesh(), make_mesh()
    assert first.url != second.url
    for mesh, colours in ((first, ("red", "green")), (second, ("blue", "white"))):
        for name, colour in zip(("alice", "bob"), colours, strict=True):
            mesh.join(name, video=painted(colour))
    for mesh, seen in ((first, "green"), (second, "white")):
        mesh.wait_connected(timeout=SECONDS)
        assert colour_of(mesh.peers["alice"].frame("bob")) == seen
    first.close()
    wait_frames(second.peers["alice"], "bob")


# What the objects say -----------------------------------------------------------------


def test_what_a_mesh_is(make_mesh: MakeMesh) -> None:
    mesh = make_mesh(room="class", max_peers=7)
    assert (mesh.room, mesh.max_peers, mesh.closed) == ("class", 7, False)
    assert mesh.url.startswith("http://127.0.0.1:")
    assert mesh.peers == {}
    assert set(mesh.credentials()) == {"auth", "headers"}
    mesh.join("zoe")
    mesh.join("adam")
    assert list(mesh.peers) == ["zoe", "adam"]
    assert repr(mesh) == "<Mesh room class: zoe, adam (2 of 7)>"
    mesh.peers.clear()
    assert list(mesh.peers) == ["zoe", "adam"]
    mesh.close()
    assert repr(mesh) == "<Mesh room class: closed>"


def test_what_a_peer_is(mesh: Mesh) -> None:
    alice, bob = mesh.join("alice"), mesh.join("bob")
    assert mesh.peers["alice"] is alice
    assert alice.name == "alice"
    assert alice.id
    assert alice.id != bob.id
    mesh.wait_connected(timeout=SECONDS)
    (connection,) = alice.connections.values()
    assert alice.connections == {"bob": connection}
    assert connection.remote_id == bob.id
    assert repr(alice) == "<Peer alice: 1 of 1 connected>"
    states = (
        connection.signaling_state,
        connection.ice_gathering_state,
        connection.ice_connection_state,
        connection.dtls_state,
        connection.connection_state,
    )
    assert states == ("stable", "complete", "completed", "connected", "connected")


def test_strangers_have_no_frame(mesh: Mesh) -> None:
    alice = mesh.join("alice")
    assert alice.frame("nobody") is None
    assert alice.audio_level("nobody") is None
    assert alice.connections == {}


def test_the_log_has_the_whole_story(mesh: Mesh) -> None:
    mesh.join("alice")
    mesh.join("bob")
    mesh.wait_connected(timeout=SECONDS)
    mesh.exit("alice")
    mesh.close()
    assert isinstance(mesh.log[0], MeshOpened)
    assert isinstance(mesh.log[-1], MeshClosed)
    assert [event.peer for event in mesh.log.of(PeerJoined)] == ["alice", "bob"]
    assert mesh.log.of(PeerLeft)[0].peer == "alice"
    assert [event.seq for event in mesh.log] == list(range(len(mesh.log)))
    times = [event.time for event in mesh.log]
    assert times == sorted(times)
    assert 0 <= times[0] < times[-1] < 60


def test_a_place_that_is_free_again_has_its_colour_again(mesh: Mesh) -> None:
    """The smallest number that is free chooses the pattern: no two are alike."""
    mesh.join("alice")
    mesh.join("bob")
    mesh.exit("alice")
    carol = mesh.join("carol")
    bob = mesh.peers["bob"]
    mesh.wait_connected(timeout=SECONDS)
    wait_frames(bob, "carol")
    here, there = carol.frame("carol"), carol.frame("bob")
    assert here is not None
    assert there is not None
    assert abs(here.astype(int) - there.astype(int)).mean() > 10


# Frames by callback -------------------------------------------------------------------


@TUNED
def test_every_frame_is_handed_over(make_mesh: MakeMesh, is_tuned: bool) -> None:
    mesh = make_mesh(tuned=is_tuned)
    bob = mesh.join("bob")
    frames: list[av.VideoFrame] = []
    threads: set[threading.Thread] = set()
    enough = threading.Event()

    def take(frame: av.VideoFrame) -> None:
        frames.append(frame)
        threads.add(threading.current_thread())
        if len(frames) == 10:
            enough.set()

    unsubscribe = bob.on_frame("alice", take)  # she is yet to come
    mesh.join("alice")
    assert enough.wait(SECONDS)
    unsubscribe()
    unsubscribe()
    assert all(isinstance(frame, av.VideoFrame) for frame in frames)
    assert {(frame.width, frame.height) for frame in frames} == {(240, 240)}
    times = [frame.pts for frame in frames if frame.pts is not None]
    assert times == sorted(set(times))
    assert threads == {mesh.loop.thread}


@pytest.mark.usefixtures("expected_failures")
def test_a_callback_that_raises_is_an_event_and_ends(mesh: Mesh) -> None:
    mesh.join("alice")
    bob = mesh.join("bob")
    calls: list[object] = []

    def broken(frame: object) -> None:
        calls.append(frame)
        raise ZeroDivisionError("mine")

    bob.on_frame("alice", broken)
    wait_until(mesh, lambda: bool(mesh.log.of(TaskFailed)))
    wait_frames(bob, "alice", 5)
    assert len(calls) == 1
    (failure,) = mesh.log.of(TaskFailed)
    assert failure.message == "ZeroDivisionError: mine"
    assert "alice" in failure.where
    assert "bob" in failure.where


def test_a_callback_may_unsubscribe_itself(mesh: Mesh) -> None:
    mesh.join("alice")
    bob = mesh.join("bob")
    calls: list[object] = []

    def once(frame: object) -> None:
        calls.append(frame)
        unsubscribe()

    unsubscribe = bob.on_frame("alice", once)
    wait_frames(bob, "alice", 5)
    assert len(calls) == 1


# Who is not let in --------------------------------------------------------------------


def test_the_fifth_one(mesh: Mesh) -> None:
    for name in ("alice", "bob", "carol", "dave"):
        mesh.join(name, video=None, audio=None)
    with pytest.raises(RoomFullError, match="room 1234 is full: 4 of 4"):
        mesh.join("eve")
    assert len(mesh.peers) == 4
    mesh.exit("bob")
    mesh.join("eve", video=None, audio=None)
    mesh.wait_connected(timeout=SECONDS)


def test_a_name_that_is_taken(mesh: Mesh) -> None:
    mesh.join("alice")
    with pytest.raises(DuplicateNameError, match="alice"):
        mesh.join("alice")
    assert list(mesh.peers) == ["alice"]


def test_one_name_from_many_threads(mesh: Mesh) -> None:
    outcomes: list[str] = []

    def join() -> None:
        try:
            mesh.join("alice")
            outcomes.append("joined")
        except DuplicateNameError:
            outcomes.append("taken")

    threads = [threading.Thread(target=join) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert sorted(outcomes) == ["joined", "taken", "taken", "taken"]


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 65, "*", "\u202e", None, 7])
def test_a_name_that_is_none(mesh: Mesh, name: object) -> None:
    with pytest.raises(InvalidNameError):
        mesh.join(name)  # type: ignore[arg-type]
    assert mesh.peers == {}


NAMES = [
    "<b>",
    "__proto__",
    "👩‍👩‍👧‍👦",
    "x" * 64,
    "ş" * 64,
    "a b",
    "'; --",
    "all_users",
    "{}",
    "%s",
]


@pytest.mark.parametrize("names", [NAMES[:4], NAMES[4:8], NAMES[8:]], ids=str)
def test_names_of_every_kind(mesh: Mesh, names: list[str]) -> None:
    for name in names:
        mesh.join(name)
    mesh.wait_connected(timeout=SECONDS)
    for viewer, seen in pairs(names):
        assert mesh.peers[viewer].frame(seen) is not None
    mesh.exit(names[0])
    assert list(mesh.peers) == names[1:]


@pytest.mark.parametrize("act", ["exit", "crash"])
def test_nobody_of_that_name(mesh: Mesh, act: str) -> None:
    with pytest.raises(UnknownPeerError, match="here: nobody"):
        getattr(mesh, act)("alice")
    mesh.join("bob")
    with pytest.raises(UnknownPeerError, match=r"alice.*here: bob"):
        getattr(mesh, act)("alice")
    assert list(mesh.peers) == ["bob"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"max_peers": 0}, ValueError),
        ({"max_peers": 65}, ValueError),
        ({"max_peers": 2.5}, ValueError),
        ({"max_peers": True}, ValueError),
        ({"port": -1}, ValueError),
        ({"port": 65536}, ValueError),
        ({"room": ""}, InvalidNameError),
        ({"room": 1234}, InvalidNameError),
        ({"host": "somewhere"}, NoAddressError),
        ({"host": "192.0.2.1"}, NoAddressError),
        ({"ice_servers": [{"url": "stun:x"}]}, ValueError),
        ({"ice_servers": [7]}, ValueError),
    ],
    ids=str,
)
def test_arguments_that_make_no_mesh(
    arguments: dict[str, object], error: type[Exception]
) -> None:
    before = threading.active_count()
    with pytest.raises(error):
        Mesh(**arguments)  # type: ignore[arg-type]
    assert threading.active_count() == before


def test_a_port_that_is_taken(make_mesh: MakeMesh) -> None:
    port = int(make_mesh().url.rsplit(":", 1)[1])
    with pytest.raises(NoAddressError, match=str(port)):
        make_mesh(port=port)


def test_a_port_that_was_freed(make_mesh: MakeMesh) -> None:
    first = make_mesh()
    port = int(first.url.rsplit(":", 1)[1])
    first.close()
    assert make_mesh(port=port).url == first.url


# Waiting ------------------------------------------------------------------------------


def test_nobody_is_connected_at_once(mesh: Mesh) -> None:
    mesh.wait_connected(timeout=1)
    mesh.join("alice")
    mesh.wait_connected(timeout=1)


def test_a_wait_that_ends_names_the_pairs(make_mesh: MakeMesh) -> None:
    mesh = make_mesh(paused=True)
    mesh.join("alice")
    mesh.join("bob")
    with pytest.raises(MeshTimeoutError) as caught:
        mesh.wait_connected(timeout=0.1)
    assert isinstance(caught.value, TimeoutError)
    text = str(caught.value)
    assert "0.1 s" in text
    assert "alice does not see bob" in text
    assert "bob does not see alice" in text
    assert "all_users" in text


def test_a_wait_names_the_states(mesh: Mesh) -> None:
    mesh.join("alice")
    mesh.join("bob")
    with pytest.raises(MeshTimeoutError, match=r"bob .*alice"):
        mesh.wait_connected(timeout=0)
    mesh.wait_connected(timeout=SECONDS)


# After the end ------------------------------------------------------------------------


def test_a_closed_mesh_refuses_everything(mesh: Mesh) -> None:
    mesh.join("alice")
    mesh.close()
    assert mesh.closed
    for act in (
        lambda: mesh.join("bob"),
        lambda: mesh.exit("alice"),
        lambda: mesh.crash("alice"),
        mesh.wait_connected,
    ):
        with pytest.raises(MeshClosedError, match="make a new one"):
            act()
    assert mesh.peers == {}
    assert mesh.room == "1234"
    assert mesh.url
    assert len(mesh.log) > 2


def test_a_peer_of_a_closed_mesh_keeps_quiet(mesh: Mesh) -> None:
    alice = mesh.join("alice", video=painted("red"))
    mesh.join("bob")
    mesh.wait_connected(timeout=SECONDS)
    mesh.close()
    assert repr(alice)
    assert alice.name == "alice"
    alice.frame("alice")
    alice.frame("bob")


def test_every_error_is_one_of_the_package() -> None:
    errors = [name for name in meshwidget.__all__ if name.endswith("Error")]
    assert len(errors) >= 12
    for name in errors:
        assert issubclass(getattr(meshwidget, name), MeshError)
