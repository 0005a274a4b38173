"""What a participant is called is text wherever it is shown, never markup."""

from __future__ import annotations

import json
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from meshwidget import Mesh

NAMES = (
    "<img src=x onerror=window.hacked=1>",
    "</text><script>window.hacked=1</script>",
    "__proto__",
    "]]>&lt;&#0;\"'`${1}",
)


@pytest.fixture(scope="module")
def mesh() -> Iterator[Mesh]:
    """A call among people with such names, in a room with one."""
    with Mesh(room="<b onclick=window.hacked=1>room") as made:
        for name in NAMES:
            made.join(name)
        made.wait_connected(timeout=15)
        made.link(*NAMES[:2]).cut()
        yield made


@pytest.mark.parametrize("kind", ["sequence", "topology", "states"])
def test_a_diagram_has_no_markup_but_its_own(mesh: Mesh, kind: str) -> None:
    view = getattr(mesh, kind)()
    root = ElementTree.fromstring(view.svg())
    tags = {each.tag.rpartition("}")[2] for each in root.iter()}
    assert not tags & {"img", "script", "foreignObject", "b", "a"}, tags
    for element in root.iter():
        assert not [name for name in element.attrib if name.lower().startswith("on")]
    view.close()


def test_what_a_notebook_keeps_has_no_markup_but_its_own(mesh: Mesh) -> None:
    for view in (mesh.panel(), mesh.sequence(), mesh.topology(), mesh.matrix()):
        data, _ = view._repr_mimebundle_()
        for kind, content in data.items():
            if kind in {"text/html", "image/svg+xml"}:
                assert "<img src=x" not in content
                assert "<script" not in content
                assert "<b onclick" not in content
        view.close()


def test_tables_and_texts(mesh: Mesh) -> None:
    for shown in (
        mesh.log,
        mesh.pending,
        mesh.stats(),
        mesh.states_table(),
        mesh.why(*NAMES[:2]),
        mesh.invite(),
    ):
        html = getattr(shown, "_repr_html_", lambda: "")() or ""
        assert "<img src=x" not in html
        assert "<script" not in html
        assert "<b onclick" not in html
    assert NAMES[0] in str(mesh.log)


def test_mermaid_ends_no_line_and_no_label_early(mesh: Mesh) -> None:
    text = mesh.mermaid()
    assert "<img" not in text
    assert "<script" not in text


def test_a_session_keeps_the_names(mesh: Mesh) -> None:
    assert set(NAMES) == set(mesh.peers)
    assert json.loads(json.dumps(list(mesh.peers))) == list(NAMES)
    assert [peer.name for peer in mesh.peers.values()] == list(NAMES)
