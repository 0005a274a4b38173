"""From RTP packets of VP8, lost, late and doubled, to pictures that can be decoded.

A picture leaves with its last packet, which RTP marks (RFC 7741, section 4.1), not with
the next one's first. A gap is asked for by NACK at once (RFC 4585, section 6.2.1), and
again while it stays open; what does not come within :data:`PATIENCE` is given up, and
pictures go on at the next keyframe, which is asked for by PLI (section 6.3.1). So every
picture that leaves can be decoded, and none leaves out of order.

Pure: times are given, in seconds, and never run backwards.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..media.vp8 import descriptor_length, is_first, is_keyframe

PATIENCE = 0.3
"""Seconds that a gap may hold up all that comes after it. A round trip of a slow path,
in which a NACK can still be of use."""

NACK_AGAIN = 0.02
"""Seconds until a packet is asked for once more, at least; each wait is twice the last,
because a path that is slow to answer was asked already."""

_GIVEN_UP = 2.0
_REPAIRED = 0.9
"""Times that wait, for each packet given up and each that came after all."""

KEYFRAME_AGAIN = 0.2
"""Seconds until a keyframe is asked for once more."""

MAX_GAP = 512
"""Packets. A larger jump, either way, is a new beginning."""

MAX_PARTS = 512
"""Packets of one picture. More are none: memory is bounded whatever comes."""

_MASK = (1 << 16) - 1


class VideoAssembly:
    """Pictures of one stream of packets.

    Attributes
    ----------
    needs_feedback : bool
        Whether :meth:`feedback` may have something to say to the sender.
    needs_keyframe : bool
        Whether pictures are left out until one comes that stands by itself.
    dropped : int
        Pictures that were left out so, as far as any of their packets came.
    """

    def __init__(self) -> None:
        self.needs_feedback = False
        self.needs_keyframe = True
        self.dropped = 0
        self._next: int | None = None
        self._parts: list[bytes] = []
        self._timestamp = 0
        self._is_broken = False
        """Whether a part of the picture that is coming in is lost."""
        self._waiting: dict[int, tuple[int, bool, bytes]] = {}
        self._missing: dict[int, tuple[float, float]] = {}
        """When each was missed, and when it may be asked for again. There are some if
        and only if others wait for them."""
        self._ask_keyframe_at: float | None = None
        self._nack_again = NACK_AGAIN
        """Grows while asking is in vain: on a path with a full queue the repair is in
        it already, and another makes it longer."""

    def add(
        self, sequence: int, timestamp: int, marker: bool, payload: bytes, now: float
    ) -> Sequence[tuple[int, bytes]]:
        """Take a packet; return the pictures it completes, oldest first.

        Parameters
        ----------
        sequence : int
            RTP sequence number, 0 to 65535.
        timestamp : int
            RTP timestamp, 90 kHz.
        marker : bool
            Whether it is the last of its picture.
        payload : bytes
        now : float
            Seconds.

        Returns
        -------
        sequence of (int, bytes)
            Timestamp and encoded picture.
        """
        if sequence == self._next and not self._waiting:
            self._next = (sequence + 1) & _MASK
            return self._append(timestamp, marker, payload, now)
        if self._next is None:
            self._next = sequence
        ahead = (sequence - self._next) & _MASK
        if ahead <= _MASK - MAX_GAP:  # else it was there already, or was given up
            if ahead > MAX_GAP:
                self._restart(sequence, now)
            else:
                self._note_missing(ahead, now)
            if sequence in self._missing:
                del self._missing[sequence]
                self._nack_again = max(NACK_AGAIN, self._nack_again * _REPAIRED)
            self._waiting[sequence] = (timestamp, marker, payload)
        pictures = self._drain(now)
        while self._missing and self._waited_in_vain(now):
            self._give_up(now)
            pictures += self._drain(now)
        self._note_feedback()
        return pictures

    def feedback(self, now: float) -> tuple[list[int], bool]:
        """Say what the sender should do: packets to send again, a keyframe or not."""
        lost = [number for number, (_, due) in self._missing.items() if due <= now]
        for number in lost:
            since, _ = self._missing[number]
            wait = max(self._nack_again, now - since)
            self._missing[number] = since, now + wait
        wants_keyframe = (
            self._ask_keyframe_at is not None and self._ask_keyframe_at <= now
        )
        if wants_keyframe:
            self._ask_keyframe_at = now + KEYFRAME_AGAIN
        self._note_feedback()
        return lost, wants_keyframe

    def _append(
        self, timestamp: int, marker: bool, payload: bytes, now: float
    ) -> list[tuple[int, bytes]]:
        """Take the next packet in order."""
        if not payload:
            return []  # padding, with which a browser probes the path
        pictures = []
        if timestamp != self._timestamp:
            if self._parts or self._is_broken:
                # The marker was missing: this packet begins another picture.
                pictures = self._emit(now)
            self._begin(timestamp)
        try:
            if not self._is_broken:
                self._add_part(payload)
        except ValueError:
            self._break()
        if marker:
            pictures += self._emit(now)
        return pictures

    def _add_part(self, payload: bytes) -> None:
        if not self._parts and not is_first(payload):
            raise ValueError("the picture's beginning is missing")
        if len(self._parts) == MAX_PARTS:
            raise ValueError("the picture has no end")
        self._parts.append(payload[descriptor_length(payload) :])

    def _begin(self, timestamp: int) -> None:
        self._timestamp = timestamp
        self._parts = []
        self._is_broken = False

    def _break(self) -> None:
        """What has come of this picture is of no use, nor what is still to come."""
        self._parts = []
        self._is_broken = True

    def _emit(self, now: float) -> list[tuple[int, bytes]]:
        """The picture whose packets are all here, if it can be decoded."""
        parts, broken, timestamp = self._parts, self._is_broken, self._timestamp
        self._begin(timestamp)
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        if data and not broken:
            if not self.needs_keyframe:
                return [(timestamp, data)]
            if is_keyframe(data):
                self.needs_keyframe = False
                self._ask_keyframe_at = None
                self._note_feedback()
                return [(timestamp, data)]
        self.dropped += 1
        self._want_keyframe(now)
        return []

    def _note_missing(self, ahead: int, now: float) -> None:
        """Miss what is not there of so many packets from the next one on."""
        first = self._next or 0
        for number in range(first, first + ahead):
            if number & _MASK not in self._waiting:
                self._missing.setdefault(number & _MASK, (now, now))

    def _drain(self, now: float) -> list[tuple[int, bytes]]:
        """Take what waits and is in order."""
        pictures = []
        while (packet := self._waiting.pop(self._next or 0, None)) is not None:
            self._next = ((self._next or 0) + 1) & _MASK
            pictures += self._append(*packet, now)
        return pictures

    def _waited_in_vain(self, now: float) -> bool:
        since, _ = next(iter(self._missing.values()))
        return now - since > PATIENCE

    def _give_up(self, now: float) -> None:
        """Go on after the gap that is in the way."""
        self._nack_again = min(PATIENCE, self._nack_again * _GIVEN_UP)
        while self._next is not None and self._next not in self._waiting:
            self._missing.pop(self._next, None)
            self._next = (self._next + 1) & _MASK
        self._break()
        self._want_keyframe(now)

    def _restart(self, sequence: int, now: float) -> None:
        self._waiting.clear()
        self._missing.clear()
        self._begin(self._timestamp)
        self._next = sequence
        self._want_keyframe(now)

    def _want_keyframe(self, now: float) -> None:
        """Leave pictures out until a keyframe comes, and ask for it."""
        self.needs_keyframe = True
        if self._ask_keyframe_at is None:
            self._ask_keyframe_at = now
        self.needs_feedback = True

    def _note_feedback(self) -> None:
        self.needs_feedback = bool(self._missing) or self._ask_keyframe_at is not None
