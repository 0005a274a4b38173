"""What the panel says about a call that is held still. Pure: from a moment to words.

The checklists of :mod:`meshwidget.history` speak of Python; who has the panel in front
of them presses buttons.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..history.moment import MessageState, Moment
from ..history.why import Why, why
from ..history.words import consequence, summary
from ..log import EventLog
from ..signaling.protocol import EVERYONE

__all__ = [
    "Follower",
    "Rows",
    "editable_text",
    "held_state",
    "panel_words",
    "waiting_sentence",
]

SHOWN = 50
"""Held messages that are listed; how many more there are is said."""

_QUOTED = r'("(?:[^"\\]|\\.)*")'

_LINK = rf"mesh\.link\({_QUOTED}, {_QUOTED}\)"

_BUTTONS: list[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]] = [
    (re.compile(r"mesh\.step\(\)"), "Step"),
    (re.compile(r"mesh\.step\((\d+)\)"), r"Step, pressed \1 times,"),
    (re.compile(r"mesh\.resume\(\)"), "Resume"),
    (
        re.compile(rf"mesh\.exit\({_QUOTED}\), then mesh\.join\({_QUOTED}\)"),
        r"Exit \1, then Join \2",
    ),
    (re.compile(rf"mesh\.join\({_QUOTED}\)"), r"Join \1"),
    (re.compile(rf"mesh\.exit\({_QUOTED}\)"), r"Exit \1"),
    (re.compile(rf"{_LINK}\.heal\(\)"), r"Heal, on the menu of a tile or of Faults,"),
    (
        re.compile(rf'{_LINK}\.release\("(\w+)"\)'),
        lambda found: (
            f"Release {found[3].upper()}, on the menu of a tile or of Faults,"
        ),
    ),
    (re.compile(rf"mesh\.thaw\({_QUOTED}\)"), r"Thaw, on the menu of its tile,"),
    (re.compile(r"mesh\.server\.start\(\)"), "Start server, on the menu of Faults,"),
]


class Follower:
    """The newest moment of a log that grows, at the cost of what is new in it.

    Parameters
    ----------
    log : EventLog
    """

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._taken = 0
        self._moment = Moment()

    def moment(self) -> Moment:
        """The call as it is now; the same object each time."""
        news = self._log[self._taken :]
        for event in news:
            self._moment.advance(event)
        self._taken += len(news)
        return self._moment


def panel_words(text: str) -> str:
    """A sentence about what to do, with the panel's buttons for Python."""
    for pattern, button in _BUTTONS:
        text = pattern.sub(button, text)
    return text


class Rows:
    """Held messages, each put into words once: reading an SDP takes its time."""

    def __init__(self) -> None:
        self._rows: dict[int, tuple[MessageState, dict[str, Any]]] = {}

    def of(self, messages: Iterable[MessageState]) -> list[dict[str, Any]]:
        """What is listed of these."""
        known = self._rows
        self._rows = {}
        for message in messages:
            before = known.get(message.number)
            if before is None or before[0] is not message:
                before = message, _row(message)
            self._rows[message.number] = before
        return [row for _, row in self._rows.values()]


def held_state(
    moment: Moment,
    asked: tuple[str, str] | None,
    selected: int | None,
    rows: Rows | None = None,
) -> dict[str, Any]:
    """Everything that the stepper says, as a JSON object.

    Parameters
    ----------
    moment : Moment
    asked : (str, str) or None
        Whose picture of whom is to be explained.
    selected : int or None
        Number of the message that is open in the diagrams.
    rows : Rows, optional
        Those of the state before.
    """
    pending = moment.pending if moment.paused else ()
    return {
        "closed": moment.closed,
        "paused": moment.paused,
        "count": len(pending),
        "pending": (rows or Rows()).of(pending[:SHOWN]),
        "selected": selected,
        "why": None if asked is None else _checklist(why(moment, *asked)),
    }


def editable_text(message: MessageState) -> str | None:
    """The description or the candidate that a message carries, if it does."""
    return message.candidate if message.kind == "candidate" else message.sdp


def waiting_sentence(
    moment: Moment, viewer: str | None, names: Iterable[str]
) -> str | None:
    """What a paused call waits for, from one participant's point of view.

    Parameters
    ----------
    moment : Moment
    viewer : str or None
        A name, or ``"*"`` for everyone's.
    names : iterable of str
        Everyone in the room.

    Returns
    -------
    str or None
        None when signaling is not paused: then nothing waits for somebody's hand.
    """
    if not moment.paused:
        return None
    for one, other in _unseen(moment, viewer, list(names)):
        return f"{one} waits for {other}: {_missing(moment, why(moment, one, other))}."
    count = len(moment.pending)
    if count == 0:
        return "Signaling is paused; no message is held."
    held = "1 message is" if count == 1 else f"{count} messages are"
    return f"Signaling is paused; {held} held."


def _unseen(
    moment: Moment, viewer: str | None, names: list[str]
) -> Iterator[tuple[str, str]]:
    """Pairs of which the first has no picture of the second yet."""
    viewers = names if viewer == EVERYONE else [viewer] if viewer else []
    for one in viewers:
        for other in names:
            if one == other:
                continue
            link = moment.link(one, other)
            if link is None or not link.one(one).saw_frame:
                yield one, other


def _missing(moment: Moment, reasons: Why) -> str:
    step = reasons.missing
    if step is None:
        return "its first picture"
    places = {message.number: at for at, message in enumerate(moment.pending)}
    if step.message is None or step.message not in places:
        return panel_words(step.words or step.name).rstrip(".")
    what = moment.messages[step.message].described
    place = places[step.message]
    if place == 0:
        return f"{what} is held (Step delivers it)"
    return f"{what} is held (Step, pressed {place + 1} times, delivers it)"


def _row(message: MessageState) -> dict[str, Any]:
    kind, sender, receiver = message.kind, message.sender, message.receiver
    return {
        "number": message.number,
        "kind": kind,
        "sender": sender or "server",
        "receiver": receiver,
        "summary": summary(kind, message.payload),
        "edited": "; ".join(message.edited),
        "effect": consequence(kind, sender, receiver, message.payload),
        "editable": editable_text(message) is not None,
    }


def _checklist(reasons: Why) -> dict[str, Any]:
    missing = reasons.missing
    verb = "sees" if reasons.sees else "does not see"
    return {
        "title": f"{reasons.viewer} {verb} {reasons.remote}",
        "steps": [
            {
                "state": step.state,
                "name": step.name,
                "words": panel_words(step.words),
                "missing": step is missing,
            }
            for step in reasons.steps
        ],
    }
