"""Functions of the user's: what they may return, and what happens if they don't."""

import asyncio
import itertools
import re
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import av
import numpy as np
import pytest

from meshwidget.errors import SourceError
from meshwidget.media import threaded
from meshwidget.media.base import AudioSource, VideoSource
from meshwidget.media.functions import FunctionAudio, FunctionVideo

LeakCheck = Callable[..., AbstractContextManager[None]]


async def first(source: VideoSource | AudioSource, count: int) -> list[Any]:
    """Open, take so many frames, close."""
    await source.open()
    frames: list[Any] = []
    async for frame in source.frames():
        frames.append(frame)
        if len(frames) == count:
            break
    await source.close()
    return frames


def red(seconds: float) -> Any:
    return np.full((120, 160, 3), (200, 60, 30), np.uint8)


def quiet(moments: Any) -> Any:
    return np.zeros(960)


def test_a_drawing_becomes_pictures(leaks: LeakCheck) -> None:
    with leaks():
        frames = asyncio.run(first(FunctionVideo(red), 5))
    previous = -1
    for frame in frames:
        assert (frame.width, frame.height, frame.format.name) == (240, 240, "yuv420p")
        assert frame.time_base.denominator == 90_000
        assert frame.pts > previous
        previous = frame.pts
    pixels = frames[0].to_ndarray(format="rgb24")
    assert np.abs(pixels[120, 120].astype(int) - (200, 60, 30)).max() < 6
    assert (pixels[5, 120] == 0).all(), "4:3 has bars above and below"


def test_it_is_called_once_a_picture_with_the_time() -> None:
    called: list[float] = []

    def draw(seconds: float) -> Any:
        called.append(seconds)
        return red(seconds)

    frames = asyncio.run(first(FunctionVideo(draw), 5))
    assert called[0] == 0.0
    assert called == sorted(set(called))
    given = {round(seconds * 90_000) for seconds in called}
    assert {frame.pts for frame in frames} <= given


def test_a_slow_function_is_called_less_often(leaks: LeakCheck) -> None:
    slow = threading.Event()

    def draw(seconds: float) -> Any:
        slow.wait(0.1)
        return red(seconds)

    with leaks():
        frames = asyncio.run(first(FunctionVideo(draw), 4))
    assert all(
        after.pts - before.pts >= 3 * 3000
        for before, after in itertools.pairwise(frames[1:])
    )


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4, 3), np.uint8),
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((8, 6, 3), np.uint8)[::2, ::-1],
        np.asfortranarray(np.zeros((5, 7, 3), np.uint8)),
        np.broadcast_to(np.array([1, 2, 3], np.uint8), (9, 9, 3)),
    ],
)
def test_any_array_of_the_right_kind(pixels: Any) -> None:
    assert len(asyncio.run(first(FunctionVideo(lambda t: pixels), 1))) == 1


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (None, "returned None"),
        ([[1, 2, 3]], "returned a list"),
        (np.zeros((4, 4, 3)), "shape (4, 4, 3) and dtype float64"),
        (np.zeros((4, 4), np.uint8), "shape (4, 4) and dtype uint8"),
        (np.zeros((4, 4, 4), np.uint8), "shape (4, 4, 4)"),
        (np.zeros((0, 4, 3), np.uint8), "shape (0, 4, 3)"),
    ],
)
def test_a_wrong_picture_is_said_when_it_opens(returned: Any, said: str) -> None:
    def draw(seconds: float) -> Any:
        return returned

    with pytest.raises(SourceError, match=re.escape(said)) as caught:
        asyncio.run(first(FunctionVideo(draw), 1))
    assert "The function draw returned" in str(caught.value)
    assert "(height, width, 3)" in str(caught.value)


def test_what_it_raises_is_said_with_the_line() -> None:
    def draw(seconds: float) -> Any:
        return 1 / 0

    with pytest.raises(SourceError, match="ZeroDivisionError") as caught:
        asyncio.run(first(FunctionVideo(draw), 1))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    line = draw.__code__.co_firstlineno + 1
    assert f"(line {line})" in str(caught.value)


