"""What is said while a benchmark runs: pure."""

import io

import pytest

from meshwidget.benchmark.progress import Progress, duration, in_short
from meshwidget.benchmark.runs import Outcome, Report
from meshwidget.benchmark.setups import Setup

from .made_up import outcome_of, run_of

OURS = Setup(peers=4, tuned=True)


def test_a_run_is_a_line() -> None:
    stream = io.StringIO()
    now = 0.0
    progress = Progress(stream, 3, lambda: now)
    progress.begin(OURS)
    assert stream.getvalue() == "[1/3] ours, 4 peers: "
    now = 12.0
    progress.end(outcome_of(0, run_of()))
    assert stream.getvalue() == (
        "[1/3] ours, 4 peers: 0.50 cores, 30.0 frames a second, 2.0 ms; "
        "about 25 s left\n"
    )
    progress.begin(OURS)
    progress.end(Outcome(0, OURS, None, "hung: it did not end within 90 s"))
    assert (
        stream.getvalue()
        .splitlines()[1]
        .startswith("[2/3] ours, 4 peers: hung: it did not end within 90 s; about")
    )


def test_the_last_run_leaves_nothing() -> None:
    stream = io.StringIO()
    progress = Progress(stream, 1)
    progress.begin(OURS)
    progress.end(outcome_of(0, run_of()))
    assert "left" not in stream.getvalue()


def test_the_search_has_no_end_in_sight() -> None:
    stream = io.StringIO()
    progress = Progress(stream, 1)
    for report in Report(run=run_of()), Report(failure="no luck"), Report():
        progress.begin_search(OURS)
        progress.end_search(report)
    progress.interrupted()
    assert stream.getvalue().splitlines() == [
        "[limit] ours, 4 peers: 0.50 cores, 30.0 frames a second, 2.0 ms",
        "[limit] ours, 4 peers: no luck",
        "[limit] ours, 4 peers: nothing",
        "interrupted",
    ]


def test_a_run_without_latency_is_still_told() -> None:
    run = run_of(latency_p50_ms=None, frame_rates=())
    assert in_short(run) == "0.50 cores, 0.0 frames a second"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "about 5 s"),
        (12, "about 10 s"),
        (88, "about 90 s"),
        (90, "about 2 min"),
        (600, "about 10 min"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words
