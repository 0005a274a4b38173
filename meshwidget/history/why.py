"""Why does one participant not see another? A checklist, from joining to a picture.

The steps are those of a call as it should go; each is done, waiting or failed, and the
first one that is missing is explained, with what to do about it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from ..events import Event
from .checks import checklist
from .moment import Moment
from .step import Step

__all__ = ["Step", "Why", "why"]

_MARKS = {"done": "✓", "waiting": "…", "failed": "✗"}
_WIDTH = 80


@dataclass(frozen=True, kw_only=True, slots=True)
class Why:
    """What has happened, and what has not, for one to see the other.

    Attributes
    ----------
    viewer, remote : str
        Who should see, and whom.
    steps : tuple of Step
        In order. A call that goes well is done with one before the next.
    """

    viewer: str
    remote: str
    steps: tuple[Step, ...]

    @property
    def sees(self) -> bool:
        """Whether the one sees the other: nothing is missing that matters."""
        return all(step.state == "done" or step.harmless for step in self.steps)

    @property
    def missing(self) -> Step | None:
        """The first step that keeps the one from seeing the other.

        When there is none, the first that failed or waits though the picture came all
        the same; None when all are done.
        """
        open_steps = [step for step in self.steps if step.state != "done"]
        blocking = [step for step in open_steps if not step.harmless]
        return next(iter(blocking or open_steps), None)

    @property
    def sentence(self) -> str:
        """All of it in one sentence, without the steps."""
        step = self.missing
        if step is None:
            return f"{self.viewer} sees {self.remote}"
        verb = "sees" if self.sees else "does not see"
        return f"{self.viewer} {verb} {self.remote}: {step.words or step.name}"

    def __str__(self) -> str:
        lines = [self._title()]
        for step in self.steps:
            lines.extend(
                textwrap.wrap(
                    f"{_MARKS[step.state]} {self._line(step)}",
                    _WIDTH,
                    initial_indent="  ",
                    subsequent_indent="    ",
                    break_long_words=False,
                    break_on_hyphens=False,
                )
            )
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        missing = self.missing
        items = "".join(
            f'<li data-state="{step.state}">{_MARKS[step.state]} '
            + (
                f"<strong>{escape(self._line(step))}</strong>"
                if step is missing
                else escape(self._line(step))
            )
            + "</li>"
            for step in self.steps
        )
        return (
            f'<div class="meshwidget-why"><p>{escape(self._title())}</p>'
            f'<ul style="list-style: none">{items}</ul></div>'
        )

    def _title(self) -> str:
        if self.sees:
            return f"{self.viewer} sees {self.remote}."
        return f"{self.viewer} does not see {self.remote}:"

    @staticmethod
    def _line(step: Step) -> str:
        return f"{step.name}: {step.words}" if step.words else step.name


def why(moment: Moment | Iterable[Event], viewer: str, remote: str) -> Why:
    """Why one does, or does not, see the other.

    Parameters
    ----------
    moment : Moment or iterable of Event
        The call as it is or was.
    viewer, remote : str
        Who should see, and whom.

    Raises
    ------
    ValueError
        When both are the same: nobody needs a connection to see itself.
    """
    if viewer == remote:
        raise ValueError(
            f"{viewer} sees itself without any connection: name two participants"
        )
    if not isinstance(moment, Moment):
        moment = Moment.of(moment)
    return Why(
        viewer=viewer, remote=remote, steps=tuple(checklist(moment, viewer, remote))
    )
