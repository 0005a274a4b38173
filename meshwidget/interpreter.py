"""How the interpreter shares itself out while calls run.

Two settings of the process stand in the way of a loop that hands out packets:

- A cell that computes keeps the interpreter to itself for as long as Python lets it,
  5 ms by default. The loop has to wait so long at each turn, and a call falls to a few
  pictures a second. While there is a mesh loop the turns are shorter.
- The garbage collector looks at the young objects after every 700 that are new, and
  now and then at everything that the kernel holds, which stops all of it for 0.1 s or
  more. One who joins a call of eight makes some 10,000 objects that stay. While there
  is a mesh loop the collector comes less often; it still comes.

Each setting is put back with the last loop, unless somebody else has changed it
meanwhile.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

SWITCH_SECONDS = 1e-4
"""The longest turn of a thread that others wait for."""

YOUNG_OBJECTS = 20_000
"""New objects between two visits of the garbage collector."""

T = TypeVar("T")


class _Setting(Generic[T]):
    """One setting of the process, which is ours for a while.

    Parameters
    ----------
    read, write : callable
        Get and set it.
    wanted : callable
        From what it is, what it is to be.
    """

    def __init__(
        self,
        read: Callable[[], T],
        write: Callable[[T], None],
        wanted: Callable[[T], T],
    ) -> None:
        self._read = read
        self._write = write
        self._wanted = wanted
        self._before = self._ours = read()

    def take(self) -> None:
        self._before = self._read()
        wanted = self._wanted(self._before)
        if wanted != self._before:
            self._write(wanted)
        self._ours = self._read()  # the interpreter rounds some

    def give_back(self) -> None:
        if self._read() == self._ours:
            self._write(self._before)


def _seldom(thresholds: tuple[int, ...]) -> tuple[int, ...]:
    young, *older = thresholds
    if young == 0:  # the collector is off
        return thresholds
    return (max(young, YOUNG_OBJECTS), *older)


_settings: tuple[_Setting[float], _Setting[tuple[int, ...]]] = (
    _Setting(
        sys.getswitchinterval,
        sys.setswitchinterval,
        lambda seconds: min(seconds, SWITCH_SECONDS),
    ),
    _Setting(gc.get_threshold, lambda given: gc.set_threshold(*given), _seldom),
)
_lock = threading.Lock()
_holders = 0


def hold() -> None:
    """Have the interpreter set for calls until :func:`release`."""
    global _holders
    with _lock:
        _holders += 1
        if _holders == 1:
            for setting in _settings:
                setting.take()


def release() -> None:
    """Need it no more; the last one to say so puts the settings back."""
    global _holders
    with _lock:
        _holders -= 1
        if _holders == 0:
            for setting in _settings:
                setting.give_back()
