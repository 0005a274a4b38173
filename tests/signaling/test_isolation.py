"""A message reaches one member of the sender's room or nobody.

As a property of random histories: of joins, exits, lost lines, returns, pauses, steps,
drops, forged ids, the server going and coming, by sockets and by pages. Each message
carries a mark of its own, so that whoever hears it can be asked what it was meant for.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from meshwidget.events import MessageAccepted, MessageDelivered, MessageDropped
from meshwidget.log import EventLog
from meshwidget.signaling.gate import Gate
from meshwidget.signaling.limits import RETURN_SECONDS
from meshwidget.signaling.pages import Pages
from meshwidget.signaling.switchboard import Switchboard

ROOMS = ("1", "2", "__proto__")
NAMES = ("alice", "bob", "carol", "dave")
PICK = st.integers(0, 1000)


class FastLoop(asyncio.SelectorEventLoop):
    """A loop whose clock can be put forward."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


@dataclass
class Client:
    """Whoever is connected, by a socket or as a page."""

    connection: str
    say: Callable[[str, Any], dict[str, Any]]
    hang_up: Callable[[bool], None]
    heard: list[tuple[str, Any]]
    id: str = ""
    room: str = ""
    session: str = ""


@dataclass(frozen=True)
class Meant:
    """Whom a message was for."""

    sender: str
    receiver: str
    room: str


