"""The search for the largest call, with runs that nobody makes: pure."""

from collections.abc import Callable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from meshwidget.benchmark.limit import FIRST, LAST, TRIES, find_limit
from meshwidget.benchmark.runs import Report
from meshwidget.benchmark.setups import Setup

from .made_up import run_of

OURS = Setup(peers=2, tuned=True, cell_seconds=0.0)


def machine(
    carries: int, asked: list[Setup] | None = None
) -> Callable[[Setup], Report]:
    """One that holds 30 frames a second up to so many peers, and 17.7 beyond."""

    def measure(setup: Setup) -> Report:
        if asked is not None:
            asked.append(setup)
        fps = 30.0 if setup.peers <= carries else 17.7
        return Report(run=replace(run_of(setup.peers, fps=fps), setup=setup))

    return measure


@given(st.integers(1, 30))
def test_it_is_found(carries: int) -> None:
    limit = find_limit(machine(carries), OURS, 0.2)
    assert limit.peers == carries
    assert limit.reason == (
        f"with {carries + 1}, 17.7 frames a second on the slowest link"
    )


def test_a_call_has_to_fail_more_than_once() -> None:
    asked: list[Setup] = []
    find_limit(machine(4, asked), OURS, 0.2)
    assert [setup.peers for setup in asked] == [2, 3, 4, *[5] * TRIES]
    assert all(setup.tuned and not setup.cell_seconds for setup in asked)


def test_one_good_try_is_enough() -> None:
    results = iter([17.7, 17.7, 30.0])

    def measure(setup: Setup) -> Report:
        fps = 30.0 if setup.peers < 5 else 10.0
        return Report(run=run_of(setup.peers, fps=next(results, fps)))

    assert find_limit(measure, OURS, 0.2).peers == 4


def test_a_call_that_never_comes_up_is_not_carried() -> None:
    def measure(setup: Setup) -> Report:
        return Report(failure="hung: it did not end within 90 s")

    limit = find_limit(measure, replace(OURS, tuned=False), 0.2)
    assert (limit.tuned, limit.peers) == (False, FIRST - 1)
    assert limit.reason == "with 2, hung: it did not end within 90 s"


def test_a_missing_link_is_a_link_without_frames() -> None:
    def measure(setup: Setup) -> Report:
        run = run_of(setup.peers)
        return Report(run=replace(run, frame_rates=run.frame_rates[1:]))

    reason = find_limit(measure, OURS, 0.2).reason
    assert reason == "with 2, 0.0 frames a second on the slowest link"


def test_it_says_that_the_machine_was_busy() -> None:
    def measure(setup: Setup) -> Report:
        return Report(run=run_of(setup.peers, fps=20.0, others_cores=1.25))

    reason = find_limit(measure, OURS, 0.2).reason
    assert reason.endswith("link (busy: other programs took 1.25 cores)")


def test_a_busy_machine_can_only_take_frames_away() -> None:
    def measure(setup: Setup) -> Report:
        fps = 30.0 if setup.peers == 2 else 1.0
        return Report(run=run_of(setup.peers, fps=fps, others_cores=1.25))

    assert find_limit(measure, OURS, 0.2).peers == 2


def test_a_room_is_the_end() -> None:
    limit = find_limit(machine(1000), OURS, 0.2)
    assert (limit.peers, limit.reason) == (LAST, "a room holds no more")
