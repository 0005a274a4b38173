"""Pictures from packets that come in any order, twice, not at all, or from an enemy."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwidget.peer.assembly import (
    KEYFRAME_AGAIN,
    MAX_GAP,
    MAX_PARTS,
    NACK_AGAIN,
    PATIENCE,
    VideoAssembly,
)

PICTURE_SECONDS = 1 / 30
TICKS = 3000
"""Of 90 kHz, between two pictures."""


@dataclass(frozen=True)
class Packet:
    """What :meth:`VideoAssembly.add` takes, and whose it is."""

    picture: int
    sequence: int
    timestamp: int
    marker: bool
    payload: bytes = field(repr=False)


@dataclass(frozen=True)
class Stream:
    """Pictures and their packets, as a sender makes them."""

    pictures: Sequence[tuple[int, bytes]] = field(repr=False)
    """Timestamp and data."""
    packets: Sequence[Packet]

    def is_keyframe(self, index: int) -> bool:
        return not self.pictures[index][1][0] & 1


def picture_data(index: int, is_keyframe: bool, parts: int) -> list[bytes]:
    """As VP8 as need be: one bit says whether it is a keyframe."""
    beginning = bytes((0 if is_keyframe else 1,)) + index.to_bytes(2, "big")
    return [beginning, *(bytes((index % 251, part % 251)) for part in range(1, parts))]


def stream_of(
    shape: Sequence[tuple[bool, int]],
    *,
    sequence: int = 0,
    timestamp: int = 90_000,
    unmarked: frozenset[int] = frozenset(),
) -> Stream:
    """Make pictures: for each, whether it is a keyframe, and how many packets."""
    pictures, packets = [], []
    for index, (is_keyframe, parts) in enumerate(shape):
        data = picture_data(index, is_keyframe, parts)
        descriptors = [b"\x10", *[b"\x00"] * (parts - 1)]
        stamp = (timestamp + index * TICKS) % (1 << 32)
        pictures.append((stamp, b"".join(data)))
        for part, payload in enumerate(map(bytes.__add__, descriptors, data)):
            is_last = part == parts - 1 and index not in unmarked
            number = sequence % (1 << 16)
            packets.append(Packet(index, number, stamp, is_last, payload))
            sequence += 1
    return Stream(pictures, packets)


@dataclass
class Receiver:
    """An assembly, and all that it ever said."""

    stream: Stream
    assembly: VideoAssembly = field(default_factory=VideoAssembly)
    pictures: list[tuple[float, int]] = field(default_factory=list)
    """When each came out, and which one."""
    arrivals: list[tuple[float, Packet]] = field(default_factory=list)
    nacks: list[tuple[float, list[int]]] = field(default_factory=list)
    plis: list[float] = field(default_factory=list)

    def take(self, packet: Packet, now: float) -> None:
        """As the receiver of a connection does."""
        self.arrivals.append((now, packet))
        for picture in self.assembly.add(
            packet.sequence, packet.timestamp, packet.marker, packet.payload, now
        ):
            self.pictures.append((now, self.stream.pictures.index(picture)))
        if self.assembly.needs_feedback:
            lost, wants_keyframe = self.assembly.feedback(now)
            if lost:
                self.nacks.append((now, lost))
            if wants_keyframe:
                self.plis.append(now)
        else:
            assert self.assembly.feedback(now) == ([], False)

    @property
    def indexes(self) -> list[int]:
        return [index for _, index in self.pictures]


shapes = st.lists(
    st.tuples(st.integers(0, 4).map(lambda draw: draw == 0), st.integers(1, 3)),
    min_size=1,
    max_size=15,
)
first_sequences = st.sampled_from([0, 1, 30_000, 65_480, 65_535])
first_timestamps = st.sampled_from([0, 90_000, (1 << 32) - 4 * TICKS, (1 << 32) - 1])


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    """Any stream, with markers missing here and there."""
    return stream_of(
        draw(shapes),
        sequence=draw(first_sequences),
        timestamp=draw(first_timestamps),
        unmarked=draw(st.frozensets(st.integers(0, 14), max_size=3)),
    )


@st.composite
def schedules(draw: st.DrawFn) -> tuple[Stream, list[tuple[float, Packet]]]:
    """What arrives when, of a stream of which things are lost, late and doubled."""
    stream = draw(streams())
    fates = st.tuples(
        st.integers(0, 9),  # 0: lost; 1: twice
        st.one_of(st.just(0), st.integers(0, 100), st.integers(0, 1_000)),
        st.integers(0, 1_000),
    )
    arriving: list[tuple[float, Packet]] = []
    for packet in stream.packets:
        fate, delay, further = draw(fates)
        due = packet.picture * 33 + delay
        if fate:
            arriving.append((due / 1000, packet))
        if fate == 1:
            arriving.append(((due + further) / 1000, packet))
    arriving.sort(key=lambda each: each[0])
    return stream, arriving


# In order -----------------------------------------------------------------------------


@given(shapes, first_sequences, first_timestamps)
def test_each_picture_leaves_with_its_last_packet(
    shape: list[tuple[bool, int]], sequence: int, timestamp: int
) -> None:
    shape = [(True, 2), *shape]
    stream = stream_of(shape, sequence=sequence, timestamp=timestamp)
    receiver = Receiver(stream)
    for packet in stream.packets:
        before = len(receiver.pictures)
        receiver.take(packet, packet.picture * PICTURE_SECONDS)
        assert len(receiver.pictures) - before == packet.marker
    assert receiver.indexes == list(range(len(shape)))
    assert (receiver.nacks, receiver.plis) == ([], [])
    assert receiver.assembly.dropped == 0


@given(shapes, first_sequences)
def test_without_markers_it_leaves_with_the_next_ones_first_packet(
    shape: list[tuple[bool, int]], sequence: int
) -> None:
    shape = [(True, 1), *shape]
    unmarked = frozenset(range(len(shape)))
    stream = stream_of(shape, sequence=sequence, unmarked=unmarked)
    receiver = Receiver(stream)
    for packet in stream.packets:
        receiver.take(packet, 0.0)
    assert receiver.indexes == list(range(len(shape) - 1))


def test_pictures_before_the_first_keyframe_are_left_out() -> None:
    stream = stream_of([(False, 1), (False, 3), (True, 2), (False, 1)])
    receiver = Receiver(stream)
    for packet in stream.packets:
        receiver.take(packet, packet.picture * PICTURE_SECONDS)
    assert receiver.indexes == [2, 3]
    assert receiver.assembly.dropped == 2
    assert receiver.plis == [0.0]
    assert not receiver.assembly.needs_keyframe


def test_padding_is_no_picture_and_no_gap() -> None:
    """Empty payloads, with which a browser probes what the path can carry."""
    stream = stream_of([(True, 2), (False, 2), (False, 1)])
    receiver = Receiver(stream)
    sequence = 0
    for packet in stream.packets:
        padding = Packet(-1, sequence, packet.timestamp, False, b"")
        moved = Packet(
            packet.picture,
            sequence + 1,
            packet.timestamp,
            packet.marker,
            packet.payload,
        )
        receiver.take(padding, 0.0)
        receiver.take(moved, 0.0)
        sequence += 2
    assert receiver.indexes == [0, 1, 2]
    assert (receiver.nacks, receiver.plis) == ([], [])


# In any order -------------------------------------------------------------------------


@given(schedules())
def test_what_leaves_is_whole_in_order_and_can_be_decoded(
    drawn: tuple[Stream, list[tuple[float, Packet]]],
) -> None:
    stream, arriving = drawn
    receiver = Receiver(stream)  # which finds each picture among those that were sent
    for now, packet in arriving:
        receiver.take(packet, now)
    last = None
    for index in receiver.indexes:
        assert last is None or index > last
        assert stream.is_keyframe(index) or index - 1 == last
        last = index


@given(schedules())
def test_nothing_complete_is_held_for_longer_than_patience(
    drawn: tuple[Stream, list[tuple[float, Packet]]],
) -> None:
    stream, arriving = drawn
    receiver = Receiver(stream)
    arrived: dict[int, float] = {}
    for now, packet in arriving:
        receiver.take(packet, now)
        arrived.setdefault(packet.sequence, now)
    for left, index in receiver.pictures:
        complete = max(
            arrived[each.sequence] for each in stream.packets if each.picture == index
        )
        if not any(
            each.marker for each in stream.packets if each.picture == index
        ):  # then the next one's first packet makes it complete
            complete = left
        assert not [
            now for now, _ in arriving if complete + PATIENCE + 1e-9 < now < left
        ]


@given(schedules())
def test_only_what_is_missing_is_asked_for(
    drawn: tuple[Stream, list[tuple[float, Packet]]],
) -> None:
    stream, arriving = drawn
    receiver = Receiver(stream)
    there: set[int] = set()
    asked: dict[int, list[float]] = {}
    for now, packet in arriving:
        before = len(receiver.nacks)
        receiver.take(packet, now)
        there.add(packet.sequence)
        for _, lost in receiver.nacks[before:]:
            assert len(set(lost)) == len(lost)
            assert there.isdisjoint(lost)
            for number in lost:
                asked.setdefault(number, []).append(now)
    sent = {packet.sequence for packet in stream.packets}
    assert asked.keys() <= sent
    for times in asked.values():
        waits = [later - earlier for earlier, later in pairwise(times)]
        assert all(wait > NACK_AGAIN - 1e-9 for wait in waits)
        assert times[-1] - times[0] <= PATIENCE + 1e-9
        assert len(times) <= 5


@given(schedules())
def test_keyframes_are_asked_for_while_none_comes_and_at_a_pace(
    drawn: tuple[Stream, list[tuple[float, Packet]]],
) -> None:
    stream, arriving = drawn
    receiver = Receiver(stream)
    asked: float | None = None
    for now, packet in arriving:
        before, plis = len(receiver.pictures), len(receiver.plis)
        receiver.take(packet, now)
        if len(receiver.pictures) > before:
            asked = None  # what comes from now on is another need
        if len(receiver.plis) > plis:
            assert asked is None or now - asked > KEYFRAME_AGAIN - 1e-9
            asked = now
        if receiver.assembly.needs_keyframe and receiver.assembly.dropped:
            assert receiver.plis
            assert now - receiver.plis[-1] < KEYFRAME_AGAIN


@given(st.permutations(range(12)), first_sequences)
def test_what_is_only_late_is_not_lost(order: list[int], sequence: int) -> None:
    stream = stream_of([(True, 1), *[(False, 2)] * 6], sequence=sequence)
    receiver = Receiver(stream)
    first, *rest = stream.packets
    receiver.take(first, 0.0)
    for place in order:
        receiver.take(rest[place], 0.1)
    assert receiver.indexes == list(range(7))
    assert receiver.plis == []


# A gap --------------------------------------------------------------------------------


def test_a_gap_is_asked_for_at_once_and_then_ever_more_seldom() -> None:
    stream = stream_of([(True, 1), *[(False, 1)] * 100])
    receiver = Receiver(stream)
    for packet in stream.packets:
        if packet.picture != 1:
            receiver.take(packet, packet.picture * 0.001)
    assert [round(now * 1000) for now, _ in receiver.nacks] == [2, 22, 42, 82]
    assert all(lost == [1] for _, lost in receiver.nacks)
    assert receiver.indexes == [0]


def test_what_is_sent_again_in_time_is_as_if_it_had_come() -> None:
    stream = stream_of([(True, 1), (False, 2), (False, 1), (False, 1)])
    receiver = Receiver(stream)
    lost = stream.packets[1]
    for packet in stream.packets:
        if packet is not lost:
            receiver.take(packet, 0.0)
    assert receiver.indexes == [0]
    receiver.take(lost, PATIENCE / 2)
    assert receiver.indexes == [0, 1, 2, 3]
    assert receiver.plis == []
    assert not receiver.assembly.needs_feedback


def test_a_gap_that_stays_is_given_up_and_a_keyframe_asked_for() -> None:
    shape = [(True, 1), *[(False, 1)] * 3, (True, 2), (False, 1)]
    stream = stream_of(shape)
    receiver = Receiver(stream)
    lost = stream.packets[1]
    for packet in stream.packets[:4]:
        if packet is not lost:
            receiver.take(packet, 0.0)
    late = PATIENCE + 0.01
    receiver.take(stream.packets[4], late)
    assert receiver.plis == [late]
    receiver.take(lost, late)  # too late: it is as if it had not come
    receiver.take(stream.packets[5], late)
    receiver.take(stream.packets[6], late)
    assert receiver.indexes == [0, 4, 5]
    assert not receiver.assembly.needs_feedback


def test_two_gaps_are_given_up_one_after_the_other() -> None:
    stream = stream_of([(True, 1)] * 8)
    receiver = Receiver(stream)
    for index in (0, 2, 4):
        receiver.take(stream.packets[index], 0.05 * index)
    receiver.take(stream.packets[5], 0.1 + PATIENCE + 0.01)
    assert receiver.indexes == [0, 2]
    receiver.take(stream.packets[6], 0.2 + PATIENCE + 0.01)
    assert receiver.indexes == [0, 2, 4, 5, 6]


@pytest.mark.parametrize("jump", [MAX_GAP + 1, 20_000, 1 << 15, -20_000, -MAX_GAP - 1])
def test_a_jump_is_a_new_beginning(jump: int) -> None:
    """Also one back: a sender that began anew would else never be seen again."""
    before = stream_of([(True, 1), (False, 2)], sequence=30_000)
    after = stream_of([(False, 1), (True, 2), (False, 1)], sequence=30_003 + jump)
    receiver = Receiver(before)
    for packet in before.packets:
        receiver.take(packet, 0.0)
    assert receiver.indexes == [0, 1]
    receiver = Receiver(after, receiver.assembly)
    for packet in after.packets:
        receiver.take(packet, 0.0)
    assert receiver.indexes == [1, 2]
    assert receiver.plis == [0.0]
    assert receiver.nacks == []


def test_what_is_doubled_long_after_is_no_new_beginning() -> None:
    stream = stream_of([(True, 1)] * (MAX_GAP + 1))
    receiver = Receiver(stream)
    for packet in stream.packets:
        receiver.take(packet, 0.0)
    receiver.take(stream.packets[1], 0.0)
    assert receiver.indexes == list(range(MAX_GAP + 1))
    assert receiver.plis == []


# What is no VP8 -----------------------------------------------------------------------

TRUNCATED = b"\x90\x80\x80"
"""A descriptor that promises one byte more of a picture's number."""


