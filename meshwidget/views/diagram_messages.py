"""What a page says to the kernel about a diagram, checked.

Pure. Whatever arrives was written by a page, so it is checked before anything looks at
it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ProtocolError
from .messages import MAX_CLIENT_LENGTH, is_text

__all__ = ["Bye", "Here", "Message", "Set", "parse"]

MAX_NAMES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """A page shows the diagram: now, still, or again.

    Attributes
    ----------
    version : int
        Of the diagram that it has; 0 is none.
    visible : bool
        Whether somebody can see it.
    """

    client: str
    version: int
    visible: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Bye:
    """The page is being closed."""

    client: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Set:
    """Somebody wants to see something else: the traits and their values."""

    client: str
    look: Mapping[str, Any]


Message = Here | Bye | Set


def parse(content: object) -> Message:
    """Check one message of a page.

    Raises
    ------
    ProtocolError
        If it is not one of the messages above; the sentence says what is wrong.
    """
    if not isinstance(content, Mapping):
        raise ProtocolError("invalid_payload", "a diagram message must be an object")
    client = content.get("client")
    if not is_text(client, MAX_CLIENT_LENGTH):
        raise _invalid("client", "a short text")
    kind = content.get("type")
    match kind:
        case "here":
            visible = content.get("visible")
            if not isinstance(visible, bool):
                raise _invalid("visible", "true or false")
            version = _number("version", content.get("version"))
            return Here(client=client, version=version or 0, visible=visible)
        case "bye":
            return Bye(client=client)
        case "set":
            return Set(client=client, look=_look(content))
    raise ProtocolError("unknown_type", f"no diagram message is of type {kind!r:.40}")


def _look(content: Mapping[str, Any]) -> dict[str, Any]:
    look: dict[str, Any] = {}
    for name in ("position", "selected"):
        if name in content:
            look[name] = _number(name, content[name])
    if "limit" in content:
        look["limit"] = max(_number("limit", content["limit"]) or 0, 1)
    for name in ("peers", "kinds", "pair"):
        if name in content:
            look[name] = _names(name, content[name])
    if look.get("pair") is not None and len(look["pair"]) != 2:
        raise _invalid("pair", "two names")
    return look


def _number(field: str, value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and -1 <= value < 2**31:
        return value
    raise _invalid(field, "a whole number")


def _names(field: str, value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    if (
        isinstance(value, list)
        and len(value) <= MAX_NAMES
        and all(is_text(name) for name in value)
    ):
        return tuple(value)
    raise _invalid(field, "a list of names")


def _invalid(field: str, wanted: str) -> ProtocolError:
    return ProtocolError("invalid_payload", f"{field} must be {wanted}")
