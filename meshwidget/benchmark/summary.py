"""From the runs of a benchmark to medians, spreads and ratios. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from .runs import Outcome, Run


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that every run measures.

    Attributes
    ----------
    key : str
        In the JSON.
    label : str
        With the unit.
    digits : int
        After the point.
    of : callable
        Its value in a run, or None when the run has none.
    compared : bool
        Whether it is a cost, so that naive / ours says how much is saved.
    """

    key: str
    label: str
    digits: int
    of: Callable[[Run], float | None]
    compared: bool = True


FIGURES = (
    Figure("cores", "cores", 2, lambda run: run.cores),
    Figure(
        "frame_cpu_ms", "CPU a delivered frame, ms", 2, lambda run: run.frame_cpu_ms
    ),
    Figure(
        "fps_min",
        "frames a second, slowest link",
        1,
        lambda run: min(run.frame_rates, default=None),
        compared=False,
    ),
    Figure(
        "fps_median",
        "frames a second, median link",
        1,
        lambda run: median(run.frame_rates) if run.frame_rates else None,
        compared=False,
    ),
    Figure("latency_p50_ms", "latency p50, ms", 1, lambda run: run.latency_p50_ms),
    Figure("latency_p95_ms", "latency p95, ms", 1, lambda run: run.latency_p95_ms),
    Figure("join_ms", "last join to the last tile, ms", 0, lambda run: run.join_ms),
    Figure("close_ms", "close, ms", 0, lambda run: run.close_ms),
    Figure("rss_mb", "memory (RSS, peak), MB", 0, lambda run: run.rss_mb),
    Figure("pss_mb", "memory (PSS), MB", 0, lambda run: run.pss_mb),
    Figure("threads", "threads", 0, lambda run: run.threads),
    Figure(
        "cell_fps_min",
        "while a cell computes: frames a second, slowest link",
        1,
        lambda run: min(run.cell_frame_rates, default=None),
        compared=False,
    ),
    Figure(
        "cell_speed",
        "while a cell computes: its speed, of 1",
        2,
        lambda run: run.cell_speed,
        compared=False,
    ),
    Figure(
        "others_cores",
        "other programs, cores",
        2,
        lambda run: run.others_cores,
        compared=False,
    ),
)


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of some values and how far they lie apart."""

    median: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Spread | None:
        """Sum up those that are there; None when none is."""
        there = [value for value in values if value is not None]
        if not there:
            return None
        return cls(median(there), min(there), max(there), len(there))


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of both meshes."""

    key: str
    label: str
    digits: int
    naive: Spread | None
    ours: Spread | None
    ratio: Spread | None
    """Of the rounds' own ratios, naive / ours."""


@dataclass(frozen=True, slots=True)
class Summary:
    """All figures for one number of peers, and why runs do not count.

    Attributes
    ----------
    peers, links : int
        The links are the directed ones that are decoded.
    rows : tuple of Row
        Figures that no run has are left out.
    naive_runs, our_runs : int
        How many count.
    problems : tuple of str
        One sentence for each run that does not.
    """

    peers: int
    links: int
    rows: tuple[Row, ...]
    naive_runs: int
    our_runs: int
    problems: tuple[str, ...]


def summarise(outcomes: Sequence[Outcome]) -> list[Summary]:
    """Sum up a benchmark, a summary for each number of peers, the smallest first."""
    counts = sorted({outcome.setup.peers for outcome in outcomes})
    return [
        _summary([each for each in outcomes if each.setup.peers == count])
        for count in counts
    ]


def _summary(outcomes: Sequence[Outcome]) -> Summary:
    setup = outcomes[0].setup
    naive = _by_round(outcomes, tuned=False)
    ours = _by_round(outcomes, tuned=True)
    rows = (_row(figure, naive, ours) for figure in FIGURES)
    return Summary(
        peers=setup.peers,
        links=setup.links,
        rows=tuple(row for row in rows if row.naive or row.ours),
        naive_runs=len(naive),
        our_runs=len(ours),
        problems=tuple(
            f"round {each.round + 1}, {each.setup.name}: {each.problem}"
            for each in outcomes
            if each.problem
        ),
    )


def _by_round(outcomes: Iterable[Outcome], *, tuned: bool) -> dict[int, Run]:
    return {
        each.round: each.trusted
        for each in outcomes
        if each.setup.tuned is tuned and each.trusted is not None
    }


def _row(figure: Figure, naive: dict[int, Run], ours: dict[int, Run]) -> Row:
    pairs = [(naive[number], ours[number]) for number in naive if number in ours]
    return Row(
        key=figure.key,
        label=figure.label,
        digits=figure.digits,
        naive=Spread.of(map(figure.of, naive.values())),
        ours=Spread.of(map(figure.of, ours.values())),
        ratio=Spread.of(
            _ratio(figure.of(one), figure.of(other))
            for one, other in pairs
            if figure.compared
        ),
    )


def _ratio(naive: float | None, ours: float | None) -> float | None:
    return naive / ours if naive is not None and ours else None
