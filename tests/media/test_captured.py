"""When a picture left its source, by the timestamp that RTP carries."""

from __future__ import annotations

import time
from typing import Any

import av

from meshwidget.media.formats import VIDEO_TIME_BASE
from meshwidget.media.load import Load
from meshwidget.media.video_broadcast import VideoBroadcast


class NoSource:
    """Pictures are published by hand."""


def picture(timestamp: int) -> av.VideoFrame:
    made = av.VideoFrame(240, 240, "yuv420p")
    made.pts, made.time_base = timestamp, VIDEO_TIME_BASE
    return made


def broadcast() -> VideoBroadcast:
    source: Any = NoSource()
    return VideoBroadcast(source, lambda kind, error: None, Load())


def test_a_published_picture_has_its_time() -> None:
    made = broadcast()
    before = time.monotonic()
    made._publish(picture(3000))
    captured = made.captured(3000)
    assert captured is not None
    assert before <= captured <= time.monotonic()
    assert made.captured(6000) is None


def test_timestamps_wrap() -> None:
    made = broadcast()
    made._publish(picture((1 << 32) + 3000))
    assert made.captured(3000) is not None


def test_old_times_are_forgotten() -> None:
    made = broadcast()
    for number in range(400):
        made._publish(picture(3000 * number))
    assert made.captured(0) is None
    assert made.captured(3000 * 399) is not None
    assert len(made._captured) <= 256
