"""The panel and the grid in a real JupyterLab."""

import base64
import os
import re
import signal

import numpy
import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from meshwidget.media import mark
from meshwidget.media.mark import PatternMark

from .conftest import START_SECONDS, Notebook, OpenNotebook

pytestmark = pytest.mark.timeout(180)

MESH = "from meshwidget import Mesh\nmesh = Mesh()"
FOUR = 'for name in ("alice", "bob", "carol", "dave"):\n    mesh.join(name)'
TWO = 'for name in ("alice", "bob"):\n    mesh.join(name)'


def tiles(view: Locator) -> Locator:
    return view.locator(".meshwidget-tile")


def tile(view: Locator, peer: str) -> Locator:
    return view.locator(f'.meshwidget-tile[data-peer="{peer}"]')


def name_box(view: Locator) -> Locator:
    return view.get_by_role("textbox", name="Name")


def button(view: Locator, name: str) -> Locator:
    return view.get_by_role("button", name=name, exact=True)


def status(view: Locator) -> Locator:
    return view.get_by_role("status")


def told(sentence: str) -> re.Pattern[str]:
    """What is said of a call: this, or that the computer is too slow for it."""
    return re.compile(f"^({re.escape(sentence)}|This computer cannot carry .*)$")


def join(view: Locator, name: str) -> None:
    expect(button(view, "Join")).not_to_have_attribute("aria-busy", "true")
    name_box(view).fill(name)
    name_box(view).press("Enter")


def wait_moving(page: Page, pictures: int = 10) -> None:
    """Until every tile has shown so many more pictures."""
    page.evaluate("() => { window.painted = undefined; }")
    page.wait_for_function(
        """(pictures) => {
          const tiles = [...document.querySelectorAll(".meshwidget-tile")];
          const painted = (tile) => Number(tile.dataset.painted);
          window.painted ??= new Map(tiles.map((tile) => [tile, painted(tile)]));
          // A tile that was not there yet had shown none.
          const before = (tile) => window.painted.get(tile) ?? 0;
          return tiles.length
            && tiles.every((tile) => painted(tile) >= before(tile) + pictures);
        }""",
        arg=pictures,
    )


def wait_changing(page: Page) -> None:
    """Until the canvas of every tile has been seen with different contents."""
    page.evaluate("() => { window.seen = new Map(); }")
    page.wait_for_function(
        """() => {
          const canvases = [...document.querySelectorAll(".meshwidget-tile canvas")];
          canvases.forEach((canvas, at) => {
            const seen = window.seen.get(at) ?? new Set();
            window.seen.set(at, seen.add(canvas.toDataURL()));
          });
          return canvases.length && canvases.every((_, at) => seen.get(at).size > 5);
        }"""
    )


@pytest.fixture
def four(notebook: OpenNotebook) -> Notebook:
    """A panel with four participants."""
    opened = notebook(f"{MESH}\n{FOUR}\nmesh")
    opened.run_all()
    expect(tiles(opened.views)).to_have_count(4)
    return opened


@pytest.fixture
def empty(notebook: OpenNotebook) -> Notebook:
    """A panel with nobody in the room."""
    opened = notebook(f"{MESH}\nmesh")
    opened.run_all()
    expect(status(opened.views)).to_have_text("Nobody is in room 1234 yet.")
    return opened


def test_four_tiles_move(four: Notebook) -> None:
    wait_changing(four.page)
    wait_moving(four.page, pictures=60)
    for name in ("bob", "carol", "dave"):
        expect(tile(four.views, name)).to_have_attribute("data-state", "live")
    expect(tile(four.views, "alice")).to_contain_text("local")
    all_connected = told("4 participants, 6 links: all connected.")
    expect(status(four.views)).to_have_text(all_connected)
    expect(four.views.locator(".meshwidget-title")).to_have_text(
        re.compile(
            r"^meshwidget · room 1234 · 4 of 4 · \d+ fps · 127\.0\.0\.1:\d+$",
        )
    )


