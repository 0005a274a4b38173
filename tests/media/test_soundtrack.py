"""Sound into 20 ms frames on a timeline: pure."""

from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshwidget.media.soundtrack import LARGEST_SILENCE, Soundtrack


def tone(
    samples: int, rate: int = 48_000, layout: str = "mono", format: str = "s16"
) -> av.AudioFrame:
    """A frame full of 1000s."""
    channels = 2 if layout == "stereo" else 1
    array = np.full((1, samples * channels), 1000, np.int16)
    frame = av.AudioFrame.from_ndarray(array, format="s16", layout=layout)
    frame.sample_rate = rate
    frame.time_base = Fraction(1, rate)
    if format != "s16":
        (frame,) = av.AudioResampler(format=format).resample(frame)
    return frame


def values(frames: list[av.AudioFrame]) -> npt.NDArray[np.int16]:
    if not frames:
        return np.zeros(0, np.int16)
    return np.concatenate([frame.to_ndarray().ravel() for frame in frames]).astype(
        np.int16
    )


@settings(deadline=None)
@given(st.lists(st.integers(1, 3000), max_size=20))
def test_pieces_of_any_length_become_frames_of_20_ms(lengths: list[int]) -> None:
    soundtrack = Soundtrack()
    frames: list[av.AudioFrame] = []
    position = 0
    for length in lengths:
        frames += soundtrack.add(tone(length), position / 48_000)
        position += length
    assert len(frames) == position // 960
    assert [frame.pts for frame in frames] == [960 * n for n in range(len(frames))]
    assert all(frame.samples == 960 for frame in frames)
    assert (values(frames) == 1000).all()


@settings(deadline=None)
@given(
    st.sampled_from([8000, 11_025, 22_050, 44_100, 48_000, 96_000]),
    st.sampled_from(["mono", "stereo"]),
    st.sampled_from(["s16", "s16p", "flt", "fltp", "s32", "u8"]),
)
def test_any_format(rate: int, layout: str, format: str) -> None:
    soundtrack = Soundtrack()
    frames = list(soundtrack.add(tone(rate, rate, layout, format), 0.0))
    frames += soundtrack.flush()
    assert 48 <= len(frames) <= 50
    middle = values(frames)[4800:-4800]
    # Halves of a stereo pair add up to one and a half of each at most, in any mix.
    assert np.abs(middle - 1000.0).max() < 450


def test_a_short_gap_is_silence() -> None:
    soundtrack = Soundtrack()
    frames = list(soundtrack.add(tone(960), 0.0))
    frames += soundtrack.add(tone(960), 0.12)
    assert [frame.pts for frame in frames] == [960 * n for n in range(7)]
    sound = values(frames)
    assert (sound[960 : 6 * 960] == 0).all()
    assert (sound[6 * 960 :] == 1000).all()


def test_a_gap_within_the_tolerance_is_none() -> None:
    soundtrack = Soundtrack()
    frames = list(soundtrack.add(tone(960), 0.0))
    frames += soundtrack.add(tone(960), 0.05)
    assert (values(frames) == 1000).all()


def test_a_long_gap_stays_one() -> None:
    soundtrack = Soundtrack()
    later = LARGEST_SILENCE / 48_000 * 10
    frames = list(soundtrack.add(tone(1000), 0.0))
    frames += soundtrack.add(tone(960), later)
    assert [frame.pts for frame in frames] == [0, 960, round(later * 48_000)]
    assert (values(frames[1:2])[40:] == 0).all(), "the begun frame is filled up"


def test_the_format_may_change_on_the_way() -> None:
    soundtrack = Soundtrack()
    frames = list(soundtrack.add(tone(9600), 0.0))
    frames += soundtrack.add(tone(4410, 44_100, "stereo"), 0.2)
    frames += soundtrack.add(tone(9600), 0.3)
    frames += soundtrack.flush()
    assert len(frames) == pytest.approx(25, abs=1)
    assert values(frames).min() > 900


def test_nothing_to_flush() -> None:
    assert list(Soundtrack().flush()) == []
