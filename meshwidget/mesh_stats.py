"""The part of :class:`~meshwidget.mesh.Mesh` that measures a call."""

from __future__ import annotations

from .call import Call
from .loop import MeshLoop
from .stats.table import StatsTable


class StatsMethods:
    """What the links of a call carry, and how well.

    Attributes
    ----------
    loop : MeshLoop
        Where the call lives.
    """

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
