"""The arrows of a state diagram: from the edge of one box to the edge of another.

Pure geometry: a straight line, or one that leaves it to a side (a quadratic curve).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Box", "Curve", "Point"]

Point = tuple[float, float]

HALVINGS = 12
"""Enough for a tenth of a pixel."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle around a middle."""

    middle: Point
    width: float
    height: float

    def has(self, point: Point) -> bool:
        """Whether a point is inside."""
        across = abs(point[0] - self.middle[0])
        down = abs(point[1] - self.middle[1])
        return across <= self.width / 2 and down <= self.height / 2


@dataclass(frozen=True, slots=True)
class Curve:
    """A way from one box to another.

    Attributes
    ----------
    bend : float
        How far its middle is from the straight line, to the right of the way.
    """

    start: Box
    end: Box
    bend: float = 0.0

    @property
    def right(self) -> Point:
        """The direction to the right of the way, of length one."""
        (x1, y1), (x2, y2) = self.start.middle, self.end.middle
        length = math.hypot(x2 - x1, y2 - y1) or 1.0
        return (y1 - y2) / length, (x2 - x1) / length

    def at(self, part: float) -> Point:
        """The place after a part of the way, between the middles of the boxes."""
        (x1, y1), (x2, y2) = self.start.middle, self.end.middle
        right = self.right
        before, after = 1 - part, part
        aside = 4 * before * after * self.bend
        return (
            before * x1 + after * x2 + aside * right[0],
            before * y1 + after * y2 + aside * right[1],
        )

    def visible(self) -> tuple[float, float]:
        """The parts of the way at which it leaves its start and reaches its end."""
        return (
            self._border(self.start, inside=0.0, outside=0.5),
            self._border(self.end, inside=1.0, outside=0.5),
        )

    def _border(self, box: Box, inside: float, outside: float) -> float:
        """Where it crosses the edge of a box, by halving."""
        for _ in range(HALVINGS):
            middle = (inside + outside) / 2
            if box.has(self.at(middle)):
                inside = middle
            else:
                outside = middle
        return inside

    def path(self) -> tuple[str, Point, float]:
        """What to draw.

        Returns
        -------
        str
            Path data, from box to box.
        (float, float)
            Where the arrow's tip is.
        float
            Where it points, in degrees clockwise from the right.
        """
        leaves, reaches = self.visible()
        (x1, y1), (x2, y2) = self.at(leaves), self.at(reaches)
        # A part of a quadratic curve is one too: its handle is where tangents meet.
        half = self.at((leaves + reaches) / 2)
        handle = (2 * half[0] - (x1 + x2) / 2, 2 * half[1] - (y1 + y2) / 2)
        angle = math.degrees(math.atan2(y2 - handle[1], x2 - handle[0]))
        data = f"M{x1:.1f} {y1:.1f}"
        if self.bend:
            data += f"Q{handle[0]:.1f} {handle[1]:.1f} {x2:.1f} {y2:.1f}"
        else:
            data += f"L{x2:.1f} {y2:.1f}"
        return data, (x2, y2), angle
