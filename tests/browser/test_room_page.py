"""The page of a room: a browser in a call whose notebook it never opened."""

import pytest
from playwright.sync_api import BrowserContext, expect

from meshwidget.media import mark

from .conftest import OpenNotebook
from .test_guest import LEFT, MESH, TWO, expect_live, guest_in, join, run, seen, tile

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def chromium_flags() -> list[str]:
    """A camera and a microphone, given without a question; ICE without a network."""
    return [
        "--use-fake-device-for-media-stream=fps=30",
        "--use-fake-ui-for-media-stream",
        "--allow-loopback-in-peer-connection",
    ]


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
    ((peer, reason),) = run(opened, from_kernel)
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
    source = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    opened.page.evaluate("document.activeElement.blur()")
    opened.add_cell(source)
    opened.page.keyboard.press("Control+Enter")
    expect(guest.get_by_role("status")).to_contain_text("This call is closed")
    expect(guest.locator(".meshwidget-tile")).to_have_count(0)
    # Chromium itself says that the notebook's own lines are cut.
    opened.errors[:] = [each for each in opened.errors if "WebSocket" not in each]
