"""Datagrams that are not what they should be, and what receivers and senders say."""

from __future__ import annotations

import asyncio
import gc
import random
import socket
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection
from aiortc.contrib.media import MediaBlackhole
from aiortc.mediastreams import VideoStreamTrack
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtpPacket,
    pack_remb_fci,
)

from meshwidget.events import TaskFailed, TuningSkipped
from meshwidget.log import EventLog
from meshwidget.media.decoder import EncodedFrame
from meshwidget.media.vp8 import packetize
from meshwidget.peer import tuning

from .links import SECONDS, Link, make_side
from .wire import Wire, ports_of, sequence_of

MakeLink = Callable[..., Awaitable[Link]]

VIDEO, REPAIR, AUDIO, UNKNOWN = 97, 98, 96, 77
"""Payload types, as aiortc gives them."""


@pytest.fixture
async def make_link() -> AsyncIterator[MakeLink]:
    """Makes links, which are closed at the end, soon and without a failure."""
    links: list[Link] = []

    async def make(**settings: Any) -> Link:
        log = EventLog(lambda: 0.0)
        alice = await make_side("alice", log, **settings)
        links.append(Link(alice, await make_side("bob", log, **settings)))
        return links[-1]

    yield make
    for link in links:
        async with asyncio.timeout(2):
            await link.close()
        assert link.log.of(TaskFailed) == []
        assert link.log.of(TuningSkipped) == []


def senders(link: Link) -> dict[str, Any]:
    connection = link.alice.connection._peer_connection
    return {sender.kind: sender for sender in connection.getSenders()}


def receivers(link: Link) -> dict[str, Any]:
    connection = link.bob.connection._peer_connection
    return {each.track.kind: each for each in connection.getReceivers()}


def send(link: Link, packet: RtpPacket) -> None:
    """Have Alice send a packet as if it were hers, which it is to Bob."""
    transport = senders(link)["video"].transport
    pair = transport.transport._connection._nominated[1]
    datagram = transport._tx_srtp.protect(packet.serialize())
    pair.protocol.transport.sendto(datagram, pair.remote_addr)


def packet(payload_type: int, source: int, payload: bytes = b"x" * 20) -> RtpPacket:
    return RtpPacket(
        payload_type=payload_type,
        sequence_number=7,
        timestamp=3000,
        ssrc=source,
        marker=1,
        payload=payload,
    )


# From a stranger ----------------------------------------------------------------------


def garbage() -> list[bytes]:
    """Of every first byte, short and long."""
    generator = random.Random(4)
    firsts = [bytes((first,)) for first in range(0, 256, 5)]
    return [b"", *firsts, *(first + generator.randbytes(60) for first in firsts)]


@pytest.mark.parametrize("when", ["before DTLS", "in the call"])
async def test_a_strangers_datagrams_change_nothing(
    make_link: MakeLink, when: str
) -> None:
    link = await make_link()
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if when == "before DTLS":
        await link.alice.offer()
    else:
        await link.negotiate()
        await link.bob.sees()
    sources = [sender._ssrc for sender in senders(link).values()]
    forged = [
        bytes((0x80, kind)) + bytes(6) + source.to_bytes(4, "big") + bytes(40)
        for kind in (VIDEO, AUDIO, REPAIR, UNKNOWN, 0x80 | VIDEO)
        for source in (*sources, 1, 2, 3)
    ]
    for side in (link.alice,) if when == "before DTLS" else (link.alice, link.bob):
        for port in ports_of(side):
            for datagram in garbage() + forged:
                stranger.sendto(datagram, ("127.0.0.1", port))
    stranger.close()
    if when == "before DTLS":
        await link.deliver()
    await link.alice.sees()
    await link.bob.sees()
    router = receivers(link)["video"].transport._rtp_router
    assert {1, 2, 3}.isdisjoint(router.ssrc_table)
    for receiver in receivers(link).values():
        report = await receiver.getStats()
        inbound = [each for each in report.values() if each.type == "inbound-rtp"]
        assert {each.ssrc for each in inbound} <= set(sources)


