"""The same over real calls: what aiortc records is what the simulated call records."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from meshwidget import Mesh
from meshwidget.events import Event, FrameReceived
from meshwidget.history.moment import Moment
from meshwidget.history.storage import load, save
from meshwidget.history.why import why

from .simulator import SimulatedCall
from .strategies import connection_of

Simulate = Callable[..., SimulatedCall]

TWO = ("alice", "bob")
FOUR = ("alice", "bob", "carol", "dave")
PATIENCE = 30.0
"""Seconds until a picture has to be there; on an idle machine it takes 0.1."""


def simulated(
    simulate: Simulate, *names: str, drop: int = 0, hold: int = 0
) -> list[Event]:
    """The log of a call in which one message is missing."""
    call = simulate(*names)
    while ready := [number for number in call.pending if number != hold]:
        if ready[0] == drop:
            call.drop(drop)
        else:
            call.deliver(ready[0])
    return call.events


def stepped(*names: str, frames: int, drop: int = 0, hold: int = 0) -> list[Event]:
    """The log of a real call, stepped likewise until so many links have a picture."""
    seen = itertools.count(1)
    all_seen = threading.Event()

    def count(event: Event) -> None:
        if isinstance(event, FrameReceived) and next(seen) == frames:
            all_seen.set()

    with Mesh(paused=True) as mesh:
        mesh.log.subscribe(count)
        for name in names:
            mesh.join(name)
        while ready := [each for each in mesh.pending if each.number != hold]:
            if ready[0].number == drop:
                mesh.drop(ready[0])
            else:
                mesh.step(ready[0])
        assert not frames or all_seen.wait(PATIENCE)
        return list(mesh.log)


def count_frames(events: Iterable[Event]) -> int:
    return sum(isinstance(event, FrameReceived) for event in events)


def by_connection(events: Iterable[Event]) -> dict[object, list[str]]:
    """What each connection did, in order; which of two was quicker does not matter."""
    found: dict[object, list[str]] = {}
    for event in events:
        found.setdefault(connection_of(event), []).append(str(event))
    return found


@pytest.mark.parametrize("drop", range(1, 7))
def test_a_dropped_message_of_a_real_call_is_named(
    simulate: Simulate, drop: int
) -> None:
    expected = simulated(simulate, *TWO, drop=drop)
    events = stepped(*TWO, frames=count_frames(expected), drop=drop)
    # The simulated calls, which the other tests are about, are like real ones.
    assert by_connection(events) == by_connection(expected)
    for viewer, remote in itertools.permutations(TWO):
        answer = why(events, viewer, remote)
        assert answer.missing is not None
        assert answer.missing.message == drop
        assert str(answer) == str(why(expected, viewer, remote))


@pytest.mark.parametrize("hold", range(1, 7))
def test_a_held_message_of_a_real_call_is_named(simulate: Simulate, hold: int) -> None:
    expected = simulated(simulate, *TWO, hold=hold)
    events = stepped(*TWO, frames=count_frames(expected), hold=hold)
    step = why(events, "bob", "alice").missing
    assert step is not None
    assert step.message == hold
    assert step.words.endswith("is held at the server: mesh.step() delivers it")


@pytest.mark.parametrize("drop", [4, 6, 11, 17])
def test_among_four_only_the_links_concerned_miss_it(
    simulate: Simulate, drop: int
) -> None:
    expected = simulated(simulate, *FOUR, drop=drop)
    moment = Moment.of(stepped(*FOUR, frames=count_frames(expected), drop=drop))
    message = moment.messages[drop]
    ends = {message.sender, message.receiver} - {""}
    for viewer, remote in itertools.permutations(FOUR, 2):
        step = why(moment, viewer, remote).missing
        if ends <= {viewer, remote}:
            assert step is not None
            assert step.message == drop
        else:
            assert step is None


def test_four_real_peers_do_what_four_simulated_ones_do(
    simulate: Simulate, tmp_path: Path
) -> None:
    expected = simulated(simulate, *FOUR)
    events = stepped(*FOUR, frames=12)
    assert by_connection(events) == by_connection(expected)
    path = tmp_path / "call.jsonl"
    save(events, path)
    assert load(path) == events
    links = Moment.of(events).present_links
    assert [link.state for link in links] == ["connected"] * 6
