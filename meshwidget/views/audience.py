"""Who looks at a diagram, what they have already, and what must be sent.

Pure: time is given. A diagram is a list of lines; a page that has one version of it is
sent what is new in the next, and refers to its own lines for the rest.

The rules:

* Nothing is sent while nobody looks. A page that looks says so every few seconds, and
  is forgotten when it has been silent for :data:`SILENCE` seconds.
* Nothing is sent before one of those who look has the last version: a page or a kernel
  that is busy gets the newest when it has time, and no queue builds up.
* A page that has another version than the one a change is based on asks for all of it,
  by saying that it has version 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["SILENCE", "Audience", "Change", "changed_lines"]

SILENCE = 15.0
"""Seconds; a page speaks up every five."""

LOST = 3.0
"""Seconds after which what nobody has acknowledged is sent again in full."""

Change = list[str | tuple[int, int]]
"""New lines, and runs of the previous version's lines: first and one after the last."""


def changed_lines(before: Sequence[str], after: Sequence[str]) -> Change:
    """What a page with the lines before needs to have the lines after."""
    before = list(before)
    places = {line: place for place, line in enumerate(before)}
    change: Change = []
    for line in after:
        last = change[-1] if change else None
        if (
            isinstance(last, tuple)
            and last[1] < len(before)
            and before[last[1]] == line
        ):
            change[-1] = (last[0], last[1] + 1)
        elif line in places:
            change.append((places[line], places[line] + 1))
        else:
            change.append(line)
    return change


@dataclass
class _Page:
    version: int
    heard: float
    visible: bool


class Audience:
    """The pages of one diagram.

    Attributes
    ----------
    version : int
        Of what was sent last; 0 when nothing was.
    """

    def __init__(self) -> None:
        self.version = 0
        self._pages: dict[str, _Page] = {}
        self._sent = 0.0
        self._in_full = True
        """Whether the next one must be sent as a whole."""

    def here(self, client: str, version: int, visible: bool, now: float) -> None:
        """A page says that it is there, and what it has."""
        self._pages = {
            name: page
            for name, page in self._pages.items()
            if now - page.heard < SILENCE
        }
        known = self._pages.get(client)
        begins = known is None or (visible and not known.visible)
        self._pages[client] = _Page(version, now, visible)
        lost = version != self.version and now - self._sent > LOST
        if visible and (version == 0 or lost or (begins and version != self.version)):
            self._in_full = True

    def bye(self, client: str) -> None:
        """A page is closed."""
        self._pages.pop(client, None)

    def is_watched(self, now: float) -> bool:
        """Whether anybody looks."""
        return any(
            page.visible and now - page.heard < SILENCE for page in self._pages.values()
        )

    @property
    def wants_all(self) -> bool:
        """Whether somebody looks who has nothing to build on."""
        return self._in_full

    def is_ready(self, now: float) -> bool:
        """Whether the next version may be sent now."""
        if self._in_full:
            return self.is_watched(now)
        return any(
            page.visible and page.version == self.version and now - page.heard < SILENCE
            for page in self._pages.values()
        )

    def sent(self, now: float) -> tuple[int, int]:
        """Note that the next version is being sent; its base (0: all) and number."""
        base = 0 if self._in_full else self.version
        self.version += 1
        self._sent = now
        self._in_full = False
        return base, self.version
