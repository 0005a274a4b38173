"""The two ways to the kernel, and the received video, in a real JupyterLab."""

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from meshwidget.media import mark

from .conftest import Notebook, OpenNotebook
from .test_panel import (
    FOUR,
    MESH,
    TWO,
    button,
    join,
    shown_mark,
    status,
    tile,
    tiles,
    told,
    wait_moving,
)

pytestmark = pytest.mark.timeout(180)

NAMES = ("alice", "bob", "carol", "dave")

SPIES = """
  // What the page decodes and over which lines it talks, for a test to look at.
  window.lines = [];
  window.decoded = { key: 0, delta: 0 };
  globalThis.WebSocket = class extends WebSocket {
    constructor(...given) {
      super(...given);
      if (String(given[0]).includes("/views/")) window.lines.push(this);
    }
  };
  globalThis.VideoDecoder = class extends VideoDecoder {
    decode(chunk) {
      window.decoded[chunk.type] += 1;
      super.decode(chunk);
    }
  };
"""

OPEN_LINES = "() => window.lines.filter((line) => line.readyState === 1).length"


@pytest.fixture(params=["socket", "comm"])
def way(request: pytest.FixtureRequest, context: BrowserContext) -> str:
    """With Jupyter's extension, and as where there is none."""
    context.add_init_script(SPIES)
    way: str = request.param
    if way == "comm":
        context.route("**/meshwidget/static/transport.js", not_found)
    return way


@pytest.fixture
def socket(context: BrowserContext) -> None:
    """With Jupyter's extension."""
    context.add_init_script(SPIES)


def not_found(route: Route) -> None:
    route.fulfill(status=404)


def wait_lines(page: Page, count: int) -> None:
    """Until so many WebSockets of views are open."""
    page.wait_for_function(f"(count) => ({OPEN_LINES})() === count", arg=count)


def open_four(notebook: OpenNotebook, show: str = "mesh") -> Notebook:
    opened = notebook(f"{MESH}\n{FOUR}\nmesh.wait_connected()\n{show}")
    opened.run_all()
    expect(tiles(opened.views)).to_have_count(4)
    wait_moving(opened.page)
    return opened


def test_tiles_show_the_very_video_that_was_received(
    notebook: OpenNotebook, way: str
) -> None:
    opened = open_four(notebook, show="grid = mesh.grid()\ngrid")
    wait_lines(opened.page, 1 if way == "socket" else 0)
    before = opened.page.evaluate("window.decoded")
    wait_moving(opened.page, pictures=60)
    after = opened.page.evaluate("window.decoded")
    decoded = sum(after[kind] - before[kind] for kind in ("key", "delta"))
    assert decoded >= 3 * 59  # not the local one
    for number, name in enumerate(NAMES):
        shown = shown_mark(opened.views, name)
        assert (shown.number, shown.name_checksum) == (number, mark.name_checksum(name))


PAINT = """
import numpy as np
COLOURS = [(0, 136, 0), (235, 168, 31), (200, 30, 60), (20, 90, 220)]
def paint(t):
    picture = np.zeros((240, 240, 3), np.uint8)
    for index, colour in enumerate(COLOURS):
        picture[:, 60 * index : 60 * index + 60] = colour
    return picture
"""


def test_colours_are_those_that_were_sent(notebook: OpenNotebook, way: str) -> None:
    opened = notebook(
        f"{MESH}\n{PAINT}\nmesh.join('alice')\nmesh.join('bob', video=paint)\n"
        "mesh.wait_connected()\nmesh.grid('alice')"
    )
    opened.run_all()
    wait_moving(opened.page, pictures=30)
    assert opened.page.evaluate("window.decoded.key") > 0
    # A picture that stands still gets finer with each one that is sent.
    opened.page.wait_for_function(
        """(wanted) => {
          const tile = document.querySelector('.meshwidget-tile[data-peer="bob"]');
          const context = tile.querySelector("canvas").getContext("2d");
          return wanted.every((colour, at) => {
            const { data } = context.getImageData(30 + 60 * at, 120, 1, 1);
            return colour.every((one, part) => Math.abs(one - data[part]) <= 6);
          });
        }""",
        arg=[(0, 136, 0), (235, 168, 31), (200, 30, 60), (20, 90, 220)],
    )


