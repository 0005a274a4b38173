"""What the modules of this package have in common."""

from __future__ import annotations

from typing import Any

from aiortc import RTCDtlsTransport

from ...errors import MeshError


class TuningError(MeshError):
    """An internal is not what it was: this version of aiortc is left as it is."""


def private(owner: object, name: str, kind: type | tuple[type, ...] = object) -> Any:
    """Read a private attribute that has to be there and of that kind.

    Raises
    ------
    TuningError
    """
    try:
        value = getattr(owner, name)
    except AttributeError:
        raise TuningError(f"{type(owner).__name__} has no {name}") from None
    if not isinstance(value, kind):
        raise TuningError(
            f"{type(owner).__name__}.{name} is a {type(value).__name__} now"
        )
    return value


def is_over(transport: RTCDtlsTransport) -> bool:
    """Whether a path is closed, whose internals therefore are not what they were.

    A connection that is closed while it is being made goes on for a few steps.
    """
    return "closed" in (transport.state, transport.transport.state)
