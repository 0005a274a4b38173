"""Children: what they say, how they die, and that none is left behind."""

import subprocess
import sys

import msgspec
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwidget.benchmark.parent import read_report, run_child, run_command
from meshwidget.benchmark.runs import Report, judge
from meshwidget.benchmark.setups import Setup

from .made_up import run_of


@pytest.mark.parametrize("tuned", [False, True])
def test_a_real_run(tuned: bool) -> None:
    setup = Setup(peers=2, tuned=tuned, warm_up=0.2, seconds=4, cell_seconds=0.3)
    report = run_child(setup)
    assert report.failure is None
    run = report.run
    assert run is not None
    assert judge(report, most_others=1e9) is None
    assert run.setup.tuned is tuned
    assert run.seconds >= 4
    assert len(run.frame_rates) == len(run.cell_frame_rates) == 2
    assert all(0 < rate < 60 for rate in run.frame_rates)
    assert 0 < run.cores < 64
    assert run.frame_cpu_ms is not None
    assert run.latency_p50_ms is not None
    assert run.latency_p95_ms is not None
    assert 0 < run.latency_p50_ms <= run.latency_p95_ms
    assert run.strange_pictures == 0
    assert 0 < run.stamp_cores < run.cores
    assert run.join_ms > 0
    assert run.close_ms > 0
    assert run.rss_mb > 20
    assert run.threads > 1
    assert run.cell_speed is not None
    assert run.cell_speed > 0


def test_a_run_with_one_who_looks() -> None:
    setup = Setup(peers=3, tuned=True, shown=1, warm_up=0.2, seconds=1, cell_seconds=0)
    run = run_child(setup).run
    assert run is not None
    assert len(run.frame_rates) == 2
    assert run.cell_frame_rates == ()
    assert run.cell_speed is None


def test_a_call_that_does_not_come_up_is_reported() -> None:
    report = run_child(Setup(peers=3, tuned=False, patience=0.001))
    assert report.run is None
    assert report.failure is not None
    assert "0.001 s" in report.failure


def test_a_child_that_hangs_is_ended() -> None:
    hanging = [sys.executable, "-c", "import threading; threading.Event().wait()"]
    report = run_command(hanging, limit=0.3)
    assert report == Report(failure="hung: it did not end within 0.3 s")


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        ("raise SystemExit('no luck')", "died with status 1: no luck"),
        ("1 / 0", "died with status 1: ZeroDivisionError: division by zero"),
        ("", "died with status 0: no last words"),
        (
            "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
            "died with signal 9: no last words",
        ),
    ],
)
def test_a_child_that_dies_is_reported(code: str, failure: str) -> None:
    assert run_command([sys.executable, "-c", code], 30) == Report(failure=failure)


def test_a_child_ends_when_its_parent_is_killed() -> None:
    code = (
        "from meshwidget.benchmark.parent import run_child\n"
        "from meshwidget.benchmark.setups import Setup\n"
        "run_child(Setup(peers=2, tuned=True, seconds=50))"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as parent:
        try:
            child = wait_for_child(psutil.Process(parent.pid))
        finally:
            parent.kill()
    child.wait(timeout=20)
    assert not child.is_running()


def wait_for_child(parent: psutil.Process) -> psutil.Process:
    """The first one, as soon as there is one."""
    while not (children := parent.children()):
        assert parent.is_running()
    return children[0]


@given(st.binary(), st.binary(), st.integers(-64, 255))
def test_whatever_a_child_says_is_read(
    output: bytes, complaints: bytes, status: int
) -> None:
    assert read_report(output, complaints, status).failure


def test_a_report_is_read_whatever_else_is_complained_of() -> None:
    report = Report(run=run_of())
    encoded = msgspec.json.encode(report) + b"\n"
    assert read_report(encoded, b"a warning", 0) == report
