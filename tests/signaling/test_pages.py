"""The edge for pages: what they say, and when they are given up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwidget.events import JoinRefused, MessageRefused, PeerLeft
from meshwidget.log import EventLog
from meshwidget.signaling import pages as module
from meshwidget.signaling import switchboard as switchboard_module
from meshwidget.signaling.gate import Gate
from meshwidget.signaling.limits import MAX_MESSAGE_BURST, MAX_MESSAGES_PER_SECOND
from meshwidget.signaling.pages import Line, Pages
from meshwidget.signaling.switchboard import Switchboard

SECONDS = 5


class Page:
    """A page, and what it heard."""

    def __init__(self, pages: Pages, client: str, *, answers: bool = True) -> None:
        self.client = client
        self.answers = answers
        self.is_passable = True
        self.heard: list[dict[str, Any]] = []
        self.pings = 0
        self._arrived = asyncio.Event()
        self._requests = 0
        self.line: Line = pages.open_line(self._take, lambda: self.is_passable)

    def say(self, kind: str, **fields: Any) -> None:
        self.line.receive({"type": kind, "client": self.client, **fields})

    def move(self, pages: Pages) -> Line:
        """Go to another line, and return the old one."""
        old = self.line
        self.line = pages.open_line(self._take, lambda: self.is_passable)
        return old

    async def signal(self, event: str, *payload: Any) -> dict[str, Any]:
        """Say an event and give what acknowledges it."""
        self._requests += 1
        fields = {"payload": payload[0]} if payload else {}
        self.say("signal", request=self._requests, event=event, **fields)
        reply = await self.hear("reply")
        assert reply["request"] == self._requests
        return reply

    async def join(self, name: str, **more: Any) -> dict[str, Any]:
        request = {"room": "1234", "email": name, **more}
        return await self.signal("join_room", request)

    async def hear(self, kind: str, event: str | None = None) -> dict[str, Any]:
        """The next message of that type, and of that event; others stay."""
        async with asyncio.timeout(SECONDS):
            while True:
                for message in self.heard:
                    if message["type"] == kind and event == message.get("event"):
                        self.heard.remove(message)
                        return message
                self._arrived.clear()
                await self._arrived.wait()

    async def hear_pings(self, count: int) -> None:
        """Until so many more have come."""
        wanted = self.pings + count
        async with asyncio.timeout(SECONDS):
            while self.pings < wanted:
                self._arrived.clear()
                await self._arrived.wait()

    def _take(self, content: dict[str, Any]) -> None:
        if content.get("client", self.client) != self.client:
            return  # another page of this line
        if content["type"] == "ping":
            self.pings += 1
            if self.answers:
                self.say("alive")
        else:
            self.heard.append(content)
        self._arrived.set()


MakePage = Callable[..., Page]


@pytest.fixture
def log() -> EventLog:
    return EventLog(time.monotonic)


@pytest.fixture
async def board(log: EventLog) -> AsyncIterator[Switchboard]:
    made = Switchboard(log, 3, Gate())
    made.open()
    yield made
    made.close()


@pytest.fixture
async def pages(
    board: Switchboard, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Pages]:
    """Pages that are asked often, so that a test need not wait."""
    monkeypatch.setattr(module, "PING_SECONDS", 0.01)
    monkeypatch.setattr(module, "LOST_SECONDS", 0.1)
    monkeypatch.setattr(switchboard_module, "REJOIN_SECONDS", 0.02)
    made = Pages(board, {"room": "1234", "iceServers": []})
    yield made
    made.close()


@pytest.fixture
def make_page(pages: Pages) -> MakePage:
    return lambda client="page-one", **more: Page(pages, client, **more)


def left(log: EventLog) -> list[tuple[str, str]]:
    return [(event.peer, event.reason) for event in log if isinstance(event, PeerLeft)]


async def gone(log: EventLog) -> tuple[str, str]:
    """The next one to leave, and why."""
    present = asyncio.Event()
    unsubscribe = log.subscribe(lambda event: present.set())
    try:
        async with asyncio.timeout(SECONDS):
            while not left(log):
                present.clear()
                await present.wait()
    finally:
        unsubscribe()
    (found,) = left(log)
    return found


# What pages say -----------------------------------------------------------------------


async def test_a_page_hears_what_it_has_to_know(make_page: MakePage) -> None:
    page = make_page()
    page.say("hello")
    assert await page.hear("settings") == {
        "type": "settings",
        "client": "page-one",
        "connected": False,
        "room": "1234",
        "iceServers": [],
    }


async def test_two_pages_meet(make_page: MakePage, board: Switchboard) -> None:
    one, two = make_page("page-one"), make_page("page-two")
    first = await one.join("one")
    assert first["ok"]
    assert first["session"]
    assert (await one.hear("signal", "all_users"))["payload"] == []
    second = await two.join("two")
    users = (await two.hear("signal", "all_users"))["payload"]
    assert users == [{"id": first["id"], "email": "one"}]
    offer = {
        "sdp": {"type": "offer", "sdp": "v=0"},
        "offerSendID": second["id"],
        "offerSendEmail": "a lie",
        "offerReceiveID": first["id"],
    }
    assert (await two.signal("offer", offer))["ok"]
    heard = await one.hear("signal", "getOffer")
    assert heard["payload"]["offerSendEmail"] == "two"
    assert (await two.signal("leave_room"))["ok"]
    exit = await one.hear("signal", "user_exit")
    assert exit["payload"] == {"id": second["id"]}


async def test_nobody_learns_the_secret_of_a_page(make_page: MakePage) -> None:
    """By its client id a page could be spoken for; the others know it by another."""
    one = make_page("page-one")
    entered = await one.join("one")
    assert one.client not in entered["id"]


async def test_what_is_refused_is_answered(make_page: MakePage, log: EventLog) -> None:
    one, two = make_page("page-one"), make_page("page-two")
    await one.join("one")
    refused = await two.join("one")
    assert (refused["ok"], refused["code"]) == (False, "name_taken")
    assert "choose another name" in refused["message"]
    assert log.of(JoinRefused)
    assert (await two.hear("signal", "signaling_error"))["payload"]["code"]
    assert (await one.signal("offer", {"sdp": 1}))["code"] == "invalid_payload"
    assert [event.sender for event in log.of(MessageRefused)] == ["one"]


async def test_a_full_room_is_said_without_a_payload(make_page: MakePage) -> None:
    for number in range(3):
        assert (await make_page(f"page-{number:04}").join(f"peer {number}"))["ok"]
    late = make_page("page-late")
    assert (await late.join("late"))["code"] == "room_full"
    assert "payload" not in await late.hear("signal", "room_full")


async def test_a_flood_stops_at_the_budget(make_page: MakePage) -> None:
    began = time.monotonic()
    page = make_page()
    await page.join("one")
    for number in range(1000):
        page.say("signal", request=number + 100, event="candidate", payload={})
    codes = [(await page.hear("reply"))["code"] for _ in range(1000)]
    seconds = time.monotonic() - began
    heard = 1000 - codes.count("rate_limited")
    assert heard <= MAX_MESSAGE_BURST + seconds * MAX_MESSAGES_PER_SECOND


async def test_who_has_not_joined_says_nothing(
    make_page: MakePage, board: Switchboard, log: EventLog
) -> None:
    page = make_page()
    for event in ("leave_room", "offer", "nonsense"):
        assert (await page.signal(event, {}))["code"] == "not_joined"
    assert len(log) == 0


async def test_pages_have_a_limit(
    make_page: MakePage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PAGES", 1)
    await make_page("page-one").join("one")
    assert (await make_page("page-two").join("two"))["code"] == "too_many_pages"


async def test_connections_have_a_limit(
    make_page: MakePage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switchboard_module, "MAX_CONNECTIONS", 0)
    assert (await make_page().join("one"))["code"] == "too_many_connections"


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        "hello",
        {},
        {"type": "hello"},
        {"type": "hello", "client": ""},
        {"type": "hello", "client": "x" * 65},
        {"type": "hello", "client": 12345678},
        {"type": "nonsense", "client": "page-one"},
        {"type": 5, "client": "page-one"},
        {"type": "signal", "client": "page-one", "event": "join_room"},
        {"type": "signal", "client": "page-one", "event": 1, "request": 1},
        {"type": "signal", "client": "page-one", "event": "x", "request": -1},
        {"type": "signal", "client": "page-one", "event": "x", "request": True},
    ],
    ids=str,
)
async def test_what_is_no_message_is_refused_in_words(
    make_page: MakePage, content: object
) -> None:
    page = make_page()
    page.line.receive(content)
    refusal = await page.hear("refused")
    assert refusal["code"] == "invalid_payload"
    assert 5 < len(refusal["message"]) < 200


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=10,
)
MESSAGES = JSON | st.fixed_dictionaries(
    {
        "type": st.sampled_from(["hello", "signal", "alive", "bye", "ping"]) | JSON,
        "client": st.just("page-one") | JSON,
    },
    optional={
        "request": st.integers(0, 9) | JSON,
        "event": st.sampled_from(["join_room", "offer", "leave_room"]) | JSON,
        "payload": st.fixed_dictionaries(
            {"room": st.just("1") | JSON, "email": st.text(max_size=3) | JSON}
        )
        | JSON,
    },
)


@given(st.lists(MESSAGES, max_size=8))
def test_no_message_breaks_anything(contents: list[Any]) -> None:
    async def main() -> None:
        log = EventLog(time.monotonic)
        board = Switchboard(log, 3, Gate())
        board.open()
        pages = Pages(board, {})
        failures: list[Any] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: failures.append(context))
        other = Page(pages, "page-two")
        await other.join("other")
        page = Page(pages, "page-one")
        for content in contents:
            page.line.receive(content)
        page.heard.clear()
        page.say("hello")
        await page.hear("settings")
        pages.close()
        board.close()
        await asyncio.sleep(0)
        assert failures == []
        assert "other" not in [peer for peer, _ in left(log)]

    asyncio.run(main())


# Who is still there -------------------------------------------------------------------


async def test_one_who_answers_stays(make_page: MakePage, log: EventLog) -> None:
    page = make_page()
    await page.join("one")
    await page.hear_pings(30)
    assert left(log) == []


async def test_one_who_is_silent_is_lost(make_page: MakePage, log: EventLog) -> None:
    await make_page(answers=False).join("one")
    assert await gone(log) == ("one", "lost")


async def test_who_cannot_be_heard_is_not_lost(
    make_page: MakePage, log: EventLog
) -> None:
    page = make_page(answers=False)
    page.is_passable = False
    await page.join("one")
    await page.hear_pings(30)
    assert left(log) == []
    page.is_passable = True
    assert await gone(log) == ("one", "lost")


async def test_saying_goodbye_is_leaving(make_page: MakePage, log: EventLog) -> None:
    page = make_page()
    await page.join("one")
    page.say("signal", request=9, event="leave_room")
    page.say("bye")
    assert await gone(log) == ("one", "left")


async def test_a_page_that_is_closed_is_lost(
    make_page: MakePage, log: EventLog
) -> None:
    page = make_page()
    await page.join("one")
    page.say("bye")
    assert await gone(log) == ("one", "lost")


async def test_an_old_goodbye_that_comes_late_is_made_good(
    make_page: MakePage,
    pages: Pages,
    log: EventLog,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A cell blocked the comm; the page went there and back to its WebSocket."""
    monkeypatch.setattr(switchboard_module, "REJOIN_SECONDS", 60)
    page = make_page()
    entered = await page.join("one")
    comm = page.move(pages)
    page.say("hello")
    await page.hear("settings")
    for kind in ("hello", "bye"):
        comm.receive({"type": kind, "client": page.client})
    await page.hear("gone")
    again = await page.join("one", session=entered["session"])
    assert again["id"] == entered["id"]
    await page.hear_pings(3)
    assert left(log) == []


