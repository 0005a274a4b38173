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
    from .errors import (
        DuplicateNameError,
        InvalidNameError,
        MeshClosedError,
        MeshError,
        MeshTimeoutError,
        NestedLoopError,
        NoAddressError,
        ProtocolError,
        RoomFullError,
        SignalingError,
        SourceError,
        UnknownPeerError,
    )
    from .events import EventLog
    from .mesh import Mesh
    from .nesting import allow_nested_asyncio
    from .peer.connection import Connection
    from .peer.peer import Peer
    from .views.widget import MeshGrid, MeshWidget

_MODULES = {
    "Connection": ".peer.connection",
    "EventLog": ".events",
    "Mesh": ".mesh",
    "MeshGrid": ".views.widget",
    "MeshWidget": ".views.widget",
    "Peer": ".peer.peer",
    "allow_nested_asyncio": ".nesting",
    **dict.fromkeys(
        (
            "DuplicateNameError",
            "InvalidNameError",
            "MeshClosedError",
            "MeshError",
            "MeshTimeoutError",
            "NestedLoopError",
            "NoAddressError",
            "ProtocolError",
            "RoomFullError",
            "SignalingError",
            "SourceError",
            "UnknownPeerError",
        ),
        ".errors",
    ),
}

__all__ = [
    "Connection",
    "DuplicateNameError",
    "EventLog",
    "InvalidNameError",
    "Mesh",
    "MeshClosedError",
    "MeshError",
    "MeshGrid",
    "MeshTimeoutError",
    "MeshWidget",
    "NestedLoopError",
    "NoAddressError",
    "Peer",
    "ProtocolError",
    "RoomFullError",
    "SignalingError",
    "SourceError",
    "UnknownPeerError",
    "allow_nested_asyncio",
]


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(module, __name__), name)


def __dir__() -> list[str]:
    return [*__all__, *globals()]
