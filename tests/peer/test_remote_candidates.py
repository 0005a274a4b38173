"""Candidates of the other side: kept, added, refused; with a real peer connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshwidget.peer.remote_candidates import RemoteCandidates, in_words

ADDRESS = "candidate:1 1 udp 2130706431 127.0.0.1 4000 typ host"


def init(text: str = ADDRESS) -> dict[str, Any]:
    return {"candidate": text, "sdpMid": "0", "sdpMLineIndex": 0}


class Side:
    """A connection that has been offered a data channel, when it is told to."""

    def __init__(self) -> None:
        self.peer_connection = RTCPeerConnection()
        self.ignored: list[str] = []
        self.candidates = RemoteCandidates(
            self.peer_connection, is_local=True, ignore=self.ignored.append
        )

    async def take_offer(self, sdp: str) -> None:
        await self.peer_connection.setRemoteDescription(
            RTCSessionDescription(sdp=sdp, type="offer")
        )

    @property
    def added(self) -> int:
        return self.peer_connection.remoteDescription.sdp.count("a=candidate:")


@pytest.fixture
async def sdp() -> AsyncIterator[str]:
    """An offer without a candidate: nothing is gathered on this machine's network."""
    offerer = RTCPeerConnection()
    offerer.createDataChannel("chat")
    offer = await offerer.createOffer()
    yield offer.sdp
    await offerer.close()


@pytest.fixture
async def side() -> AsyncIterator[Side]:
    side = Side()
    yield side
    await side.peer_connection.close()


async def test_what_comes_before_the_description_is_kept_and_in_order(
    side: Side, sdp: str
) -> None:
    await side.candidates.take(init())
    await side.candidates.take(init(ADDRESS.replace("4000", "4001")))
    await side.take_offer(sdp)
    assert side.added == 0
    await side.candidates.release()
    assert side.added == 2
    await side.candidates.release()  # each once
    assert side.added == 2
    assert side.ignored == []


async def test_what_comes_after_it_is_added_at_once(side: Side, sdp: str) -> None:
    await side.take_offer(sdp)
    await side.candidates.release()
    await side.candidates.take(init())
    assert side.added == 1


async def test_an_mdns_name_is_not_looked_up_in_a_local_call(
    side: Side, sdp: str
) -> None:
    await side.take_offer(sdp)
    await side.candidates.release()
    await side.candidates.take(init(ADDRESS.replace("127.0.0.1", "a-b-c.local")))
    await side.candidates.take(init(""))  # the end, which it is not
    assert side.added == 0
    (reason,) = side.ignored
    assert "mDNS" in reason
    await side.candidates.take(init())
    assert side.added == 1


async def test_a_closed_connection_takes_none(side: Side, sdp: str) -> None:
    await side.take_offer(sdp)
    await side.candidates.release()
    await side.peer_connection.close()
    await side.candidates.take(init())
    assert side.ignored == ["the connection is closed"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(words=st.lists(st.text(max_size=8), min_size=1, max_size=12))
async def test_nonsense_is_ignored_with_a_reason(
    side: Side, sdp: str, words: list[str]
) -> None:
    if side.peer_connection.signalingState == "stable":
        await side.take_offer(sdp)
        await side.candidates.release()
    text = "candidate:" + " ".join(words)
    before, count = side.added, len(side.ignored)
    await side.candidates.take(init(text))
    assert (side.added > before) != (len(side.ignored) > count)
    assert all(side.ignored)


def test_an_error_without_words_is_named() -> None:
    assert in_words(ValueError("so")) == "so"
    assert in_words(AssertionError()) == "AssertionError"
