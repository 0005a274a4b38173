"""A coroutine that is cancelled at one of its awaits, counted from the first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any


class Interrupted(Coroutine[Any, Any, Any]):
    """Another coroutine, whose task is cancelled when it waits for the n-th time.

    Parameters
    ----------
    inner : coroutine
    at : int
        From 1; 0 is never.
    act : callable, optional
        What is done then instead of cancelling its task.

    Attributes
    ----------
    waits : int
        How often it has waited so far.
    """

    def __init__(
        self,
        inner: Coroutine[Any, Any, Any],
        at: int,
        act: Callable[[], object] | None = None,
    ) -> None:
        self.waits = 0
        self._act = act
        self._inner = inner
        self._at = at

    def send(self, value: Any) -> Any:
        return self._note(self._inner.send(value))

    def throw(self, *error: Any) -> Any:
        return self._note(self._inner.throw(*error))

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        raise TypeError("it is made a task of, because that is what is cancelled")

    def _note(self, awaited: Any) -> Any:
        self.waits += 1
        if self.waits == self._at:
            task = asyncio.current_task()
            assert task is not None
            asyncio.get_running_loop().call_soon(self._act or task.cancel)
        return awaited
