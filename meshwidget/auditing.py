"""What this package has open in this process, for whoever wants to be sure.

It looks at what the system and Python say is there, not at what the package believes:
what a call has left behind is seen too, although the call knows of it no more.
"""

from __future__ import annotations

import socket
import threading
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from urllib.parse import urlsplit

import psutil

from .call import Call
from .loop import MeshLoop
from .nesting import open_views
from .registration import of_this_process, runtime_directory

_calls: weakref.WeakKeyDictionary[MeshLoop, weakref.ref[Call]] = (
    weakref.WeakKeyDictionary()
)
_ports: set[int] = set()
"""Of all servers so far: a line that outlived its server is known by the port."""


@dataclass(frozen=True)
class OpenCall:
    """A call that is not closed.

    Attributes
    ----------
    room, url : str
    peers : tuple of str
        Who lives in this process.
    connections : int
        Peer connections that are not closed, counted at each end that lives here.
    tasks : int
        Unfinished asyncio tasks of its event loop.
    """

    room: str
    url: str
    peers: tuple[str, ...]
    connections: int
    tasks: int

    def __str__(self) -> str:
        return (
            f"room {self.room} at {self.url}: {', '.join(self.peers) or 'nobody'} "
            f"({_count(self.connections, 'peer connection')}, "
            f"{_count(self.tasks, 'task')})"
        )


@dataclass(frozen=True, repr=False)
class Audit:
    """What is open; false when nothing is.

    Attributes
    ----------
    calls : tuple of OpenCall
    threads : tuple of str
        Names of the threads that belong to calls, their sources and their views.
    sockets : tuple of str
        TCP sockets at the port of any call of this process, and all UDP sockets of
        this process: a kernel has no others than those of calls.
    files : tuple of str
        By which Jupyter's server finds the calls of this process.
    views : tuple of str
        Those not closed, while there is a call; without one they are pictures.
    """

    calls: tuple[OpenCall, ...]
    threads: tuple[str, ...]
    sockets: tuple[str, ...]
    files: tuple[str, ...]
    views: tuple[str, ...]

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))

    def __repr__(self) -> str:
        if not self:
            return "<Audit: nothing is open>"
        return "\n".join(
            line
            for field in fields(self)
            for line in _lines(field.name.removesuffix("s"), getattr(self, field.name))
        )


def audit() -> Audit:
    """Look at what is open in this process: calls, and what they have left behind.

    Can be called from any thread at any time, also while a call hangs.

    Returns
    -------
    Audit
        False when nothing is open.

    Examples
    --------
    >>> mesh.close()
    >>> audit()
    <Audit: nothing is open>
    """
    calls = tuple(_open_calls())
    return Audit(
        calls=calls,
        threads=tuple(
            sorted(
                thread.name
                for thread in threading.enumerate()
                if thread.name.startswith("meshwidget")
            )
        ),
        sockets=tuple(sorted(_sockets())),
        files=tuple(sorted(map(str, of_this_process(runtime_directory())))),
        views=tuple(sorted(type(view).__name__ for view in open_views() if calls)),
    )


def note_call(loop: MeshLoop, call: Call) -> None:
    """Note a call that has begun."""
    _calls[loop] = weakref.ref(call)
    _ports.add(urlsplit(call.server.url).port or 0)


def _open_calls() -> Iterator[OpenCall]:
    for loop, reference in list(_calls.items()):
        call = reference()
        if call is None or not loop.thread.is_alive():
            continue
        peers = dict(call.peers)
        yield OpenCall(
            room=call.room,
            url=call.server.url,
            peers=tuple(peers),
            connections=sum(
                connection.connection_state != "closed"
                for peer in peers.values()
                for connection in peer.connections.values()
            ),
            tasks=loop.count_tasks(),
        )


def _sockets() -> Iterator[str]:
    for each in psutil.Process().net_connections("inet"):
        if each.type == socket.SOCK_DGRAM:
            yield f"UDP {_address(each.laddr)}"
        elif _ports & {port for _, port in filter(None, (each.laddr, each.raddr))}:
            yield f"TCP {_address(each.laddr)} {each.status}"


def _address(address: Sequence[object]) -> str:
    return ":".join(map(str, address)) or "?"


def _lines(kind: str, things: Sequence[object]) -> Iterator[str]:
    if things:
        yield f"{_count(len(things), kind)}:"
        yield from (f"  {thing}" for thing in things)


def _count(number: int, kind: str) -> str:
    return f"{number} {kind}" + "s" * (number != 1)
