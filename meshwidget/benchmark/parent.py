"""Runs the children, one after the other, each in a fresh interpreter.

A child ends with its run, at its time limit, or with this process: it notices that its
standard input is closed. So nothing is left behind, whatever ends this process.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence

import msgspec

from .runs import Report
from .setups import Setup


def run_child(setup: Setup) -> Report:
    """Make one run. A child that dies or hangs is reported, not raised."""
    module, argument = "meshwidget.benchmark.child", msgspec.json.encode(setup).decode()
    return run_command([sys.executable, "-m", module, argument], setup.time_limit)


def run_command(command: Sequence[str], limit: float) -> Report:
    """Run anything that prints a report, and end it after so many seconds."""
    with (
        _lifeline() as stdin,
        subprocess.Popen(
            command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process,
    ):
        try:
            output, complaints = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            return Report(failure=f"hung: it did not end within {limit:g} s")
        finally:
            process.kill()  # harmless when it has ended
    return read_report(output, complaints, process.returncode)


def read_report(output: bytes, complaints: bytes, status: int) -> Report:
    """What a child has said, or how it died.

    Parameters
    ----------
    output, complaints : bytes
        Its standard output and standard error.
    status : int
        Negative is the number of a signal.
    """
    try:
        return msgspec.json.decode(output, type=Report)
    except msgspec.DecodeError:
        lines = complaints.decode(errors="replace").split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "no last words")
        how = f"signal {-status}" if status < 0 else f"status {status}"
        return Report(failure=f"died with {how}: {last.strip()}")


@contextlib.contextmanager
def _lifeline() -> Iterator[int]:
    """The reading end of a pipe whose other end lives as long as the block."""
    reader, writer = os.pipe()
    try:
        yield reader
    finally:
        os.close(reader)
        os.close(writer)
