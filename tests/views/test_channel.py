"""The widgets' pages on WebSockets, at the kernel's own port."""

import asyncio
import gc
import json
import weakref
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest
from ipywidgets import Widget  # type: ignore[import-untyped]

from meshwidget import Mesh, MeshGrid, MeshWidget
from meshwidget.views.channel import Channel

DEADLINE = 10


@pytest.fixture(autouse=True)
def _close_widgets() -> Iterator[None]:
    yield
    Widget.close_all()


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    async with Mesh() as mesh:
        yield mesh


class Page:
    """A page of a view, which reads one frame after the other."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, client: str) -> None:
        self.socket = socket
        self.client = client

    async def say(self, kind: str, **fields: object) -> None:
        await self.socket.send_json({"type": kind, "client": self.client, **fields})

    async def next(self, kind: str) -> dict[str, Any]:
        """Wait for the next message of a kind."""
        async with asyncio.timeout(DEADLINE):
            while True:
                message = await self.socket.receive()
                if message.type is aiohttp.WSMsgType.TEXT:
                    content = json.loads(message.data)
                elif message.type is aiohttp.WSMsgType.BINARY:
                    size = int.from_bytes(message.data[:4], "big")
                    content = json.loads(message.data[4 : 4 + size])
                else:
                    raise AssertionError(f"the line is closed: {message}")
                if content["type"] == kind:
                    return dict(content)

    async def closed(self) -> int | None:
        """Wait until the kernel hangs up; the code."""
        async with asyncio.timeout(DEADLINE):
            while not self.socket.closed:
                await self.socket.receive()
        return self.socket.close_code


class Browser:
    """Opens pages, as if it came through Jupyter's server."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session
        self.opened = 0

    async def open(self, mesh: Mesh, channel: str) -> Page:
        headers = mesh.credentials()["headers"]
        url = f"{mesh.url}/views/{channel}"
        socket = await self.session.ws_connect(url, headers=headers)
        self.opened += 1
        return Page(socket, f"page {self.opened}")


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with aiohttp.ClientSession() as session:
        yield Browser(session)


def name_of(mesh: Mesh, address: str) -> str:
    prefix = f"rooms/{mesh.room_id}/views/"
    assert address.startswith(prefix)
    return address.removeprefix(prefix)


async def test_a_page_over_the_socket_has_all_that_one_over_the_comm_has(
    mesh: Mesh, browser: Browser
) -> None:
    panel = MeshWidget(mesh).call_panel
    page = await browser.open(mesh, name_of(mesh, panel.address))
    await page.say("hello")
    assert (await page.next("state"))["count"] == 0
    await page.say("join", request=1, name="alice")
    assert (await page.next("reply"))["ok"]
    await page.say("join", request=2, name="alice")
    assert "alice" in (await page.next("reply"))["message"]
    await page.say("visibility", visible=True)
    frames = await page.next("frames")
    assert frames["pictures"] == [{"tile": "alice\nalice", "format": "jpeg"}]
    assert len(frames["lengths"]) == 1
    await page.say("exit", request=3, name="alice")
    assert (await page.next("reply"))["ok"]


async def test_addresses_cannot_be_guessed_and_are_in_the_widgets_state(
    mesh: Mesh,
) -> None:
    addresses = {
        widget.get_state()["address"]
        for widget in (mesh.grid(), mesh.grid(), mesh.sequence(), mesh.matrix())
    }
    assert len(addresses) == 4
    assert all(len(name_of(mesh, address)) >= 22 for address in addresses)


async def test_the_viewer_is_one_for_python_the_comm_and_all_sockets(
    mesh: Mesh, browser: Browser
) -> None:
    for name in ("alice", "bob", "carol"):
        await mesh.join_async(name)
    panel = MeshWidget(mesh)
    name = name_of(mesh, panel.call_panel.address)
    one, other = await browser.open(mesh, name), await browser.open(mesh, name)
    for page in (one, other):
        await page.say("hello")
        assert (await page.next("state"))["viewer"] == "alice"
    await one.say("view", viewer="bob")
    for page in (one, other):
        assert (await viewed(page, "bob"))["tiles"]
    assert panel.viewer == "bob"
    panel.viewer = "carol"
    for page in (one, other):
        await viewed(page, "carol")
    late = await browser.open(mesh, name)
    await late.say("hello")
    assert (await late.next("state"))["viewer"] == "carol"


async def viewed(page: Page, viewer: str) -> dict[str, Any]:
    while True:
        state = await page.next("state")
        if state["viewer"] == viewer:
            return state


async def test_why_is_asked_in_the_panel_and_answered_in_the_stepper(
    mesh: Mesh, browser: Browser
) -> None:
    await mesh.join_async("alice")
    await mesh.join_async("bob")
    panel = MeshWidget(mesh)
    tiles = await browser.open(mesh, name_of(mesh, panel.call_panel.address))
    steps = await browser.open(mesh, name_of(mesh, panel.stepper.address))
    await steps.say("here", version=0, visible=True)
    await explained(steps, None)
    await tiles.say("why", viewer="alice", remote="bob")
    await explained(steps, ("alice", "bob"))
    await steps.say("close")
    await explained(steps, None)
    assert panel.call_panel.asked is None