@pytest.mark.parametrize("is_marked", [True, False], ids=["marked", "unmarked"])
@pytest.mark.parametrize(
    "payload",
    [TRUNCATED, b"\x90", b"\x90\x80\x80\x01", b"\x80\x80\x80\x01rest", b"\x11rest"],
    ids=["cut", "one byte", "nothing in it", "no beginning", "second partition"],
)
def test_a_picture_that_is_none_needs_a_keyframe(
    payload: bytes, is_marked: bool
) -> None:
    stream = stream_of([(True, 1), (False, 1), (False, 1), (True, 1)])
    receiver = Receiver(stream)
    first, hurt, *rest = stream.packets
    receiver.take(first, 0.0)
    receiver.take(Packet(1, hurt.sequence, hurt.timestamp, is_marked, payload), 0.0)
    for packet in rest:
        receiver.take(packet, 0.0)
    assert receiver.indexes == [0, 3]
    assert receiver.plis == [0.0]


def test_a_picture_without_end_is_given_up() -> None:
    stream = stream_of([(True, MAX_PARTS + 1), (False, 1), (True, MAX_PARTS)])
    receiver = Receiver(stream)
    for packet in stream.packets:
        receiver.take(packet, 0.0)
    assert receiver.indexes == [2]


payloads = st.one_of(
    st.binary(max_size=8),
    st.binary(max_size=8).map(lambda tail: b"\x90\x80\x80\x01\x00" + tail),
    st.binary(max_size=8).map(lambda tail: b"\x10" + tail),
)


