"""One measured run in a process of its own: a setup comes in, a line of JSON goes out.

Run by :mod:`meshwidget.benchmark.parent`. It measures from outside, through the same
methods that users have, and never asks how the call works.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from itertools import permutations

import msgspec
import psutil

from ..errors import MeshError
from ..mesh import Mesh
from .runs import Report, Run, quantile
from .setups import Setup
from .stamp import LinkMeter, StampedPattern
from .window import observe

_SAMPLE_SECONDS = 0.25
"""Between two looks at memory and threads."""
_MEGABYTE = 1e6
_COST_READS = 200


def main() -> None:
    """Run what the first argument says and print the report."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    setup = msgspec.json.decode(sys.argv[1], type=Setup)
    try:
        report = Report(run=measure(setup))
    except MeshError as error:
        report = Report(failure=str(error))
    sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")


def measure(setup: Setup) -> Run:
    """Make a call, look at it, end it.

    Raises
    ------
    MeshError
        When it does not come up in time.
    """
    cell = Cell(setup.cell_seconds)
    windows = [observe([], cell.run_alone)]
    call = MeasuredCall(setup)
    try:
        time.sleep(setup.warm_up)
        resources = Resources()
        windows.append(observe(call.meters, lambda: resources.watch(setup.seconds)))
        pss_mb = resources.pss_mb()
        windows.append(observe(call.meters, cell.run_beside_the_call))
        stamp_seconds = call.seconds_to_read()
    finally:
        close_ms = call.close()
    _, window, beside_cell = windows
    return Run(
        setup=setup,
        seconds=window.seconds,
        frame_rates=window.frame_rates,
        cpu_seconds=window.cpu_seconds,
        others_cores=max(each.others_cores for each in windows),
        latency_p50_ms=quantile(window.ages, 0.5),
        latency_p95_ms=quantile(window.ages, 0.95),
        stamps=window.stamps,
        unreadable_stamps=window.unreadable,
        strange_pictures=window.strange,
        stamp_cores=stamp_seconds * window.stamps / window.seconds,
        join_ms=call.join_ms,
        close_ms=close_ms,
        rss_mb=resources.rss_mb,
        pss_mb=pss_mb,
        threads=resources.threads,
        cell_frame_rates=beside_cell.frame_rates if setup.cell_seconds else (),
        cell_speed=cell.speed,
    )


class MeasuredCall:
    """A call whose links are all counted, or those of a few viewers.

    Parameters
    ----------
    setup : Setup

    Attributes
    ----------
    meters : list of LinkMeter
        One a directed link that is looked at.
    join_ms : float
        From the last ``join`` until everybody sees everybody.

    Raises
    ------
    MeshError
        When not everybody connects in time.
    """

    def __init__(self, setup: Setup) -> None:
        self.join_ms = 0.0
        self._names = [f"peer {number + 1}" for number in range(setup.peers)]
        viewers = self._names[: setup.shown]
        self._links = {
            (viewer, remote): LinkMeter(remote)
            for viewer, remote in permutations(self._names, 2)
            if viewer in viewers
        }
        self.meters = list(self._links.values())
        self._mesh = Mesh(max_peers=setup.peers, tuned=setup.tuned)
        try:
            for number in range(setup.peers):
                self._join(number, setup.patience)
        except BaseException:
            self._mesh.close()
            raise

    def _join(self, number: int, patience: float) -> None:
        name = self._names[number]
        source = StampedPattern(name, number)
        start = time.monotonic()
        peer = self._mesh.join(name, video=source, timeout=patience)
        for (viewer, remote), meter in self._links.items():
            if viewer == name:
                peer.on_frame(remote, meter.take)
        self._mesh.wait_connected(patience)
        self.join_ms = 1000 * (time.monotonic() - start)

    def seconds_to_read(self) -> float:
        """How long one stamp takes to read, on this machine, now."""
        frame = StampedPattern(self._names[0], 0).picture()
        meter = LinkMeter(self._names[0])
        start = time.thread_time()
        for _ in range(_COST_READS):
            meter.read(frame)
        return (time.thread_time() - start) / _COST_READS

    def close(self) -> float:
        """End the call; returns how many milliseconds that took."""
        start = time.monotonic()
        self._mesh.close()
        return 1000 * (time.monotonic() - start)


class Resources:
    """Memory and threads of this process, looked at now and then."""

    def __init__(self) -> None:
        self.rss_mb = 0.0
        self.threads = 0
        self._process = psutil.Process()

    def watch(self, seconds: float) -> None:
        """Look until so many seconds have passed."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._look()
            time.sleep(min(left, _SAMPLE_SECONDS))
        self._look()

    def pss_mb(self) -> float | None:
        """Proportional set size; takes milliseconds to find out. None but on Linux."""
        size: int | None = getattr(self._process.memory_full_info(), "pss", None)
        return None if size is None else size / _MEGABYTE

    def _look(self) -> None:
        rss = self._process.memory_info().rss / _MEGABYTE
        self.rss_mb = max(self.rss_mb, rss)
        # But for the one that waits for the parent's end.
        self.threads = max(self.threads, self._process.num_threads() - 1)


class Cell:
    """A cell that computes in pure Python, without and with a call beside it.

    Parameters
    ----------
    seconds : float
        How long; 0 leaves it out.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._alone = 0.0
        self._beside = 0.0

    def run_alone(self) -> None:
        """Compute before there is a call."""
        self._alone = compute(self._seconds)

    def run_beside_the_call(self) -> None:
        """Compute while there is one."""
        self._beside = compute(self._seconds)

    @property
    def speed(self) -> float | None:
        """How fast it was beside the call, 1 being alone. None when left out."""
        return self._beside / self._alone if self._alone else None


def compute(seconds: float) -> float:
    """Compute in pure Python for so long.

    Returns
    -------
    float
        Turns a second.
    """
    start = time.monotonic()
    turns = 0
    while time.monotonic() - start < seconds:
        total = 0
        for number in range(1000):
            total += number * number
        turns += 1
    return turns / (time.monotonic() - start)


def _end_with_parent() -> None:
    """End when the parent does, however it ends: it holds the other end of stdin."""
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    main()
