"""The encoded pictures of one tile on their way to a decoder: which, and when not.

A picture that was encoded after another needs it, so nothing may be left out in the
middle as it may with JPEGs. The contract:

- What is taken can be decoded after what was taken before, or begins with a keyframe.
- What has waited longer than :data:`MAX_WAIT` is given up with all that follows, up to
  the next keyframe: a view that is behind jumps, it does not lag.
- A keyframe is asked of the sender when somebody needs one: after giving up, for a page
  that has just come, for a decoder that failed. One wish at a time: it costs everybody
  who receives from there.

Pure: no clock (times are given, in seconds), and no idea of what is in a picture.
"""

from __future__ import annotations

from collections import deque
from typing import Generic, Protocol, TypeVar

MAX_WAIT = 0.1
"""Seconds that a picture may wait to be sent. With what is on its way to the page a
view is never more than 200 ms behind."""

ASK_AGAIN_AFTER = 1.0
"""Seconds after which a keyframe that has not come is asked for once more."""


class Encoded(Protocol):
    """One picture, encoded."""

    @property
    def is_keyframe(self) -> bool:
        """Whether it can be decoded without any other."""


Picture = TypeVar("Picture", bound=Encoded)


class ChunkQueue(Generic[Picture]):
    """What waits to be sent of one tile.

    Parameters
    ----------
    now : float
        When the first keyframe was asked for.

    Attributes
    ----------
    count : int
        Pictures that could be sent so far; it grows whenever there is something new.
    """

    def __init__(self, now: float) -> None:
        self.count = 0
        self._waiting: deque[tuple[float, Picture]] = deque()
        self._broken = True
        """Whether nothing can be decoded before the next keyframe."""
        self._needed = True
        """Whether somebody needs a keyframe, also if others can go on without."""
        self._asked: float | None = now

    def __len__(self) -> int:
        return len(self._waiting)

    def push(self, picture: Picture, now: float) -> None:
        """Take the next one of the link."""
        if picture.is_keyframe:
            self._waiting.clear()  # nobody needs them any more
            self._broken = self._needed = False
            self._asked = None
        elif self._broken:
            return
        self._waiting.append((now, picture))
        self.count += 1
        if now - self._waiting[0][0] > MAX_WAIT:
            self.give_up()

    def take(self) -> list[Picture]:
        """Give what waits, to be sent now and in this order."""
        taken = [picture for _, picture in self._waiting]
        self._waiting.clear()
        return taken

    def give_up(self) -> None:
        """Send nothing more before the next keyframe."""
        self._waiting.clear()
        self._broken = self._needed = True

    def need_keyframe(self) -> None:
        """Somebody has nothing yet to decode the next picture with."""
        self._needed = True

    def asks(self, now: float) -> bool:
        """Whether a keyframe is to be asked of the sender now; it counts as asked."""
        if not self._needed:
            return False
        if self._asked is not None and now - self._asked < ASK_AGAIN_AFTER:
            return False
        self._asked = now
        return True
