"""What is plotted: bounded, aligned, and broken where there is nothing to say."""

from __future__ import annotations

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from meshwidget.stats import LinkStats, StatsTable
from meshwidget.views.plots import HISTORY, METRICS, PlotHistory


def table(time: float, *links: tuple[str, str], fps: float | None = 30) -> StatsTable:
    return StatsTable(
        LinkStats(
            sender=sender,
            receiver=receiver,
            timestamp=time,
            interval=1,
            frames_per_second=fps,
            latency=0.002,
        )
        for sender, receiver in links
    )


FPS = METRICS["frames/s"]
THERE, BACK = ("alice", "bob"), ("bob", "alice")


def test_a_line_a_link() -> None:
    history = PlotHistory()
    history.add(table(1, THERE, BACK, fps=29))
    history.add(table(2, THERE, BACK, fps=31))
    lines = history.lines(FPS)
    assert [(line.sender, line.receiver) for line in lines] == [THERE, BACK]
    assert all(line.times == [1, 2] and line.values == [29, 31] for line in lines)


def test_units_are_those_of_the_menu() -> None:
    history = PlotHistory()
    history.add(table(1, THERE))
    (line,) = history.lines(METRICS["latency, ms"])
    assert line.values == [2.0]


def test_who_comes_later_begins_later_and_who_leaves_ends() -> None:
    history = PlotHistory()
    history.add(table(1, THERE))
    history.add(table(2, THERE, BACK))
    history.add(table(3, BACK))
    there, back = history.lines(FPS)
    assert there.values == [30, 30, None]
    assert back.values == [None, 30, 30]


def test_only_what_one_receives() -> None:
    history = PlotHistory()
    history.add(table(1, THERE, BACK))
    (line,) = history.lines(FPS, receiver="bob")
    assert line.sender == "alice"
    assert history.receivers() == ["bob", "alice"]


def test_an_empty_call_is_no_measurement() -> None:
    history = PlotHistory()
    history.add(StatsTable())
    assert history.lines(FPS) == []
    assert history.receivers() == []


def test_it_does_not_grow_without_bound() -> None:
    history = PlotHistory()
    for second in range(2 * HISTORY):
        history.add(table(second, THERE))
    (line,) = history.lines(FPS)
    assert len(line.times) == HISTORY
    assert line.times[-1] == 2 * HISTORY - 1


def test_every_metric_is_one_of_a_link() -> None:
    attributes = {field.name for field in dataclasses.fields(LinkStats)}
    assert {metric.attribute for metric in METRICS.values()} <= attributes


links = st.sets(st.sampled_from([THERE, BACK, ("carol", "bob")]))


@given(seconds=st.lists(st.tuples(links, st.none() | st.floats(0, 60)), max_size=20))
def test_lines_are_as_long_as_their_times(
    seconds: list[tuple[set[tuple[str, str]], float | None]],
) -> None:
    history = PlotHistory()
    for second, (present, fps) in enumerate(seconds):
        history.add(table(second, *sorted(present), fps=fps))
    for line in history.lines(FPS):
        assert len(line.times) == len(line.values)
        assert line.times == sorted(line.times)
