"""The wire protocol: what a client may send, validated, and what it is sent.

Event names and payloads are those of the blog that this project grew from. The module
knows no sockets and no rooms; :func:`parse` turns what came off the wire into one of
the message types below, or raises :class:`~meshwidget.errors.ProtocolError` with a
code and a sentence.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec

from ..conversion import announce
from ..errors import InvalidNameError, ProtocolError
from .limits import (
    MAX_CANDIDATE_LENGTH,
    MAX_DESCRIPTION_LENGTH,
    MAX_NAME_LENGTH,
)

MAX_ID_LENGTH = 64
"""Characters of a socket id; python-socketio's have 20."""

EVERYONE = "*"
"""In a view this stands for all participants, so nobody can be called that."""

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME_LENGTH)]
Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID_LENGTH)]


class SessionDescription(msgspec.Struct, frozen=True):
    """``RTCSessionDescriptionInit`` (webrtc-pc, section 4.6.1)."""

    type: Literal["offer", "answer"]
    sdp: Annotated[str, msgspec.Meta(max_length=MAX_DESCRIPTION_LENGTH)]


class IceCandidate(msgspec.Struct, frozen=True, omit_defaults=True):
    """``RTCIceCandidateInit`` (webrtc-pc, section 4.8.1). An empty string ends them."""

    candidate: Annotated[str, msgspec.Meta(max_length=MAX_CANDIDATE_LENGTH)]
    sdpMid: Annotated[str, msgspec.Meta(max_length=MAX_ID_LENGTH)] | None = None
    sdpMLineIndex: Annotated[int, msgspec.Meta(ge=0, le=65535)] | None = None
    usernameFragment: (
        Annotated[str, msgspec.Meta(max_length=256)]  # RFC 8839, section 5.4
        | None
    ) = None


class JoinRoom(msgspec.Struct, frozen=True):
    """``join_room``: let me in.

    Attributes
    ----------
    email : str
        The name of the participant; the blog's word for it.
    session : str or None
        What the acknowledgement of an earlier ``join_room`` gave: keeps the place of
        a client whose socket died a moment ago.
    """

    room: Text
    email: Text
    session: Annotated[str, msgspec.Meta(max_length=MAX_ID_LENGTH)] | None = None


class LeaveRoom(msgspec.Struct, frozen=True):
    """``leave_room``: a goodbye. It has no payload."""


class Offer(
    msgspec.Struct,
    frozen=True,
    rename={
        "sender_id": "offerSendID",
        "sender_name": "offerSendEmail",
        "receiver_id": "offerReceiveID",
    },
):
    """``offer``: the newcomer's description for one who was there."""

    sdp: SessionDescription
    sender_id: Identifier
    sender_name: Annotated[str, msgspec.Meta(max_length=MAX_NAME_LENGTH)]
    receiver_id: Identifier


class Answer(
    msgspec.Struct,
    frozen=True,
    rename={"sender_id": "answerSendID", "receiver_id": "answerReceiveID"},
):
    """``answer``: the description that closes an exchange."""

    sdp: SessionDescription
    sender_id: Identifier
    receiver_id: Identifier


class Candidate(
    msgspec.Struct,
    frozen=True,
    rename={"sender_id": "candidateSendID", "receiver_id": "candidateReceiveID"},
):
    """``candidate``: an address at which the sender may be reached."""

    candidate: IceCandidate
    sender_id: Identifier
    receiver_id: Identifier


Relayed = Offer | Answer | Candidate
ClientMessage = JoinRoom | LeaveRoom | Relayed


def text_length(message: ClientMessage) -> int:
    """Return how many characters of a description or a candidate it has."""
    match message:
        case Offer() | Answer():
            return len(message.sdp.sdp)
        case Candidate():
            return len(message.candidate.candidate)
        case _:
            return 0


