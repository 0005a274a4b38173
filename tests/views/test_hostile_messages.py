"""What no page of ours would say to a view, in every field: nobody else notices."""

from __future__ import annotations

import asyncio
import copy
import json
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest

from meshwidget import Mesh
from meshwidget.events import TaskFailed
from meshwidget.views.live import LiveWidget

SECONDS = 10

HALF = "\ud83d"
"""Half of a character, as a page's ``JSON.stringify`` escapes it."""

CLIENT = {"client": "c" * 32}
REQUEST = {**CLIENT, "request": 1}
FORM = {"toward": None, "loss": 10, "delay_ms": 0, "jitter_ms": 0, "kbps": None}
GOOD: dict[str, list[dict[str, Any]]] = {
    "tiles": [
        {**CLIENT, "type": "hello", "codecs": ["vp8"]},
        {**CLIENT, "type": "ack", "sequence": 1},
        {**CLIENT, "type": "visibility", "visible": True, "hidden": []},
        {**CLIENT, "type": "undecodable", "tiles": ["alice"], "failed": False},
        {**CLIENT, "type": "bye"},
        {**CLIENT, "type": "view", "viewer": "alice"},
        {**CLIENT, "type": "why", "viewer": "alice", "remote": "bob"},
        {**REQUEST, "type": "join", "name": "carol"},
        {**REQUEST, "type": "exit", "name": "nobody"},
        {**REQUEST, "type": "menu", "of": "tile", "names": ["alice", "bob"]},
        {**REQUEST, "type": "menu", "of": "link", "names": ["alice", "bob"]},
        {**REQUEST, "type": "menu", "of": "call", "names": []},
        {
            **REQUEST,
            "type": "fault",
            "names": ["alice", "bob"],
            "key": "impair",
            "values": FORM,
        },
    ],
    "stepper": [
        {**CLIENT, "type": "here", "version": 0, "visible": True},
        {**CLIENT, "type": "bye"},
        {**CLIENT, "type": "close"},
        *({**REQUEST, "type": kind} for kind in ("pause", "resume", "step")),
        *({**REQUEST, "type": kind, "number": 1} for kind in ("drop", "open", "step")),
        {**REQUEST, "type": "edit", "number": 1, "text": "v=0"},
    ],
    "diagram": [
        {**CLIENT, "type": "here", "version": 0, "visible": True},
        {**CLIENT, "type": "bye"},
        {
            **CLIENT,
            "type": "set",
            "position": 3,
            "selected": 1,
            "limit": 5,
            "peers": ["alice"],
            "kinds": ["offer"],
            "pair": ["alice", "bob"],
        },
    ],
    "guest": [
        {**CLIENT, "type": "hello"},
        {**CLIENT, "type": "alive"},
        {**CLIENT, "type": "bye"},
        {
            **REQUEST,
            "type": "signal",
            "event": "join_room",
            "payload": {"room": "1234", "email": "carol"},
        },
        {
            **REQUEST,
            "type": "signal",
            "event": "offer",
            "payload": {
                "sdp": {"type": "offer", "sdp": "v=0"},
                "offerSendID": "x",
                "offerSendEmail": "x",
                "offerReceiveID": "x",
            },
        },
    ],
}
"""Everything that pages say, to be spoiled in one place or two."""

ODD: list[Any] = [
    None, True, -1, 0, 1, 2**31, 2**63, 10**400, 1.5, 1e308, float("nan"),
    float("inf"), "", "*", "nobody", "__proto__", "\0", "\u202e", HALF,
    "<img src=x onerror=alert(1)>", "x" * 70_000, [], {}, [[]], [None],
    ["alice", "alice"], ["alice", "bob"], [HALF, "]]>"], ["a"] * 5000,
    ["\0\x1b"], {HALF: HALF}, {"loss": float("nan")}, {"seed": True},
    {"toward": HALF}, {"a": {"a": [{}]}},
]  # fmt: skip


