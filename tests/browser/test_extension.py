"""The way into a room for a browser: through a real JupyterLab, with its login."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from .conftest import Lab, OpenNotebook

SOCKET = """
path => new Promise((resolve, reject) => {
  const socket = new WebSocket(new URL(path, location.href));
  const heard = [];
  socket.onerror = () => reject(new Error("not let in"));
  socket.onmessage = event => {
    heard.push(event.data);
    if (event.data.startsWith("0")) socket.send("40");
    if (event.data.startsWith("40")) resolve(heard);
  };
})
"""
"""Do by hand what a socket.io client does to connect."""


def room_page(notebook: OpenNotebook, context: BrowserContext) -> Page:
    """Click on an invitation in a notebook."""
    opened = notebook("from meshwidget import Mesh\nmesh = Mesh()\nmesh.invite()")
    opened.run_all()
    with context.expect_page() as page:
        opened.page.get_by_role("link", name="room 1234").click()
    page.value.wait_for_load_state()
    return page.value


def test_an_invitation_leads_into_the_room(
    notebook: OpenNotebook, context: BrowserContext, lab: Lab
) -> None:
    page = room_page(notebook, context)
    expect(page).to_have_url(
        re.compile(re.escape(f"{lab.url}/meshwidget/rooms/") + r"[\w-]{22}/$")
    )
    heard = page.evaluate(SOCKET, "socket.io/?EIO=4&transport=websocket")
    assert [each.partition("{")[0] for each in heard] == ["0", "40"]
    rooms = page.evaluate("fetch('../../api/rooms').then(answer => answer.json())")
    assert [each["room"] for each in rooms["rooms"]] == ["1234"]
    kind = page.evaluate(
        "fetch('../../static/panel.js')"
        ".then(answer => answer.headers.get('Content-Type'))"
    )
    assert kind == "text/javascript; charset=utf-8"


def test_the_rooms_are_found_by_clicking(
    notebook: OpenNotebook, context: BrowserContext, lab: Lab
) -> None:
    page = room_page(notebook, context)
    address = page.url
    page.goto(f"{lab.url}/meshwidget/")
    page.get_by_role("link", name="room 1234").click()
    expect(page).to_have_url(address)


@pytest.mark.parametrize("path", ["", "rooms/{}/"])
def test_nobody_gets_in_without_the_login(
    notebook: OpenNotebook, context: BrowserContext, lab: Lab, path: str
) -> None:
    address = room_page(notebook, context).url
    room_id = address.rstrip("/").rpartition("/")[2]
    browser = context.browser
    assert browser is not None
    stranger = browser.new_context()
    try:
        page = stranger.new_page()
        page.goto(f"{lab.url}/meshwidget/{path.format(room_id)}")
        expect(page).to_have_url(re.compile("/login"))
        with pytest.raises(Exception, match="not let in"):
            page.evaluate(SOCKET, f"{address}socket.io/?EIO=4&transport=websocket")
    finally:
        stranger.close()
