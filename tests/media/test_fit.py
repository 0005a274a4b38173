"""Pictures of any shape in the tile."""

from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from meshwidget.media.fit import content_size, fit, quarter_turns

WHITE = 255
SIDES = st.integers(1, 700)


def white(width: int, height: int, format: str = "rgb24") -> av.VideoFrame:
    pixels = np.full((height, width, 3), WHITE, np.uint8)
    return av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format=format)


def content_box(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    """Left, top, width, height of what is not black."""
    bright = luma(frame) > 60
    rows, columns = (
        np.flatnonzero(bright.any(axis=1)),
        np.flatnonzero(bright.any(axis=0)),
    )
    assert bright[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
    return (
        int(columns[0]),
        int(rows[0]),
        int(columns[-1] - columns[0]) + 1,
        int(rows[-1] - rows[0]) + 1,
    )


def luma(frame: av.VideoFrame) -> npt.NDArray[np.uint8]:
    return frame.to_ndarray()[:240].astype(np.uint8)


@settings(deadline=None)
@given(SIDES, SIDES, st.fractions(Fraction(1, 8), 8, max_denominator=32))
def test_sizes_are_even_fit_and_touch_two_sides(
    width: int, height: int, aspect: Fraction
) -> None:
    found = content_size(width * aspect, Fraction(height))
    assert all(side % 2 == 0 and 2 <= side <= 240 for side in found)
    assert 240 in found


@settings(deadline=None)
@given(SIDES, SIDES)
def test_the_shape_is_kept_to_a_pixel(width: int, height: int) -> None:
    assume(max(width, height) <= 100 * min(width, height))
    found_width, found_height = content_size(Fraction(width), Fraction(height))
    if found_width == 240:
        assert abs(found_height - 240 * height / width) <= 1.01 or found_height == 2
    else:
        assert abs(found_width - 240 * width / height) <= 1.01 or found_width == 2


@settings(deadline=None, max_examples=60)
@given(SIDES, SIDES, st.sampled_from([Fraction(1), Fraction(4, 3), Fraction(8, 9)]))
def test_the_picture_is_in_the_middle_and_the_rest_black(
    width: int, height: int, aspect: Fraction
) -> None:
    fitted = fit(white(width, height), aspect)
    assert (fitted.width, fitted.height, fitted.format.name) == (240, 240, "yuv420p")
    left, top, found_width, found_height = content_box(fitted)
    expected = content_size(width * aspect, Fraction(height))
    assert (found_width, found_height) == expected
    assert abs(left - (240 - left - found_width)) <= 2
    assert abs(top - (240 - top - found_height)) <= 2


def test_black_is_black() -> None:
    pixels = fit(white(200, 100)).to_ndarray(format="rgb24")
    assert (pixels[:50] == 0).all()
    assert (pixels[-50:] == 0).all()


@pytest.mark.parametrize(
    ("width", "height", "aspect", "expected"),
    [
        (1920, 1080, Fraction(1), (240, 136)),  # 135 is odd
        (1080, 1920, Fraction(1), (136, 240)),
        (240, 240, Fraction(1), (240, 240)),
        (720, 576, Fraction(64, 45), (240, 136)),  # PAL, wide
        (720, 576, Fraction(16, 15), (240, 180)),  # PAL
        (1440, 1080, Fraction(4, 3), (240, 136)),  # HDV
        (1, 1, Fraction(1), (240, 240)),
        (3000, 2, Fraction(1), (240, 2)),
        (1, 700, Fraction(1), (2, 240)),
    ],
)
def test_known_shapes(
    width: int, height: int, aspect: Fraction, expected: tuple[int, int]
) -> None:
    assert content_size(width * aspect, Fraction(height)) == expected


@pytest.mark.parametrize(
    "format", ["yuv420p", "yuvj420p", "yuv422p", "yuv444p", "nv12", "gray", "rgba"]
)
def test_any_pixel_format(format: str) -> None:
    assert content_box(fit(white(64, 48, format)))[2:] == (240, 180)


@pytest.mark.parametrize("colorspace", ["ITU601", "ITU709"])
@pytest.mark.parametrize("colour_range", ["MPEG", "JPEG"])
@pytest.mark.parametrize(
    "colour", [(200, 60, 30), (20, 200, 40), (30, 40, 220), (255, 255, 255)]
)
def test_colours_stay_what_they_are(
    colour: tuple[int, int, int], colorspace: str, colour_range: str
) -> None:
    pixels = np.full((48, 64, 3), colour, np.uint8)
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(
        format="yuv420p", dst_colorspace=colorspace, dst_color_range=colour_range
    )
    shown = fit(frame).to_ndarray(format="rgb24")[120, 120].astype(int)
    assert np.abs(shown - colour).max() <= 6


def test_hd_that_does_not_say_its_colours_is_bt709() -> None:
    pixels = np.full((720, 64, 3), (20, 200, 40), np.uint8)
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(
        format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG"
    )
    frame.colorspace = 2
    shown = fit(frame).to_ndarray(format="rgb24")[120, 120].astype(int)
    assert np.abs(shown - (20, 200, 40)).max() <= 6


def test_the_frame_is_not_changed() -> None:
    frame = white(240, 240, "yuv420p")
    frame.pts = 7
    fitted = fit(frame)
    fitted.pts = 8
    assert fitted is not frame
    assert frame.pts == 7
    assert (frame.width, frame.height) == (240, 240)


@pytest.mark.parametrize(
    ("rotation", "turns"), [(0, 0), (90, 1), (-90, 3), (180, 2), (-180, 2), (45, 0)]
)
def test_quarter_turns(rotation: float, turns: int) -> None:
    assert quarter_turns(rotation) == turns
