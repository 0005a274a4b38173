"""How fast pictures come, and which ones came when."""

from __future__ import annotations

import time

import av
import pytest

from meshwidget.media.sinks import VideoSink


def frame(timestamp: int) -> av.VideoFrame:
    made = av.VideoFrame(16, 16, "yuv420p")
    made.pts = timestamp
    return made


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, as the only item, to be set."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def push(sink: VideoSink, clock: list[float], *times: float) -> None:
    for at in times:
        clock[0] = 100.0 + at
        sink.push(frame(round(90_000 * at)))


def test_the_rate_is_of_the_last_second(clock: list[float]) -> None:
    sink = VideoSink()
    push(sink, clock, *(number / 25 for number in range(50)))
    assert sink.frame_rate == pytest.approx(25)


def test_two_at_once_are_no_rate(clock: list[float]) -> None:
    sink = VideoSink()
    push(sink, clock, 0.0, 0.00001)
    assert sink.frame_rate == 2


def test_a_stop_shows(clock: list[float]) -> None:
    sink = VideoSink()
    push(sink, clock, *(number / 25 for number in range(26)))
    clock[0] += 0.5
    assert sink.frame_rate < 15
    clock[0] += 1
    assert sink.frame_rate == 0


def test_the_newest_arrivals_are_told_first(clock: list[float]) -> None:
    sink = VideoSink()
    push(sink, clock, 0.0, 1.0, 2.0, 3.0)
    assert sink.arrivals(since=100.5, limit=2) == [(270_000, 103.0), (180_000, 102.0)]
    assert len(sink.arrivals(since=100.5, limit=9)) == 3
    assert sink.arrivals(since=200.0, limit=9) == []


def test_what_is_shown_is_counted(clock: list[float]) -> None:
    sink = VideoSink()
    push(sink, clock, 0.0, 1.0)
    assert (sink.count, sink.decoded) == (2, 2)
