"""Running a notebook's cell again replaces what the cell made before.

IPython keeps every displayed result (``Out``), so a mesh that a cell made is still
referenced when the cell runs again, and would go on for ever. Whoever makes a thing
that has to end asks here which cell run it belongs to; an earlier run's things of the
same cell are closed.
"""

from __future__ import annotations

import sys
import weakref
from dataclasses import dataclass
from typing import Any, Protocol


class Closable(Protocol):
    """Something that ends."""

    def close(self) -> None: ...


@dataclass(frozen=True)
class CellRun:
    """One execution of one cell.

    Attributes
    ----------
    cell : str
        The same for each run of a cell: its id, or its source where the front end
        gives none.
    run : str
        Another one for each execution.
    """

    cell: str
    run: str


def current_run() -> CellRun | None:
    """The cell run that is going on, or None outside a kernel."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    kernel = getattr(shell, "kernel", None)
    if shell is None or kernel is None:
        return None
    request: dict[str, Any] = shell.get_parent() or {}
    run = request.get("header", {}).get("msg_id")
    if not run:
        return None
    cell = request.get("metadata", {}).get("cellId")
    return CellRun(cell or request.get("content", {}).get("code", ""), run)


_made: dict[CellRun, weakref.WeakSet[Any]] = {}


def replace_earlier(thing: Closable, run: CellRun | None) -> None:
    """Note who made a thing, and close what an earlier run of its cell made."""
    if run is None:
        return
    earlier = [each for each in _made if each.cell == run.cell and each.run != run.run]
    for each in earlier:
        for forgotten in _made.pop(each):
            forgotten.close()
    _made.setdefault(run, weakref.WeakSet()).add(thing)
