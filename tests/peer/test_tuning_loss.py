"""The direct path of RTP against aiortc's own, on a wire that loses and doubles."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
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

PICTURES = 90
"""Sent on each link: three seconds, in which every report is made at least once."""

LEAST_PSNR = 24.0
"""dB. At 300 kbit/s this picture has about 35, and its coarsest keyframe 27; a
reference that was lost, or another participant's picture, has less than 15."""

MARGIN = 0.1
"""Of the pictures: what is lost is chance, and so is where it hits a keyframe."""

SRTP_TAGS = (10, 16)
"""Bytes that authentication adds to a packet (RFC 3711, RFC 7714)."""

LEAST_SEEN = {0.0: 0.9, 0.02: 0.85, 0.1: 0.6}
"""Share of the pictures at each loss, on a machine that is busy with other things."""

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
    wire: Wire
    loss: float

    @classmethod
    async def make(cls, sender: bool, receiver: bool, loss: float) -> OneWay:
        log = EventLog(lambda: 0.0)
        source = Remembered("alice", 3)
        await source.open()
        link = Link(
            await make_side("alice", log, video=source, tuned=sender),
            await make_side("bob", log, video=False, audio=False, tuned=receiver),
        )
        await link.negotiate()
        fate = faults(loss, seed=1) if loss else lambda each: [each]
        return cls(link, source, Wire(link.alice, fate), loss)

    async def run(self) -> None:
        """Until so many pictures were given since Bob saw one, and a little after."""
        await self.link.bob.sees(1)
        end = len(self.source.given) + PICTURES
        await self.link.bob.until_frames(lambda: len(self.source.given) >= end)

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

    def share_seen(self) -> float:
        """How many came of the pictures that were sent, whole or in part or not."""
        packets = self.wire.source(self.sender._ssrc)
        timestamps = {bytes(packet[4:8]) for packet in packets}
        return len(self.link.bob.frames) / len(timestamps)

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
        assert 0 <= remote_inbound.roundTripTime < 1
        assert remote_inbound.packetsReceived <= outbound.packetsSent
        remote_outbound = stats["remote-outbound-rtp"]
        assert 0 < remote_outbound.packetsSent <= outbound.packetsSent
        assert 0 < remote_outbound.bytesSent <= outbound.bytesSent
        repairs = self.wire.source(self.sender._rtx_ssrc)
        if self.loss == 0:
            assert repairs == []
            inbound = stats["inbound-rtp"]
            assert inbound.packetsReceived == len(came)
            assert inbound.packetsLost == 0
            assert inbound.ssrc == self.sender._ssrc
        else:
            assert len(repairs) >= missed * 0.5

    async def statistics(self) -> dict[str, Any]:
        """Those of video, of both sides, by their type."""
        reports = [await self.sender.getStats(), await self.receiver.getStats()]
        merged: dict[str, Any] = {}
        for report in reports:
            merged |= {each.type: each for each in report.values()}
        return merged


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
    """All four ways at once, so that they have the machine's mood in common."""
    ways = {each: await OneWay.make(*each, loss) for each in COMBINATIONS}
    await asyncio.gather(*(way.run() for way in ways.values()))
    seen = {}
    for each, way in ways.items():
        way.assert_pictures_are_what_was_sent()
        way.assert_nothing_is_lost_in_the_books(await way.statistics())
        seen[each] = way.share_seen()
    for way in ways.values():
        await way.link.close()
        assert way.link.log.of(TaskFailed) == []
        assert way.link.log.of(TuningSkipped) == []
    for sender in (True, False):
        assert seen[sender, True] >= LEAST_SEEN[loss]
        assert seen[sender, True] >= seen[sender, False] - MARGIN
