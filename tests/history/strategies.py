"""Events of every kind, in no sensible order, and the same events in another one."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from meshwidget.events import (
    AccessRefused,
    ConnectionRenewed,
    Event,
    FrameReceived,
    JoinRefused,
    LayerHeld,
    LayerReleased,
    LinkCut,
    LinkEvent,
    LinkHealed,
    LinkImpaired,
    MeshClosed,
    MeshOpened,
    MessageAccepted,
    MessageDelivered,
    MessageDropped,
    MessageEdited,
    MessageIgnored,
    MessageRefused,
    PeerFrozen,
    PeerJoined,
    PeerLeft,
    PeerReturned,
    PeerThawed,
    PortOpened,
    RegistrationSkipped,
    ServerStarted,
    ServerStopped,
    SignalingPaused,
    SignalingResumed,
    SourceFailed,
    StateChanged,
    TaskFailed,
    TrackReceived,
    TuningSkipped,
)
from meshwidget.faults import LAYERS

from .simulator import SDP

_names = st.sampled_from(["alice", "bob", "carol", "<b>&", "end", ""])
_texts = st.text(max_size=20)
_states = st.sampled_from(
    [
        "new",
        "stable",
        "have-local-offer",
        "have-remote-offer",
        "checking",
        "completed",
        "connecting",
        "connected",
        "failed",
        "closed",
        "gathering",
        "complete",
    ]
)
_message = {
    "number": st.integers(1, 8),
    "kind": st.sampled_from(
        ["all_users", "offer", "answer", "candidate", "user_exit", "strange"]
    ),
    "sender": _names,
    "receiver": _names,
}
_payloads = st.one_of(
    st.lists(st.fixed_dictionaries({"id": _texts, "email": _names}), max_size=3),
    st.fixed_dictionaries({"sdp": st.fixed_dictionaries({"sdp": st.just(SDP)})}),
    st.fixed_dictionaries({"candidate": st.dictionaries(_texts, _texts, max_size=2)}),
    st.dictionaries(_texts, st.recursive(_texts, st.lists, max_leaves=4), max_size=3),
)
_pair = {"peer": _names, "remote": _names}
_layer = {**_pair, "layer": st.sampled_from(LAYERS)}
_FIELDS: dict[type[Event], dict[str, st.SearchStrategy[Any]]] = {
    MeshOpened: {"room": _texts, "max_peers": st.integers(1, 64)},
    MeshClosed: {},
    PeerJoined: {"peer": _names, "room": _texts},
    PeerLeft: {
        "peer": _names,
        "room": _texts,
        "reason": st.sampled_from(["left", "lost"]),
    },
    JoinRefused: {"peer": _names, "code": _texts, "message": _texts},
    MessageAccepted: {**_message, "payload": _payloads},
    MessageDelivered: _message,
    MessageDropped: {
        **_message,
        "reason": st.sampled_from(["dropped", "receiver left"]),
    },
    MessageEdited: {**_message, "change": _texts, "payload": _payloads},
    MessageRefused: {
        "sender": _names,
        "kind": _texts,
        "code": _texts,
        "message": _texts,
    },
    MessageIgnored: {**_pair, "kind": _message["kind"], "reason": _texts},
    SignalingPaused: {},
    SignalingResumed: {},
    StateChanged: {
        **_pair,
        "machine": st.sampled_from(
            ["signaling", "ice_gathering", "ice_connection", "dtls", "connection"]
        ),
        "old": _states,
        "new": _states,
    },
    TrackReceived: {**_pair, "kind": st.sampled_from(["video", "audio"])},
    FrameReceived: _pair,
    SourceFailed: {"peer": _names, "kind": _texts, "message": _texts},
    TaskFailed: {"where": _texts, "message": _texts},
    AccessRefused: {"reason": _texts, "count": st.integers(1)},
    PortOpened: {"address": _texts},
    RegistrationSkipped: {"reason": _texts},
    TuningSkipped: {"what": _texts, "reason": _texts},
    LinkImpaired: {
        **_pair,
        "toward": _names,
        **dict.fromkeys(("loss", "duplicate", "reorder"), st.floats(0, 1)),
        **dict.fromkeys(("delay_ms", "jitter_ms"), st.floats(0, 1e4)),
        "kbps": st.none() | st.floats(1, 1e6),
        "seed": st.integers(-9, 9),
    },
    LinkCut: _pair,
    LinkHealed: _pair,
    LayerHeld: _layer,
    LayerReleased: _layer,
    PeerFrozen: {"peer": _names},
    PeerThawed: {"peer": _names},
    PeerReturned: {"peer": _names, "room": _texts},
    ServerStopped: {},
    ServerStarted: {},
    ConnectionRenewed: {**_pair, "reason": _texts},
}


def histories() -> st.SearchStrategy[list[Event]]:
    """Logs of any events, numbered from 0."""
    times = st.floats(0, 1e6)
    kinds = [
        st.builds(kind, seq=st.just(0), time=times, **strategies)
        for kind, strategies in _FIELDS.items()
    ]
    return st.lists(st.one_of(kinds), max_size=30).map(
        lambda events: [replace(event, seq=seq) for seq, event in enumerate(events)]
    )


def connection_of(event: Event) -> object:
    """What keeps its order: a connection's own events, and a pair's messages."""
    if isinstance(event, MessageAccepted):
        return ("message", event.sender, event.receiver)
    peer = getattr(event, "peer", None)
    return (peer, getattr(event, "remote", None))


_FIXED = (
    *(MeshOpened, MeshClosed, PeerJoined, PeerLeft, JoinRefused),
    *(SignalingPaused, SignalingResumed),
    *(MessageDelivered, MessageDropped, MessageEdited),
    *(LinkEvent, PeerFrozen, PeerThawed, ServerStopped, ServerStarted),
)


def shuffled(events: list[Event], chance: random.Random) -> list[Event]:
    """The same call in which independent connections were quicker or slower."""
    mixed: list[Event] = []
    for is_root, group in itertools.groupby(
        events, key=lambda event: isinstance(event, _FIXED)
    ):
        if is_root:
            mixed += group
            continue
        queues: dict[object, list[Event]] = {}
        for event in group:
            queues.setdefault(connection_of(event), []).append(event)
        while queues:
            key = chance.choice(list(queues))
            mixed.append(queues[key].pop(0))
            if not queues[key]:
                del queues[key]
    return [replace(event, seq=seq) for seq, event in enumerate(mixed)]
