"""A real kernel that is killed, restarted, and restarted again: nothing is left."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from jupyter_client.manager import KernelManager

from meshwidget.registration import find, running

from .test_nesting import Kernel

SECONDS = 60

CALL = """
import json, os
from meshwidget import Mesh
mesh = Mesh()
for name in ("alice", "bob"):
    mesh.join(name)
mesh.wait_connected()
port = int(mesh.url.rpartition(":")[2])
print(json.dumps({"pid": os.getpid(), "port": port, "room_id": mesh.room_id}))
"""


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where calls are registered, of this test alone."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def kernel(runtime: Path) -> Iterator[Kernel]:
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=SECONDS)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def call_in(kernel: Kernel) -> dict[str, Any]:
    """Run the cell; what it says of the call."""
    said: dict[str, Any] = json.loads(kernel.run(CALL))
    return said


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_kernel_that_is_killed_leaves_nothing(kernel: Kernel, runtime: Path) -> None:
    call = call_in(kernel)
    assert answers(call["port"])
    assert find(runtime, call["room_id"]) is not None
    process = psutil.Process(call["pid"])
    assert process.children(recursive=True) == [], "who would end them?"
    process.kill()
    psutil.wait_procs([process], timeout=SECONDS)
    assert not answers(call["port"])
    assert list(runtime.glob("meshwidget-*")) != [], "nobody could take it back"
    assert find(runtime, call["room_id"]) is None
    assert running(runtime) == []
    assert list(runtime.glob("meshwidget-*")) == []


@pytest.mark.timeout(180)
def test_a_kernel_that_is_restarted_twice_begins_anew(
    kernel: Kernel, runtime: Path
) -> None:
    earlier: list[dict[str, Any]] = []
    for _ in range(3):
        call = call_in(kernel)
        assert [each.room_id for each in running(runtime)] == [call["room_id"]]
        for gone in earlier:
            assert not answers(gone["port"]) or gone["port"] == call["port"]
            assert not psutil.pid_exists(gone["pid"])
        earlier.append(call)
        if len(earlier) < 3:
            kernel.manager.restart_kernel()
            kernel.wait_until_ready(SECONDS)
    assert len({each["pid"] for each in earlier}) == 3
    kernel.manager.shutdown_kernel()  # as when a notebook is closed
    assert running(runtime) == []
    assert list(runtime.glob("meshwidget-*")) == []
    assert not answers(earlier[-1]["port"])
