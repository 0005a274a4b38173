"""An hour of a class, without the pauses: anything at any time, and nothing is left.

``python -m tests.loopback.soak [MINUTES [SEED]]``: a class does something every two
seconds, so a minute is 30 operations. They are chosen at random, by the seed: joins,
exits, crashes, pauses, steps, drops, edits, faults of links, peers and the server,
views, pages that take part. Rounds of calls; at the end of each everything is mended,
everybody must see everybody, everybody leaves, and what is left is compared with the
beginning; then the call is closed, and nothing may be open.
"""

from __future__ import annotations

import asyncio
import ctypes
import faulthandler
import gc
import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import psutil

from meshwidget import Mesh, MeshError, MeshTimeoutError, audit
from meshwidget.events import Event, MessageDropped, MessageEdited, TaskFailed
from meshwidget.signaling.pages import Line

from .calls import painted

NAMES = ("alice", "bob", "carol", "dave", "erin")
OPERATIONS_A_ROUND = 150
PATIENCE = 40
"""Seconds for any one operation; then every thread's stack is printed, and it fails."""

LINES_TO_SHOW = 80
"""Of the log, when a pair does not come up."""

FAILURES_TO_EXPECT = (MeshError, ValueError)
"""An exit of nobody, a step when nothing waits: a class does that too."""


class Open(NamedTuple):
    """What is open in the process."""

    threads: int
    sockets: int
    descriptors: int
    megabytes: int

    @classmethod
    def now(cls) -> Open:
        gc.collect()
        give_back()
        process = psutil.Process()
        return cls(
            sum(
                not thread.name.startswith(("asyncio_", "uvloop_", "ThreadPool"))
                for thread in threading.enumerate()
            ),
            len(audit().sockets),
            process.num_fds(),
            process.memory_info().rss >> 20,
        )


