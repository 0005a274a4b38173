"""The test pattern: what it shows, that it survives VP8, when it comes."""

import asyncio
import itertools
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshwidget.media import pattern
from meshwidget.media.mark import name_checksum
from meshwidget.media.pattern import PatternPainter

NOON = 1_700_000_000.0
"""Some moment, in seconds since the epoch."""


def rgb(frame: av.VideoFrame) -> npt.NDArray[np.uint8]:
    return frame.to_ndarray(format="rgb24").astype(np.uint8)


def through_vp8(frames: Iterable[av.VideoFrame]) -> list[av.VideoFrame]:
    """What comes out of the call's own encoder settings."""
    encoder: Any = av.CodecContext.create("libvpx", "w")
    encoder.width = encoder.height = 240
    encoder.pix_fmt = "yuv420p"
    encoder.time_base = Fraction(1, 30)
    encoder.framerate = 30
    encoder.bit_rate = 300_000
    encoder.gop_size = 3000
    encoder.qmin, encoder.qmax = 2, 56
    encoder.options = {
        "cpu-used": "-16",
        "deadline": "realtime",
        "lag-in-frames": "0",
        "minrate": "300000",
        "maxrate": "300000",
        "bufsize": "300000",
        "noise-sensitivity": "0",
        "static-thresh": "1",
    }
    decoder: Any = av.CodecContext.create("vp8", "r")
    decoded = []
    for index, frame in enumerate(frames):
        frame.pts = index
        frame.time_base = Fraction(1, 30)
        for packet in encoder.encode(frame):
            decoded += decoder.decode(packet)
    return decoded


@settings(deadline=None, max_examples=30)
@given(
    st.text(min_size=1, max_size=64),
    st.integers(0, 511),
    st.floats(0, 4e9, allow_nan=False),
)
def test_a_program_recognises_any_pattern(
    name: str, number: int, seconds: float
) -> None:
    mark = pattern.read(rgb(PatternPainter(name, number).paint(seconds)))
    assert mark is not None
    assert mark.number == number
    assert mark.name_checksum == name_checksum(name)
    assert abs(mark.age(seconds)) <= 1


@pytest.mark.parametrize("number", range(12))
def test_a_program_recognises_it_after_vp8_at_300_kbit(number: int) -> None:
    painter = PatternPainter("alice", number)
    moments = [NOON + index / 30 for index in range(30)]
    decoded = through_vp8(map(painter.paint, moments))
    assert len(decoded) == len(moments)
    for moment, frame in zip(moments, decoded, strict=True):
        mark = pattern.read(rgb(frame))
        assert mark is not None
        assert mark.number == number
        assert abs(mark.age(moment)) <= 1


@pytest.mark.parametrize("number", range(12))
def test_the_colour_survives_vp8(number: int) -> None:
    painter = PatternPainter("a", number)
    frames = (painter.paint(NOON + index / 30) for index in range(10))
    pixels = rgb(through_vp8(frames)[-1])
    median = np.median(pixels[:200].reshape(-1, 3), axis=0)
    assert np.abs(median - pattern.colour(number)).max() <= 8


def test_twelve_colours_are_far_apart() -> None:
    for first, second in itertools.combinations(pattern.COLOURS, 2):
        distance = np.linalg.norm(np.subtract(first, second))
        assert distance > 60


def test_the_thirteenth_colour_is_the_first() -> None:
    assert pattern.colour(12) == pattern.colour(0)


def test_most_of_the_picture_is_the_colour() -> None:
    pixels = rgb(PatternPainter("alice", 3).paint(NOON)).astype(int)
    close = (np.abs(pixels - pattern.colour(3)) < 6).all(axis=2)
    assert close.mean() > 0.7


def test_names_look_different() -> None:
    alice = PatternPainter("alice", 0).paint(NOON)
    bob = PatternPainter("bob", 0).paint(NOON)
    assert (rgb(alice)[30:100] != rgb(bob)[30:100]).any()


