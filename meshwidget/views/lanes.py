"""Where things stand in a sequence diagram: a lane a participant, filled from above.

Pure geometry. Each lane has its lifeline and the gap right of it; what is placed takes
a run of them and comes to stand right below whatever is there already. So an arrow is
never above one that was drawn before it on any lifeline that it touches, and what
happens to one participant may stand beside what happens to others.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["MARGIN", "SERVER", "Lanes"]

SERVER = ""
"""The server's name in events."""

MARGIN = 8
MIN_SPACING, MAX_SPACING = 136, 250
AFTER_LAST = 0.92
"""Room for notes right of the last lifeline, in lanes."""


class Lanes:
    """The lanes of a diagram.

    Parameters
    ----------
    peers : sequence of str
        From left to right. The server comes second, so that nobody moves when one more
        joins.
    width : float
        Pixels to aim for; many lanes take more and few take less.
    top : float
        Where the first thing is placed.
    """

    def __init__(self, peers: Sequence[str], width: float, top: float) -> None:
        self.names = (*peers[:1], SERVER, *peers[1:])
        lanes = len(self.names) - 0.5 + AFTER_LAST
        spacing = min(max((width - 2 * MARGIN) / lanes, MIN_SPACING), MAX_SPACING)
        self.spacing = float(round(spacing))
        self.width = round(self.spacing * lanes) + 2 * MARGIN
        self._places = {name: place for place, name in enumerate(self.names)}
        self._free = [top] * (2 * len(self.names))
        """Of each lifeline and then the gap right of it: what is taken from above."""

    def x(self, name: str) -> float:
        """Where its lifeline is."""
        return MARGIN + self.spacing * (self._places[name] + 0.5)

    def side(self, name: str) -> int:
        """1 when it stands right of the server, -1 when left of it."""
        return 1 if self._places[name] > self._places[SERVER] else -1

    def room(self, name: str) -> float:
        """Pixels for a text between its lifeline and the next one, or the edge."""
        return min(self.spacing - 18, self.width - MARGIN - self.x(name) - 9)

    @property
    def bottom(self) -> float:
        """Below everything that was placed."""
        return max(self._free)

    def place(self, height: float, *names: str, gap: int = 0) -> float:
        """Take room from the first of the named lifelines to the last.

        Parameters
        ----------
        height : float
        *names : str
            None of them takes the whole width.
        gap : int
            1 takes the gap right of the last one too, -1 the one left of the first.

        Returns
        -------
        float
            Its top.
        """
        slots = [2 * self._places[name] for name in names] or [0, len(self._free) - 1]
        start = max(min(slots) + min(gap, 0), 0)
        stop = max(slots) + max(gap, 0) + 1
        top = max(self._free[start:stop])
        self._free[start:stop] = [top + height] * (stop - start)
        return top
