"""What is on its way out of a call: it gets there, whoever waits for it or not.

An interrupted cell must not leave anybody half gone, who could neither stay nor be let
go again. It knows tasks and names, and nothing of what leaving is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any


class Departures:
    """The tasks in which participants of a call leave it. Mesh loop only."""

    def __init__(self) -> None:
        self._tasks: dict[asyncio.Task[None], str] = {}

    async def see_off(self, name: str, leaving: Coroutine[Any, Any, None]) -> None:
        """Await an exit; it goes on also when the one who awaits it is cancelled."""
        task = asyncio.create_task(leaving)
        self._tasks[task] = name
        task.add_done_callback(self._tasks.pop)
        await asyncio.shield(task)

    def of(self, name: str) -> set[asyncio.Task[None]]:
        """The exits of participants of that name."""
        return {task for task, leaver in self._tasks.items() if leaver == name}

    def __iter__(self) -> Iterator[asyncio.Task[None]]:
        return iter(tuple(self._tasks))
