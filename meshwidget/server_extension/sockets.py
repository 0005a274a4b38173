"""How many WebSockets browsers may open, in one room and in all, and how fast."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator
from weakref import WeakValueDictionary

from ..signaling.limits import MAX_STRANGERS

MAX_IN_A_ROOM = 64
"""A class of 30, with a view and a peer each."""

MAX_IN_ALL = 256
"""Each takes two descriptors of the Jupyter server, which may have 1024."""


MAX_AT_A_DOOR = MAX_STRANGERS // 2
"""Connections to one kernel that have not shown its secret yet: a class that opens its
pages at once must not look like a crowd of strangers, whom the kernel cuts off."""


class TooManySockets(Exception):
    """No more fit; the message says of what."""


class OpenSockets:
    """Counts those that are open."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._doors: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    def door(self, room_id: str) -> asyncio.Semaphore:
        """What to hold while a room's kernel is being called."""
        return self._doors.setdefault(room_id, asyncio.Semaphore(MAX_AT_A_DOOR))

    @contextlib.contextmanager
    def one_more(self, room_id: str) -> Iterator[None]:
        """Count one for as long as the block lasts.

        Raises
        ------
        TooManySockets
        """
        if self._counts[room_id] >= MAX_IN_A_ROOM:
            raise TooManySockets(
                f"{MAX_IN_A_ROOM} browsers' sockets are open in this room; no more fit"
            )
        if self._counts.total() >= MAX_IN_ALL:
            raise TooManySockets(
                f"{MAX_IN_ALL} browsers' sockets are open on this server; no more fit"
            )
        self._counts[room_id] += 1
        try:
            yield
        finally:
            self._counts[room_id] -= 1
            if not self._counts[room_id]:
                del self._counts[room_id]
