"""What stepping gives back, printed as a learner reads it.

The texts have no ids, ports or times in them, so that they are the same every time and
can be the saved outputs of a notebook.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from .events import Event
from .history.text import log_text
from .history.words import summary
from .signaling.gate import Message


class Pending(tuple[Message, ...]):
    """The messages that wait to be delivered, the next one first."""

    __slots__ = ()

    def rows(self) -> list[tuple[str, str, str, str, str]]:
        """Number, kind, sender, receiver and content of each, as text."""
        return [
            (
                str(message.number),
                message.kind,
                message.sender or "server",
                message.receiver,
                summary(message.kind, message.payload),
            )
            for message in self
        ]

    def __repr__(self) -> str:
        if not self:
            return "nothing is pending"
        rows = self.rows()
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = []
        for number, kind, sender, receiver, content in rows:
            route = f"{sender:>{widths[2]}} -> {receiver:<{widths[3]}}"
            line = f"{number:>{widths[0]}}  {kind:<{widths[1]}}  {route}  {content}"
            lines.append(line.rstrip())
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        if not self:
            return "<p>nothing is pending</p>"
        titles = ("", "message", "from", "to", "what is in it")
        head = "".join(f"<th style='text-align:left'>{title}</th>" for title in titles)
        body = "".join(
            "<tr>"
            + "".join(
                f"<td style='text-align:left'>{escape(cell)}</td>" for cell in row
            )
            + "</tr>"
            for row in self.rows()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


class Happened(list[Event]):
    """The events that a step caused.

    Parameters
    ----------
    events : iterable of Event
    names : sequence of str
        The participants in order of joining, by which the text is sorted.
    """

    def __init__(self, events: Iterable[Event], names: Sequence[str]) -> None:
        super().__init__(events)
        self._names = tuple(names)

    def __repr__(self) -> str:
        return log_text(self, self._names) if self else "nothing happened"
