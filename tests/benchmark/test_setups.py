"""Which runs there are, and in which order: pure."""

from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwidget.benchmark.setups import Setup, plan

COUNTS = st.lists(st.integers(2, 12), min_size=1, max_size=4, unique=True)


def test_both_meshes_take_turns_in_going_first() -> None:
    order = [
        (number, setup.peers, setup.name)
        for number, setup in plan([2, 4], 2, Setup(peers=2, tuned=True))
    ]
    assert order == [
        (0, 2, "naive"),
        (0, 2, "ours"),
        (0, 4, "naive"),
        (0, 4, "ours"),
        (1, 2, "ours"),
        (1, 2, "naive"),
        (1, 4, "ours"),
        (1, 4, "naive"),
    ]


@given(COUNTS, st.integers(1, 6))
def test_each_mesh_is_measured_once_a_round(peers: list[int], rounds: int) -> None:
    runs = list(plan(peers, rounds, Setup(peers=2, tuned=True, seconds=1.5)))
    seen = Counter((number, setup.peers, setup.tuned) for number, setup in runs)
    assert len(seen) == len(runs) == 2 * rounds * len(peers)
    assert all(setup.seconds == 1.5 for _, setup in runs)


@pytest.mark.parametrize(
    ("peers", "shown", "links"), [(2, None, 2), (4, None, 12), (4, 1, 3), (4, 9, 12)]
)
def test_links_are_those_that_are_looked_at(
    peers: int, shown: int | None, links: int
) -> None:
    assert Setup(peers=peers, tuned=True, shown=shown).links == links


def test_the_time_limit_is_longer_than_all_that_is_waited_for() -> None:
    setup = Setup(peers=8, tuned=False, seconds=10, cell_seconds=5, patience=20)
    waited = setup.warm_up + setup.seconds + 2 * setup.cell_seconds + setup.patience
    assert setup.time_limit > waited + 10


@given(
    st.builds(
        Setup,
        peers=st.integers(2, 64),
        tuned=st.booleans(),
        shown=st.none() | st.integers(1, 64),
        seconds=st.floats(1, 1e6),
    )
)
def test_it_travels_to_the_child(setup: Setup) -> None:
    assert msgspec.json.decode(msgspec.json.encode(setup), type=Setup) == setup
