"""The sound a participant has when none is given: a soft tone of its own pitch."""

import asyncio
from collections.abc import AsyncIterator

import av
import numpy as np
import numpy.typing as npt

from .base import AudioSource
from .formats import AUDIO_FRAME_SAMPLES, AUDIO_SAMPLE_RATE, AUDIO_TIME_BASE
from .pace import AUDIO_PATIENCE, Schedule
from .threaded import call_in_thread

FREQUENCIES = (220, 262, 294, 330, 392, 440, 523, 587, 659, 784, 880, 1047)
"""Hz. A minor pentatonic from A3 up: any of them sound well together. Whole
numbers, so that one second of each joins on to the next without a click."""

LEVEL = 0.1
"""Root mean square, of full scale: -20 dBov, counted as RFC 6465 does."""

HARMONICS = (1.0, 0.25, 0.08)
"""Amplitude of the fundamental and of its overtones: softer than a bare sine."""


def pitch(number: int) -> int:
    """Return the frequency, in Hz, of the participant who joined as ``number``."""
    return FREQUENCIES[number % len(FREQUENCIES)]


def one_second(frequency: int) -> npt.NDArray[np.int16]:
    """Return one second of the tone, shape (48000,), which joins on to itself."""
    phase = 2 * np.pi * frequency * np.arange(AUDIO_SAMPLE_RATE) / AUDIO_SAMPLE_RATE
    wave = np.zeros(AUDIO_SAMPLE_RATE)
    for order, amplitude in enumerate(HARMONICS, start=1):
        wave += amplitude * np.sin(order * phase)
    wave *= LEVEL / np.sqrt(np.mean(np.square(wave)))
    return np.round(wave * 32767).astype(np.int16)


class Tone(AudioSource):
    """A steady tone at about -20 dBov.

    Parameters
    ----------
    number : int
        How many joined before; the pitch follows from it.
    """

    def __init__(self, number: int) -> None:
        self.frequency = pitch(number)
        """Hz."""
        self._samples: npt.NDArray[np.int16] | None = None

    async def open(self) -> None:
        """Compute the tone, which takes some 2 ms of a thread's time."""
        self._samples = await call_in_thread(
            "The tone", lambda: one_second(self.frequency)
        )

    async def frames(self) -> AsyncIterator[av.AudioFrame]:
        """Give the tone; see :meth:`AudioSource.frames`."""
        loop = asyncio.get_running_loop()
        rate = AUDIO_SAMPLE_RATE / AUDIO_FRAME_SAMPLES
        schedule = Schedule(loop.time(), rate, AUDIO_PATIENCE)
        while True:
            index, due = schedule.next(loop.time())
            await asyncio.sleep(due - loop.time())
            if self._samples is None:
                return
            offset = index * AUDIO_FRAME_SAMPLES % AUDIO_SAMPLE_RATE
            samples = self._samples[offset : offset + AUDIO_FRAME_SAMPLES]
            yield audio_frame(samples, index * AUDIO_FRAME_SAMPLES)

    async def close(self) -> None:
        """Fall silent: the iteration ends within 20 ms."""
        self._samples = None


def audio_frame(samples: npt.NDArray[np.int16], pts: int) -> av.AudioFrame:
    """Wrap samples in a frame of the call's format.

    Parameters
    ----------
    samples : numpy.ndarray
        Shape (960,), int16.
    pts : int
        In 1/48000 s.
    """
    frame = av.AudioFrame(format="s16", layout="mono", samples=len(samples))
    frame.planes[0].update(samples.tobytes())
    frame.sample_rate = AUDIO_SAMPLE_RATE
    frame.time_base = AUDIO_TIME_BASE
    frame.pts = pts
    return frame
