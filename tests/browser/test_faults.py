"""A call broken on purpose from the panel's menus, in a real JupyterLab."""

import re

import pytest
from playwright.sync_api import BrowserContext, Locator, expect

from .conftest import Notebook, OpenNotebook
from .test_panel import TWO, button, status, tile, told, wait_moving

pytestmark = pytest.mark.timeout(180)

MESH = "from meshwidget import Mesh\nmesh = Mesh()"


class Panel:
    """The panel, broken by hand."""

    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook
        self.page = notebook.page
        self.view = notebook.views.first
        self.menu = notebook.page.get_by_role("menu")
        self.form = notebook.page.get_by_role("dialog")
        self.alert = self.view.get_by_role("alert")

    def open(self, name: str) -> None:
        button(self.view, name).click()
        expect(self.menu).to_be_visible()

    def choose(self, label: str | re.Pattern[str]) -> None:
        self.menu.get_by_role("menuitem", name=label).click()
        expect(self.menu).to_have_count(0)

    def fault(self, peer: str) -> Locator:
        return tile(self.view, peer).locator(".meshwidget-fault")

    def entries(self) -> list[str]:
        return self.menu.get_by_role("menuitem").all_inner_texts()

    def wait_moving(self, peer: str, pictures: int = 10) -> None:
        """Until somebody's tile has shown so many more pictures."""
        self.page.wait_for_function(
            """([peer, end]) => {
              const tile = `.meshwidget-tile[data-peer="${peer}"]`;
              const found = document.querySelector(tile);
              return Number(found.dataset.painted) >= end;
            }""",
            arg=[peer, self.painted(peer) + pictures],
        )

    def painted(self, peer: str) -> int:
        return int(tile(self.view, peer).get_attribute("data-painted") or 0)

    def tell(self, code: str) -> str:
        """What a cell prints."""
        # JupyterLab leaves the focus where it is when a prompt is clicked.
        self.page.evaluate("document.activeElement.blur()")
        self.notebook.add_cell(code)
        self.notebook.run_last()
        text: str = self.notebook.cells.last.locator(".jp-OutputArea").inner_text()
        return text


@pytest.fixture
def panel(notebook: OpenNotebook) -> Panel:
    opened = notebook(f"{MESH}\n{TWO}\nmesh.wait_connected()\nmesh")
    opened.run_all()
    wait_moving(opened.page)
    return Panel(opened)


def test_cut_and_heal(panel: Panel) -> None:
    panel.open("Faults of bob")
    assert panel.entries() == [
        "Cut",
        "Impair…",
        "Hold STUN",
        "Hold DTLS",
        "Hold SRTP",
        "Freeze bob",
        "Crash bob",
    ]
    link = panel.menu.get_by_role("group", name="Link alice - bob")
    expect(link.get_by_role("menuitem")).to_have_count(5)
    panel.choose("Cut")
    expect(panel.fault("bob")).to_have_text("cut on purpose")
    # It is stale, and three seconds later down.
    stopped = re.compile("stale|down")
    expect(tile(panel.view, "bob")).to_have_attribute("data-state", stopped)
    expect(status(panel.view)).to_contain_text("(cut on purpose)")
    panel.wait_moving("alice", 5)  # what was on its way to the screen is there
    painted = panel.painted("bob")
    panel.wait_moving("alice", 30)
    assert panel.painted("bob") == painted
    button(panel.view, "Why does alice not see bob?").click()
    said = "Heal, on the menu of a tile or of Faults, heals it"
    expect(panel.page.get_by_text(said).first).to_be_visible()
    panel.open("Faults of bob")
    expect(
        panel.menu.get_by_role("group", name="Link alice - bob: cut")
    ).to_be_visible()
    assert panel.entries() == ["Heal", "Freeze bob", "Crash bob"]
    panel.choose("Heal")
    panel.wait_moving("bob")
    expect(panel.fault("bob")).to_have_text("")
    expect(status(panel.view)).to_have_text(told("alice and bob are connected."))
    assert "is healed" in panel.tell("print(mesh.log)")


def test_impair_with_the_form(panel: Panel) -> None:
    panel.open("Faults of bob")
    panel.menu.get_by_role("menuitem", name="Impair").click()
    loss = panel.form.get_by_label("loss, %")
    expect(panel.form.get_by_label("direction")).to_be_focused()
    expect(loss).to_have_value("10")
    expect(panel.form.get_by_label("limit, kbit/s")).to_have_value("")
    loss.fill("200")
    loss.press("Enter")
    sentence = "loss, %: it has to be a number from 0 to 100"
    expect(panel.alert).to_have_text(sentence)
    expect(panel.form).to_contain_text(sentence)
    loss.fill("20")
    panel.form.get_by_label("delay, ms").fill("40")
    panel.form.get_by_label("seed").fill("7")
    panel.form.get_by_label("direction").select_option("to alice")
    panel.form.get_by_role("button", name="Impair").click()
    expect(panel.form).to_have_count(0)
    expect(button(panel.view, "Faults of bob")).to_be_focused()
    expect(panel.alert).to_have_text("")
    words = "toward alice: loses 20 %, delays by 40 ms on purpose"
    expect(panel.fault("bob")).to_have_text(words)
    panel.wait_moving("bob")
    assert "seed=7" in panel.tell("mesh.link('alice', 'bob').faults.toward['alice']")
    panel.open("Faults of bob")
    panel.menu.get_by_role("menuitem", name="Impair").click()
    expect(loss).to_have_value("20")
    panel.form.get_by_role("button", name="Cancel").click()
    expect(panel.form).to_have_count(0)
    expect(panel.fault("bob")).to_have_text(words)


