"""Names that would be markup, wherever a page shows one; test_panel has the tiles."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from .conftest import CAMERA_FLAGS, Notebook, OpenNotebook
from .test_guest import guest_in, join, run
from .test_panel import HOSTILE, button, tiles

pytestmark = pytest.mark.timeout(180)

CHROMIUM_FLAGS = CAMERA_FLAGS

ROOM = "</h1><svg onload=window.hacked=1>"
IMG, SCRIPT, PROTO, QUOTES = HOSTILE
CALL = f"""
from meshwidget import Mesh
mesh = Mesh({ROOM!r}, max_peers=8)
for name in {HOSTILE!r}:
    mesh.join(name)
mesh.wait_connected()
"""


def assert_text(page: Page, shown: Locator) -> None:
    """Nothing that a name says has been done, or has become an element."""
    assert page.evaluate("window.hacked") is None
    assert shown.locator("img[src=x], script, svg[onload], [onerror]").count() == 0


@pytest.fixture
def hostile(notebook: OpenNotebook) -> Notebook:
    opened = notebook(f"{CALL}mesh")
    opened.run_all()
    expect(tiles(opened.views.first)).to_have_count(4)
    return opened


def test_diagrams_and_the_log(hostile: Notebook) -> None:
    page = hostile.page
    for kind in ("sequence", "topology", "states", "log"):
        page.get_by_role("tab").get_by_text(kind.title(), exact=True).click()
        view = page.locator(f'section[data-kind="{kind}"]')
        for name in HOSTILE[:3] if kind != "states" else HOSTILE[2:]:
            expect(view).to_contain_text(name)
        assert_text(page, view)
    page.get_by_role("tab").get_by_text("Sequence", exact=True).click()
    view = page.locator('section[data-kind="sequence"]')
    view.get_by_label("Show").select_option(f"{IMG} and {SCRIPT}")
    # What does not fit is in the title as well.
    heads = view.locator(".meshwidget-heads text")
    expect(heads).to_have_count(3)
    for head, name in ((0, IMG), (2, SCRIPT)):
        expect(heads.nth(head).locator("title")).to_have_text(name)
    view.locator(".meshwidget-message").nth(2).click()
    expect(view.get_by_role("region")).to_contain_text(f"from {SCRIPT} to {IMG}")
    page.get_by_role("tab").get_by_text("Matrix", exact=True).click()
    matrix = page.locator("section[data-matrix]")
    expect(matrix).to_contain_text(PROTO)
    assert_text(page, page.locator(".jp-OutputArea"))


def test_what_is_held_why_and_the_faults(hostile: Notebook) -> None:
    page, panel = hostile.page, hostile.views.first
    run(hostile, 'mesh.pause(); mesh.join("eve"); print(1)')
    stepper = page.locator("section.meshwidget-stepper")
    button(stepper, "Step").click()
    for name in HOSTILE:
        expect(stepper.locator("ol")).to_contain_text(f"eve → {name}")
    expect(stepper.locator(".meshwidget-done")).to_contain_text(IMG)

    button(panel, f"Faults of {SCRIPT}").click()
    menu = page.get_by_role("menu")
    link = menu.get_by_role("group", name=f"Link {SCRIPT} - {IMG}")
    expect(
        link.or_(menu.get_by_role("group", name=f"Link {IMG} - {SCRIPT}"))
    ).to_have_count(1)
    expect(menu).to_contain_text(f"Freeze {SCRIPT}")
    assert_text(page, menu)
    menu.get_by_role("menuitem", name="Impair").click()
    form = page.get_by_role("dialog")
    form.get_by_label("direction").select_option(f"to {IMG}")
    assert_text(page, form)
    form.get_by_role("button", name="Impair").click()
    expect(panel.locator(".meshwidget-fault").nth(1)).to_contain_text(f"toward {IMG}")
    button(panel, "Faults of the call").click()
    expect(
        menu.get_by_role("menuitem", name=f"{IMG} - {PROTO}", exact=True)
    ).to_be_visible()
    page.keyboard.press("Escape")

    button(panel, f"Why does {IMG} not see eve?").click()
    why = stepper.get_by_role("region", name="why")
    expect(why).to_contain_text(f"{IMG} does not see eve")
    expect(panel).to_contain_text(f"room {ROOM}")
    assert_text(page, page.locator(".jp-OutputArea"))


def test_plots_and_tables(notebook: OpenNotebook) -> None:
    opened = notebook(
        f"{CALL}view = mesh.stats_view(receiver={IMG!r})\nview",
        "display(mesh.log, mesh.pending, mesh.stats(), mesh.states_table())",
        f"display(mesh.why({IMG!r}, {PROTO!r}), mesh.invite())",
    )
    opened.run_all()
    page = opened.page
    # plotly itself takes what looks like an escape for one.
    legend: list[str | re.Pattern[str]] = [
        *(f"{name} to {IMG}" for name in (SCRIPT, PROTO)),
        re.compile("日本語 to"),
    ]
    expect(page.locator(".legendtext")).to_have_text(legend)
    chooser = page.get_by_label("received by", exact=True)
    expect(chooser.locator("option")).to_have_count(1 + len(HOSTILE))
    for place in (1, 2):
        expect(opened.cells.nth(place)).to_contain_text(ROOM if place == 2 else PROTO)
    assert_text(page, page.locator(".jp-OutputArea"))


def test_the_rooms_and_a_guest_among_them(
    notebook: OpenNotebook, context: BrowserContext
) -> None:
    opened = notebook(f"{CALL}mesh")
    opened.run_all()
    page = context.new_page()
    page.goto(f"{opened.lab.url}/meshwidget/")
    link = page.get_by_role("link", name=f"room {ROOM}")
    assert_text(page, page.locator("body"))
    link.click()
    expect(page.get_by_role("heading")).to_have_text(f"Room {ROOM}")
    guest = join(page, "constructor")
    shown = guest.locator(".meshwidget-tile")
    expect(shown).to_have_count(5)
    for place, name in enumerate(["constructor", *HOSTILE]):
        expect(shown.nth(place)).to_have_attribute("data-peer", name)
        expect(shown.nth(place)).to_contain_text(name)
        expect(shown.nth(place)).to_have_attribute("data-state", "live")
    assert_text(page, page.locator("body"))
    expect(opened.views.first.locator('[data-peer="constructor"]')).to_be_attached()
    here = join(opened.page, '"><b>bold')
    expect(here.locator(".meshwidget-tile")).to_have_count(6)
    expect(guest_in(page)).to_contain_text('"><b>bold')
    assert_text(opened.page, opened.page.locator(".jp-OutputArea"))
