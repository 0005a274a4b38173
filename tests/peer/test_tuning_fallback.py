"""An aiortc that is another than was known: slower, said once, and never broken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpCodecParameters,
    rtcrtpreceiver,
)
from aiortc.mediastreams import MediaStreamError
from aiortc.rate import RemoteBitrateEstimator

from meshwidget.events import TaskFailed, TuningSkipped
from meshwidget.log import EventLog
from meshwidget.media.received import ReceivedVideo
from meshwidget.peer.tuning import (
    checking,
    demultiplexing,
    estimating,
    listening,
    receiving,
    refusing,
    sending,
)
from meshwidget.peer.tuning.base import TuningError, private

from .links import Link, make_side

MODULES: dict[str, ModuleType] = {
    "checking": checking,
    "demultiplexing": demultiplexing,
    "estimating": estimating,
    "listening": listening,
    "receiving": receiving,
    "refusing": refusing,
    "sending": sending,
}

SKIPPED = {
    "checking": "checking candidates",
    "demultiplexing": "receiving",
    "estimating": "making estimators later",
    "listening": "ignoring empty datagrams",
    "receiving": "receiving",
    "refusing": "passing over what cannot be read",
    "sending": "sending",
}
"""What the log says of each module that does nothing."""

USED = {
    ("checking", "_check_list"),
    ("checking", "_check_list_state"),
    ("checking", "_check_periodic"),
    ("checking", "_connection"),
    ("checking", "_early_checks"),
    ("checking", "_early_checks_done"),
    ("checking", "_local_candidates_end"),
    ("checking", "_pair_remote_candidate"),
    ("checking", "_remote_candidates"),
    ("checking", "_unfreeze_initial"),
    ("checking", "check_incoming"),
    ("checking", "query_consent"),
    ("checking", "sort_check_list"),
    ("demultiplexing", "_RTCDtlsTransport__rx_bytes"),
    ("demultiplexing", "_RTCDtlsTransport__rx_packets"),
    ("demultiplexing", "_connection"),
    ("demultiplexing", "_protocols"),
    ("demultiplexing", "_queue"),
    ("demultiplexing", "_rtp_router"),
    ("demultiplexing", "_rx_srtp"),
    ("demultiplexing", "datagram_received"),
    ("demultiplexing", "payload_type_table"),
    ("demultiplexing", "route_rtp"),
    ("estimating", "RemoteBitrateEstimator"),
    ("listening", "_recv"),
    ("receiving", "_RTCRtpReceiver__active_ssrc"),
    ("receiving", "_RTCRtpReceiver__codecs"),
    ("receiving", "_RTCRtpReceiver__decoder_queue"),
    ("receiving", "_RTCRtpReceiver__remote_streams"),
    ("receiving", "_RTCRtpReceiver__rtx_ssrc"),
    ("receiving", "_RTCRtpReceiver__timestamp_mapper"),
    ("receiving", "_enabled"),
    ("receiving", "_send_rtcp_nack"),
    ("receiving", "_send_rtcp_pli"),
    ("refusing", "_connection"),
    ("refusing", "_protocols"),
    ("refusing", "datagram_received"),
    ("sending", "_RTCDtlsTransport__tx_bytes"),
    ("sending", "_RTCDtlsTransport__tx_packets"),
    ("sending", "_RTCRtpSender__mid"),
    ("sending", "_RTCRtpSender__ntp_timestamp"),
    ("sending", "_RTCRtpSender__octet_count"),
    ("sending", "_RTCRtpSender__packet_count"),
    ("sending", "_RTCRtpSender__rtp_exited"),
    ("sending", "_RTCRtpSender__rtp_header_extensions_map"),
    ("sending", "_RTCRtpSender__rtp_history"),
    ("sending", "_RTCRtpSender__rtp_started"),
    ("sending", "_RTCRtpSender__rtp_timestamp"),
    ("sending", "_connection"),
    ("sending", "_enabled"),
    ("sending", "_handle_rtcp_packet"),
    ("sending", "_nominated"),
    ("sending", "_retransmit"),
    ("sending", "_run_rtp"),
    ("sending", "_send_keyframe"),
    ("sending", "_ssrc"),
    ("sending", "_tx_srtp"),
    ("sending", "protocol"),
    ("sending", "remote_addr"),
    ("sending", "sendto"),
    ("sending", "transport"),
}
"""Each private that is looked at, and by which module."""

FEEDBACK = {"_send_keyframe", "_handle_rtcp_packet", "_ssrc"}
"""Of those for sending: without them, what receivers ask for is not heard."""

TYPED = USED - {
    ("refusing", "_connection"),
    ("refusing", "datagram_received"),
    ("checking", "_check_periodic"),
    ("checking", "_connection"),
    ("checking", "_pair_remote_candidate"),
    ("checking", "_unfreeze_initial"),
    ("checking", "check_incoming"),
    ("checking", "query_consent"),
    ("checking", "sort_check_list"),
    ("demultiplexing", "_connection"),
    ("demultiplexing", "_rtp_router"),
    ("demultiplexing", "datagram_received"),
    ("demultiplexing", "route_rtp"),
    ("estimating", "RemoteBitrateEstimator"),
    ("listening", "_recv"),
    ("receiving", "_send_rtcp_nack"),
    ("receiving", "_send_rtcp_pli"),
    ("sending", "_connection"),
    ("sending", "_handle_rtcp_packet"),
    ("sending", "_retransmit"),
    ("sending", "_run_rtp"),
    ("sending", "_send_keyframe"),
    ("sending", "protocol"),
    ("sending", "sendto"),
    ("sending", "transport"),
}
"""Those of which the kind matters; the others are objects and methods."""

MakeLink = Callable[[], Awaitable[Link]]


@pytest.fixture
async def make_link() -> AsyncIterator[MakeLink]:
    """Makes tuned links, which are closed at the end."""
    links: list[Link] = []

    async def make() -> Link:
        log = EventLog(lambda: 0.0)
        links.append(Link(await make_side("alice", log), await make_side("bob", log)))
        return links[-1]

    yield make
    for link in links:
        async with asyncio.timeout(2):
            await link.close()
        assert link.log.of(TaskFailed) == []


async def test_these_are_all_that_is_looked_at(
    make_link: MakeLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: set[tuple[str, str]] = set()
    typed: set[tuple[str, str]] = set()
    for module_name, module in MODULES.items():

        def note(
            owner: object, name: str, kind: Any = object, _module: str = module_name
        ) -> Any:
            used.add((_module, name))
            if kind is not object:
                typed.add((_module, name))
            return private(owner, name, kind)

        monkeypatch.setattr(module, "private", note)
    link = await make_link()
    await link.negotiate()
    await link.alice.sees()
    assert link.log.of(TuningSkipped) == []
    assert used == USED
    assert typed == TYPED


@pytest.mark.parametrize(
    ("module", "name", "change"),
    [
        *((*each, "renamed") for each in sorted(USED)),
        *((*each, "another type") for each in sorted(TYPED)),
    ],
)
async def test_each_one_that_is_another_leaves_that_to_aiortc(
    make_link: MakeLink,
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    name: str,
    change: str,
) -> None:
    def changed(owner: object, looked_at: str, kind: Any = object) -> Any:
        if looked_at != name:
            return private(owner, looked_at, kind)
        if change == "renamed":
            return private(owner, f"{name}_renamed", kind)
        return private(SimpleNamespace(**{name: object()}), name, kind)

    monkeypatch.setattr(MODULES[module], "private", changed)
    link = await make_link()
    await link.negotiate()
    await link.alice.sees()
    await link.bob.sees()
    skipped = link.log.of(TuningSkipped)
    assert all(name in event.reason for event in skipped)
    is_feedback = module == "sending" and name in FEEDBACK
    what = "hearing what receivers ask for" if is_feedback else SKIPPED[module]
    assert [event.what for event in skipped] == [what]
    is_direct = what != "receiving"
    for side in (link.alice, link.bob):
        video = side.connection.video
        assert isinstance(video, ReceivedVideo)
        assert (video.ask_keyframe is not None) == is_direct
        assert (video.tap(lambda encoded: None) is not None) == is_direct


async def test_a_decoder_thread_that_is_another(
    make_link: MakeLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of no other name in that module: aiortc itself would not run without it."""
    names = SimpleNamespace(**vars(rtcrtpreceiver))
    del names.decoder_worker
    monkeypatch.setattr(receiving, "rtcrtpreceiver", names)
    link = await make_link()
    await link.negotiate()
    await link.alice.sees()
    (skipped,) = link.log.of(TuningSkipped)
    assert skipped.reason == "rtcrtpreceiver has no decoder_worker"


