"""The still picture of the tiles."""

import io
import time

import pytest
from PIL import Image

from meshwidget.views.reading import read_call
from meshwidget.views.snapshot import CAPTION, GAP, LINE, TILE, snapshot, title

from .fakes import FakeMesh, FakeSink

COLORS = {"alice": (200, 30, 30), "bob": (30, 160, 60), "carol": (40, 60, 200)}


class PaintedSink(FakeSink):
    """A sink whose pictures are of one colour."""

    def __init__(self, color: tuple[int, int, int]) -> None:
        super().__init__(count=1, arrived=time.monotonic())
        self.color = color

    def jpeg(self) -> bytes:
        file = io.BytesIO()
        Image.new("RGB", (240, 240), self.color).save(file, "JPEG")
        return file.getvalue()


def painted(*names: str) -> FakeMesh:
    mesh = FakeMesh(*names)
    for peer in mesh.peers.values():
        for name in names:
            peer.sinks[name] = PaintedSink(COLORS[name])
    return mesh


def take(mesh: FakeMesh, viewer: str | None = None, *, heading: bool) -> Image.Image:
    reading = read_call(mesh.real, viewer, time.monotonic())
    with Image.open(io.BytesIO(snapshot(reading, heading=heading))) as image:
        assert image.format == "PNG"
        return image.convert("RGB")


def has_color(image: Image.Image, at: tuple[int, int], name: str) -> bool:
    pixel = image.getpixel(at)
    assert isinstance(pixel, tuple)
    return all(
        abs(one - other) < 20 for one, other in zip(pixel, COLORS[name], strict=True)
    )


def test_each_tile_is_in_its_place() -> None:
    image = take(painted("alice", "bob", "carol"), heading=False)
    assert image.size == (3 * (TILE + GAP) + GAP, GAP + TILE + CAPTION + GAP)
    for column, name in enumerate(COLORS):
        middle = GAP + column * (TILE + GAP) + TILE // 2
        assert has_color(image, (middle, GAP + TILE // 2), name)


def test_everyone_has_a_row_with_a_name() -> None:
    image = take(painted("alice", "bob"), "*", heading=True)
    row = TILE + CAPTION + GAP + LINE
    assert image.height == GAP + LINE + 2 * row
    for number in range(2):
        top = GAP + LINE + number * row + LINE
        assert has_color(image, (GAP + TILE // 2, top + TILE // 2), "alice")
        assert has_color(image, (2 * GAP + TILE + TILE // 2, top + TILE // 2), "bob")


def test_a_tile_without_a_picture_is_dark() -> None:
    image = take(FakeMesh("alice"), heading=False)
    assert sum(image.getpixel((GAP + 5, GAP + 5))) < 150  # type: ignore[arg-type]


@pytest.mark.parametrize("heading", [True, False])
def test_an_empty_room_is_a_sentence(heading: bool) -> None:
    image = take(FakeMesh(), heading=heading)
    assert image.height == GAP + LINE * (2 if heading else 1)
    assert len(image.getcolors() or []) > 1


def test_twelve_tiles_stay_small() -> None:
    names = [f"somebody with a rather long name {number}" for number in range(12)]
    mesh = FakeMesh(*names)
    for name in names:
        mesh.peers[names[0]].sinks[name] = PaintedSink((number_of(name), 90, 120))
    reading = read_call(mesh.real, None, time.monotonic())
    png = snapshot(reading, heading=True)
    assert len(png) < 100_000
    with Image.open(io.BytesIO(png)) as image:
        assert image.width == 4 * (TILE + GAP) + GAP
        assert image.height == GAP + LINE + 3 * (TILE + CAPTION + GAP)


def number_of(name: str) -> int:
    return 20 * int(name.split()[-1])


def test_the_title_has_nothing_of_the_moment() -> None:
    reading = read_call(painted("alice", "bob").real, None, time.monotonic())
    assert title(reading) == "meshwidget · room 1234 · 2 of 4"