async def test_what_is_sent_twice_is_received_once(make_link: MakeLink) -> None:
    link = await make_link()
    await link.negotiate()
    wire = Wire(link.alice, lambda datagram: [datagram] * 3)
    await link.bob.sees(10)
    timestamps = [frame.pts for frame in link.bob.frames]
    assert len(set(timestamps)) == len(timestamps)
    assert len(wire.delivered) == 3 * len(wire.sent)


# From the other side itself -----------------------------------------------------------


async def test_a_source_that_the_description_did_not_name(make_link: MakeLink) -> None:
    """RFC 8843, section 9.2: the payload type says whose it is."""
    link = await make_link()
    await link.negotiate()
    await link.bob.sees()
    send(link, packet(VIDEO, 4711))
    await link.bob.sees()
    receiver = receivers(link)["video"]
    assert receiver.transport._rtp_router.ssrc_table[4711] is receiver
    assert receiver._RTCRtpReceiver__remote_streams[4711].packets_received == 1


@pytest.mark.parametrize(
    ("payload_type", "payload"),
    [
        (UNKNOWN, b"x" * 20),
        (REPAIR, b"x" * 20),
        (REPAIR, b""),
        (REPAIR, b"x"),
        (VIDEO, b""),
        (VIDEO, b"\x90"),
        (AUDIO, b""),
        (AUDIO, b"\xff" * 20),
    ],
)
@pytest.mark.parametrize("is_own", [True, False], ids=["own source", "another source"])
async def test_packets_that_say_nothing_are_nothing(
    make_link: MakeLink, payload_type: int, payload: bytes, is_own: bool
) -> None:
    link = await make_link()
    await link.negotiate()
    await link.bob.sees()
    video, audio = senders(link)["video"], senders(link)["audio"]
    own = {VIDEO: video._ssrc, REPAIR: video._rtx_ssrc, AUDIO: audio._ssrc}
    made = packet(payload_type, own.get(payload_type, 5) if is_own else 4711, payload)
    wire = Wire(link.alice)
    await link.bob.sees()
    if made.ssrc in (own[VIDEO], own[AUDIO]):
        while not (before := wire.source(made.ssrc)):
            await link.bob.sees()
        made.sequence_number = (sequence_of(before[-1]) + 1) & 0xFFFF
    send(link, made)
    await link.bob.sees()
    await link.alice.sees()


async def test_padding_contributors_and_extensions_are_no_payload(
    make_link: MakeLink,
) -> None:
    link = await make_link(video=False)
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    link.bob.connection.audio.push_encoded = (  # type: ignore[attr-defined]
        lambda payload, timestamp: heard.put_nowait(payload)
    )
    await link.negotiate()
    header = b"\xb2" + bytes((AUDIO,)) + bytes(6) + b"\x00\x00\x12\x67"
    extension = b"\xbe\xde\x00\x01\x10\xff\x00\x00"
    await asyncio.wait_for(heard.get(), SECONDS)
    body = header + b"cccc" + b"dddd" + extension + b"the sound" + b"\x00\x00\x03"
    connection = link.alice.connection._peer_connection
    transport: Any = connection.getSenders()[0].transport
    pair = transport.transport._connection._nominated[1]
    cut = header[:12] + b"only four"  # and contributors and extensions missing
    for each in (body, cut):
        try:
            datagram = transport._tx_srtp.protect(each)
        except Exception:
            continue
        pair.protocol.transport.sendto(datagram, pair.remote_addr)
    async with asyncio.timeout(SECONDS):
        while await heard.get() != b"the sound":
            pass


async def test_ever_new_sources_fill_nothing(make_link: MakeLink) -> None:
    """More than 31 would also end aiortc's reports, and its closing with them."""
    link = await make_link()
    await link.negotiate()
    await link.bob.sees()
    for source in range(1, 101):
        send(link, packet(VIDEO, source))
    await link.bob.sees()
    receiver = receivers(link)["video"]
    assert len(receiver._RTCRtpReceiver__remote_streams) <= 31
    assert len(receiver.transport._rtp_router.ssrc_table) <= 31 + 4


