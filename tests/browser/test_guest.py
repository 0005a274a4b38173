"""The browser as a participant: Chromium with its fake camera, in a JupyterLab."""

import base64
import json
import re
import secrets
import time
from typing import Any

import nbformat
import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from meshwidget.media import mark

from .conftest import CAMERA_FLAGS, KERNEL, START_SECONDS, Lab, Notebook, OpenNotebook

pytestmark = pytest.mark.timeout(180)

CHROMIUM_FLAGS = CAMERA_FLAGS

MESH = "from meshwidget import Mesh\nmesh = Mesh()\n"
TWO = 'alice = mesh.join("alice")\nbob = mesh.join("bob")\n'

SEES = """
import json, numpy
from meshwidget.media import mark
from meshwidget.events import PeerLeft, TaskFailed
mesh.wait_connected()
def sees(viewer, name):
    first = mesh.peers[viewer].frame(name)
    moved = threading.Event()
    def look(frame):
        if not numpy.array_equal(frame.to_ndarray(format="rgb24"), first):
            moved.set()
    release = mesh.peers[viewer].on_frame(name, look)
    has_moved = moved.wait(10)
    release()
    return [mark.read(first) is not None, has_moved]
import threading
"""
"""In the kernel: whether a picture is a test pattern, and whether it moves."""

MARK = """
(video) => {
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0);
  const { width, height } = canvas;
  const { data } = context.getImageData(0, 0, width, height);
  let text = "";
  for (const byte of data) text += String.fromCharCode(byte);
  return [btoa(text), height, width];
}
"""


@pytest.fixture(params=["socket", "comm"])
def way(request: pytest.FixtureRequest, context: BrowserContext) -> None:
    """With Jupyter's extension, and as where there is none."""
    if request.param == "comm":
        context.route(
            "**/meshwidget/static/transport.js", lambda route: route.fulfill(status=404)
        )


def guest_in(page: Page) -> Locator:
    return page.locator("section.meshwidget-guest")


def join(page: Page, name: str = "browser") -> Locator:
    """Press the button; returns what belongs to the browser's peer."""
    guest = guest_in(page)
    guest.get_by_label("Name").fill(name)
    guest.get_by_role("button", name="Join from this browser").click()
    return guest


def tile(view: Locator, peer: str) -> Locator:
    return view.locator(f'.meshwidget-tile[data-peer="{peer}"]')


def expect_live(guest: Locator, *peers: str) -> None:
    """Each of them is connected, and its picture is there."""
    for peer in peers:
        expect(tile(guest, peer)).to_have_attribute("data-state", "live")
        expect(tile(guest, peer)).to_contain_text("connected")


def seen(guest: Locator, peer: str) -> int | None:
    """Whose test pattern the browser shows in a tile, as a checksum of the name."""
    text, *size = tile(guest, peer).locator("video").evaluate(MARK)
    picture = np.frombuffer(base64.b64decode(text), np.uint8).reshape(*size, 4)
    found = mark.read(np.ascontiguousarray(picture[..., :3]))
    return None if found is None else found.name_checksum


def run(notebook: Notebook, source: str) -> Any:
    """Run a cell whose last expression is JSON, and return that."""
    notebook.page.evaluate("document.activeElement.blur()")
    notebook.add_cell(source)
    notebook.run_last()
    output = notebook.cells.last.locator(".jp-OutputArea-output")
    expect(output).not_to_be_empty()
    return json.loads(output.inner_text())


WAIT_LEFT = (
    "import json, time\nfrom meshwidget.events import PeerLeft\n"
    "until = time.monotonic() + 10\n"
    "while not mesh.log.of(PeerLeft) and time.monotonic() < until:\n"
    "    time.sleep(0.05)\n"
)

LEFT = "print(json.dumps([[e.peer, e.reason] for e in mesh.log.of(PeerLeft)]))"


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("order", ["browser last", "browser first"])
def test_the_browser_sees_and_is_seen(notebook: OpenNotebook, order: str) -> None:
    opened = notebook(MESH + (TWO if order == "browser last" else "") + "mesh")
    opened.run_all()
    guest = join(opened.page)
    if order == "browser first":
        expect(guest.get_by_role("status")).to_have_text(
            "browser is alone in the room."
        )
        run(opened, f"{TWO}print(1)")
    expect_live(guest, "alice", "bob")
    expect(guest.get_by_role("status")).to_have_text("browser is connected to 2 of 2.")
    for peer in ("alice", "bob"):
        assert seen(guest, peer) == mark.name_checksum(peer)
    sees = 'print(json.dumps([sees("alice", "browser"), sees("bob", "browser")]))'
    assert run(opened, f"import json\n{SEES}{sees}") == [[False, True], [False, True]]
    panel = opened.views.first
    panel.scroll_into_view_if_needed()
    expect(tile(panel, "browser")).to_have_attribute("data-state", "live")
    expect(tile(panel, "browser").get_by_role("button", name="Exit")).to_have_count(0)

    guest.get_by_role("button", name="Leave").click()
    expect(guest.locator(".meshwidget-tile")).to_have_count(0)
    expect(tile(panel, "browser")).to_have_count(0)
    assert run(opened, LEFT)[-1] == ["browser", "left"]
    assert (
        run(opened, "print(json.dumps(list(map(str, mesh.log.of(TaskFailed)))))") == []
    )