def spoiled(chance: random.Random, to: str) -> object:
    """A good message with some of it spoiled, or nothing of the kind."""
    if chance.random() < 0.05:
        return chance.choice(ODD)
    message = copy.deepcopy(chance.choice(GOOD[to]))
    for _ in range(chance.choice([1, 1, 2])):
        holder = message
        field = chance.choice(list(holder))
        while isinstance(holder[field], dict) and holder[field]:
            holder = holder[field]
            field = chance.choice(list(holder))
        if chance.random() < 0.9:
            holder[field] = copy.deepcopy(chance.choice(ODD))
        elif len(holder) > 1:
            del holder[field]
    return message


class Wire:
    """The comm, as far as the kernel's Jupyter client: JSON in UTF-8."""

    def __init__(self, mesh: Mesh, widget: LiveWidget[Any]) -> None:
        self.mesh = mesh
        self.widget = widget
        self.sent: list[dict[str, Any]] = []
        widget.send = self.send

    def send(self, content: dict[str, Any], buffers: object = None) -> None:
        # What jupyter_client does (Session.pack), before its own repairs.
        json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
        self.sent.append(content)

    def say(self, content: object) -> None:
        self.widget._receive(self.widget, content, [])

    def say_and_hear(self, content: dict[str, Any], kind: str) -> None:
        """Say something sensible, as another page, and be answered."""
        self.sent.clear()
        self.say({**content, "client": "another page's own"})
        deadline = time.monotonic() + SECONDS
        while not any(each["type"] == kind for each in self.sent):
            assert time.monotonic() < deadline, f"no {kind} but {self.sent}"
            self.mesh.loop.run(asyncio.sleep(0.002))


@pytest.fixture(scope="module")
def mesh() -> Iterator[Mesh]:
    """Two without media, and no place for anybody else."""
    with Mesh(max_peers=2) as made:
        for name in ("alice", "bob"):
            made.join(name, video=None, audio=None)
        yield made


@pytest.fixture(scope="module")
def wires(mesh: Mesh) -> Iterator[dict[str, Wire]]:
    """A way to each kind of view."""
    panel = mesh.panel()
    views: dict[str, LiveWidget[Any]] = {
        "tiles": panel.call_panel,
        "stepper": panel.stepper,
        "guest": panel.browser_guest,
        "sequence": mesh.sequence(),
        "states": mesh.states(),
        "topology": mesh.topology(),
    }
    yield {kind: Wire(mesh, view) for kind, view in views.items()}
    panel.close()
    for kind in ("sequence", "states", "topology"):
        views[kind].close()


ANSWERED: dict[str, tuple[dict[str, Any], str]] = {
    "tiles": ({"type": "hello", "codecs": []}, "state"),
    "stepper": ({"type": "here", "version": 0, "visible": True}, "state"),
    "guest": ({"type": "hello"}, "settings"),
    "sequence": ({"type": "here", "version": 0, "visible": True}, "diagram"),
    "states": ({"type": "here", "version": 0, "visible": True}, "diagram"),
    "topology": ({"type": "here", "version": 0, "visible": True}, "diagram"),
}
"""What makes each of them speak, and of what kind that is."""

WORST: list[dict[str, Any]] = [
    {**CLIENT, "type": "view", "viewer": HALF},
    {**CLIENT, "type": "why", "viewer": HALF, "remote": "bob"},
    {**CLIENT, "type": "set", "pair": [HALF, "bob"]},
    {**REQUEST, "type": "menu", "of": "link", "names": ["alice", "alice"]},
    {"type": "hello", "client": HALF * 8},
]
"""What has broken something."""


@pytest.mark.parametrize("view", list(ANSWERED))
def test_nobody_notices(mesh: Mesh, wires: dict[str, Wire], view: str) -> None:
    wire = wires[view]
    chance = random.Random(7)
    content, kind = ANSWERED[view]
    to = view if view in GOOD else "diagram"
    for _ in range(15):
        messages = [*WORST, *(spoiled(chance, to) for _ in range(40))]
        for message in messages:
            wire.say(message)
        wire.say_and_hear(content, kind)
        wire.say({"type": "bye", "client": "another page's own"})
        failures = [str(each) for each in mesh.log.of(TaskFailed)]
        assert failures == [], messages
    assert list(mesh.peers) == ["alice", "bob"]
