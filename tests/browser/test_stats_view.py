"""The plots in a real JupyterLab, with nothing from outside."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from .conftest import OpenNotebook

pytestmark = pytest.mark.timeout(180)

TWO = """
from meshwidget import Mesh
mesh = Mesh()
for name in ("alice", "bob"):
    mesh.join(name)
mesh.wait_connected()
view = mesh.stats_view()
view
"""


def test_the_plots_live(notebook: OpenNotebook) -> None:
    opened = notebook(TWO)
    hosts: set[str | None] = set()
    opened.page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    opened.run_all()
    plot = opened.page.locator(".js-plotly-plot")
    lines = plot.locator(".scatterlayer .trace path.js-line")
    expect(lines).to_have_count(2)
    expect(plot.locator(".legendtext")).to_have_text(["alice to bob", "bob to alice"])
    before = lines.first.get_attribute("d")
    expect(lines.first).not_to_have_attribute("d", before or "")  # it goes on
    opened.page.get_by_label("Plot", exact=True).select_option("latency, ms")
    expect(plot.locator(".ytitle")).to_have_text("latency, ms")
    opened.page.get_by_label("received by", exact=True).select_option("bob")
    expect(lines).to_have_count(1)
    assert hosts <= {"127.0.0.1", None, ""}


def test_a_closed_view_is_measured_no_more(notebook: OpenNotebook) -> None:
    opened = notebook(TWO)
    opened.run_all()
    expect(opened.page.locator(".js-plotly-plot .trace")).to_have_count(2)
    opened.add_cell("view.close()\nprint(view._thread is None or 'still there')")
    opened.run_last()
    expect(opened.page.locator(".js-plotly-plot")).to_have_count(0)
