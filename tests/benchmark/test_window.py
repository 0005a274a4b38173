"""What happens during some seconds: of this process and its machine."""

import time

import pytest

from meshwidget.benchmark.stamp import LinkMeter
from meshwidget.benchmark.window import busy_seconds, machine_seconds, observe


def burn(seconds: float) -> None:
    """Use so much CPU."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_only_what_happens_during_it_counts() -> None:
    meter = LinkMeter("alice")
    meter.frames, meter.stamps, meter.strange, meter.ages = 100, 20, 3, [1.0] * 19

    def during() -> None:
        meter.frames += 6
        meter.stamps += 3
        meter.strange += 1
        meter.ages += [2.0, 3.0]
        burn(0.05)

    window = observe([meter], during)
    (rate,) = window.frame_rates
    assert rate == pytest.approx(6 / window.seconds)
    assert window.ages == (2.0, 3.0)
    assert (window.stamps, window.unreadable, window.strange) == (3, 1, 1)
    assert window.seconds >= 0.05
    assert window.cpu_seconds >= 0.05
    assert window.others_cores >= 0


def test_without_links_it_still_looks_at_the_machine() -> None:
    window = observe([], lambda: burn(0.01))
    assert window.frame_rates == window.ages == ()
    assert window.cpu_seconds >= 0.01


def test_the_machine_is_at_least_as_busy_as_this_process() -> None:
    before, cpu = machine_seconds(), time.process_time()
    burn(0.5)
    busy, cpu = machine_seconds() - before, time.process_time() - cpu
    assert busy > 0.7 * cpu  # it is counted in ticks of 10 ms


def test_idling_is_not_busy_and_guests_count_once() -> None:
    times = {
        "user": 5.0,
        "system": 2.0,
        "idle": 100.0,
        "iowait": 10.0,
        "steal": 1.0,
        "guest": 4.0,
        "guest_nice": 0.5,
    }
    assert busy_seconds(times) == 8.0
    assert busy_seconds({"user": 1.0, "system": 1.0, "idle": 9.0, "dpc": 0.5}) == 2.5
