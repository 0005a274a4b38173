"""Many threads that do anything to one call at once: defined, and never a deadlock."""

from __future__ import annotations

import faulthandler
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from meshwidget import DuplicateNameError, Mesh, MeshError, audit

from .calls import SECONDS
from .conftest import MakeMesh


@pytest.fixture(autouse=True)
def deadline() -> Iterator[None]:
    """Who hangs shows where."""
    faulthandler.dump_traceback_later(50, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


def at_once(acts: list[Callable[[], object]]) -> list[BaseException | None]:
    """Do all of them at the same time, each on its own thread."""
    barrier = threading.Barrier(len(acts))
    outcomes: list[BaseException | None] = [None] * len(acts)

    def do(index: int) -> None:
        barrier.wait()
        try:
            acts[index]()
        except BaseException as error:
            outcomes[index] = error

    threads = [
        threading.Thread(target=do, args=(index,), daemon=True)
        for index in range(len(acts))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
        assert not thread.is_alive(), audit()
    return outcomes


def test_one_name_joins_once(mesh: Mesh) -> None:
    outcomes = at_once([lambda: mesh.join("alice")] * 6)
    assert outcomes.count(None) == 1
    refused = [each for each in outcomes if each is not None]
    assert all(isinstance(each, DuplicateNameError) for each in refused)
    assert list(mesh.peers) == ["alice"]


@pytest.mark.parametrize("act", ["exit", "crash"])
def test_who_joins_as_one_of_that_name_leaves_waits(mesh: Mesh, act: str) -> None:
    for _ in range(5):
        mesh.join("alice")
        left, joined = at_once(
            [lambda: getattr(mesh, act)("alice"), lambda: mesh.join("alice")]
        )
        assert left is None
        # Whoever asked before the other had begun to leave was told that it is there.
        assert joined is None or isinstance(joined, DuplicateNameError)
        if joined is None:
            mesh.exit("alice")


def test_a_full_room_is_waited_for_while_somebody_leaves(make_mesh: MakeMesh) -> None:
    mesh = make_mesh(max_peers=1)
    mesh.join("alice")
    leaving = threading.Thread(target=mesh.crash, args=("alice",))
    leaving.start()
    while mesh.peers:
        pass
    mesh.join("bob")
    leaving.join()
    assert list(mesh.peers) == ["bob"]


@pytest.mark.parametrize("seed", range(6))
def test_closing_during_everything(
    make_mesh: MakeMesh, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    mesh = make_mesh(paused=bool(seed % 2))
    mesh.join("alice")
    mesh.join("bob")
    acts: list[Callable[[], object]] = [
        lambda: mesh.join("carol"),
        lambda: mesh.exit("alice"),
        lambda: mesh.crash("bob"),
        lambda: mesh.wait_connected(timeout=SECONDS),
        mesh.step,
        mesh.pause,
        mesh.resume,
        mesh.server.stop,
        mesh.server.start,
        lambda: mesh.link("alice", "bob").impair(loss=0.5),
        lambda: mesh.link("alice", "bob").cut(),
        lambda: mesh.save(tmp_path / "session.json"),
        lambda: mesh.panel().close(),
        lambda: mesh.sequence().svg(),
        mesh.stats,
        lambda: mesh.freeze("alice"),
        audit,
        mesh.close,
        mesh.close,
    ]
    chance.shuffle(acts)
    for outcome in at_once(acts):
        assert outcome is None or isinstance(outcome, MeshError | ValueError), outcome
    mesh.close()
    assert mesh.closed


def test_everything_from_several_threads_and_then_a_call(mesh: Mesh) -> None:
    def work(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(12):
            name = chance.choice(["alice", "bob", "carol"])
            acts: list[Callable[[str], object]] = [mesh.join, mesh.exit, mesh.crash]
            act = chance.choice(acts)
            try:
                act(name)
            except MeshError:
                continue  # it was there already, or not any more

    outcomes = at_once([lambda seed=seed: work(seed) for seed in range(4)])  # type: ignore[misc]
    assert outcomes == [None] * 4
    for name in list(mesh.peers):
        mesh.exit(name)
    mesh.join("alice")
    mesh.join("bob")
    mesh.wait_connected(timeout=SECONDS)
