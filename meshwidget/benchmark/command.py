"""The command line: what is asked for, progress while it runs, what comes out."""

from __future__ import annotations

import argparse
import math
import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from . import plot
from .limit import LAST, Limit, find_limit
from .parent import run_child
from .progress import Progress
from .report import Benchmark, Machine, to_json, to_markdown, to_text
from .runs import LEAST_SECONDS, Outcome, Report, judge
from .setups import Setup, plan
from .summary import summarise

OTHERS_SHARE = 0.1
"""Of the machine's cores that other programs may use, unless told otherwise."""

RunChild = Callable[[Setup], Report]


def main(arguments: Sequence[str] | None = None, run: RunChild = run_child) -> int:
    """Run a benchmark and print it.

    Parameters
    ----------
    arguments : sequence of str, optional
        The command line, by default this process's own.
    run : callable
        Makes one run.

    Returns
    -------
    int
        The exit status: 0, 1 when no run counts, 130 when interrupted.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    for path in filter(None, (options.json, options.plot)):
        if not path.absolute().parent.is_dir():
            parser.error(f"{path}: there is no such folder")
    if options.plot is not None:
        try:
            plot.check(options.plot)
        except plot.PlotError as error:
            parser.error(str(error))
    benchmark = measure(options, run)
    sys.stdout.write((to_markdown if options.markdown else to_text)(benchmark))
    if options.json is not None:
        options.json.write_bytes(to_json(benchmark))
    if options.plot is not None:
        caption = f"{benchmark.command}, on {benchmark.machine}"
        plot.draw(summarise(benchmark.outcomes), caption, options.plot)
    if benchmark.interrupted:
        return 130
    return 0 if any(each.trusted for each in benchmark.outcomes) else 1


def measure(options: argparse.Namespace, run: RunChild) -> Benchmark:
    """Make all runs; an interrupt ends them early and keeps those that are done."""
    template = Setup(
        peers=options.peers[0],
        tuned=True,
        shown=options.shown,
        seconds=options.seconds,
        warm_up=options.warm_up,
    )
    runs = list(plan(options.peers, options.rounds, template))
    progress = Progress(sys.stderr, len(runs))
    outcomes: list[Outcome] = []
    limits: list[Limit] = []

    def run_in_search(setup: Setup) -> Report:
        progress.begin_search(setup)
        report = run(setup)
        progress.end_search(report)
        return report

    interrupted = False
    try:
        for number, setup in runs:
            progress.begin(setup)
            report = run(setup)
            problem = judge(report, options.others)
            outcomes.append(Outcome(number, setup, report.run, problem))
            progress.end(outcomes[-1])
        for tuned in (False, True) if options.limit else ():
            bare = replace(template, tuned=tuned, cell_seconds=0.0)
            limit = find_limit(run_in_search, bare, options.others)
            limits.append(limit)
    except KeyboardInterrupt:
        progress.interrupted()
        interrupted = True
    return Benchmark(
        command=command_of(options),
        machine=this_machine(),
        shown=options.shown,
        rounds=options.rounds,
        seconds=options.seconds,
        most_others=options.others,
        outcomes=outcomes,
        limits=limits,
        interrupted=interrupted,
    )


def command_of(options: argparse.Namespace) -> str:
    """The command that makes the same figures again, wherever they are written to."""
    defaults = _parser().parse_args([])
    words = ["python -m meshwidget.benchmark --peers", *options.peers]
    for name in ("rounds", "seconds", "warm_up", "shown", "others"):
        value = getattr(options, name)
        if name == "rounds" or value != getattr(defaults, name):
            words += [f"--{name.replace('_', '-')}", value]
    if options.limit:
        words.append("--limit")
    return " ".join(
        f"{word:g}" if isinstance(word, float) else str(word) for word in words
    )


def this_machine() -> Machine:
    """What this process runs on."""
    return Machine(
        cores=usable_cores(),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        aiortc=version("aiortc"),
    )


def usable_cores() -> int:
    """How many cores this process may use; a container may have few of many."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m meshwidget.benchmark",
        description="What a mesh call costs on this machine: plain aiortc (naive) and "
        "meshwidget (ours) in alternation, each run in a fresh process. Each takes "
        "about 12 s.",
    )
    parser.add_argument(
        "--peers",
        type=_whole_number(2, LAST),
        nargs="+",
        default=[2, 4, 8],
        metavar="N",
        help="how many peers are in the call (default: 2 4 8)",
    )
    parser.add_argument(
        "--rounds",
        type=_whole_number(1, 1000),
        default=3,
        help="how often each call is measured (default: 3)",
    )
    parser.add_argument(
        "--seconds",
        type=_at_least(LEAST_SECONDS),
        default=4.0,
        help="how long it is measured each time (default: 4)",
    )
    parser.add_argument(
        "--warm-up",
        type=_at_least(0.0),
        default=2.0,
        metavar="SECONDS",
        help="between the last connection and the measuring (default: 2)",
    )
    parser.add_argument(
        "--shown",
        type=_whole_number(1, LAST),
        metavar="K",
        help="only K peers look at what they receive (default: all, every link is "
        "decoded)",
    )
    parser.add_argument(
        "--others",
        type=_at_least(0.0),
        default=OTHERS_SHARE * usable_cores(),
        metavar="CORES",
        help="a run does not count when other programs used more than this "
        "(default: a tenth of the machine, here %(default)s)",
    )
    parser.add_argument(
        "--limit",
        action="store_true",
        help="also find the largest call with 24 frames a second on every link",
    )
    parser.add_argument(
        "--markdown", action="store_true", help="print a Markdown table"
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="also write everything measured"
    )
    parser.add_argument(
        "--plot",
        type=Path,
        metavar="FILE",
        help="also draw it, as .svg or .png; needs matplotlib",
    )
    return parser


def _whole_number(low: int, high: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{value} is not from {low} to {high}")
        return value

    return number


def _at_least(low: float) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = float(text)
        if not low <= value < math.inf:
            raise argparse.ArgumentTypeError(f"{value:g} is not {low:g} or more")
        return value

    return number
