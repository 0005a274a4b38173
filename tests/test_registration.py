"""Registrations: private, whole, swept away; and what is to be believed of a file."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshwidget import Mesh
from meshwidget.events import RegistrationSkipped, TaskFailed
from meshwidget.registration import (
    Registration,
    find,
    read,
    registration_of_this_process,
    remove,
    running,
    write,
)

ROOM_ID = "a-Room_id-of-22-charac"
SECONDS = 20

same_directory = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


def registration(room_id: str = ROOM_ID, **changes: Any) -> Registration:
    made = registration_of_this_process(
        room_id=room_id, room="1234", host="127.0.0.1", port=41234, secret="s" * 43
    )
    return msgspec.structs.replace(made, **changes)


def dead_pid() -> int:
    """The pid of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait(SECONDS)
    return process.pid


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime directory of its own, not made yet."""
    directory = tmp_path / "some" / "runtime"
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(directory))
    return directory


# Writing ------------------------------------------------------------------------------


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, registration())
    assert path.name == f"meshwidget-{ROOM_ID}.json"
    assert (
        read(path)
        == find(tmp_path, ROOM_ID)
        == registration(created=json.loads(path.read_text())["created"])
    )
    assert len(running(tmp_path)) == 1
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o177])
def test_the_file_is_private_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        path = write(tmp_path, registration())
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o7777 == 0o600
    assert read(path) is not None


def test_a_directory_that_is_missing_is_made_private(tmp_path: Path) -> None:
    write(tmp_path / "runtime", registration())
    assert (tmp_path / "runtime").stat().st_mode & 0o777 == 0o700


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    taken = tmp_path / f"meshwidget-{ROOM_ID}.json"
    (taken / "a directory in its place").mkdir(parents=True)
    with pytest.raises(OSError, match="meshwidget"):
        write(tmp_path, registration())
    assert list(tmp_path.iterdir()) == [taken]


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    """Somebody who could write into the directory waits for the secret."""
    caught = tmp_path / "caught"
    (tmp_path / f"meshwidget-{ROOM_ID}.tmp").symlink_to(caught)
    with pytest.raises(FileExistsError):
        write(tmp_path, registration())
    assert not caught.exists()


def test_a_fork_takes_nothing_back(tmp_path: Path) -> None:
    path = write(tmp_path, registration())
    remove(path, os.getpid() + 1)
    assert path.exists()
    remove(path, os.getpid())
    assert not path.exists()
    remove(path, os.getpid())


def test_the_secret_is_not_in_the_repr() -> None:
    assert "s" * 43 not in repr(registration())


# Believing ----------------------------------------------------------------------------


def spoil(change: Callable[[dict[str, Any]], object]) -> bytes:
    fields = msgspec.to_builtins(registration())
    change(fields)
    return json.dumps(fields).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"{",
        b"\xff\xfe",
        b"[" * 8000,
        b'{"a":' + b"[" * 4000 + b"]" * 4000 + b"}",
        spoil(lambda fields: fields.update(more=[[[]]]))[:-1],
        spoil(lambda fields: fields.pop("secret")),
        spoil(lambda fields: fields.update(secret="short")),
        spoil(lambda fields: fields.update(secret="a header\r\nX: injected")),
        spoil(lambda fields: fields.update(secret="s" * 43 + "\n")),
        spoil(lambda fields: fields.update(secret="ü" * 43)),
        spoil(lambda fields: fields.update(port=0)),
        spoil(lambda fields: fields.update(port=65536)),
        spoil(lambda fields: fields.update(port=True)),
        spoil(lambda fields: fields.update(port="80")),
        spoil(lambda fields: fields.update(pid=0)),
        spoil(lambda fields: fields.update(pid=-1)),
        spoil(lambda fields: fields.update(pid=2**31)),
        spoil(lambda fields: fields.update(host="")),
        spoil(lambda fields: fields.update(host="evil.example")),
        spoil(lambda fields: fields.update(host="127.0.0.1:80/x?")),
        spoil(lambda fields: fields.update(host="127.0.0.1\n")),
        spoil(lambda fields: fields.update(room="")),
        spoil(lambda fields: fields.update(room="r" * 65)),
        spoil(lambda fields: fields.update(room_id="b" * 22)),
        spoil(lambda fields: fields.update(room_id=ROOM_ID + "\n")),
        spoil(lambda fields: fields.update(room_id="../" * 10)),
        spoil(lambda fields: fields.update(created=None)),
        spoil(lambda fields: fields.update(created=-1)),
        spoil(lambda fields: fields.update(created=1e300)),  # no date is that late
        spoil(lambda fields: fields.update(started="1")),
        spoil(lambda fields: fields.update(padding="x" * 9000)),
    ],
    ids=lambda content: repr(content[:16]),
)
def test_contents_that_are_not_believed(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / f"meshwidget-{ROOM_ID}.json"
    path.write_bytes(content)
    path.chmod(0o600)
    assert read(path) is None
    assert find(tmp_path, ROOM_ID) is None
    assert running(tmp_path) == []
    assert path.exists()  # whatever it is, it is not ours to take away


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o666, 0o700, 0o400, 0o604])
def test_a_file_that_is_not_private_is_not_believed(tmp_path: Path, mode: int) -> None:
    path = write(tmp_path, registration())
    path.chmod(mode)
    assert read(path) is None
    assert running(tmp_path) == []


def test_a_file_of_another_user_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, registration())
    monkeypatch.setattr(os, "getuid", lambda: os.geteuid() + 1)
    assert read(path) is None


def test_what_is_no_file_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / f"meshwidget-{ROOM_ID}.json"
    target = write(tmp_path / "elsewhere", registration())
    path.symlink_to(target)
    assert read(path) is None
    path.unlink()
    os.mkfifo(path, 0o600)
    assert read(path) is None  # and nobody waits for a writer
    path.unlink()
    path.mkdir(0o600)
    assert read(path) is None
    path.rmdir()
    assert read(path) is None
    assert running(tmp_path) == []


@given(st.binary(max_size=300))
@same_directory
def test_no_content_raises(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / f"meshwidget-{ROOM_ID}.json"
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    path.chmod(0o600)
    assert read(path) is None


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(
    st.dictionaries(
        st.sampled_from([field.name for field in msgspec.structs.fields(Registration)]),
        _json,
        min_size=1,
    )
)
@same_directory
def test_what_is_believed_is_what_it_says(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    """Every field wrong in every way: not believed, or of the right kind."""
    path = tmp_path / f"meshwidget-{ROOM_ID}.json"
    path.unlink(missing_ok=True)
    path.write_bytes(spoil(lambda fields: fields.update(changes)))
    path.chmod(0o600)
    found = read(path)
    if found is not None:
        assert msgspec.convert(msgspec.to_builtins(found), Registration) == found
        assert found.room_id == ROOM_ID
    running(tmp_path)


# Sweeping -----------------------------------------------------------------------------


def test_what_a_dead_process_left_is_swept_away(tmp_path: Path) -> None:
    sweeps: list[Callable[[Path], object]] = [
        running,
        lambda directory: find(directory, ROOM_ID),
    ]
    for number, sweep in enumerate(sweeps):
        path = write(tmp_path, registration(pid=dead_pid(), created=number))
        assert not sweep(tmp_path)
        assert not path.exists()


def test_a_pid_that_is_used_again_is_another_process(tmp_path: Path) -> None:
    known = registration()
    if known.started is None:
        return  # this system does not tell
    path = write(tmp_path, registration(started=known.started - 1))
    assert running(tmp_path) == []
    assert not path.exists()


def test_where_no_start_is_told_the_pid_has_to_do(tmp_path: Path) -> None:
    write(tmp_path, registration(started=None))
    assert len(running(tmp_path)) == 1


def test_another_machines_are_left_alone(tmp_path: Path) -> None:
    """A home directory may be shared, and a pid there means nothing here."""
    path = write(tmp_path, registration(machine="elsewhere", pid=dead_pid()))
    assert running(tmp_path) == []
    assert path.exists()


def test_a_file_that_was_never_finished_is_swept_away(tmp_path: Path) -> None:
    old, new = (tmp_path / f"meshwidget-{name}.tmp" for name in ("old", "new"))
    for path in (old, new):
        path.touch(0o600)
    os.utime(old, (0, time.time() - 3600))
    running(tmp_path)
    assert list(tmp_path.iterdir()) == [new]


def test_no_directory_no_calls(tmp_path: Path) -> None:
    assert running(tmp_path / "missing") == []
    assert find(tmp_path / "missing", ROOM_ID) is None


def test_the_oldest_comes_first(tmp_path: Path) -> None:
    for number in (2, 0, 1):
        write(tmp_path, registration(f"{number}" * 22, created=float(number)))
    assert [each.created for each in running(tmp_path)] == [0, 1, 2]


# Calls --------------------------------------------------------------------------------


def test_a_call_is_registered_while_it_lives(runtime: Path) -> None:
    with Mesh(room="here") as mesh:
        (found,) = running(runtime)
        assert (found.room_id, found.room) == (mesh.room_id, "here")
        assert f"http://{found.host}:{found.port}" == mesh.url
        assert {"token": found.secret} == mesh.credentials()["auth"]
        assert found.pid == os.getpid()
    assert list(runtime.iterdir()) == []


def test_a_call_on_every_address_can_be_connected_to(runtime: Path) -> None:
    with Mesh(host="0.0.0.0", token="t" * 16):
        assert running(runtime)[0].host == "127.0.0.1"


def test_several_calls_have_a_file_each(runtime: Path) -> None:
    with Mesh() as one, Mesh() as other:
        rooms = {one.room_id, other.room_id}
        assert {each.room_id for each in running(runtime)} == rooms
        one.close()
        assert [each.room_id for each in running(runtime)] == [other.room_id]


def test_a_collected_call_takes_its_file_along(runtime: Path) -> None:
    def forgotten() -> None:
        Mesh()

    forgotten()
    gc.collect()
    assert running(runtime) == []
    assert list(runtime.iterdir()) == []


def test_a_call_goes_on_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "file" / "runtime"))
    with Mesh() as mesh:
        mesh.join("alice")
        (skipped,) = mesh.log.of(RegistrationSkipped)
        assert "Not a directory" in str(skipped)
        assert mesh.log.of(TaskFailed) == []


PROGRAM = """
import sys
from meshwidget import Mesh
mesh = Mesh()
print(mesh.room_id, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("end", ["its end", "an interrupt", "SIGKILL"])
def test_a_process_leaves_no_file_for_long(runtime: Path, end: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        room_id = process.stdout.readline().strip()
        assert find(runtime, room_id) is not None
        if end == "an interrupt":
            process.send_signal(signal.SIGINT)
        elif end == "SIGKILL":
            process.kill()
        process.communicate(timeout=SECONDS)
    if end != "SIGKILL":
        assert list(runtime.iterdir()) == []
    assert running(runtime) == []
    assert list(runtime.iterdir()) == []
