"""A finished benchmark as text, as Markdown and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from ..media.formats import VIDEO_FRAME_RATE, VIDEO_HEIGHT, VIDEO_WIDTH
from .limit import LEAST_RATE, Limit
from .runs import Outcome
from .stamp import READ_EVERY
from .summary import Row, Spread, Summary, summarise

SCHEMA = 1
"""Of the JSON; counts up when a reader would have to change."""

_NO_FIGURE = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What it ran on.

    Attributes
    ----------
    cores : int
        That this process may use.
    system, python, aiortc : str
        Names with versions.
    """

    cores: int
    system: str
    python: str
    aiortc: str

    def __str__(self) -> str:
        cores = "one core" if self.cores == 1 else f"{self.cores} cores"
        return f"{cores}, {self.system}, Python {self.python}, aiortc {self.aiortc}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """Everything that a benchmark was and found.

    Attributes
    ----------
    command : str
        That makes it again.
    machine : Machine
    shown : int or None
        How many peers looked at what they receive; None is all.
    rounds : int
    seconds : float
        Measured in each run.
    most_others : float
        Cores that other programs may have used for a run to count.
    outcomes : sequence of Outcome
        In the order in which they ran.
    limits : sequence of Limit
    interrupted : bool
        Whether it is less than was asked for.
    """

    command: str
    machine: Machine
    shown: int | None
    rounds: int
    seconds: float
    most_others: float
    outcomes: Sequence[Outcome] = ()
    limits: Sequence[Limit] = ()
    interrupted: bool = False


def to_json(benchmark: Benchmark) -> bytes:
    """Everything, the single runs included, as a JSON object.

    Its fields are those of :class:`Benchmark`, and ``schema`` and ``summaries``. Runs
    that do not count are there, with their ``problem``.
    """
    fields: dict[str, object] = {"schema": SCHEMA}
    fields |= msgspec.to_builtins(benchmark)
    fields["summaries"] = msgspec.to_builtins(summarise(benchmark.outcomes))
    return msgspec.json.format(msgspec.json.encode(fields)) + b"\n"


def to_text(benchmark: Benchmark) -> str:
    """The figures as a table for a terminal, and what has to be known about them."""
    lines = [f"meshwidget.benchmark on {benchmark.machine}", *_conditions(benchmark)]
    for summary in summarise(benchmark.outcomes):
        rows = [
            (f"{summary.peers} peers, {_links(summary)}", *_heads(summary, benchmark)),
            *((row.label, *_cells(row)) for row in summary.rows),
        ]
        lines += ["", *_aligned(rows), *(f"  ! {each}" for each in summary.problems)]
    if benchmark.limits:
        lines += ["", *(f"{_limit(limit)}." for limit in benchmark.limits)]
    return "\n".join(lines) + "\n"


def to_markdown(benchmark: Benchmark) -> str:
    """The figures as one Markdown table, to be pasted as it is."""
    lines = [f"`{benchmark.command}` on {benchmark.machine}.", ""]
    lines += [f"{each}" for each in _conditions(benchmark)]
    lines += ["", "| | naive | ours | naive / ours |", "|---|---|---|---|"]
    problems: list[str] = []
    for summary in summarise(benchmark.outcomes):
        title = f"{summary.peers} peers, {_links(summary)}"
        heads = (f"*{each}*" if each else "" for each in _counts(summary, benchmark))
        lines.append(_markdown_row(f"**{title}**", *heads, ""))
        lines += [_markdown_row(row.label, *_cells(row)) for row in summary.rows]
        problems += [f"* {title}, {each}" for each in summary.problems]
    if benchmark.limits:
        carried = {limit.tuned: str(limit.peers) for limit in benchmark.limits}
        label = f"largest call with {LEAST_RATE:.0f} frames a second on every link"
        lines.append(
            _markdown_row(
                f"**{label}**",
                carried.get(False, _NO_FIGURE),
                carried.get(True, _NO_FIGURE),
                "",
            )
        )
    if problems:
        lines += ["", "Runs that do not count:", "", *problems]
    return "\n".join(lines) + "\n"


def _conditions(benchmark: Benchmark) -> Iterator[str]:
    """What the figures mean, a sentence a line."""
    shown = benchmark.shown
    decoded = (
        "every link is decoded"
        if shown is None
        else f"only what {shown} of the peers receive is looked at, and CPU a frame is "
        "of those frames"
    )
    yield (
        f"{VIDEO_WIDTH}x{VIDEO_HEIGHT} at {VIDEO_FRAME_RATE} frames a second, opus; "
        f"{decoded}."
    )
    yield (
        "Medians (lowest to highest) of the runs that count; the ratio is the median "
        "of each round's own."
    )
    yield (
        "Latency is from the making of a picture to its decoded frame, read from the "
        f"pixels of every {READ_EVERY}th frame to 0.1 ms{_cost(benchmark.outcomes)}."
    )
    if benchmark.interrupted:
        yield "Interrupted: there are fewer runs than were asked for."


def _cost(outcomes: Iterable[Outcome]) -> str:
    shares = [
        each.run.stamp_cores / each.run.cores
        for each in outcomes
        if each.run is not None and each.run.cores
    ]
    return f", which is {max(shares):.1%} of the CPU at most" if shares else ""


def _links(summary: Summary) -> str:
    return f"{summary.links} links"


def _heads(summary: Summary, benchmark: Benchmark) -> tuple[str, str, str]:
    naive, ours = _counts(summary, benchmark)
    return (f"naive {naive}".strip(), f"ours {ours}".strip(), "naive / ours")


def _counts(summary: Summary, benchmark: Benchmark) -> tuple[str, str]:
    """How many runs count, of each mesh, where not all of them do."""
    naive, ours = (
        "" if count == benchmark.rounds else f"({count} of {benchmark.rounds} runs)"
        for count in (summary.naive_runs, summary.our_runs)
    )
    return naive, ours


def _cells(row: Row) -> tuple[str, str, str]:
    ratio = row.ratio
    return (
        _spread(row.naive, row.digits),
        _spread(row.ours, row.digits),
        "" if ratio is None else f"{ratio.median:.{0 if ratio.median >= 10 else 1}f}",
    )


def _spread(spread: Spread | None, digits: int) -> str:
    if spread is None:
        return _NO_FIGURE
    median, low, high = (
        f"{value:.{digits}f}" for value in (spread.median, spread.low, spread.high)
    )
    return median if low == high else f"{median} ({low} to {high})"


def _limit(limit: Limit) -> str:
    name = "ours" if limit.tuned else "naive"
    return (
        f"Largest {name} call with {LEAST_RATE:.0f} frames a second on every link: "
        f"{limit.peers} peers; {limit.reason}"
    )


def _markdown_row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
        if number == 0:
            yield "  ".join("-" * width for width in widths)
