"""A page that is no notebook's takes part, over a WebSocket at the kernel's port."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from ipywidgets import Widget  # type: ignore[import-untyped]

from meshwidget import Mesh
from meshwidget.events import PeerLeft
from meshwidget.signaling import switchboard as switchboard_module
from meshwidget.views.guest import BrowserGuest

SECONDS = 10


class Page:
    """A page on a WebSocket, which answers every ping."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, client: str) -> None:
        self.socket = socket
        self.client = client

    async def say(self, kind: str, **fields: object) -> None:
        await self.socket.send_json({"type": kind, "client": self.client, **fields})

    async def next(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(SECONDS):
            while True:
                content = json.loads((await self.socket.receive()).data)
                if content["type"] == kind:
                    return dict(content)
                if content["type"] == "ping":
                    await self.say("alive")

    async def join(self, name: str, **more: str) -> dict[str, Any]:
        payload = {"room": "1234", "email": name, **more}
        await self.say("signal", request=1, event="join_room", payload=payload)
        return await self.next("reply")


class Browser:
    """Opens sockets as one that came through Jupyter's server."""

    def __init__(self, mesh: Mesh, session: aiohttp.ClientSession) -> None:
        self.mesh = mesh
        self.session = session

    async def open(self, client: str = "page-one", channel: str = "guest") -> Page:
        headers = self.mesh.credentials()["headers"]
        url = f"{self.mesh.url}/views/{channel}"
        return Page(await self.session.ws_connect(url, headers=headers), client)


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    async with Mesh() as mesh:
        yield mesh
    Widget.close_all()


@pytest.fixture
async def browser(mesh: Mesh) -> AsyncIterator[Browser]:
    async with aiohttp.ClientSession() as session:
        yield Browser(mesh, session)


async def left(mesh: Mesh) -> list[tuple[str, str]]:
    """Who has left, when somebody has."""
    changed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def note(event: object) -> None:
        loop.call_soon_threadsafe(changed.set)

    unsubscribe = mesh.log.subscribe(note)
    async with asyncio.timeout(SECONDS):
        while not mesh.log.of(PeerLeft):
            changed.clear()
            await changed.wait()
    unsubscribe()
    return [(event.peer, event.reason) for event in mesh.log.of(PeerLeft)]


async def test_a_page_of_its_own_joins(browser: Browser, mesh: Mesh) -> None:
    page = await browser.open()
    await page.say("hello")
    assert (await page.next("settings"))["room"] == "1234"
    assert (await page.join("carol"))["ok"]
    assert (await page.next("signal"))["event"] == "all_users"
    await page.socket.close()
    assert await left(mesh) == [("carol", "lost")]


async def test_no_secret_no_place(mesh: Mesh) -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await session.ws_connect(f"{mesh.url}/views/guest")
    assert refusal.value.status == 403


async def test_a_widgets_page_moves_to_a_socket_and_back(
    browser: Browser, mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switchboard_module, "REJOIN_SECONDS", 30)
    widget = BrowserGuest(mesh)
    over_comm: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def send(content: dict[str, Any], buffers: object) -> None:
        loop.call_soon_threadsafe(over_comm.put_nowait, content)

    def say(kind: str, **fields: object) -> None:
        widget._handle_custom_msg({"type": kind, "client": "page-one", **fields}, [])

    async def hear(kind: str) -> dict[str, Any]:
        async with asyncio.timeout(SECONDS):
            while (content := await over_comm.get())["type"] != kind:
                pass
        return content

    monkeypatch.setattr(widget, "send", send)
    payload = {"room": "1234", "email": "browser"}
    say("signal", request=1, event="join_room", payload=payload)
    entered = await hear("reply")
    assert entered["ok"]

    page = await browser.open(channel=widget.address.rpartition("/")[2])
    await page.say("hello")
    assert (await page.next("settings"))["connected"]
    say("bye")
    await page.next("ping")
    await page.say("alive")

    await page.socket.close()
    say("hello")
    if not (await hear("settings"))["connected"]:
        session = {**payload, "session": entered["session"]}
        say("signal", request=2, event="join_room", payload=session)
        assert (await hear("reply"))["id"] == entered["id"]
    assert mesh.log.of(PeerLeft) == []
