"""The message budget: a burst, then a steady rate, on any clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwidget.signaling import limits
from meshwidget.signaling.limits import (
    MAX_MESSAGE_BURST,
    MAX_MESSAGES_PER_SECOND,
    MessageBudget,
)


def spend_all(budget: MessageBudget, now: float) -> int:
    """How many messages go through at one moment."""
    count = 0
    while budget.spend(now):
        count += 1
        assert count <= MAX_MESSAGE_BURST
    return count


def test_a_burst_and_no_more() -> None:
    budget = MessageBudget(now=10.0)
    assert spend_all(budget, 10.0) == MAX_MESSAGE_BURST
    assert not budget.spend(10.0)


def test_it_refills_at_the_rate() -> None:
    budget = MessageBudget(now=0.0)
    spend_all(budget, 0.0)
    assert spend_all(budget, 1.0) == MAX_MESSAGES_PER_SECOND
    assert spend_all(budget, 1.0) == 0


def test_a_long_silence_gives_one_burst() -> None:
    budget = MessageBudget(now=0.0)
    spend_all(budget, 0.0)
    assert spend_all(budget, 1e9) == MAX_MESSAGE_BURST


def test_what_is_refused_costs_nothing() -> None:
    budget = MessageBudget(now=0.0)
    spend_all(budget, 0.0)
    for _ in range(1000):
        budget.spend(0.0)
    assert spend_all(budget, 1.0) == MAX_MESSAGES_PER_SECOND


def test_a_sustained_rate_below_the_limit_is_never_refused() -> None:
    budget = MessageBudget(now=0.0)
    interval = 1 / (MAX_MESSAGES_PER_SECOND - 1)
    assert all(budget.spend(number * interval) for number in range(5000))


@given(st.lists(st.floats(min_value=0, max_value=3), max_size=600), st.floats(0, 1e6))
def test_never_more_than_burst_and_rate(gaps: list[float], start: float) -> None:
    budget = MessageBudget(start)
    now = start
    passed = 0
    for gap in gaps:
        now += gap
        passed += budget.spend(now)
        allowed = MAX_MESSAGE_BURST + (now - start) * MAX_MESSAGES_PER_SECOND
        assert passed <= allowed + 1e-3


@pytest.mark.parametrize(
    "name", sorted(name for name in vars(limits) if name.isupper())
)
def test_every_limit_is_positive(name: str) -> None:
    assert getattr(limits, name) > 0