async def test_a_callback_that_raises_is_told_and_pictures_go_on(
    make_link: MakeLink,
) -> None:
    link = await make_link()
    video: Any = link.bob.connection.video
    take, failed = video.push_encoded, asyncio.Event()

    def fail_once(encoded: EncodedFrame) -> None:
        take(encoded)
        if not failed.is_set():
            failed.set()
            raise LookupError("x")

    video.push_encoded = fail_once
    await link.negotiate()
    await link.bob.sees()
    (failure,) = link.log.of(TaskFailed)
    assert failure.where == "receiving alice's media at bob"
    assert failure.message == "LookupError: x"
    link.log = EventLog(lambda: 0.0)  # that was expected


# What receivers and senders say -------------------------------------------------------


async def test_a_keyframe_that_is_asked_for_comes(make_link: MakeLink) -> None:
    link = await make_link()
    await link.negotiate()
    await link.bob.sees()
    came: list[EncodedFrame] = []
    release = link.bob.connection.video.tap(came.append)
    assert release is not None
    await link.bob.until_frames(lambda: len(came) >= 3)
    assert [each.is_keyframe for each in came[:3]] == [True, False, False]
    before = len(came)
    await receivers(link)["video"]._send_rtcp_pli(senders(link)["video"]._ssrc)
    await link.bob.until_frames(lambda: any(e.is_keyframe for e in came[before:]))
    release()


async def test_what_a_receiver_says_is_heard(make_link: MakeLink) -> None:
    link = await make_link()
    said: list[object] = []
    feedback = tuning.SenderFeedback(
        on_keyframe_request=lambda: said.append("keyframe"),
        on_loss=said.append,
        on_bitrate=said.append,
    )
    await link.alice.offer()
    sender = senders(link)["video"]
    tuning.listen_to_feedback(sender, feedback)
    handle = sender._handle_rtcp_packet
    own, other = sender._ssrc, sender._ssrc ^ 1
    for fmt in (RTCP_PSFB_PLI, RTCP_PSFB_FIR):
        await handle(RtcpPsfbPacket(fmt=fmt, ssrc=1, media_ssrc=own))
    assert said == ["keyframe", "keyframe"]
    said.clear()
    reports = [report(own, 64), report(other, 128)]
    await handle(RtcpRrPacket(ssrc=1, reports=reports))
    assert said == [0.25]
    said.clear()
    for source in (own, other):
        fci = pack_remb_fci(128_000, [source])
        await handle(RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=1, media_ssrc=0, fci=fci))
    assert said == [128_000]
    said.clear()
    await handle(RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=1, media_ssrc=0, fci=b"junk"))
    assert said == []


def report(source: int, fraction_lost: int) -> RtcpReceiverInfo:
    return RtcpReceiverInfo(
        ssrc=source,
        fraction_lost=fraction_lost,
        packets_lost=1,
        highest_sequence=9,
        jitter=0,
        lsr=0,
        dlsr=0,
    )


async def test_what_was_not_sent_or_is_long_gone_is_not_sent_again(
    make_link: MakeLink,
) -> None:
    link = await make_link()
    await link.negotiate()
    wire = Wire(link.alice)
    await link.bob.sees()
    sender = senders(link)["video"]
    newest = int.from_bytes(wire.source(sender._ssrc)[-1][2:4], "big")
    await sender._retransmit((newest - 200) % 65536)
    await sender._retransmit((newest + 1) % 65536)
    assert wire.source(sender._rtx_ssrc) == []
    await sender._retransmit(newest)
    (repair,) = wire.source(sender._rtx_ssrc)
    assert repair[1] & 0x7F == REPAIR