async def test_a_line_that_breaks_takes_its_pages_along(
    make_page: MakePage, log: EventLog
) -> None:
    page = make_page()
    await page.join("one")
    page.line.close()
    assert await gone(log) == ("one", "lost")


async def test_what_a_line_said_before_it_closed_brings_nobody_in(
    make_page: MakePage, board: Switchboard
) -> None:
    """It would be there for ever: nobody says that its line is closed again."""
    gone, late, other = map(make_page, ("page-gone", "page-late", "page-other"))
    payload = {"room": "1234", "email": "gone"}
    gone.say("signal", request=1, event="join_room", payload=payload)
    gone.line.close()
    late.line.close()
    late.say("signal", request=1, event="join_room", payload=payload)
    await other.join("other")
    assert [member.name for member in board.rooms.members("1234")] == ["other"]
    await other.hear_pings(2)  # those who are there are still watched over


async def test_one_who_was_given_up_may_come_again(
    make_page: MakePage, log: EventLog, board: Switchboard
) -> None:
    page = make_page()
    entered = await page.join("one")
    page.answers = False
    await gone(log)
    page.say("alive")
    await page.hear("gone")
    page.answers = True
    again = await page.join("one", session=entered["session"])
    assert again["ok"]
    assert again["id"] != entered["id"]
    assert [member.name for member in board.rooms.members("1234")] == ["one"]


