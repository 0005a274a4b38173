"""A view that is closed is gone, and keeps no call; nor is anything of it kept."""

from __future__ import annotations

import asyncio
import gc
import weakref

import ipywidgets  # type: ignore[import-untyped]
import pytest

from meshwidget import Mesh
from meshwidget.nesting import open_views

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


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_a_view_that_is_closed_stays(kind: str) -> None:
    """Its layouts, what is below it, and what the call was to tell it at its end."""
    with Mesh() as mesh:

        def look() -> None:
            view = getattr(mesh, kind)()
            if kind == "panel":
                for place in range(5):
                    view.diagrams.selected_index = place
            view.close()

        def left() -> tuple[int, int, int, int]:
            for _ in range(3):  # ipywidgets closes once more when it is collected,
                gc.collect()  # and that is handed to the loop once more
                mesh.loop.run(asyncio.sleep(0))
            gc.collect()
            call = mesh._call
            return (
                sum(isinstance(each, ipywidgets.Widget) for each in gc.get_objects()),
                len(call._closers),
                len(call.server.channels),
                len(mesh.log._subscribers),
            )

        look()  # what is made once, at the first time
        before = left()
        look()
        look()
        assert left() == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_view_of_a_call_that_is_over_is_live_no_more(kind: str) -> None:
    before = set(open_views())
    with Mesh() as mesh:
        view = getattr(mesh, kind)()
        assert set(open_views()) > before
    assert set(open_views()) <= before
    late = getattr(mesh, kind)()
    assert set(open_views()) <= before
    late.close()
    view.close()
