"""A keyframe at once, and never a storm of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meshwidget.media.keyframes import BURST, PER_SECOND, KeyframeBudget


def make_if_due(budget: KeyframeBudget, now: float) -> bool:
    """As an encoder does for each picture."""
    due = budget.is_due(now)
    if due:
        budget.spend()
    return due


def test_the_first_picture_is_one_and_the_second_is_not() -> None:
    budget = KeyframeBudget()
    assert make_if_due(budget, 0.0)
    assert not make_if_due(budget, 0.0)


def test_who_asks_gets_it_with_the_next_picture() -> None:
    budget = KeyframeBudget()
    make_if_due(budget, 0.0)
    budget.ask()
    assert make_if_due(budget, 0.0)


def test_many_wishes_are_one_keyframe() -> None:
    budget = KeyframeBudget()
    make_if_due(budget, 0.0)
    for _ in range(11):
        budget.ask()
    assert make_if_due(budget, 0.0)
    assert not make_if_due(budget, 0.0)


def test_a_wish_that_cannot_be_met_is_not_forgotten() -> None:
    budget = KeyframeBudget()
    for _ in range(BURST):
        budget.ask()
        assert make_if_due(budget, 0.0)
    budget.ask()
    assert not make_if_due(budget, 0.0)
    assert not make_if_due(budget, 0.9 / PER_SECOND)
    assert make_if_due(budget, 1.1 / PER_SECOND)


def test_rest_earns_no_more_than_a_burst() -> None:
    budget = KeyframeBudget()
    make_if_due(budget, 0.0)
    made = 0
    for _ in range(2 * BURST):
        budget.ask()
        made += make_if_due(budget, 1000.0)
    assert made == BURST


@given(
    st.lists(
        st.tuples(st.floats(0.0, 0.3), st.booleans()), min_size=1, max_size=300
    ).map(lambda steps: [(0.0, True), *steps])
)
def test_never_a_storm(steps: list[tuple[float, bool]]) -> None:
    budget = KeyframeBudget()
    now = 0.0
    made: list[float] = []
    for elapsed, wants in steps:
        now += elapsed
        if wants:
            budget.ask()
        if make_if_due(budget, now):
            made.append(now)
    for first in range(len(made)):
        for last in range(first, len(made)):
            allowed = BURST + (made[last] - made[first]) * PER_SECOND
            assert last - first + 1 <= allowed + 1e-6


@given(st.lists(st.floats(0.02, 0.05), min_size=10, max_size=60))
def test_nobody_waits_for_ever(pictures: list[float]) -> None:
    budget = KeyframeBudget()
    now = asked = 0.0
    for elapsed in pictures:
        budget.ask()
        now += elapsed
        if make_if_due(budget, now):
            asked = now
        assert now - asked < 1 / PER_SECOND + 0.05


def test_a_path_that_carries_less_is_given_fewer() -> None:
    made = {}
    for share in (1.0, 0.2):
        budget = KeyframeBudget()
        budget.per_second = PER_SECOND * share
        made[share] = 0
        for picture in range(300):  # ten seconds in which somebody always asks
            budget.ask()
            made[share] += make_if_due(budget, picture / 30)
    assert made[1.0] <= BURST + 10 * PER_SECOND
    assert made[0.2] <= BURST + 10 * PER_SECOND * 0.2 < made[1.0]
