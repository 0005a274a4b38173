"""Negotiation between two connections: in order, out of order, and with nonsense."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from meshwidget.errors import NoAddressError
from meshwidget.events import (
    FrameReceived,
    MessageIgnored,
    StateChanged,
    TaskFailed,
    TrackReceived,
    TuningSkipped,
)
from meshwidget.log import EventLog
from meshwidget.peer import tuning
from meshwidget.peer.description import media_kinds
from meshwidget.peer.settings import LinkSettings

from . import browsers
from .links import Link, Message, Side, make_side

MakeLink = Callable[..., Awaitable[Link]]


@pytest.fixture
async def make_link() -> AsyncIterator[MakeLink]:
    """Makes links, which are closed at the end."""
    links: list[Link] = []

    async def make(
        alice: dict[str, Any] | None = None,
        bob: dict[str, Any] | None = None,
        **both: Any,
    ) -> Link:
        started = time.monotonic()
        log = EventLog(lambda: time.monotonic() - started)
        links.append(
            Link(
                await make_side("alice", log, **both, **(alice or {})),
                await make_side("bob", log, **both, **(bob or {})),
            )
        )
        return links[-1]

    yield make
    for link in links:
        await link.close()
        assert link.log.of(TaskFailed) == []


def ignored(link: Link, peer: str) -> list[str]:
    """Why that side ignored what."""
    return [event.reason for event in link.log.of(MessageIgnored, peer=peer)]


def states(link: Link, peer: str, machine: str) -> list[str]:
    changes = link.log.of(StateChanged, peer=peer, machine=machine)
    assert all(before.new == after.old for before, after in pairwise(changes))
    return [changes[0].old, *(change.new for change in changes)] if changes else []


# As it should be ----------------------------------------------------------------------


@pytest.mark.parametrize("is_tuned", [True, False], ids=["tuned", "plain"])
@pytest.mark.parametrize("trickle", [True, False], ids=["trickle", "whole"])
async def test_both_see_and_hear_each_other(
    make_link: MakeLink, is_tuned: bool, trickle: bool
) -> None:
    link = await make_link(tuned=is_tuned, trickle=trickle)
    await link.negotiate()
    await link.connected()
    for side in (link.alice, link.bob):
        assert side.connection.receives_video
        assert side.connection.receives_audio
        assert side.connection.dtls_state == "connected"
        assert side.connection.ice_connection_state == "completed"
        assert side.connection.signaling_state == "stable"
        assert side.connection.ice_gathering_state == "complete"
        assert side.frames
    assert len(link.log.of(FrameReceived)) == 2
    assert len(link.log.of(TrackReceived)) == 4
    assert link.log.of(MessageIgnored) == []
    assert link.log.of(TuningSkipped) == []


async def test_the_states_of_both_sides(make_link: MakeLink) -> None:
    link = await make_link()
    await link.negotiate()
    await link.connected()
    await link.close()
    assert states(link, "alice", "signaling") == [
        "stable",
        "have-local-offer",
        "stable",
        "closed",
    ]
    assert states(link, "bob", "signaling") == [
        "stable",
        "have-remote-offer",
        "stable",
        "closed",
    ]
    for peer in ("alice", "bob"):
        gathering = states(link, peer, "ice_gathering")
        assert gathering == ["new", "gathering", "complete"]
        assert states(link, peer, "ice_connection")[:3] == [
            "new",
            "checking",
            "completed",
        ]
        assert states(link, peer, "dtls") == [
            "new",
            "connecting",
            "connected",
            "closed",
        ]
        assert states(link, peer, "connection") == [
            "new",
            "connecting",
            "connected",
            "closed",
        ]


async def test_with_trickle_candidates_travel_alone(make_link: MakeLink) -> None:
    link = await make_link()
    await link.alice.offer()
    offer, *candidates = link.bob.inbox
    assert (offer.kind, offer.body["sdp"]["type"]) == ("offer", "offer")
    assert "candidate" not in offer.body["sdp"]["sdp"]
    assert candidates
    for message in candidates:
        init = message.body["candidate"]
        assert init["candidate"].startswith("candidate:")
        assert " 127.0.0.1 " in init["candidate"]
        assert (init["sdpMid"], init["sdpMLineIndex"]) == ("0", 0)


async def test_without_trickle_they_are_in_the_description(make_link: MakeLink) -> None:
    link = await make_link(trickle=False)
    await link.alice.offer()
    (offer,) = link.bob.inbox
    assert "a=candidate:" in offer.body["sdp"]["sdp"]
    assert " 127.0.0.1 " in offer.body["sdp"]["sdp"]


async def test_only_vp8_and_opus_are_offered(make_link: MakeLink) -> None:
    link = await make_link()
    await link.alice.offer()
    sdp = link.bob.inbox[0].body["sdp"]["sdp"]
    codecs = {
        line.split(" ")[1].split("/")[0]
        for line in sdp.splitlines()
        if line.startswith("a=rtpmap:")
    }
    assert codecs == {"VP8", "rtx", "opus"}


async def test_no_stun_server_is_asked(make_link: MakeLink) -> None:
    link = await make_link()
    await link.negotiate()
    for side in (link.alice, link.bob):
        assert "srflx" not in (side.connection.local_description or "")


async def test_descriptions_can_be_read(make_link: MakeLink) -> None:
    link = await make_link()
    assert link.alice.connection.local_description is None
    assert link.alice.connection.remote_description is None
    await link.negotiate()
    assert "m=video" in (link.alice.connection.local_description or "")
    assert "a=candidate" in (link.alice.connection.remote_description or "")


async def test_repr_has_no_address(make_link: MakeLink) -> None:
    link = await make_link()
    assert repr(link.alice.connection) == "<Connection alice -> bob: new>"


# Who sends what -----------------------------------------------------------------------

NOTHING = {"video": False, "audio": False}
SOUND = {"video": False, "audio": True}
PICTURE = {"video": True, "audio": False}


@pytest.mark.parametrize(
    ("alice", "bob"),
    [
        (NOTHING, NOTHING),
        (NOTHING, {}),
        ({}, NOTHING),
        (SOUND, {}),
        ({}, SOUND),
        (PICTURE, SOUND),
        (SOUND, PICTURE),
    ],
    ids=str,
)
@pytest.mark.parametrize("is_tuned", [True, False], ids=["tuned", "plain"])
async def test_who_has_nothing_to_send_receives(
    make_link: MakeLink, alice: dict[str, Any], bob: dict[str, Any], is_tuned: bool
) -> None:
    link = await make_link(alice, bob, tuned=is_tuned)
    await link.negotiate()
    await link.connected()
    for side, other in ((link.alice, link.bob), (link.bob, link.alice)):
        assert side.connection.receives_video == (other.video is not None)
        assert side.connection.receives_audio == (other.audio is not None)
    assert link.log.of(MessageIgnored) == []


class Guest:
    """A plain aiortc peer with its own idea of an offer."""

    def __init__(self) -> None:
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))

    async def offer(self, side: Side) -> None:
        """Offer, have it answered, and take the answer."""
        await self.connection.setLocalDescription()
        await side.take(
            Message("offer", {"sdp": {"sdp": self.connection.localDescription.sdp}})
        )

    async def answer(self, inbox: Any) -> None:
        answer = inbox.popleft()
        await self.connection.setRemoteDescription(
            RTCSessionDescription(sdp=answer.body["sdp"]["sdp"], type="answer")
        )


@pytest.mark.parametrize(
    ("kinds", "direction"),
    [
        (["audio"], "sendrecv"),
        (["video"], "sendrecv"),
        (["video"], "recvonly"),
        (["audio", "video"], "recvonly"),
        (["video", "audio"], "inactive"),
        (["audio", "video"], "sendonly"),
        (["video", "video", "audio"], "recvonly"),
    ],
    ids=str,
)
async def test_offers_of_other_shapes(
    make_link: MakeLink, kinds: list[str], direction: str
) -> None:
    """Bob answers whatever m-sections there are, in their order, and rejects none."""
    link = await make_link()
    guest = Guest()
    for kind in kinds:
        guest.connection.addTransceiver(kind, direction=direction)
    await guest.offer(link.bob)
    answer = link.alice.inbox[0]
    assert answer.kind == "answer"
    sections = [
        line.removeprefix("m=").split(" ")[:2]
        for line in answer.body["sdp"]["sdp"].splitlines()
        if line.startswith("m=")
    ]
    assert [kind for kind, _ in sections] == kinds
    await guest.answer(link.alice.inbox)
    assert ignored(link, "bob") == []
    assert link.bob.connection.signaling_state == "stable"
    await guest.connection.close()


async def test_an_offer_with_a_data_channel(make_link: MakeLink) -> None:
    link = await make_link()
    guest = Guest()
    guest.connection.addTransceiver("video", direction="recvonly")
    guest.connection.createDataChannel("chat")
    await guest.offer(link.bob)
    await guest.answer(link.alice.inbox)
    assert link.bob.connection.signaling_state == "stable"
    await guest.connection.close()


async def test_an_offer_of_a_data_channel_alone(make_link: MakeLink) -> None:
    link = await make_link()
    guest = Guest()
    guest.connection.createDataChannel("chat")
    await guest.offer(link.bob)
    await guest.answer(link.alice.inbox)
    assert link.bob.connection.signaling_state == "stable"
    await guest.connection.close()


# Out of order -------------------------------------------------------------------------


async def test_candidates_before_the_offer(make_link: MakeLink) -> None:
    link = await make_link()
    await link.alice.offer()
    offer, *candidates = link.bob.inbox
    link.bob.inbox.clear()
    link.bob.inbox.extend([*candidates, offer])
    await link.deliver()
    await link.connected()
    assert link.log.of(MessageIgnored) == []


async def test_candidates_before_the_answer(make_link: MakeLink) -> None:
    link = await make_link()
    await link.alice.offer()
    while link.bob.inbox:
        await link.bob.take(link.bob.inbox.popleft())
    answer, *candidates = link.alice.inbox
    link.alice.inbox.clear()
    link.alice.inbox.extend([*candidates, answer])
    await link.deliver()
    await link.connected()


async def test_candidates_of_one_side_are_enough(make_link: MakeLink) -> None:
    """The other side's address is learned from its checks (RFC 8445, 7.3.1.3)."""
    link = await make_link()
    await link.alice.offer()
    offer = link.bob.inbox[0]
    link.bob.inbox.clear()
    await link.bob.take(offer)
    await link.deliver()
    await link.connected()


