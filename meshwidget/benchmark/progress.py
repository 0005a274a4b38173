"""What a benchmark says while it runs, so that nobody thinks it has died."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

from .runs import Outcome, Report, Run
from .setups import Setup


class Progress:
    """A line a run: begun when the run begins, ended by what it found.

    Parameters
    ----------
    stream : TextIO
        Where to, usually standard error.
    count : int
        How many runs are planned.
    clock : callable
        Seconds.
    """

    def __init__(
        self,
        stream: TextIO,
        count: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._count = count
        self._clock = clock
        self._start = clock()
        self._done = 0

    def begin(self, setup: Setup) -> None:
        """A planned run begins."""
        self._write(f"[{self._done + 1}/{self._count}] {title(setup)}: ")

    def end(self, outcome: Outcome) -> None:
        """It has ended."""
        self._done += 1
        left = self._count - self._done
        elapsed = self._clock() - self._start
        more = f"; {duration(elapsed / self._done * left)} left" if left else ""
        self._write(f"{outcome.problem or in_short(outcome.run)}{more}\n")

    def begin_search(self, setup: Setup) -> None:
        """A run of the search for the limit begins; nobody knows how many will."""
        self._write(f"[limit] {title(setup)}: ")

    def end_search(self, report: Report) -> None:
        """It has ended."""
        self._write(f"{report.failure or in_short(report.run)}\n")

    def interrupted(self) -> None:
        """Nothing more is run."""
        self._write("interrupted\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def title(setup: Setup) -> str:
    """Which run it is."""
    return f"{setup.name}, {setup.peers} peers"


def in_short(run: Run | None) -> str:
    """What a run found, for somebody who waits."""
    if run is None:
        return "nothing"
    rate = min(run.frame_rates, default=0.0)
    latency = run.latency_p50_ms
    age = "" if latency is None else f", {latency:.1f} ms"
    return f"{run.cores:.2f} cores, {rate:.1f} frames a second{age}"


def duration(seconds: float) -> str:
    """Roughly how long, in words."""
    if seconds < 90:
        return f"about {max(5, round(seconds / 5) * 5)} s"
    return f"about {round(seconds / 60)} min"
