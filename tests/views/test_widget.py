"""The widgets, without a browser: what they send, and how they look to a notebook."""

import base64
import io
import queue
from collections.abc import Iterator
from typing import Any, cast

import pytest
import traitlets
from ipywidgets import Widget  # type: ignore[import-untyped]
from PIL import Image

from meshwidget import Mesh, MeshGrid, MeshWidget
from meshwidget.views import grid as grid_module
from meshwidget.views.grid import CallPanel

DEADLINE = 10


class Pages:
    """What the pages of a widget would get."""

    def __init__(self, widget: MeshGrid, monkeypatch: pytest.MonkeyPatch) -> None:
        self.widget = widget
        self.sent: queue.Queue[tuple[dict[str, Any], list[bytes]]] = queue.Queue()
        monkeypatch.setattr(
            widget, "send", lambda content, buffers: self.sent.put((content, buffers))
        )

    def say(self, kind: str, **fields: object) -> None:
        """As the kernel does it with a custom message of the comm."""
        message = {"type": kind, "client": "page", **fields}
        self.widget._handle_custom_msg(message, [])

    def next(self, kind: str) -> tuple[dict[str, Any], list[bytes]]:
        """Wait for the next message of a kind."""
        while True:
            content, buffers = self.sent.get(timeout=DEADLINE)
            if content["type"] == kind:
                return content, buffers


@pytest.fixture
def mesh() -> Iterator[Mesh]:
    with Mesh() as mesh:
        yield mesh


@pytest.fixture(autouse=True)
def _close_widgets() -> Iterator[None]:
    yield
    Widget.close_all()


def test_frames_come_as_one_message_with_a_jpeg_each(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = MeshGrid(mesh)
    pages = Pages(grid, monkeypatch)
    mesh.join("alice")
    mesh.join("bob")
    mesh.wait_connected()
    pages.say("hello")
    pages.say("visibility", visible=True)
    frames, buffers = pages.next("frames")
    shown = [picture["tile"] for picture in frames["pictures"]]
    assert shown == ["alice\nalice", "alice\nbob"]
    for buffer in buffers:
        with Image.open(io.BytesIO(buffer)) as picture:
            assert (picture.format, picture.size) == ("JPEG", (240, 240))


def test_join_and_exit_from_a_page(mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = Pages(CallPanel(mesh), monkeypatch)
    pages.say("join", request=1, name="alice")
    assert pages.next("reply")[0]["ok"]
    assert list(mesh.peers) == ["alice"]
    pages.say("join", request=2, name="alice")
    reply, _ = pages.next("reply")
    assert not reply["ok"]
    assert "alice" in reply["message"]
    pages.say("exit", request=3, name="alice")
    assert pages.next("reply")[0]["ok"]
    assert mesh.peers == {}


def test_choosing_a_viewer_on_a_page_sets_the_trait(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    mesh.join("alice")
    mesh.join("bob")
    panel = MeshWidget(mesh)
    pages = Pages(panel.call_panel, monkeypatch)
    seen: list[object] = []
    panel.observe(lambda change: seen.append(change["new"]), "viewer")
    pages.say("view", viewer="bob")
    assert (panel.viewer, seen) == ("bob", ["bob"])
    assert pages.next("state")[0]["viewer"] == "bob"
    panel.viewer = "*"
    assert pages.next("state")[0]["viewer"] == "*"


def test_the_viewer_is_a_name_or_none(mesh: Mesh) -> None:
    with pytest.raises(traitlets.TraitError):
        MeshGrid(mesh).viewer = 3  # type: ignore[assignment]


def test_only_the_panel_has_controls(mesh: Mesh) -> None:
    assert not MeshGrid(mesh).controls
    assert MeshWidget(mesh).call_panel.controls


def test_no_picture_is_ever_in_the_traits(mesh: Mesh) -> None:
    mesh.join("alice")
    state = MeshGrid(mesh).get_state()
    assert len(state) < 20
    assert not any(isinstance(value, bytes | memoryview) for value in state.values())


def test_reprs_are_the_same_every_time(mesh: Mesh) -> None:
    assert repr(MeshGrid(mesh)) == "<MeshGrid of room 1234>"
    assert repr(MeshGrid(mesh, viewer="bob")) == "<MeshGrid of room 1234, viewer='bob'>"
    assert repr(MeshWidget(mesh)) == "<MeshWidget of room 1234>"


@pytest.mark.parametrize("kind", [MeshGrid, MeshWidget])
def test_shown_it_is_a_live_view_a_picture_and_a_text(
    mesh: Mesh, kind: type[MeshGrid | MeshWidget]
) -> None:
    mesh.join("alice")
    data, _ = kind(mesh)._repr_mimebundle_()
    assert set(data) == {
        "text/plain",
        "image/png",
        "application/vnd.jupyter.widget-view+json",
    }
    assert data["text/plain"] == f"<{kind.__name__} of room 1234>"
    with Image.open(io.BytesIO(base64.b64decode(data["image/png"]))) as picture:
        assert picture.format == "PNG"


def test_it_can_be_shown_after_the_call_has_ended(mesh: Mesh) -> None:
    panel = MeshWidget(mesh)
    mesh.close()
    assert "image/png" in panel._repr_mimebundle_()[0]


def test_the_pages_hear_that_the_call_has_ended(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = Pages(MeshGrid(mesh), monkeypatch)
    mesh.close()
    assert pages.next("state")[0]["closed"]
    pages.say("hello")
    assert pages.next("state")[0]["closed"]


def test_a_view_of_a_call_that_has_ended(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    mesh.close()
    pages = Pages(MeshGrid(mesh), monkeypatch)
    pages.say("hello")
    assert pages.next("state")[0]["closed"]


def test_closing_a_grid_leaves_the_call_alone(mesh: Mesh) -> None:
    grid = MeshGrid(mesh)
    grid.close()
    grid.close()
    assert grid.comm is None
    mesh.join("alice")
    assert not mesh.closed


def test_nothing_is_sent_by_a_closed_view(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = MeshGrid(mesh)
    pages = Pages(grid, monkeypatch)
    grid.close()
    grid._send_to_pages({"type": "state"}, [])
    assert pages.sent.empty()


def test_a_panel_starts_a_call_of_its_own_and_ends_it() -> None:
    panel = MeshWidget(room="5678", max_peers=2)
    assert (panel.mesh.room, panel.mesh.max_peers) == ("5678", 2)
    assert not panel.mesh.closed
    panel.close()
    assert panel.mesh.closed


def test_a_panel_of_a_given_call_does_not_end_it(mesh: Mesh) -> None:
    MeshWidget(mesh).close()
    assert not mesh.closed


def test_arguments_for_a_mesh_and_a_mesh_do_not_go_together(mesh: Mesh) -> None:
    with pytest.raises(TypeError, match="room"):
        MeshWidget(mesh, room="5678")


def test_a_panel_whose_call_cannot_be_started_is_collected_in_peace() -> None:
    with pytest.raises(ValueError, match="max_peers"):
        MeshWidget(max_peers=0)


def test_the_front_end_is_one_module_that_fetches_nothing(mesh: Mesh) -> None:
    script = (grid_module.HERE / "panel.js").read_text(encoding="utf-8")
    style = (grid_module.HERE / "panel.css").read_text(encoding="utf-8")
    state = cast("dict[str, object]", MeshGrid(mesh).get_state())
    assert state["_esm"] == script
    assert state["_css"] == style
    for text in (script, style):
        assert "http" not in text
        assert "@import" not in text
        assert "\nimport " not in text
