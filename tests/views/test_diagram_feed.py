"""A diagram's thread: draws while somebody looks, what has changed, and ends."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from meshwidget.events import Event, MeshClosed, MeshOpened, PeerJoined
from meshwidget.history.moment import Moment
from meshwidget.log import EventLog
from meshwidget.views.diagram_feed import DiagramFeed, Look

from ..history.simulator import SimulatedCall

DEADLINE = 10
"""Seconds for what must happen at once."""


class Page:
    """A page that acknowledges what it gets, unless it is told not to."""

    def __init__(self) -> None:
        self.inbox: queue.Queue[dict[str, Any]] = queue.Queue()
        self.lines: list[str] = []
        self.state: dict[str, Any] = {}
        self.version = 0
        self.feed: DiagramFeed | None = None
        self.answers = True
        self.threads: set[threading.Thread] = set()

    def __call__(self, content: dict[str, Any]) -> None:
        self.threads.add(threading.current_thread())
        self.inbox.put(content)

    def look(self, visible: bool = True) -> None:
        assert self.feed is not None
        self.feed.here("page", self.version, visible)

    def next(self) -> dict[str, Any]:
        """Wait for the next message and take it in."""
        content = self.inbox.get(timeout=DEADLINE)
        if content["type"] == "diagram":
            assert content["base"] in (0, self.version)
            before = self.lines
            self.lines = []
            for each in content["lines"]:
                self.lines += [each] if isinstance(each, str) else before[slice(*each)]
            self.version = content["version"]
            self.state |= content["state"]
            if self.answers:
                self.look()
        return content

    def until(self, holds: Callable[[], bool]) -> None:
        """Take messages until it shows what it should."""
        while not holds():
            self.next()


def ignore(look: Mapping[str, Any]) -> None:
    """Nobody wants to see anything else."""


def plain(events: Sequence[Event], moment: Moment, look: Look) -> str:
    """A picture in words."""
    members = ", ".join(moment.members)
    return "\n".join([f"members {members}", f"look {look}", *map(str, events)])


@pytest.fixture
def log() -> EventLog:
    log = EventLog(lambda: 0.0)
    log.record(MeshOpened, room="1234", max_peers=4)
    return log


@pytest.fixture
def page(log: EventLog) -> Iterator[Page]:
    """A page, whose feed has not been looked at yet."""
    page = Page()
    page.feed = DiagramFeed(log, plain, page, lambda: True, Look(), ignore)
    yield page
    page.feed.close()
    for thread in page.threads:
        thread.join(DEADLINE)
        assert not thread.is_alive()


def join(log: EventLog, name: str) -> None:
    log.record(PeerJoined, peer=name, room="1234")


def test_a_page_that_looks_gets_the_picture(page: Page) -> None:
    page.look()
    message = page.next()
    assert message["base"] == 0
    assert page.lines[0] == "members "
    assert page.state == {
        "names": [],
        "peers": None,
        "pair": None,
        "kinds": None,
        "length": 1,
        "position": None,
        "event": "room 1234 is open for 4",
        "live": True,
        "detail": None,
    }


def test_it_follows_the_log(page: Page, log: EventLog) -> None:
    page.look()
    page.next()
    join(log, "alice")
    page.until(lambda: page.lines[0] == "members alice")
    join(log, "bob")
    page.until(lambda: page.lines[0] == "members alice, bob")
    assert page.state["names"] == ["alice", "bob"]
    assert page.state["length"] == 3


def test_only_what_is_new_is_sent(page: Page, log: EventLog) -> None:
    page.look()
    page.next()
    join(log, "alice")
    message = page.next()
    assert message["lines"] == ["members alice", (1, 3), "alice joins room 1234"]
    assert set(message["state"]) == {"names", "length", "event"}


def test_drawing_has_a_thread_of_its_own(page: Page) -> None:
    page.look()
    page.next()
    (thread,) = page.threads
    assert thread is not threading.current_thread()
    assert thread.daemon


def test_the_thread_ends_when_nobody_looks(page: Page) -> None:
    page.look()
    page.next()
    page.look(visible=False)
    (thread,) = page.threads
    thread.join(DEADLINE)
    assert not thread.is_alive()
    page.look()
    assert page.feed is not None
    page.feed.look(Look(limit=7))
    page.until(lambda: "limit=7" in page.lines[1])
    assert len(page.threads) == 2


def test_a_page_that_says_goodbye_ends_it(page: Page) -> None:
    page.look()
    page.next()
    assert page.feed is not None
    page.feed.bye("page")
    for thread in page.threads:
        thread.join(DEADLINE)
        assert not thread.is_alive()


def test_nothing_is_drawn_while_nobody_looks(log: EventLog) -> None:
    def fail(events: Sequence[Event], moment: Moment, look: Look) -> str:
        raise AssertionError

    feed = DiagramFeed(log, fail, lambda content: None, lambda: True, Look(), ignore)
    join(log, "alice")
    feed.look(Look(limit=3))
    feed.here("page", 0, visible=False)
    feed.close()


def test_a_page_that_is_busy_gets_the_newest_when_it_has_time(
    page: Page, log: EventLog
) -> None:
    page.look()
    page.answers = False
    page.next()
    for number in range(50):
        join(log, f"peer {number}")
    assert page.inbox.empty()
    page.answers = True
    page.look()
    message = page.next()
    assert message["version"] == 2
    assert page.state["length"] == 51


def test_what_did_not_change_is_not_sent(page: Page, log: EventLog) -> None:
    page.look()
    page.next()
    assert page.feed is not None
    page.feed.look(Look())
    join(log, "alice")
    page.until(lambda: page.state["length"] == 2)
    assert page.version == 2


def test_a_second_page_gets_all_of_it(page: Page) -> None:
    page.look()
    page.next()
    assert page.feed is not None
    page.feed.here("other", 0, visible=True)
    message = page.inbox.get(timeout=DEADLINE)
    assert message["base"] == 0
    assert "names" in message["state"]


# Rewinding ----------------------------------------------------------------------------


def test_rewound_to_an_event(page: Page, log: EventLog) -> None:
    join(log, "alice")
    join(log, "bob")
    assert page.feed is not None
    page.feed.look(Look(position=1))
    page.look()
    page.next()
    assert page.lines[0] == "members alice"
    assert page.state["event"] == "alice joins room 1234"
    assert page.state["length"] == 3
    assert page.state["names"] == ["alice", "bob"], "all that can be chosen"
    page.feed.look(Look(position=-1))
    page.until(lambda: page.state["position"] == -1)
    assert page.state["event"] == "nothing has happened yet"
    page.feed.look(Look())
    page.until(lambda: page.state["position"] is None)
    assert page.lines[0] == "members alice, bob"


def test_a_rewound_picture_stays_while_the_log_grows(page: Page, log: EventLog) -> None:
    join(log, "alice")
    assert page.feed is not None
    page.feed.look(Look(position=1))
    page.look()
    page.next()
    join(log, "bob")
    page.until(lambda: page.state["length"] == 3)
    assert page.lines[0] == "members alice"


def test_an_export_shows_what_the_page_shows(page: Page, log: EventLog) -> None:
    join(log, "alice")
    join(log, "bob")
    assert page.feed is not None
    assert page.feed.svg().startswith("members alice, bob")
    page.feed.look(Look(position=1))
    assert page.feed.svg().startswith("members alice\n")
    page.look()
    page.next()
    assert page.feed.svg().split("\n") == page.lines


def test_an_opened_message(page: Page) -> None:
    call = SimulatedCall()
    call.join("alice", "bob")
    call.deliver(2)
    opened = Page()
    opened.feed = DiagramFeed(
        EventLog.of_events(call.events),
        plain,
        opened,
        lambda: False,
        Look(selected=3),
        ignore,
    )
    opened.look()
    opened.next()
    assert opened.state["detail"]["title"] == "offer 3 from bob to alice"
    assert opened.state["live"] is False
    opened.feed.look(Look(selected=99))
    opened.until(lambda: opened.state["detail"] is None)
    opened.feed.close()


def test_a_call_that_is_over_is_not_live(page: Page, log: EventLog) -> None:
    page.look()
    page.next()
    assert page.state["live"] is True
    log.record(MeshClosed)
    page.until(lambda: page.state["live"] is False)


# The end ------------------------------------------------------------------------------


def test_a_closed_feed_does_nothing(page: Page, log: EventLog) -> None:
    assert page.feed is not None
    page.feed.close()
    page.feed.close()
    page.look()
    join(log, "alice")
    assert page.inbox.empty()
    assert not page.threads


def test_a_picture_that_cannot_be_drawn_is_said_and_raised(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: queue.Queue[threading.ExceptHookArgs] = queue.Queue()
    monkeypatch.setattr(threading, "excepthook", raised.put)

    def fail(events: Sequence[Event], moment: Moment, look: Look) -> str:
        raise ZeroDivisionError("oh")

    page = Page()
    page.feed = DiagramFeed(log, fail, page, lambda: True, Look(), ignore)
    page.look()
    message = page.next()
    assert message["message"] == "cannot draw this: ZeroDivisionError: oh"
    assert isinstance(raised.get(timeout=DEADLINE).exc_value, ZeroDivisionError)
    # It is tried again when a page speaks up.
    page.look()
    assert page.next()["type"] == "failed"
    raised.get(timeout=DEADLINE)
    page.feed.close()
