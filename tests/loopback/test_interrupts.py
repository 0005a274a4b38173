"""Joining, leaving and the server's switch, interrupted at every single await.

Whatever was interrupted, nothing is left of it, and the next one works.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from meshwidget import Mesh, MeshClosedError, audit
from meshwidget.events import PeerJoined, PeerLeft

from ..conftest import LeakCheck
from ..interrupted import Interrupted
from ..test_readme import make_clip
from .calls import SECONDS, painted
from .conftest import MakeMesh

MOST = 60
"""Awaits of anything here; more would be a loop that does not end."""


@pytest.fixture
def mesh(make_mesh: MakeMesh) -> Mesh:
    """A call in which everything has been done once, so that all pools are filled."""
    mesh = make_mesh(max_peers=2)
    mesh.join("alice")
    mesh.join("bob")
    mesh.crash("bob")
    return mesh


@contextlib.contextmanager
def steady(mesh: Mesh) -> Iterator[None]:
    """Nothing of the call is more after the block than before."""

    def held() -> tuple[int, int, int]:
        found = audit()
        return (mesh.loop.count_tasks(), len(found.threads), len(found.sockets))

    before = held()
    yield
    deadline = time.monotonic() + SECONDS
    while any(now > then for now, then in zip(held(), before, strict=True)):
        assert time.monotonic() < deadline, (before, audit())
        time.sleep(0.01)


def interrupt(
    mesh: Mesh, begin: Callable[[], Coroutine[Any, Any, object]], at: int
) -> bool:
    """Interrupt at one await; whether it came so far."""

    async def drive() -> bool:
        interrupted = Interrupted(begin(), at)
        task = asyncio.get_running_loop().create_task(interrupted)
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return interrupted.waits >= at

    return mesh.loop.run(drive())


@pytest.mark.parametrize("source", ["pattern", "function", "file"])
def test_a_join(mesh: Mesh, tmp_path: Path, source: str) -> None:
    video: Any = ...
    if source == "function":
        video = painted("red")
    elif source == "file":
        video = str(tmp_path / "clip.mp4")
        make_clip(tmp_path / "clip.mp4")
    mesh.join("bob", video=video)
    mesh.exit("bob")
    for at in range(1, MOST):
        with steady(mesh):
            if not interrupt(mesh, lambda: mesh._call.join("bob", video, ..., 10), at):
                mesh.exit("bob")
                break
            assert list(mesh.peers) == ["alice"]
            mesh.join("bob", video=video)  # at once, while the other is cleared up
            mesh.exit("bob")
    assert 3 < at < MOST - 1
    mesh.join("bob")
    mesh.wait_connected(timeout=SECONDS)


@pytest.mark.parametrize("act", ["exit", "crash"])
def test_leaving_goes_on(mesh: Mesh, act: str) -> None:
    """One who is half gone could neither stay nor be let go again."""
    for at in range(1, MOST):
        with steady(mesh):
            mesh.join("bob")
            cut = interrupt(mesh, lambda: getattr(mesh._call, act)("bob"), at)
            assert list(mesh.peers) == ["alice"]
            mesh.join("carol")  # the place is free, and at once
            mesh.exit("carol")
        if not cut:
            break
    assert at < MOST - 1
    names = [event.peer for event in mesh.log.of(PeerLeft)]
    assert sorted(names) == sorted(
        event.peer for event in mesh.log.of(PeerJoined) if event.peer != "alice"
    )


def test_the_servers_switch(mesh: Mesh) -> None:
    for at in range(1, MOST):
        with steady(mesh):
            cut = interrupt(mesh, mesh._call.stop_server, at)
            mesh.server.stop()
            cut |= interrupt(mesh, mesh._call.start_server, at)
            mesh.server.start()
            mesh.join("bob")
            mesh.exit("bob")
        if not cut:
            break
    assert at < MOST - 1


def test_closing_at_every_await_of_a_join(leaks: LeakCheck) -> None:
    async def drive(mesh: Mesh, at: int) -> int:
        closing: list[asyncio.Task[None]] = []
        joining = Interrupted(
            mesh._call.join("bob", painted("red"), ..., 10),
            at,
            lambda: closing.append(asyncio.create_task(mesh._call.close())),
        )
        task = asyncio.get_running_loop().create_task(joining)
        with contextlib.suppress(asyncio.CancelledError, MeshClosedError):
            await task
        await asyncio.gather(*closing)
        return joining.waits

    with Mesh() as mesh:  # what is made once a process
        mesh.join("alice", video=painted("red"))
    for at in range(1, MOST):
        with leaks():
            with Mesh() as mesh:
                mesh.join("alice")
                waits = mesh.loop.run(drive(mesh, at))
            del mesh
        if waits < at:
            break
    assert 3 < at < MOST - 1


@pytest.mark.parametrize("act", ["exit", "crash"])
def test_closing_while_somebody_leaves(leaks: LeakCheck, act: str) -> None:
    async def drive(mesh: Mesh) -> None:
        leaving = asyncio.create_task(getattr(mesh._call, act)("bob"))
        await asyncio.sleep(0)
        await mesh._call.close()
        with pytest.raises(MeshClosedError):
            await leaving

    with leaks():
        with Mesh() as mesh:
            mesh.join("alice")
            mesh.join("bob", video=painted("red"))
            mesh.loop.run(drive(mesh))
        del mesh