def test_the_camera_is_off_after_leaving(notebook: OpenNotebook) -> None:
    opened = notebook(f"{MESH}mesh")
    opened.page.add_init_script(
        """const devices = navigator.mediaDevices;
        const real = devices.getUserMedia.bind(devices);
        window.tracks = [];
        devices.getUserMedia = async (wish) => {
          const stream = await real(wish);
          window.tracks.push(...stream.getTracks());
          return stream;
        };"""
    )
    opened.page.reload()
    opened.wait_idle()
    opened.run_all()
    guest = join(opened.page)
    expect(guest.get_by_role("status")).to_have_text("browser is alone in the room.")
    states = "window.tracks.map((track) => track.readyState)"
    assert opened.page.evaluate(states) == ["live", "live"]
    guest.get_by_role("button", name="Leave").click()
    assert opened.page.evaluate(states) == ["ended", "ended"]
    # Its output is cleared away, and with it the button that turns the camera off.
    join(opened.page)
    expect(guest.get_by_role("status")).to_have_text("browser is alone in the room.")
    opened.menu("Edit", "Clear Outputs of All Cells")
    expect(guest_in(opened.page)).to_have_count(0)
    opened.page.wait_for_function(f"{states}.every((state) => state === 'ended')")


def test_sound_comes_when_it_is_turned_on(notebook: OpenNotebook) -> None:
    opened = notebook(f"{MESH}{TWO}mesh")
    opened.run_all()
    guest = join(opened.page)
    expect_live(guest, "alice", "bob")
    muted = "(videos) => videos.map((video) => video.muted)"
    videos = guest.locator("video")
    assert videos.evaluate_all(muted) == [True, True, True]
    guest.get_by_role("button", name="Sound on").click()
    # Nobody wants to hear their own microphone.
    assert videos.evaluate_all(muted) == [True, False, False]
    opened.page.wait_for_function(
        """() => [...document.querySelectorAll(".meshwidget-guest video")]
          .every((video) => !video.paused)"""
    )
    guest.get_by_role("button", name="Sound off").click()
    assert videos.evaluate_all(muted) == [True, True, True]


def test_the_kernels_ice_servers_are_the_browsers(notebook: OpenNotebook) -> None:
    servers = [
        {"urls": "stun:127.0.0.1:9"},
        {"urls": ["turn:127.0.0.1:9"], "username": "user", "credential": "secret"},
    ]
    opened = notebook(
        f"from meshwidget import Mesh\nmesh = Mesh(ice_servers={servers})\n"
        'alice = mesh.join("alice")\nmesh'
    )
    opened.page.add_init_script(
        """window.configurations = [];
        globalThis.RTCPeerConnection = class extends RTCPeerConnection {
          constructor(configuration) {
            super(configuration);
            window.configurations.push(configuration);
          }
        };"""
    )
    opened.page.reload()
    opened.wait_idle()
    opened.run_all()
    join(opened.page)
    opened.page.wait_for_function("window.configurations.length === 1")
    (configuration,) = opened.page.evaluate("window.configurations")
    assert configuration["iceServers"] == servers


def test_a_name_that_is_taken_is_said(notebook: OpenNotebook) -> None:
    opened = notebook(f"{MESH}{TWO}mesh")
    opened.run_all()
    guest = join(opened.page, "alice")
    expect(guest.get_by_role("alert")).to_contain_text("choose another name")
    join(opened.page, "carol")
    expect_live(guest, "alice", "bob")
    expect(guest.get_by_role("alert")).to_be_empty()


@pytest.mark.usefixtures("way")
def test_paused_its_offer_waits_like_any_other(notebook: OpenNotebook) -> None:
    opened = notebook(f"{MESH}{TWO}mesh.wait_connected()\nmesh.pause()\nmesh")
    opened.run_all()
    guest = join(opened.page)
    kinds = (
        "import json\npending = [[m.kind, m.sender, m.receiver] for m in mesh.pending]"
    )
    kinds += "\nprint(json.dumps(pending))"
    expect(guest.get_by_role("status")).to_have_text("browser is alone in the room.")
    assert run(opened, kinds) == [["all_users", "", "browser"]]
    step = opened.page.get_by_role("button", name="Step", exact=True)
    step.click()
    expect(tile(guest, "alice")).to_contain_text("waiting: no answer yet")
    stepper = opened.page.locator("section.meshwidget-stepper")
    stepper.scroll_into_view_if_needed()  # or else it is not told
    held = stepper.locator(".meshwidget-held-row")
    for peer in ("alice", "bob"):
        offer = held.filter(has_text=re.compile(f"offer.*browser.*{peer}"))
        expect(offer).to_have_count(1)
    pending = run(opened, kinds)
    assert ["offer", "browser", "alice"] in pending
    assert ["offer", "browser", "bob"] in pending
    opened.page.get_by_role("button", name="Resume", exact=True).click()
    expect_live(guest, "alice", "bob")


