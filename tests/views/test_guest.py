"""The widget of the browser's peer, without a browser."""

from __future__ import annotations

import asyncio
import queue
import time
from collections.abc import Iterator
from typing import Any, cast

import pytest
from ipywidgets import Widget  # type: ignore[import-untyped]

from meshwidget import Mesh, MeshWidget
from meshwidget.events import PeerLeft
from meshwidget.views import guest as module
from meshwidget.views.guest import BrowserGuest, Passage

DEADLINE = 10


class Page:
    """What a page would get, and say."""

    def __init__(self, widget: BrowserGuest, monkeypatch: pytest.MonkeyPatch) -> None:
        self.widget = widget
        self.sent: queue.Queue[dict[str, Any]] = queue.Queue()
        monkeypatch.setattr(
            widget, "send", lambda content, buffers: self.sent.put(content)
        )

    def say(self, kind: str, **fields: object) -> None:
        """As the kernel does it with a custom message of the comm."""
        message = {"type": kind, "client": "page-one", **fields}
        self.widget._handle_custom_msg(message, [])

    def next(self, kind: str) -> dict[str, Any]:
        """Wait for the next message of a type."""
        while True:
            content = self.sent.get(timeout=DEADLINE)
            if content["type"] == kind:
                return content

    def join(self, name: str) -> dict[str, Any]:
        payload = {"room": "1234", "email": name}
        self.say("signal", request=1, event="join_room", payload=payload)
        return self.next("reply")


@pytest.fixture
def mesh() -> Iterator[Mesh]:
    with Mesh() as mesh:
        yield mesh


@pytest.fixture(autouse=True)
def _close_widgets() -> Iterator[None]:
    yield
    Widget.close_all()


def members(mesh: Mesh) -> list[str]:
    """Who is in the room, by the log."""
    moment = mesh.log.at(len(mesh.log))
    return list(moment.members)


def wait_left(mesh: Mesh) -> PeerLeft:
    deadline = time.monotonic() + DEADLINE
    while not mesh.log.of(PeerLeft):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return mesh.log.of(PeerLeft)[0]


def test_a_page_hears_of_the_room_and_its_ice_servers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turn = {"urls": ["turn:127.0.0.1:9"], "username": "u", "credential": "c"}
    with Mesh(room="5678", ice_servers=["stun:127.0.0.1:9", turn]) as mesh:
        page = Page(BrowserGuest(mesh), monkeypatch)
        page.say("hello")
        settings = page.next("settings")
    assert settings["room"] == "5678"
    assert settings["iceServers"] == [{"urls": "stun:127.0.0.1:9"}, turn]


def test_a_page_joins_and_leaves(mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Page(BrowserGuest(mesh), monkeypatch)
    assert page.join("browser")["ok"]
    assert members(mesh) == ["browser"]
    page.say("signal", request=2, event="leave_room")
    assert page.next("reply")["ok"]
    assert members(mesh) == []


def test_a_name_that_is_taken(mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    mesh.join("alice")
    page = Page(BrowserGuest(mesh), monkeypatch)
    reply = page.join("alice")
    assert not reply["ok"]
    assert "alice" in reply["message"]


def test_closing_the_widget_takes_its_page_out(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    widget = BrowserGuest(mesh)
    Page(widget, monkeypatch).join("browser")
    widget.close()
    widget.close()
    assert wait_left(mesh).reason == "lost"
    assert not mesh.closed


def test_the_end_of_the_call_is_told(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Page(BrowserGuest(mesh), monkeypatch)
    page.say("hello")
    page.next("settings")
    mesh.close()
    page.next("closed")
    page.say("hello")
    page.next("closed")


def test_a_widget_made_after_the_end(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    mesh.close()
    page = Page(BrowserGuest(mesh), monkeypatch)
    page.say("hello")
    page.next("closed")


def test_the_panel_has_one(mesh: Mesh) -> None:
    panel = MeshWidget(mesh)
    left = panel.children[0].children
    assert left == (panel.call_panel, panel.browser_guest, panel.stepper)
    panel.close()
    assert panel.browser_guest.comm is None


def test_its_repr_is_the_same_every_time(mesh: Mesh) -> None:
    assert repr(BrowserGuest(mesh)) == "<BrowserGuest of room 1234>"


def test_the_front_end_is_one_module_that_fetches_nothing(mesh: Mesh) -> None:
    script = (module.HERE / "guest.js").read_text(encoding="utf-8")
    style = (module.HERE / "guest.css").read_text(encoding="utf-8")
    state = cast("dict[str, object]", BrowserGuest(mesh).get_state())
    assert state["_esm"] == script
    assert state["_css"] == style
    for text in (script, style):
        assert "//" not in text.replace("// ", "").replace("//\n", "")
        assert "@import" not in text
        assert "\nimport " not in text
        assert "innerHTML" not in text


# Whether a comm's messages get through ------------------------------------------------


async def test_a_free_loop_lets_everything_through() -> None:
    passage = Passage(asyncio.get_running_loop())
    for _ in range(3):
        assert passage.is_open()
        await asyncio.sleep(0)


async def test_a_loop_that_a_cell_keeps_busy_lets_nothing_through() -> None:
    passage = Passage(asyncio.get_running_loop())
    assert passage.is_open()
    assert not passage.is_open()
    assert not passage.is_open()
    await asyncio.sleep(0)
    assert passage.is_open()


def test_without_a_loop_nothing_is_in_the_way() -> None:
    passage = Passage(None)
    assert [passage.is_open() for _ in range(3)] == [True] * 3


def test_a_kernel_that_shuts_down_lets_nothing_through() -> None:
    async def make() -> Passage:
        return Passage(asyncio.get_running_loop())

    passage = asyncio.run(make())
    passage.is_open()
    assert not passage.is_open()
