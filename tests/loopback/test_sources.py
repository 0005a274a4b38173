"""Sources of every kind in a call, and sources that fail in the middle of one."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncIterator

import av
import numpy as np
import pytest
from aiortc import VideoStreamTrack

from meshwidget import Mesh, MeshError, Peer, SourceError
from meshwidget.events import FrameReceived, SourceFailed
from meshwidget.media import pattern
from meshwidget.media.base import VideoSource

from .calls import SECONDS, Picture, colour_of, painted, wait_frames, wait_until
from .conftest import MakeMesh

TUNED = pytest.mark.parametrize("is_tuned", [True, False], ids=["tuned", "plain"])


@TUNED
def test_who_sends_nothing_is_in_the_call(make_mesh: MakeMesh, is_tuned: bool) -> None:
    mesh = make_mesh(tuned=is_tuned)
    mute = mesh.join("mute", video=None, audio=None)
    silent = mesh.join("silent", video=painted("red"), audio=None)
    blind = mesh.join("blind", video=None)
    mesh.wait_connected(timeout=SECONDS)
    assert colour_of(mute.frame("silent")) == "red"
    assert colour_of(blind.frame("silent")) == "red"
    assert mute.frame("blind") is None
    assert silent.frame("mute") is None
    assert mute.audio_level("silent") is None
    assert silent.audio_level("blind") is not None
    assert (mute.sends_video, mute.sends_audio) == (False, False)
    assert (silent.sends_video, silent.sends_audio) == (True, False)
    assert mute.frame("mute") is None
    assert mute.audio_level("mute") is None


def test_a_call_of_listeners_only(mesh: Mesh) -> None:
    mesh.join("alice", video=None, audio=None)
    mesh.join("bob", video=None, audio=None)
    mesh.wait_connected(timeout=SECONDS)
    assert mesh.log.of(FrameReceived) == []


class Failing(VideoSource):
    """A test pattern that fails when it is told to."""

    def __init__(self, error: Exception) -> None:
        self.pattern = pattern.TestPattern("failing", 0)
        self.error = error
        self.is_broken = False
        self.closed = 0

    async def open(self) -> None:
        if self.is_broken:
            raise self.error
        await self.pattern.open()

    async def frames(self) -> AsyncIterator[av.VideoFrame]:
        async for frame in self.pattern.frames():
            if self.is_broken:
                raise self.error
            yield frame

    async def close(self) -> None:
        self.closed += 1
        await self.pattern.close()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (SourceError("the camera was unplugged"), "the camera was unplugged"),
        (ZeroDivisionError("mine"), "ZeroDivisionError: mine"),
    ],
    ids=["foreseen", "unforeseen"],
)
def test_a_source_that_fails_in_the_middle(
    mesh: Mesh, error: Exception, message: str
) -> None:
    """It stops, with one event; the call and its sound go on."""
    source = Failing(error)
    alice = mesh.join("alice", video=source)
    bob = mesh.join("bob")
    mesh.wait_connected(timeout=SECONDS)
    source.is_broken = True
    wait_until(mesh, lambda: bool(mesh.log.of(SourceFailed)))
    mesh.wait_connected(timeout=SECONDS)
    wait_frames(alice, "bob", 5)
    (failure,) = mesh.log.of(SourceFailed)
    assert (failure.peer, failure.kind, failure.message) == ("alice", "video", message)
    assert alice.source_failures == {"video": message}
    assert bob.source_failures == {}
    assert alice.sends_video
    assert bob.connections["alice"].connection_state == "connected"
    assert bob.audio_level("alice") is not None
    mesh.exit("alice")
    assert source.closed


def test_a_function_that_raises_in_the_middle(mesh: Mesh) -> None:
    broken = threading.Event()

    def draw(seconds: float) -> Picture:
        if broken.is_set():
            raise ZeroDivisionError("mine")
        return painted("red")(seconds)

    mesh.join("alice", video=draw)
    bob = mesh.join("bob")
    mesh.wait_connected(timeout=SECONDS)
    broken.set()
    wait_until(mesh, lambda: bool(mesh.log.of(SourceFailed)))
    mesh.wait_connected(timeout=SECONDS)
    (failure,) = mesh.log.of(SourceFailed)
    assert "ZeroDivisionError" in failure.message
    assert "mine" in failure.message
    assert colour_of(bob.frame("alice")) == "red"


def test_a_source_that_fails_before_anybody_sees_it(mesh: Mesh) -> None:
    """A first frame that will never come is not waited for, or it is said why."""
    source = Failing(SourceError("no light"))
    mesh.join("alice", video=source)
    source.is_broken = True
    wait_until(mesh, lambda: bool(mesh.log.of(SourceFailed)))
    bob = mesh.join("bob")
    wait_until(mesh, lambda: _is_connected(bob))
    with contextlib.suppress(MeshError):
        mesh.wait_connected(timeout=2)
        return
    with pytest.raises(MeshError, match="no light"):
        mesh.wait_connected(timeout=2)


def _is_connected(peer: Peer) -> bool:
    states = [each.connection_state for each in peer.connections.values()]
    return states == ["connected"]


def test_a_source_that_cannot_be_opened(mesh: Mesh) -> None:
    source = Failing(SourceError("no camera"))
    source.is_broken = True
    with pytest.raises(SourceError, match="no camera"):
        mesh.join("alice", video=source)
    assert mesh.peers == {}
    mesh.join("alice")


@pytest.mark.parametrize(
    "video", [7, "no such file.mp4", object(), VideoStreamTrack], ids=repr
)
def test_what_is_no_source(mesh: Mesh, video: object) -> None:
    with pytest.raises(SourceError):
        mesh.join("alice", video=video)  # type: ignore[arg-type]
    assert mesh.peers == {}
    mesh.join("alice")


def test_an_aiortc_track(mesh: Mesh) -> None:
    mesh.join("alice", video=VideoStreamTrack(), audio=None)
    bob = mesh.join("bob")
    mesh.wait_connected(timeout=SECONDS)
    wait_frames(bob, "alice")


def test_a_picture_of_another_shape_is_fitted(mesh: Mesh) -> None:
    wide = np.full((100, 400, 3), 200, np.uint8)
    mesh.join("alice", video=lambda seconds: wide)
    bob = mesh.join("bob")
    mesh.wait_connected(timeout=SECONDS)
    frame = bob.frame("alice")
    assert frame is not None
    assert frame.shape == (240, 240, 3)
    assert frame[120, 120].min() > 150
    assert frame[5, 120].max() < 60


def test_a_function_that_is_slow_holds_up_nobody(mesh: Mesh) -> None:
    release = threading.Event()

    def draw(seconds: float) -> Picture:
        if seconds > 0:
            release.wait(SECONDS)
        return painted("red")(seconds)

    mesh.join("alice", video=draw)
    bob, carol = mesh.join("bob"), mesh.join("carol")
    wait_frames(bob, "carol", 5)
    wait_frames(carol, "bob", 5)
    mesh.exit("alice")
    release.set()
