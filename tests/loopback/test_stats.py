"""Statistics of real links, tuned and plain, healthy and lossy."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from meshwidget import LinkStats, Mesh, MeshClosedError, StatsTable
from meshwidget.events import TaskFailed, TuningSkipped
from meshwidget.peer.accounts import Accounts
from meshwidget.peer.tuning import counting
from meshwidget.stats.reading import Reading

from .calls import SECONDS, wait_until
from .conftest import MakeMesh

both = pytest.mark.parametrize("tuned", [True, False], ids=["tuned", "plain"])


def until(mesh: Mesh, condition: Callable[[StatsTable], object]) -> StatsTable:
    """Measure after each picture that bob gets from alice until it is so."""
    came = threading.Event()
    stop = mesh.peers["bob"].on_frame("alice", lambda frame: came.set())
    deadline = time.monotonic() + SECONDS
    try:
        while not condition(table := mesh.stats()):
            assert time.monotonic() < deadline, f"not within {SECONDS} s:\n{table}"
            came.clear()
            came.wait(1)
        return table
    finally:
        stop()


def pair(make_mesh: MakeMesh, **arguments: Any) -> Mesh:
    mesh = make_mesh(**arguments)
    mesh.join("alice")
    mesh.join("bob")
    mesh.wait_connected()
    return mesh


class Lossy:
    """A socket of aioice that loses every tenth packet of media that it should send."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._count = 0
        self.lost = 0

    def sendto(self, data: bytes, address: Any) -> None:
        is_media = 128 <= data[0] < 192 and not 192 <= data[1] < 224
        self._count += is_media
        if is_media and self._count % 10 == 0:
            self.lost += 1
        else:
            self._transport.sendto(data, address)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def lose(mesh: Mesh, sender: str, receiver: str) -> Lossy:
    """Lose packets on the way from one to the other."""
    connection = mesh.peers[sender].connections[receiver]

    async def wrap() -> Lossy:
        transport: Any = connection._peer_connection.getSenders()[0].transport.transport
        protocol = transport._connection._nominated[1].protocol
        wire = protocol.transport = Lossy(protocol.transport)
        return wire

    return mesh.loop.run(wrap())


def is_measured(row: LinkStats) -> bool:
    return row.round_trip_time is not None and (row.frames_per_second or 0) > 20


@both
def test_a_healthy_link(make_mesh: MakeMesh, tuned: bool) -> None:
    mesh = pair(make_mesh, tuned=tuned)
    table = until(mesh, lambda table: all(map(is_measured, table)))
    assert [(row.sender, row.receiver) for row in table] == [
        ("alice", "bob"),
        ("bob", "alice"),
    ]
    for row in table:
        assert row.frames_per_second is not None
        assert row.frames_per_second < 35
        assert row.bitrate is not None
        assert 30_000 < row.bitrate < 2_000_000
        assert row.latency is not None
        assert 0 < row.latency < 2
        assert row.round_trip_time is not None
        assert row.round_trip_time < 1
        assert row.jitter is not None
        assert 0 <= row.jitter < 0.5
        assert row.fraction_lost == 0
        assert row.packets_lost == 0
        assert row.retransmitted_packets_sent == 0
        assert row.packets_sent is not None
        assert row.packets_received is not None
        assert 0 <= row.packets_sent - row.packets_received <= 20
        assert row.bytes_received is not None
        assert row.bytes_received > 5000
        assert 0 < (row.frames_decoded or 0) <= (row.frames_received or 0)
    assert mesh.log.of(TuningSkipped) == []


@both
def test_loss_shows_at_both_ends(make_mesh: MakeMesh, tuned: bool) -> None:
    mesh = pair(make_mesh, tuned=tuned)
    wire = lose(mesh, "alice", "bob")

    def shows(table: StatsTable) -> bool:
        row = table.between("alice", "bob")
        repaired = (row.retransmitted_packets_received or 0) > 3
        return repaired and (row.fraction_lost or 0) > 0.05

    table = until(mesh, shows)
    row = table.between("alice", "bob")
    assert row.fraction_lost is not None
    assert row.fraction_lost < 0.25
    assert row.packets_lost is not None
    assert 0 < row.packets_lost <= wire.lost
    assert row.nack_count is not None
    assert row.nack_count > 0
    assert row.retransmitted_packets_sent is not None
    assert row.retransmitted_packets_sent >= (row.retransmitted_packets_received or 0)
    back = table.between("bob", "alice")
    assert back.packets_lost == 0
    assert back.nack_count == 0


def test_the_first_look_has_rates_already(make_mesh: MakeMesh) -> None:
    mesh = pair(make_mesh)
    for row in mesh.stats():
        assert row.bitrate is not None
        assert row.bitrate > 0
        assert row.frames_per_second is not None
        assert row.frames_per_second > 0


