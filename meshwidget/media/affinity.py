"""One core for what would otherwise start a thread on each.

Every resampler of libav's, the one inside an encoder of sound included, is a graph of
filters that starts as many threads as there are cores to run on, at its first frame,
and gives them nothing to do. PyAV hands no setting through, but the number of cores is
asked of the thread that is running.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_core() -> Iterator[None]:
    """Run a few lines as on a computer with one core, where the system lets us.

    Only the calling thread is held, and it may go where it went before afterwards.
    """
    try:
        allowed = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(allowed)})
    except (AttributeError, OSError):  # not Linux, or not allowed: idle threads it is
        yield
        return
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
