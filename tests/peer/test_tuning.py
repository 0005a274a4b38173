"""Faster than aiortc where its internals are known, and never worse where not."""

from __future__ import annotations

import asyncio
import queue
import random
import threading
from dataclasses import dataclass
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, rtcrtpreceiver
from aiortc.codecs import CODECS, get_encoder
from aiortc.jitterbuffer import JitterBuffer, JitterFrame
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtp import RtpPacket
from hypothesis import given
from hypothesis import strategies as st

from meshwidget.peer import tuning
from meshwidget.peer.tuning import TuningError

CAPACITY = 64


# The jitter buffer that trusts the marker ---------------------------------------------


@dataclass(frozen=True)
class Stream:
    """Packets of consecutive pictures, as a sender makes them."""

    packets: tuple[RtpPacket, ...]
    pictures: dict[int, bytes]
    """What each timestamp's packets hold together."""


def stream_of(sizes: list[int], first: int = 0, marked: bool = True) -> Stream:
    """Pictures of so many packets each."""
    packets = []
    pictures = {}
    sequence = first
    for index, size in enumerate(sizes):
        timestamp = (index + 1) * 3000
        data = b""
        for part in range(size):
            packet = RtpPacket(
                payload_type=97,
                marker=int(marked and part == size - 1),
                sequence_number=sequence % 65536,
                timestamp=timestamp,
                ssrc=1,
            )
            packet._data = bytes([index % 256, part])  # type: ignore[attr-defined]
            data += bytes([index % 256, part])
            packets.append(packet)
            sequence += 1
        pictures[timestamp] = data
    return Stream(tuple(packets), pictures)


def marker_buffer(capacity: int = CAPACITY) -> JitterBuffer:
    return tuning.receiving._MarkerJitterBuffer(capacity=capacity, is_video=True)


def plain_buffer(capacity: int = CAPACITY) -> JitterBuffer:
    return JitterBuffer(capacity=capacity, is_video=True)


def feed(buffer: JitterBuffer, packets: list[RtpPacket]) -> list[list[JitterFrame]]:
    """What comes out at each packet."""
    return [
        [frame] if (frame := buffer.add(packet)[1]) is not None else []
        for packet in packets
    ]


def flat(output: list[list[JitterFrame]]) -> list[tuple[int, bytes]]:
    return [(frame.timestamp, frame.data) for frames in output for frame in frames]


sizes = st.lists(st.integers(1, 5), min_size=1, max_size=20)
first_numbers = st.sampled_from([0, 1, 1000, 65500, 65535])


@given(sizes, first_numbers)
def test_in_order_each_picture_comes_with_its_last_packet(
    drawn: list[int], first: int
) -> None:
    stream = stream_of(drawn, first)
    output = feed(marker_buffer(), list(stream.packets))
    assert flat(output) == list(stream.pictures.items())
    for packet, frames in zip(stream.packets, output, strict=True):
        assert bool(frames) == bool(packet.marker)


@given(sizes, first_numbers)
def test_in_order_it_gives_what_aiortc_gives_and_gives_it_sooner(
    drawn: list[int], first: int
) -> None:
    packets = list(stream_of(drawn, first).packets)
    mine, theirs = feed(marker_buffer(), packets), feed(plain_buffer(), packets)
    assert flat(mine)[:-1] == flat(theirs)
    given_mine = given_theirs = 0
    for ours, plain in zip(mine, theirs, strict=True):
        given_mine += len(ours)
        given_theirs += len(plain)
        assert given_mine >= given_theirs


@given(sizes, first_numbers)
def test_without_a_marker_it_is_aiortcs(drawn: list[int], first: int) -> None:
    packets = list(stream_of(drawn, first, marked=False).packets)
    assert flat(feed(marker_buffer(), packets)) == flat(feed(plain_buffer(), packets))


@given(sizes, st.integers(1, 8), st.randoms(use_true_random=False), st.booleans())
def test_reordering_loses_nothing_that_aiortc_keeps(
    drawn: list[int], distance: int, generator: random.Random, is_marked: bool
) -> None:
    """What is a little late is waited for; every picture comes whole and in order."""
    stream = stream_of(drawn, marked=is_marked)
    head, *tail = stream.packets
    shuffled = [head, *sorted(tail, key=_jitter(distance, generator))]
    mine = flat(feed(marker_buffer(), shuffled))
    theirs = flat(feed(plain_buffer(), shuffled))
    assert mine == list(stream.pictures.items())[: len(mine)]
    assert mine[: len(theirs)] == theirs


