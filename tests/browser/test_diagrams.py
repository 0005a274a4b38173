"""The diagrams in a real JupyterLab: live, opened, filtered, rewound, by keyboard."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from .conftest import Notebook, OpenNotebook

pytestmark = pytest.mark.timeout(180)

TWO = """
from meshwidget import Mesh
from meshwidget.views.diagram_widget import SequenceView, StatesView, TopologyView
mesh = Mesh()
for name in ("alice", "bob"):
    mesh.join(name)
mesh.wait_connected()
"""
THREE = f"""{TWO}
mesh.join("carol")
mesh.wait_connected()
"""
SESSION = """
mesh.save("session.jsonl")
mesh.close()
import meshwidget
saved = meshwidget.load("session.jsonl")
"""


def diagram(notebook: Notebook) -> Locator:
    return notebook.page.locator("section.meshwidget-diagram")


def message(view: Locator, number: int) -> Locator:
    return view.locator(f'.meshwidget-message[data-number="{number}"]')


def mode(view: Locator) -> Locator:
    return view.locator(".meshwidget-diagram-mode")


def detail(view: Locator) -> Locator:
    return view.get_by_role("region")


@pytest.fixture
def sequence(notebook: OpenNotebook) -> Notebook:
    """The sequence diagram of two who are connected."""
    opened = notebook(f"{TWO}\nview = SequenceView(mesh)\nview")
    opened.run_all()
    expect(message(diagram(opened), 6)).to_be_visible()
    return opened


def test_the_diagram_grows_with_the_call(sequence: Notebook) -> None:
    view = diagram(sequence)
    expect(mode(view)).to_have_text("live")
    sequence.add_cell('mesh.join("carol")')
    sequence.run_last()
    expect(message(view, 7)).to_be_attached()
    # The newest is in sight, and so are the names.
    picture = view.locator(".meshwidget-diagram-picture")
    expect(picture).to_contain_text("carol")
    expect(view.locator(".meshwidget-message").last).to_be_in_viewport()
    for name in ("alice", "server", "bob", "carol"):
        head = view.locator(".meshwidget-heads text", has_text=name)
        expect(head).to_be_in_viewport()


def test_a_click_opens_a_message_line_by_line(sequence: Notebook) -> None:
    view = diagram(sequence)
    message(view, 5).click()
    opened = detail(view)
    expect(opened).to_contain_text("answer 5 from alice to bob")
    expect(opened).to_contain_text("getAnswer")
    expect(opened).to_contain_text("Compared with offer 3 from bob to alice")
    fingerprint = opened.locator("tr", has_text="a=fingerprint:sha-256")
    expect(fingerprint.first).to_contain_text("RFC")
    expect(opened.locator("tr[data-change=changed]").first).to_be_visible()
    expect(message(view, 5)).to_have_class(re.compile("selected"))
    opened.get_by_role("button", name="Close").click()
    expect(opened).to_have_count(0)


def test_a_candidate_is_opened_field_by_field(sequence: Notebook) -> None:
    view = diagram(sequence)
    message(view, 4).click()
    opened = detail(view)
    for words in ("foundation", "priority", "127.0.0.1", "typ"):
        expect(opened).to_contain_text(words)


def test_the_keyboard_moves_between_messages_and_opens_them(
    sequence: Notebook,
) -> None:
    view, page = diagram(sequence), sequence.page
    view.locator('.meshwidget-diagram-picture [tabindex="0"]').focus()
    expect(message(view, 6)).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(message(view, 5)).to_be_focused()
    page.keyboard.press("Home")
    expect(message(view, 1)).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(detail(view)).to_contain_text("offer 3 from bob to alice")
    expect(message(view, 3)).to_be_focused()
    page.keyboard.press("Escape")
    expect(detail(view)).to_have_count(0)
    expect(message(view, 3)).to_be_focused()


def test_filters(notebook: OpenNotebook) -> None:
    opened = notebook(
        f"{TWO}mesh.join('carol')\nmesh.wait_connected()\nSequenceView(mesh)"
    )
    opened.run_all()
    view = diagram(opened)
    expect(message(view, 15)).to_be_attached()
    view.get_by_label("Messages").select_option("answer")
    expect(view.locator(".meshwidget-message")).to_have_count(3)
    view.get_by_label("Messages").select_option("all")
    view.get_by_label("Show").select_option("alice and bob")
    expect(view.locator(".meshwidget-heads text")).to_have_text(
        ["alice", "server", "bob"]
    )
    view.get_by_label("Show").select_option("carol and everybody")
    expect(view.locator(".meshwidget-heads text")).to_have_count(4)
    expect(message(view, 3)).to_have_count(0)


def test_rewinding_says_that_it_is_a_replay_while_the_call_goes_on(
    sequence: Notebook,
) -> None:
    view = diagram(sequence)
    slider = view.get_by_label("Rewind")
    slider.focus()
    slider.press("Home")
    expect(mode(view)).to_have_text("replay")
    expect(view).to_contain_text("nothing has happened yet")
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    expect(view).to_contain_text("alice joins room 1234")
    sequence.add_cell('mesh.join("carol")')
    sequence.run_last()
    expect(mode(view)).to_have_text("replay")
    expect(view.locator(".meshwidget-heads text")).to_have_text(["alice", "server"])
    view.get_by_role("button", name="Back to live").click()
    expect(mode(view)).to_have_text("live")
    expect(view.locator(".meshwidget-heads text")).to_have_count(4)


def test_a_link_of_the_topology_filters_the_sequence(notebook: OpenNotebook) -> None:
    opened = notebook(
        f"{THREE}"
        "import traitlets\n"
        "topology, sequence = TopologyView(mesh), SequenceView(mesh)\n"
        'link = traitlets.link((topology, "pair"), (sequence, "pair"))\n'
        "topology",
        "sequence",
    )
    opened.run_all()
    topology = opened.page.locator('section[data-kind="topology"]')
    sequence = opened.page.locator('section[data-kind="sequence"]')
    expect(topology).to_contain_text("3 participants, 3 links = 3·2/2")
    between = topology.get_by_role("button", name="alice and carol: connected")
    between.press("Enter")
    expect(between).to_have_class(re.compile("selected"))
    expect(sequence.locator(".meshwidget-heads text")).to_have_text(
        ["alice", "server", "carol"]
    )
    between.press("Enter")
    expect(sequence.locator(".meshwidget-heads text")).to_have_count(4)


def test_states_of_a_chosen_connection(notebook: OpenNotebook) -> None:
    opened = notebook(f"{TWO}StatesView(mesh)")
    opened.run_all()
    view = diagram(opened)
    expect(view).to_contain_text(re.compile("bob\\W+s connection to \\W*alice"))
    view.get_by_role("combobox").select_option("alice → bob")
    lit = view.locator('[aria-current="true"]')
    expect(lit).to_have_count(5)
    expect(lit.nth(0)).to_have_attribute("data-state", "stable")
    expect(lit.nth(2)).to_have_attribute("data-state", "completed")


def test_a_loaded_session_is_shown_and_rewound(notebook: OpenNotebook) -> None:
    opened = notebook(f"{TWO}{SESSION}\nSequenceView(saved)")
    opened.run_all()
    view = diagram(opened)
    expect(message(view, 6)).to_be_attached()
    expect(mode(view)).to_have_text("the end")
    slider = view.get_by_label("Rewind")
    slider.focus()
    slider.press("Home")
    expect(message(view, 1)).to_have_count(0)
    view.get_by_role("button", name="To the end").click()
    expect(message(view, 6)).to_be_attached()


def test_two_places_show_one_diagram(sequence: Notebook) -> None:
    sequence.add_cell("view")
    sequence.run_last()
    views = diagram(sequence)
    expect(views).to_have_count(2)
    for place in (0, 1):
        expect(message(views.nth(place), 6)).to_be_attached()
    message(views.nth(1), 3).click()
    expect(detail(views.nth(0))).to_contain_text("offer 3 from bob to alice")


def test_a_page_that_is_loaded_again_shows_it_again(sequence: Notebook) -> None:
    sequence.page.keyboard.press("Control+s")
    expect(sequence.page.locator(".jp-mod-dirty")).to_have_count(0)
    sequence.open()
    expect(message(diagram(sequence), 6)).to_be_visible()
