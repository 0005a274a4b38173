"""The page of a room: a browser in a call whose notebook it never opened."""

import contextlib
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, BrowserContext, Error, expect
from yarl import URL

from meshwidget.media import mark

from ..tls import make_context, proxy
from .conftest import ACTION_SECONDS, CAMERA_FLAGS, OpenNotebook
from .test_guest import (
    LEFT,
    MESH,
    TWO,
    WAIT_LEFT,
    expect_live,
    guest_in,
    join,
    run,
    seen,
    tile,
)

pytestmark = pytest.mark.timeout(180)

CHROMIUM_FLAGS = CAMERA_FLAGS


def test_a_second_window_takes_part(
    notebook: OpenNotebook, context: BrowserContext
) -> None:
    opened = notebook(f"{MESH}{TWO}mesh")
    opened.run_all()
    room_id = run(opened, "import json\nprint(json.dumps(mesh.room_id))")
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{opened.lab.url}/meshwidget/rooms/{room_id}/")
    expect(page.get_by_role("heading")).to_have_text("Room 1234")
    guest = join(page, "carol")
    expect_live(guest, "alice", "bob")
    for peer in ("alice", "bob"):
        assert seen(guest, peer) == mark.name_checksum(peer)
    panel = opened.views.first
    panel.scroll_into_view_if_needed()
    expect(tile(panel, "carol")).to_have_attribute("data-state", "live")

    here = join(opened.page, "browser")
    expect_live(guest, "alice", "bob", "browser")
    expect_live(here, "alice", "bob", "carol")
    page.close()
    expect(tile(here, "carol")).to_have_count(0)
    from_kernel = "import json\nfrom meshwidget.events import PeerLeft\n" + LEFT
    peer, reason = run(opened, from_kernel)[-1]
    assert peer == "carol"
    assert reason in ("left", "lost")
    assert problems == []


def test_a_cell_that_blocks_keeps_nobody_out(
    notebook: OpenNotebook, context: BrowserContext
) -> None:
    opened = notebook(f"{MESH}{TWO}mesh")
    opened.run_all()
    room_id = run(opened, "import json\nprint(json.dumps(mesh.room_id))")
    page = context.new_page()
    page.goto(f"{opened.lab.url}/meshwidget/rooms/{room_id}/")
    opened.add_cell("import time\ntime.sleep(300)")
    opened.page.keyboard.press("Control+Enter")
    guest = join(page, "carol")
    expect_live(guest, "alice", "bob")
    opened.menu("Kernel", "Interrupt Kernel")
    opened.wait_idle()
    run(opened, "mesh.close()\nprint(1)")
    expect(guest_in(page).get_by_role("status")).to_contain_text("This call is closed")


def test_a_kernel_that_dies_is_the_end_of_the_room(
    notebook: OpenNotebook, context: BrowserContext
) -> None:
    opened = notebook(f"{MESH}{TWO}mesh")
    opened.run_all()
    room_id = run(opened, "import json\nprint(json.dumps(mesh.room_id))")
    page = context.new_page()
    page.goto(f"{opened.lab.url}/meshwidget/rooms/{room_id}/")
    guest = join(page, "carol")
    expect_live(guest, "alice", "bob")
    # Chromium itself says that the notebook's own lines are cut.
    opened.forgiven = ("WebSocket",)
    source = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    opened.page.evaluate("document.activeElement.blur()")
    opened.add_cell(source)
    opened.page.keyboard.press("Control+Enter")
    expect(guest.get_by_role("status")).to_contain_text("This call is closed")
    expect(guest.locator(".meshwidget-tile")).to_have_count(0)


def test_behind_tls_the_page_works_as_well(
    notebook: OpenNotebook, browser: Browser, tmp_path: Path
) -> None:
    opened = notebook(f"{MESH}{TWO}mesh")
    opened.run_all()
    room_id = run(opened, "import json\nprint(json.dumps(mesh.room_id))")
    inside = URL(opened.lab.url)
    assert inside.port is not None
    context, _ = make_context(tmp_path)
    with (
        proxy(inside.port, context) as port,
        contextlib.closing(browser.new_context(ignore_https_errors=True)) as window,
    ):
        window.set_default_timeout(ACTION_SECONDS * 1000)
        page = window.new_page()
        sockets: list[str] = []
        page.on("websocket", lambda socket: sockets.append(socket.url))
        page.goto(
            f"https://127.0.0.1:{port}/meshwidget/rooms/{room_id}/"
            f"?token={opened.lab.token}"
        )
        guest = join(page, "carol")
        expect_live(guest, "alice", "bob")
        way = f"wss://127.0.0.1:{port}/meshwidget/rooms/{room_id}/views/guest"
        assert set(sockets) == {way}


def test_a_browser_that_is_killed_is_lost(
    notebook: OpenNotebook,
    browser: Browser,
    chromium_path: str,
    chromium_flags: list[str],
    tmp_path: Path,
) -> None:
    opened = notebook(f"{MESH}{TWO}mesh")
    opened.run_all()
    room_id = run(opened, "import json\nprint(json.dumps(mesh.room_id))")
    victim = browser.browser_type.launch_persistent_context(
        str(tmp_path),
        executable_path=chromium_path,
        args=["--no-sandbox", "--disable-gpu", *chromium_flags],
    )
    page = victim.new_page()
    page.goto(f"{opened.lab.url}/meshwidget/rooms/{room_id}/?token={opened.lab.token}")
    expect_live(join(page, "carol"), "alice", "bob")
    for process in psutil.process_iter(["cmdline"]):
        if any(str(tmp_path) in word for word in process.info["cmdline"] or ()):
            with contextlib.suppress(psutil.NoSuchProcess):  # it went with its parent
                process.kill()
    assert run(opened, WAIT_LEFT + LEFT) == [["carol", "lost"]]
    with contextlib.suppress(Error):  # there is nothing to close any more
        victim.close()
