"""A benchmark as a picture, by matplotlib, which is imported only here."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .summary import Spread, Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUFFIXES = (".svg", ".png")
PANELS = (
    ("cores", "cores", "CPU of the whole call"),
    ("frame_cpu_ms", "ms", "CPU a delivered frame"),
    ("fps_min", "frames a second", "Frames on the slowest link"),
    ("latency_p95_ms", "ms", "Latency, 95th percentile"),
)
"""Key, axis, title."""
NAIVE, OURS = "#d55e00", "#0072b2"
"""Vermilion and blue of Okabe and Ito's palette: told apart by every eye."""

Point = tuple[int, Spread]


class PlotError(Exception):
    """The plot cannot be made; the message says what to do."""


def check(path: Path) -> None:
    """Make sure that a plot can be written there, before minutes are spent.

    Raises
    ------
    PlotError
    """
    if path.suffix not in SUFFIXES:
        raise PlotError(f"--plot {path}: the name must end in .svg or .png")
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise PlotError(
            "--plot needs matplotlib: python -m pip install 'meshwidget[benchmark]'"
        ) from None


def points(summaries: Sequence[Summary], key: str, *, tuned: bool) -> list[Point]:
    """One figure of one mesh, by the number of peers; those without it are left out."""
    return [
        (summary.peers, spread)
        for summary in summaries
        for row in summary.rows
        if row.key == key and (spread := row.ours if tuned else row.naive) is not None
    ]


def draw(summaries: Sequence[Summary], caption: str, path: Path) -> None:
    """Write the plot, its format by the name.

    Parameters
    ----------
    summaries : sequence of Summary
    caption : str
        Below the panels.
    path : Path
        Ends in ``.svg`` or ``.png``.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6.2), facecolor="white", layout="constrained")
    panels = figure.subplots(2, 2).flat
    for axes, (key, unit, title) in zip(panels, PANELS, strict=True):
        _draw_panel(axes, summaries, key)
        axes.set_title(title, fontsize=11)
        axes.set_ylabel(unit)
        axes.set_xlabel("peers")
        axes.set_xticks([summary.peers for summary in summaries])
        axes.grid(visible=True, alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].legend(frameon=False)
    figure.supxlabel(textwrap.fill(caption, 120), fontsize=8)
    figure.savefig(path, dpi=150)


def _draw_panel(axes: Axes, summaries: Sequence[Summary], key: str) -> None:
    for tuned, colour, name in ((False, NAIVE, "naive"), (True, OURS, "ours")):
        found = points(summaries, key, tuned=tuned)
        middles = [spread.median for _, spread in found]
        reach = [
            [spread.median - spread.low for _, spread in found],
            [spread.high - spread.median for _, spread in found],
        ]
        axes.errorbar(
            [peers for peers, _ in found],
            middles,
            yerr=reach,
            color=colour,
            marker="o",
            capsize=3,
            label=name,
        )
    if key == "latency_p95_ms":
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
    else:
        axes.set_ylim(0, axes.get_ylim()[1] * 1.05)
