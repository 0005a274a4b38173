"""The age in the pixels, written and read, also through a codec: no call."""

import asyncio
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshwidget.benchmark.stamp import (
    READ_EVERY,
    TENTHS,
    WRAP,
    LinkMeter,
    StampedPattern,
    age,
    stamp,
)
from meshwidget.media.formats import VIDEO_TIME_BASE
from meshwidget.media.mark import STRIP_HEIGHT, name_checksum, read_strip
from meshwidget.media.planes import Planes

MOMENTS = st.floats(0, 1e7)
DELAYS = st.floats(0, 60)


def stamped(name: str, now: float) -> av.VideoFrame:
    """A grey picture of somebody's, made then."""
    frame = av.VideoFrame(240, 240, "yuv420p")
    Planes.from_frame(frame).luma[:] = 128
    stamp(frame, 0, name_checksum(name), now)
    return frame


@settings(deadline=None)
@given(MOMENTS, DELAYS)
def test_a_picture_tells_its_age(made: float, delay: float) -> None:
    meter = LinkMeter("alice", clock=lambda: made + delay)
    meter.read(stamped("alice", made))
    (found,) = meter.ages
    # Up to a tenth too many, and what a float of 10^7 seconds leaves out.
    assert -0.001 <= found - delay * 1000 <= 0.101


@settings(deadline=None)
@given(st.integers(0, WRAP - 1), DELAYS)
def test_when_the_clock_begins_again_ages_go_on(tenths: int, delay: float) -> None:
    made = (WRAP + tenths) / TENTHS
    mark = read_strip(Planes.from_frame(stamped("a", made)).luma[-STRIP_HEIGHT:])
    assert mark is not None
    assert age(mark, made + delay) == pytest.approx(delay * 1000, abs=0.21)


def test_it_survives_a_codec_at_its_worst() -> None:
    encoder = av.CodecContext.create("libvpx", "w")
    encoder.width = encoder.height = 240
    encoder.pix_fmt, encoder.time_base = "yuv420p", VIDEO_TIME_BASE
    encoder.framerate = Fraction(30)
    encoder.bit_rate = 20_000  # a tenth of what would be enough
    encoder.qmin, encoder.qmax = 2, 56
    encoder.options = {"deadline": "realtime", "lag-in-frames": "0"}
    decoder = av.CodecContext.create("libvpx", "r")
    source = StampedPattern("alice", 3)
    meter = LinkMeter("alice")
    for number in range(10):
        frame = source.picture()
        frame.pts, frame.time_base = number * 3000, VIDEO_TIME_BASE
        for packet in encoder.encode(frame):
            for decoded in decoder.decode(av.Packet(bytes(packet))):
                meter.read(decoded)
    assert meter.stamps == len(meter.ages) == 10
    assert meter.strange == 0
    assert all(0 <= each < 10_000 for each in meter.ages)


def test_one_frame_in_a_few_is_read_and_all_are_counted() -> None:
    meter = LinkMeter("alice", clock=lambda: 1.0)
    for _ in range(2 * READ_EVERY + 1):
        meter.take(stamped("alice", 0.5))
    assert meter.frames == 2 * READ_EVERY + 1
    assert meter.stamps == 2
    assert meter.ages == [500.0, 500.0]


def test_a_picture_of_somebody_else_is_noticed() -> None:
    assert name_checksum("alice") != name_checksum("bob")
    meter = LinkMeter("alice", clock=lambda: 1.0)
    meter.read(stamped("bob", 0.5))
    assert meter.strange == 1


def test_a_picture_without_a_stamp_has_no_age() -> None:
    meter = LinkMeter("alice")
    meter.read(
        av.VideoFrame.from_ndarray(np.zeros((360, 240), np.uint8), format="yuv420p")
    )
    assert (meter.stamps, meter.ages, meter.strange) == (1, [], 0)


async def test_the_source_is_steady_and_ends() -> None:
    source = StampedPattern("alice", 0)
    await source.open()
    meter = LinkMeter("alice")
    times = []
    async with asyncio.timeout(10):
        async for frame in source.frames():
            meter.read(frame)
            assert frame.pts is not None
            times.append(frame.pts)
            if len(times) == 4:
                await source.close()
    assert len(meter.ages) == 4
    assert all(later > earlier for earlier, later in pairwise(times))
    assert all(pts % 3000 == 0 for pts in times)