async def test_everything_twice(make_link: MakeLink) -> None:
    """Doubled candidates do no harm, and a second answer is ignored in words."""
    link = await make_link()
    await link.alice.offer()
    for message in list(link.bob.inbox)[1:]:
        link.bob.inbox.append(message)
    while link.bob.inbox:
        await link.bob.take(link.bob.inbox.popleft())
    for message in list(link.alice.inbox):
        link.alice.inbox.append(message)
    await link.deliver()
    await link.connected()
    (reason,) = ignored(link, "alice")
    assert "no offer is open" in reason
    assert "stable" in reason


async def test_an_answer_that_nobody_asked_for(make_link: MakeLink) -> None:
    link = await make_link()
    await link.bob.take(Message("answer", {"sdp": {"sdp": "v=0\r\nm=video 9 X 0\r\n"}}))
    assert len(ignored(link, "bob")) == 1
    await link.negotiate()
    await link.connected()


async def test_a_second_offer_on_the_same_connection(make_link: MakeLink) -> None:
    """A participant makes a new connection for it; the old one stays unharmed."""
    link = await make_link()
    await link.negotiate()
    await link.connected()
    await link.alice.close()
    alice = await make_side("alice", link.log)
    alice.connect(link.bob)
    former, link.alice = link.bob.connection, alice
    link.bob.connect(alice)
    await link.negotiate()
    await link.connected()
    await former.close()
    assert len(link.log.of(FrameReceived, peer="bob")) == 2