async def test_all_of_them_at_once(
    make_link: MakeLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed(owner: object, name: str, kind: Any = object) -> Any:
        return private(owner, f"{name}_renamed", kind)

    for module in MODULES.values():
        monkeypatch.setattr(module, "private", changed)
    link = await make_link()
    await link.negotiate()
    await link.alice.sees()
    await link.bob.sees()
    assert {event.what for event in link.log.of(TuningSkipped)} == {
        "checking candidates",
        "making estimators later",
        "ignoring empty datagrams",
        "passing over what cannot be read",
        "receiving",
        "hearing what receivers ask for",
    }


def test_an_estimator_is_made_when_it_is_fed() -> None:
    aiortc: Any = rtcrtpreceiver
    with estimating.estimate_later():
        later = aiortc.RemoteBitrateEstimator()
    now = aiortc.RemoteBitrateEstimator()
    assert type(now) is RemoteBitrateEstimator
    assert type(later) is not RemoteBitrateEstimator
    for number in range(200):
        packet = {
            "abs_send_time": number * 2621,  # 10 ms, in 2**-18 s
            "arrival_time_ms": number * 10,
            "payload_size": 1000,
            "ssrc": 1,
        }
        assert later.add(**packet) == now.add(**packet)


def test_a_private_is_read() -> None:
    assert private(SimpleNamespace(size=3), "size", int) == 3


@pytest.mark.parametrize(
    ("owner", "message"),
    [
        (SimpleNamespace(), "SimpleNamespace has no size"),
        (SimpleNamespace(size="3"), r"SimpleNamespace\.size is a str now"),
    ],
)
def test_a_private_that_is_another(owner: object, message: str) -> None:
    with pytest.raises(TuningError, match=message):
        private(owner, "size", int)


@pytest.mark.parametrize("is_over", [True, False], ids=["closed", "open"])
async def test_what_is_closed_already_is_no_other_aiortc(is_over: bool) -> None:
    """Closing a connection does not stop the task that is making it at once."""
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    sender = connection.addTrack(_Ended())
    track = SimpleNamespace(divert=lambda send: None, stop=lambda: None)
    refusals: list[TuningError] = []
    sending.send_directly(
        sender, track, on_origin=lambda origin: None, on_refusal=refusals.append
    )
    if is_over:
        await sender.transport.transport.stop()
    codec = RTCRtpCodecParameters(mimeType="video/VP8", clockRate=90000, payloadType=96)
    await getattr(sender, "_run_rtp")(codec)
    assert bool(refusals) is not is_over
    await connection.close()


class _Ended(MediaStreamTrack):
    kind = "video"

    async def recv(self) -> Any:
        raise MediaStreamError
