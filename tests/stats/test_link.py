"""Rates and fractions of two readings: whatever is counted, they stay what they are."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwidget.stats.link import LinkStats, Span, link_stats
from meshwidget.stats.reading import (
    InboundCounts,
    OutboundCounts,
    PictureCounts,
    Reading,
    RemoteReport,
)


def reading(time: float, **fields: object) -> Reading:
    values: dict[str, object] = {"connection": 1, "local": "bob", "remote": "alice"}
    return Reading(**(values | {"time": time} | fields))  # type: ignore[arg-type]


def video(received: int, lost: int = 0, **fields: object) -> InboundCounts:
    values: dict[str, object] = {"kind": "video", "ssrc": 7, "jitter": 0.002}
    values |= {"packets_received": received, "packets_lost": lost}
    return InboundCounts(**(values | fields))  # type: ignore[arg-type]


def sent(**fields: object) -> OutboundCounts:
    values: dict[str, object] = {"kind": "video", "ssrc": 7}
    values |= {"packets_sent": 10, "bytes_sent": 1000}
    return OutboundCounts(**(values | fields))  # type: ignore[arg-type]


REPORT = RemoteReport(
    fraction_lost=0.25,
    packets_lost=5,
    jitter=0.004,
    round_trip_time=0.08,
    total_round_trip_time=0.16,
    round_trip_time_measurements=2,
)


def received(before: Reading, after: Reading) -> LinkStats:
    return link_stats("alice", "bob", None, Span(before, after))


def test_bits_a_second_are_of_the_time_between() -> None:
    before, after = reading(1, bytes_received=1000), reading(3, bytes_received=76000)
    stats = received(before, after)
    assert stats.bitrate == 300_000
    assert (stats.bytes_received, stats.interval, stats.timestamp) == (76000, 2, 3)


def test_no_time_no_rate() -> None:
    assert received(reading(1), reading(1)).bitrate is None


def test_loss_is_of_what_was_expected_in_between() -> None:
    before = reading(1, inbound=(video(100, 50),))
    after = reading(2, inbound=(video(190, 60),))
    stats = received(before, after)
    assert stats.fraction_lost == 0.1
    assert (stats.packets_received, stats.packets_lost) == (190, 60)


def test_the_first_reading_has_all_that_was_lost() -> None:
    stats = received(reading(0), reading(1, inbound=(video(75, 25),)))
    assert stats.fraction_lost == 0.25


def test_nobody_knows_the_loss_of_what_never_came() -> None:
    before = reading(1, inbound=(video(100, 5),))
    assert received(before, dataclasses.replace(before, time=2)).fraction_lost is None


def test_a_late_packet_is_no_negative_loss() -> None:
    before = reading(1, inbound=(video(100, 5),))
    after = reading(2, inbound=(video(105, 0),))
    assert received(before, after).fraction_lost == 0


def test_a_sender_that_began_anew_is_counted_from_there() -> None:
    before = reading(1, inbound=(video(1000, 500),))
    after = reading(2, inbound=(video(30, 10, ssrc=8),))
    assert received(before, after).fraction_lost == 0.25


def test_both_kinds_are_one_link_and_jitter_is_the_pictures() -> None:
    sound = video(50, 1, kind="audio", ssrc=9, jitter=0.009)
    stats = received(reading(0), reading(1, inbound=(sound, video(30))))
    assert (stats.packets_received, stats.packets_lost) == (80, 1)
    assert stats.jitter == 0.002
    stats = received(reading(0), reading(1, inbound=(sound,)))
    assert stats.jitter == 0.009


def test_nothing_is_made_up_where_nobody_counts() -> None:
    stats = received(reading(0), reading(1))
    assert stats.fraction_lost is None
    assert stats.frames_per_second is None
    assert stats.round_trip_time is None
    assert stats.nack_count is None
    assert stats.packets_received is None


def test_the_pictures_are_the_receivers() -> None:
    pictures = PictureCounts(
        frames_received=90,
        frames_decoded=60,
        frames_dropped=2,
        key_frames_received=3,
        frames_per_second=29.5,
        latency=0.0015,
    )
    stats = received(reading(0), reading(1, pictures=pictures))
    for field in dataclasses.fields(PictureCounts):
        assert getattr(stats, field.name) == getattr(pictures, field.name)


def test_a_browser_that_receives_is_known_by_its_reports() -> None:
    before = reading(1, bytes_sent=1000)
    after = reading(2, bytes_sent=2000, outbound=(sent(nack_count=3, remote=REPORT),))
    stats = link_stats("alice", "guest", Span(before, after), None)
    assert stats.bitrate == 8000
    assert (stats.fraction_lost, stats.packets_lost) == (0.25, 5)
    assert (stats.jitter, stats.round_trip_time) == (0.004, 0.08)
    assert stats.nack_count == 3
    assert stats.bytes_received is None


def test_a_browser_that_sends_is_known_by_what_comes() -> None:
    back = sent(remote=REPORT)
    after = reading(2, bytes_received=500, inbound=(video(40),), outbound=(back,))
    stats = received(reading(1), after)
    assert stats.packets_sent is None
    assert stats.round_trip_time == 0.08  # of the stream that goes back to it


def test_the_receivers_own_figures_come_before_its_reports() -> None:
    sending = Span(
        reading(0), reading(1, outbound=(sent(nack_count=1, remote=REPORT),))
    )
    receiving = Span(reading(0), reading(1, inbound=(video(99, 1, nack_count=2),)))
    stats = link_stats("alice", "bob", sending, receiving)
    assert (stats.packets_lost, stats.jitter, stats.nack_count) == (1, 0.002, 2)
    assert stats.fraction_lost == 0.01


def test_a_receiver_that_counts_less_leaves_the_senders_count() -> None:
    sending = Span(reading(0), reading(1, outbound=(sent(nack_count=1, fir_count=4),)))
    receiving = Span(reading(0), reading(1, inbound=(video(99),)))
    stats = link_stats("alice", "bob", sending, receiving)
    assert (stats.nack_count, stats.fir_count) == (1, 4)


def test_neither_end_is_no_link() -> None:
    with pytest.raises(ValueError, match="alice -> bob"):
        link_stats("alice", "bob", None, None)


def test_a_row_is_a_dictionary_in_the_order_of_its_attributes() -> None:
    row = received(reading(0), reading(1)).to_dict()
    assert list(row) == [field.name for field in dataclasses.fields(LinkStats)]
    assert (row["sender"], row["receiver"]) == ("alice", "bob")


counts = st.integers(0, 10**9)
signed = st.integers(-(2**23), 2**23 - 1)  # RFC 3550: 24 bits, and a sign
seconds = st.floats(0, 10**6)
streams = st.builds(
    InboundCounts,
    kind=st.sampled_from(["video", "audio"]),
    ssrc=st.integers(0, 3),
    packets_received=counts,
    packets_lost=signed,
    jitter=st.floats(0, 10),
)
readings = st.builds(
    Reading,
    connection=st.just(1),
    local=st.just("bob"),
    remote=st.just("alice"),
    time=seconds,
    bytes_sent=counts,
    bytes_received=counts,
    inbound=st.lists(streams, max_size=2).map(tuple),
)


@given(before=readings, after=readings)
def test_whatever_is_counted_the_figures_keep_their_ranges(
    before: Reading, after: Reading
) -> None:
    stats = link_stats("alice", "bob", Span(before, after), Span(before, after))
    assert stats.interval >= 0
    assert stats.bitrate is None or stats.bitrate >= 0
    assert stats.fraction_lost is None or 0 <= stats.fraction_lost <= 1


@given(
    start=seconds,
    step=st.floats(0.5, 1.5),
    had=counts,
    new=st.integers(0, 10**7),
)
def test_what_was_before_does_not_change_a_rate(
    start: float, step: float, had: int, new: int
) -> None:
    before = reading(start, bytes_received=had)
    after = reading(start + step, bytes_received=had + new)
    bitrate = received(before, after).bitrate
    assert bitrate == pytest.approx(8 * new / step, rel=1e-6)
