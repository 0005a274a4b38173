"""Small media files, made for a test and deleted with it."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av
import numpy as np
import numpy.typing as npt
import pytest

Pixels = npt.NDArray[np.uint8]

RATE = 44_100
"""Hz, of sound in the files: not that of the call, so that it has to be converted."""
RED = (200, 60, 30)


class MakeClip(Protocol):
    """See :func:`make_clip`."""

    def __call__(
        self,
        name: str = ...,
        *,
        pictures: int = ...,
        rate: int = ...,
        size: tuple[int, int] = ...,
        draw: Callable[[int], Pixels] | None = ...,
        codec: str = ...,
        pixel_format: str = ...,
        pixel_aspect: Fraction | None = ...,
        rotation: int | None = ...,
        times: list[int] | None = ...,
        sound: float = ...,
        sound_codec: str = ...,
    ) -> Path: ...


@pytest.fixture
def make_clip(tmp_path: Path) -> MakeClip:
    """Write a media file and return its path.

    ``pictures`` and ``sound`` (seconds) say how much of each it has; ``draw(index)``
    gives the pictures, else they are all red; ``times`` are theirs in ms.
    """

    def make(
        name: str = "clip.mp4",
        *,
        pictures: int = 5,
        rate: int = 25,
        size: tuple[int, int] = (64, 48),
        draw: Callable[[int], Pixels] | None = None,
        codec: str = "mpeg4",
        pixel_format: str = "yuv420p",
        pixel_aspect: Fraction | None = None,
        rotation: int | None = None,
        times: list[int] | None = None,
        sound: float = 0.0,
        sound_codec: str = "aac",
    ) -> Path:
        path = tmp_path / name
        with av.open(path, "w") as container:
            streams: list[Any] = []
            if pictures:
                video: Any = container.add_stream(codec, rate=rate)
                video.width, video.height = size
                video.pix_fmt = pixel_format
                if codec == "mpeg4":
                    video.bit_rate = 2_000_000
                if times:
                    video.codec_context.time_base = Fraction(1, 1000)
                if pixel_aspect is not None:
                    video.codec_context.sample_aspect_ratio = pixel_aspect
                if rotation is not None:
                    video.set_display_rotation(rotation)
                streams.append(video)
            if sound:
                audio: Any = container.add_stream(sound_codec, rate=RATE)
                audio.layout = "mono"
                streams.append(audio)
            for index in range(pictures):
                pixels = draw(index) if draw else flat(size, RED)
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                frame = frame.reformat(format=pixel_format, dst_colorspace="ITU601")
                frame.pts = times[index] if times else index
                frame.time_base = Fraction(1, 1000 if times else rate)
                container.mux(video.encode(frame))
            if sound:
                for piece in sine(sound):
                    container.mux(audio.encode(piece))
            for stream in streams:
                container.mux(stream.encode(None))
        return path

    return make


def flat(size: tuple[int, int], colour: tuple[int, int, int]) -> Pixels:
    """A picture of one colour; ``size`` is width, height."""
    return np.full((size[1], size[0], 3), colour, np.uint8)


def sine(seconds: float, frequency: float = 440.0) -> list[av.AudioFrame]:
    """A tone at half of full scale, in frames of 1024 samples."""
    count = round(seconds * RATE)
    wave = 0.5 * np.sin(2 * np.pi * frequency * np.arange(count) / RATE)
    samples = (wave * 32767).astype(np.int16)
    frames = []
    for start in range(0, count, 1024):
        piece = samples[start : start + 1024].reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(piece, format="s16", layout="mono")
        frame.sample_rate = RATE
        frame.time_base = Fraction(1, RATE)
        frame.pts = start
        frames.append(frame)
    return frames
