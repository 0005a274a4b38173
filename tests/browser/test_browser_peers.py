"""The notebook about browsers as peers, run with one."""

from __future__ import annotations

import re

import nbformat
import pytest
from playwright.sync_api import expect

from ..conftest import ROOT
from .conftest import CAMERA_FLAGS, Notebook, OpenNotebook
from .test_guest import guest_in, join

pytestmark = pytest.mark.timeout(240)

CHROMIUM_FLAGS = CAMERA_FLAGS

NOTEBOOK = ROOT / "notebooks" / "04_browser_peers.ipynb"


def code_cells() -> list[str]:
    """What is in the notebook to be run."""
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "code"]


def go_through(opened: Notebook, sources: list[str]) -> dict[str, str]:
    """Do what the notebook tells a learner; returns the outputs by their cells."""
    outputs: dict[str, str] = {}
    for index, source in enumerate(sources):
        guest = guest_in(opened.page)
        if source.startswith("from meshwidget import load"):
            join(opened.page)
            two = "browser is connected to 2 of 2."
            expect(guest.get_by_role("status")).to_have_text(two)
        if source == "mesh.pause()" or "PeerLeft" in source:
            guest.get_by_role("button", name="Leave").click()
        if source == "mesh.pending":
            join(opened.page)
            alone = "browser is alone in the room."
            expect(guest.get_by_role("status")).to_have_text(alone)
        outputs[source] = opened.run_cell(index)
        # The page's words and the cell go different ways to the kernel.
        while "PeerLeft" in source and outputs[source].count("leaves") < 2:
            outputs[source] = opened.run_cell(index)
    return outputs


def output(outputs: dict[str, str], part: str) -> str:
    """Of the only cell that has this in it."""
    (found,) = [text for source, text in outputs.items() if part in source]
    return found


def test_with_a_browser_it_shows_the_learners_own_call(notebook: OpenNotebook) -> None:
    opened = notebook(*code_cells())
    outputs = go_through(opened, code_cells())
    assert not [text for text in outputs.values() if "Traceback" in text]
    assert output(outputs, "import load") == (
        "browser is in the room. What follows is your own call."
    )
    assert "Here would be" not in output(outputs, "import Image")
    offers = output(outputs, "show(bob=ours")
    assert re.search(r"sections, in order +video audio +audio video", offers)
    assert re.search(r"codecs for pictures +VP8 +VP8 .*VP9", offers)
    assert "a=rtcp-rsize" in output(outputs, "def kinds")
    answered = output(outputs, "show(browser=theirs")
    assert re.search(r"payload types +\d\d +3", answered)
    assert "opus/48000/2" in answered
    addresses = output(outputs, "explain_candidate")
    assert addresses.endswith("and that was all")
    assert "host udp" in addresses
    assert "all_users" in outputs["mesh.pending"]
    assert "delivers all_users" in output(outputs, 'step("all_users"')
    assert "have-remote-offer -> stable" in output(outputs, 'step("offer"')
    assert "from alice to browser" in output(outputs, 'step("answer"')
    assert output(outputs, "call.why").startswith("alice sees browser")
    left = output(outputs, "PeerLeft").splitlines()
    assert all(line.startswith("browser") for line in left)
    assert "True" in outputs["mesh.close()\nmesh.closed"]
