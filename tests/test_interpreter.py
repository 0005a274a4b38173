"""The interpreter's settings while calls run, put back after them."""

import gc
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from meshwidget import Mesh, interpreter

USUAL_SECONDS = 0.005
USUAL_THRESHOLDS = (700, 10, 10)


def settled(read: Callable[[], Any], value: Any) -> bool:
    """Whether it becomes that; the loop's thread ends a moment after close."""
    deadline = time.monotonic() + 5
    while read() != value and time.monotonic() < deadline:
        time.sleep(0.001)
    return bool(read() == value)


@pytest.fixture(autouse=True)
def usual_settings() -> Iterator[None]:
    before = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(USUAL_SECONDS)
    gc.set_threshold(*USUAL_THRESHOLDS)
    yield
    sys.setswitchinterval(before[0])
    gc.set_threshold(*before[1])


def test_turns_are_short_while_a_call_runs() -> None:
    usual = sys.getswitchinterval()
    with Mesh():
        assert sys.getswitchinterval() == pytest.approx(interpreter.SWITCH_SECONDS)
        with Mesh():
            pass
        assert sys.getswitchinterval() == pytest.approx(interpreter.SWITCH_SECONDS)
    assert settled(sys.getswitchinterval, usual)


def test_shorter_turns_are_left_as_they_are() -> None:
    sys.setswitchinterval(1e-5)
    chosen = sys.getswitchinterval()
    with Mesh():
        assert sys.getswitchinterval() == chosen
    assert settled(sys.getswitchinterval, chosen)


def test_turns_that_somebody_else_sets_meanwhile_stay() -> None:
    with Mesh():
        sys.setswitchinterval(0.002)
        chosen = sys.getswitchinterval()
    assert settled(gc.get_threshold, USUAL_THRESHOLDS), "the other one is put back"
    assert sys.getswitchinterval() == chosen


def test_the_collector_comes_seldom_while_a_call_runs() -> None:
    with Mesh():
        assert gc.get_threshold() == (interpreter.YOUNG_OBJECTS, *USUAL_THRESHOLDS[1:])
        assert gc.isenabled()
    assert settled(gc.get_threshold, USUAL_THRESHOLDS)


@pytest.mark.parametrize("young", [0, 100_000])
def test_a_collector_that_comes_never_or_seldom_is_left_as_it_is(young: int) -> None:
    gc.set_threshold(young, 5, 5)
    with Mesh():
        assert gc.get_threshold() == (young, 5, 5)
    assert settled(gc.get_threshold, (young, 5, 5))


def test_a_collector_that_somebody_else_sets_meanwhile_stays() -> None:
    with Mesh():
        gc.set_threshold(1234)
        chosen = gc.get_threshold()
    assert settled(sys.getswitchinterval, USUAL_SECONDS), "the other one is put back"
    assert gc.get_threshold() == chosen


def test_garbage_in_circles_is_still_collected_while_a_call_runs() -> None:
    passes: list[str] = []

    def note(phase: str, info: dict[str, int]) -> None:
        passes.append(phase)

    with Mesh():
        gc.callbacks.append(note)
        try:
            kept: list[list[int]] = [[] for _ in range(2 * interpreter.YOUNG_OBJECTS)]
        finally:
            gc.callbacks.remove(note)
    assert kept
    assert passes
