"""Schedules and the thinning of pictures: pure."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshwidget.media.pace import Schedule, SlotFilter


def test_who_is_on_time_gets_every_frame_when_it_is_due() -> None:
    schedule = Schedule(100.0, 30)
    now = 100.0
    for expected in range(100):
        index, due = schedule.next(now)
        assert index == expected
        assert due == pytest.approx(100 + expected / 30)
        now = due


def test_lateness_does_not_add_up() -> None:
    schedule = Schedule(0.0, 50)
    for _ in range(1000):
        _, due = schedule.next(0.0)
    assert due == 999 / 50


def test_pictures_that_are_late_are_skipped() -> None:
    schedule = Schedule(0.0, 10)
    assert schedule.next(0.0)[0] == 0
    assert schedule.next(0.55) == (5, 0.5)
    assert schedule.next(0.55) == (6, 0.6)


def test_sound_that_is_a_little_late_is_given_late() -> None:
    schedule = Schedule(0.0, 50, patience=5)
    assert [schedule.next(0.101)[0] for _ in range(7)] == list(range(7))


def test_sound_that_is_very_late_is_skipped() -> None:
    schedule = Schedule(0.0, 50, patience=5)
    assert schedule.next(1.0)[0] == 50


@settings(deadline=None)
@given(
    st.lists(st.floats(0, 3600), min_size=2, max_size=50).map(sorted),
    st.sampled_from([10, 25, 30, 50]),
    st.integers(0, 10),
)
def test_frames_never_come_twice_and_are_never_older_than_the_patience(
    moments: list[float], rate: int, patience: int
) -> None:
    schedule = Schedule(0.0, rate, patience)
    previous = -1
    for now in moments:
        index, due = schedule.next(now)
        assert index > previous
        assert now - due <= (patience + 1) / rate + 1e-6
        previous = index


@pytest.mark.parametrize("rate", [1, 10, 15, 24, 25, 29.97, 30])
def test_up_to_30_pictures_a_second_pass_whole(rate: float) -> None:
    slots = SlotFilter()
    assert all(slots.accepts(index / rate) for index in range(1000))


def test_timestamps_rounded_to_milliseconds_pass_whole() -> None:
    slots = SlotFilter()
    assert all(slots.accepts(round(index * 1000 / 30) / 1000) for index in range(1000))


@pytest.mark.parametrize("rate", [50, 59.94, 60, 75, 120])
def test_faster_ones_are_thinned_to_30(rate: float) -> None:
    slots = SlotFilter()
    passed = sum(slots.accepts(index / rate) for index in range(round(rate * 10)))
    assert passed == pytest.approx(300, abs=1)


def test_of_60_a_second_every_other_one_passes() -> None:
    slots = SlotFilter()
    passed = [index for index in range(60) if slots.accepts(index / 60)]
    assert passed == list(range(0, 60, 2))
