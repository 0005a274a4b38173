"""What is open is seen, also what the package has lost sight of."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from meshwidget import Mesh, audit
from meshwidget.auditing import Audit, OpenCall


@pytest.fixture(autouse=True)
def nothing_before() -> Iterator[None]:
    """Each test begins and ends with nothing open."""
    for _ in range(100):  # what the test before has closed may take a moment
        if not audit():
            break
        time.sleep(0.05)
    assert not audit()
    yield
    assert not audit()


def test_nothing() -> None:
    assert repr(audit()) == "<Audit: nothing is open>"


def test_a_call() -> None:
    with Mesh(room="physics") as mesh:
        mesh.join("alice")
        mesh.join("bob")
        mesh.wait_connected(timeout=15)
        found = audit()
        assert found
        (call,) = found.calls
        assert (call.room, call.url) == ("physics", mesh.url)
        assert call.peers == ("alice", "bob")
        assert call.connections == 2
        assert call.tasks > 2
        assert found.threads == ("meshwidget-loop",)
        port = mesh.url.rpartition(":")[2]
        assert f"TCP 127.0.0.1:{port} LISTEN" in found.sockets
        assert len([each for each in found.sockets if each.startswith("UDP")]) == 2
        (file,) = found.files
        assert mesh.room_id in file
        assert found.views == ()
        assert call in audit().calls or audit().calls[0].room == "physics"
        secret = mesh.credentials()["auth"]["token"]
        assert secret not in repr(found)
        assert "room physics at" in repr(found)
        assert "alice, bob (2 peer connections, " in repr(found)


def test_calls_side_by_side() -> None:
    with Mesh(room="a"), Mesh(room="b"):
        assert sorted(call.room for call in audit().calls) == ["a", "b"]
        assert len(audit().files) == 2


def test_views() -> None:
    with Mesh() as mesh:
        grid = mesh.grid()
        assert audit().views == ("ViewSession",)
        grid.close()
        assert audit().views == ()
        mesh.sequence()


def test_from_the_meshs_own_thread_and_while_it_hangs() -> None:
    with Mesh() as mesh:
        hanging, let_go = threading.Event(), threading.Event()
        found: list[Audit] = []

        def hang() -> None:
            found.append(audit())
            hanging.set()
            let_go.wait(10)

        mesh.loop.call_soon(hang)
        assert hanging.wait(10)
        assert len(audit().calls) == 1
        let_go.set()
        assert len(found[0].calls) == 1


def test_what_a_call_has_left_is_seen() -> None:
    stop = threading.Event()
    left = threading.Thread(target=stop.wait, name="meshwidget source: a file")
    left.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        found = audit()
        assert found
        assert found.threads == ("meshwidget source: a file",)
        assert found.sockets == (f"UDP 127.0.0.1:{udp.getsockname()[1]}",)
    stop.set()
    left.join()


def test_a_line_that_outlives_its_server_is_seen() -> None:
    with Mesh() as mesh:
        port = int(mesh.url.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        assert audit().sockets == (f"TCP 127.0.0.1:{port} LISTEN",)


def test_it_is_read_by_people() -> None:
    call = OpenCall("1", "http://x", (), 1, 1)
    text = repr(Audit((call,), (), ("TCP a", "UDP b"), (), ()))
    assert text.splitlines() == [
        "1 call:",
        "  room 1 at http://x: nobody (1 peer connection, 1 task)",
        "2 sockets:",
        "  TCP a",
        "  UDP b",
    ]