def test_each_picture_differs_from_the_one_before() -> None:
    painter = PatternPainter("alice", 0)
    pictures = [rgb(painter.paint(NOON + 0.5 + index / 30)) for index in range(30)]
    for before, after in itertools.pairwise(pictures):
        assert (before[164:196] != after[164:196]).any(), "the ball stands still"


def test_the_ball_leaves_no_trace_and_comes_back() -> None:
    painter = PatternPainter("alice", 0)
    first = rgb(painter.paint(NOON))
    for index in range(1, 120):
        painter.paint(NOON + index / 30)
    again = rgb(painter.paint(NOON + pattern.BALL_PERIOD))
    np.testing.assert_array_equal(first[164:196], again[164:196])


def test_the_clock_shows_tenths() -> None:
    painter = PatternPainter("alice", 0)
    first = rgb(painter.paint(NOON + 0.21))
    same = rgb(painter.paint(NOON + 0.29))
    later = rgb(painter.paint(NOON + 0.31))
    np.testing.assert_array_equal(first[102:146], same[102:146])
    assert (first[102:146] != later[102:146]).any()


def test_frames_do_not_share_memory() -> None:
    painter = PatternPainter("alice", 0)
    first = painter.paint(NOON)
    before = rgb(first)
    painter.paint(NOON + 1.05)
    np.testing.assert_array_equal(before, rgb(first))


@pytest.mark.parametrize(
    "name", ["", " ", "two\nlines", "\t", "x" * 500, "김철수", "👩‍💻", "\u202eabc", "é"]
)
def test_any_name_can_be_drawn(name: str) -> None:
    frame = PatternPainter(name, 0).paint(NOON)
    assert (frame.width, frame.height, frame.format.name) == (240, 240, "yuv420p")


def test_the_source_gives_the_format_of_the_call() -> None:
    async def main() -> list[av.VideoFrame]:
        source = pattern.TestPattern("alice", 2, wall_clock=lambda: NOON)
        await source.open()
        frames = []
        async for frame in source.frames():
            frames.append(frame)
            if len(frames) == 5:
                break
        await source.close()
        return frames

    frames = asyncio.run(main())
    times = [frame.pts for frame in frames if frame.pts is not None]
    assert len(times) == 5
    assert all(after > before for before, after in itertools.pairwise(times))
    for frame in frames:
        assert (frame.width, frame.height, frame.format.name) == (240, 240, "yuv420p")
        assert frame.time_base == Fraction(1, 90_000)
        mark = pattern.read(rgb(frame))
        assert mark is not None
        assert frame.pts is not None
        assert mark.age(NOON + frame.pts / 90_000) == pytest.approx(0, abs=2)


def test_pictures_come_30_a_second() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        source = pattern.TestPattern("alice", 0)
        await source.open()
        started = loop.time()
        async for frame in source.frames():
            if frame.pts == 15 * 3000 or loop.time() - started > 5:
                break
        return loop.time() - started

    assert asyncio.run(main()) >= 0.5


def test_closing_ends_the_iteration() -> None:
    async def main() -> int:
        source = pattern.TestPattern("alice", 0)
        await source.open()
        count = 0
        async for _ in source.frames():
            count += 1
            await source.close()
            await source.close()
        return count

    assert asyncio.run(main()) == 1


def test_a_held_up_loop_skips_pictures() -> None:
    async def main() -> list[int | None]:
        source = pattern.TestPattern("alice", 0)
        await source.open()
        loop = asyncio.get_running_loop()
        times: list[int | None] = []
        async for frame in source.frames():
            times.append(frame.pts)
            if len(times) == 3:
                break
            held_until = loop.time() + 0.2
            while loop.time() < held_until:
                pass
        return times

    first, second, third = asyncio.run(main())
    assert first is not None
    assert second is not None
    assert third is not None
    assert second - first >= 5 * 3000
    assert third - second >= 5 * 3000
