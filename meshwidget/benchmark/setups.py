"""Which runs a benchmark is made of, and in which order. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

START_SECONDS = 30.0
"""For the interpreter, the imports, and a call that is slow to close."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """One run: which mesh, how many peers, and how long it is looked at.

    Attributes
    ----------
    peers : int
    tuned : bool
        False is the naive mesh.
    shown : int or None
        So many peers look at what they receive; None is all of them.
    warm_up, seconds : float
        Before anything is measured, and while.
    cell_seconds : float
        How long the main thread then computes in pure Python; 0 leaves that out.
    patience : float
        Seconds that the peers may take to connect.
    """

    peers: int
    tuned: bool
    shown: int | None = None
    warm_up: float = 2.0
    seconds: float = 4.0
    cell_seconds: float = 2.0
    patience: float = 30.0

    @property
    def name(self) -> str:
        """``naive`` or ``ours``."""
        return "ours" if self.tuned else "naive"

    @property
    def links(self) -> int:
        """How many directed links are decoded and measured."""
        viewers = self.peers if self.shown is None else min(self.shown, self.peers)
        return viewers * (self.peers - 1)

    @property
    def time_limit(self) -> float:
        """Seconds after which the run is taken for hung."""
        measured = self.warm_up + self.seconds + 2 * self.cell_seconds
        return START_SECONDS + 2 * self.patience + 2 * measured


def plan(
    peers: Sequence[int], rounds: int, template: Setup
) -> Iterator[tuple[int, Setup]]:
    """Every run of a benchmark and its round, from 0.

    A round has each number of peers once, the naive mesh and ours back to back, and
    they take turns in going first: what drifts on the machine then hits both alike.

    Parameters
    ----------
    peers : sequence of int
    rounds : int
    template : Setup
        All else that the runs have in common.
    """
    for number in range(rounds):
        for count in peers:
            for tuned in (number % 2 == 1, number % 2 == 0):
                yield number, replace(template, peers=count, tuned=tuned)
