"""Short turns while calls run, and the setting put back after them."""

import sys
import time
from collections.abc import Iterator

import pytest

from meshwidget import Mesh, switching


def settled(seconds: float) -> bool:
    """Whether the turns become so long; the loop's thread ends a moment after close."""
    deadline = time.monotonic() + 5
    while sys.getswitchinterval() != seconds and time.monotonic() < deadline:
        time.sleep(0.001)
    return sys.getswitchinterval() == seconds


@pytest.fixture(autouse=True)
def usual_turns() -> Iterator[float]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.005)
    yield sys.getswitchinterval()
    sys.setswitchinterval(before)


def test_turns_are_short_while_a_call_runs(usual_turns: float) -> None:
    with Mesh():
        assert sys.getswitchinterval() == pytest.approx(switching.SWITCH_SECONDS)
        with Mesh():
            pass
        assert sys.getswitchinterval() == pytest.approx(switching.SWITCH_SECONDS)
    assert settled(usual_turns)


def test_shorter_turns_are_left_as_they_are() -> None:
    sys.setswitchinterval(1e-5)
    chosen = sys.getswitchinterval()
    with Mesh():
        assert sys.getswitchinterval() == chosen
    assert settled(chosen)


def test_what_somebody_else_sets_meanwhile_stays() -> None:
    with Mesh():
        sys.setswitchinterval(0.002)
        chosen = sys.getswitchinterval()
    assert sys.getswitchinterval() == chosen
