"""Which cell run made a thing, and that the next run of that cell replaces it."""

from __future__ import annotations

import gc
import sys
import types
import weakref
from typing import Any

import pytest

from meshwidget import cells
from meshwidget.cells import CellRun, current_run, replace_earlier


class Thing:
    """Something that ends, and says how often it was asked to."""

    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


@pytest.fixture(autouse=True)
def fresh_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """What other tests have made is no cell's."""
    monkeypatch.setattr(cells, "_made", {})


def made_in(cell: str, run: str) -> Thing:
    thing = Thing()
    replace_earlier(thing, CellRun(cell, run))
    return thing


def in_kernel(
    monkeypatch: pytest.MonkeyPatch, parent: dict[str, Any] | None, kernel: bool = True
) -> None:
    """Pretend that IPython runs here and executes this request."""
    shell = types.SimpleNamespace(
        kernel=object() if kernel else None, get_parent=lambda: parent
    )
    ipython = types.SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)


def test_a_second_run_closes_the_first_ones() -> None:
    first, beside = made_in("cell", "1"), made_in("cell", "1")
    assert (first.closed, beside.closed) == (0, 0)
    second = made_in("cell", "2")
    assert (first.closed, beside.closed, second.closed) == (1, 1, 0)
    made_in("cell", "3")
    assert (first.closed, beside.closed, second.closed) == (1, 1, 1)


def test_two_things_of_one_run_live_together() -> None:
    first, second = made_in("cell", "1"), made_in("cell", "1")
    assert (first.closed, second.closed) == (0, 0)


def test_other_cells_are_left_alone() -> None:
    other = made_in("other", "1")
    made_in("cell", "2")
    made_in("cell", "3")
    assert other.closed == 0


def test_outside_a_kernel_nothing_is_replaced() -> None:
    first, second = Thing(), Thing()
    replace_earlier(first, None)
    replace_earlier(second, None)
    assert (first.closed, second.closed) == (0, 0)


def test_a_thing_is_not_kept_alive() -> None:
    thing = made_in("cell", "1")
    reference = weakref.ref(thing)
    del thing
    gc.collect()
    assert reference() is None
    made_in("cell", "2")


def test_a_loop_in_one_cell_may_make_many() -> None:
    things = [made_in("cell", "1") for _ in range(10)]
    assert not any(thing.closed for thing in things)
    made_in("cell", "2")
    assert all(thing.closed == 1 for thing in things)


def test_there_is_no_run_without_ipython(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert current_run() is None


def test_there_is_no_run_without_a_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    ipython = types.SimpleNamespace(get_ipython=lambda: None)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert current_run() is None


def test_there_is_no_run_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    in_kernel(monkeypatch, {"header": {"msg_id": "1"}}, kernel=False)
    assert current_run() is None


@pytest.mark.parametrize("parent", [None, {}, {"header": {}}])
def test_there_is_no_run_between_requests(
    monkeypatch: pytest.MonkeyPatch, parent: dict[str, Any] | None
) -> None:
    in_kernel(monkeypatch, parent)
    assert current_run() is None


def test_a_run_is_known_by_its_cells_id(monkeypatch: pytest.MonkeyPatch) -> None:
    parent = {
        "header": {"msg_id": "7"},
        "metadata": {"cellId": "abc"},
        "content": {"code": "mesh = Mesh()"},
    }
    in_kernel(monkeypatch, parent)
    assert current_run() == CellRun("abc", "7")


def test_where_a_front_end_gives_no_id_the_source_stands_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parent = {"header": {"msg_id": "7"}, "content": {"code": "mesh = Mesh()"}}
    in_kernel(monkeypatch, parent)
    assert current_run() == CellRun("mesh = Mesh()", "7")


def test_runs_of_one_cell_have_their_own_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs = []
    for number in "12":
        in_kernel(
            monkeypatch,
            {"header": {"msg_id": number}, "metadata": {"cellId": "abc"}},
        )
        runs.append(current_run())
    first, second = runs
    assert first is not None
    assert second is not None
    assert first.cell == second.cell
    assert first.run != second.run