@given(sizes, st.sets(st.integers(1, 60)), st.booleans())
def test_what_is_lost_never_gives_half_a_picture(
    drawn: list[int], lost: set[int], is_marked: bool
) -> None:
    stream = stream_of(drawn, marked=is_marked)
    arriving = [
        packet for index, packet in enumerate(stream.packets) if index not in lost
    ]
    mine = flat(feed(marker_buffer(), arriving))
    for timestamp, data in mine:
        assert data == stream.pictures[timestamp]
    assert [timestamp for timestamp, _ in mine] == sorted({each for each, _ in mine})
    untouched = stream.packets[: min(lost, default=len(stream.packets))]
    before = {packet.timestamp for packet in untouched} - {
        packet.timestamp for packet in stream.packets[len(untouched) :]
    }
    if is_marked:
        assert before <= {timestamp for timestamp, _ in mine}


@given(st.lists(st.booleans(), min_size=5, max_size=40))
def test_markers_may_be_missing_here_and_there(marked: list[bool]) -> None:
    stream = stream_of([2] * len(marked))
    for index, packet in enumerate(stream.packets):
        packet.marker = int(packet.marker and marked[index // 2])
    mine = flat(feed(marker_buffer(), list(stream.packets)))
    expected = list(stream.pictures.items())
    assert mine in (expected, expected[:-1])


def test_a_gap_longer_than_the_buffer_is_given_up_and_a_keyframe_asked_for() -> None:
    stream = stream_of([2] * 100)
    mine, theirs = marker_buffer(16), plain_buffer(16)
    lost = stream.packets[2]
    arriving = [packet for packet in stream.packets if packet is not lost]
    for buffer in (mine, theirs):
        asked = [buffer.add(packet)[0] for packet in arriving]
        assert any(asked)
    assert mine.add(lost)[1] is None


def test_after_a_gap_that_was_given_up_pictures_come_again() -> None:
    stream = stream_of([2] * 100)
    arriving = [packet for packet in stream.packets if packet is not stream.packets[2]]
    mine = flat(feed(marker_buffer(16), arriving))
    assert len(mine) > 60
    assert mine[-1][0] == max(stream.pictures)
    assert all(data == stream.pictures[timestamp] for timestamp, data in mine)


@given(st.integers(1, 20))
def test_a_late_packet_delays_what_follows_no_more_than_with_aiortc(late: int) -> None:
    stream = stream_of([1] * 60)
    packets = list(stream.packets)
    packets[3 : 4 + late] = [*packets[4 : 4 + late], packets[3]]
    mine = flat(feed(marker_buffer(), packets))
    theirs = flat(feed(plain_buffer(), packets))
    assert mine[-1][0] > theirs[-1][0]


def test_a_picture_that_came_twice_is_given_once() -> None:
    stream = stream_of([3, 3])
    doubled = [packet for packet in stream.packets for _ in range(2)]
    assert flat(feed(marker_buffer(), doubled)) == list(stream.pictures.items())


def _jitter(distance: int, generator: random.Random) -> Any:
    """A sort key that moves a packet by at most so many places."""
    return lambda packet: packet.sequence_number + generator.uniform(0, distance)


# The reaches into aiortc --------------------------------------------------------------


async def receiver_and_sender(kind: str = "video") -> tuple[Any, Any, Any]:
    """A transceiver's two halves, as aiortc 1.16 makes them."""
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    transceiver = connection.addTransceiver(kind)
    transceiver.receiver._track = rtcrtpreceiver.RemoteStreamTrack(kind=kind)
    return connection, transceiver.receiver, transceiver.sender


def ignore(*arguments: object) -> None:
    """Somebody else looks at this."""


def never(argument: object) -> None:
    """What must not be called."""
    pytest.fail(f"called with {argument!r}")


def privates_of(receiver: Any) -> dict[str, Any]:
    return {name: getattr(receiver, name) for name in vars(receiver)}


@pytest.mark.parametrize("kind", ["video", "audio"])
async def test_this_aiortc_is_known(kind: str) -> None:
    connection, receiver, sender = await receiver_and_sender(kind)
    tuning.on_keyframe_request(sender, ignore)
    tuning.decode_inline(receiver, ignore, ignore)
    tuning.abort(connection)
    await connection.close()


@pytest.mark.parametrize(
    "name",
    [
        "_RTCRtpReceiver__decoder_queue",
        "_RTCRtpReceiver__jitter_buffer",
        "_RTCRtpReceiver__decoder_error",
    ],
)
@pytest.mark.parametrize("change", ["renamed", "another type"])
async def test_a_receiver_that_is_another_is_left_as_it_is(
    name: str, change: str
) -> None:
    connection, receiver, _ = await receiver_and_sender()
    original = receiver.__dict__.pop(name)
    if change == "another type":
        receiver.__dict__[name] = object()
    before = privates_of(receiver)
    with pytest.raises(TuningError, match=name):
        tuning.decode_inline(receiver, ignore, ignore)
    assert privates_of(receiver) == before
    receiver.__dict__[name] = original
    await connection.close()


async def test_a_decoder_thread_that_is_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connection, receiver, _ = await receiver_and_sender()
    before = privates_of(receiver)
    with monkeypatch.context() as patch:
        patch.delattr(rtcrtpreceiver, "decoder_worker")
        with pytest.raises(TuningError, match="decoder_worker"):
            tuning.decode_inline(receiver, ignore, ignore)
    assert privates_of(receiver) == before
    await connection.close()


def test_a_sender_that_is_another() -> None:
    sender: Any = SimpleNamespace()
    with pytest.raises(TuningError, match="_send_keyframe"):
        tuning.on_keyframe_request(sender, ignore)
    assert vars(sender) == {}


def test_a_transport_that_is_another() -> None:
    transport = SimpleNamespace(transport=SimpleNamespace())
    transceiver = SimpleNamespace(sender=SimpleNamespace(transport=transport))
    connection: Any = SimpleNamespace(getTransceivers=lambda: [transceiver])
    with pytest.raises(TuningError, match="_protocols"):
        tuning.abort(connection)


async def test_a_wish_for_a_keyframe_is_told() -> None:
    connection, _, sender = await receiver_and_sender()
    wishes: list[str] = []
    tuning.on_keyframe_request(sender, lambda: wishes.append("please"))
    sender._send_keyframe()
    assert wishes == ["please"]
    await connection.close()


def vp8() -> RTCRtpCodecParameters:
    return next(codec for codec in CODECS["video"] if codec.name == "VP8")


def encoded_picture() -> JitterFrame:
    """One keyframe, as it comes out of the jitter buffer."""
    frame = av.VideoFrame.from_ndarray(np.zeros((240, 240, 3), np.uint8), "rgb24")
    frame = frame.reformat(format="yuv420p")
    frame.pts, frame.time_base = 0, Fraction(1, 90000)
    payloads, timestamp = get_encoder(vp8()).encode(frame, force_keyframe=True)
    data = b"".join(
        payload[len(payload) - len(_without_descriptor(payload)) :]
        for payload in payloads
    )
    return JitterFrame(data=data, timestamp=timestamp)


def _without_descriptor(payload: bytes) -> bytes:
    from aiortc.codecs.vpx import VpxPayloadDescriptor

    rest: bytes = VpxPayloadDescriptor.parse(payload)[1]
    return rest


async def test_a_frame_is_decoded_at_once_on_this_thread() -> None:
    connection, receiver, _ = await receiver_and_sender()
    frames: list[tuple[Any, threading.Thread]] = []
    tuning.decode_inline(
        receiver,
        lambda frame: frames.append((frame, threading.current_thread())),
        never,
    )
    decoder = receiver._RTCRtpReceiver__decoder_queue
    decoder.put((vp8(), encoded_picture()))
    ((frame, thread),) = frames
    assert (frame.width, frame.height) == (240, 240)
    assert thread is threading.current_thread()
    await connection.close()


async def test_what_cannot_be_decoded_asks_for_a_keyframe() -> None:
    connection, receiver, _ = await receiver_and_sender()
    tuning.decode_inline(receiver, never, never)
    decoder = receiver._RTCRtpReceiver__decoder_queue
    decoder.put((vp8(), JitterFrame(data=b"\xff" * 50, timestamp=0)))
    assert receiver._RTCRtpReceiver__decoder_error.is_set()
    await connection.close()


async def test_a_callback_that_raises_is_told_and_decoding_goes_on() -> None:
    connection, receiver, _ = await receiver_and_sender()
    errors: list[BaseException] = []

    def fail(frame: object) -> None:
        raise LookupError("x")

    tuning.decode_inline(receiver, fail, errors.append)
    decoder = receiver._RTCRtpReceiver__decoder_queue
    for _ in range(2):
        decoder.put((vp8(), encoded_picture()))
    assert [type(error) for error in errors] == [LookupError, LookupError]
    await connection.close()


async def test_the_end_of_a_track_is_told_as_the_thread_would() -> None:
    connection, receiver, _ = await receiver_and_sender()
    tuning.decode_inline(receiver, never, never)
    receiver._RTCRtpReceiver__decoder_queue.put(None)
    assert await asyncio.wait_for(receiver.track._queue.get(), 1) is None
    await connection.close()


async def test_other_peoples_decoder_threads_work_as_ever() -> None:
    """The worker's function is replaced in the whole process."""
    tasks: queue.Queue[Any] = queue.Queue()
    tasks.put((vp8(), encoded_picture()))
    tasks.put(None)
    output: asyncio.Queue[Any] = asyncio.Queue()
    worker = asyncio.create_task(
        asyncio.to_thread(
            rtcrtpreceiver.decoder_worker,
            asyncio.get_running_loop(),
            tasks,
            output,
            threading.Event(),
        )
    )
    frame = await asyncio.wait_for(output.get(), 5)
    assert frame.width == 240
    assert await asyncio.wait_for(output.get(), 5) is None
    await worker
