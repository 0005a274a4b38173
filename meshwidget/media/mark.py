"""The strip at the foot of the test pattern that programs read, and reading it back.

60 bits as two rows of 30 blocks of 8x8 pixels, dark for 0 and light for 1, most
significant bit first: 9 bits number, 8 bits checksum of the name, 27 bits milliseconds
of the day, 16 bits CRC. A block is as large as the transform block of VP8, so that even
the coarsest quantizer keeps its mean.

Pure: numbers in, numbers out.
"""

import binascii
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .formats import VIDEO_HEIGHT, VIDEO_WIDTH

BLOCK = 8
"""Pixels, each way."""
ROWS = 2
COLUMNS = VIDEO_WIDTH // BLOCK
STRIP_HEIGHT = ROWS * BLOCK
"""Pixels; the strip is the lowest part of the picture and as wide as it."""

NUMBER_BITS = 9
CHECKSUM_BITS = 8
CLOCK_BITS = 27
CRC_BITS = 16

DAY_MILLISECONDS = 24 * 60 * 60 * 1000

DARK_LUMA = 52
LIGHT_LUMA = 184
"""Far enough apart for any encoder, and not as harsh as black and white."""
LEAST_CONTRAST = 60
"""Between the darkest and the lightest block, for a strip to be one."""
_LUMA_WEIGHTS = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""ITU-R BT.601, as everywhere in the call."""


@dataclass(frozen=True, slots=True)
class PatternMark:
    """What the strip of a test pattern says."""

    number: int
    """How many joined before this participant, modulo 512."""
    name_checksum: int
    """See :func:`name_checksum`."""
    milliseconds: int
    """When the picture was due, in milliseconds since midnight UTC."""

    def age(self, now: float) -> float:
        """Return the age of the picture in milliseconds.

        Parameters
        ----------
        now : float
            Seconds since the epoch, as :func:`time.time` gives on the same machine.

        Returns
        -------
        float
            From -43200000 to 43200000: midnight is no jump.
        """
        half_a_day = DAY_MILLISECONDS / 2
        age = now * 1000 - self.milliseconds
        return (age + half_a_day) % DAY_MILLISECONDS - half_a_day


def name_checksum(name: str) -> int:
    """Return 8 bits that tell one name from another most of the time."""
    return zlib.crc32(name.encode()) & ((1 << CHECKSUM_BITS) - 1)


def strip_luma(mark: PatternMark) -> npt.NDArray[np.uint8]:
    """Return the luma of the strip, shape (16, 240)."""
    payload = mark.number % (1 << NUMBER_BITS)
    payload = payload << CHECKSUM_BITS | mark.name_checksum
    payload = payload << CLOCK_BITS | mark.milliseconds
    word = (payload << CRC_BITS | _crc(payload)).to_bytes(8, "big")
    bits = np.unpackbits(np.frombuffer(word, np.uint8))[-ROWS * COLUMNS :]
    luma = np.where(bits, np.uint8(LIGHT_LUMA), np.uint8(DARK_LUMA))
    blocks = luma.reshape(ROWS, 1, COLUMNS, 1)
    return np.broadcast_to(blocks, (ROWS, BLOCK, COLUMNS, BLOCK)).reshape(
        STRIP_HEIGHT, VIDEO_WIDTH
    )


def read(frame_rgb: npt.NDArray[np.uint8]) -> PatternMark | None:
    """Read the strip of a received test pattern.

    Parameters
    ----------
    frame_rgb : numpy.ndarray
        Shape (240, 240, 3), uint8, RGB.

    Returns
    -------
    PatternMark or None
        None when the picture is not a test pattern, or too damaged to be sure.
    """
    if frame_rgb.shape != (VIDEO_HEIGHT, VIDEO_WIDTH, 3):
        return None
    return read_strip(frame_rgb[-STRIP_HEIGHT:].astype(np.float32) @ _LUMA_WEIGHTS)


def read_strip(
    luma: npt.NDArray[np.uint8] | npt.NDArray[np.float32],
) -> PatternMark | None:
    """Read the strip alone, as :func:`read` does, from luma of any range.

    Parameters
    ----------
    luma : numpy.ndarray
        Shape (16, 240): the lowest rows of a picture.
    """
    # Only the middle of each block: its rim is where an encoder smears.
    rim = BLOCK // 4
    blocks = luma.reshape(ROWS, BLOCK, COLUMNS, BLOCK)[:, rim:-rim, :, rim:-rim]
    means = blocks.mean(axis=(1, 3)).ravel()
    darkest, lightest = float(means.min()), float(means.max())
    if lightest - darkest < LEAST_CONTRAST:
        return None
    bits = means > (darkest + lightest) / 2
    word = int("".join("1" if bit else "0" for bit in bits), 2)
    payload, crc = word >> CRC_BITS, word & ((1 << CRC_BITS) - 1)
    milliseconds = payload & ((1 << CLOCK_BITS) - 1)
    if crc != _crc(payload) or milliseconds >= DAY_MILLISECONDS:
        return None
    payload >>= CLOCK_BITS
    checksum = payload & ((1 << CHECKSUM_BITS) - 1)
    return PatternMark(payload >> CHECKSUM_BITS, checksum, milliseconds)


def _crc(payload: int) -> int:
    return binascii.crc_hqx(payload.to_bytes(6, "big"), 0xFFFF)
