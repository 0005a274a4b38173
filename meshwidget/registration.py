"""How a call tells the Jupyter server of the same user that it is there.

A call that runs has a file ``meshwidget-ROOM_ID.json`` in Jupyter's runtime directory:
where it listens and the secret that lets in. The file is its user's alone. Whoever
reads one believes it only if it is, and if the process that wrote it still runs; files
that processes left behind when they were killed are swept away by whoever finds them.

Kernels and the Jupyter server both import this; it knows neither.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import platform
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec

from .conversion import announce

ROOM_ID = r"[A-Za-z0-9_-]{22,64}"
"""What a room's id looks like, as a regular expression: 128 bits or more."""

_MAX_BYTES = 8192
_ABANDONED_SECONDS = 60


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """Where a call is.

    Attributes
    ----------
    room_id : str
        Random; it is in addresses.
    room : str
        The name.
    host, port : str, int
        Where it listens: an IP address that can be connected to.
    secret : str
        What it lets in with.
    pid : int
        The process that it lives in.
    started : int or None
        When that process started, in the system's own ticks, where they can be told: a
        pid is used again, the two together are not.
    machine : str
        Whose processes these are; home directories are shared among machines.
    created : float
        Seconds since 1970.
    """

    room_id: Annotated[str, msgspec.Meta(pattern=rf"^{ROOM_ID}\Z")]
    room: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    host: str
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    secret: Annotated[str, msgspec.Meta(pattern=r"^[!-~]{16,512}\Z")]
    pid: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    started: int | None
    machine: str
    created: Annotated[float, msgspec.Meta(ge=0, lt=2**35)]

    def __post_init__(self) -> None:
        ipaddress.ip_address(self.host)

    def __repr__(self) -> str:
        # Not the secret: it would come into logs and tracebacks.
        return f"<Registration of room {self.room!r} at {self.host} port {self.port}>"

    @property
    def is_here(self) -> bool:
        """Whether it was written on this machine, so that its pid means something."""
        return self.machine == platform.node()

    @property
    def is_running(self) -> bool:
        """Whether the process that wrote it still runs here."""
        if not self.is_here:
            return False
        try:
            os.kill(self.pid, 0)
        except OSError:  # nobody, or somebody else's
            return False
        return self.started is None or self.started == _started(self.pid)


announce([Registration])


def registration_of_this_process(
    *, room_id: str, room: str, host: str, port: int, secret: str
) -> Registration:
    """What a call in this process has to say."""
    return Registration(
        room_id=room_id,
        room=room,
        host=host,
        port=port,
        secret=secret,
        pid=os.getpid(),
        started=_started(os.getpid()),
        machine=platform.node(),
        created=time.time(),
    )


def runtime_directory() -> Path:
    """Where Jupyter keeps what lives as long as a process."""
    from jupyter_core.paths import jupyter_runtime_dir

    return Path(jupyter_runtime_dir())


def write(directory: Path, registration: Registration) -> Path:
    """Write a registration, readable by this user alone, all of it at once.

    Raises
    ------
    OSError
        When that is not possible.
    """
    if os.name != "posix":
        raise OSError("this system has no files that are private by their mode")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = _path(directory, registration.room_id)
    unfinished = path.with_suffix(".tmp")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o600)  # whatever the umask
            file.write(msgspec.json.encode(registration))
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    return path


def remove(path: Path, pid: int) -> None:
    """Take back what the process of that pid wrote; a fork of it takes back nothing."""
    if os.getpid() == pid:
        with contextlib.suppress(OSError):
            path.unlink()


def read(path: Path) -> Registration | None:
    """What a file says, or None if it is not to be believed. Never raises."""
    try:
        registration = msgspec.json.decode(read_private(path), type=Registration)
    except (OSError, ValueError, msgspec.MsgspecError, RecursionError):
        return None
    return (
        registration if path.name == f"meshwidget-{registration.room_id}.json" else None
    )


def read_private(path: Path) -> bytes:
    """The contents of a file that only this user can have written or read.

    Raises
    ------
    OSError
        When it is anything else.
    """
    # Not blocking: a pipe of that name would hold up whoever opens it.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not _is_private(status) or status.st_size > _MAX_BYTES:
            raise OSError(f"{path} is not a private file of this user")
        return file.read(_MAX_BYTES)


def find(directory: Path, room_id: str) -> Registration | None:
    """The call of that id, if it is to be believed and runs."""
    path = _path(directory, room_id)
    registration = read(path)
    if registration is None or registration.is_running:
        return registration
    _sweep_away(path, registration)
    return None


def running(directory: Path) -> list[Registration]:
    """All calls that run, the oldest first. Sweeps away what others left behind."""
    found = []
    for path in _files(directory, "meshwidget-*.json"):
        registration = read(path)
        if registration is not None and registration.is_running:
            found.append(registration)
        elif registration is not None:
            _sweep_away(path, registration)
    for path in _files(directory, "meshwidget-*.tmp"):
        with contextlib.suppress(OSError):
            status = path.lstat()
            age = time.time() - status.st_mtime
            if _is_private(status) and age > _ABANDONED_SECONDS:
                path.unlink()
    return sorted(found, key=lambda each: (each.created, each.room_id))


def of_this_process(directory: Path) -> list[Path]:
    """The files that this process has written and not taken back."""
    found = ((path, read(path)) for path in _files(directory, "meshwidget-*.json"))
    return [path for path, each in found if each and each.pid == os.getpid()]


def _path(directory: Path, room_id: str) -> Path:
    return directory / f"meshwidget-{room_id}.json"


def _files(directory: Path, pattern: str) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        yield from directory.glob(pattern)


def _sweep_away(path: Path, registration: Registration) -> None:
    if registration.is_here:
        with contextlib.suppress(OSError):
            path.unlink()


def _is_private(status: os.stat_result) -> bool:
    return (
        stat.S_ISREG(status.st_mode)
        and status.st_uid == os.getuid()
        and stat.S_IMODE(status.st_mode) == 0o600
    )


def _started(pid: int) -> int | None:
    """When a process started, in ticks since boot (proc(5), stat, field 22)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The second field is the program's name in brackets, and may have any character.
    return int(text.rpartition(")")[2].split()[19])