async def test_both_offer_at_once(make_link: MakeLink) -> None:
    """Glare cannot be resolved by aiortc; it is ignored in words, not raised."""
    link = await make_link()
    await link.alice.offer()
    await link.bob.offer()
    await link.deliver()
    assert ignored(link, "alice")
    assert ignored(link, "bob")


# Nonsense -----------------------------------------------------------------------------

GARBAGE = [
    "",
    "hello",
    "v=0",
    "v=0\r\ns=-\r\n",
    "v=0\r\nm=\r\n",
    "v=0\r\nm=video\r\n",
    "v=0\r\nm=video nine UDP/TLS/RTP/SAVPF 97\r\n",
    "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 97\r\na=candidate:\r\n",
    "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 97\r\na=rtpmap:97\r\n",
    "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 97\r\na=rtpmap:x VP8/90000\r\n",
    "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 97\r\nc=IN IP4 0.0.0.0\r\n",
    "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 97\r\na=fingerprint:sha-256\r\n",
    "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 97\r\na=ssrc:x cname\r\n",
    "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 97\r\na=setup:nonsense\r\na=mid:0\r\n",
    "v=0\r\na=group:BUNDLE\r\nm=audio 9 X \r\n",
    "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n",
    "v=0\r\nm=text 9 RTP/AVP 98\r\na=mid:0\r\n",
    "v=0\r\n" + "m=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n" * 50,
    "v=0\r\n" + "a=x\r\n" * 10_000 + "m=video 9 UDP/TLS/RTP/SAVPF 97\r\n",
    "v=0\x00\r\nm=video\x00",
    "v=0\r\nm=видео 9 ☃ 97\r\n",
]


