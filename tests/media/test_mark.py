"""The strip that programs read: pure."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshwidget.media.mark import (
    BLOCK,
    DAY_MILLISECONDS,
    STRIP_HEIGHT,
    PatternMark,
    name_checksum,
    read,
    read_strip,
    strip_luma,
)

MARKS = st.builds(
    PatternMark,
    st.integers(0, 511),
    st.integers(0, 255),
    st.integers(0, DAY_MILLISECONDS - 1),
)


def picture(mark: PatternMark) -> npt.NDArray[np.uint8]:
    """A grey picture with this strip."""
    luma = np.full((240, 240), 128, np.uint8)
    luma[-STRIP_HEIGHT:] = strip_luma(mark)
    return np.repeat(luma[..., None], 3, axis=2)


@settings(deadline=None)
@given(MARKS)
def test_what_was_written_is_read(mark: PatternMark) -> None:
    assert read(picture(mark)) == mark


@settings(deadline=None)
@given(MARKS)
def test_a_strip_is_read_from_the_luma_of_a_call_too(mark: PatternMark) -> None:
    assert read_strip(strip_luma(mark)) == mark


@settings(deadline=None)
@given(MARKS, st.integers(0, 2**32 - 1))
def test_noise_does_not_matter(mark: PatternMark, seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 30, (240, 240, 3))
    noisy = np.clip(picture(mark) + noise, 0, 255).astype(np.uint8)
    assert read(noisy) == mark


@settings(deadline=None)
@given(MARKS, st.integers(0, 59))
def test_one_wrong_block_is_noticed(mark: PatternMark, block: int) -> None:
    pixels = picture(mark)
    row, column = divmod(block, 30)
    top = 240 - STRIP_HEIGHT + row * BLOCK
    left = column * BLOCK
    pixels[top : top + BLOCK, left : left + BLOCK] = (
        236 - pixels[top : top + BLOCK, left : left + BLOCK]
    )
    assert read(pixels) is None


@pytest.mark.parametrize("level", [0, 16, 128, 255])
def test_a_flat_picture_has_no_mark(level: int) -> None:
    assert read(np.full((240, 240, 3), level, np.uint8)) is None


def test_other_pictures_have_no_mark() -> None:
    generator = np.random.default_rng(1)
    for _ in range(50):
        blocks = generator.integers(0, 256, (30, 30, 3)).astype(np.uint8)
        assert read(blocks.repeat(8, axis=0).repeat(8, axis=1)) is None


@pytest.mark.parametrize("shape", [(240, 240), (240, 240, 4), (120, 240, 3), (0, 0, 3)])
def test_pictures_of_another_shape_have_no_mark(shape: tuple[int, ...]) -> None:
    assert read(np.zeros(shape, np.uint8)) is None


def test_large_numbers_wrap() -> None:
    mark = read(picture(PatternMark(513, 0, 0)))
    assert mark is not None
    assert mark.number == 1


def test_age_counts_from_when_the_picture_was_due() -> None:
    assert PatternMark(0, 0, 1000).age(86_400 * 20_000 + 1.25) == pytest.approx(250)


def test_midnight_is_no_jump() -> None:
    before = PatternMark(0, 0, DAY_MILLISECONDS - 10)
    assert before.age(86_400 * 20_000 + 0.005) == pytest.approx(15)
    after = PatternMark(0, 0, 5)
    assert after.age(86_400 * 20_000 - 0.010) == pytest.approx(-15)


def test_checksums_tell_names_apart() -> None:
    names = ["alice", "bob", "carol", "dave", "erin", "김철수"]
    assert len({name_checksum(name) for name in names}) == len(names)
