"""The command line, with children that measure nothing and one that is real."""

import json
from pathlib import Path

import pytest

from meshwidget.benchmark.command import main
from meshwidget.benchmark.runs import Report
from meshwidget.benchmark.setups import Setup

from .made_up import good_child

QUIET = ("--others", "64")
"""Other programs never take more."""


def test_it_prints_the_figures_and_says_what_it_does(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--peers", "2", "4", "--rounds", "2", *QUIET], good_child) == 0
    printed = capsys.readouterr()
    assert "2 peers, 2 links" in printed.out
    assert "4 peers, 12 links" in printed.out
    assert printed.err.count("\n") == 8
    assert printed.err.startswith("[1/8] naive, 2 peers: ")


def test_its_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    setups: list[Setup] = []

    def child(setup: Setup) -> Report:
        setups.append(setup)
        return good_child(setup)

    assert main([], child) == 0
    assert {setup.peers for setup in setups} == {2, 4, 8}
    assert len(setups) == 3 * 2 * 3
    assert {setup.shown for setup in setups} == {None}
    assert "every link is decoded" in capsys.readouterr().out


def test_what_is_asked_for_reaches_the_children() -> None:
    setups: list[Setup] = []

    def child(setup: Setup) -> Report:
        setups.append(setup)
        return good_child(setup)

    line = "--peers 3 --rounds 1 --seconds 1.5 --warm-up 0.5 --shown 1"
    main(line.split(), child)
    assert {each.tuned for each in setups} == {False, True}
    for setup in setups:
        assert (setup.peers, setup.seconds, setup.warm_up) == (3, 1.5, 0.5)
        assert setup.shown == 1


def test_everything_can_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, picture = tmp_path / "cost.json", tmp_path / "cost.svg"
    files = ["--json", str(data), "--plot", str(picture), "--markdown"]
    assert main(["--peers", "2", "--rounds", "1", *QUIET, *files], good_child) == 0
    out = capsys.readouterr().out
    command = "python -m meshwidget.benchmark --peers 2 --rounds 1 --others 64"
    assert out.startswith(f"`{command}` on ")  # wherever it was written to
    assert json.loads(data.read_bytes())["command"] == command
    assert "<svg" in picture.read_text("utf-8")


def test_the_limit_is_searched_for_both(capsys: pytest.CaptureFixture[str]) -> None:
    def child(setup: Setup) -> Report:
        if setup.peers > (5 if setup.tuned else 3):
            return Report(failure="no luck")
        return good_child(setup)

    arguments = ["--peers", "2", "--rounds", "1", "--limit", *QUIET]
    assert main(arguments, child) == 0
    printed = capsys.readouterr()
    assert "Largest naive call with 24 frames a second on every link: 3" in printed.out
    assert "Largest ours call with 24 frames a second on every link: 5" in printed.out
    assert "[limit] naive, 4 peers: no luck" in printed.err


def test_nothing_that_counts_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    def child(setup: Setup) -> Report:
        return Report(failure="it did not connect")

    assert main(["--peers", "8", "--rounds", "1"], child) == 1
    printed = capsys.readouterr()
    assert "round 1, naive: it did not connect" in printed.out


def test_an_interrupt_keeps_what_there_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    setups: list[Setup] = []

    def child(setup: Setup) -> Report:
        setups.append(setup)
        if len(setups) > 2:
            raise KeyboardInterrupt
        return good_child(setup)

    data = tmp_path / "cost.json"
    assert main(["--peers", "2", *QUIET, "--json", str(data)], child) == 130
    printed = capsys.readouterr()
    assert printed.err.endswith("[3/6] ours, 2 peers: interrupted\n")
    assert "Interrupted" in printed.out
    assert "(1 of 3 runs)" in printed.out
    read = json.loads(data.read_bytes())
    assert read["interrupted"] is True
    assert len(read["outcomes"]) == 2


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("--peers 1", "1 is not from 2 to 64"),
        ("--peers two", "invalid"),
        ("--rounds 0", "0 is not from 1 to 1000"),
        ("--seconds 0.1", "0.1 is not 1 or more"),
        ("--seconds inf", "inf is not 1 or more"),
        ("--others nan", "nan is not 0 or more"),
        ("--plot cost.pdf", "must end in .svg or .png"),
        ("--json nowhere/at/all.json", "there is no such folder"),
        ("--plot nowhere/at/all.svg", "there is no such folder"),
    ],
)
def test_what_cannot_be_is_said_before_anything_runs(
    arguments: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def child(setup: Setup) -> Report:
        raise AssertionError

    with pytest.raises(SystemExit) as raised:
        main(arguments.split(), child)
    assert raised.value.code == 2
    assert complaint in capsys.readouterr().err