@pytest.mark.usefixtures("way")
def test_closing_the_page_is_leaving(
    notebook: OpenNotebook, context: BrowserContext
) -> None:
    opened = notebook(f"{MESH}{TWO}mesh")
    opened.run_all()
    guest = join(opened.page)
    expect_live(guest, "alice", "bob")
    second = Notebook(opened.lab, context.new_page(), opened.name)
    second.page.goto(opened.lab.address(opened.name))
    expect(second.cells.first).to_be_visible(timeout=START_SECONDS * 1000)
    second.wait_idle()
    opened.page.close(run_before_unload=False)
    # In short cells: over the comm a kernel that is busy hears nobody, so that silence
    # does not count while a cell waits.
    left: list[list[str]] = []
    deadline = time.monotonic() + 15
    while not left and time.monotonic() < deadline:
        left = run(
            second, f"import json\nfrom meshwidget.events import PeerLeft\n{LEFT}"
        )
    ((peer, reason),) = left
    assert peer == "browser"
    assert reason in ("left", "lost")
    second.page.close()


def test_a_cell_that_blocks_throws_nobody_out(notebook: OpenNotebook) -> None:
    opened = notebook(f"{MESH}{TWO}mesh")
    opened.run_all()
    guest = join(opened.page)
    expect_live(guest, "alice", "bob")
    blocked = (
        "import time, json\nfrom meshwidget.events import PeerLeft\n"
        "before = len(mesh.log.of(PeerLeft))\ntime.sleep(5)\n"
        "print(json.dumps(len(mesh.log.of(PeerLeft)) - before))"
    )
    assert run(opened, blocked) == 0
    expect_live(guest, "alice", "bob")


def test_the_end_of_the_call_ends_it_here(notebook: OpenNotebook) -> None:
    opened = notebook(f"{MESH}{TWO}mesh")
    opened.run_all()
    guest = join(opened.page)
    expect_live(guest, "alice", "bob")
    run(opened, "mesh.close()\nprint(1)")
    expect(guest.get_by_role("status")).to_have_text(re.compile("This call is closed"))
    expect(guest.locator(".meshwidget-tile")).to_have_count(0)
    expect(guest.get_by_role("button", name="Join from this browser")).to_be_disabled()


def test_a_page_that_freezes_is_given_up_and_comes_back(notebook: OpenNotebook) -> None:
    opened = notebook(f"{MESH}{TWO}mesh")
    opened.run_all()
    guest = join(opened.page)
    expect_live(guest, "alice", "bob")
    opened.page.evaluate("const end = Date.now() + 5000; while (Date.now() < end);")
    gone = "import json\nfrom meshwidget.events import PeerLeft\n"
    assert ["browser", "lost"] in run(opened, gone + LEFT)
    expect_live(guest, "alice", "bob")
    panel = opened.views.first
    panel.scroll_into_view_if_needed()
    expect(tile(panel, "browser")).to_have_attribute("data-state", "live")


def test_notebook_seven_has_it_too(
    lab: Lab, kernels: None, context: BrowserContext
) -> None:
    name = f"{secrets.token_hex(4)}.ipynb"
    cells = [nbformat.v4.new_code_cell(f"{MESH}{TWO}mesh")]
    nbformat.write(
        nbformat.v4.new_notebook(cells=cells, metadata=KERNEL), lab.root / name
    )
    page = context.new_page()
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.goto(f"{lab.url}/notebooks/{name}?token={lab.token}")
    prompt = page.locator(".jp-CodeCell .jp-InputPrompt")
    expect(prompt).to_be_visible(timeout=START_SECONDS * 1000)
    # It says the kernel's name before there is one, and runs nothing without.
    deadline = time.monotonic() + START_SECONDS
    while prompt.inner_text() == "[ ]:" and time.monotonic() < deadline:
        prompt.click()
        page.keyboard.press("Control+Enter")
        page.wait_for_timeout(1000)
    expect(page.locator("section.meshwidget")).to_be_visible()
    expect_live(join(page), "alice", "bob")
    assert [each for each in sockets if "/meshwidget/rooms/" in each]
    page.close()
