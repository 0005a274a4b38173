"""The wire's model: what arrives and when, with no packets and no clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwidget.faults import LAYERS, Impairment, LinkFaults
from meshwidget.peer.wire import OVERTAKING_SECONDS, QUEUE_SECONDS, Wire, layer_of

Packet = tuple[float, str, int]
"""When it is sent, its layer and its size."""

fractions = st.floats(0, 1)
impairments = st.builds(
    Impairment,
    loss=fractions,
    delay_ms=st.floats(0, 1000),
    jitter_ms=st.floats(0, 1000),
    kbps=st.none() | st.floats(1, 10_000),
    duplicate=fractions,
    reorder=fractions,
    seed=st.integers(),
)
packets = st.lists(
    st.tuples(st.floats(0, 10), st.sampled_from(LAYERS), st.integers(1, 1500)),
    max_size=60,
).map(sorted)


def wire(impairment: Impairment, sender: str = "alice", receiver: str = "bob") -> Wire:
    made = Wire(sender, receiver)
    made.set(LinkFaults(names=("alice", "bob")).impaired(impairment, None))
    return made


def carry(through: Wire, sent: Sequence[Packet]) -> list[tuple[float, ...]]:
    return [through.send(*packet) for packet in sent]


def lost(through: Wire, layer: str, count: int = 200) -> list[int]:
    """Which of so many packets of a layer are lost."""
    return [n for n in range(count) if not through.send(float(n), layer, 100)]


@pytest.mark.parametrize(
    ("first", "layer"),
    [
        (0, "stun"),
        (3, "stun"),
        (4, "other"),
        (16, "other"),
        (20, "dtls"),
        (63, "dtls"),
        (64, "other"),
        (128, "srtp"),
        (191, "srtp"),
        (192, "other"),
    ],
)
def test_the_first_byte_tells_the_layer(first: int, layer: str) -> None:
    assert layer_of(bytes([first, 0, 0])) == layer
    assert layer_of(memoryview(bytes([first]))) == layer


def test_an_empty_datagram_is_of_no_layer() -> None:
    assert layer_of(b"") == "other"


@given(packets)
def test_a_wire_without_faults_is_not_there(sent: list[Packet]) -> None:
    assert carry(Wire("alice", "bob"), sent) == [(now,) for now, _, _ in sent]


@given(packets)
def test_a_cut_wire_carries_nothing(sent: list[Packet]) -> None:
    cut = Wire("alice", "bob")
    cut.set(LinkFaults(names=("alice", "bob")).cutting())
    assert carry(cut, sent) == [()] * len(sent)


@given(impairments, packets)
def test_the_same_seed_and_packets_fare_the_same(
    impairment: Impairment, sent: list[Packet]
) -> None:
    assert carry(wire(impairment), sent) == carry(wire(impairment), sent)


@given(impairments, packets)
def test_nothing_arrives_before_it_was_sent_nor_later_than_it_can(
    impairment: Impairment, sent: list[Packet]
) -> None:
    latest = 0.0
    for (now, _, size), arrivals in zip(
        sent, carry(wire(impairment), sent), strict=True
    ):
        worst = now + (impairment.delay_ms + impairment.jitter_ms) / 1000
        worst += OVERTAKING_SECONDS
        if impairment.kbps is not None:
            worst += QUEUE_SECONDS + size * 8 / (impairment.kbps * 1000)
        latest = max(latest, worst)
        assert all(now <= each <= latest + 1e-6 for each in arrivals)
        assert len(arrivals) <= 2


@given(impairments.map(lambda each: replace(each, reorder=0.0)), packets)
def test_packets_keep_their_order_unless_told_otherwise(
    impairment: Impairment, sent: list[Packet]
) -> None:
    arrivals = [each for times in carry(wire(impairment), sent) for each in times]
    assert arrivals == sorted(arrivals)


@given(
    st.floats(0.05, 0.95),
    st.integers(),
    st.lists(st.sampled_from(LAYERS), max_size=50),
    st.floats(0, 5),
)
def test_what_is_lost_depends_on_the_place_among_a_layers_packets_only(
    loss: float, seed: int, others: list[str], pause: float
) -> None:
    impairment = Impairment(loss=loss, seed=seed)
    alone = lost(wire(impairment), "srtp", 60)
    among = wire(impairment)
    indices = []
    for number in range(60):
        if number < len(others) and others[number] != "srtp":
            among.send(number * pause, others[number], 700)
        if not among.send(number * pause, "srtp", 10):
            indices.append(number)
    assert indices == alone


def test_each_direction_and_each_layer_and_each_seed_has_its_own_losses() -> None:
    half = Impairment(loss=0.5, seed=1)
    patterns = [
        lost(wire(half), "srtp"),
        lost(wire(half), "dtls"),
        lost(wire(half, "bob", "alice"), "srtp"),
        lost(wire(replace(half, seed=2)), "srtp"),
    ]
    assert len({tuple(each) for each in patterns}) == 4


@pytest.mark.parametrize("loss", [0.0, 0.1, 0.3, 1.0])
def test_about_as_much_is_lost_as_was_asked_for(loss: float) -> None:
    assert len(lost(wire(Impairment(loss=loss)), "srtp", 5000)) == pytest.approx(
        5000 * loss, abs=100
    )


def test_other_chances_do_not_change_which_packets_are_lost() -> None:
    plain = lost(wire(Impairment(loss=0.2)), "srtp")
    rich = Impairment(loss=0.2, delay_ms=50, jitter_ms=9, duplicate=0.5, reorder=0.5)
    assert lost(wire(rich), "srtp") == plain


def test_delay_and_jitter_are_around_what_was_asked_for() -> None:
    slow = wire(Impairment(delay_ms=80, jitter_ms=20))
    delays = [slow.send(float(n), "srtp", 100)[0] - n for n in range(1000)]
    assert 0.0599 <= min(delays) < 0.065
    assert 0.095 < max(delays) <= 0.1001
    assert sum(delays) / 1000 == pytest.approx(0.08, abs=0.002)


def test_jitter_beyond_the_delay_is_no_time_travel() -> None:
    shaky = wire(Impairment(jitter_ms=20))
    assert all(shaky.send(float(n), "srtp", 100)[0] >= n for n in range(100))


def test_doubled_packets_come_twice() -> None:
    twice = wire(Impairment(duplicate=1.0))
    assert twice.send(1.0, "srtp", 100) == (1.0, 1.0)


def test_a_reordered_packet_is_overtaken_by_the_next() -> None:
    half = wire(Impairment(reorder=0.5, seed=4))
    arrivals = [half.send(n / 100, "srtp", 100)[0] for n in range(100)]
    assert arrivals != sorted(arrivals)


def test_a_bottleneck_passes_its_bitrate_and_loses_the_rest() -> None:
    narrow = wire(Impairment(kbps=100))
    # A second of 400 kbit/s: 50 packets of 1000 bytes.
    arrivals = [narrow.send(n / 50, "srtp", 1000) for n in range(50)]
    passed = [times[0] for times in arrivals if times]
    gaps = [later - sooner for sooner, later in pairwise(passed)]
    assert gaps == pytest.approx([0.08] * len(gaps))
    assert 12 <= len(passed) <= 17
    assert passed[-1] <= 1.0 + QUEUE_SECONDS + 0.08


def test_a_bottleneck_that_was_idle_is_free_again() -> None:
    narrow = wire(Impairment(kbps=8))
    assert narrow.send(0.0, "srtp", 100) == pytest.approx((0.1,))
    assert narrow.send(5.0, "srtp", 100) == pytest.approx((5.1,))


def test_an_impairment_toward_one_leaves_the_other_direction() -> None:
    faults = LinkFaults(names=("alice", "bob")).impaired(Impairment(loss=1.0), "bob")
    there, back = Wire("alice", "bob"), Wire("bob", "alice")
    for direction in (there, back):
        direction.set(faults)
    assert there.send(1.0, "srtp", 1) == ()
    assert back.send(1.0, "srtp", 1) == (1.0,)


def test_a_new_impairment_counts_from_the_start_and_another_fault_does_not() -> None:
    impairment = Impairment(loss=0.5, seed=9)
    faults = LinkFaults(names=("alice", "bob")).impaired(impairment, None)
    pattern = lost(wire(impairment), "srtp")
    one = Wire("alice", "bob")
    one.set(faults)
    first = lost(one, "srtp", 100)
    one.set(faults.holding("dtls"))
    assert [*first, *(n + 100 for n in lost(one, "srtp", 100))] == pattern
    one.set(faults.impaired(Impairment(loss=0.5, seed=9), None))
    assert lost(one, "srtp") == pattern


def test_a_new_impairment_does_not_wait_for_the_packets_of_the_old() -> None:
    slow = wire(Impairment(delay_ms=9000))
    assert slow.send(0.0, "srtp", 1) == (9.0,)
    faults = LinkFaults(names=("alice", "bob"))
    slow.set(faults.impaired(Impairment(delay_ms=10), None))
    assert slow.send(0.1, "srtp", 1) == pytest.approx((0.11,))
