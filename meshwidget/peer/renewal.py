"""Connections that failed are closed and made anew; aiortc has no ICE restart.

One side of each pair offers: the one that offered before. If it does not, as when it is
a browser that has not noticed yet, the other side does, a little later, and gives way
should both offers cross.

A new connection may be stuck like the old one. Whoever offered it looks after it, less
and less often, and makes it anew once more; but not while its negotiation waits for
somebody's hand, nor while the link is stopped on purpose.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Literal

PATIENCE_SECONDS = 2.0
"""How long the side that answered before waits for an offer: longer than the two sides
of a lost path differ in noticing it."""

AGAIN_SECONDS = (5.0, 10.0, 20.0, 40.0, 60.0)
"""How long a new connection is given, each in turn; the last again and again."""

STUCK = "the connection before found no path that carries"

Progress = Literal["done", "waiting", "stuck"]
"""A connection is there, or is not wanted any more; nothing can be done about it now;
it should be there by now."""


class Renewals:
    """The connections of one participant that are to be made anew. Mesh loop only.

    Parameters
    ----------
    renew : coroutine function
        ``renew(remote_id, reason, gives_way)``; returns whether it was done with. What
        was not is tried again by :meth:`retry`.
    progress : callable
        ``progress(remote_id)``: how the connection to that one does.
    """

    def __init__(
        self,
        renew: Callable[[str, str, bool], Awaitable[bool]],
        progress: Callable[[str], Progress],
    ) -> None:
        self._renew = renew
        self._progress = progress
        self._reasons: dict[str, str] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def want(self, remote_id: str, reason: str, *, offers: bool) -> None:
        """Make the connection to that one anew.

        Parameters
        ----------
        remote_id : str
        reason : str
            For the log.
        offers : bool
            Whether this side offered before; the other one waits for its offer first.
        """
        self.forget(remote_id)
        self._reasons[remote_id] = reason
        self._begin(remote_id, offers=offers)

    def look_after(self, remote_id: str) -> None:
        """Make the connection to that one anew if it is stuck, after a while.

        Nothing happens if that is under way.
        """
        if remote_id not in self._reasons:
            self._reasons[remote_id] = STUCK
            self._keep(remote_id, self._look_after(remote_id, gives_way=False))

    def retry(self) -> None:
        """Try again what could not be done: there is a line to the server again."""
        for remote_id in self._reasons:
            if remote_id not in self._tasks:
                self._begin(remote_id, offers=True)

    def forget(self, remote_id: str) -> None:
        """Let it be: the other side has offered, or has left."""
        self._reasons.pop(remote_id, None)
        task = self._tasks.pop(remote_id, None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    async def stop(self) -> None:
        """Renew nothing any more."""
        tasks = [task for task in self._tasks.values() if not task.done()]
        for remote_id in list(self._reasons):
            self.forget(remote_id)
        if tasks:
            await asyncio.wait(tasks)

    def _begin(self, remote_id: str, *, offers: bool) -> None:
        self._keep(remote_id, self._run(remote_id, offers=offers))

    def _keep(self, remote_id: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks[remote_id] = task
        task.add_done_callback(lambda done: self._end(remote_id, done))

    async def _run(self, remote_id: str, *, offers: bool) -> None:
        if not offers:
            await asyncio.sleep(PATIENCE_SECONDS)
        if await self._renew(remote_id, self._reasons[remote_id], not offers):
            await self._look_after(remote_id, gives_way=not offers)

    async def _look_after(self, remote_id: str, *, gives_way: bool) -> None:
        """Until it is there, which ends it, or could not be made anew for now."""
        pauses = itertools.chain(AGAIN_SECONDS, itertools.repeat(AGAIN_SECONDS[-1]))
        seconds = next(pauses)
        progress: Progress = "waiting"
        while progress != "done":
            await asyncio.sleep(seconds)
            progress = self._progress(remote_id)
            if progress == "stuck":
                if not await self._renew(remote_id, STUCK, gives_way):
                    return
                seconds = next(pauses)
        self._reasons.pop(remote_id, None)

    def _end(self, remote_id: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(remote_id) is task:
            del self._tasks[remote_id]
        if not task.cancelled():
            task.result()  # renew() takes care of its errors; one that it did not shows
