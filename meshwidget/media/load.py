"""Fewer pictures from everybody when the loop cannot carry all, instead of late ones.

All media of a call pass one loop. When that is overloaded it is late with everything,
pictures, sound and the making of new connections alike. The remedy is to make less
work: every source leaves out the same share of its pictures, evenly over time, until
the loop keeps up, and gives them again when it has time to spare.
"""

from __future__ import annotations

import asyncio
from collections import deque
from statistics import median

SAMPLE_SECONDS = 0.1
LATE_SECONDS = 0.025
"""Late by so much, the loop cannot keep up. A picture passes it a few times at most, so
that nobody is ever 200 ms behind."""

EARLY_SECONDS = 0.010
"""Late by no more, it has time to spare."""

LEAST_SHARE = 0.1
"""Three pictures a second, of thirty."""

_DECREASE = 0.9
_INCREASE = 0.01
_SAMPLES = 3
"""A single hiccup of the machine says nothing."""


class Load:
    """What share of its pictures each source may give. Pure.

    Attributes
    ----------
    share : float
        ``LEAST_SHARE`` to 1.
    """

    def __init__(self) -> None:
        self.share = 1.0
        self._lateness: deque[float] = deque(maxlen=_SAMPLES)

    def note(self, lateness: float) -> None:
        """Take how late the loop was, in seconds, every ``SAMPLE_SECONDS``."""
        self._lateness.append(lateness)
        usual = median(self._lateness)
        if len(self._lateness) == _SAMPLES and usual > LATE_SECONDS:
            self.share = max(LEAST_SHARE, self.share * _DECREASE)
        elif usual < EARLY_SECONDS:
            self.share = min(1.0, self.share + _INCREASE)

    async def watch(self) -> None:
        """Measure the running loop, until cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            due = clock() + SAMPLE_SECONDS
            await asyncio.sleep(SAMPLE_SECONDS)
            self.note(clock() - due)


class Share:
    """Which pictures of one source those are: so many of a hundred, evenly spread.

    Parameters
    ----------
    load : Load
    """

    def __init__(self, load: Load) -> None:
        self._load = load
        self._credit = 1.0

    def admits(self) -> bool:
        """Whether the next picture is one of them."""
        self._credit += self._load.share
        if self._credit < 1:
            return False
        self._credit = min(self._credit - 1, 1.0)
        return True
