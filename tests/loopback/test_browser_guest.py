"""A browser's peer over the widget's own messages, played by a bare aiortc client."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from meshwidget import Mesh
from meshwidget.events import Event, PeerLeft, TaskFailed

from .calls import SECONDS, colour_of, painted
from .conftest import MakeMesh
from .test_guest import Guest


class _PageSocket:
    """What :class:`Guest` asks of a socket.io client, over a page's line."""

    connected = True

    def __init__(self, page: PageGuest) -> None:
        self._page = page

    def get_sid(self) -> str:
        return self._page.id

    async def emit(self, event: str, payload: dict[str, Any]) -> None:
        self._page.say("signal", request=1, event=event, payload=payload)


class PageGuest(Guest):
    """The same participant, by the page's way in."""

    def __init__(self, mesh: Mesh, name: str, colour: str = "blue") -> None:
        super().__init__(mesh, name, colour)
        self.mesh = mesh
        self.id = ""
        self.entered = asyncio.Event()
        self.handlers: dict[str, Callable[[Any], Coroutine[Any, Any, None]]] = {
            "all_users": self._all_users,
            "getOffer": self._offer,
            "getAnswer": self._answer,
            "getCandidate": self._candidate,
            "user_exit": self._user_exit,
        }
        self.sio = _PageSocket(self)
        loop = asyncio.get_running_loop()

        def send(content: dict[str, Any]) -> None:
            if not loop.is_closed():  # the mesh is closed after the test
                loop.call_soon_threadsafe(self._take, content)

        self.line = mesh.pages.open_line(send)

    def say(self, kind: str, **fields: Any) -> None:
        message = {"type": kind, "client": f"page of {self.name}", **fields}
        self.mesh.loop.call_soon(self.line.receive, message)

    async def join(self) -> PageGuest:
        request = {"room": self.room, "email": self.name}
        self.say("signal", request=0, event="join_room", payload=request)
        await asyncio.wait_for(self.entered.wait(), SECONDS)
        return self

    async def leave(self) -> None:
        self.say("signal", request=2, event="leave_room")
        await self.close()

    async def close(self) -> None:
        for task in self.readers:
            task.cancel()
        await asyncio.gather(*(each.close() for each in self.connections.values()))

    def _take(self, content: dict[str, Any]) -> None:
        match content:
            case {"type": "reply", "request": 0, "id": str(identity)}:
                self.id = identity
                self.entered.set()
            case {"type": "ping"}:
                self.say("alive")
            case {"type": "signal", "event": event, "payload": payload}:
                self.readers.add(asyncio.create_task(self.handlers[event](payload)))


@pytest.fixture
async def guests() -> AsyncIterator[list[PageGuest]]:
    """Guests that are closed at the end."""
    made: list[PageGuest] = []
    yield made
    for guest in made:
        with contextlib.suppress(asyncio.CancelledError):
            await guest.close()


@pytest.mark.parametrize("order", ["guest last", "guest first"])
async def test_a_page_sees_and_is_seen(
    make_mesh: MakeMesh, guests: list[PageGuest], order: str
) -> None:
    mesh = make_mesh()
    guest = PageGuest(mesh, "browser")
    guests.append(guest)
    if order == "guest first":
        await guest.join()
    alice = await mesh.join_async("alice", video=painted("red"))
    bob = await mesh.join_async("bob", video=painted("green"))
    if order == "guest last":
        await guest.join()
    assert await guest.sees(alice.id) == "red"
    assert await guest.sees(bob.id) == "green"
    await mesh.wait_connected_async(timeout=SECONDS)
    assert colour_of(alice.frame("browser")) == "blue"
    assert colour_of(bob.frame("browser")) == "blue"
    assert mesh.why("alice", "browser").sees
    await guest.leave()
    await until_left(mesh)
    assert [event.reason for event in mesh.log.of(PeerLeft)] == ["left"]
    assert mesh.log.of(TaskFailed) == []


async def until_left(mesh: Mesh) -> None:
    changed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def note(event: Event) -> None:
        loop.call_soon_threadsafe(changed.set)

    unsubscribe = mesh.log.subscribe(note)
    async with asyncio.timeout(SECONDS):
        while not mesh.log.of(PeerLeft):
            changed.clear()
            await changed.wait()
    unsubscribe()


async def test_pausing_holds_what_a_page_says_and_hears(
    make_mesh: MakeMesh, guests: list[PageGuest]
) -> None:
    mesh = make_mesh()
    alice = await mesh.join_async("alice", video=painted("red"))
    await mesh.pause_async()
    guest = await PageGuest(mesh, "browser").join()
    guests.append(guest)
    assert [(held.kind, held.receiver) for held in mesh.pending] == [
        ("all_users", "browser")
    ]
    await mesh.step_async()
    offer = await mesh.break_on_async("offer")  # the page takes its time
    assert (offer.kind, offer.sender, offer.receiver) == ("offer", "browser", "alice")
    await mesh.step_async(offer)
    assert alice.connections["browser"].signaling_state == "stable"
    await mesh.resume_async()
    assert await guest.sees(alice.id) == "red"


async def test_a_page_that_falls_silent_is_seen_as_gone(
    make_mesh: MakeMesh, guests: list[PageGuest]
) -> None:
    mesh = make_mesh()
    alice = await mesh.join_async("alice", video=painted("red"))
    guest = await PageGuest(mesh, "browser").join()
    guests.append(guest)
    await guest.sees(alice.id)
    guest.say = lambda *words, **fields: None  # type: ignore[method-assign]
    await until_left(mesh)
    assert [event.reason for event in mesh.log.of(PeerLeft)] == ["lost"]