@given(
    st.lists(
        st.tuples(
            st.one_of(st.integers(0, 40), st.integers(0, 65_535)),
            st.integers(0, 5),
            st.booleans(),
            payloads,
            st.floats(0.0, 0.4),
        ),
        max_size=60,
    )
)
def test_an_enemy_breaks_nothing(
    packets: list[tuple[int, int, bool, bytes, float]],
) -> None:
    assembly = VideoAssembly()
    now = 0.0
    came = False
    for sequence, timestamp, marker, payload, elapsed in packets:
        now += elapsed
        for _, data in assembly.add(sequence, timestamp, marker, payload, now):
            assert data
            assert came or not data[0] & 1
            came = True
        lost, _ = assembly.feedback(now)
        assert len(lost) <= MAX_GAP
        assert_bounded(assembly)


@pytest.mark.parametrize("step", [1, 2, 3, MAX_GAP, MAX_GAP + 1, 12_345])
@pytest.mark.parametrize("is_marked", [True, False], ids=["marked", "unmarked"])
def test_memory_is_bounded_whatever_comes(step: int, is_marked: bool) -> None:
    assembly = VideoAssembly()
    for index in range(5_000):
        sequence = index * step % (1 << 16)
        assembly.add(sequence, 7, is_marked, b"\x10\x00" + bytes(50), 0.0)
        assert_bounded(assembly)


