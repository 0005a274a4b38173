"""Any picture into the tile: scaled, turned upright, with black bars, never stretched.

Pure: frames in, frames out.
"""

from fractions import Fraction

import av
import numpy as np

from .formats import VIDEO_HEIGHT, VIDEO_WIDTH
from .planes import Planes

HD_HEIGHT = 720
"""Lines from which a video that does not say so is BT.709, as players have it."""
UNSPECIFIED_COLORSPACE = 2
"""``AVCOL_SPC_UNSPECIFIED``."""


def fit(frame: av.VideoFrame, pixel_aspect: Fraction = Fraction(1)) -> av.VideoFrame:
    """Fit a picture into the tile.

    Parameters
    ----------
    frame : av.VideoFrame
        Of any size and pixel format. It is not changed.
    pixel_aspect : fractions.Fraction
        Width of one pixel by its height, the sample aspect ratio: not 1 in anamorphic
        video.

    Returns
    -------
    av.VideoFrame
        A new frame, 240x240, ``yuv420p`` (BT.601, limited range), without a ``pts``.
    """
    width, height = content_size(frame.width * pixel_aspect, Fraction(frame.height))
    turns = quarter_turns(frame.rotation)
    if turns % 2:
        width, height = content_size(Fraction(frame.height), frame.width * pixel_aspect)
    scaled_size = (height, width) if turns % 2 else (width, height)
    shrinks = frame.width > scaled_size[0] or frame.height > scaled_size[1]
    unsaid_hd = frame.colorspace == UNSPECIFIED_COLORSPACE and frame.height >= HD_HEIGHT
    scaled = frame.reformat(
        *scaled_size,
        format="yuv420p",
        interpolation="AREA" if shrinks else "BILINEAR",
        src_colorspace="ITU709" if unsaid_hd else None,
        dst_colorspace="ITU601",
        dst_color_range="MPEG",
        # By itself it starts threads for each picture, which costs more than they save.
        threads=1,
    )
    content = Planes.from_frame(scaled)
    if turns:
        content = Planes(
            np.rot90(content.luma, turns),
            np.rot90(content.blue, turns),
            np.rot90(content.red, turns),
        )
    fitted = av.VideoFrame(VIDEO_WIDTH, VIDEO_HEIGHT, "yuv420p")
    tile = Planes.from_frame(fitted)
    if (width, height) != (VIDEO_WIDTH, VIDEO_HEIGHT):
        tile.fill_black()
    left = (VIDEO_WIDTH - width) // 4 * 2
    top = (VIDEO_HEIGHT - height) // 4 * 2
    tile.paste(content, left, top)
    return fitted


def content_size(width: Fraction, height: Fraction) -> tuple[int, int]:
    """Return the largest even size of this shape that fits into the tile.

    Parameters
    ----------
    width, height : fractions.Fraction
        In any unit, above 0.

    Returns
    -------
    width, height : int
        Pixels, even, at least 2: the chroma of ``yuv420p`` has half of them.
    """
    scale = min(VIDEO_WIDTH / width, VIDEO_HEIGHT / height)
    return _even(width * scale), _even(height * scale)


def quarter_turns(rotation: float) -> int:
    """Return how many quarter turns, counterclockwise, a rotation in degrees is.

    Cameras that were held upright or upside down say so in the file; other angles are
    no camera's and are left alone.
    """
    return int(rotation) // 90 % 4 if rotation % 90 == 0 else 0


def _even(length: Fraction) -> int:
    return max(2, round(length / 2) * 2)
