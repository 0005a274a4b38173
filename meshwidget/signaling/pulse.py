"""How long a page has been silent that could have been heard: pure.

A page over a widget's comm cannot be heard while a cell keeps the kernel's main thread
busy, nor can any while this process itself is held up. That is not the page's silence,
so it does not count.
"""

from __future__ import annotations


class Pulse:
    """The silence of one page.

    Parameters
    ----------
    now : float
        Seconds on any steady clock; the same clock as for the methods.
    longest : float
        The most that counts between two looks. Whoever looks less often was held up,
        and the page's words may wait where it was.
    """

    def __init__(self, now: float, longest: float) -> None:
        self._longest = longest
        self._looked = now
        self._silent = 0.0

    def beat(self, now: float) -> None:
        """Note that the page has said something."""
        self._looked, self._silent = now, 0.0

    def silence(self, now: float, *, passable: bool) -> float:
        """Return the seconds of silence that count so far.

        Parameters
        ----------
        now : float
        passable : bool
            Whether what the page says has been able to arrive since the last look.
        """
        if passable:
            self._silent += min(now - self._looked, self._longest)
        self._looked = now
        return self._silent