PIXELS = """(canvas) => {
  const { width, height } = canvas;
  const pixels = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  return btoa(pixels.reduce((text, byte) => text + String.fromCharCode(byte), ""));
}"""


def shown_mark(view: Locator, peer: str) -> PatternMark:
    """What a program reads off a tile as it is on the screen."""
    pixels = tile(view, peer).locator("canvas").evaluate(PIXELS)
    rgba = numpy.frombuffer(base64.b64decode(pixels), numpy.uint8)
    found = mark.read(rgba.reshape(240, 240, 4)[:, :, :3])
    assert found is not None
    return found


@pytest.mark.parametrize(
    "decoder", ["VideoDecoder", "ImageDecoder", "createImageBitmap"]
)
def test_each_tile_shows_its_participant(
    notebook: OpenNotebook, context: BrowserContext, decoder: str
) -> None:
    if decoder != "VideoDecoder":  # as in an older browser
        context.add_init_script("delete globalThis.VideoDecoder")
    if decoder == "createImageBitmap":  # as on a page without TLS, far away
        context.add_init_script("delete globalThis.ImageDecoder")
    opened = notebook(f"{MESH}\n{FOUR}\nmesh")
    opened.run_all()
    expect(tiles(opened.views)).to_have_count(4)
    wait_moving(opened.page, pictures=3)
    for number, name in enumerate(("alice", "bob", "carol", "dave")):
        first = shown_mark(opened.views, name)
        assert first.number == number
        assert first.name_checksum == mark.name_checksum(name)
        while shown_mark(opened.views, name).milliseconds == first.milliseconds:
            wait_moving(opened.page, pictures=1)


def test_join_by_typing_and_by_button(empty: Notebook) -> None:
    join(empty.views, "alice")
    expect(tile(empty.views, "alice")).to_be_visible()
    expect(name_box(empty.views)).to_have_value("")
    name_box(empty.views).fill("bob")
    button(empty.views, "Join").click()
    expect(tiles(empty.views)).to_have_count(2)
    expect(status(empty.views)).to_have_text(told("alice and bob are connected."))
    wait_moving(empty.page)


def test_what_cannot_be_joined_is_said_in_a_sentence(four: Notebook) -> None:
    alert = four.views.get_by_role("alert")
    join(four.views, "erin")
    expect(alert).to_contain_text("room 1234 is full")
    expect(name_box(four.views)).to_have_value("erin")
    expect(name_box(four.views)).to_have_attribute("aria-invalid", "true")
    button(four.views, "Exit dave").click()
    expect(tiles(four.views)).to_have_count(3)
    expect(alert).to_have_text("")
    join(four.views, "alice")
    expect(alert).to_contain_text("alice is in the room already")
    join(four.views, "")
    expect(alert).to_contain_text("empty")
    join(four.views, "x" * 65)
    expect(alert).to_contain_text("65 characters")
    join(four.views, "*")
    expect(alert).to_contain_text("reserved")
    join(four.views, "erin")
    expect(tile(four.views, "erin")).to_be_visible()
    expect(alert).to_have_text("")


def test_exit_removes_the_tile_in_every_view(notebook: OpenNotebook) -> None:
    opened = notebook(
        f"{MESH}\n{FOUR}\nmesh",
        "mesh",
        "mesh.grid(viewer='bob')",
        "mesh.grid('*')",
    )
    opened.page.set_viewport_size({"width": 1280, "height": 5000})
    opened.run_all()
    views = opened.views
    expect(views).to_have_count(4)
    for number, count in enumerate((4, 4, 4, 16)):
        expect(tiles(views.nth(number))).to_have_count(count)
    wait_moving(opened.page)
    expect(views.nth(2).get_by_role("button")).to_have_count(0)
    button(views.nth(1), "Exit carol").click()
    for number, count in enumerate((3, 3, 3, 9)):
        expect(tiles(views.nth(number))).to_have_count(count)
        expect(tile(views.nth(number), "carol")).to_have_count(0)
    wait_moving(opened.page)