@pytest.mark.parametrize("sdp", GARBAGE, ids=lambda sdp: repr(sdp[:40]))
@pytest.mark.parametrize("kind", ["offer", "answer"])
async def test_garbage_is_ignored_in_words(
    make_link: MakeLink, kind: str, sdp: str
) -> None:
    link = await make_link()
    if kind == "answer":
        await link.bob.offer()
        link.alice.inbox.clear()
    await link.bob.take(Message(kind, {"sdp": {"sdp": sdp}}))
    (reason,) = ignored(link, "bob")
    assert reason
    assert not reason.endswith(": ")
    assert link.alice.inbox == deque()


@pytest.mark.parametrize("cut", [10, 100, 400, 1000])
async def test_a_description_that_is_cut_off(make_link: MakeLink, cut: int) -> None:
    link = await make_link()
    await link.alice.offer()
    sdp = link.bob.inbox[0].body["sdp"]["sdp"]
    link.bob.inbox.clear()
    await link.bob.take(Message("offer", {"sdp": {"sdp": sdp[:cut]}}))
    assert len(ignored(link, "bob")) == 1


@pytest.mark.parametrize(
    "init",
    [
        {"candidate": "candidate:"},
        {"candidate": "nonsense"},
        {"candidate": "candidate:1 1 udp 1 127.0.0.1"},
        {"candidate": "candidate:1 one udp 1 127.0.0.1 9 typ host", "sdpMid": "0"},
        {"candidate": "candidate:1 1 udp 1 127.0.0.1 9 typ host"},
        {"candidate": "candidate:1 1 udp 1 127.0.0.1 x typ host", "sdpMid": "0"},
    ],
    ids=lambda init: init["candidate"],
)
async def test_candidates_that_cannot_be_added_are_ignored_in_words(
    make_link: MakeLink, init: dict[str, Any]
) -> None:
    link = await make_link()
    await link.negotiate()
    await link.bob.take(Message("candidate", {"candidate": init}))
    (reason,) = ignored(link, "bob")
    assert reason.startswith("it cannot be added: ")
    await link.connected()


@pytest.mark.parametrize(
    "init",
    [
        {"candidate": ""},
        {"candidate": "", "sdpMid": "0", "sdpMLineIndex": 0},
        {"candidate": "candidate:1 1 tcp 1 127.0.0.1 9 typ host", "sdpMid": "0"},
        {
            "candidate": "candidate:1 1 udp 1 127.0.0.1 9 typ host",
            "sdpMid": "no such section",
        },
        {
            "candidate": "candidate:1 1 udp 1 127.0.0.1 9 typ host",
            "sdpMid": None,
            "sdpMLineIndex": 7,
        },
    ],
    ids=str,
)
async def test_candidates_of_no_use_do_no_harm(
    make_link: MakeLink, init: dict[str, Any]
) -> None:
    """The end of candidates, another transport, another section."""
    link = await make_link()
    await link.alice.offer()
    link.bob.inbox.append(Message("candidate", {"candidate": init}))
    await link.deliver()
    await link.connected()


@pytest.mark.parametrize(
    ("offer", "kinds", "payload"),
    [
        (browsers.FIREFOX, ["audio", "video"], "120"),
        (browsers.WITHOUT_CAMERA, ["audio", "video"], "120"),
        (browsers.safari(), ["video", "audio", "application"], "100"),
    ],
    ids=["firefox", "without a camera", "safari"],
)
async def test_what_other_browsers_offer_is_answered_in_their_order(
    make_link: MakeLink, offer: str, kinds: list[str], payload: str
) -> None:
    link = await make_link()
    await link.bob.take(Message("offer", {"sdp": {"type": "offer", "sdp": offer}}))
    assert ignored(link, "bob") == []
    answer = link.alice.inbox[0].body["sdp"]["sdp"]
    assert media_kinds(answer) == kinds
    video = answer[answer.index("m=video") :]
    assert f"a=rtpmap:{payload} VP8/90000" in video
    assert "H264" not in answer
    direction = "sendonly" if offer == browsers.WITHOUT_CAMERA else "sendrecv"
    assert f"a={direction}" in video


async def test_a_browser_without_vp8_is_told_so(make_link: MakeLink) -> None:
    link = await make_link()
    offer = browsers.safari(codecs=("H264",))
    await link.bob.take(Message("offer", {"sdp": {"type": "offer", "sdp": offer}}))
    (reason,) = ignored(link, "bob")
    assert "video has no VP8" in reason
    assert link.bob.connection.signaling_state == "stable"
    assert not link.alice.inbox


