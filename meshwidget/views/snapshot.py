"""The tiles as one still picture, for where there is no kernel: GitHub, nbconvert.

Drawn with Pillow from a :class:`~meshwidget.views.reading.CallReading`; the same
names, pictures and words as live.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw

from ..media.fonts import fit_text
from .reading import CallReading, Tile
from .tiles import TileState, tile_state, tile_text

TILE = 180
"""Pixels: four tiles fit the width of a page, and the file stays below 100 kB."""

CAPTION = 24
GAP = 8
LINE = 22
TEXT = 13
MAX_COLUMNS = 4
MIN_WIDTH = 480

COLORS = 128
"""Colours of the palette: half the bytes, and the test pattern looks the same."""

BACKGROUND, SURFACE, INK, FAINT = "#ffffff", "#1f2328", "#1f2328", "#59636e"

MARKS = {
    TileState.LIVE: "#1a7f37",
    TileState.WAITING: "#0969da",
    TileState.BLANK: "#818b98",
    TileState.STALE: "#9a6700",
    TileState.STOPPED: "#cf222e",
    TileState.DOWN: "#cf222e",
}


def snapshot(reading: CallReading, *, heading: bool) -> bytes:
    """Compose the tiles into one PNG.

    Parameters
    ----------
    reading : CallReading
    heading : bool
        Whether the title line goes above the tiles.

    Returns
    -------
    bytes
        A PNG file.
    """
    rows = _rows(reading)
    lines = [title(reading)] if heading else []
    if not rows:
        lines.append(reading.status.text)
    widest = max((len(tiles) for _, tiles in rows), default=0)
    width = max(widest * (TILE + GAP) + GAP, MIN_WIDTH if lines else 0)
    height = GAP + len(lines) * LINE
    height += sum(TILE + CAPTION + GAP + (LINE if name else 0) for name, _ in rows)
    image = Image.new("RGB", (width, height), BACKGROUND)
    draw = ImageDraw.Draw(image)
    y = GAP
    for line in lines:
        _write(draw, (GAP, y), line, width - 2 * GAP, INK)
        y += LINE
    for name, tiles in rows:
        if name:
            _write(draw, (GAP, y), name, width - 2 * GAP, FAINT)
            y += LINE
        for column, tile in enumerate(tiles):
            _draw_tile(image, draw, tile, GAP + column * (TILE + GAP), y)
        y += TILE + CAPTION + GAP
    file = io.BytesIO()
    image.quantize(COLORS).save(file, "PNG", optimize=True)
    return file.getvalue()


def title(reading: CallReading) -> str:
    """Return the panel's title line, without the rate and the port of the moment."""
    if reading.closed:
        return f"meshwidget · room {reading.room} · closed"
    count, limit = len(reading.names), reading.max_peers
    return f"meshwidget · room {reading.room} · {count} of {limit}"


def _rows(reading: CallReading) -> list[tuple[str, Sequence[Tile]]]:
    """The tiles row by row, each with what stands above it, if anything."""
    viewers = dict.fromkeys(tile.facts.viewer for tile in reading.tiles)
    if len(viewers) > 1:
        return [
            (
                f"{viewer} receives",
                [tile for tile in reading.tiles if tile.facts.viewer == viewer],
            )
            for viewer in viewers
        ]
    starts = range(0, len(reading.tiles), MAX_COLUMNS)
    return [("", reading.tiles[start : start + MAX_COLUMNS]) for start in starts]


def _draw_tile(
    image: Image.Image, draw: ImageDraw.ImageDraw, tile: Tile, x: int, y: int
) -> None:
    state = tile_state(tile.facts)
    jpeg = tile.sink.jpeg() if tile.sink is not None else None
    if jpeg is None:
        draw.rectangle((x, y, x + TILE - 1, y + TILE - 1), fill=SURFACE)
    else:
        with Image.open(io.BytesIO(jpeg)) as picture:
            image.paste(picture.convert("RGB").resize((TILE, TILE)), (x, y))
    middle = y + TILE + CAPTION // 2
    draw.ellipse((x + 1, middle - 4, x + 9, middle + 4), fill=MARKS[state])
    words = f"{tile.facts.peer} · {tile_text(tile.facts)}"
    _write(draw, (x + 15, middle - 8), words, TILE - 15, FAINT)


def _write(
    draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, width: int, color: str
) -> None:
    """Write on one line, cut off with an ellipsis where it is too long."""
    fitting, font = fit_text(text, width, (TEXT, TEXT))
    draw.text(at, fitting, fill=color, font=font)
