"""The switchboard without sockets: whatever the edge, the rules are the same."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from meshwidget.errors import ProtocolError
from meshwidget.events import MessageRefused, PeerJoined, PeerLeft, PeerReturned
from meshwidget.log import EventLog
from meshwidget.signaling import switchboard as module
from meshwidget.signaling.gate import Gate
from meshwidget.signaling.switchboard import Switchboard


class Line:
    """A connection that is a list of what was sent to it."""

    def __init__(self, board: Switchboard, connection: str) -> None:
        self.board = board
        self.id = connection
        self.heard: list[tuple[str, ...]] = []
        self._arrived = asyncio.Event()
        board.connect(connection, self._send)

    async def say(self, event: str, *arguments: Any) -> dict[str, Any]:
        return await self.board.event(self.id, event, arguments)

    async def join(self, name: str, **more: Any) -> dict[str, Any]:
        return await self.say("join_room", {"room": "1234", "email": name, **more})

    async def hear(self, event: str) -> Any:
        """The payload of the next event, which must be this one."""
        async with asyncio.timeout(5):
            while not self.heard:
                self._arrived.clear()
                await self._arrived.wait()
        name, *payload = self.heard.pop(0)
        assert name == event
        return payload[0] if payload else None

    async def _send(self, *event: Any) -> None:
        self.heard.append(event)
        self._arrived.set()


@pytest.fixture
def log() -> EventLog:
    return EventLog(time.monotonic)


@pytest.fixture
async def board(log: EventLog) -> AsyncIterator[Switchboard]:
    made = Switchboard(log, 3, Gate())
    made.open()
    yield made
    made.close()


async def test_a_loop_that_stood_still_lets_nobody_go(
    board: Switchboard, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REJOIN_SECONDS", 0.3)
    alice = Line(board, "a")
    answer = await alice.join("alice")
    board.disconnect("a", politely=False)
    time.sleep(1)  # noqa: ASYNC251
    await asyncio.sleep(0.01)  # what was due is done
    again = await Line(board, "b").join("alice", session=answer["session"])
    assert again["id"] == answer["id"]
    assert len(log.of(PeerReturned)) == 1
    assert log.of(PeerLeft) == []
    gone = asyncio.Event()
    log.subscribe(lambda event: gone.set() if isinstance(event, PeerLeft) else None)
    board.disconnect("b", politely=False)
    async with asyncio.timeout(5):
        await gone.wait()


def offer(sender: str, receiver: str) -> dict[str, Any]:
    return {
        "sdp": {"type": "offer", "sdp": "v=0"},
        "offerSendID": sender,
        "offerSendEmail": "whoever",
        "offerReceiveID": receiver,
    }


async def test_a_message_reaches_one_line_stamped(board: Switchboard) -> None:
    alice, bob, carol = (Line(board, name) for name in ("a", "b", "c"))
    for line, name in ((alice, "alice"), (bob, "bob"), (carol, "carol")):
        assert (await line.join(name))["id"] == line.id
        await line.hear("all_users")
    assert await carol.say("offer", offer("c", "a")) == {"ok": True}
    assert await alice.hear("getOffer") == {
        "sdp": {"type": "offer", "sdp": "v=0"},
        "offerSendID": "c",
        "offerSendEmail": "carol",
    }
    assert bob.heard == carol.heard == []


async def test_a_polite_end_is_heard_at_once(
    board: Switchboard, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REJOIN_SECONDS", 60)
    alice, bob = Line(board, "a"), Line(board, "b")
    await alice.join("alice")
    await bob.join("bob")
    await alice.hear("all_users")
    board.disconnect("b", politely=True)
    assert await alice.hear("user_exit") == {"id": "b"}
    assert [event.reason for event in log if isinstance(event, PeerLeft)] == ["left"]


async def test_another_end_is_heard_when_nobody_comes_back(
    board: Switchboard, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REJOIN_SECONDS", 0.01)
    alice, bob = Line(board, "a"), Line(board, "b")
    await alice.join("alice")
    await bob.join("bob")
    await alice.hear("all_users")
    board.disconnect("b", politely=False)
    assert board.rooms.find("1234", "b") is not None
    assert await alice.hear("user_exit") == {"id": "b"}
    assert [event.reason for event in log if isinstance(event, PeerLeft)] == ["lost"]


async def test_one_who_comes_back_by_another_line_keeps_its_place(
    board: Switchboard, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REJOIN_SECONDS", 60)
    alice, bob = Line(board, "a"), Line(board, "b")
    await alice.join("alice")
    entered = await bob.join("bob")
    await alice.hear("all_users")
    board.disconnect("b", politely=False)
    await alice.say("offer", offer("a", "b"))
    again = Line(board, "b2")
    assert await again.join("bob", session=entered["session"]) == entered
    board.deliver_pending()
    assert (await again.hear("getOffer"))["offerSendID"] == "a"
    assert alice.heard == bob.heard[1:] == []
    assert len([event for event in log if isinstance(event, PeerJoined)]) == 2


async def test_an_end_that_is_told_twice_or_of_nobody(board: Switchboard) -> None:
    alice = Line(board, "a")
    await alice.join("alice")
    board.disconnect("nobody", politely=True)
    board.disconnect("a", politely=True)
    board.disconnect("a", politely=False)
    assert board.rooms.members("1234") == ()


async def test_one_who_is_not_connected_is_no_client(board: Switchboard) -> None:
    answer = await board.event("nobody", "join_room", [{"room": "1", "email": "x"}])
    assert answer["code"] == "rate_limited"
    assert board.rooms.members("1") == ()


async def test_connections_have_a_limit(
    board: Switchboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_CONNECTIONS", 2)
    Line(board, "a"), Line(board, "b")
    with pytest.raises(ProtocolError, match="2 connections"):
        Line(board, "c")
    board.disconnect("a", politely=True)
    Line(board, "c")


async def test_a_refusal_is_acknowledged_told_and_logged(
    board: Switchboard, log: EventLog
) -> None:
    alice = Line(board, "a")
    answer = await alice.say("offer", {})
    assert (answer["ok"], answer["code"]) == (False, "invalid_payload")
    told = await alice.hear("signaling_error")
    assert (told["event"], told["code"]) == ("offer", "invalid_payload")
    board.note_malformed("a", "a frame", "it is no JSON")
    assert [event.kind for event in log if isinstance(event, MessageRefused)] == [
        "offer",
        "a frame",
    ]


async def test_nothing_happens_after_the_end(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REJOIN_SECONDS", 0)
    board = Switchboard(log, 3, Gate())
    board.open()
    alice = Line(board, "a")
    await alice.join("alice")
    board.close()
    board.disconnect("a", politely=False)
    told = len(log)
    for _ in range(3):
        await asyncio.sleep(0)
    assert len(log) == told
