"""Where a view's pictures come from: video where it can be, stills elsewhere."""

import pytest

from meshwidget.media.sinks import VideoSink
from meshwidget.views.pictures import FAILURES_WITHIN, Picture, Pictures

from .fakes import FakeSink


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pictures(clock: Clock) -> Pictures:
    return Pictures(clock)


def follow(pictures: Pictures, *, video: bool = True, **sinks: FakeSink) -> None:
    tiles: dict[str, VideoSink] = {**sinks}  # type: ignore[dict-item]
    pictures.follow(tiles, video=video)


def formats(taken: list[Picture]) -> list[str]:
    return [picture.describe("a")["format"] for picture in taken]


def test_a_still_is_looked_at_as_long_as_it_is_followed(pictures: Pictures) -> None:
    sink = FakeSink(count=1)
    follow(pictures, a=sink)
    follow(pictures, a=sink)
    assert sink.looks == 2
    assert list(pictures.versions()) == ["a"]
    assert pictures.take("a") == [Picture(b"picture 1")]
    follow(pictures)
    assert sink.looks == 2
    assert pictures.take("a") == []


def test_a_version_changes_with_every_picture_and_every_sink(
    pictures: Pictures,
) -> None:
    first, second = FakeSink(count=1), FakeSink(count=1)
    seen = []
    for sink, count in ((first, 1), (first, 1), (first, 2), (second, 2)):
        sink.count = count
        follow(pictures, a=sink)
        seen.append(pictures.versions()["a"])
    assert seen[0] == seen[1]
    assert len(set(seen)) == 3


def test_there_is_no_version_before_the_first_picture(pictures: Pictures) -> None:
    follow(pictures, a=FakeSink(), b=FakeSink(tappable=True))
    assert pictures.versions() == {}


def test_video_is_handed_through_and_decoded_by_nobody(pictures: Pictures) -> None:
    sink = FakeSink(tappable=True)
    follow(pictures, a=sink)
    chunks = [sink.bring(key=True), sink.bring()]
    assert list(pictures.versions()) == ["a"]
    taken = pictures.take("a")
    assert [picture.data for picture in taken] == [chunk.data for chunk in chunks]
    assert taken[0].describe("a") == {
        "tile": "a",
        "format": "vp8",
        "key": True,
        "timestamp": 3000,
    }
    assert pictures.versions() == {}
    assert (sink.looks, sink.encoded) == (0, [])


def test_who_cannot_decode_video_gets_stills(pictures: Pictures) -> None:
    sink = FakeSink(tappable=True)
    follow(pictures, a=sink)
    sink.bring(key=True)
    follow(pictures, a=sink, video=False)
    assert (sink.taps, sink.looks) == ([], 1)
    assert formats(pictures.take("a")) == ["jpeg"]
    follow(pictures, a=sink)
    sink.bring()
    assert pictures.take("a") == []  # first a keyframe
    sink.bring(key=True)
    assert formats(pictures.take("a")) == ["vp8"]


def test_a_tile_that_nobody_follows_is_released(pictures: Pictures) -> None:
    first, second = FakeSink(tappable=True), FakeSink(tappable=True)
    follow(pictures, a=first, b=second)
    follow(pictures, b=second)
    assert (len(first.taps), len(second.taps)) == (0, 1)
    follow(pictures)
    assert second.taps == []


def test_somebody_else_under_the_same_name_is_tapped_anew(pictures: Pictures) -> None:
    first, second = FakeSink(tappable=True), FakeSink(tappable=True)
    follow(pictures, a=first)
    first.bring(key=True)
    follow(pictures, a=second)
    second.bring()
    assert pictures.take("a") == []
    assert (len(first.taps), len(second.taps)) == (0, 1)


def test_what_cannot_be_tapped_is_not_tried_again(pictures: Pictures) -> None:
    sink = FakeSink(count=1)
    tried: list[object] = []

    def refuse(listener: object) -> None:
        tried.append(listener)

    sink.tap = refuse  # type: ignore[method-assign]
    for _ in range(3):
        follow(pictures, a=sink)
    assert len(tried) == 1
    assert formats(pictures.take("a")) == ["jpeg"]


def test_keyframes_are_asked_of_the_tiles_concerned_and_once(
    pictures: Pictures, clock: Clock
) -> None:
    first, second = FakeSink(tappable=True), FakeSink(tappable=True)
    follow(pictures, a=first, b=second)
    first.bring(key=True)
    second.bring(key=True)
    pictures.need_keyframes({"a", "no tile"})
    pictures.ask()
    pictures.ask()
    assert (first.wishes, second.wishes) == (2, 1)  # one of each by the tap
    pictures.need_keyframes(None)
    pictures.ask()
    assert (first.wishes, second.wishes) == (2, 2)


def test_a_decoder_that_fails_gets_a_keyframe_and_then_stills(
    pictures: Pictures, clock: Clock
) -> None:
    sink = FakeSink(tappable=True)
    follow(pictures, a=sink)
    sink.bring(key=True)
    pictures.fail({"a", "no tile"})
    pictures.ask()
    assert sink.wishes == 2
    follow(pictures, a=sink)
    assert len(sink.taps) == 1
    clock.now += FAILURES_WITHIN / 2
    pictures.fail({"a"})
    assert sink.taps == []
    follow(pictures, a=sink)
    assert sink.taps == []
    assert formats(pictures.take("a")) == ["jpeg"]


def test_failures_that_are_rare_leave_it_at_video(
    pictures: Pictures, clock: Clock
) -> None:
    sink = FakeSink(tappable=True)
    follow(pictures, a=sink)
    for _ in range(5):
        pictures.fail({"a"})
        clock.now += FAILURES_WITHIN
    follow(pictures, a=sink)
    assert len(sink.taps) == 1
