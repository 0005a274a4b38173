"""aiortc tracks as sources."""

import asyncio
import itertools
import threading
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from aiortc import AudioStreamTrack, MediaStreamTrack, VideoStreamTrack
from aiortc.mediastreams import MediaStreamError

from meshwidget.errors import SourceError
from meshwidget.media import tracks
from meshwidget.media.base import AudioSource, VideoSource
from meshwidget.media.fit import fit
from meshwidget.media.tracks import TrackAudio, TrackVideo

LeakCheck = Callable[..., AbstractContextManager[None]]


class Track(MediaStreamTrack):
    """Gives what it is given, then ends, fails or hangs."""

    def __init__(self, kind: str, items: list[Any]) -> None:
        super().__init__()
        self.kind = kind
        self.items = iter(items)

    async def recv(self) -> Any:
        item = next(self.items, MediaStreamError())
        if item == "hang":
            await asyncio.Event().wait()
        if isinstance(item, BaseException):
            raise item
        return item


def picture(
    pts: int | None, rate: int = 30, size: tuple[int, int] = (64, 48)
) -> av.VideoFrame:
    frame = av.VideoFrame(*size, "rgb24")
    frame.pts = pts
    if pts is not None:
        frame.time_base = Fraction(1, rate)
    return frame


def sound(pts: int | None, samples: int = 960, rate: int = 48_000) -> av.AudioFrame:
    array = np.full((1, samples), 1000, np.int16)
    frame = av.AudioFrame.from_ndarray(array, format="s16", layout="mono")
    frame.sample_rate = rate
    frame.pts = pts
    if pts is not None:
        frame.time_base = Fraction(1, rate)
    return frame


async def take(source: VideoSource | AudioSource, count: int = 1000) -> list[Any]:
    await source.open()
    frames: list[Any] = []
    try:
        async for frame in source.frames():
            frames.append(frame)
            if len(frames) == count:
                break
    finally:
        await source.close()
    return frames


def run(main: Coroutine[Any, Any, list[Any]]) -> list[Any]:
    return asyncio.run(main)


def times(frames: list[Any]) -> list[int]:
    return [frame.pts for frame in frames]


def test_a_track_of_aiortc(leaks: LeakCheck) -> None:
    async def main() -> None:
        track = VideoStreamTrack()
        frames = await take(TrackVideo(track), 4)
        for frame in frames:
            assert (frame.width, frame.height) == (240, 240)
            assert frame.format.name == "yuv420p"
            assert frame.time_base == Fraction(1, 90_000)
        assert times(frames) == [0, 3000, 6000, 9000]
        assert track.readyState == "ended"

    with leaks():
        asyncio.run(main())


def test_a_sound_track_of_aiortc(leaks: LeakCheck) -> None:
    async def main() -> None:
        track = AudioStreamTrack()
        frames = await take(TrackAudio(track), 5)
        for index, frame in enumerate(frames):
            assert (frame.samples, frame.sample_rate) == (960, 48_000)
            assert (frame.format.name, frame.layout.name) == ("s16", "mono")
            assert frame.pts == index * 960
        assert track.readyState == "ended"

    with leaks():
        asyncio.run(main())


def test_a_track_that_ends_ends_the_source(leaks: LeakCheck) -> None:
    with leaks():
        frames = run(take(TrackVideo(Track("video", [picture(0), picture(1)]))))
    assert times(frames) == [0, 3000]


def test_a_track_that_raises(leaks: LeakCheck) -> None:
    error = RuntimeError("lens cap on")
    track = Track("video", [picture(0), error])
    with leaks(), pytest.raises(SourceError, match="lens cap on") as caught:
        run(take(TrackVideo(track)))
    assert caught.value.__cause__ is error
    assert "The track Track raised RuntimeError" in str(caught.value)
    assert track.readyState == "ended"


@pytest.mark.parametrize("wrong", [av.Packet(b"x"), None, 3, sound(0)])
def test_a_track_that_gives_no_pictures(wrong: object) -> None:
    kind = type(wrong).__name__
    with pytest.raises(SourceError, match=rf"gave a {kind}.*av\.VideoFrame"):
        run(take(TrackVideo(Track("video", [wrong]))))


def test_the_wrong_kind_of_track() -> None:
    with pytest.raises(SourceError, match="Give it as audio=, not video="):
        run(take(TrackVideo(AudioStreamTrack())))
    with pytest.raises(SourceError, match="Give it as video=, not audio="):
        run(take(TrackAudio(VideoStreamTrack())))


