"""The picture a participant has when none is given: a test pattern of its own.

To the eye: a colour for each participant, the name, a clock, and a ball that glides to
and fro. Clock and ball follow the time of day, so that two tiles side by side show how
much later one of them is. To a program: a strip of blocks, see :func:`read`.

Everything that does not move is drawn once; a frame is three small copies.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable

import av
import numpy as np
from PIL import Image, ImageDraw

from .base import VideoSource
from .fonts import fit_text, font_for
from .formats import (
    VIDEO_CLOCK_RATE,
    VIDEO_FRAME_RATE,
    VIDEO_HEIGHT,
    VIDEO_TIME_BASE,
    VIDEO_WIDTH,
)
from .mark import (
    DAY_MILLISECONDS,
    STRIP_HEIGHT,
    PatternMark,
    name_checksum,
    read,
    strip_luma,
)
from .pace import Schedule
from .planes import Planes
from .threaded import call_in_thread

__all__ = ["COLOURS", "PatternMark", "PatternPainter", "TestPattern", "colour", "read"]

COLOURS = (
    (20, 100, 164),  # blue
    (234, 172, 20),  # amber
    (20, 152, 105),  # green
    (216, 118, 178),  # pink
    (225, 87, 20),  # vermilion
    (72, 168, 244),  # sky
    (240, 236, 84),  # yellow
    (103, 39, 39),  # maroon
    (20, 20, 54),  # night
    (191, 245, 245),  # ice
    (20, 20, 159),  # ultramarine
    (73, 225, 162),  # mint
)
"""RGB. Okabe and Ito's palette, stretched to twelve by lightness: the least distance
of two of them was maximised, also as the three kinds of colour blindness show it."""

NAME_MIDDLE = 66
CLOCK_MIDDLE = 124
TRACK_MIDDLE = 180
"""Pixels from the top."""
NAME_WIDTH = 212
NAME_SIZES = (56, 24)
"""Pixels, largest and smallest; longer names end in an ellipsis."""
CLOCK_SIZE = 34
CELL_HEIGHT = 44
TRACK_REACH = 86
"""Pixels from the middle to where the ball turns."""
BALL_RADIUS = 9
BALL_PERIOD = 4.0
"""Seconds there and back; at its left end when the clock can be divided by 4."""
SPRITE = 32
"""Pixels, the square that holds a ball and its soft edge at any position in it."""
SPRITE_STEPS = 8
"""Positions of the ball within two pixels, the grid of the chroma: a quarter each."""
STRIP_TINT = 0.3
"""How much of the participant's colour the blocks of the strip have."""


def colour(number: int) -> tuple[int, int, int]:
    """Return the RGB colour of the participant who joined as ``number``."""
    return COLOURS[number % len(COLOURS)]