def test_a_page_that_comes_later_begins_with_a_keyframe(
    notebook: OpenNotebook, context: BrowserContext, way: str
) -> None:
    opened = open_four(notebook, show="grid = mesh.grid()\ngrid")
    opened.page.keyboard.press("Control+s")
    expect(opened.page.locator(".jp-mod-dirty")).to_have_count(0)
    late = Notebook(opened.lab, context.new_page(), opened.name)
    late.open()
    expect(tiles(late.views)).to_have_count(4)
    wait_moving(late.page, pictures=30)
    assert late.page.evaluate("window.decoded.key") >= 3
    for name in NAMES:
        assert shown_mark(late.views, name).name_checksum == mark.name_checksum(name)
    assert late.errors == []


def test_a_decoder_that_fails_again_and_again_is_given_stills(
    notebook: OpenNotebook, context: BrowserContext, way: str
) -> None:
    context.add_init_script(
        """
        globalThis.VideoDecoder = class extends VideoDecoder {
          decode(chunk) {
            super.decode(
              new EncodedVideoChunk({
                type: chunk.type,
                timestamp: chunk.timestamp,
                data: new Uint8Array([1, 2, 3]),
              }),
            );
          }
        };
        """
    )
    opened = open_four(notebook, show="mesh.grid()")
    wait_moving(opened.page, pictures=30)
    for name in NAMES:
        assert shown_mark(opened.views, name).name_checksum == mark.name_checksum(name)


BLOCKED = """
import time
from meshwidget.events import PeerLeft
end = time.monotonic() + 100
while not (has_left := bool(mesh.log.of(PeerLeft))) and time.monotonic() < end:
    time.sleep(2)
has_left
"""
"""Until somebody has left by the button: the page is served by other threads."""


def test_pictures_and_buttons_go_on_while_a_cell_blocks(
    notebook: OpenNotebook, socket: None
) -> None:
    opened = notebook(f"{MESH}\n{TWO}\nmesh")
    opened.run_all()
    expect(tiles(opened.views)).to_have_count(2)
    wait_moving(opened.page)
    stepper = opened.page.locator("section.meshwidget-stepper")
    opened.add_cell(BLOCKED)
    opened.start_last()
    join(opened.views, "carol")
    expect(tiles(opened.views)).to_have_count(3)
    opened.views.get_by_role("combobox", name="View as").select_option("bob")
    expect(tile(opened.views, "alice")).to_have_attribute("data-viewer", "bob")
    wait_moving(opened.page, pictures=30)
    stepper.get_by_role("button", name="Pause").click()
    expect(stepper.get_by_role("button", name="Pause")).to_be_disabled()
    join(opened.views, "dave")
    expect(stepper.locator(".meshwidget-held-row")).to_have_count(1)
    stepper.get_by_role("button", name="Step", exact=True).click()
    expect(stepper.locator(".meshwidget-done")).not_to_contain_text("Paused")
    stepper.get_by_role("button", name="Resume").click()
    expect(stepper.get_by_role("button", name="Resume")).to_be_disabled()
    button(opened.views, "Exit carol").click()
    expect(tile(opened.views, "carol")).to_have_count(0)
    opened.wait_run()
    expect(opened.cells.last.locator(".jp-OutputArea-output")).to_have_text("True")


def test_a_line_that_is_lost_falls_back_and_comes_back(
    notebook: OpenNotebook, socket: None
) -> None:
    opened = open_four(notebook)
    wait_moving(opened.page)
    page = opened.page
    page.wait_for_function(f"() => ({OPEN_LINES})() === 4")
    page.evaluate(
        """() => {
          // The next ones do not get through.
          window.RealSocket = globalThis.WebSocket;
          globalThis.WebSocket = class extends WebSocket {
            constructor(url, ...given) {
              const refused = String(url).includes("/views/");
              super(refused ? "ws://127.0.0.1:1" : url, ...given);
            }
          };
          window.lines.splice(0).forEach((line) => line.close());
        }"""
    )
    wait_moving(page)  # over the comm
    join(opened.views, "erin")
    expect(opened.views.get_by_role("alert")).to_contain_text("room 1234 is full")
    assert page.evaluate(OPEN_LINES) == 0
    page.evaluate("() => { globalThis.WebSocket = window.RealSocket; }")
    wait_lines(page, 4)
    wait_moving(page)
    button(opened.views, "Exit dave").click()
    expect(tiles(opened.views)).to_have_count(3)
    all_connected = told("3 participants, 3 links: all connected.")
    expect(status(opened.views)).to_have_text(all_connected)
