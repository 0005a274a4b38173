"""Budgets: a burst, then a steady rate, on any clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwidget.signaling import limits
from meshwidget.signaling.limits import (
    MAX_DESCRIPTION_LENGTH,
    MAX_MESSAGE_BURST,
    MAX_MESSAGES_PER_SECOND,
    MAX_TEXT_BURST,
    MAX_TEXT_PER_SECOND,
    Budget,
    message_budget,
    text_budget,
)

BURST = 400
RATE = 20


def make_budget(now: float = 0.0) -> Budget:
    return Budget(now, per_second=RATE, burst=BURST)


def spend_all(budget: Budget, now: float, amount: float = 1) -> int:
    """How often so much goes through at one moment."""
    count = 0
    while budget.spend(now, amount):
        count += 1
        assert count <= 10_000
    return count


def test_a_burst_and_no_more() -> None:
    budget = make_budget(10.0)
    assert spend_all(budget, 10.0) == BURST
    assert not budget.spend(10.0)


def test_it_refills_at_the_rate() -> None:
    budget = make_budget()
    spend_all(budget, 0.0)
    assert spend_all(budget, 1.0) == RATE
    assert spend_all(budget, 1.0) == 0


def test_a_long_silence_gives_one_burst() -> None:
    budget = make_budget()
    spend_all(budget, 0.0)
    assert spend_all(budget, 1e9) == BURST


def test_what_is_refused_costs_nothing() -> None:
    budget = make_budget()
    assert not budget.spend(0.0, BURST + 1)
    spend_all(budget, 0.0)
    for _ in range(1000):
        budget.spend(0.0)
    assert spend_all(budget, 1.0) == RATE


def test_a_sustained_rate_below_the_limit_is_never_refused() -> None:
    budget = make_budget()
    interval = 1 / (RATE - 1)
    assert all(budget.spend(number * interval) for number in range(5000))


def test_what_costs_nothing_is_always_there() -> None:
    budget = make_budget()
    spend_all(budget, 0.0)
    assert budget.spend(0.0, 0)


@given(
    st.lists(
        st.tuples(st.floats(min_value=0, max_value=3), st.integers(0, BURST)),
        max_size=600,
    ),
    st.floats(0, 1e6),
)
def test_never_more_than_burst_and_rate(
    spending: list[tuple[float, int]], start: float
) -> None:
    budget = make_budget(start)
    now = start
    passed = 0
    for gap, amount in spending:
        now += gap
        passed += amount * budget.spend(now, amount)
        assert passed <= BURST + (now - start) * RATE + 1e-3


def test_the_budget_of_messages() -> None:
    budget = message_budget(5.0)
    assert spend_all(budget, 5.0) == MAX_MESSAGE_BURST
    assert spend_all(budget, 6.0) == MAX_MESSAGES_PER_SECOND


def test_the_budget_of_text_has_room_for_the_longest_description() -> None:
    budget = text_budget(0.0)
    count = spend_all(budget, 0.0, MAX_DESCRIPTION_LENGTH)
    assert count == MAX_TEXT_BURST // MAX_DESCRIPTION_LENGTH
    assert budget.spend(MAX_DESCRIPTION_LENGTH / MAX_TEXT_PER_SECOND, 1)


@pytest.mark.parametrize(
    "name", sorted(name for name in vars(limits) if name.isupper())
)
def test_every_limit_is_positive(name: str) -> None:
    assert getattr(limits, name) > 0