class TestPattern(VideoSource):
    """A moving test pattern at 30 frames a second.

    Parameters
    ----------
    name : str
        Shown large.
    number : int
        How many joined before; the colour follows from it.
    wall_clock : callable
        Gives seconds since the epoch; read once, when the frames begin.
    """

    def __init__(
        self, name: str, number: int, *, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self.name = name
        self.number = number
        self._wall_clock = wall_clock
        self._painter: PatternPainter | None = None

    async def open(self) -> None:
        """Draw all that does not move, which takes some 10 ms of a thread's time."""
        self._painter = await call_in_thread(
            f"The test pattern of {self.name}",
            lambda: PatternPainter(self.name, self.number),
        )

    async def frames(self) -> AsyncIterator[av.VideoFrame]:
        """Give the pattern; see :meth:`VideoSource.frames`."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        wall_start = self._wall_clock()
        schedule = Schedule(start, VIDEO_FRAME_RATE)
        while True:
            index, due = schedule.next(loop.time())
            await asyncio.sleep(due - loop.time())
            if self._painter is None:
                return
            frame = self._painter.paint(wall_start + due - start)
            frame.pts = index * VIDEO_CLOCK_RATE // VIDEO_FRAME_RATE
            frame.time_base = VIDEO_TIME_BASE
            yield frame

    async def close(self) -> None:
        """Stop: the iteration ends within a frame."""
        self._painter = None


class PatternPainter:
    """Draws the test pattern of one participant as of any moment.

    Parameters
    ----------
    name : str
    number : int
    """

    def __init__(self, name: str, number: int) -> None:
        self._number = number
        self._checksum = name_checksum(name)
        self._paper = colour(number)
        self._ink = _ink_on(self._paper)
        self._backdrop = Planes.from_image(self._draw_backdrop(name))
        self._canvas = self._backdrop.copy()
        self._cells = self._draw_cells()
        self._sprites = self._draw_sprites()
        self._shown_clock = ""
        self._ball_left = 0

    def paint(self, seconds: float) -> av.VideoFrame:
        """Return the picture as of ``seconds`` since the epoch, without a ``pts``."""
        self._paint_clock(seconds)
        self._paint_ball(seconds)
        milliseconds = int(seconds * 1000) % DAY_MILLISECONDS
        mark = PatternMark(self._number, self._checksum, milliseconds)
        self._canvas.luma[-STRIP_HEIGHT:] = strip_luma(mark)
        return self._canvas.to_frame()

    def _paint_clock(self, seconds: float) -> None:
        tenths = int(seconds * 10) % 10
        text = f"{time.strftime('%H:%M:%S', time.localtime(seconds))}.{tenths}"
        if text == self._shown_clock:
            return
        width = sum(self._cells[character].width for character in text)
        left = (VIDEO_WIDTH - width) // 4 * 2
        for character in text:
            cell = self._cells[character]
            self._canvas.paste(cell, left, CLOCK_MIDDLE - CELL_HEIGHT // 2)
            left += cell.width
        self._shown_clock = text

    def _paint_ball(self, seconds: float) -> None:
        top = TRACK_MIDDLE - SPRITE // 2
        blank = self._backdrop.crop(self._ball_left, top, SPRITE, SPRITE)
        self._canvas.paste(blank, self._ball_left, top)
        turn = 2 * math.pi * (seconds % BALL_PERIOD) / BALL_PERIOD
        middle = VIDEO_WIDTH / 2 - TRACK_REACH * math.cos(turn)
        steps = round((middle - SPRITE / 2) * SPRITE_STEPS / 2)
        left, step = divmod(steps, SPRITE_STEPS)
        self._ball_left = left * 2
        self._canvas.paste(self._sprites[step], self._ball_left, top)

    def _draw_backdrop(self, name: str) -> Image.Image:
        image = Image.new("RGB", (VIDEO_WIDTH, VIDEO_HEIGHT), self._paper)
        draw = ImageDraw.Draw(image)
        text, font = fit_text(" ".join(name.split()), NAME_WIDTH, NAME_SIZES)
        middle = (VIDEO_WIDTH // 2, NAME_MIDDLE)
        draw.text(middle, text, self._ink, font, anchor="mm")
        rail = _mix(self._paper, self._ink, 0.35)
        # Beyond the sprites, which show the rail through from edge to edge.
        reach = TRACK_REACH + SPRITE // 2 + 2
        draw.rounded_rectangle(
            (
                VIDEO_WIDTH // 2 - reach,
                TRACK_MIDDLE - 2,
                VIDEO_WIDTH // 2 + reach,
                TRACK_MIDDLE + 1,
            ),
            radius=2,
            fill=rail,
        )
        # Only its chroma is seen: the strip's luma is painted over for each frame.
        tint = _mix((128, 128, 128), self._paper, STRIP_TINT)
        draw.rectangle(
            (0, VIDEO_HEIGHT - STRIP_HEIGHT, VIDEO_WIDTH, VIDEO_HEIGHT), tint
        )
        return image

    def _draw_cells(self) -> dict[str, Planes]:
        """Draw the characters of the clock, digits all of one width."""
        digits = "0123456789"
        font = font_for(digits, CLOCK_SIZE)
        widest = max(font.getlength(digit) for digit in digits)
        cells = {}
        for character in digits + ":.":
            is_digit = character in digits
            length = widest if is_digit else font.getlength(character)
            width = math.ceil(length / 2) * 2
            image = Image.new("RGB", (width, CELL_HEIGHT), self._paper)
            draw = ImageDraw.Draw(image)
            baseline = (width / 2, CELL_HEIGHT / 2 + CLOCK_SIZE * 0.35)
            draw.text(baseline, character, self._ink, font, anchor="ms")
            cells[character] = Planes.from_image(image)
        return cells

    def _draw_sprites(self) -> list[Planes]:
        """Draw the ball on its track, at each of its positions within two pixels."""
        backdrop = Image.new("RGB", (SPRITE, SPRITE), self._paper)
        rail = _mix(self._paper, self._ink, 0.35)
        middle = SPRITE // 2
        rectangle = (0, middle - 2, SPRITE, middle + 1)
        ImageDraw.Draw(backdrop).rectangle(rectangle, rail)
        blank = np.asarray(backdrop, dtype=np.float64)
        rows, columns = np.mgrid[0:SPRITE, 0:SPRITE]
        sprites = []
        for step in range(SPRITE_STEPS):
            across = columns - middle - step * 2 / SPRITE_STEPS
            distance = np.hypot(rows - middle, across)
            cover = np.clip(BALL_RADIUS + 0.5 - distance, 0, 1)[..., None]
            pixels = blank + (np.array(self._ink) - blank) * cover
            sprites.append(Planes.from_rgb(pixels.round().astype(np.uint8)))
        return sprites


def _ink_on(paper: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return a near white or a near black, whichever reads better."""
    luma = float(np.dot(paper, (0.299, 0.587, 0.114)))
    return (24, 28, 36) if luma > 140 else (250, 250, 246)


def _mix(
    first: tuple[int, int, int], second: tuple[int, int, int], share: float
) -> tuple[int, int, int]:
    red, green, blue = (
        round(a + (b - a) * share) for a, b in zip(first, second, strict=True)
    )
    return red, green, blue
