"""The tone: pitch, level, and that it never clicks."""

import asyncio
from fractions import Fraction

import av
import numpy as np
import pytest

from meshwidget.media.tone import FREQUENCIES, Tone, audio_frame, one_second, pitch


@pytest.mark.parametrize("frequency", FREQUENCIES)
def test_the_level_is_20_db_below_overload(frequency: int) -> None:
    samples = one_second(frequency) / 32768
    level = 20 * np.log10(np.sqrt(np.mean(np.square(samples))))
    assert level == pytest.approx(-20, abs=0.1)


@pytest.mark.parametrize("frequency", FREQUENCIES)
def test_the_pitch_is_what_it_says(frequency: int) -> None:
    spectrum = np.abs(np.fft.rfft(one_second(frequency)))
    assert int(spectrum.argmax()) == frequency


@pytest.mark.parametrize("frequency", FREQUENCIES)
def test_one_second_joins_on_to_the_next(frequency: int) -> None:
    samples = one_second(frequency).astype(int)
    steps = np.abs(np.diff(np.concatenate((samples, samples))))
    assert steps[len(samples) - 1] <= steps[: len(samples) - 1].max()


def test_pitches_differ_and_wrap() -> None:
    assert len({pitch(number) for number in range(12)}) == 12
    assert pitch(12) == pitch(0)


def test_the_source_gives_the_format_of_the_call() -> None:
    async def main() -> list[av.AudioFrame]:
        source = Tone(3)
        await source.open()
        frames = []
        async for frame in source.frames():
            frames.append(frame)
            if len(frames) == 5:
                break
        await source.close()
        return frames

    frames = asyncio.run(main())
    for frame in frames:
        assert frame.format.name == "s16"
        assert frame.layout.name == "mono"
        assert frame.sample_rate == 48_000
        assert frame.samples == 960
        assert frame.time_base == Fraction(1, 48_000)
        assert frame.pts is not None
        expected = one_second(pitch(3))[frame.pts % 48_000 :][:960]
        np.testing.assert_array_equal(frame.to_ndarray().ravel(), expected)


def test_closing_ends_the_iteration() -> None:
    async def main() -> int:
        source = Tone(0)
        await source.open()
        count = 0
        async for _ in source.frames():
            count += 1
            await source.close()
            await source.close()
        return count

    assert asyncio.run(main()) == 1


def test_a_frame_holds_the_samples() -> None:
    samples = np.arange(960, dtype=np.int16)
    frame = audio_frame(samples, 4800)
    assert frame.pts == 4800
    np.testing.assert_array_equal(frame.to_ndarray().ravel(), samples)