def test_failing_in_the_middle(leaks: LeakCheck) -> None:
    def draw(seconds: float) -> Any:
        if seconds > 0.1:
            raise RuntimeError("out of paint")
        return red(seconds)

    with leaks(), pytest.raises(SourceError, match="out of paint"):
        asyncio.run(first(FunctionVideo(draw), 100))


def test_a_function_that_exits_stops_its_source_only() -> None:
    def draw(seconds: float) -> Any:
        raise SystemExit

    with pytest.raises(SourceError, match="SystemExit"):
        asyncio.run(first(FunctionVideo(draw), 1))


def test_a_function_that_hangs_at_once(
    monkeypatch: pytest.MonkeyPatch, leaks: LeakCheck
) -> None:
    monkeypatch.setattr(threaded, "OPEN_TIMEOUT", 0.05)
    hang = threading.Event()

    def draw(seconds: float) -> Any:
        hang.wait(30)

    with leaks():
        with pytest.raises(SourceError, match="function draw did not answer"):
            asyncio.run(first(FunctionVideo(draw), 1))
        hang.set()


def test_a_function_that_hangs_later(
    monkeypatch: pytest.MonkeyPatch, leaks: LeakCheck
) -> None:
    monkeypatch.setattr(threaded, "STALL_SLICE", 0.05)
    hang = threading.Event()

    def draw(seconds: float) -> Any:
        if seconds:
            hang.wait(30)
        return red(seconds)

    with leaks():
        with pytest.raises(SourceError, match="function draw has given nothing"):
            asyncio.run(first(FunctionVideo(draw), 100))
        hang.set()


def test_a_sound_becomes_frames(leaks: LeakCheck) -> None:
    def sound(moments: Any) -> Any:
        return 0.5 * np.sin(2 * np.pi * 440 * moments)

    with leaks():
        frames = asyncio.run(first(FunctionAudio(sound), 5))
    for frame in frames:
        assert (frame.samples, frame.sample_rate) == (960, 48_000)
        assert (frame.format.name, frame.layout.name) == ("s16", "mono")
        moments = np.arange(frame.pts, frame.pts + 960) / 48_000
        expected = np.round(sound(moments) * 32767)
        assert np.abs(frame.to_ndarray().ravel() - expected).max() <= 1


def test_too_loud_is_clipped() -> None:
    frames = asyncio.run(
        first(FunctionAudio(lambda t: np.where(t * 0 == 0, 9.0, 0)), 1)
    )
    assert set(frames[0].to_ndarray().ravel()) == {32767}


def test_single_precision_will_do() -> None:
    source = FunctionAudio(lambda t: np.zeros(960, np.float32))
    assert len(asyncio.run(first(source, 1))) == 1


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (None, "returned None"),
        (0.5, "returned a float"),
        (np.zeros(959), "shape (959,)"),
        (np.zeros((960, 1)), "shape (960, 1)"),
        (np.zeros(960, np.int16), "dtype int16"),
        (np.zeros(960, complex), "dtype complex128"),
        (np.full(960, np.nan), "nan or infinity"),
        (np.full(960, np.inf), "nan or infinity"),
    ],
)
def test_a_wrong_sound_is_said_when_it_opens(returned: Any, said: str) -> None:
    with pytest.raises(SourceError, match=re.escape(said)):
        asyncio.run(first(FunctionAudio(lambda t: returned), 1))


def test_a_sound_that_raises() -> None:
    def sound(moments: Any) -> Any:
        raise LookupError("no such note")

    with pytest.raises(SourceError, match="The function sound raised LookupError"):
        asyncio.run(first(FunctionAudio(sound), 1))


def test_a_callable_object_is_named_by_its_looks() -> None:
    class Painter:
        def __call__(self, seconds: float) -> Any:
            return None

        def __repr__(self) -> str:
            return "<the painter>"

    with pytest.raises(SourceError, match="The function <the painter> returned None"):
        asyncio.run(first(FunctionVideo(Painter()), 1))


def test_frames_are_the_format_of_pyav() -> None:
    (picture,) = asyncio.run(first(FunctionVideo(red), 1))
    (sound,) = asyncio.run(first(FunctionAudio(quiet), 1))
    assert isinstance(picture, av.VideoFrame)
    assert isinstance(sound, av.AudioFrame)