# From line to line --------------------------------------------------------------------


async def test_a_page_on_another_line_is_spoken_to_there(
    make_page: MakePage, pages: Pages, log: EventLog
) -> None:
    page = make_page()
    await page.join("one")
    old = page.move(pages)
    page.say("hello")
    assert (await page.hear("settings"))["connected"]
    old.receive({"type": "bye", "client": page.client})
    old.close()
    await page.hear_pings(20)
    assert left(log) == []


async def test_a_page_between_two_lines_keeps_its_place(
    make_page: MakePage, pages: Pages, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switchboard_module, "REJOIN_SECONDS", 60)
    page = make_page()
    entered = await page.join("one")
    page.move(pages).close()
    page.say("hello")
    assert not (await page.hear("settings"))["connected"]
    again = await page.join("one", session=entered["session"])
    assert (again["ok"], again["id"]) == (True, entered["id"])
    assert left(log) == []


async def test_a_line_that_fails_does_not_stop_the_others(
    make_page: MakePage, pages: Pages, log: EventLog
) -> None:
    failures: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: failures.append(context))

    def fail(content: dict[str, Any]) -> None:
        raise OSError("the line is cut")

    page = make_page()
    broken = pages.open_line(fail)
    request = {"room": "1234", "email": "broken"}
    broken.receive(
        {
            "type": "signal",
            "client": "page-broken",
            "request": 1,
            "event": "join_room",
            "payload": request,
        }
    )
    await page.join("one")
    assert await gone(log) == ("broken", "lost")
    await page.hear_pings(3)
    pages.close()
    await page.hear("closed")
    assert failures


# The end ------------------------------------------------------------------------------


async def test_the_end_is_told_to_all_and_to_those_who_come_late(
    make_page: MakePage, pages: Pages
) -> None:
    joined, looking, late = (make_page(f"page-{name}") for name in ("one", "two", "3"))
    await joined.join("one")
    looking.say("hello")
    pages.close()
    await joined.hear("closed")
    await looking.hear("closed")
    assert late.heard == []
    late.say("hello")
    await late.hear("closed")
