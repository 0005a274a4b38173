"""What a sink knows of the pictures that end in it."""

from fractions import Fraction

import av
import pytest

from meshwidget.media.formats import VIDEO_TIME_BASE
from meshwidget.media.sinks import VideoSink


def picture(pts: int | None, time_base: Fraction = VIDEO_TIME_BASE) -> av.VideoFrame:
    frame = av.VideoFrame(16, 16, "yuv420p")
    frame.pts, frame.time_base = pts, time_base
    return frame


def test_the_full_rate_is_not_known_before_the_second_picture() -> None:
    sink = VideoSink()
    assert sink.full_rate == 0
    sink.push(picture(0))
    assert sink.full_rate == 0


@pytest.mark.parametrize(("step", "rate"), [(3000, 30), (3750, 24), (9000, 10)])
def test_the_full_rate_is_the_sources_own(step: int, rate: int) -> None:
    sink = VideoSink()
    for number in range(4):
        sink.push(picture(number * step))
    assert sink.full_rate == pytest.approx(rate)


def test_a_source_that_is_held_up_keeps_its_full_rate() -> None:
    sink = VideoSink()
    for slot in (0, 5, 6, 11, 18, 24):  # of a thirtieth of a second, the rest skipped
        sink.push(picture(slot * 3000))
    assert sink.full_rate == pytest.approx(30)


def test_frames_without_a_time_or_out_of_order_say_nothing() -> None:
    sink = VideoSink()
    for pts in (3000, None, 3000, 0, 3000):
        sink.push(picture(pts))
    assert sink.full_rate == pytest.approx(30)  # from 0 to 3000
    assert sink.count == 5


def test_every_picture_of_any_sink_has_a_version_of_its_own() -> None:
    one, other = VideoSink(), VideoSink()
    assert one.version == other.version == 0
    versions = set()
    for sink in (one, other, one):
        sink.push(picture(0))
        versions.add(sink.version)
    assert len(versions) == 3
