"""A benchmark as text, Markdown and JSON: pure."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from meshwidget.benchmark.limit import Limit
from meshwidget.benchmark.report import (
    SCHEMA,
    Benchmark,
    Machine,
    to_json,
    to_markdown,
    to_text,
)
from meshwidget.benchmark.runs import Outcome
from meshwidget.benchmark.setups import Setup

from .made_up import outcome_of, rounds_of, run_of

MACHINE = Machine(cores=2, system="Linux x86_64", python="3.11.7", aiortc="1.16.0")


def benchmark_of(outcomes: Sequence[Outcome], rounds: int = 2) -> Benchmark:
    """A finished benchmark."""
    return Benchmark(
        command="python -m meshwidget.benchmark --peers 4 --rounds 2",
        machine=MACHINE,
        shown=None,
        rounds=rounds,
        seconds=4.0,
        most_others=0.2,
        outcomes=outcomes,
    )


def line(text: str, start: str) -> str:
    """The one line that begins so."""
    (found,) = (each for each in text.splitlines() if each.startswith(start))
    return found


def test_a_machine_in_words() -> None:
    assert str(MACHINE) == "2 cores, Linux x86_64, Python 3.11.7, aiortc 1.16.0"
    assert str(replace(MACHINE, cores=1)).startswith("one core, ")


def test_text_has_medians_spreads_and_ratios() -> None:
    text = to_text(benchmark_of(rounds_of(2)))
    head = line(text, "4 peers, 12 links")
    assert " ".join(head.split()) == "4 peers, 12 links naive ours naive / ours"
    # 6 and 7 CPU seconds against 2 and 3, in 4 s: the ratios are 3 and 2.33.
    assert "1.62 (1.50 to 1.75)" in line(text, "cores")
    assert "0.62 (0.50 to 0.75)" in line(text, "cores")
    assert line(text, "cores").endswith(" 2.7")
    assert line(text, "latency p50").split()[-3:] == ["80.0", "2.0", "40"]


def test_text_says_what_it_measured() -> None:
    text = to_text(benchmark_of(rounds_of(2)))
    assert text.startswith("meshwidget.benchmark on 2 cores, Linux")
    assert "every link is decoded" in text
    assert "which is 0.4% of the CPU at most" in text
    assert "Interrupted" not in text


def test_text_says_when_not_everything_is_decoded() -> None:
    text = to_text(replace(benchmark_of(rounds_of(1)), shown=1))
    assert "every link is decoded" not in text
    assert "only what 1 of the peers receive is looked at" in text


def test_a_run_that_does_not_count_is_a_sentence_and_no_number() -> None:
    busy = run_of(tuned=False, cpu_seconds=777.0)
    problem = "busy: other programs took 0.75 cores"
    text = to_text(benchmark_of([outcome_of(0, busy, problem), *rounds_of(2)[1::2]]))
    assert "777" not in text
    assert f"! round 1, naive: {problem}" in text
    assert "naive (0 of 2 runs)" in text
    assert line(text, "cores").split()[1] == "-"


def test_nothing_that_counts_is_still_a_report() -> None:
    setup = Setup(peers=8, tuned=False)
    hung = Outcome(0, setup, None, "hung: it did not end within 90 s")
    for text in to_text(benchmark_of([hung])), to_markdown(benchmark_of([hung])):
        assert "8 peers, 56 links" in text
        assert "round 1, naive: hung: it did not end within 90 s" in text


def test_an_interrupt_is_told() -> None:
    text = to_text(replace(benchmark_of([]), interrupted=True))
    assert "Interrupted" in text


def test_limits_are_sentences() -> None:
    limits = [Limit(False, 4, "with 5, 17.7 frames a second on the slowest link")]
    text = to_text(replace(benchmark_of([]), limits=limits))
    assert text.endswith(
        "Largest naive call with 24 frames a second on every link: 4 peers; "
        "with 5, 17.7 frames a second on the slowest link.\n"
    )


def test_markdown_is_one_table() -> None:
    outcomes = [*rounds_of(2, peers=4), *rounds_of(2, peers=8)]
    limits = [Limit(False, 4, "…"), Limit(True, 10, "…")]
    text = to_markdown(replace(benchmark_of(outcomes), limits=limits))
    table = [each for each in text.splitlines() if each.startswith("|")]
    assert table == text.splitlines()[-len(table) :]
    assert {each.count("|") for each in table} == {5}
    assert table[0] == "| | naive | ours | naive / ours |"
    assert "| **4 peers, 12 links** |  |  |  |" in table
    assert "| **8 peers, 56 links** |  |  |  |" in table
    assert table[-1] == (
        "| **largest call with 24 frames a second on every link** | 4 | 10 |  |"
    )


def test_markdown_says_how_to_make_it_again() -> None:
    text = to_markdown(benchmark_of(rounds_of(2)))
    assert text.startswith(
        "`python -m meshwidget.benchmark --peers 4 --rounds 2` on 2 cores"
    )


def test_markdown_counts_the_runs_where_some_do_not() -> None:
    outcomes = [*rounds_of(1), outcome_of(1, run_of(), "too little: of everything")]
    text = to_markdown(benchmark_of(outcomes))
    assert "| **4 peers, 12 links** | *(1 of 2 runs)* | *(1 of 2 runs)* |  |" in text
    assert "* 4 peers, 12 links, round 2, ours: too little: of everything" in text


def test_json_has_everything() -> None:
    problem = "busy: other programs took 0.75 cores"
    outcomes = [*rounds_of(1), outcome_of(1, run_of(), problem)]
    benchmark = replace(benchmark_of(outcomes), limits=[Limit(True, 10, "…")])
    read = json.loads(to_json(benchmark))
    assert read["schema"] == SCHEMA
    assert read["machine"]["cores"] == 2
    assert [each["problem"] for each in read["outcomes"]] == [None, None, problem]
    assert read["outcomes"][2]["run"]["frame_rates"] == [30.0] * 12
    assert read["outcomes"][0]["setup"]["tuned"] is False
    (summary,) = read["summaries"]
    assert summary["rows"][0] == {
        "key": "cores",
        "label": "cores",
        "digits": 2,
        "naive": {"median": 1.5, "low": 1.5, "high": 1.5, "count": 1},
        "ours": {"median": 0.5, "low": 0.5, "high": 0.5, "count": 1},
        "ratio": {"median": 3.0, "low": 3.0, "high": 3.0, "count": 1},
    }
    assert read["limits"] == [{"tuned": True, "peers": 10, "reason": "…"}]


@pytest.mark.parametrize("show", [to_text, to_markdown])
def test_no_line_is_ragged(show: Callable[[Benchmark], str]) -> None:
    for each in show(benchmark_of(rounds_of(2))).splitlines():
        assert each == each.rstrip()
