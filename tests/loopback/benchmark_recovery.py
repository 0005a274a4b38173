"""How long a call takes to mend: ``python -m tests.loopback.benchmark_recovery 10``.

Every run has a call of its own; its number is the seed. A picture counts when it is
fresh: made less than 0.2 s ago. More arguments choose what is measured, by parts of its
title.
"""

from __future__ import annotations

import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence

import av
import numpy as np

from meshwidget import Mesh, Peer
from meshwidget.events import PeerReturned, StateChanged
from meshwidget.history.moment import Moment
from meshwidget.media import mark
from meshwidget.views.reading import read_call
from meshwidget.views.tiles import TileState, tile_state

LIMIT = 20.0

LOOK = 5.0


def fresh(viewer: Peer, remote: str) -> threading.Event:
    """Set with the next fresh picture."""
    came = threading.Event()

    def note(frame: av.VideoFrame) -> None:
        picture = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
        read = mark.read(picture)
        if read is not None and read.age(time.time()) < 200:
            came.set()

    viewer.on_frame(remote, note)
    return came


def until(condition: Callable[[], bool]) -> float:
    """Seconds until it holds."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > LIMIT:
            return float("inf")
        time.sleep(0.002)
    return time.monotonic() - start


def picture_after(mesh: Mesh, act: Callable[[], None]) -> float:
    """Seconds from the end of an act to a fresh picture at both."""
    act()
    alice, bob = mesh.peers["alice"], mesh.peers["bob"]
    both = fresh(alice, "bob"), fresh(bob, "alice")
    return until(lambda: all(each.is_set() for each in both))


def healed_soon(mesh: Mesh, seed: int) -> float:
    mesh.link("alice", "bob").cut()
    time.sleep(1 + seed % 5 / 10)
    return picture_after(mesh, mesh.link("alice", "bob").heal)


def healed_late(mesh: Mesh, seed: int) -> float:
    mesh.link("alice", "bob").cut()
    time.sleep(5 + seed % 5)
    return picture_after(mesh, mesh.link("alice", "bob").heal)


def path_lost(mesh: Mesh, seed: int) -> float:
    mesh.link("alice", "bob").cut()
    return until(
        lambda: bool(mesh.log.of(StateChanged, machine="connection", new="failed"))
    )


def after_loss(mesh: Mesh, seed: int) -> float:
    mesh.link("alice", "bob").impair(loss=0.3, seed=seed)
    time.sleep(3)
    return picture_after(mesh, mesh.link("alice", "bob").heal)


def longest_gap(mesh: Mesh, seed: int) -> float:
    """Between two pictures under 10 % loss."""
    mesh.link("alice", "bob").impair(loss=0.1, seed=seed)
    return max(np.diff(arrivals(mesh)), default=float("inf"))


def time_a_picture(mesh: Mesh, seed: int) -> float:
    """Under 10 % loss; at 30 frames a second it is 0.033 s."""
    mesh.link("alice", "bob").impair(loss=0.1, seed=seed)
    return LOOK / max(len(arrivals(mesh)), 1)


def arrivals(mesh: Mesh) -> list[float]:
    """When alice saw pictures of bob, for some seconds."""
    times: list[float] = []
    note = mesh.peers["alice"].on_frame("bob", lambda frame: times.append(time.time()))
    time.sleep(LOOK)
    note()
    return times


def thawed(mesh: Mesh, seed: int) -> float:
    mesh.freeze("bob")
    time.sleep(1)
    came = fresh(mesh.peers["alice"], "bob")
    mesh.thaw("bob")
    return until(came.is_set)


def stale(mesh: Mesh, seed: int) -> float:
    """From freezing until a tile says so."""
    time.sleep(seed % 5 / 20)
    mesh.freeze("bob")

    def says() -> bool:
        reading = read_call(mesh, "alice", time.monotonic(), moment=Moment.of(mesh.log))
        return tile_state(reading.tiles[1].facts) is TileState.STALE

    return until(says)


def server_away(mesh: Mesh, seed: int) -> float:
    """The longest time between two pictures while the server goes."""
    timer = threading.Timer(1 + seed % 5 / 5, mesh.server.stop)
    timer.start()
    gap = max(np.diff(arrivals(mesh)), default=float("inf"))
    timer.join()
    return float(gap)


def crash_noticed(mesh: Mesh, seed: int) -> float:
    alice = mesh.peers["alice"]
    start = time.monotonic()
    mesh.crash("bob")
    until(lambda: "bob" not in alice.connections)
    return time.monotonic() - start


def returned(mesh: Mesh, seed: int) -> float:
    mesh.server.stop()
    time.sleep(1 + seed % 5 / 5)
    mesh.server.start()
    return until(lambda: len(mesh.log.of(PeerReturned)) == 2)


MEASUREMENTS = {
    "cut 1 to 1.4 s, healed: picture": healed_soon,
    "cut 5 to 9 s, healed: picture": healed_late,
    "cut: connection failed": path_lost,
    "30 % loss, healed: picture": after_loss,
    "10 % loss: longest gap": longest_gap,
    "10 % loss: time a picture": time_a_picture,
    "frozen: tile says stale": stale,
    "thawed: picture": thawed,
    "crashed: gone for the others": crash_noticed,
    "server stopped: longest gap": server_away,
    "server back: both returned": returned,
}


def main(runs: int, words: Sequence[str]) -> None:
    """Print the median and the longest of each."""
    for title, measure in MEASUREMENTS.items():
        if words and not any(word in title for word in words):
            continue
        seconds = []
        for seed in range(runs):
            with Mesh() as mesh:
                for name in ("alice", "bob"):
                    mesh.join(name)
                mesh.wait_connected()
                seconds.append(measure(mesh, seed))
        median, longest = statistics.median(seconds), max(seconds)
        line = f"{title:36} p50 {median:6.3f} s   max {longest:6.3f} s"
        sys.stdout.write(f"{line}   ({runs} runs)\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10, sys.argv[2:])
