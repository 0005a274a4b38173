"""What a page says to the kernel about stepping, checked.

Pure. Whatever arrives was written by a page, so it is checked before anything looks at
it. A page says that it is there as the page of a diagram does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import ProtocolError
from ..signaling.limits import MAX_DESCRIPTION_LENGTH
from .diagram_messages import Bye, Here
from .diagram_messages import parse as parse_presence
from .messages import MAX_CLIENT_LENGTH, Request, number_field, text_field

__all__ = [
    "Bye",
    "Drop",
    "Edit",
    "Here",
    "Open",
    "Pause",
    "Resume",
    "Step",
    "SteppingMessage",
    "parse",
]

MAX_EDIT_LENGTH = 2 * MAX_DESCRIPTION_LENGTH
"""Characters of a text as edited. The limit of a description itself, below, has the
sentence that the learner should see."""


class Pause(Request):
    """Somebody has pressed Pause."""


class Resume(Request):
    """Somebody has pressed Resume."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Request):
    """Deliver the message of this number, or the next one."""

    number: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop(Request):
    """Lose the message of this number."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Open(Request):
    """Somebody wants to read the message of this number; the reply has its text."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit(Request):
    """The message of this number is to carry this text instead."""

    number: int
    text: str


SteppingMessage = Here | Bye | Pause | Resume | Step | Drop | Open | Edit


def parse(content: object) -> SteppingMessage:
    """Check one message of a page.

    Raises
    ------
    ProtocolError
        If it is not one of the messages above; the sentence says what is wrong.
    """
    if not isinstance(content, Mapping):
        raise ProtocolError("invalid_payload", "a stepping message must be an object")
    kind = content.get("type")
    if kind in ("here", "bye"):
        presence = parse_presence(content)
        assert isinstance(presence, Here | Bye)
        return presence
    client = text_field(content, "client", MAX_CLIENT_LENGTH)
    if kind not in ("pause", "resume", "step", "drop", "open", "edit"):
        text = f"no stepping message is of type {kind!r:.40}"
        raise ProtocolError("unknown_type", text)
    request = number_field(content, "request")
    match kind:
        case "pause":
            return Pause(client=client, request=request)
        case "resume":
            return Resume(client=client, request=request)
        case "step" if content.get("number") is None:
            return Step(client=client, request=request, number=None)
    number = number_field(content, "number")
    match kind:
        case "step":
            return Step(client=client, request=request, number=number)
        case "drop":
            return Drop(client=client, request=request, number=number)
        case "open":
            return Open(client=client, request=request, number=number)
    text = text_field(content, "text", MAX_EDIT_LENGTH)
    return Edit(client=client, request=request, number=number, text=text)
