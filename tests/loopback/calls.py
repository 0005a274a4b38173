"""What the tests of whole calls share: colours to recognise and waits that end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from meshwidget import Mesh, Peer
from meshwidget.events import Event

SECONDS = 15
"""How long anything may take on a busy machine."""

CLOSE_SECONDS = 4
"""The two that ``close`` takes at most, and something for a busy machine."""

Picture = NDArray[np.uint8]

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (200, 30, 30),
    "green": (30, 180, 30),
    "blue": (30, 30, 200),
    "white": (230, 230, 230),
}


def painted(colour: str) -> Callable[[float], Picture]:
    """A source of one colour."""
    picture = np.full((240, 240, 3), COLOURS[colour], np.uint8)
    return lambda seconds: picture


def colour_of(picture: Picture | None) -> str | None:
    """Which of the colours a received picture has all over."""
    if picture is None:
        return None
    assert picture.shape == (240, 240, 3)
    assert picture.dtype == np.uint8
    for name, colour in COLOURS.items():
        distance = np.abs(picture.astype(int) - colour).max(axis=2)
        if np.percentile(distance, 95) < 40:
            return name
    return f"none of them: {picture.mean(axis=(0, 1))}"


def wait_until(mesh: Mesh, condition: Callable[[], bool]) -> None:
    """Until it holds; it is asked again after every event of the log.

    And a little after the last one: what an event tells of is done around it.
    """
    changed = threading.Event()

    def note(event: Event) -> None:
        changed.set()

    unsubscribe = mesh.log.subscribe(note)
    deadline = time.monotonic() + SECONDS
    try:
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"it did not happen:\n{mesh.log}")
            changed.wait(0.02)
            changed.clear()
    finally:
        unsubscribe()


def wait_frames(peer: Peer, name: str, count: int = 3) -> None:
    """Until so many more frames came from there."""
    arrived = threading.Semaphore(0)
    unsubscribe = peer.on_frame(name, lambda frame: arrived.release())
    try:
        for _ in range(count):
            assert arrived.acquire(timeout=SECONDS), f"{peer.name} sees {name} no more"
    finally:
        unsubscribe()


def pairs(names: Iterable[str]) -> list[tuple[str, str]]:
    """Every directed link."""
    there = list(names)
    return [(viewer, seen) for viewer in there for seen in there if viewer != seen]
