"""One step of a checklist, and the words for what became of a message."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Self

from .moment import Moment
from .outline import Outline
from .parts import MessageState


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One thing that has to happen before a picture is seen.

    Attributes
    ----------
    name : str
        What, for instance ``"answer delivered"``.
    state : str
        ``"done"``, ``"waiting"`` or ``"failed"``.
    words : str
        What is known of it; what to do, when it is missing.
    message : int or None
        Number of the message that it is missing for.
    harmless : bool
        Whether the picture comes, or came, without it.
    """

    name: str
    state: str
    words: str = ""
    message: int | None = None
    harmless: bool = False

    @classmethod
    def done(cls, name: str, words: str = "") -> Self:
        """It has happened."""
        return cls(name=name, state="done", words=words)

    @classmethod
    def waiting(cls, name: str, words: str = "", message: int | None = None) -> Self:
        """It has not happened yet."""
        return cls(name=name, state="waiting", words=words, message=message)

    @classmethod
    def failed(cls, name: str, words: str, message: int | None = None) -> Self:
        """It will not happen by itself."""
        return cls(name=name, state="failed", words=words, message=message)

    def without_harm(self, is_harmless: bool = True) -> Self:
        """The same step, which stands in nobody's way."""
        return replace(self, harmless=is_harmless and self.state != "done")


def changed(message: MessageState) -> str:
    """What was changed by hand, as a part of a sentence; empty when nothing was."""
    if not message.edited:
        return ""
    return f" (changed by hand: {'; '.join(message.edited)})"


def delivery(moment: Moment, name: str, message: MessageState, when_lost: str) -> Step:
    """The step that a message gets from the server to its receiver.

    Parameters
    ----------
    moment : Moment
    name : str
        Of the step.
    message : MessageState
    when_lost : str
        What follows when it never comes, and what to do.
    """
    described = message.described + changed(message)
    if message.status == "delivered":
        return Step.done(name, described)
    if message.status == "dropped":
        return Step.failed(name, f"{lost(message)}: {when_lost}", message.number)
    return Step.waiting(name, pending(moment, message), message.number)


def pending(moment: Moment, message: MessageState) -> str:
    """Where a message is that is still at the server, and what lets it go."""
    if message.status == "in flight":
        return f"{message.described} is on its way"
    before = [each.number for each in moment.pending].index(message.number)
    if before == 0:
        how = "mesh.step() delivers it"
    else:
        noun = "one" if before == 1 else f"{before}"
        how = f"mesh.step({before + 1}) delivers it and the {noun} before it"
    held = f"{message.described}{changed(message)} is held at the server"
    return f"{held}: {how}"


def lost(message: MessageState) -> str:
    """How a message was lost."""
    described = message.described + changed(message)
    if message.reason == "dropped":
        return f"{described} was dropped on purpose"
    return f"{described} was lost, because {message.receiver} left"


def flaw_of(message: MessageState) -> str | None:
    """What the description in a message lacks, as a sentence; None when nothing."""
    return None if message.sdp is None else Outline.of(message.sdp).flaw


def again(newcomer: str) -> str:
    """What makes everything between two start anew."""
    name = quoted(newcomer)
    return f"Only a new try helps: mesh.exit({name}), then mesh.join({name})"


def quoted(name: str) -> str:
    """A name as it is typed in Python, in double quotes."""
    return json.dumps(name, ensure_ascii=False)
