"""The part of :class:`~meshwidget.mesh.Mesh` that measures a call."""

from __future__ import annotations

import asyncio
import json
import os
import time
from importlib.metadata import version
from pathlib import Path

from .call import Call
from .log import EventLog
from .loop import MeshLoop
from .stats.internals import internals_dump
from .stats.reading import Reading
from .stats.table import StatsTable


class StatsMethods:
    """What the links of a call carry, and how well.

    Attributes
    ----------
    log : EventLog
        Every event since the start.
    loop : MeshLoop
        Where the call lives.
    """

    log: EventLog
    loop: MeshLoop
    _call: Call

    def stats(self) -> StatsTable:
        """Measure every directed link: frames, bits, delays, losses.

        Rates and fractions are of the last second.

        Returns
        -------
        StatsTable
            A row a link. It prints as a table; ``table.between("alice", "bob")`` is one
            row and ``table.records()`` a list of dictionaries, in the W3C's units.

        Raises
        ------
        MeshClosedError
        """
        return self.loop.run(self._call.stats())

    async def stats_async(self) -> StatsTable:
        """:meth:`stats`, awaitable from any event loop."""
        return await self.loop.run_async(self._call.stats())

    def save_internals(self, path: str | os.PathLike[str]) -> None:
        """Write a dump as "Create Dump" of chrome://webrtc-internals does.

        Existing viewers of such dumps open it. It has every connection that lives here,
        what was done with it, and its counters, one reading a second. It can be written
        after the call too.

        Parameters
        ----------
        path : path
            What is there is replaced.

        Raises
        ------
        OSError
            When the file cannot be written.
        """
        if self._call.closed:
            readings = self._call.sampler.readings()  # there will be no more
        else:
            readings = self.loop.run(self._call.readings())
        Path(path).write_text(self._dump(readings), encoding="utf-8")

    async def save_internals_async(self, path: str | os.PathLike[str]) -> None:
        """:meth:`save_internals`, awaitable from any event loop."""
        await asyncio.to_thread(self.save_internals, path)

    def _dump(self, readings: list[Reading]) -> str:
        call = self._call
        dump = internals_dump(
            self.log,
            readings,
            room=call.room,
            ice_servers=call.ice_servers,
            user_agent=f"meshwidget, aiortc {version('aiortc')}",
            began=time.time() - self.log.now,
        )
        return json.dumps(dump, indent=1)
