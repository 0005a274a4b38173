"""A bitrate that follows what a receiver reports, within bounds."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwidget.media.bitrate import MAX_BITRATE, MIN_BITRATE, LinkBitrate

fractions = st.floats(0.0, 1.0)


def test_it_begins_at_the_most() -> None:
    assert LinkBitrate().target == MAX_BITRATE


@pytest.mark.parametrize("fraction", [0.0, 0.019, 0.02, 0.05, 0.1])
def test_a_little_loss_changes_nothing(fraction: float) -> None:
    bitrate = LinkBitrate()
    bitrate.note_loss(fraction)
    assert bitrate.target == MAX_BITRATE


def test_much_loss_takes_half_as_much_away() -> None:
    bitrate = LinkBitrate()
    bitrate.note_loss(0.5)
    assert bitrate.target == MAX_BITRATE * 0.75


def test_less_than_is_sent_is_allowed_at_once() -> None:
    """A picture that needs a third of what it may have notices no smaller steps."""
    bitrate = LinkBitrate()
    bitrate.sent = 100_000
    bitrate.note_loss(0.5)
    assert bitrate.target == 75_000


def test_it_comes_back_when_nothing_is_lost() -> None:
    bitrate = LinkBitrate()
    for _ in range(20):
        bitrate.note_loss(1.0)
    assert bitrate.target == MIN_BITRATE
    reports = math.ceil(math.log(MAX_BITRATE / MIN_BITRATE, 1.08))
    for _ in range(reports):
        assert bitrate.target < MAX_BITRATE
        bitrate.note_loss(0.0)
    assert bitrate.target == MAX_BITRATE


def test_between_little_and_much_it_stays() -> None:
    bitrate = LinkBitrate()
    bitrate.note_loss(0.4)
    before = bitrate.target
    bitrate.note_loss(0.05)
    assert bitrate.target == before


def test_the_receivers_estimate_is_a_bound() -> None:
    bitrate = LinkBitrate()
    bitrate.note_estimate(100_000)
    assert bitrate.target == 100_000
    for _ in range(50):
        bitrate.note_loss(0.0)
    assert bitrate.target == 100_000
    bitrate.note_estimate(2_000_000)
    assert bitrate.target == 100_000  # only reports without loss raise it
    bitrate.note_loss(0.0)
    assert bitrate.target == pytest.approx(108_000)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("loss"), fractions),
            st.tuples(st.just("estimate"), st.floats(0.0, 1e10)),
        )
    )
)
def test_it_stays_within_bounds(reports: list[tuple[str, float]]) -> None:
    bitrate = LinkBitrate()
    for kind, value in reports:
        before = bitrate.target
        if kind == "loss":
            bitrate.note_loss(value)
            assert value < 0.02 or bitrate.target <= before
        else:
            bitrate.note_estimate(value)
            assert bitrate.target <= max(value, MIN_BITRATE)
        assert MIN_BITRATE <= bitrate.target <= MAX_BITRATE