def test_exit_by_the_program_and_a_crash(notebook: OpenNotebook) -> None:
    opened = notebook(
        f"{MESH}\n{FOUR}\nmesh",
        "mesh.wait_connected()\nmesh.exit('bob')\nmesh.crash('dave')",
    )
    opened.run_all()
    expect(tiles(opened.views)).to_have_count(2)
    expect(status(opened.views)).to_have_text(told("alice and carol are connected."))


def test_looking_as_others(four: Notebook) -> None:
    # What is not on the screen does not move.
    four.page.set_viewport_size({"width": 1280, "height": 5000})
    chooser = four.views.get_by_role("combobox", name="View as")
    expect(chooser).to_have_value("alice")
    chooser.select_option("carol")
    expect(tile(four.views, "carol")).to_contain_text("local")
    expect(tile(four.views, "alice")).to_have_attribute("data-viewer", "carol")
    wait_moving(four.page)
    chooser.select_option("everyone")
    expect(tiles(four.views)).to_have_count(16)
    expect(
        four.views.get_by_role("group", name="dave receives", exact=True)
    ).to_be_visible()
    expect(button(four.views, "Exit bob")).to_have_count(1)
    wait_moving(four.page)
    button(four.views, "Exit alice").click()
    expect(tiles(four.views)).to_have_count(9)
    chooser.select_option("bob")
    button(four.views, "Exit bob").click()
    expect(chooser).to_have_value("carol")  # the first who is still there
    expect(status(four.views)).to_contain_text("bob is not in the call")


def test_a_reload_resumes(four: Notebook) -> None:
    wait_moving(four.page)
    four.page.keyboard.press("Control+s")
    expect(four.page.locator(".jp-mod-dirty")).to_have_count(0)
    four.page.reload()
    expect(four.cells.first).to_be_visible(timeout=START_SECONDS * 1000)
    four.wait_idle()
    expect(tiles(four.views)).to_have_count(4)
    wait_moving(four.page)
    button(four.views, "Exit bob").click()
    expect(tiles(four.views)).to_have_count(3)


FEEDING = """
streams = [end._stream for end in grid._ends]
sum(each.sequence for each in streams), any(each.watched for each in streams)
"""