def test_a_track_that_has_ended() -> None:
    track = VideoStreamTrack()
    track.stop()
    with pytest.raises(SourceError, match="has ended already"):
        run(take(TrackVideo(track)))


def test_times_begin_at_nothing_and_keep_their_distances() -> None:
    items = [picture(1000), picture(1002), picture(1003)]
    assert times(run(take(TrackVideo(Track("video", items))))) == [0, 6000, 9000]


def test_times_that_are_missing_or_stuck_or_go_back_move_on() -> None:
    items = [picture(pts) for pts in (None, None, 7, 7, 7, 3, 4)]
    found = times(run(take(TrackVideo(Track("video", items)))))
    assert found == [index * 3000 for index in range(7)]


def test_a_time_that_jumps_is_taken_for_damage() -> None:
    items = [picture(pts) for pts in (0, 9_000_000, 9_000_001, 0)]
    found = times(run(take(TrackVideo(Track("video", items)))))
    assert found == [index * 3000 for index in range(4)]


def test_60_pictures_a_second_are_thinned_to_30() -> None:
    items = [picture(index, 60) for index in range(20)]
    found = times(run(take(TrackVideo(Track("video", items)))))
    assert found == [index * 3000 for index in range(10)]


def test_a_track_that_never_waits_is_held_back(leaks: LeakCheck) -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        started = loop.time()
        items = [picture(index) for index in range(24)]
        await take(TrackVideo(Track("video", items)))
        return loop.time() - started

    with leaks():
        assert asyncio.run(main()) >= 23 / 30 - 0.51


def test_a_track_that_never_waits_leaves_the_loop_to_others() -> None:
    async def main() -> int:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        task = asyncio.create_task(other())
        items = [sound(index * 960) for index in range(10)]
        await take(TrackAudio(Track("audio", items)))
        task.cancel()
        return turns

    assert asyncio.run(main()) >= 10


def test_closing_while_recv_hangs(leaks: LeakCheck) -> None:
    async def main() -> None:
        track = Track("video", [picture(0), "hang"])
        source = TrackVideo(track)
        await source.open()
        first = asyncio.Event()

        async def consume() -> int:
            count = 0
            async for _ in source.frames():
                count += 1
                first.set()
            return count

        task = asyncio.create_task(consume())
        await first.wait()
        await source.close()
        await source.close()
        assert await task == 1

    with leaks():
        asyncio.run(main())


def test_cancelling_the_consumer_cancels_recv(leaks: LeakCheck) -> None:
    async def main() -> None:
        source = TrackAudio(Track("audio", ["hang"]))
        await source.open()

        async def consume() -> None:
            async for _ in source.frames():
                pass

        task = asyncio.create_task(consume())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await source.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*left, return_exceptions=True)

    with leaks():
        asyncio.run(main())


def test_sound_of_another_rate_and_length() -> None:
    items = [sound(index * 441, 441, 44_100) for index in range(30)]
    found = run(take(TrackAudio(Track("audio", items))))
    assert times(found) == [960 * index for index in range(len(found))]
    assert len(found) >= 13
    samples = np.concatenate([frame.to_ndarray().ravel() for frame in found])
    assert np.abs(samples[480:] - 1000).max() < 20


@pytest.mark.parametrize(
    ("size", "where"),
    [((640, 480), "MainThread"), ((1920, 1080), "meshwidget scaler_0")],
)
def test_only_large_pictures_are_fitted_off_the_loop(
    size: tuple[int, int], where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted_in: list[str] = []

    def fit_and_tell(frame: av.VideoFrame) -> av.VideoFrame:
        fitted_in.append(threading.current_thread().name)
        return fit(frame)

    monkeypatch.setattr(tracks, "fit", fit_and_tell)
    source = TrackVideo(Track("video", [picture(pts, size=size) for pts in range(4)]))
    frames = run(take(source))
    assert [(frame.width, frame.height) for frame in frames] == [(240, 240)] * 4
    assert fitted_in == [where] * 4


def test_times_always_grow() -> None:
    items = [picture(pts) for pts in (5, 4, 4, None, 15, 1, 16)]
    found = times(run(take(TrackVideo(Track("video", items)))))
    assert all(after > before for before, after in itertools.pairwise(found))
