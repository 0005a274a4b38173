"""Media files as an endless stream: no clock, no thread."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from meshwidget.errors import SourceError
from meshwidget.media.demux import MediaReader, TimedFrame

LeakCheck = Callable[..., AbstractContextManager[None]]
MakeClip = Callable[..., Path]


def read(
    path: Path, count: int, *, video: bool = True, audio: bool = True
) -> list[TimedFrame]:
    """The first so many frames."""
    reader = MediaReader(path, video=video, audio=audio, stopping=lambda: False)
    with closing(reader), closing(frames_of(reader)) as frames:
        return list(itertools.islice(frames, count))


def frames_of(reader: MediaReader) -> Any:
    return reader.frames()


def pictures(frames: list[TimedFrame]) -> list[TimedFrame]:
    return [timed for timed in frames if isinstance(timed.frame, av.VideoFrame)]


def sounds(frames: list[TimedFrame]) -> list[TimedFrame]:
    return [timed for timed in frames if isinstance(timed.frame, av.AudioFrame)]


def times(frames: list[TimedFrame]) -> list[float]:
    return [timed.seconds for timed in frames]


def grey(index: int) -> Any:
    return np.full((48, 64, 3), 40 + 20 * index, np.uint8)


def levels(frames: list[TimedFrame]) -> list[int]:
    """Which picture of :func:`grey` each is."""
    found = []
    for timed in pictures(frames):
        assert isinstance(timed.frame, av.VideoFrame)
        pixel = timed.frame.to_ndarray(format="rgb24")[120, 120, 1]
        found.append(round((int(pixel) - 40) / 20))
    return found


def test_a_file_loops_without_a_seam(make_clip: MakeClip, leaks: LeakCheck) -> None:
    path = make_clip(pictures=5, rate=25, draw=grey)
    with leaks():
        frames = read(path, 18)
    assert levels(frames) == [0, 1, 2, 3, 4] * 3 + [0, 1, 2]
    assert times(frames) == pytest.approx([index / 25 for index in range(18)])


@pytest.mark.parametrize(("rate", "kept"), [(10, 1), (25, 1), (30, 1), (60, 2)])
def test_it_keeps_its_own_pace_up_to_30(
    make_clip: MakeClip, rate: int, kept: int
) -> None:
    frames = read(make_clip(pictures=20, rate=rate), 25)
    expected = [index * kept / rate for index in range(25)]
    assert times(frames) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("clip.mp4", "mpeg4"),
        ("clip.mkv", "mpeg4"),
        ("clip.avi", "mjpeg"),
        ("clip.webm", "libvpx"),
        ("clip.m4v", "mpeg4"),  # a bare stream, without timestamps
        ("clip.ts", "mpeg2video"),  # begins at 1.4 s
    ],
)
def test_containers(make_clip: MakeClip, name: str, codec: str) -> None:
    pixel_format = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = make_clip(name, pictures=10, codec=codec, pixel_format=pixel_format)
    found = times(read(path, 25))
    assert found == pytest.approx([index / 25 for index in range(25)], abs=0.002)


def test_sound_and_picture_come_in_order_of_time(make_clip: MakeClip) -> None:
    frames = read(make_clip(pictures=25, sound=1.0), 200)
    assert times(frames) == sorted(times(frames))
    assert len(pictures(frames)) == pytest.approx(200 * 25 / 75, abs=3)


def test_sound_is_unbroken_over_the_seam(make_clip: MakeClip) -> None:
    path = make_clip("clip.mkv", pictures=25, sound=1.0, sound_codec="pcm_s16le")
    found = sounds(read(path, 300))
    positions = [timed.frame.pts for timed in found]
    assert positions == [960 * index for index in range(len(found))]
    assert len(found) > 150
    samples = np.concatenate([timed.frame.to_ndarray().ravel() for timed in found])
    loudness = np.abs(samples.reshape(-1, 960)).max(axis=1)
    assert loudness.min() > 10_000


def test_sound_stays_with_its_picture(make_clip: MakeClip) -> None:
    """Half a second of sound in a second of picture starts each second anew."""
    path = make_clip("clip.mkv", pictures=25, sound=0.5, sound_codec="pcm_s16le")
    found = sounds(read(path, 225))
    for timed in found:
        loud = int(np.abs(timed.frame.to_ndarray()).max()) > 1000
        within = timed.seconds % 1
        if 0.04 < within < 0.44:
            assert loud
        if 0.54 < within < 0.94:
            assert not loud


def test_more_sound_than_picture(make_clip: MakeClip) -> None:
    path = make_clip("clip.mkv", pictures=5, sound=1.0, sound_codec="pcm_s16le")
    found = times(pictures(read(path, 120)))
    expected = [second + index / 25 for second in range(3) for index in range(5)]
    assert found[:10] == pytest.approx(expected[:10], abs=0.01)


def test_sound_alone(make_clip: MakeClip) -> None:
    frames = read(
        make_clip("a.wav", pictures=0, sound=0.5, sound_codec="pcm_s16le"),
        60,
        video=False,
    )
    assert len(sounds(frames)) == 60


def test_picture_alone_of_a_file_with_both(make_clip: MakeClip) -> None:
    frames = read(make_clip(sound=0.5), 20, audio=False)
    assert len(pictures(frames)) == 20


def test_a_file_of_one_picture_ends_after_it(make_clip: MakeClip) -> None:
    assert times(read(make_clip(pictures=1), 10)) == [0.0]


@pytest.mark.parametrize(("name", "codec"), [("a.png", "png"), ("a.jpg", "mjpeg")])
def test_a_photo_ends_after_its_one_picture(
    make_clip: MakeClip, name: str, codec: str
) -> None:
    pixel_format = "rgb24" if codec == "png" else "yuvj420p"
    path = make_clip(name, pictures=1, codec=codec, pixel_format=pixel_format)
    assert times(read(path, 10)) == [0.0]


def test_one_picture_with_sound_goes_on(make_clip: MakeClip) -> None:
    path = make_clip("a.mkv", pictures=1, sound=0.4, sound_codec="pcm_s16le")
    found = times(pictures(read(path, 60)))
    assert found[:3] == pytest.approx([0, 0.4, 0.8], abs=0.02)


def test_a_slow_slide_show(make_clip: MakeClip) -> None:
    path = make_clip("a.mkv", pictures=3, times=[0, 5000, 9000])
    assert times(read(path, 3)) == pytest.approx([0, 5, 9])


def test_timestamps_that_jump_are_taken_for_damage(make_clip: MakeClip) -> None:
    path = make_clip("a.mkv", pictures=3, times=[0, 40, 7_200_000])
    assert times(read(path, 3))[2] < 1


@pytest.mark.parametrize(
    ("size", "aspect", "rotation", "expected"),
    [
        ((64, 48), None, None, (240, 180)),
        ((48, 64), None, None, (180, 240)),
        ((64, 48), Fraction(4, 3), None, (240, 136)),
        ((64, 48), None, 90, (180, 240)),
        ((64, 48), None, 180, (240, 180)),
        ((64, 48), Fraction(4, 3), -90, (136, 240)),
    ],
)
def test_shapes(
    make_clip: MakeClip,
    size: tuple[int, int],
    aspect: Fraction | None,
    rotation: int | None,
    expected: tuple[int, int],
) -> None:
    path = make_clip(size=size, pixel_aspect=aspect, rotation=rotation)
    (timed,) = read(path, 1)
    bright = timed.frame.to_ndarray()[:240] > 40
    box = (int(bright.any(axis=0).sum()), int(bright.any(axis=1).sum()))
    assert box == expected


def test_a_turned_picture_is_turned_upright(make_clip: MakeClip) -> None:
    def draw(index: int) -> Any:
        pixels = np.zeros((48, 64, 3), np.uint8)
        pixels[:, :32] = 255
        return pixels

    (timed,) = read(make_clip(draw=draw, rotation=90), 1)
    assert isinstance(timed.frame, av.VideoFrame)
    pixels = timed.frame.to_ndarray(format="rgb24")[:, 120]
    # 90 degrees counterclockwise: what is left comes to the bottom.
    assert pixels[40].max() < 40
    assert pixels[200].min() > 200


@pytest.mark.parametrize("size", [(63, 47), (1, 1), (17, 240), (240, 3)])
def test_odd_sizes(make_clip: MakeClip, size: tuple[int, int]) -> None:
    path = make_clip("a.mkv", size=size, codec="ffv1", pixel_format="bgr0", pictures=2)
    (timed, _) = read(path, 2)
    assert isinstance(timed.frame, av.VideoFrame)
    assert (timed.frame.width, timed.frame.height) == (240, 240)


def test_a_file_cut_off_plays_what_there_is(
    make_clip: MakeClip, leaks: LeakCheck
) -> None:
    path = make_clip("a.mkv", pictures=25, draw=lambda index: noise(index))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with leaks():
        found = times(read(path, 60))
    assert len(found) == 60
    assert found == sorted(found)


def noise(seed: int) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (48, 64, 3)).astype(np.uint8)


def test_damage_in_the_middle_is_passed_over(make_clip: MakeClip) -> None:
    path = make_clip("a.mkv", pictures=25, draw=noise)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = bytes(3000)
    path.write_bytes(content)
    assert len(read(path, 40)) == 40


def test_an_mp4_without_its_index(make_clip: MakeClip, leaks: LeakCheck) -> None:
    path = make_clip(pictures=25, draw=noise)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with leaks(), pytest.raises(SourceError, match="is not a video or sound file"):
        read(path, 1)


def no_file(folder: Path) -> Path:
    return folder / "nothing.mp4"


def a_folder(folder: Path) -> Path:
    return folder


def an_empty_file(folder: Path) -> Path:
    path = folder / "empty.mp4"
    path.touch()
    return path


def a_text(folder: Path) -> Path:
    path = folder / "text.mp4"
    path.write_text("This is no film. " * 100)
    return path


def garbage(folder: Path) -> Path:
    path = folder / "garbage.mp4"
    path.write_bytes(np.random.default_rng(5).bytes(50_000))
    return path


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (no_file, "There is no file"),
        (a_folder, "is a folder"),
        (an_empty_file, "is empty"),
        (a_text, "is not a video or sound file|has neither|has no picture"),
        (garbage, "is not a video or sound file"),
        (lambda folder: Path("\0"), "cannot be opened"),
        (lambda folder: Path("/dev/null"), "is no ordinary file"),
    ],
)
def test_what_is_no_media_file(
    tmp_path: Path, make: Callable[[Path], Path], said: str, leaks: LeakCheck
) -> None:
    with leaks(), pytest.raises(SourceError, match=said) as caught:
        read(make(tmp_path), 1)
    assert str(caught.value).endswith(".")


def test_no_picture(make_clip: MakeClip) -> None:
    path = make_clip("a.wav", pictures=0, sound=0.2, sound_codec="pcm_s16le")
    with pytest.raises(SourceError, match=r"has no picture\. Give it as audio="):
        read(path, 1)


def test_no_sound(make_clip: MakeClip) -> None:
    with closing(
        MediaReader(make_clip(), video=True, audio=True, stopping=lambda: False)
    ) as reader:
        assert not reader.has_audio


def test_nothing_that_can_be_decoded(make_clip: MakeClip, leaks: LeakCheck) -> None:
    path = make_clip("a.avi", pictures=10, codec="png", pixel_format="rgb24")
    content = bytearray(path.read_bytes())
    while (start := content.find(b"\x89PNG")) >= 0:
        content[start : start + 60] = bytes(60)
    path.write_bytes(content)
    with leaks(), pytest.raises(SourceError, match="can be decoded"):
        read(path, 1)


def test_it_stops_when_told_to(make_clip: MakeClip) -> None:
    asked = itertools.count()
    reader = MediaReader(
        make_clip(pictures=25),
        video=True,
        audio=False,
        stopping=lambda: next(asked) > 9,
    )
    with closing(reader):
        assert sum(1 for _ in reader.frames()) < 12


def test_a_file_that_is_deleted_goes_on(make_clip: MakeClip) -> None:
    path = make_clip(pictures=3)
    reader = MediaReader(path, video=True, audio=False, stopping=lambda: False)
    with closing(reader):
        path.unlink()
        frames: Iterator[TimedFrame] = reader.frames()
        assert len(list(itertools.islice(frames, 10))) == 10
