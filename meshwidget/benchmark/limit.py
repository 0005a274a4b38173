"""How many peers a mesh carries: the search. Pure but for the runs it asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from .runs import Report, too_busy
from .setups import Setup

LEAST_RATE = 24.0
"""Frames a second, as in the cinema; on every link."""
TRIES = 3
FIRST, LAST = 2, 64


@dataclass(frozen=True, slots=True)
class Limit:
    """The largest number of peers of whom everybody sees everybody move.

    Attributes
    ----------
    tuned : bool
    peers : int
        1 when not even two were carried.
    reason : str
        Why it is not one more.
    """

    tuned: bool
    peers: int
    reason: str


def find_limit(
    measure: Callable[[Setup], Report], template: Setup, others: float
) -> Limit:
    """Let one more peer in, again and again, until the call falls below the rate.

    A number of peers is carried when one of a few runs holds the rate on every link:
    what else happens on the machine can take frames away, but never add any.

    Parameters
    ----------
    measure : callable
        Makes one run.
    template : Setup
        All but the number of peers.
    others : float
        How much CPU other programs may use for a failure to be the mesh's, in cores.
    """
    for peers in range(FIRST, LAST + 1):
        setup = replace(template, peers=peers)
        for _ in range(TRIES):
            shortfall = _shortfall(measure(setup), others)
            if shortfall is None:
                break
        else:
            return Limit(template.tuned, peers - 1, f"with {peers}, {shortfall}")
    return Limit(template.tuned, LAST, "a room holds no more")


def _shortfall(report: Report, others: float) -> str | None:
    """What a run lacks for its peers to be carried, in words."""
    run = report.run
    if run is None:
        return report.failure or "the run said nothing"
    rates = run.frame_rates
    slowest = min(rates) if len(rates) == run.setup.links else 0.0
    if slowest >= LEAST_RATE:
        return None
    busy = too_busy(run, others)
    return f"{slowest:.1f} frames a second on the slowest link" + (
        f" ({busy})" if busy else ""
    )
