"""The direct path of RTP against aiortc's own, on a wire that loses and doubles."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from meshwidget.events import TaskFailed, TuningSkipped
from meshwidget.log import EventLog
from meshwidget.media import pattern
from meshwidget.media.mark import PatternMark, name_checksum, read
from meshwidget.media.planes import Planes

from .links import Link, make_side
from .wire import Wire, faults

PICTURES = 45
"""Seen by each tuned receiver, in one and a half seconds if nothing is lost."""

PATIENCE = 40
"""Seconds for any of it, on a machine that is busy with other things."""

LEAST_PSNR = 24.0
"""dB. At 200 kbit/s this picture has about 35, and its coarsest keyframe 27; a
reference that was lost, or another participant's picture, has less than 15."""

POLL = 0.02
"""Seconds until a condition is asked for again."""

SRTP_TAGS = (10, 16)
"""Bytes that authentication adds to a packet (RFC 3711, RFC 7714)."""

COMBINATIONS = [(True, True), (True, False), (False, True), (False, False)]
"""Whether the sender is tuned, and the receiver."""


class Remembered(pattern.TestPattern):
    """A test pattern that keeps what it gave, by its time."""

    def __init__(self, name: str, number: int) -> None:
        super().__init__(name, number)
        self.given: dict[int, NDArray[np.uint8]] = {}

    async def frames(self) -> AsyncIterator[av.VideoFrame]:
        async for frame in super().frames():
            mark = mark_of(frame)
            assert mark is not None
            self.given[mark.milliseconds] = Planes.from_frame(frame).luma.copy()
            yield frame


@dataclass
class OneWay:
    """A link on which Alice sends through a wire that is at fault, and Bob receives."""

    link: Link
    source: Remembered
    loss: float
    wire: Wire = field(init=False)

    @classmethod
    async def make(cls, sender: bool, receiver: bool, loss: float) -> OneWay:
        log = EventLog(lambda: 0.0)
        source = Remembered("alice", 3)
        await source.open()
        link = Link(
            await make_side("alice", log, video=source, tuned=sender),
            await make_side("bob", log, video=False, audio=False, tuned=receiver),
        )
        way = cls(link, source, loss)
        way.show(False)
        await link.negotiate()
        fate = faults(loss, seed=1) if loss else lambda each: [each]
        way.wire = Wire(link.alice, fate)
        return way

    def show(self, shown: bool) -> None:
        """Have Alice send pictures, or none."""
        assert self.link.alice.video is not None
        self.link.alice.video.frozen = not shown

    async def begin(self) -> None:
        """Send pictures as soon as Bob can receive them all.

        He can when he hears Alice: sound is received from later than pictures are.
        """
        await until(lambda: self.link.bob.connection.audio.count > 0)
        self.show(True)

    @property
    def sender(self) -> Any:
        connection = self.link.alice.connection._peer_connection
        return next(each for each in connection.getSenders() if each.kind == "video")

    @property
    def receiver(self) -> Any:
        connection = self.link.bob.connection._peer_connection
        receivers = connection.getReceivers()
        return next(each for each in receivers if each.track.kind == "video")

    def assert_pictures_are_what_was_sent(self) -> None:
        """Alice's, whole, and each later than the last."""
        times = []
        for frame in self.link.bob.frames:
            mark = mark_of(frame)
            assert mark is not None
            assert (mark.number, mark.name_checksum) == (3, name_checksum("alice"))
            sent = self.source.given[mark.milliseconds]
            assert psnr(sent, Planes.from_frame(frame).luma) > LEAST_PSNR
            times.append((frame.pts or 0, mark.milliseconds))
        for (before, marked_before), (after, marked_after) in pairwise(times):
            assert after > before
            # The same one twice is a keyframe that was asked for between two pictures.
            assert marked_after >= marked_before

    @property
    def repairs(self) -> list[bytes]:
        """What was sent again."""
        return self.wire.source(self.sender._rtx_ssrc)

    def count_sent(self) -> int:
        """How many pictures were sent, whole or in part or not."""
        packets = self.wire.source(self.sender._ssrc)
        return len({bytes(packet[4:8]) for packet in packets})

    async def settle(self) -> None:
        """Until nothing is lost in the books, once all reports have come.

        Raises
        ------
        AssertionError, KeyError
            What was still wrong in the end.
        """
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while True:
            try:
                self.assert_nothing_is_lost_in_the_books(await self.statistics())
            except (AssertionError, KeyError):  # a report has not come yet
                if asyncio.get_running_loop().time() > deadline:
                    raise
            else:
                return
            await asyncio.sleep(POLL)

    def assert_nothing_is_lost_in_the_books(self, stats: dict[str, Any]) -> None:
        """What both sides' ``getStats`` say, against what the wire saw."""
        sent = self.wire.source(self.sender._ssrc)
        came = self.wire.arrived(self.sender._ssrc)
        outbound = stats["outbound-rtp"]
        assert outbound.packetsSent == len(sent)
        overhead = sum(map(header_length, sent))
        tags, rest = divmod(
            sum(map(len, sent)) - overhead - outbound.bytesSent, len(sent)
        )
        assert (tags in SRTP_TAGS, rest) == (True, 0)
        remote_inbound = stats["remote-inbound-rtp"]
        missed = len(sent) - len(came)
        assert abs(remote_inbound.packetsLost - missed) <= 0.5 * missed + 2
        assert remote_inbound.roundTripTime is not None, "no report of it yet"
        assert remote_inbound.packetsReceived <= outbound.packetsSent
        remote_outbound = stats["remote-outbound-rtp"]
        assert 0 < remote_outbound.packetsSent <= outbound.packetsSent
        assert 0 < remote_outbound.bytesSent <= outbound.bytesSent
        if self.loss == 0:
            assert self.repairs == []
            inbound = stats["inbound-rtp"]
            assert inbound.packetsReceived == len(came)
            assert inbound.packetsLost == 0
            assert inbound.ssrc == self.sender._ssrc

    async def statistics(self) -> dict[str, Any]:
        """Those of video, of both sides, by their type."""
        reports = [await self.sender.getStats(), await self.receiver.getStats()]
        merged: dict[str, Any] = {}
        for report in reports:
            merged |= {each.type: each for each in report.values()}
        return merged