HIDE = """(hidden) => {
  // What a browser reports when another tab comes to the front.
  const state = hidden ? "hidden" : "visible";
  const property = { value: state, configurable: true };
  Object.defineProperty(document, "visibilityState", property);
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_a_hidden_page_stops_the_stream_and_showing_it_resumes(
    notebook: OpenNotebook,
) -> None:
    opened = notebook(
        f"{MESH}\n{TWO}\ngrid = mesh.grid()\ngrid",
        FEEDING,
    )
    opened.run_all()
    wait_moving(opened.page)
    opened.page.evaluate(HIDE, True)
    first = wait_watched(opened, False)
    assert wait_watched(opened, False) == first
    opened.page.evaluate(HIDE, False)
    wait_moving(opened.page)
    assert wait_watched(opened, True) > first


def wait_watched(opened: Notebook, watched: bool) -> int:
    """Run the last cell until it says so; the number of messages until then."""
    for _ in range(20):
        opened.run_last()
        output = opened.cells.last.locator(".jp-OutputArea-output").inner_text()
        found = re.fullmatch(r"\((\d+), (True|False)\)", output.strip())
        assert found is not None, output
        if (found[2] == "True") is watched:
            return int(found[1])
    pytest.fail(f"the view never was {'' if watched else 'un'}watched")


def test_a_view_out_of_sight_costs_nothing(notebook: OpenNotebook) -> None:
    opened = notebook(
        f"{MESH}\n{TWO}\ngrid = mesh.grid()\ngrid",
        *["print('\\n' * 30)"] * 4,
        FEEDING,
    )
    opened.run_all()
    opened.cells.last.scroll_into_view_if_needed()
    wait_watched(opened, False)
    opened.cells.first.scroll_into_view_if_needed()
    expect(opened.views).to_be_in_viewport()
    wait_moving(opened.page)


def test_two_pages_look_at_one_call(four: Notebook, context: BrowserContext) -> None:
    four.page.keyboard.press("Control+s")
    expect(four.page.locator(".jp-mod-dirty")).to_have_count(0)
    other = Notebook(four.lab, context.new_page(), four.name)
    other.open()
    expect(tiles(other.views)).to_have_count(4)
    wait_moving(other.page)
    join(other.views, "erin")
    expect(other.views.get_by_role("alert")).to_contain_text("full")
    expect(four.views.get_by_role("alert")).to_have_text("")  # it did not ask
    button(other.views, "Exit bob").click()
    expect(tiles(other.views)).to_have_count(3)
    other.page.close()
    four.page.bring_to_front()
    expect(tiles(four.views)).to_have_count(3)
    wait_moving(four.page)
    assert other.errors == []


def test_a_kernel_that_is_gone_is_said_and_running_again_works(four: Notebook) -> None:
    wait_moving(four.page)
    four.menu("Kernel", "Restart Kernel…")
    four.page.get_by_role("button", name="Confirm Kernel Restart").click()
    expect(status(four.views)).to_have_text("The kernel is gone. Run the cell again.")
    expect(button(four.views, "Join")).to_be_disabled()
    expect(button(four.views, "Exit bob")).to_be_disabled()
    expect(tile(four.views, "bob")).to_contain_text("kernel gone")
    four.wait_idle()
    four.run_all()
    expect(four.views).to_have_count(1)
    expect(tiles(four.views)).to_have_count(4)
    wait_moving(four.page)


def test_a_cell_that_waits_does_not_stop_the_view(notebook: OpenNotebook) -> None:
    # JupyterLab gives the messages of widgets a thread of their own in the kernel.
    opened = notebook(f"{MESH}\n{TWO}\nmesh")
    opened.run_all()
    wait_moving(opened.page)
    opened.add_cell(
        "import threading\ndone = threading.Event()\n"
        "mesh.log.subscribe(lambda event: 'carol' in str(event) and done.set())\n"
        "done.wait()"
    )
    opened.page.keyboard.press("Control+Enter")
    expect(opened.cells.last).to_contain_text("[*]")
    wait_moving(opened.page)
    join(opened.views, "carol")
    opened.wait_run()
    expect(tiles(opened.views)).to_have_count(3)


def test_a_kernel_that_does_not_answer_is_said(notebook: OpenNotebook) -> None:
    opened = notebook(f"{MESH}\n{TWO}\nmesh", "import os\nos.getpid()")
    opened.run_all()
    wait_moving(opened.page)
    kernel = int(opened.cells.last.locator(".jp-OutputArea-output").inner_text())
    os.kill(kernel, signal.SIGSTOP)
    try:
        expect(status(opened.views)).to_contain_text("The kernel does not answer")
    finally:
        os.kill(kernel, signal.SIGCONT)
    expect(status(opened.views)).to_have_text(told("alice and bob are connected."))
    wait_moving(opened.page)


def test_running_the_cell_again_starts_afresh(four: Notebook) -> None:
    four.run_all()
    expect(four.views).to_have_count(1)
    expect(tiles(four.views)).to_have_count(4)
    wait_moving(four.page)


def test_a_call_that_ends_is_said(notebook: OpenNotebook) -> None:
    opened = notebook(f"{MESH}\n{TWO}\nmesh")
    opened.run_all()
    wait_moving(opened.page)
    opened.add_cell("mesh.close()\nmesh")
    opened.run_last()
    for number in range(2):
        view = opened.views.nth(number)
        expect(status(view)).to_contain_text("This call is closed.")
        expect(button(view, "Join")).to_be_disabled()
    expect(tile(opened.views.first, "bob")).to_contain_text("the call is closed")
    expect(button(opened.views.first, "Exit bob")).to_be_disabled()


def test_closing_the_widget_takes_it_off_the_page(notebook: OpenNotebook) -> None:
    opened = notebook(
        f"{MESH}\n{TWO}\ngrid = mesh.grid()\ngrid", "grid.close(); mesh.closed"
    )
    opened.run_all()
    expect(opened.cells.last).to_contain_text("False")
    expect(opened.views).to_have_count(0)
    # The page may have been on its way to a WebSocket that was gone when it came.
    opened.errors[:] = [each for each in opened.errors if "code: 404" not in each]


def test_a_panel_of_its_own_in_a_layout(notebook: OpenNotebook) -> None:
    opened = notebook(
        "import ipywidgets\n"
        "from meshwidget import MeshWidget\n"
        'panel = MeshWidget(room="lesson", max_peers=2)\n'
        "ipywidgets.VBox([ipywidgets.Label('above'), panel])"
    )
    opened.run_all()
    join(opened.views, "alice")
    expect(tile(opened.views, "alice")).to_be_visible()
    expect(opened.views).to_contain_text("room lesson · 1 of 2")


HOSTILE = [
    "<img src=x onerror=window.hacked=1>",
    '"><script>window.hacked=1</script>',
    "__proto__",
    "a'b\"c] &lt;b&gt; ${1} 日本語",
]


def test_hostile_names_are_text(empty: Notebook) -> None:
    for name in HOSTILE:
        join(empty.views, name)
        expect(button(empty.views, f"Exit {name}")).to_be_visible()
    shown = tiles(empty.views).evaluate_all("all => all.map(one => one.dataset.peer)")
    assert shown == HOSTILE
    assert empty.views.locator(".meshwidget-peer").all_inner_texts() == HOSTILE
    empty.views.get_by_role("combobox").select_option(HOSTILE[0])
    expect(tiles(empty.views).first).to_contain_text("local")
    wait_moving(empty.page)
    join(empty.views, "turned \u202eround")
    alert = empty.views.get_by_role("alert")
    expect(alert).to_contain_text("a character that cannot be shown: U+202E")
    assert empty.page.evaluate("window.hacked") is None
    assert empty.views.locator("img, script, b").count() == 0
    for name in HOSTILE:
        button(empty.views, f"Exit {name}").click()
    expect(tiles(empty.views)).to_have_count(0)


def test_by_keyboard_alone(empty: Notebook) -> None:
    keyboard = empty.page.keyboard
    name_box(empty.views).focus()
    for name in ("alice", "bob", "carol"):
        keyboard.type(name)
        keyboard.press("Enter")
        expect(tile(empty.views, name)).to_be_visible()
        expect(name_box(empty.views)).to_have_value("")
        expect(name_box(empty.views)).to_be_focused()
    keyboard.press("Tab")
    expect(button(empty.views, "Join")).to_be_focused()
    keyboard.press("Tab")
    expect(empty.views.get_by_role("combobox")).to_be_focused()
    keyboard.press("b")
    expect(tile(empty.views, "bob")).to_contain_text("local")
    keyboard.press("Tab")
    expect(button(empty.views, "Faults of the call")).to_be_focused()
    keyboard.press("Tab")
    expect(button(empty.views, "Exit alice")).to_be_focused()
    keyboard.press("Enter")
    expect(tiles(empty.views)).to_have_count(2)
    expect(button(empty.views, "Exit bob")).to_be_focused()
    keyboard.press("Tab")
    expect(button(empty.views, "Faults of bob")).to_be_focused()
    keyboard.press("Tab")
    keyboard.press("Space")
    expect(tiles(empty.views)).to_have_count(1)
    expect(button(empty.views, "Exit bob")).to_be_focused()
    keyboard.press("Enter")
    expect(tiles(empty.views)).to_have_count(0)
    expect(name_box(empty.views)).to_be_focused()
    expect(empty.cells).to_have_count(1)  # no key did anything to the notebook


def test_what_a_screen_reader_is_told(four: Notebook) -> None:
    expect(
        four.views.get_by_role("group", name="bob as alice receives it: live")
    ).to_be_visible()
    expect(four.views.get_by_role("group", name="alice, own picture")).to_be_visible()
    meter = four.views.get_by_role("meter", name="sound of bob")
    expect(meter).to_have_attribute("aria-valuetext", re.compile(r"-\d+ dBov"))
    expect(status(four.views)).to_have_count(1)


def test_a_picture_that_stops_is_said(notebook: OpenNotebook) -> None:
    opened = notebook(
        MESH,
        "import numpy\n"
        "broken = False\n"
        "def draw(t):\n"
        "    if broken:\n"
        "        raise KeyError('paint')\n"
        "    return numpy.full((240, 240, 3), int(t * 50) % 256, numpy.uint8)\n"
        "mesh.join('alice')\n"
        "mesh.join('bob', video=draw)\n"
        "mesh.join('carol', video=None)\n"
        "mesh",
    )
    opened.run_all()
    expect(tile(opened.views, "carol")).to_contain_text("sends no video")
    expect(tile(opened.views, "bob")).to_have_attribute("data-state", "live")
    opened.add_cell("broken = True")
    opened.run_last()
    expect(tile(opened.views, "bob")).to_contain_text("source stopped")
    expect(tile(opened.views, "bob")).to_contain_text("paint")
    expect(status(opened.views)).to_contain_text("bob's video has stopped")


def test_twelve_tiles(notebook: OpenNotebook) -> None:
    opened = notebook(
        "from meshwidget import Mesh\n"
        "mesh = Mesh(max_peers=12)\n"
        "for number in range(12):\n"
        "    video = ... if number < 4 else None  # or else 132 links\n"
        '    mesh.join(f"peer {number}", video=video, audio=None)\n'
        "mesh"
    )
    opened.run_all()
    expect(tiles(opened.views)).to_have_count(12)
    expect(tile(opened.views, "peer 3")).to_have_attribute(
        "data-state", "live", timeout=START_SECONDS * 1000
    )
    assert no_overflow(opened.page)


def no_overflow(page: Page) -> bool:
    """Whether no view is wider than its place."""
    found: bool = page.evaluate(
        """() => [...document.querySelectorAll("section.meshwidget, .meshwidget-tile")]
          .every((one) => one.scrollWidth <= one.clientWidth + 1)"""
    )
    return found


@pytest.mark.parametrize("width", [320, 600, 1600])
def test_it_fits_the_page(empty: Notebook, width: int) -> None:
    for name in ("alice", "a name as long as a name may be ".ljust(64, "x")):
        join(empty.views, name)
        expect(tile(empty.views, name)).to_be_visible()
    # The panel alone: JupyterLab itself does not go down to the width of a telephone.
    empty.views.evaluate("(view, width) => { view.style.width = `${width}px`; }", width)
    assert no_overflow(empty.page)
    tops = tiles(empty.views).evaluate_all("all => all.map(one => one.offsetTop)")
    assert len(set(tops)) == 1


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_themes(empty: Notebook, theme: str) -> None:
    empty.menu("Settings", "Theme", theme)
    light = "false" if theme.endswith("Dark") else "true"
    expect(empty.page.locator("body")).to_have_attribute("data-jp-theme-light", light)
    join(empty.views, "alice")
    expect(tile(empty.views, "alice")).to_be_visible()
    ratios = empty.views.evaluate(CONTRAST)
    assert min(ratios.values()) >= 4.5, ratios


CONTRAST = """(view) => {
  const part = (value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  const light = (color) => {
    const [red, green, blue] = color.match(/[\\d.]+/g).map(Number);
    return 0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue);
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (!/, 0\\)$/.test(color)) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const ratios = {};
  const names = "title label button name viewer status peer state";
  for (const name of names.split(" ")) {
    const element = view.querySelector(`.meshwidget-${name}`);
    const pair = [getComputedStyle(element).color, ground(element)].map(light);
    ratios[name] = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
  }
  return ratios;
}"""