class IsolationMachine(RuleBasedStateMachine):
    """Clients that talk, and a model that knows who may hear what."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = FastLoop()
        self.count = itertools.count()
        self.log = EventLog(time.monotonic)
        self.gate = Gate()
        self.board = Switchboard(self.log, 3, self.gate)
        self.pages = Pages(self.board, {})
        self.clients: list[Client] = []
        self.names: dict[str, str] = {}
        self.meant: dict[str, Meant] = {}
        self.arrived: Counter[str] = Counter()
        self.everybody: list[Client] = []
        self.do(self.board.open)

    def teardown(self) -> None:
        self.do(self.pages.close)
        self.do(self.board.close)
        self.loop.run_until_complete(asyncio.sleep(0))
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self.loop.run_until_complete(asyncio.wait(tasks))
        self.loop.close()

    def do(self, act: Callable[[], Any]) -> Any:
        """Act on the loop, and let everything happen that follows from it."""

        async def run() -> Any:
            result = act()
            if asyncio.iscoroutine(result):
                result = await result
            for _ in range(8):
                await asyncio.sleep(0)
            return result

        return self.loop.run_until_complete(run())

    # Who is there ---------------------------------------------------------------------

    @initialize()
    def begin_with_calls_in_two_rooms(self) -> None:
        for number in range(5):
            (self.connect_a_page if number % 2 else self.connect_a_socket)()
            self.join(number, ROOMS[number // 3], NAMES[number % 3], 0)

    @precondition(lambda self: len(self.clients) < 8)
    @rule()
    def connect_a_socket(self) -> None:
        connection = f"socket-{next(self.count)}"
        heard: list[tuple[str, Any]] = []

        async def send(event: str, *payload: Any) -> None:
            heard.append((event, payload[0] if payload else None))

        self.do(lambda: self.board.connect(connection, send))
        self.add(
            Client(
                connection,
                lambda event, payload: self.do(
                    lambda: self.board.event(connection, event, [payload])
                ),
                lambda politely: self.do(
                    lambda: self.board.disconnect(connection, politely=politely)
                ),
                heard,
            )
        )

    @precondition(lambda self: len(self.clients) < 8)
    @rule()
    def connect_a_page(self) -> None:
        name = f"page-no-{next(self.count)}"
        heard: list[tuple[str, Any]] = []
        replies: list[dict[str, Any]] = []

        def send(said: dict[str, Any]) -> None:
            if said["type"] == "signal":
                heard.append((said["event"], said.get("payload")))
            elif said["type"] == "reply":
                replies.append(said)

        line = self.pages.open_line(send, lambda: True)

        def say(event: str, payload: Any) -> dict[str, Any]:
            signal = {"type": "signal", "client": name, "request": len(replies)}
            self.do(
                lambda: line.receive({**signal, "event": event, "payload": payload})
            )
            return replies[-1] if replies else {"ok": False}

        self.do(lambda: line.receive({"type": "hello", "client": name}))
        self.add(Client(name, say, lambda politely: self.do(line.close), heard))

    def add(self, client: Client) -> None:
        self.clients.append(client)
        self.everybody.append(client)

    @precondition(lambda self: self.clients)
    @rule(who=PICK, room=st.sampled_from(ROOMS), name=st.sampled_from(NAMES), old=PICK)
    def join(self, who: int, room: str, name: str, old: int) -> None:
        """In its own right, or with the session of any other: which may be its own."""
        client = picked(self.clients, who)
        known = [each for each in self.everybody if each.session]
        request = {"room": room, "email": name}
        if known and old % 2:
            request["session"] = picked(known, old).session
        answer = client.say("join_room", request)
        if answer["ok"]:
            self.names[answer["id"]] = name
            self.take_place(client, room, answer)

    def take_place(self, client: Client, room: str, answer: dict[str, Any]) -> None:
        for other in self.everybody:
            if other is not client and other.id == answer["id"]:
                other.id = other.room = ""  # it was taken back
        client.id, client.room = answer["id"], room
        client.session = answer["session"]

    @precondition(lambda self: self.clients)
    @rule(who=PICK)
    def leave(self, who: int) -> None:
        client = picked(self.clients, who)
        if client.say("leave_room", {})["ok"]:
            client.id = client.room = ""

    @precondition(lambda self: self.clients)
    @rule(who=PICK, politely=st.booleans())
    def hang_up(self, who: int, politely: bool) -> None:
        client = self.clients.pop(who % len(self.clients))
        client.hang_up(politely)

    @rule(seconds=st.sampled_from([0.2, RETURN_SECONDS + 1]))
    def time_passes(self, seconds: float) -> None:
        """Bit by bit: a clock that jumps is a loop that stood still."""
        for _ in range(round(seconds / 0.1)):
            self.loop.ahead += 0.1
            self.do(lambda: asyncio.sleep(0))
        for client in self.everybody:  # who was given up has to join anew
            if self.board.rooms.find(client.room, client.id) is None:
                client.id = client.room = ""

    @rule(returning=st.booleans())
    def the_server_goes_and_comes(self, returning: bool) -> None:
        self.do(self.pages.suspend)
        self.do(self.board.suspend)
        lost, self.clients = self.clients, []
        self.do(self.board.resume)
        self.do(self.pages.resume)
        for client in lost if returning else ():
            self.connect_a_socket()
            if client.room:
                name = self.names[client.id]
                request = {"room": client.room, "email": name}
                request["session"] = client.session
                answer = self.clients[-1].say("join_room", request)
                assert answer["ok"], answer
                self.take_place(self.clients[-1], client.room, answer)

    # What is said ---------------------------------------------------------------------

    @precondition(lambda self: self.clients)
    @rule(
        sent=st.lists(
            st.tuples(PICK, PICK, PICK, st.integers(0, 4).map(bool), st.integers(0, 2)),
            min_size=4,
            max_size=12,
        )
    )
    def talk(self, sent: list[tuple[int, int, int, bool, int]]) -> None:
        for each in sent:
            self.send(*each)

    def send(self, who: int, whom: int, claimed: int, honest: bool, kind: int) -> None:
        client = picked(self.clients, who)
        ids = [each.id for each in self.everybody if each.id]
        words = [
            *(ids * 4),  # most often somebody who may be there
            *(each.connection for each in self.everybody),
            *ROOMS,
            *NAMES,
            "/",
            "*",
        ]
        receiver = picked(words, whom)
        sender = client.id if honest and client.id else picked(words, claimed)
        mark = f"mark {len(self.meant)}."
        self.meant[mark] = Meant(client.id, receiver, client.room)
        answer = client.say(*_message(kind, mark, sender, receiver))
        members = {each.id: each.room for each in self.everybody if each.id}
        if answer["ok"]:
            assert client.id, "a stranger was heard"
            assert members[receiver] == client.room
            assert receiver != client.id
            assert sender in {client.id, client.connection} or sender.startswith("page")

    @rule(
        acts=st.lists(st.sampled_from(["pause", "resume", "step", "drop"]), max_size=4)
    )
    def hold(self, acts: list[str]) -> None:
        for act in acts:
            if act == "pause":
                self.gate.paused = True
            elif act == "resume":
                self.gate.paused = False
                self.do(self.board.deliver_pending)
            elif self.gate.pending and act == "step":
                self.do(lambda: self.board.deliver(self.gate.take()))
            elif self.gate.pending:
                self.do(lambda: self.board.drop(self.gate.pending[-1]))

    # What has to hold -----------------------------------------------------------------

    @invariant()
    def only_the_one_it_was_meant_for_has_heard_it(self) -> None:
        for client in self.everybody:
            for event, payload in client.heard:
                if not event.startswith("get"):
                    continue
                text = str(payload)
                mark = text[text.index("mark ") :].partition(".")[0] + "."
                meant = self.meant[mark]
                assert meant.sender, "it was a stranger's"
                # Whoever took the place back hears what is for the place.
                assert meant.receiver == client.id
                assert meant.room == client.room
                assert meant.sender in payload.values()
                self.arrived[mark] += 1
                assert self.arrived[mark] == 1
            client.heard.clear()

    @invariant()
    def nothing_is_delivered_twice_or_out_of_nothing(self) -> None:
        accepted = Counter(each.number for each in self.log.of(MessageAccepted))
        delivered = Counter(each.number for each in self.log.of(MessageDelivered))
        dropped = Counter(each.number for each in self.log.of(MessageDropped))
        waiting = Counter(each.number for each in self.gate.pending)
        assert accepted == delivered + dropped + waiting
        assert max(accepted.values(), default=1) == 1


def _message(kind: int, mark: str, sender: str, receiver: str) -> tuple[str, Any]:
    name = ("offer", "answer", "candidate")[kind]
    body: dict[str, Any] = {f"{name}SendID": sender, f"{name}ReceiveID": receiver}
    if name == "candidate":
        return name, {**body, "candidate": {"candidate": mark}}
    body["sdp"] = {"type": name, "sdp": mark}
    return name, {**body, "offerSendEmail": "forged"} if name == "offer" else body


def picked(things: list[Any], at: int) -> Any:
    return things[at % len(things)]


TestIsolationMachine = IsolationMachine.TestCase
TestIsolationMachine.settings = settings(
    max_examples=60, stateful_step_count=60, deadline=None
)