def give_back() -> None:
    """Return what was freed to the system; glibc keeps it, in an arena a thread."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


@dataclass
class Guest:
    """A page that takes part, as far as signaling goes: it never answers an offer."""

    line: Line


class Soak:
    """One round of operations on one call.

    Parameters
    ----------
    chance : random.Random
    counts : Counter
        How often each operation was done, and refused.
    """

    def __init__(self, chance: random.Random, counts: Counter[str]) -> None:
        self.chance = chance
        self.counts = counts
        self.mesh = Mesh(max_peers=5)
        self.views: list[Any] = []
        self.guests: list[Guest] = []
        self.operations: dict[Callable[[], object], int] = {
            self.join: 10,
            self.exit: 5,
            self.crash: 2,
            self.mesh.pause: 2,
            self.mesh.resume: 3,
            self.mesh.step: 6,
            self.drop: 1,
            self.edit: 1,
            self.impair: 2,
            self.cut: 1,
            self.hold: 1,
            self.heal: 3,
            self.freeze: 1,
            self.thaw: 2,
            self.mesh.server.stop: 1,
            self.mesh.server.start: 3,
            self.open_view: 3,
            self.close_view: 3,
            self.guest_comes: 2,
            self.guest_goes: 2,
            self.connect: 2,
            self.look: 3,
        }

    def run(self, operations: int) -> list[Event]:
        """Do so many, mend everything, end the call; gives what failed in it."""
        self.mesh.join("alice")  # the server's housekeeping begins with the first
        self.mesh.exit("alice")
        before = self.mesh.loop.count_tasks()
        self.rehearse()
        chosen = self.chance.choices(
            list(self.operations), list(self.operations.values()), k=operations
        )
        for operation in chosen:
            name = operation.__name__
            faulthandler.dump_traceback_later(PATIENCE, exit=True)
            self.counts[name] += 1
            try:
                operation()
            except FAILURES_TO_EXPECT:
                self.counts[f"{name} refused"] += 1
        self.mend()
        faulthandler.dump_traceback_later(PATIENCE, exit=True)
        for name in self.mesh.peers:
            self.mesh.exit(name)
        while self.views:
            self.close_view()
        deadline = time.monotonic() + 8
        while (after := self.mesh.loop.count_tasks()) > before:
            assert time.monotonic() < deadline, (
                f"{after} tasks, not {before}: {self.mesh.loop.run(_tasks())}"
            )
            time.sleep(0.05)
        log = self.mesh.log
        self.mesh.close()
        deadline = time.monotonic() + 2
        while found := audit():  # a source's function may be in the middle of a picture
            assert time.monotonic() < deadline, found
            time.sleep(0.01)
        faulthandler.cancel_dump_traceback_later()
        return list(log.of(TaskFailed))

    def rehearse(self) -> None:
        """Have everybody there once."""
        for name in NAMES[:3]:
            self.mesh.join(name)
        self.mesh.wait_connected(timeout=PATIENCE / 2)

    def mend(self) -> None:
        """Undo every fault; then everybody who is there sees everybody."""
        faulthandler.dump_traceback_later(PATIENCE, exit=True)
        self.mesh.server.start()
        for name in self.mesh.peers:
            self.mesh.thaw(name)
        for one in NAMES:
            for other in NAMES:
                if one < other:
                    self.mesh.link(one, other).heal()
        while self.guests:
            self.guest_goes()
        self.mesh.resume()
        try:
            self.mesh.wait_connected(timeout=PATIENCE / 2)
        except MeshTimeoutError as error:
            if not self.is_robbed():
                error.add_note("\n".join(map(str, self.mesh.log[-LINES_TO_SHOW:])))
                raise
            # What was dropped on purpose does not come by itself: the class rejoins.
            self.counts["rejoined because something was dropped"] += 1
            faulthandler.dump_traceback_later(PATIENCE, exit=True)
            for name in list(self.mesh.peers):
                self.mesh.exit(name)
            for name in NAMES[:4]:
                self.mesh.join(name)
            self.mesh.wait_connected(timeout=PATIENCE / 2)

    def is_robbed(self) -> bool:
        """Whether a message was taken from somebody on purpose, or spoilt."""
        log = self.mesh.log
        return bool(log.of(MessageEdited) or log.of(MessageDropped, reason="dropped"))

    # Operations -----------------------------------------------------------------------

    def join(self) -> None:
        sources: list[dict[str, Any]] = [{}, {"video": painted("red")}, {"video": None}]
        self.mesh.join(self.chance.choice(NAMES), **self.chance.choice(sources))

    def exit(self) -> None:
        self.mesh.exit(self.chance.choice(NAMES))

    def crash(self) -> None:
        self.mesh.crash(self.chance.choice(NAMES))

    def drop(self) -> None:
        if self.mesh.pending:
            self.mesh.drop(self.chance.choice(list(self.mesh.pending)))

    def edit(self) -> None:
        for message in self.mesh.pending:
            if message.kind in {"offer", "answer"}:
                self.mesh.edit(message, without="a=fingerprint")
                return

    def link(self) -> Any:
        return self.mesh.link(*self.chance.sample(NAMES, 2))

    def impair(self) -> None:
        self.link().impair(loss=0.2, delay_ms=20, seed=self.chance.randrange(99))

    def cut(self) -> None:
        self.link().cut()

    def hold(self) -> None:
        self.link().hold(self.chance.choice(["stun", "dtls", "srtp"]))

    def heal(self) -> None:
        self.link().heal()

    def freeze(self) -> None:
        self.mesh.freeze(self.chance.choice(NAMES))

    def thaw(self) -> None:
        self.mesh.thaw(self.chance.choice(NAMES))

    def open_view(self) -> None:
        makers = [
            self.mesh.panel,
            self.mesh.grid,
            self.mesh.sequence,
            self.mesh.topology,
            self.mesh.states,
            self.mesh.matrix,
        ]
        if len(self.views) < 6:
            self.views.append(self.chance.choice(makers)())

    def close_view(self) -> None:
        if self.views:
            self.views.pop(self.chance.randrange(len(self.views))).close()

    def guest_comes(self) -> None:
        name = self.chance.choice(("guest one", "guest two"))
        line = self.mesh.pages.open_line(lambda said: None, lambda: True)
        self.guests.append(Guest(line))
        said = {"client": f"client-{self.chance.random()}", "request": 1}
        payload = {"room": self.mesh.room, "email": name}
        for content in (
            {**said, "type": "hello"},
            {**said, "type": "signal", "event": "join_room", "payload": payload},
        ):
            self.mesh.loop.call_soon(line.receive, content)

    def guest_goes(self) -> None:
        if self.guests:
            self.mesh.loop.call_soon(self.guests.pop().line.close)

    def connect(self) -> None:
        self.mesh.wait_connected(timeout=0.3)

    def look(self) -> None:
        """Read what there is to read."""
        str(self.mesh.log), repr(self.mesh), self.mesh.stats(), audit()
        for name in list(self.mesh.peers)[:2]:
            self.mesh.why(name, self.chance.choice(NAMES))


async def _tasks() -> list[str]:
    return [str(task) for task in asyncio.all_tasks()]


def soak(operations: int, seed: int, say: Callable[[str], object]) -> None:
    """Do so many operations.

    Raises
    ------
    AssertionError
        When anything failed or was left.
    """
    chance = random.Random(seed)
    counts: Counter[str] = Counter()
    ends: list[Open] = []
    failed: list[str] = []
    started = time.monotonic()
    while operations > 0:
        failures = Soak(chance, counts).run(min(operations, OPERATIONS_A_ROUND))
        failed += map(str, failures)
        operations -= OPERATIONS_A_ROUND
        ends.append(Open.now())
        say(f"{time.monotonic() - started:6.1f} s  {ends[-1]}")
    say(", ".join(f"{number} {name}" for name, number in sorted(counts.items())))
    assert not failed, "\n".join(failed[:20])
    if len(ends) < 3:
        return
    warm, last = ends[1], ends[-1]
    for kind in ("threads", "sockets", "descriptors"):
        assert getattr(last, kind) <= getattr(warm, kind), (kind, ends)
    half = ends[len(ends) // 2]
    assert last.megabytes <= half.megabytes * 1.05 + 8, ends


if __name__ == "__main__":
    minutes, seed, *_ = [*map(int, sys.argv[1:]), *(60, 0)[len(sys.argv) - 1 :]]
    os.environ.setdefault("PYTHONFAULTHANDLER", "1")
    soak(minutes * 30, seed, lambda line: sys.stdout.write(f"{line}\n"))