async def test_header_extensions_are_aiortcs() -> None:
    """The same bytes but for the time, whatever is negotiated."""
    from aiortc.rtcrtpparameters import (
        RTCRtpHeaderExtensionParameters,
        RTCRtpParameters,
    )
    from aiortc.rtp import HeaderExtensionsMap

    from meshwidget.peer.tuning.sending import _ExtensionTemplate

    uris = {
        1: "urn:ietf:params:rtp-hdrext:sdes:mid",
        2: "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    }
    for chosen in ([], [1], [2], [1, 2]):
        extensions = HeaderExtensionsMap()
        extensions.configure(
            RTCRtpParameters(
                headerExtensions=[
                    RTCRtpHeaderExtensionParameters(id=each, uri=uris[each])
                    for each in chosen
                ]
            )
        )
        template = _ExtensionTemplate(extensions, "0")
        for ntp_time in (0, 1 << 14, 0x123456789ABCDEF0, (1 << 64) - 1):
            plain = RtpPacket(payload_type=VIDEO, ssrc=1)
            plain.extensions.mid = "0"
            plain.extensions.abs_send_time = (ntp_time >> 14) & 0xFFFFFF
            expected = plain.serialize(extensions)
            made = bytes((template.first_byte,)) + expected[1:12]
            assert made + template.at(ntp_time) == expected


# The end ------------------------------------------------------------------------------


@pytest.mark.parametrize("act", ["close", "abort"])
async def test_a_link_that_is_over_is_forgotten(make_link: MakeLink, act: str) -> None:
    link = await make_link()
    await link.negotiate()
    await link.alice.sees()
    await link.bob.sees()
    left = []
    for side in (link.alice, link.bob):
        connection = side.connection._peer_connection
        transports = [each.transport for each in connection.getReceivers()]
        left += [weakref.ref(each) for each in (connection, *transports)]
        await getattr(side.connection, act)()
        del connection, transports, side.connection
    for _ in range(3):
        await asyncio.sleep(0)
    gc.collect()
    assert [each() for each in left if each() is not None] == []
    for side in (link.alice, link.bob):
        side.connect(link.alice)  # for the fixture to close


async def test_a_sender_ends_with_its_transport(make_link: MakeLink) -> None:
    """Whoever hears the other side's DTLS close encodes for it no more."""
    link = await make_link()
    await link.negotiate()
    await link.bob.sees()
    (track,) = link.alice.video._tracks  # type: ignore[union-attr]
    assert track.is_wanted
    await link.bob.connection.close()
    await link.until(lambda: link.alice.connection.dtls_state == "closed")
    await asyncio.sleep(0)  # the sender's task hears of it, too
    assert link.alice.video._tracks == []  # type: ignore[union-attr]


async def test_a_direction_that_is_changed_is_obeyed(make_link: MakeLink) -> None:
    link = await make_link()
    await link.negotiate()
    await link.bob.sees()
    sender = senders(link)["video"]
    wire = Wire(link.alice)
    sender._enabled = False
    await link.alice.sees(5)  # at the same pace as she would send
    assert wire.source(sender._ssrc) == []
    sender._enabled = True
    receivers(link)["video"]._enabled = False
    count = link.bob.connection.video.count
    await link.alice.until_frames(lambda: len(wire.source(sender._ssrc)) >= 3)
    assert link.bob.connection.video.count == count


async def test_other_peoples_connections_work_as_ever(make_link: MakeLink) -> None:
    """One module-wide name is replaced: the decoder thread's function."""
    link = await make_link()
    await link.negotiate()
    caller = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    callee = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    received: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    sink = MediaBlackhole()

    @callee.on("track")
    def take(track: Any) -> None:
        received.set_result(track)

    from meshwidget.peer.ice import host_addresses

    with host_addresses(("127.0.0.1",)):
        caller.addTrack(VideoStreamTrack())
        await caller.setLocalDescription(await caller.createOffer())
        await callee.setRemoteDescription(caller.localDescription)
        await callee.setLocalDescription(await callee.createAnswer())
        await caller.setRemoteDescription(callee.localDescription)
    async with asyncio.timeout(SECONDS):
        track = await received
        for _ in range(3):
            frame = await track.recv()
            assert (frame.width, frame.height) == (640, 480)
    await sink.stop()
    await link.bob.sees()
    await asyncio.gather(caller.close(), callee.close())


def test_payloads_of_a_keyframe_are_as_large_as_a_path_takes() -> None:
    assert max(map(len, packetize(bytes(5000), 1))) == 1200
