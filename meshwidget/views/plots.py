"""What a plot of the statistics shows: one line a link, one metric at a time.

Pure: knows no widget and no clock.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from ..stats import StatsTable

__all__ = ["HISTORY", "METRICS", "Line", "Metric", "PlotHistory"]

HISTORY = 300
"""Measurements that are kept: five minutes."""


@dataclass(frozen=True)
class Metric:
    """One thing to plot.

    Attributes
    ----------
    attribute : str
        Of :class:`~meshwidget.LinkStats`.
    factor : float
        From the attribute's unit to the plot's.
    """

    attribute: str
    factor: float = 1.0


METRICS = {
    "frames/s": Metric("frames_per_second"),
    "kbit/s": Metric("bitrate", 1e-3),
    "latency, ms": Metric("latency", 1e3),
    "round trip, ms": Metric("round_trip_time", 1e3),
    "loss, %": Metric("fraction_lost", 1e2),
    "jitter, ms": Metric("jitter", 1e3),
    "frames dropped": Metric("frames_dropped"),
    "keyframes": Metric("key_frames_received"),
    "retransmissions": Metric("retransmitted_packets_received"),
    "requests for repair": Metric("nack_count"),
}
"""By what a menu calls them. The last four count from the link's beginning."""


@dataclass(frozen=True)
class Line:
    """One link's.

    Attributes
    ----------
    sender, receiver : str
    times : list of float
        Seconds since the mesh was made.
    values : list of float or None
        None where there is nothing to say, and the line is broken.
    """

    sender: str
    receiver: str
    times: list[float]
    values: list[float | None]


class PlotHistory:
    """The last measurements of a call."""

    def __init__(self) -> None:
        self._tables: deque[tuple[float, StatsTable]] = deque(maxlen=HISTORY)

    def add(self, table: StatsTable) -> None:
        """Take one more measurement."""
        if table:
            self._tables.append((table[0].timestamp, table))

    def lines(self, metric: Metric, receiver: str | None = None) -> list[Line]:
        """The lines of the links that are there now, or were within the history.

        Parameters
        ----------
        metric : Metric
        receiver : str or None
            Only what this one receives.
        """
        times = [time for time, _ in self._tables]
        values: dict[tuple[str, str], list[float | None]] = {}
        for at, (_, table) in enumerate(self._tables):
            for row in table:
                if receiver is None or row.receiver == receiver:
                    key = row.sender, row.receiver
                    line = values.setdefault(key, [None] * len(times))
                    value = getattr(row, metric.attribute)
                    line[at] = None if value is None else value * metric.factor
        return [Line(*link, times, line) for link, line in values.items()]

    def receivers(self) -> list[str]:
        """Who receives something, in order of appearance."""
        return list(
            dict.fromkeys(row.receiver for _, table in self._tables for row in table)
        )
