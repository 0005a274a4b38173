"""Medians, spreads and ratios: pure."""

from hypothesis import given
from hypothesis import strategies as st

from meshwidget.benchmark.summary import FIGURES, Row, Spread, Summary, summarise

from .made_up import outcome_of, rounds_of, run_of


def row(summary: Summary, key: str) -> Row:
    """The row of one figure."""
    (found,) = (each for each in summary.rows if each.key == key)
    return found


@given(st.lists(st.floats(-1e9, 1e9), min_size=1))
def test_a_spread_holds_all_its_values(values: list[float]) -> None:
    spread = Spread.of(values)
    assert spread is not None
    assert spread.low <= spread.median <= spread.high
    assert {spread.low, spread.high} <= set(values)
    assert spread.count == len(values)


def test_a_spread_of_nothing_is_none() -> None:
    assert Spread.of([]) is None
    assert Spread.of([None, None]) is None
    assert Spread.of([None, 3.0]) == Spread(3.0, 3.0, 3.0, 1)


def test_one_bad_run_does_not_move_the_median_far() -> None:
    assert Spread.of([1.0, 1.1, 90.0]) == Spread(1.1, 1.0, 90.0, 3)


def test_the_ratio_is_of_runs_of_the_same_round() -> None:
    # The machine is half as fast in the second round, for both alike.
    runs = [
        outcome_of(0, run_of(tuned=False, cpu_seconds=6.0)),
        outcome_of(0, run_of(tuned=True, cpu_seconds=2.0)),
        outcome_of(1, run_of(tuned=True, cpu_seconds=4.0)),
        outcome_of(1, run_of(tuned=False, cpu_seconds=12.0)),
    ]
    (summary,) = summarise(runs)
    cores = row(summary, "cores")
    assert cores.naive == Spread(2.25, 1.5, 3.0, 2)
    assert cores.ours == Spread(0.75, 0.5, 1.0, 2)
    assert cores.ratio == Spread(3.0, 3.0, 3.0, 2)


def test_a_round_without_its_other_half_has_no_ratio() -> None:
    runs = [
        outcome_of(0, run_of(tuned=False)),
        outcome_of(0, run_of(tuned=True), "busy: other programs took 0.75 cores"),
        outcome_of(1, run_of(tuned=True)),
    ]
    (summary,) = summarise(runs)
    cores = row(summary, "cores")
    assert cores.naive is not None
    assert cores.ours is not None
    assert cores.ratio is None
    assert (summary.naive_runs, summary.our_runs) == (1, 1)
    assert summary.problems == ("round 1, ours: busy: other programs took 0.75 cores",)


def test_runs_that_do_not_count_give_no_figure() -> None:
    (summary,) = summarise([outcome_of(0, run_of(), "too little")])
    assert summary.rows == ()
    assert summary.our_runs == 0


def test_only_costs_are_compared() -> None:
    (summary,) = summarise(rounds_of(2))
    compared = {each.key for each in summary.rows if each.ratio}
    assert {"cores", "frame_cpu_ms", "latency_p95_ms", "threads"} <= compared
    assert not {"fps_min", "cell_fps_min", "cell_speed", "others_cores"} & compared


def test_a_figure_that_no_run_has_is_left_out() -> None:
    runs = [outcome_of(0, run_of(pss_mb=None, cell_frame_rates=(), cell_speed=None))]
    (summary,) = summarise(runs)
    keys = {each.key for each in summary.rows}
    assert keys == {each.key for each in FIGURES} - {
        "pss_mb",
        "cell_fps_min",
        "cell_speed",
    }


def test_each_number_of_peers_has_a_summary_of_its_own() -> None:
    summaries = summarise([*rounds_of(1, peers=8), *rounds_of(1, peers=2)])
    assert [(each.peers, each.links) for each in summaries] == [(2, 2), (8, 56)]


def test_nothing_measured_is_no_summary() -> None:
    assert summarise([]) == []


def test_a_whole_run_has_every_figure() -> None:
    (summary,) = summarise(rounds_of(1))
    assert [each.key for each in summary.rows] == [each.key for each in FIGURES]
    assert len({each.label for each in FIGURES}) == len(FIGURES)