async def until(condition: Callable[[], bool]) -> None:
    """Until it holds; frames, packets and reports have no event in common."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(POLL)


def mark_of(frame: av.VideoFrame) -> PatternMark | None:
    return read(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))


def header_length(packet: bytes) -> int:
    """Of an RTP packet without contributing sources (RFC 3550, section 5.1)."""
    assert packet[0] & 0x0F == 0
    return 12 + (4 + 4 * int.from_bytes(packet[14:16], "big") if packet[0] & 16 else 0)


def psnr(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Peak signal to noise ratio, dB."""
    error = float(np.mean((one.astype(np.float64) - other) ** 2))
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


@pytest.mark.parametrize("loss", [0.0, 0.02, 0.1])
async def test_pictures_and_books_are_right_under_loss(loss: float) -> None:
    """All four ways at once: what the tuned one receives is measured by its own books.

    How many of the pictures come through depends on how busy the machine is; that
    enough do is what is waited for, and that all do where nothing is lost.
    """
    ways = {each: await OneWay.make(*each, loss) for each in COMBINATIONS}
    tuned = [way for (_, receiver), way in ways.items() if receiver]
    await asyncio.gather(*(way.begin() for way in ways.values()))
    await until(lambda: all(len(way.link.bob.frames) >= PICTURES for way in tuned))
    for way in ways.values():
        way.show(False)
    for way in ways.values():
        await way.settle()
        way.assert_pictures_are_what_was_sent()
    if loss == 0:
        for way in tuned:
            await until(lambda way=way: len(way.link.bob.frames) == way.count_sent())  # type: ignore[misc]
    elif loss >= 0.1:
        assert any(way.repairs for way in ways.values())
    for way in ways.values():
        await way.link.close()
        assert way.link.log.of(TaskFailed) == []
        assert way.link.log.of(TuningSkipped) == []
