"""Connections that failed are closed and made anew; aiortc has no ICE restart.

One side of each pair offers: the one that offered before. If it does not, as when it is
a browser that has not noticed yet, the other side does, a little later, and gives way
should both offers cross.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

PATIENCE_SECONDS = 2.0
"""How long the side that answered before waits for an offer: longer than the two sides
of a lost path differ in noticing it."""


class Renewals:
    """The connections of one participant that are to be made anew. Mesh loop only.

    Parameters
    ----------
    renew : coroutine function
        ``renew(remote_id, reason, gives_way)``; returns whether it was done with. What
        was not is tried again by :meth:`retry`.
    """

    def __init__(self, renew: Callable[[str, str, bool], Awaitable[bool]]) -> None:
        self._renew = renew
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
        task = asyncio.create_task(self._run(remote_id, offers=offers))
        self._tasks[remote_id] = task
        task.add_done_callback(lambda done: self._end(remote_id, done))

    async def _run(self, remote_id: str, *, offers: bool) -> None:
        if not offers:
            await asyncio.sleep(PATIENCE_SECONDS)
        if await self._renew(remote_id, self._reasons[remote_id], not offers):
            self._reasons.pop(remote_id, None)

    def _end(self, remote_id: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(remote_id) is task:
            del self._tasks[remote_id]
        if not task.cancelled():
            task.result()  # renew() takes care of its errors; one that it did not shows
