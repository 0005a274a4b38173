"""The browser as a participant when it gets no camera, and hides its addresses."""

import json
import re

import pytest
from playwright.sync_api import expect

from .conftest import OpenNotebook
from .test_guest import MESH, TWO, expect_live, join, run, tile

pytestmark = pytest.mark.timeout(180)

# A camera that nobody allows, so that ICE tells mDNS names only.
CHROMIUM_FLAGS = [
    "--use-fake-device-for-media-stream",
    "--allow-loopback-in-peer-connection",
]


GROUND = """
import json, time
def error():
    seen = alice.frame("browser")[:30].mean(axis=(0, 1))
    return float(abs(seen - (0x26, 0x32, 0x3D)).max())
mesh.wait_connected()
end = time.monotonic() + 10
while error() >= 12 and time.monotonic() < end:  # the first pictures are coarse
    time.sleep(0.1)
print(json.dumps(error()))
"""
"""How far the received colour is from that of the ground that the page draws on."""


@pytest.mark.parametrize("order", ["browser last", "browser first"])
def test_a_picture_is_drawn_and_the_reason_said(
    notebook: OpenNotebook, order: str
) -> None:
    opened = notebook(MESH + (TWO if order == "browser last" else "") + "mesh")
    opened.run_all()
    guest = join(opened.page)
    words = re.compile("drawn picture: the camera was refused")
    expect(tile(guest, "browser")).to_contain_text(words)
    if order == "browser first":
        expect(guest.get_by_role("status")).to_contain_text("alone in the room")
        run(opened, f"{TWO}print(1)")
    expect_live(guest, "alice", "bob")
    expect(guest.get_by_role("status")).to_have_text(words)
    assert run(opened, GROUND) < 12
    why = run(opened, 'print(json.dumps(str(mesh.why("alice", "browser"))))')
    assert why.startswith("alice sees browser.")
    assert json.dumps(why).count("mDNS") == 1


def test_a_page_that_is_no_secure_context_says_so(notebook: OpenNotebook) -> None:
    opened = notebook(f"{MESH}mesh")
    # What a browser takes away from pages without https of another machine.
    opened.page.add_init_script("delete Navigator.prototype.mediaDevices")
    opened.page.reload()
    opened.wait_idle()
    opened.run_all()
    guest = join(opened.page)
    expect(tile(guest, "browser")).to_contain_text("only to pages with https")