def test_freeze_thaw_and_crash(panel: Panel) -> None:
    panel.open("Faults of alice")
    assert panel.entries() == ["Freeze alice", "Crash alice"], (
        "it has no link to itself"
    )
    panel.page.keyboard.press("Escape")
    panel.open("Faults of bob")
    panel.choose("Freeze bob")
    expect(panel.fault("bob")).to_have_text("frozen on purpose")
    expect(tile(panel.view, "bob")).to_have_attribute("data-state", "stale")
    panel.open("Faults of bob")
    panel.choose("Thaw bob")
    expect(panel.fault("bob")).to_have_text("")
    panel.wait_moving("bob")
    panel.open("Faults of bob")
    panel.choose("Crash bob")
    expect(tile(panel.view, "bob")).to_have_count(0)
    expect(button(panel.view, "Faults of alice")).to_be_focused()


def test_the_server_goes_and_comes_back(panel: Panel) -> None:
    panel.open("Faults of the call")
    assert panel.entries() == ["Stop server", "alice - bob"]
    # Views come over that server too; they go on over the comm.
    panel.notebook.forgiven = ("code: 502",)
    panel.choose("Stop server")
    expect(status(panel.view)).to_contain_text("The signaling server is stopped")
    wait_moving(panel.page, 20)
    expect(panel.alert).to_have_text("")
    name = panel.view.get_by_role("textbox", name="Name")
    name.fill("carol")
    name.press("Enter")
    expect(panel.alert).to_contain_text("the signaling server is stopped")
    panel.open("Faults of the call")
    server = panel.menu.get_by_role(
        "group", name="Signaling server: stopped on purpose"
    )
    expect(server).to_be_visible()
    panel.choose("Start server")
    expect(status(panel.view)).to_have_text(told("alice and bob are connected."))
    name.press("Enter")
    expect(tile(panel.view, "carol")).to_have_attribute("data-state", "live")


def test_every_link_from_one_menu_by_keyboard_alone(panel: Panel) -> None:
    keyboard, faults = panel.page.keyboard, button(panel.view, "Faults of the call")
    faults.focus()
    keyboard.press("Enter")
    entry = panel.menu.get_by_role("menuitem")
    expect(entry.nth(0)).to_be_focused()
    expect(faults).to_have_attribute("aria-expanded", "true")
    keyboard.press("ArrowUp")
    expect(entry.nth(1)).to_be_focused()
    keyboard.press("ArrowDown")
    expect(entry.nth(0)).to_be_focused()
    keyboard.press("Escape")
    expect(panel.menu).to_have_count(0)
    expect(faults).to_be_focused()
    expect(faults).to_have_attribute("aria-expanded", "false")
    keyboard.press("Space")
    expect(entry.nth(0)).to_be_focused()
    keyboard.press("End")
    expect(entry.nth(1)).to_be_focused()
    keyboard.press("Enter")
    expect(entry).to_have_count(5)
    expect(entry.nth(0)).to_be_focused()
    keyboard.press("End")
    expect(entry.nth(4)).to_be_focused()
    expect(panel.menu).to_contain_text(
        "SRTP is stopped: media and its reports are lost"
    )
    keyboard.press("Enter")
    expect(panel.menu).to_have_count(0)
    expect(faults).to_be_focused()
    expect(panel.fault("bob")).to_have_text("SRTP held on purpose")
    keyboard.press("Enter")
    expect(entry.nth(0)).to_be_focused()
    link = panel.menu.get_by_role("menuitem", name="alice - bob")
    expect(link).to_have_text("alice - bob SRTP held on purpose")
    keyboard.press("Tab")
    expect(panel.menu).to_have_count(0)
    expect(panel.notebook.cells).to_have_count(1)  # no key did anything to the notebook


def test_it_closes_when_somebody_does_something_else(panel: Panel) -> None:
    panel.open("Faults of bob")
    button(panel.view, "Faults of bob").click()
    expect(panel.menu).to_have_count(0)
    panel.open("Faults of bob")
    tile(panel.view, "alice").locator("canvas").click()
    expect(panel.menu).to_have_count(0)
    panel.open("Faults of bob")
    panel.tell("mesh.exit('bob')")
    expect(panel.menu).to_have_count(0)


def test_over_the_comm_alone(notebook: OpenNotebook, context: BrowserContext) -> None:
    context.route("**/meshwidget/static/**", lambda route: route.abort())
    opened = notebook(f"{MESH}\n{TWO}\nmesh.wait_connected()\nmesh")
    opened.run_all()
    wait_moving(opened.page)
    panel = Panel(opened)
    panel.open("Faults of bob")
    panel.choose("Hold SRTP")
    expect(panel.fault("bob")).to_have_text("SRTP held on purpose")
    panel.open("Faults of bob")
    panel.choose("Release SRTP")
    expect(panel.fault("bob")).to_have_text("")
    panel.wait_moving("bob")
