"""Fewer pictures from everybody when the loop is late, and all when it is not."""

import asyncio
import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwidget.media.load import (
    EARLY_SECONDS,
    LATE_SECONDS,
    LEAST_SHARE,
    SAMPLE_SECONDS,
    Load,
    Share,
)

LATE = LATE_SECONDS * 2


def loaded(*lateness: float) -> Load:
    load = Load()
    for each in lateness:
        load.note(each)
    return load


def test_a_loop_that_keeps_up_gives_everything() -> None:
    assert loaded(*[0.001] * 50).share == 1


@pytest.mark.parametrize("hiccups", [[LATE], [LATE, 0], [0, LATE], [LATE, 0, 0, LATE]])
def test_a_hiccup_is_no_overload(hiccups: list[float]) -> None:
    assert loaded(0, 0, 0, *hiccups, 0, 0).share == 1


def test_a_loop_that_is_late_for_long_gives_less_and_less() -> None:
    load = loaded(LATE, LATE, LATE)
    assert load.share < 1
    shares = []
    for _ in range(100):
        load.note(LATE)
        shares.append(load.share)
    assert shares == sorted(shares, reverse=True)
    assert load.share == LEAST_SHARE


def test_it_comes_back_in_a_few_seconds() -> None:
    load = loaded(*[LATE] * 100)
    samples = 0
    while load.share < 1:
        load.note(0)
        samples += 1
    assert samples * SAMPLE_SECONDS < 12


def test_between_the_two_it_stays() -> None:
    load = loaded(*[LATE] * 10)
    between = (EARLY_SECONDS + LATE_SECONDS) / 2
    load.note(between)
    load.note(between)
    share = load.share
    for _ in range(20):
        load.note(between)
    assert load.share == share


@given(st.lists(st.floats(-1, 10), max_size=200))
def test_the_share_has_its_bounds(lateness: list[float]) -> None:
    assert LEAST_SHARE <= loaded(*lateness).share <= 1


@given(st.floats(LEAST_SHARE, 1))
def test_what_is_admitted_is_that_share_evenly_spread(fraction: float) -> None:
    load = Load()
    load.share = fraction
    share = Share(load)
    admitted = [share.admits() for _ in range(300)]
    assert abs(sum(admitted) - 300 * fraction) <= 2
    kept = [at for at, yes in enumerate(admitted) if yes]
    gaps = {later - earlier for earlier, later in itertools.pairwise(kept[1:])}
    assert not gaps or max(gaps) - min(gaps) <= 1


def test_the_first_picture_is_always_one_of_them() -> None:
    load = loaded(*[LATE] * 100)
    assert Share(load).admits()


async def test_a_loop_that_is_blocked_is_seen_to_be() -> None:
    load = Load()
    watching = asyncio.create_task(load.watch())
    while load.share == 1:
        time.sleep(SAMPLE_SECONDS + LATE)  # noqa: ASYNC251 - what it is to notice
        await asyncio.sleep(0)
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
