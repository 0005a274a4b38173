"""What a process, its links and its machine do during some seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psutil

from .stamp import LinkMeter


@dataclass(frozen=True, slots=True)
class Window:
    """What happened between two moments.

    Attributes
    ----------
    seconds : float
    frame_rates : tuple of float
        Frames a second of each link.
    ages : tuple of float
        Milliseconds, of all pictures that were asked.
    stamps, unreadable, strange : int
        Pictures that were asked, could not say, came from somebody else.
    cpu_seconds : float
        Of this process, user and system.
    others_cores : float
        What all other processes used, never below 0.
    """

    seconds: float
    frame_rates: tuple[float, ...]
    ages: tuple[float, ...]
    stamps: int
    unreadable: int
    strange: int
    cpu_seconds: float
    others_cores: float


def observe(meters: Sequence[LinkMeter], during: Callable[[], object]) -> Window:
    """Look at links, process and machine while ``during`` runs."""
    frames = [meter.frames for meter in meters]
    read = [len(meter.ages) for meter in meters]
    stamps = sum(meter.stamps for meter in meters)
    strange = sum(meter.strange for meter in meters)
    busy, cpu, start = machine_seconds(), time.process_time(), time.monotonic()
    during()
    seconds = time.monotonic() - start
    cpu = time.process_time() - cpu
    busy = machine_seconds() - busy
    ages = [
        each
        for meter, before in zip(meters, read, strict=True)
        for each in meter.ages[before:]
    ]
    stamps = sum(meter.stamps for meter in meters) - stamps
    return Window(
        seconds=seconds,
        frame_rates=tuple(
            (meter.frames - before) / seconds
            for meter, before in zip(meters, frames, strict=True)
        ),
        ages=tuple(ages),
        stamps=stamps,
        # A picture may be asked on the mesh's thread between two of these lines.
        unreadable=max(0, stamps - len(ages)),
        strange=sum(meter.strange for meter in meters) - strange,
        cpu_seconds=cpu,
        others_cores=max(0.0, busy - cpu) / seconds,
    )


def machine_seconds() -> float:
    """CPU seconds that the whole machine has been busy so far, on all its cores."""
    return busy_seconds(psutil.cpu_times()._asdict())


def busy_seconds(times: dict[str, float]) -> float:
    """Sum up what ``psutil.cpu_times`` gives, without idling and what is in it twice.

    Guests' time is part of the user's already (proc_stat(5)).
    """
    idle = ("idle", "iowait", "guest", "guest_nice")
    return sum(spent for kind, spent in times.items() if kind not in idle)
