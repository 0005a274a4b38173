"""The plot: what is drawn, and that it can be told before the runs that it cannot."""

import sys
from pathlib import Path

import pytest
from PIL import Image

from meshwidget.benchmark.plot import PlotError, check, draw, points
from meshwidget.benchmark.summary import summarise

from .made_up import outcome_of, rounds_of, run_of

SUMMARIES = summarise([*rounds_of(2, peers=2), *rounds_of(2, peers=4)])


def test_points_are_the_medians_by_peers() -> None:
    naive = points(SUMMARIES, "cores", tuned=False)
    ours = points(SUMMARIES, "cores", tuned=True)
    assert [(peers, spread.median) for peers, spread in naive] == [
        (2, 1.625),
        (4, 1.625),
    ]
    assert [(peers, spread.median) for peers, spread in ours] == [
        (2, 0.625),
        (4, 0.625),
    ]


def test_points_that_nobody_measured_are_left_out() -> None:
    summaries = summarise(
        [*rounds_of(1, peers=2), outcome_of(0, run_of(8, tuned=False), "hung")]
    )
    assert [peers for peers, _ in points(summaries, "cores", tuned=False)] == [2]


def test_a_png(tmp_path: Path) -> None:
    path = tmp_path / "cost.png"
    draw(SUMMARIES, "on a machine", path)
    with Image.open(path) as picture:
        assert picture.width > 1000
        assert picture.getpixel((1, 1)) == (
            255,
            255,
            255,
            255,
        )  # legible on a dark page


def test_an_svg(tmp_path: Path) -> None:
    path = tmp_path / "cost.svg"
    draw(SUMMARIES, "on a machine", path)
    assert "<svg" in path.read_text("utf-8")


def test_nothing_to_draw_is_an_empty_plot(tmp_path: Path) -> None:
    draw([], "on a machine", tmp_path / "cost.png")
    assert (tmp_path / "cost.png").is_file()


@pytest.mark.parametrize("name", ["cost.pdf", "cost", "cost.PNG"])
def test_another_suffix_is_refused(name: str) -> None:
    with pytest.raises(PlotError, match=r"must end in \.svg or \.png"):
        check(Path(name))


def test_without_matplotlib_the_way_out_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(PlotError, match=r"pip install 'meshwidget\[benchmark\]'"):
        check(Path("cost.svg"))
