"""Holding a call still and stepping it, in a real JupyterLab."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from .conftest import Notebook, OpenNotebook

pytestmark = pytest.mark.timeout(180)


class Panel:
    """The parts of the panel, as a test looks for them."""

    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook
        self.page = notebook.page
        self.call = notebook.views
        self.stepper = notebook.page.locator("section.meshwidget-stepper")
        self.rows = self.stepper.locator(".meshwidget-held-row")
        self.done = self.stepper.locator(".meshwidget-done")
        self.why = self.stepper.get_by_role("region", name="why")
        self.error = self.stepper.get_by_role("alert")
        self.name = self.call.get_by_role("textbox", name="Name")
        self.status = self.call.get_by_role("status")

    def button(self, name: str) -> Locator:
        """One of the three, or of a row."""
        return self.stepper.get_by_role("button", name=name, exact=True)

    def row(self, number: int) -> Locator:
        """A held message."""
        return self.stepper.locator(f'[data-number="{number}"]')

    def tile(self, peer: str) -> Locator:
        """What is shown of somebody."""
        return self.call.locator(f'.meshwidget-tile[data-peer="{peer}"]')

    def join(self, name: str) -> None:
        """Type a name and press Enter."""
        self.name.fill(name)
        self.name.press("Enter")
        expect(self.tile(name)).to_be_visible()


@pytest.fixture
def paused(notebook: OpenNotebook) -> Panel:
    """Two in the room, everything held."""
    opened = notebook(
        "from meshwidget import Mesh\n"
        "mesh = Mesh(paused=True)\n"
        'alice, bob = mesh.join("alice"), mesh.join("bob")\n'
        "mesh"
    )
    opened.run_all()
    panel = Panel(opened)
    expect(panel.rows).to_have_count(2)
    return panel


def test_by_keyboard_alone(notebook: OpenNotebook) -> None:
    """Pause, join two, step to a live picture, drop, read why, rewind, resume."""
    opened = notebook("from meshwidget import Mesh\nmesh = Mesh()\nmesh")
    opened.run_all()
    panel, keyboard = Panel(opened), opened.page.keyboard
    expect(panel.button("Pause")).to_be_enabled()
    panel.button("Pause").focus()
    keyboard.press("Enter")
    expect(panel.stepper).to_contain_text("paused · nothing held")
    expect(panel.button("Pause")).to_be_focused()

    expect(panel.name).to_be_enabled()
    panel.name.focus()
    for name in ("alice", "bob"):
        keyboard.type(name)
        keyboard.press("Enter")
        expect(panel.tile(name)).to_be_visible()
        expect(panel.name).to_have_value("")
    expect(panel.rows).to_have_count(2)
    expect(panel.status).to_contain_text(
        "alice waits for bob: all_users 2 from the server to bob is held "
        "(Step, pressed 2 times, delivers it)."
    )

    panel.button("Pause").focus()
    keyboard.press("ArrowDown")
    expect(panel.row(1)).to_be_focused()
    for number in range(1, 7):
        expect(panel.row(number)).to_have_attribute("data-next", "")
        keyboard.press("Space")
        expect(panel.row(number)).to_have_count(0)
        # The answer to the key; until then it takes no other.
        delivered = re.compile(rf"delivers \w+ {number} from")
        expect(panel.done).to_contain_text(delivered)
    expect(panel.button("Step")).to_be_focused()
    expect(panel.tile("bob")).to_have_attribute("data-state", "live")
    expect(panel.status).to_contain_text("Signaling is paused; no message is held.")

    panel.name.focus()
    keyboard.type("carol")
    keyboard.press("Enter")
    expect(panel.row(7)).to_contain_text("alice and bob are in the room")
    panel.button("Step").focus()
    keyboard.press("Enter")
    expect(panel.rows).to_have_count(4)
    expect(panel.done).to_contain_text("delivers all_users 7 from")
    keyboard.press("ArrowDown")
    expect(panel.row(8)).to_contain_text("Next: alice applies it")
    keyboard.press("Delete")
    expect(panel.row(8)).to_have_count(0)
    expect(panel.row(9)).to_be_focused()
    expect(panel.done).to_have_text("Dropped: offer 8 from carol to alice.")

    panel.call.get_by_role("button", name="Why does alice not see carol?").focus()
    keyboard.press("Enter")
    expect(panel.why).to_contain_text("alice does not see carol")
    expect(panel.why.locator("[data-missing]")).to_contain_text(
        "offer 8 from carol to alice was dropped on purpose"
    )

    slider = opened.page.get_by_label("Rewind")
    mode = opened.page.locator(".meshwidget-diagram-mode")
    slider.focus()
    keyboard.press("Home")
    expect(mode).to_have_text("replay")
    expect(panel.rows).to_have_count(3)  # the call is where it was
    keyboard.press("Tab")
    keyboard.press("Enter")
    expect(mode).to_have_text("live")

    panel.button("Resume").focus()
    keyboard.press("Enter")
    expect(panel.stepper).to_contain_text("running")
    expect(panel.rows).to_have_count(0)
    expect(panel.button("Resume")).to_be_focused()
    expect(opened.cells).to_have_count(1)  # no key did anything to the notebook


def test_edit_a_message(paused: Panel) -> None:
    paused.row(2).get_by_role("button", name="Deliver 2").click()
    expect(paused.rows).to_have_count(3)
    expect(paused.row(1).get_by_role("button", name="Edit 1")).to_have_count(0)
    paused.row(3).focus()
    paused.page.keyboard.press("Enter")
    text = paused.row(3).get_by_role("textbox", name="text of message 3")
    expect(text).to_be_focused()
    sequence = paused.page.locator("section.meshwidget-diagram")
    sequence.scroll_into_view_if_needed()  # or else it is not drawn
    expect(sequence.get_by_role("region")).to_contain_text("offer 3 from bob to alice")
    kept = text.input_value()
    text.fill("nonsense")
    save = paused.row(3).get_by_role("button", name="Save")
    save.click()
    expect(paused.error).to_contain_text("no SDP any more: line 1 is 'nonsense'")
    expect(text).to_have_value("nonsense")
    text.fill(kept.replace("a=fingerprint", "a=fingertip"))
    save.click()
    expect(text).to_have_count(0)
    expect(paused.row(3)).to_be_focused()
    expect(paused.error).to_have_text("")
    expect(paused.row(3)).to_contain_text("changed: rewritten")
    # The space bar types in a text, and steps elsewhere.
    paused.page.keyboard.press("Enter")
    expect(text).to_be_focused()
    paused.page.keyboard.press("Space")
    expect(paused.rows).to_have_count(3)
    paused.page.keyboard.press("Escape")
    expect(paused.row(3)).to_be_focused()
    paused.page.keyboard.press("Space")
    expect(paused.row(1)).to_have_count(0)


def test_the_diagrams_beside_it(paused: Panel) -> None:
    tabs = paused.page.get_by_role("tab")
    expect(
        paused.page.locator('section[data-kind="sequence"] .meshwidget-message')
    ).to_have_count(2)
    tabs.filter(has_text="Topology").click()
    expect(paused.page.locator('section[data-kind="topology"]')).to_contain_text(
        "2 participants, 1 link"
    )
    tabs.filter(has_text="Matrix").click()
    hole = paused.page.locator("section[data-matrix]").get_by_role(
        "group", name="bob as alice receives it: waiting: no connection yet"
    )
    expect(hole).to_be_visible()
    tabs.filter(has_text=re.compile("^Log$")).click()
    log = paused.page.locator('section[data-kind="log"]')
    expect(log).to_contain_text("bob joins room 1234")
    paused.button("Step").click()
    expect(log).to_contain_text("the server delivers all_users 1")


def test_a_program_steps_and_the_panel_follows(paused: Panel) -> None:
    paused.notebook.add_cell("mesh.step(); mesh.step(); mesh.drop(mesh.pending[0])")
    paused.notebook.run_last()
    expect(paused.rows).to_have_count(1)
    expect(paused.row(4)).to_contain_text("Next: alice can send connectivity checks")
    expect(paused.status).to_contain_text("offer 3 from bob to alice was dropped")
