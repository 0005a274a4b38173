"""Where others find a room: the address of its page, in words and as a link.

A kernel does not know by which address the browser reaches Jupyter: there may be a hub
or a proxy with TLS in between. It knows the path, which is the same for all of them.
"""

from __future__ import annotations

import contextlib
import html
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from .conversion import announce
from .registration import read_private


class JupyterServer(msgspec.Struct, frozen=True):
    """What a Jupyter server says of itself in its ``jpserver-PID.json``.

    Attributes
    ----------
    base_url : str
        The path under which it is, with a slash at both ends.
    url : str
        Where it listens, base URL included; empty where that cannot be told.
    """

    base_url: str
    url: str = ""


announce([JupyterServer])


@dataclass(frozen=True)
class Invitation:
    """The page of a room. Shown in a notebook it is a link.

    Attributes
    ----------
    path : str or None
        Of the room's page, on the address by which Jupyter is reached; None where no
        Jupyter server is.
    url : str or None
        The same on the address at which that server listens on this machine.
    """

    room: str
    path: str | None
    url: str | None
    signaling_url: str

    def __str__(self) -> str:
        if self.path is None:
            return (
                f"room {self.room} has no page, because there is no Jupyter server "
                f"that could show it; a socket.io client joins at "
                f"{self.signaling_url} with mesh.credentials()"
            )
        here = f", for instance {self.url} on this machine" if self.url else ""
        return (
            f"room {self.room} is at {self.path} on the address of your Jupyter "
            f"server{here}; whoever can log in there can join"
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        if self.path is None:
            return html.escape(str(self))
        return (
            f'<a href="{html.escape(self.path)}" target="_blank" rel="noopener">'
            f"room {html.escape(self.room)}</a>: whoever can log in to this Jupyter "
            f"server can join at <code>{html.escape(self.path)}</code>"
        )


def invitation_to(
    room: str, room_id: str, signaling_url: str, server: JupyterServer | None
) -> Invitation:
    """The page of a room on that server."""
    if server is None:
        return Invitation(room, None, None, signaling_url)
    page = f"meshwidget/rooms/{room_id}/"
    is_address = server.url.startswith(("http://", "https://"))
    url = f"{server.url.rstrip('/')}/{page}" if is_address else None
    return Invitation(room, server.base_url + page, url, signaling_url)


def find_jupyter_server(directory: Path) -> JupyterServer | None:
    """The Jupyter server that started this kernel, or else one of this user's.

    Parameters
    ----------
    directory : Path
        Jupyter's runtime directory.
    """
    # jupyter_client tells a kernel the pid of the server that started it.
    parents = (os.environ.get("JPY_PARENT_PID"), str(os.getppid()))
    for pid in parents:
        if pid is not None and pid.isdecimal():
            server = _read(directory / f"jpserver-{pid}.json")
            if server is not None:
                return server
    prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX")
    if prefix:
        return JupyterServer(f"/{prefix.strip('/')}/")
    return next(_running(directory), None)


def _running(directory: Path) -> Iterator[JupyterServer]:
    for path in sorted(directory.glob("jpserver-*.json")):
        pid = path.stem.removeprefix("jpserver-")
        with contextlib.suppress(OSError, ValueError, OverflowError):
            os.kill(int(pid), 0)
            server = _read(path)
            if server is not None:
                yield server


def _read(path: Path) -> JupyterServer | None:
    try:
        server = msgspec.json.decode(read_private(path), type=JupyterServer)
    except (OSError, ValueError, msgspec.MsgspecError, RecursionError):
        return None
    return server if server.base_url.startswith("/") else None
