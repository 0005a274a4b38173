"""A WebRTC mesh call that you can hold: real peers in a Jupyter kernel.

>>> from meshwidget import Mesh
>>> mesh = Mesh()
>>> alice = mesh.join("alice")
>>> mesh          # in a notebook: the live panel

Names are imported when they are first used, so that ``import meshwidget`` is quick and
ipywidgets is only needed where something is shown.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .auditing import Audit, audit
    from .errors import (
        DuplicateNameError,
        EditError,
        FaultError,
        InvalidNameError,
        MeshClosedError,
        MeshError,
        MeshTimeoutError,
        MissingExtraError,
        NestedLoopError,
        NoAddressError,
        ProtocolError,
        RoomFullError,
        SessionFileError,
        SignalingError,
        SourceError,
        SteppingError,
        UnknownPeerError,
    )
    from .links import Link
    from .log import EventLog
    from .media.camera import Camera
    from .mesh import Mesh
    from .nesting import allow_nested_asyncio
    from .peer.connection import Connection
    from .peer.peer import Peer
    from .readings import Session, load
    from .stats.link import LinkStats
    from .stats.table import StatsTable
    from .views.widget import MeshGrid, MeshWidget

_MODULES = {
    "Audit": ".auditing",
    "audit": ".auditing",
    "Session": ".readings",
    "load": ".readings",
    "Camera": ".media.camera",
    "Connection": ".peer.connection",
    "EventLog": ".log",
    "Link": ".links",
    "LinkStats": ".stats.link",
    "Mesh": ".mesh",
    "MeshGrid": ".views.widget",
    "MeshWidget": ".views.widget",
    "Peer": ".peer.peer",
    "StatsTable": ".stats.table",
    "allow_nested_asyncio": ".nesting",
    **dict.fromkeys(
        (
            "DuplicateNameError",
            "InvalidNameError",
            "MeshClosedError",
            "MeshError",
            "MeshTimeoutError",
            "MissingExtraError",
            "NestedLoopError",
            "NoAddressError",
            "ProtocolError",
            "RoomFullError",
            "SignalingError",
            "SteppingError",
            "EditError",
            "FaultError",
            "SessionFileError",
            "SourceError",
            "UnknownPeerError",
        ),
        ".errors",
    ),
}

__all__ = [
    "Audit",
    "Camera",
    "Connection",
    "DuplicateNameError",
    "EditError",
    "EventLog",
    "FaultError",
    "InvalidNameError",
    "Link",
    "LinkStats",
    "Mesh",
    "MeshClosedError",
    "MeshError",
    "MeshGrid",
    "MeshTimeoutError",
    "MeshWidget",
    "MissingExtraError",
    "NestedLoopError",
    "NoAddressError",
    "Peer",
    "ProtocolError",
    "RoomFullError",
    "Session",
    "SessionFileError",
    "SignalingError",
    "SourceError",
    "StatsTable",
    "SteppingError",
    "UnknownPeerError",
    "allow_nested_asyncio",
    "audit",
    "load",
]


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(module, __name__), name)


def __dir__() -> list[str]:
    return [*__all__, *globals()]
