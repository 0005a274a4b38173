"""How much one link can carry, from what its receiver reports.

The loss-based half of Google's congestion control (draft-ietf-rmcat-gcc-02, section 6),
and the receiver's own estimate as an upper bound. Pure.
"""

from __future__ import annotations

MAX_BITRATE = 200_000
"""Bits a second, what libwebrtc allows a picture of so many pixels. Moving pictures of
the call's size and rate are one packet each then; at 300,000 every other one is two."""

MIN_BITRATE = 60_000
"""Bits a second: still a picture."""

_MUCH_LOSS = 0.10
_LITTLE_LOSS = 0.02
_INCREASE = 1.08


class LinkBitrate:
    """The bitrate that suits one receiver.

    Attributes
    ----------
    target : float
        Bits a second, ``MIN_BITRATE`` to ``MAX_BITRATE``.
    sent : float
        What is really sent of late, bits a second; a quiet picture needs less than it
        may have.
    """

    def __init__(self) -> None:
        self.target = float(MAX_BITRATE)
        self.sent = float(MAX_BITRATE)
        self._estimate = float(MAX_BITRATE)

    def note_loss(self, fraction: float) -> None:
        """Take the fraction of packets lost since the last report, 0 to 1."""
        if fraction > _MUCH_LOSS:
            # Allowing less than was allowed, but more than is sent, changes nothing.
            self._set(min(self.target, self.sent) * (1 - 0.5 * fraction))
        elif fraction < _LITTLE_LOSS:
            self._set(self.target * _INCREASE)

    def note_estimate(self, bitrate: float) -> None:
        """Take the receiver's estimate of the path, bits a second (REMB)."""
        self._estimate = float(bitrate)
        self._set(self.target)

    def _set(self, bitrate: float) -> None:
        wanted = min(bitrate, self._estimate, MAX_BITRATE)
        self.target = max(wanted, MIN_BITRATE)
