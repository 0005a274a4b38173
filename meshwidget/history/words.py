"""What a signaling message carries and what it will do, a line each.

The lines are the same every time: no ids, no ports.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .outline import Address, Media, Outline

_MAX_CODECS = 3
_UNREADABLE = "not readable"

_ORIGINS = {
    "srflx": "as a STUN server sees it",
    "prflx": "as the other side sees it",
    "relay": "on a TURN server",
}
"""Where the address of each type of candidate is from (RFC 8445, section 5.1.1)."""


def summary(kind: str, payload: object) -> str:
    """What is in a message, for instance ``"host candidate 127.0.0.1, UDP"``.

    Parameters
    ----------
    kind : str
        ``"all_users"``, ``"offer"``, ``"answer"``, ``"candidate"`` or ``"user_exit"``.
    payload
        As the wire has it. A strange one is called so and raises nothing.
    """
    match kind:
        case "all_users":
            return _all_users(payload)
        case "offer" | "answer":
            return _description(kind, payload)
        case "candidate":
            return _candidate(payload)
        case "user_exit":
            return "the sender has left the room"
    return _UNREADABLE


def consequence(kind: str, sender: str, receiver: str, payload: object = None) -> str:
    """What the delivery of a message will do, when all goes well.

    Parameters
    ----------
    kind, sender, receiver : str
        The sender of ``all_users`` is ``""``.
    payload : optional
        Says more of ``all_users``: whom the receiver will make an offer.
    """
    match kind:
        case "all_users":
            return _consequence_of_all_users(receiver, payload)
        case "offer":
            return (
                f"{receiver} applies it (signaling stable -> have-remote-offer), hears "
                f"of {sender}'s tracks, and answers (-> stable): an answer and "
                f"candidates go back to {sender}"
            )
        case "answer":
            return (
                f"{receiver} applies it (signaling have-local-offer -> stable) and "
                f"starts ICE; DTLS and media follow when a path is found"
            )
        case "candidate":
            return (
                f"{receiver} can send connectivity checks to that address of {sender}, "
                f"as soon as it has {sender}'s description"
            )
        case "user_exit":
            return f"{receiver} closes its connection to {sender}"
    return f"{receiver} has no use for it"


def listed(names: Sequence[str]) -> str:
    """Names in a sentence: ``"a"``, ``"a and b"``, ``"a, b and c"``."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _all_users(payload: object) -> str:
    names = names_in(payload)
    if names is None:
        return _UNREADABLE
    if not names:
        return "nobody else is in the room"
    return f"{listed(names)} {'is' if len(names) == 1 else 'are'} in the room"


def _consequence_of_all_users(receiver: str, payload: object) -> str:
    names = names_in(payload)
    if names is None:
        return f"{receiver} makes an offer to everybody who was there before"
    if not names:
        return f"{receiver} learns that it is alone, and waits for others to offer"
    whom = names[0] if len(names) == 1 else f"each of {listed(names)}"
    return (
        f"{receiver} makes an offer to {whom} (signaling stable -> have-local-offer) "
        f"and gathers candidates"
    )


def names_in(payload: object) -> list[str] | None:
    """Whom an ``all_users`` lists; None when it is not a list of participants."""
    if not isinstance(payload, Sequence) or isinstance(payload, str | bytes):
        return None
    names = [user.get("email") for user in payload if isinstance(user, Mapping)]
    found = [name for name in names if isinstance(name, str)]
    return found if len(found) == len(payload) else None


def _description(kind: str, payload: object) -> str:
    sdp = _inner(payload, "sdp")
    if not isinstance(sdp, str):
        return _UNREADABLE
    outline = Outline.of(sdp)
    if not outline.media:
        return f"SDP {kind} without a media section"
    media = ", ".join(_media(each) for each in outline.media)
    count = outline.candidates
    if not count:
        candidates = "candidates to follow"
    else:
        candidates = f"{count} candidate{'s' if count > 1 else ''} in it"
    return f"SDP {kind}: {media}; {candidates}"


def _media(media: Media) -> str:
    if media.kind == "application":
        return "data channels"
    codecs = media.codecs
    named = "/".join(codecs[:_MAX_CODECS]) or "without a codec"
    if len(codecs) > _MAX_CODECS:
        named += f" and {len(codecs) - _MAX_CODECS} more"
    if media.port == "0":
        return f"{media.kind} refused"
    if media.direction not in (None, "sendrecv"):
        named += f" ({media.direction})"
    return f"{media.kind} {named}"


def _candidate(payload: object) -> str:
    text = _inner(payload, "candidate")
    if not isinstance(text, str):
        return _UNREADABLE
    if not text:
        return "no more candidates"
    address = Address.of(text)
    if address is None:
        return _UNREADABLE
    transport = address.transport.upper()
    if "tcptype" in address.extensions:
        transport += f" {address.extensions['tcptype']}"
    if address.address.endswith(".local"):
        # A random name, which would be another one each time.
        return f"{address.kind} candidate, address hidden by mDNS, {transport}"
    origin = _ORIGINS.get(address.kind, "of an unknown type")
    line = f"{address.kind} candidate {address.address}, {transport}"
    return line if address.kind == "host" else f"{line}, {origin}"


def _inner(payload: object, key: str) -> Any:
    inner = payload.get(key) if isinstance(payload, Mapping) else None
    return inner.get(key) if isinstance(inner, Mapping) else None