@pytest.mark.parametrize("hidden", ["alice", "bob"])
async def test_a_browser_that_hides_its_addresses_is_reached_all_the_same(
    make_link: MakeLink, hidden: str
) -> None:
    """Its candidates are mDNS names; the end of them does not end the search."""
    link = await make_link()
    await link.alice.offer()
    for turn in ("alice", "bob"):
        receiver = link.bob if turn == "alice" else link.alice
        while receiver.inbox:
            message = receiver.inbox.popleft()
            if turn == hidden and message.kind == "candidate":
                init = message.body["candidate"]
                text = init["candidate"].replace("127.0.0.1", "0123-4567.local")
                init = {**init, "candidate": text}
                message = Message("candidate", {"candidate": init})
                assert ".local" in text
            await receiver.take(message)
        if turn == hidden:
            end = {"candidate": "", "sdpMid": "0", "sdpMLineIndex": 0}
            await receiver.take(Message("candidate", {"candidate": end}))
    reasons = ignored(link, "bob" if hidden == "alice" else "alice")
    assert len(reasons) == 1
    assert "mDNS" in reasons[0]
    await link.connected()


# The end ------------------------------------------------------------------------------


async def test_closing_tells_the_other_side(make_link: MakeLink) -> None:
    link = await make_link()
    await link.negotiate()
    await link.connected()
    await link.alice.connection.close()
    await link.until(lambda: link.bob.connection.connection_state == "closed")
    assert link.alice.connection.is_closed


async def test_closing_twice_and_at_once(make_link: MakeLink) -> None:
    link = await make_link()
    await link.negotiate()
    close = link.alice.connection.close
    await asyncio.gather(close(), close())
    await close()
    assert link.alice.connection.connection_state == "closed"


async def test_closing_before_anything(make_link: MakeLink) -> None:
    link = await make_link()
    await link.alice.connection.close()
    assert link.alice.connection.signaling_state == "closed"


async def test_what_comes_after_closing_is_ignored(make_link: MakeLink) -> None:
    link = await make_link()
    await link.alice.offer()
    messages = list(link.bob.inbox)
    await link.bob.connection.close()
    await link.deliver()
    assert len(ignored(link, "bob")) >= 1
    await link.bob.take(Message("answer", messages[0].body))
    assert link.alice.inbox == deque()


async def test_closing_while_gathering(make_link: MakeLink) -> None:
    link = await make_link()
    offering = asyncio.create_task(link.alice.offer())
    await link.until(lambda: bool(link.log.of(StateChanged, machine="ice_gathering")))
    await link.alice.connection.close()
    await asyncio.wait([offering])
    assert link.alice.connection.is_closed
    offering.exception()


async def test_an_aborted_connection_says_nothing(make_link: MakeLink) -> None:
    link = await make_link()
    await link.negotiate()
    await link.connected()
    await link.alice.connection.abort()
    assert link.alice.connection.connection_state == "closed"
    assert link.bob.connection.connection_state == "connected"
    assert link.log.of(TuningSkipped) == []


# An aiortc that is another ------------------------------------------------------------


async def test_a_renamed_private_leaves_plain_aiortc(
    make_link: MakeLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning.receiving, "_QUEUE", "_RTCRtpReceiver__renamed_queue")
    monkeypatch.setattr(tuning.sending, "_KEYFRAME", "_renamed_send_keyframe")
    link = await make_link()
    await link.negotiate()
    await link.connected()
    skipped = link.log.of(TuningSkipped)
    assert len(skipped) == len({event.what for event in skipped}) == 2
    assert "_RTCRtpReceiver__renamed_queue" in skipped[-1].reason


async def test_an_abort_that_cannot_be_is_a_close(
    make_link: MakeLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(connection: object) -> None:
        raise tuning.TuningError("RTCIceTransport has no _connection")

    monkeypatch.setattr(tuning, "abort", fail)
    link = await make_link()
    await link.negotiate()
    await link.connected()
    await link.alice.connection.abort()
    assert link.alice.connection.is_closed
    assert [event.what for event in link.log.of(TuningSkipped)] == [
        "aborting a connection"
    ]


async def test_no_candidate_is_an_error_that_says_so(make_link: MakeLink) -> None:
    link = await make_link(alice={"addresses": ()})
    with pytest.raises(NoAddressError, match="alice has no address to offer bob"):
        await link.alice.offer()


def test_settings_are_what_all_links_share() -> None:
    settings = LinkSettings(addresses=("127.0.0.1",))
    assert settings.tuned
    assert settings.trickle
    assert settings.ice_servers == ()
    assert settings.is_local
    assert not LinkSettings(addresses=("127.0.0.1", "192.0.2.1")).is_local
