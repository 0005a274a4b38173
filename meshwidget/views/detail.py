"""A message opened: its fields, its content line by line, and what differs.

Pure; the result is JSON that the page shows as it is, text by text.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..events import Event, MessageAccepted
from ..history import sdp_words
from ..history.moment import MessageState, Moment
from ..history.words import consequence, summary

__all__ = ["detail_of"]

WIRE_NAMES = {"offer": "getOffer", "answer": "getAnswer", "candidate": "getCandidate"}
"""What a message is called when it arrives, where that is another name."""


def detail_of(
    events: Iterable[Event], moment: Moment, number: int
) -> dict[str, Any] | None:
    """Everything there is to say about a message.

    Parameters
    ----------
    events : iterable of Event
        A log.
    moment : Moment
        After these events.
    number : int
        The message's.

    Returns
    -------
    dict or None
        ``title``; ``facts``, pairs of texts; ``compared``, what the lines are compared
        with, or None; ``lines`` of a description and ``fields`` of a candidate, each
        with what it says. None when there is no such message.
    """
    message = moment.messages.get(number)
    if message is None:
        return None
    lines, compared = _lines(events, moment, message)
    return {
        "number": number,
        "title": message.described,
        "facts": _facts(message),
        "compared": compared,
        "lines": lines,
        "fields": [
            {"name": field.name, "value": field.value, "says": field.says}
            for field in sdp_words.explain_candidate(message.candidate or "")
        ],
    }


def _facts(message: MessageState) -> list[list[str]]:
    facts = [
        ["arrives as", WIRE_NAMES.get(message.kind, message.kind)],
        ["from", message.sender or "the server"],
        ["to", message.receiver],
        ["now", _status(message)],
    ]
    content = summary(message.kind, message.payload)
    facts += [["carries", content]] if content else []
    facts += [["changed by hand", change] for change in message.edited]
    will = consequence(message.kind, message.sender, message.receiver, message.payload)
    return facts + ([["does", will]] if will else [])


def _status(message: MessageState) -> str:
    if message.status == "dropped":
        return f"lost: {message.reason}"
    return {"held": "held at the server", "in flight": "on its way"}.get(
        message.status, message.status
    )


def _lines(
    events: Iterable[Event], moment: Moment, message: MessageState
) -> tuple[list[dict[str, Any]], str | None]:
    """The lines of a description in words, and what they are compared with."""
    sdp = message.sdp
    if sdp is None:
        return [], None
    previous, compared = _previous(events, moment, message)
    explained = iter(sdp_words.explain(sdp))
    if previous is None:
        return [_line(each, "same", None) for each in explained], None
    gone = {each.line: each for each in sdp_words.explain(previous)}
    lines = []
    for change in sdp_words.diff(previous, sdp):
        removed = change.change == "removed"
        each = gone[change.line] if removed else next(explained)
        lines.append(_line(each, change.change, change.previous))
    return lines, compared


def _line(
    explained: sdp_words.ExplainedLine, change: str, previous: str | None
) -> dict[str, Any]:
    return {
        "section": explained.section,
        "line": explained.line,
        "says": explained.says,
        "why": explained.why,
        "spec": explained.spec,
        "change": change,
        "previous": previous,
    }


def _previous(
    events: Iterable[Event], moment: Moment, message: MessageState
) -> tuple[str | None, str | None]:
    """The description before this one, and what it is called.

    That is what it was before it was changed by hand, or else the last one that was
    sent on the same link, whichever way.
    """
    if message.edited:
        for event in events:
            if isinstance(event, MessageAccepted) and event.number == message.number:
                original = MessageState(
                    number=event.number,
                    kind=event.kind,
                    sender=event.sender,
                    receiver=event.receiver,
                    payload=event.payload,
                    status="delivered",
                    accepted_seq=event.seq,
                )
                return original.sdp, "what it was before it was changed"
    earlier = [
        other
        for other in moment.between(message.sender, message.receiver)
        if other.number < message.number and other.sdp is not None
    ]
    if not earlier:
        return None, None
    return earlier[-1].sdp, earlier[-1].described
