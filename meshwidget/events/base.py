"""What every event has."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Event"]


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened. ``str(event)`` is a sentence without times or ids.

    Attributes
    ----------
    seq : int
        Place in the log, from 0, without gaps.
    time : float
        Seconds since the mesh was made.
    """

    seq: int
    time: float
