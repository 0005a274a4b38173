"""The table: the same columns whatever is in it, and nothing in it is ever markup."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwidget.stats import LinkStats, StatsTable


def row(sender: str = "alice", receiver: str = "bob", **fields: float) -> LinkStats:
    return LinkStats(
        sender=sender,
        receiver=receiver,
        timestamp=2.0,
        interval=1.0,
        **fields,  # type: ignore[arg-type]
    )


FULL = row(
    frames_per_second=29.96,
    bitrate=240_400.0,
    latency=0.0011,
    round_trip_time=0.0804,
    fraction_lost=0.0213,
    jitter=0.0029,
    frames_dropped=4,
    key_frames_received=3,
    retransmitted_packets_received=12,
)

HEAD = [
    *("from", "to", "fps", "kbit/s", "latency", "ms", "round", "trip", "ms"),
    *("loss", "%", "jitter", "ms", "dropped", "keyframes", "resent"),
]


def test_it_prints_in_friendly_units() -> None:
    head, line = repr(StatsTable([FULL])).splitlines()
    assert head.split() == HEAD
    assert line.split() == [
        "alice",
        "bob",
        "30.0",
        "240",
        "1.1",
        "80.4",
        "2.1",
        "2.9",
        "4",
        "3",
        "12",
    ]


def test_columns_are_aligned() -> None:
    lines = repr(StatsTable([FULL, row("a", "a much longer name")])).splitlines()
    at = lines[0].index("kbit/s") + len("kbit/s")
    assert lines[1][:at].endswith(" 240")
    assert lines[2][:at].endswith(" -")


def test_what_is_not_known_is_a_dash() -> None:
    assert repr(StatsTable([row()])).splitlines()[1].split() == [
        "alice",
        "bob",
        *["-"] * 9,
    ]


def test_an_empty_one_says_so() -> None:
    assert repr(StatsTable()) == "no links"
    assert StatsTable()._repr_html_() == "<p>no links</p>"


def test_a_link_is_found_by_its_ends() -> None:
    there, back = row("alice", "bob"), row("bob", "alice")
    table = StatsTable([there, back])
    assert table.between("bob", "alice") is back
    with pytest.raises(KeyError, match=r"carol.*alice -> bob, bob -> alice"):
        table.between("alice", "carol")


def test_records_are_in_the_units_of_the_w3c() -> None:
    (record,) = StatsTable([FULL]).records()
    assert record["latency"] == 0.0011
    assert record["bitrate"] == 240_400.0
    assert record["fraction_lost"] == 0.0213


def test_it_is_a_list() -> None:
    table = StatsTable([row("alice", "bob"), row("bob", "alice")])
    assert [each.sender for each in table] == ["alice", "bob"]
    assert min(table, key=lambda each: each.sender) is table[0]


def test_html_has_the_same_cells() -> None:
    html = StatsTable([FULL])._repr_html_()
    assert html.count("<tr>") == 2
    assert html.count("<th ") == html.count("<td ") == 11
    assert ">80.4</td>" in html


@given(name=st.text(min_size=1, max_size=64))
def test_a_name_is_never_markup(name: str) -> None:
    html = StatsTable([row(name, "bob")])._repr_html_()
    assert html.count("<") == StatsTable([row()])._repr_html_().count("<")


figures = st.one_of(st.none(), st.floats(0, 1e9))


@given(rows=st.lists(st.tuples(figures, figures, figures), max_size=5))
def test_any_figures_print(rows: list[tuple[float | None, ...]]) -> None:
    table = StatsTable(
        LinkStats(
            sender="alice",
            receiver="bob",
            timestamp=1,
            interval=1,
            bitrate=bitrate,
            latency=latency,
            fraction_lost=lost,
        )
        for bitrate, latency, lost in rows
    )
    assert len(repr(table).splitlines()) == (len(rows) + 1 if rows else 1)
    assert table._repr_html_().count("<tr>") == (len(rows) + 1 if rows else 0)
