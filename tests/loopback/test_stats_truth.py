"""Every figure against a truth of the test's own making: a wire that is known.

``mesh.link().impair`` decides by a seed what becomes of each packet, so what must be
measured is known beforehand.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from meshwidget import LinkStats, Mesh, StatsTable

from .calls import SECONDS, wait_frames
from .conftest import MakeMesh


@pytest.fixture(params=[True, False], ids=["tuned", "plain"])
def tuned(request: pytest.FixtureRequest) -> bool:
    is_tuned: bool = request.param
    return is_tuned


@pytest.fixture
def mesh(make_mesh: MakeMesh, tuned: bool) -> Mesh:
    mesh = make_mesh(tuned=tuned)
    mesh.join("alice")
    mesh.join("bob")
    mesh.wait_connected()
    return mesh


def there(mesh: Mesh) -> LinkStats:
    return mesh.stats().between("alice", "bob")


def until(
    mesh: Mesh, condition: Callable[[StatsTable], object], seconds: float = SECONDS
) -> StatsTable:
    """Measure after each picture that alice gets from bob until it is so.

    Of that direction, because the other one is what suffers here.
    """
    deadline = time.monotonic() + seconds
    while not condition(table := mesh.stats()):
        assert time.monotonic() < deadline, f"not within {seconds} s:\n{table}"
        wait_frames(mesh.peers["alice"], "bob", 1)
    return table


def test_one_way_delay_is_the_latency_of_one_link_and_the_round_trip_of_both(
    mesh: Mesh,
) -> None:
    until(mesh, lambda table: all(each.latency for each in table))
    before = {(each.sender, each.receiver): each.latency for each in mesh.stats()}
    mesh.link("alice", "bob").impair(delay_ms=100, toward="bob")

    def shows(table: StatsTable) -> bool:
        return all(0.1 <= (each.round_trip_time or 0) < 0.2 for each in table)

    table = until(mesh, shows)
    there, back = table.between("alice", "bob"), table.between("bob", "alice")
    usual = before["alice", "bob"]
    assert there.latency is not None
    assert back.latency is not None
    assert usual is not None
    assert 0.09 < there.latency - usual < 0.2
    assert back.latency < 0.1


def test_delay_both_ways_is_twice_in_the_round_trip(mesh: Mesh) -> None:
    mesh.link("alice", "bob").impair(delay_ms=80)
    until(
        mesh,
        lambda table: all(0.16 <= (each.round_trip_time or 0) < 0.26 for each in table),
    )


def test_a_delay_that_strays_is_jitter(mesh: Mesh) -> None:
    """Two uniform delays of 40 ms to either side differ by 27 ms in the mean."""
    until(mesh, lambda table: all((each.jitter or 0) < 0.01 for each in table))
    mesh.link("alice", "bob").impair(delay_ms=60, jitter_ms=40, toward="bob")
    table = until(
        mesh, lambda table: (table.between("alice", "bob").jitter or 0) > 0.013
    )
    assert (table.between("alice", "bob").jitter or 0) < 0.06
    assert (table.between("bob", "alice").jitter or 0) < 0.01


def test_lost_packets_are_those_that_the_wire_lost(mesh: Mesh) -> None:
    before = there(mesh)
    mesh.link("alice", "bob").impair(loss=0.2, seed=7, toward="bob")
    table = until(
        mesh,
        lambda table: (table.between("alice", "bob").packets_lost or 0) >= 20,
    )
    after, back = table.between("alice", "bob"), table.between("bob", "alice")
    assert after.fraction_lost is not None
    assert 0 < after.fraction_lost < 0.7  # of a few packets
    sent = (after.packets_sent or 0) - (before.packets_sent or 0)
    lost = (after.packets_lost or 0) - (before.packets_lost or 0)
    assert 0.08 < lost / sent < 0.35
    # What was lost was asked for, and some of it came.
    assert (after.nack_count or 0) > 0
    assert (after.retransmitted_packets_received or 0) > 0
    assert (after.retransmitted_packets_received or 0) <= (
        after.retransmitted_packets_sent or 0
    )
    assert (back.packets_lost, back.nack_count) == (0, 0)
    assert back.retransmitted_packets_sent == 0


def test_nothing_comes_and_nothing_is_made_up(mesh: Mesh) -> None:
    until(mesh, lambda table: all(each.round_trip_time for each in table))
    mesh.link("alice", "bob").cut()
    deadline = time.monotonic() + SECONDS
    while (row := there(mesh)).bitrate != 0 or row.frames_per_second != 0:
        assert time.monotonic() < deadline
    assert (row.fraction_lost, row.latency) == (None, None)
    assert row.packets_sent is not None
    assert row.packets_received is not None
    assert row.packets_sent > row.packets_received
    assert row.interval >= 0.5


def test_what_comes_twice_is_received_once(mesh: Mesh) -> None:
    mesh.link("alice", "bob").impair(duplicate=1.0, toward="bob")
    began = there(mesh).packets_sent or 0
    table = until(
        mesh,
        lambda table: (table.between("alice", "bob").packets_sent or 0) - began > 100,
    )
    row, back = table.between("alice", "bob"), table.between("bob", "alice")
    assert row.packets_received is not None
    assert row.packets_sent is not None
    assert row.packets_received <= row.packets_sent
    assert (row.packets_lost, row.fraction_lost) == (0, 0)
    # The transport counts what the wire brought.
    assert (row.bytes_received or 0) > 1.3 * (back.bytes_received or 1) * (
        (row.bytes_sent or 0) / (back.bytes_sent or 1)
    )


def test_a_narrow_wire_passes_what_it_passes(mesh: Mesh) -> None:
    mesh.link("alice", "bob").impair(kbps=100, toward="bob")
    before = there(mesh)
    after = until(
        mesh,
        lambda table: table.between("alice", "bob").timestamp > before.timestamp + 2,
    ).between("alice", "bob")
    bits = 8 * ((after.bytes_received or 0) - (before.bytes_received or 0))
    seconds = after.timestamp - before.timestamp
    # A quarter of a second's worth may have waited.
    assert bits < 1.1 * 100_000 * (seconds + 0.25)
    assert (after.bytes_sent or 0) > (after.bytes_received or 0)
    assert (after.packets_lost or 0) > 0


@pytest.mark.parametrize("tuned", [True])
def test_pictures_that_came_in_vain_are_counted(mesh: Mesh) -> None:
    mesh.link("alice", "bob").impair(loss=0.5, seed=1, toward="bob")
    row = until(
        mesh,
        lambda table: (table.between("alice", "bob").frames_dropped or 0) > 10,
    ).between("alice", "bob")
    assert row.frames_received is not None
    assert row.frames_decoded is not None
    assert row.frames_dropped is not None
    assert row.frames_decoded + row.frames_dropped <= row.frames_received
    assert (row.pli_count or 0) > 0
    mesh.link("alice", "bob").heal()
    keyframes = row.key_frames_received or 0
    until(
        mesh,
        lambda table: (
            (table.between("alice", "bob").key_frames_received or 0) > keyframes
        ),
    )