_TYPES: dict[str, type[JoinRoom | Offer | Answer | Candidate]] = {
    "join_room": JoinRoom,
    "offer": Offer,
    "answer": Answer,
    "candidate": Candidate,
}

announce(_TYPES.values())

KINDS = ("all_users", "offer", "answer", "candidate", "user_exit")
"""The messages that the server sends on, and that can be held."""

WIRE_EVENTS = {
    "all_users": "all_users",
    "offer": "getOffer",
    "answer": "getAnswer",
    "candidate": "getCandidate",
    "user_exit": "user_exit",
}
"""What each of them is called when it arrives."""


def parse(event: str, arguments: Sequence[Any]) -> ClientMessage:
    """Validate one event of a client.

    Parameters
    ----------
    event : str
        The event's name.
    arguments : sequence
        What was sent with it.

    Raises
    ------
    ProtocolError
        ``unknown_event`` or ``invalid_payload``; the message says which field.
    """
    if event == "leave_room":
        return LeaveRoom()
    expected = _TYPES.get(event)
    if expected is None:
        raise ProtocolError("unknown_event", f"there is no event {shorten(event)!r}")
    if len(arguments) != 1:
        raise ProtocolError(
            "invalid_payload", f"{event} takes one object, not {len(arguments)}"
        )
    try:
        message = msgspec.convert(arguments[0], expected)
        msgspec.json.encode(message)
    except (msgspec.ValidationError, RecursionError) as error:
        raise ProtocolError("invalid_payload", _field_error(event, error)) from error
    except UnicodeEncodeError:
        # JSON can escape half of a character (RFC 8259, section 8.2). Whoever is sent
        # it, shows it or saves it as UTF-8 would fail.
        raise ProtocolError(
            "invalid_payload",
            f"{event}: half of a character, a lone surrogate, is in it",
        ) from None
    match message:
        case JoinRoom():
            _check_text("room", message.room)
            _check_text("email", message.email)
        case Offer() | Answer() if message.sdp.type != event:
            raise ProtocolError(
                "invalid_payload", f"{event}: its description is an {message.sdp.type}"
            )
    return message


def check_name(name: object) -> str:
    """The name of a participant, if it can be one.

    Raises
    ------
    InvalidNameError
        With a sentence for the one who chose it.
    """
    if not isinstance(name, str):
        raise InvalidNameError(f"a name is a string, not {type(name).__name__}")
    if not name.strip():
        raise InvalidNameError("the name is empty: type one")
    if len(name) > MAX_NAME_LENGTH:
        raise InvalidNameError(
            f"the name has {len(name)} characters; {MAX_NAME_LENGTH} is the limit"
        )
    try:
        _check_text("name", name)
    except ProtocolError as error:
        raise InvalidNameError(str(error)) from None
    return name


def shorten(text: str, length: int = 40) -> str:
    """Cut to a length that fits a line of a log, and make it one that can be shown."""
    shown = text if len(text) <= length else text[: length - 1] + "…"
    return "".join(each if each.isprintable() else "\ufffd" for each in shown)


def _field_error(event: str, error: Exception) -> str:
    """What is wrong and where, without repeating a value of any length."""
    what, _, where = str(error).rpartition(" - at ")
    return f"{event}: {shorten(what or where, 100)}" + (f" at {where}" if what else "")


def _check_text(field: str, text: str) -> None:
    """Refuse what cannot be shown: blanks, control characters, bidi overrides."""
    if not text.strip():
        raise ProtocolError("invalid_payload", f"{field} is empty")
    if text == EVERYONE:
        raise ProtocolError("invalid_payload", f"{field} {EVERYONE!r} is reserved")
    for character in text:
        category = unicodedata.category(character)
        is_override = unicodedata.bidirectional(character) in {
            "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI",
        }  # fmt: skip
        if category in {"Cc", "Cs", "Zl", "Zp"} or is_override:
            raise ProtocolError(
                "invalid_payload",
                f"{field} has a character that cannot be shown: U+{ord(character):04X}",
            )
