"""When a keyframe may be made: as soon as it is asked for, but never a storm of them.

A keyframe is many times larger than another picture, and in a mesh every receiver may
ask for one at once. Pure: times are given, in seconds.
"""

from __future__ import annotations

BURST = 4
"""Keyframes that may follow each other at once: a link that comes up has often missed
the first one, because its other end was a moment later."""

PER_SECOND = 10.0
"""Keyframes that may follow each other for long."""


class KeyframeBudget:
    """Wishes for a keyframe, and whether one may be made now.

    Attributes
    ----------
    per_second : float
        At most :data:`PER_SECOND`; less where the path carries less.
    """

    def __init__(self) -> None:
        self.per_second = PER_SECOND
        self._wanted = True
        self._credit = float(BURST)
        self._credited: float | None = None

    def ask(self) -> None:
        """Somebody cannot go on without a keyframe."""
        self._wanted = True

    def is_due(self, now: float) -> bool:
        """Whether the next picture should be one."""
        if self._credited is not None:
            earned = (now - self._credited) * self.per_second
            self._credit = min(float(BURST), self._credit + earned)
        self._credited = now
        return self._wanted and self._credit >= 1

    def spend(self) -> None:
        """One was made."""
        self._wanted = False
        self._credit = max(0.0, self._credit - 1)
