"""Runs that nobody has measured, for the tests of what is made of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from meshwidget.benchmark.runs import Outcome, Report, Run
from meshwidget.benchmark.setups import Setup


def run_of(
    peers: int = 4, *, tuned: bool = True, fps: float = 30.0, **changes: Any
) -> Run:
    """A good run on a quiet machine, but for the changes."""
    setup = Setup(peers=peers, tuned=tuned)
    run = Run(
        setup=setup,
        seconds=4.0,
        frame_rates=(fps,) * setup.links,
        cpu_seconds=2.0 if tuned else 6.0,
        others_cores=0.05,
        latency_p50_ms=2.0 if tuned else 80.0,
        latency_p95_ms=4.0 if tuned else 140.0,
        stamps=288,
        unreadable_stamps=0,
        strange_pictures=0,
        stamp_cores=0.002,
        join_ms=110.0,
        close_ms=50.0,
        rss_mb=150.0,
        pss_mb=130.0,
        threads=27,
        cell_frame_rates=(fps,) * setup.links,
        cell_speed=0.7,
    )
    return replace(run, **changes)


def outcome_of(number: int, run: Run, problem: str | None = None) -> Outcome:
    """The run as one of a round."""
    return Outcome(number, run.setup, run, problem)


def rounds_of(count: int, peers: int = 4) -> list[Outcome]:
    """So many rounds, all of them good; the CPU differs from one to the next."""
    return [
        outcome_of(number, run_of(peers, tuned=tuned, cpu_seconds=seconds + number))
        for number in range(count)
        for tuned, seconds in ((False, 6.0), (True, 2.0))
    ]


def good_child(setup: Setup) -> Report:
    """A child that measures what it is told to, in no time."""
    cell = 0.7 if setup.cell_seconds else None
    run = run_of(setup.peers, tuned=setup.tuned, cell_speed=cell)
    return Report(
        run=replace(
            run,
            setup=setup,
            frame_rates=(30.0,) * setup.links,
            cell_frame_rates=(30.0,) * setup.links if cell else (),
        )
    )
