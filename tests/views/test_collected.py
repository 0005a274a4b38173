"""A view that is closed is gone, and keeps no call."""

from __future__ import annotations

import gc
import weakref

import pytest

from meshwidget import Mesh

KINDS = ("grid", "panel", "matrix", "sequence", "topology", "states", "stats_view")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("first", ["view", "mesh"])
def test_nothing_keeps_a_view_that_is_closed(kind: str, first: str) -> None:
    def look() -> tuple[weakref.ref[Mesh], weakref.ref[object]]:
        mesh = Mesh()
        view = getattr(mesh, kind)()
        for each in (view, mesh) if first == "view" else (mesh, view):
            each.close()
        return weakref.ref(mesh), weakref.ref(view)

    mesh, view = look()
    gc.collect()
    gc.collect()  # ipywidgets closes once more when it is collected
    assert mesh() is None
    assert view() is None
