"""Browsers in a call whose signaling server goes away and comes back."""

import pytest
from playwright.sync_api import BrowserContext, expect

from .conftest import CAMERA_FLAGS, OpenNotebook
from .test_guest import MESH, SEES, TWO, expect_live, join, run, tile

pytestmark = pytest.mark.timeout(180)

CHROMIUM_FLAGS = CAMERA_FLAGS


AWAY = """
import json, time
from meshwidget.events import PeerJoined, PeerReturned, ServerStarted
mesh.server.stop()
time.sleep(2)
mesh.server.start()
started = mesh.log.of(ServerStarted)[0].seq
def back():
    found = (*mesh.log.of(PeerReturned), *mesh.log.of(PeerJoined))
    return sorted({event.peer for event in found if event.seq > started})
deadline = time.monotonic() + 15
while len(back()) < 4 and time.monotonic() < deadline:
    time.sleep(0.05)
print(json.dumps(back()))
"""


def test_browsers_take_part_again_by_themselves(
    notebook: OpenNotebook, context: BrowserContext
) -> None:
    opened = notebook(f"{MESH}{TWO}mesh")
    opened.run_all()
    room_id = run(opened, "import json\nprint(json.dumps(mesh.room_id))")
    page = context.new_page()
    page.goto(f"{opened.lab.url}/meshwidget/rooms/{room_id}/")
    there = join(page, "there")
    expect_live(there, "alice", "bob")
    here = join(opened.page, "here")
    expect_live(here, "alice", "bob", "there")
    expect(tile(there, "here")).to_have_attribute("data-state", "live")
    opened.forgiven = ("WebSocket",)  # views and guests come over that server
    assert run(opened, AWAY) == ["alice", "bob", "here", "there"]
    expect_live(here, "alice", "bob", "there")
    expect_live(there, "alice", "bob", "here")
    for name in ("here", "there"):
        seen = run(opened, f"{SEES}\nprint(json.dumps(sees('alice', '{name}')))")
        assert seen[1], f"alice sees {name} move"
