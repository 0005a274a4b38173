"""Resamplers start no threads of their own, and threads keep the cores they had."""

import os
from pathlib import Path

import av
import numpy as np
import pytest

from meshwidget.media.affinity import one_core
from meshwidget.media.soundtrack import Soundtrack

THREADS = Path("/proc/self/task")

needs_linux = pytest.mark.skipif(
    not THREADS.is_dir(), reason="threads are counted, and held to cores, on Linux only"
)


def sound() -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(
        np.zeros((1, 882), np.int16), format="s16", layout="mono"
    )
    frame.sample_rate = 44_100
    return frame


@needs_linux
def test_a_thread_keeps_the_cores_it_had() -> None:
    before = os.sched_getaffinity(0)
    with one_core():
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before


@needs_linux
def test_also_when_it_fails() -> None:
    before = os.sched_getaffinity(0)
    with pytest.raises(ValueError, match="broken"), one_core():
        raise ValueError("broken")
    assert os.sched_getaffinity(0) == before


def test_where_a_thread_cannot_be_held_it_runs_as_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setaffinity", refuse, raising=False)
    ran = False
    with one_core():
        ran = True
    assert ran


@needs_linux
def test_a_soundtrack_starts_no_thread() -> None:
    before = len(list(THREADS.iterdir()))
    tracks = [Soundtrack() for _ in range(4)]
    for track in tracks:
        assert list(track.add(sound(), 0)) == []  # 20 ms, some held back
    assert len(list(THREADS.iterdir())) <= before
