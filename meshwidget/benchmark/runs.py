"""What one run measured, and whether that can be trusted. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from .setups import Setup

LEAST_SECONDS = 1.0
LEAST_FRAMES = 10
"""On the median link; fewer say nothing about how fast they come."""
LEAST_STAMPS = 10
MOST_UNREADABLE = 0.05
"""Of the stamps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What was measured in one process.

    Attributes
    ----------
    setup : Setup
    seconds : float
        How long it was in truth.
    frame_rates : tuple of float
        Frames a second of each directed link that is decoded.
    cpu_seconds : float
        Of the whole process, user and system.
    others_cores : float
        What everything else on the machine used, in cores, when it used most: with
        the call, and while the main thread computes, with and without the call.
    latency_p50_ms, latency_p95_ms : float or None
        From the making of a picture to the decoded frame. None without any.
    stamps, unreadable_stamps : int
        How many pictures were asked for their age, and how many could not say it.
    strange_pictures : int
        Those that came from somebody else than the link's peer.
    stamp_cores : float
        What reading the stamps costs, in cores.
    join_ms : float
        From the last peer's ``join`` until every link has brought a picture.
    close_ms : float
    rss_mb : float
        Resident memory at its largest, in 10^6 bytes.
    pss_mb : float or None
        The same with shared pages divided among their users, at the end (Linux).
    threads : int
        At their most, the benchmark's own not counted.
    cell_frame_rates : tuple of float
        As ``frame_rates``, while the main thread computes. Empty when left out.
    cell_speed : float or None
        How fast it computes, 1 being without a call.
    """

    setup: Setup
    seconds: float
    frame_rates: tuple[float, ...]
    cpu_seconds: float
    others_cores: float
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    stamps: int
    unreadable_stamps: int
    strange_pictures: int
    stamp_cores: float
    join_ms: float
    close_ms: float
    rss_mb: float
    pss_mb: float | None
    threads: int
    cell_frame_rates: tuple[float, ...] = ()
    cell_speed: float | None = None

    @property
    def cores(self) -> float:
        """CPU seconds a second."""
        return self.cpu_seconds / self.seconds

    @property
    def frames(self) -> float:
        """Frames that were delivered, decoded, on all links."""
        return sum(self.frame_rates) * self.seconds

    @property
    def frame_cpu_ms(self) -> float | None:
        """CPU a delivered frame, everything included. None without frames."""
        return 1000 * self.cpu_seconds / self.frames if self.frames else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a child says at its end: a run, or why there is none."""

    run: Run | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run in its round, and what speaks against its figures, if anything does."""

    round: int
    setup: Setup
    run: Run | None
    problem: str | None

    @property
    def trusted(self) -> Run | None:
        """The run, unless something speaks against it."""
        return None if self.problem else self.run


def quantile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that so large a share of them does not exceed.

    Parameters
    ----------
    values : sequence of float
        In any order.
    share : float
        Above 0, up to 1: 0.5 is the median of an odd number of values.

    Returns
    -------
    float or None
        One of the values; None when there are none.
    """
    ordered = sorted(values)
    if not ordered:
        return None
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def judge(report: Report, most_others: float) -> str | None:
    """What speaks against a run's figures, in words; None when nothing does.

    Parameters
    ----------
    report : Report
    most_others : float
        How much CPU everything else on the machine may use, in cores.
    """
    run = report.run
    if run is None:
        return report.failure or "the run said nothing"
    if run.strange_pictures:
        return f"{run.strange_pictures} pictures came from the wrong peer"
    return too_little(run) or too_busy(run, most_others)


def too_little(run: Run) -> str | None:
    """Why a run has measured too little to have figures, or None."""
    silent = run.setup.links - sum(rate > 0 for rate in run.frame_rates)
    if silent:
        return f"too little: {silent} of {run.setup.links} links brought no picture"
    if run.seconds < LEAST_SECONDS:
        return f"too little: only {run.seconds:.1f} s were measured"
    frames = median(run.frame_rates) * run.seconds
    if frames < LEAST_FRAMES:
        return f"too little: {frames:.0f} frames on the median link"
    if run.stamps < LEAST_STAMPS:
        return f"too little: only {run.stamps} pictures told their age"
    if run.unreadable_stamps > MOST_UNREADABLE * run.stamps:
        return (
            f"damaged: {run.unreadable_stamps} of {run.stamps} pictures could not "
            "tell their age"
        )
    return None


def too_busy(run: Run, most_others: float) -> str | None:
    """Why the machine was too busy for the figures to be the call's, or None."""
    if run.others_cores <= most_others:
        return None
    return f"busy: other programs took {run.others_cores:.2f} cores"
