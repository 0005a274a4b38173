"""When a frame is due: an absolute schedule, so that lateness never adds up.

Pure: nothing here reads a clock or sleeps. Times are seconds of the caller's clock.
"""

import math

from .formats import VIDEO_FRAME_RATE

SLOT_TOLERANCE = 0.25
"""Of a frame. Timestamps in files are rounded (to whole ms in WebM), so that a frame
may lie a little before its slot."""
AUDIO_PATIENCE = 5
"""Frames of sound (100 ms) that are given late rather than skipped: a gap is heard."""


class Schedule:
    """Says which frame of a steady stream comes next, and when it is due.

    Parameters
    ----------
    start : float
        When frame 0 is due, in seconds.
    rate : float
        Frames a second.
    patience : int
        How many frames may be given late, one right after the other. Those that are
        later still are skipped. 0 suits pictures, of which only the newest counts; a
        few suit sound, where each skipped frame is heard.
    """

    def __init__(self, start: float, rate: float, patience: int = 0) -> None:
        self._start = start
        self._rate = rate
        self._patience = patience
        self._next_index = 0

    def next(self, now: float) -> tuple[int, float]:
        """Take the next frame.

        Parameters
        ----------
        now : float
            Seconds, on the clock of ``start``.

        Returns
        -------
        index : int
            Which frame to give; larger than any given before.
        due : float
            When to give it, in seconds. In the past when the caller is late.
        """
        newest_due = math.floor((now - self._start) * self._rate)
        index = self._next_index
        if newest_due - index > self._patience:
            index = newest_due
        self._next_index = index + 1
        return index, self._start + index / self._rate


class SlotFilter:
    """Thins pictures out to at most 30 a second, whatever their own rate.

    Time is cut into slots of 1/30 s and each slot takes one picture. Sources of up to
    30 pictures a second pass whole; of 60 a second every other one passes.
    """

    def __init__(self) -> None:
        self._newest_slot: int | None = None

    def accepts(self, seconds: float) -> bool:
        """Whether the picture at ``seconds`` of its stream has a slot of its own."""
        slot = math.floor(seconds * VIDEO_FRAME_RATE + SLOT_TOLERANCE)
        if self._newest_slot is not None and slot <= self._newest_slot:
            return False
        self._newest_slot = slot
        return True