def test_what_a_tuned_call_counts_besides(make_mesh: MakeMesh) -> None:
    mesh = pair(make_mesh)
    row = mesh.stats().between("alice", "bob")
    assert row.key_frames_received is not None
    assert row.key_frames_received >= 1
    assert row.frames_dropped is not None
    assert row.frames_dropped < 10


def test_who_comes_back_begins_at_nothing(make_mesh: MakeMesh) -> None:
    mesh = pair(make_mesh)
    until(mesh, lambda table: (table[0].frames_received or 0) > 60)
    mesh.exit("bob")
    assert mesh.stats() == []
    mesh.join("bob")
    mesh.wait_connected()
    assert (mesh.stats().between("alice", "bob").frames_received or 0) < 60


def test_three_have_six_links_in_order(make_mesh: MakeMesh) -> None:
    mesh = make_mesh()
    for name in ("carol", "alice", "bob"):
        mesh.join(name)
    mesh.wait_connected()
    assert [f"{row.sender}{row.receiver}" for row in mesh.stats()] == [
        *("carolalice", "carolbob", "alicecarol", "alicebob", "bobcarol", "bobalice")
    ]


def test_one_who_sends_nothing(make_mesh: MakeMesh) -> None:
    mesh = make_mesh()
    mesh.join("alice")
    mesh.join("bob", video=None, audio=None)
    mesh.wait_connected()
    table = until(mesh, lambda table: is_measured(table.between("alice", "bob")))
    back = table.between("bob", "alice")
    assert back.frames_per_second is None
    assert back.packets_sent is None
    assert back.round_trip_time is not None  # of what comes the other way


async def test_it_can_be_awaited(make_mesh: MakeMesh, tmp_path: Path) -> None:
    async with make_mesh() as mesh:
        await mesh.join_async("alice")
        await mesh.join_async("bob")
        await mesh.wait_connected_async()
        assert len(await mesh.stats_async()) == 2
        await mesh.save_internals_async(tmp_path / "dump.txt")
    dump = json.loads((tmp_path / "dump.txt").read_text())
    assert len(dump["PeerConnections"]) == 2


def test_a_closed_mesh_says_so_but_keeps_its_dump(
    make_mesh: MakeMesh, tmp_path: Path
) -> None:
    mesh = pair(make_mesh)
    readings = mesh._call.sampler.readings
    until(mesh, lambda table: len(readings()) >= 4)
    mesh.close()
    with pytest.raises(MeshClosedError):
        mesh.stats()
    mesh.save_internals(tmp_path / "dump.txt")
    dump = json.loads((tmp_path / "dump.txt").read_text())
    first, second = dump["PeerConnections"].values()
    assert {first["url"], second["url"]} == {
        "meshwidget room 1234: bob to alice",
        "meshwidget room 1234: alice to bob",
    }
    for connection in (first, second):
        assert len(json.loads(connection["stats"]["T01-bytesSent"]["values"])) >= 2
        kinds = {update["type"] for update in connection["updateLog"]}
        assert {"setLocalDescription", "setRemoteDescription"} <= kinds
        assert not connection["isOpen"]


@pytest.mark.parametrize(
    "private", ["_OCTETS", "_REPAIR_NUMBER", "_NEXT", "_STREAMS", "_PLI", "_RX_BYTES"]
)
def test_books_that_cannot_be_read_leave_what_is_public(
    monkeypatch: pytest.MonkeyPatch, private: str
) -> None:
    monkeypatch.setattr(counting, private, "_renamed")
    with pair(Mesh) as mesh:
        table = until(mesh, lambda table: all(map(is_measured, table)))
    for row in table:
        assert row.bitrate is not None
        assert row.bitrate > 30_000
        assert row.packets_received is not None
        assert row.packets_received > 0
        assert row.fraction_lost == 0
        assert row.jitter is not None
        assert row.jitter < 0.5
        assert row.nack_count is None
    assert [skipped.what for skipped in mesh.log.of(TuningSkipped)] == ["counting"]


@pytest.mark.usefixtures("expected_failures")
def test_an_error_while_counting_is_in_the_log(
    make_mesh: MakeMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read(self: Accounts, *arguments: Any) -> Reading:
        raise RuntimeError("no more ink")

    mesh = pair(make_mesh)
    monkeypatch.setattr(Accounts, "read", read)
    wait_until(mesh, lambda: bool(mesh.log.of(TaskFailed)))
    (failed,) = mesh.log.of(TaskFailed)
    assert failed.where == "reading the counters"
    assert failed.message == "RuntimeError: no more ink"
    with pytest.raises(RuntimeError, match="ink"):
        mesh.stats()
