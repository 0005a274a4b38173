"""What runs say and whether they are believed: pure."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwidget.benchmark.runs import Outcome, Report, judge, quantile
from meshwidget.benchmark.setups import Setup

from .made_up import run_of

FEW = 0.2
"""Cores that other programs may use."""
VALUES = st.lists(st.floats(0, 1e6), min_size=1)


@given(VALUES, st.floats(0.01, 1))
def test_a_quantile_is_one_of_the_values(values: list[float], share: float) -> None:
    found = quantile(values, share)
    assert found in values
    below = sum(each <= found for each in values)
    assert below >= share * len(values)
    assert sum(each < found for each in values) < share * len(values)


def test_quantiles_that_are_known() -> None:
    hundred = [float(number) for number in range(100, 0, -1)]
    assert quantile(hundred, 0.5) == 50
    assert quantile(hundred, 0.95) == 95
    assert quantile([7.0], 0.95) == 7
    assert quantile([], 0.5) is None


def test_the_cost_of_a_frame() -> None:
    run = run_of(cpu_seconds=1.44, frame_rates=(30.0,) * 12, seconds=4.0)
    assert run.cores == pytest.approx(0.36)
    assert run.frames == pytest.approx(1440)
    assert run.frame_cpu_ms == pytest.approx(1.0)


def test_no_frames_have_no_cost() -> None:
    assert run_of(frame_rates=(0.0,) * 12).frame_cpu_ms is None


def test_a_good_run_is_believed() -> None:
    assert judge(Report(run=run_of()), FEW) is None
    assert judge(Report(run=run_of(8, tuned=False, fps=5.0)), FEW) is None


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"frame_rates": (30.0,) * 10 + (0.0,) * 2},
            "too little: 2 of 12 links brought no picture",
        ),
        (
            {"frame_rates": (30.0,) * 9},
            "too little: 3 of 12 links brought no picture",
        ),
        ({"frame_rates": ()}, "too little: 12 of 12 links brought no picture"),
        ({"seconds": 0.5}, "too little: only 0.5 s were measured"),
        ({"frame_rates": (1.5,) * 12}, "too little: 6 frames on the median link"),
        ({"stamps": 9}, "too little: only 9 pictures told their age"),
        (
            {"unreadable_stamps": 20},
            "damaged: 20 of 288 pictures could not tell their age",
        ),
        ({"strange_pictures": 1}, "1 pictures came from the wrong peer"),
        ({"others_cores": 0.75}, "busy: other programs took 0.75 cores"),
    ],
)
def test_a_bad_run_says_why(changes: dict[str, Any], problem: str) -> None:
    assert judge(Report(run=run_of(**changes)), FEW) == problem


def test_a_failure_is_passed_on() -> None:
    assert judge(Report(failure="hung"), FEW) == "hung"
    assert judge(Report(), FEW) == "the run said nothing"


def test_how_busy_is_too_busy_is_for_the_caller_to_say() -> None:
    busy = Report(run=run_of(others_cores=1.0))
    assert judge(busy, 0.99) is not None
    assert judge(busy, 1.0) is None


def test_only_runs_without_a_problem_are_trusted() -> None:
    run = run_of()
    assert Outcome(0, run.setup, run, None).trusted is run
    assert Outcome(0, run.setup, run, "busy").trusted is None
    assert Outcome(0, run.setup, None, "hung").trusted is None


@pytest.mark.parametrize(
    "report",
    [
        Report(run=run_of()),
        Report(run=replace(run_of(), pss_mb=None, cell_speed=None)),
        Report(run=replace(run_of(), setup=Setup(peers=3, tuned=False, shown=1))),
        Report(failure="it did not connect"),
    ],
)
def test_it_travels_from_the_child(report: Report) -> None:
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report