def assert_bounded(assembly: VideoAssembly) -> None:
    """The only place that looks inside: how much is kept is not to be seen outside."""
    assert len(assembly._waiting) <= MAX_GAP + 1
    assert len(assembly._missing) <= MAX_GAP
    assert len(assembly._parts) <= MAX_PARTS
    assert bool(assembly._missing) == bool(assembly._waiting)


def test_asking_in_vain_is_asking_less_and_less() -> None:
    """On a path with a full queue each repair makes the queue longer."""
    stream = stream_of([(index % 50 == 0, 1) for index in range(300)])
    receiver = Receiver(stream)
    for packet in stream.packets:
        if packet.sequence % 15 != stream.packets[0].sequence % 15 + 1:
            receiver.take(packet, packet.picture * PICTURE_SECONDS)
    asked = Counter(number for _, lost in receiver.nacks for number in lost)
    counts = list(asked.values())
    assert max(counts[-5:]) <= 2 < counts[0]


# With a sender that answers -----------------------------------------------------------


@pytest.mark.parametrize("round_trip", [0.001, 0.05, 0.15])
@pytest.mark.parametrize("loss", [0.0, 0.02, 0.1])
def test_with_a_sender_that_answers_little_is_lost(
    loss: float, round_trip: float
) -> None:
    """Every way, also that of an answer and of a question, loses as much."""
    generator = random.Random(f"{loss} {round_trip}")
    stream = stream_of([(index % 100 == 0, 1 + index % 3) for index in range(1_000)])
    receiver = Receiver(stream)
    by_number = {packet.sequence: packet for packet in stream.packets}
    due = [(packet.picture * PICTURE_SECONDS, packet) for packet in stream.packets]
    while due:
        due.sort(key=lambda each: each[0], reverse=True)
        now, packet = due.pop()
        if generator.random() < loss:
            continue
        nacks = len(receiver.nacks)
        receiver.take(packet, now)
        for _, lost in receiver.nacks[nacks:]:
            if generator.random() >= loss:
                again = [by_number[number] for number in lost]
                due += [(now + round_trip, each) for each in again]
    least = {0.0: 1_000, 0.02: 950, 0.1: 800}[loss]
    assert len(receiver.pictures) >= least
