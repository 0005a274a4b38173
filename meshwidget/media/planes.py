"""Pictures as three planes of numpy, for drawing without a conversion a frame."""

from dataclasses import dataclass

import av
import numpy as np
import numpy.typing as npt
from PIL import Image


@dataclass(frozen=True, slots=True)
class Planes:
    """A ``yuv420p`` picture (BT.601, limited range) of even width and height."""

    luma: npt.NDArray[np.uint8]
    """Shape (height, width)."""
    blue: npt.NDArray[np.uint8]
    """Chroma, Cb, shape (height / 2, width / 2)."""
    red: npt.NDArray[np.uint8]
    """Chroma, Cr, shape (height / 2, width / 2)."""

    @classmethod
    def from_frame(cls, frame: av.VideoFrame) -> "Planes":
        """Look at a ``yuv420p`` frame; shares its memory."""
        luma, blue, red = (
            np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[
                : plane.height, : plane.width
            ]
            for plane in frame.planes
        )
        return cls(luma, blue, red)

    @classmethod
    def from_rgb(cls, pixels: npt.NDArray[np.uint8]) -> "Planes":
        """Convert pixels of shape (height, width, 3)."""
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        converted = frame.reformat(
            format="yuv420p",
            dst_colorspace="ITU601",
            dst_color_range="MPEG",
            threads=1,
        )
        return cls.from_frame(converted).copy()

    @classmethod
    def from_image(cls, image: Image.Image) -> "Planes":
        """Convert an RGB image."""
        return cls.from_rgb(np.asarray(image))

    @property
    def width(self) -> int:
        """Pixels."""
        return int(self.luma.shape[1])

    @property
    def height(self) -> int:
        """Pixels."""
        return int(self.luma.shape[0])

    def copy(self) -> "Planes":
        """Return the same picture in memory of its own."""
        return Planes(self.luma.copy(), self.blue.copy(), self.red.copy())

    def crop(self, left: int, top: int, width: int, height: int) -> "Planes":
        """Look at a part; all four numbers are even, the memory is shared."""
        half_rows = slice(top // 2, (top + height) // 2)
        half_columns = slice(left // 2, (left + width) // 2)
        return Planes(
            self.luma[top : top + height, left : left + width],
            self.blue[half_rows, half_columns],
            self.red[half_rows, half_columns],
        )

    def paste(self, picture: "Planes", left: int, top: int) -> None:
        """Put a picture on this one at an even position; it has to fit in whole."""
        place = self.crop(left, top, picture.width, picture.height)
        place.luma[:] = picture.luma
        place.blue[:] = picture.blue
        place.red[:] = picture.red

    def fill_black(self) -> None:
        """Make the whole picture black."""
        self.luma[:] = 16
        self.blue[:] = 128
        self.red[:] = 128

    def to_frame(self) -> av.VideoFrame:
        """Return a frame with a copy of this picture."""
        frame = av.VideoFrame(self.width, self.height, "yuv420p")
        Planes.from_frame(frame).paste(self, 0, 0)
        return frame