async def explained(page: Page, names: tuple[str, str] | None) -> None:
    """Wait until a stepper's page explains who does not see whom, or nothing."""
    while True:
        state = await page.next("state")
        await page.say("here", version=state["version"], visible=True)
        if state["why"] is None and names is None:
            return
        if state["why"] and names and all(n in state["why"]["title"] for n in names):
            return


async def test_an_observer_of_a_trait_may_use_the_mesh(
    mesh: Mesh, browser: Browser
) -> None:
    await mesh.join_async("alice")
    grid = mesh.grid()
    done = asyncio.Event()
    loop = asyncio.get_running_loop()

    def observe(change: object) -> None:
        mesh.exit("alice")  # waits for the mesh's own thread
        loop.call_soon_threadsafe(done.set)

    grid.observe(observe, "viewer")
    page = await browser.open(mesh, name_of(mesh, grid.address))
    await page.say("view", viewer="alice")
    async with asyncio.timeout(DEADLINE):
        await done.wait()
    assert mesh.peers == {}


async def test_stepping_over_the_socket(mesh: Mesh, browser: Browser) -> None:
    stepper = MeshWidget(mesh).stepper
    page = await browser.open(mesh, name_of(mesh, stepper.address))
    await page.say("pause", request=1)
    assert (await page.next("reply"))["ok"]
    await mesh.join_async("alice")
    (held,) = mesh.pending
    await page.say("open", request=2, number=held.number)
    await page.next("reply")
    assert stepper.selected == held.number
    await page.say("step", request=3)
    assert (await page.next("reply"))["ok"]
    assert mesh.pending == ()


async def test_a_diagram_over_the_socket(mesh: Mesh, browser: Browser) -> None:
    await mesh.join_async("alice")
    view = mesh.sequence()
    page = await browser.open(mesh, name_of(mesh, view.address))
    await page.say("here", version=0, visible=True)
    drawn = await page.next("diagram")
    assert drawn["base"] == 0
    assert drawn["state"]["names"] == ["alice"]
    await page.say("here", version=drawn["version"], visible=True)
    await page.say("set", position=0)
    assert (await page.next("diagram"))["state"]["position"] == 0
    assert view.position == 0
    await page.say("set", position="yesterday")
    assert "position" in (await page.next("refused"))["message"]


async def test_closing_a_widget_hangs_up_and_leaves_the_call_alone(
    mesh: Mesh, browser: Browser
) -> None:
    grid = mesh.grid()
    name = name_of(mesh, grid.address)
    page = await browser.open(mesh, name)
    await page.say("hello")
    await page.next("state")
    grid.close()
    assert await page.closed() == 1000
    with pytest.raises(aiohttp.WSServerHandshakeError, match="404"):
        await browser.open(mesh, name)
    assert not mesh.closed


async def test_a_page_that_is_gone_is_fed_no_more(mesh: Mesh, browser: Browser) -> None:
    grid = mesh.grid()
    page = await browser.open(mesh, name_of(mesh, grid.address))
    await page.say("hello")
    await page.next("state")
    (end,) = channel_of(grid).ends
    await page.socket.close()
    other = await browser.open(mesh, name_of(mesh, grid.address))
    await other.say("hello")
    await other.next("state")
    assert end not in channel_of(grid).ends


def channel_of(grid: MeshGrid) -> Channel[Any]:
    channel = grid._channel
    assert channel is not None
    return channel


async def test_a_call_that_ends_hangs_up_and_has_no_address_any_more(
    browser: Browser,
) -> None:
    mesh = Mesh()
    grid = mesh.grid()
    page = await browser.open(mesh, name_of(mesh, grid.address))
    await page.say("hello")
    await page.next("state")
    await mesh.close_async()
    await page.closed()
    assert grid.address == ""
    assert mesh.grid().address == ""


async def test_a_room_page_has_a_view_of_its_own(mesh: Mesh, browser: Browser) -> None:
    await mesh.join_async("alice")
    await mesh.join_async("bob")
    one, other = await browser.open(mesh, "panel"), await browser.open(mesh, "panel")
    for page in (one, other):
        await page.say("hello")
        assert (await page.next("state"))["viewer"] == "alice"
    await one.say("view", viewer="bob")
    await viewed(one, "bob")
    await other.say("hello")
    assert (await other.next("state"))["viewer"] == "alice"
    await other.say("join", request=1, name="carol")
    assert (await other.next("reply"))["ok"]


async def test_a_page_does_not_keep_a_call_alive(browser: Browser) -> None:
    mesh = Mesh()
    page = await browser.open(mesh, "panel")
    await page.say("hello")
    await page.next("state")
    dropped = weakref.ref(mesh)
    del mesh
    await asyncio.to_thread(gc.collect)
    assert dropped() is None
    await page.closed()
