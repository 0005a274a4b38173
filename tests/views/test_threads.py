"""Pages are heard on whatever thread Jupyter has for them, while a cell blocks."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

from meshwidget import Mesh, MeshError
from meshwidget.events import TaskFailed
from meshwidget.views.live import LiveWidget

SECONDS = 30
ROUNDS = 5
CLICKS = 15


def clicks(page: str) -> Callable[[int], list[tuple[str, dict[str, Any]]]]:
    """What somebody presses who presses everything."""

    def at(number: int) -> list[tuple[str, dict[str, Any]]]:
        client = {"client": page, "request": number}
        pair = [["alice", "bob"], None][number % 2]
        return [
            ("tiles", {**client, "type": "hello"}),
            ("tiles", {**client, "type": "visibility", "visible": True}),
            ("tiles", {**client, "type": "ack", "sequence": number}),
            ("tiles", {**client, "type": "view", "viewer": ["alice", "*"][number % 2]}),
            ("tiles", {**client, "type": "why", "viewer": "alice", "remote": "bob"}),
            ("tiles", {**client, "type": "join", "name": "by a page"}),
            ("tiles", {**client, "type": "exit", "name": "by a page"}),
            ("stepper", {**client, "type": ["pause", "resume"][number % 2]}),
            ("stepper", {**client, "type": "step"}),
            ("stepper", {**client, "type": "open", "number": 1}),
            ("sequence", {**client, "type": "here", "version": 0, "visible": True}),
            ("sequence", {**client, "type": "set", "pair": pair, "selected": 1}),
        ]

    return at


def test_pages_on_threads_of_their_own_and_a_program_at_once() -> None:
    with Mesh(max_peers=4) as mesh:
        for name in ("alice", "bob"):
            mesh.join(name, video=None, audio=None)
        panel, sequence = mesh.panel(), mesh.sequence()
        views: dict[str, LiveWidget[Any]] = {
            "tiles": panel.call_panel,
            "stepper": panel.stepper,
            "sequence": sequence,
        }
        problems: list[BaseException] = []

        def press(page: str) -> None:
            at = clicks(page)
            try:
                for number in range(CLICKS):
                    for view, content in at(number):
                        views[view]._receive(None, content, [])
            except BaseException as error:
                problems.append(error)

        pages = [
            threading.Thread(target=press, args=(f"page {place}",), daemon=True)
            for place in range(3)
        ]
        for page in pages:
            page.start()
        for _ in range(ROUNDS):
            for act in (
                lambda: mesh.join("by a program", video=None, audio=None),
                mesh.stats,
                mesh.pause,
                mesh.resume,
                panel.snapshot,
                sequence.svg,
                lambda: mesh.exit("by a program"),
            ):
                # Pages have paused, say, or taken the place.
                with contextlib.suppress(MeshError):
                    act()
        for page in pages:
            page.join(SECONDS)
            assert not page.is_alive()
        assert problems == []
        mesh.resume()
        assert [str(each) for each in mesh.log.of(TaskFailed)] == []
        sequence.close()
        panel.close()
