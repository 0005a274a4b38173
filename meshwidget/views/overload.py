"""Whether this computer carries all links at the rate at which their sources send.

One link that brings less has a trouble of its own. When nearly all do, the call is more
than the computer can carry, and that is said.

Pure: rates and times are given. What is said does not flicker: it begins and ends only
after it has held for a while, and the number in it changes only when it matters.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

LOW = 0.85
"""A link that brings less than this part of what its source sends is short."""

ENOUGH = 0.92
"""Once it is said that links are short, those above this are not."""

NEARLY_ALL = 0.75
"""This part of the links must be short; less than half of them, for it to end."""

BEGINS_AFTER = 2.0
ENDS_AFTER = 3.0
"""Seconds for which it must have held, or not. The rates are means over one second."""

COARSE = 2
"""Frames a second by which a rate must change to be said anew."""


@dataclass(frozen=True, slots=True)
class LinkRate:
    """Frames a second of one directed link: what its source gives, and what comes."""

    sent: float
    received: float


class Overload:
    """Remembers what was said."""

    def __init__(self) -> None:
        self._said: tuple[int, int] | None = None
        self._since: float | None = None
        """When the opposite of what is said began to hold."""

    def sentence(self, links: Sequence[LinkRate], now: float) -> str:
        """Say that the links are short, or nothing.

        Parameters
        ----------
        links : Sequence[LinkRate]
            All that are connected and whose source sends.
        now : float
            The time, in seconds.
        """
        if self._is_short(links) == (self._said is not None):
            self._since = None
        elif self._since is None:
            self._since = now
        wait = BEGINS_AFTER if self._said is None else ENDS_AFTER
        if self._since is not None and now - self._since >= wait:
            self._since = None
            self._said = _medians(links) if self._said is None else None
        if self._said is None:
            return ""
        self._update(links)
        received, sent = self._said
        return (
            "This computer cannot carry all links at full rate: "
            f"{received} of {sent} fps on every link."
        )

    def _is_short(self, links: Sequence[LinkRate]) -> bool:
        level, share = (LOW, NEARLY_ALL) if self._said is None else (ENOUGH, 0.5)
        short = sum(link.received < level * link.sent for link in links)
        return bool(links) and short >= share * len(links)

    def _update(self, links: Sequence[LinkRate]) -> None:
        if links and self._said is not None:
            new = _medians(links)
            changed = zip(new, self._said, strict=True)
            if any(abs(one - other) >= COARSE for one, other in changed):
                self._said = new


def _medians(links: Sequence[LinkRate]) -> tuple[int, int]:
    received = statistics.median(link.received for link in links)
    sent = statistics.median(link.sent for link in links)
    return round(min(received, sent)), round(sent)  # what was late comes on top
