"""Sound of any format, piece by piece, into an unbroken row of 20 ms frames. Pure."""

from collections.abc import Iterator

import av
import numpy as np
import numpy.typing as npt

from .affinity import one_core
from .formats import AUDIO_FRAME_SAMPLES, AUDIO_SAMPLE_RATE
from .tone import audio_frame

TOLERANCE = AUDIO_SAMPLE_RATE * 40 // 1000
"""Samples. Sound that is so little late for its place is joined on to what is before:
resamplers hold some back, and timestamps in files are rounded."""
LARGEST_SILENCE = AUDIO_SAMPLE_RATE
"""Samples. A longer gap is left as a gap in the ``pts``."""


class Soundtrack:
    """Collects sound at its place on a timeline and cuts it into frames of the call.

    Short gaps are filled with silence, so that picture and sound of a looping file stay
    together.
    """

    def __init__(self) -> None:
        self._position = 0
        """Of the first sample in ``_samples``, on the timeline."""
        self._samples: npt.NDArray[np.int16] = np.zeros(0, np.int16)
        self._resampler: av.AudioResampler | None = None
        self._format = ""

    def add(self, frame: av.AudioFrame, seconds: float) -> Iterator[av.AudioFrame]:
        """Add sound that belongs at ``seconds``, and give the frames that it completes.

        Parameters
        ----------
        frame : av.AudioFrame
            Of any rate, layout and sample format; its ``pts`` is taken away.
        seconds : float
            Not before the end of the sound added last.

        Yields
        ------
        av.AudioFrame
            As :meth:`AudioSource.frames` gives them.
        """
        yield from self._align(round(seconds * AUDIO_SAMPLE_RATE))
        # Files may change their format on the way; a resampler may not.
        format_ = f"{frame.format.name} {frame.layout.name} {frame.sample_rate}"
        if format_ != self._format:
            yield from self.flush()
            self._format = format_
        # With a time of its own the resampler would fill gaps in its own way.
        frame.pts = None
        if self._resampler is None:
            self._resampler = av.AudioResampler(
                format="s16", layout="mono", rate=AUDIO_SAMPLE_RATE
            )
            with one_core():
                pieces = self._resampler.resample(frame)
        else:
            pieces = self._resampler.resample(frame)
        yield from self._append_resampled(pieces)

    def flush(self) -> Iterator[av.AudioFrame]:
        """Add what the resampler still holds; the sound ends here, or starts anew."""
        if self._resampler is not None:
            rest = self._resampler.resample(None)
            self._resampler = None
            yield from self._append_resampled(rest)

    def _append_resampled(self, pieces: list[av.AudioFrame]) -> Iterator[av.AudioFrame]:
        for piece in pieces:
            # The buffer is longer than what is in it.
            buffer = memoryview(piece.planes[0])
            samples = np.frombuffer(buffer, np.int16, piece.samples)
            yield from self._append(samples)

    def _append(self, samples: npt.NDArray[np.int16]) -> Iterator[av.AudioFrame]:
        self._samples = np.concatenate((self._samples, samples))
        while len(self._samples) >= AUDIO_FRAME_SAMPLES:
            yield audio_frame(self._samples[:AUDIO_FRAME_SAMPLES], self._position)
            self._samples = self._samples[AUDIO_FRAME_SAMPLES:]
            self._position += AUDIO_FRAME_SAMPLES

    def _align(self, place: int) -> Iterator[av.AudioFrame]:
        gap = place - (self._position + len(self._samples))
        if gap > LARGEST_SILENCE:
            rest = -len(self._samples) % AUDIO_FRAME_SAMPLES
            yield from self._append(np.zeros(rest, np.int16))
            self._position = place
        elif gap > TOLERANCE:
            yield from self._append(np.zeros(gap, np.int16))
