"""The stepper, without a browser: what its pages are told and may ask for."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Any

import pytest
import traitlets
from ipywidgets import Widget  # type: ignore[import-untyped]

from meshwidget import Mesh, MeshWidget
from meshwidget.views.stepper import Stepper

DEADLINE = 10


class Page:
    """A page that looks, and acknowledges whatever it is told."""

    def __init__(self, stepper: Stepper, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stepper = stepper
        self.sent: queue.Queue[dict[str, Any]] = queue.Queue()
        self.requests = 0
        monkeypatch.setattr(stepper, "send", self.sent.put)

    def say(self, kind: str, **fields: object) -> None:
        """As the kernel does it with a custom message of the comm."""
        message = {"type": kind, "client": "page", **fields}
        self.stepper._handle_custom_msg(message, [])

    def open(self) -> None:
        self.say("here", version=0, visible=True)

    def take(self) -> dict[str, Any]:
        message = self.sent.get(timeout=DEADLINE)
        if message["type"] == "state" and not message["closed"]:
            self.say("here", version=message["version"], visible=True)
        return message

    def until(self, **wanted: object) -> dict[str, Any]:
        """The next message that has these fields."""
        while True:
            message = self.take()
            if all(message.get(key) == value for key, value in wanted.items()):
                return message

    def ask(self, kind: str, **fields: object) -> dict[str, Any]:
        """Make a request; the reply."""
        self.requests += 1
        self.say(kind, request=self.requests, **fields)
        return self.until(type="reply", request=self.requests)


@pytest.fixture
def mesh() -> Iterator[Mesh]:
    with Mesh(paused=True) as mesh:
        yield mesh


@pytest.fixture
def page(mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    yield Page(Stepper(mesh), monkeypatch)
    Widget.close_all()


def test_who_looks_is_told_how_it_is(mesh: Mesh, page: Page) -> None:
    mesh.join("alice")
    page.open()
    state = page.take()
    assert (state["paused"], state["count"]) == (True, 1)
    mesh.join("bob")
    assert [row["number"] for row in page.until(count=2)["pending"]] == [1, 2]
    mesh.step()
    assert [row["number"] for row in page.until(count=1)["pending"]] == [2]


def test_nothing_is_said_while_nobody_looks(mesh: Mesh, page: Page) -> None:
    page.say("here", version=0, visible=False)
    mesh.join("alice")
    mesh.pause()
    assert page.sent.empty()
    page.open()
    assert page.take()["count"] == 1


def test_a_page_that_is_behind_is_told_the_newest_only(mesh: Mesh, page: Page) -> None:
    page.open()
    state = page.sent.get(timeout=DEADLINE)
    for name in ("alice", "bob", "carol"):
        mesh.join(name)
    page.say("here", version=state["version"], visible=True)
    assert page.take()["count"] == 3


def test_pause_and_resume(mesh: Mesh, page: Page) -> None:
    mesh.join("alice")
    assert page.ask("resume")["ok"]
    assert (mesh.paused, len(mesh.pending)) == (False, 0)
    assert page.ask("pause")["ok"]
    assert mesh.paused


def test_a_step_says_what_it_did(mesh: Mesh, page: Page) -> None:
    mesh.join("alice")
    mesh.join("bob")
    reply = page.ask("step", number=2)
    assert reply["ok"]
    lines = reply["message"].splitlines()
    assert lines[0] == "the server delivers all_users 2 from the server to bob"
    assert "    the server accepts offer 3 from bob to alice" in lines
    assert page.ask("step")["message"].endswith("all_users 1 from the server to alice")


@pytest.mark.parametrize("kind", ["step", "drop", "open", "edit"])
def test_what_is_not_pending_is_refused_in_a_sentence(page: Page, kind: str) -> None:
    reply = page.ask(kind, number=7, text="")
    assert not reply["ok"]
    assert reply["message"].startswith("message 7 is not pending any more")


def test_a_step_with_nothing_pending(page: Page) -> None:
    reply = page.ask("step")
    assert not reply["ok"]
    assert "nothing is pending" in reply["message"]


def test_drop(mesh: Mesh, page: Page) -> None:
    mesh.join("alice")
    reply = page.ask("drop", number=1)
    assert reply["message"] == "Dropped: all_users 1 from the server to alice."
    assert len(mesh.pending) == 0


def test_open_and_edit_a_description(mesh: Mesh, page: Page) -> None:
    mesh.join("alice")
    mesh.join("bob")
    mesh.step(2)
    text = page.ask("open", number=3)["message"]
    assert text == mesh.pending[0].payload["sdp"]["sdp"]
    assert page.stepper.selected == 3
    # As a page's text area gives it back.
    lines = [line for line in text.splitlines() if "fingerprint" not in line]
    reply = page.ask("edit", number=3, text="\n".join(lines))
    assert reply["message"] == "Changed: offer 3 from bob to alice."
    changed = mesh.pending[0].payload["sdp"]["sdp"]
    assert changed == "".join(f"{line}\r\n" for line in lines)
    reply = page.ask("edit", number=3, text="hello")
    assert not reply["ok"]
    assert "no SDP any more: line 1 is 'hello'" in reply["message"]
    reply = page.ask("edit", number=3, text=changed.replace("\r\n", "\n"))
    assert "nothing changes" in reply["message"]


def test_open_and_edit_a_candidate(mesh: Mesh, page: Page) -> None:
    mesh.join("alice")
    mesh.join("bob")
    mesh.step(2)
    text = page.ask("open", number=4)["message"]
    changed = text.replace("127.0.0.1", "127.0.0.9")
    assert page.ask("edit", number=4, text=f"{changed}\n")["ok"]
    assert mesh.pending[1].payload["candidate"]["candidate"] == changed
    assert "no candidate" in page.ask("edit", number=4, text="nowhere")["message"]


def test_why_is_explained_as_long_as_it_is_asked(mesh: Mesh, page: Page) -> None:
    mesh.join("alice")
    mesh.join("bob")
    page.open()
    assert page.take()["why"] is None
    page.stepper.asked = ("alice", "bob")
    assert page.take()["why"]["title"] == "alice does not see bob"
    page.say("close")
    assert page.take()["why"] is None
    assert page.stepper.asked is None


@pytest.mark.parametrize("asked", [("alice",), ("alice", "alice"), ("a", "b", "c")])
def test_why_takes_two(page: Page, asked: tuple[str, ...]) -> None:
    with pytest.raises(traitlets.TraitError):
        page.stepper.asked = asked


def test_what_is_no_message_is_refused(page: Page) -> None:
    page.say("dance")
    assert page.take()["type"] == "refused"


def test_the_end_is_said_and_said_again(mesh: Mesh, page: Page) -> None:
    mesh.close()
    assert page.take()["closed"]
    page.open()
    assert page.take()["closed"]


def test_a_closed_stepper_says_nothing(mesh: Mesh, page: Page) -> None:
    page.stepper.close()
    page.stepper.close()
    mesh.join("alice")
    page.stepper._send_to_pages({"type": "state"})
    assert page.sent.empty()


def test_a_mistake_of_ours_is_answered_too(
    mesh: Mesh, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> None:
        raise LookupError("lost")

    monkeypatch.setattr(mesh, "pause_async", fail)
    reply = page.ask("pause")
    assert reply["message"] == "that failed: LookupError: lost"


def test_why_in_a_tile_is_answered_by_the_stepper(mesh: Mesh) -> None:
    panel = MeshWidget(mesh)
    why = {"type": "why", "client": "page", "viewer": "alice", "remote": "bob"}
    panel.call_panel._handle_custom_msg(why, [])
    assert panel.stepper.asked == ("alice", "bob")
    panel.call_panel._handle_custom_msg({**why, "remote": "alice"}, [])
    assert panel.stepper.asked == ("alice", "bob")
    panel.close()
    panel.close()


def test_a_tab_is_made_when_it_is_chosen(mesh: Mesh) -> None:
    panel = MeshWidget(mesh)
    tabs = panel.diagrams
    assert [len(page.children) for page in tabs.children] == [1, 0, 0, 0, 0]
    tabs.selected_index = 3
    tabs.selected_index = 1
    tabs.selected_index = 3
    assert [len(page.children) for page in tabs.children] == [1, 1, 0, 1, 0]


def test_what_is_chosen_in_one_diagram_is_chosen_in_all(mesh: Mesh) -> None:
    panel = MeshWidget(mesh)
    tabs = panel.diagrams
    tabs.selected_index = 1
    sequence, topology = (page.children[0] for page in tabs.children[:2])
    topology.pair = ("alice", "bob")
    assert sequence.pair == ("alice", "bob")
    sequence.selected = 3
    assert (topology.selected, panel.stepper.selected) == (None, 3)
    sequence.position = 2
    tabs.selected_index = 3
    states = tabs.children[3].children[0]
    assert (states.pair, states.position) == (("alice", "bob"), 2)
