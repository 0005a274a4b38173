"""The sequence of a call as Mermaid text, to be pasted where Mermaid is understood.

``sequenceDiagram`` of mermaid.js, version 10 and later.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from ..events import (
    ConnectionRenewed,
    Event,
    FrameReceived,
    JoinRefused,
    LinkEvent,
    MessageAccepted,
    MessageDelivered,
    MessageDropped,
    MessageEdited,
    PeerFrozen,
    PeerJoined,
    PeerLeft,
    PeerReturned,
    PeerThawed,
    ServerStarted,
    ServerStopped,
    SignalingPaused,
    SignalingResumed,
    StateChanged,
    TrackReceived,
)
from .filters import chosen
from .moment import Moment
from .text import Group, grouped, who

_INDENT = "    "
_END = re.compile(r"\b(e)(nd)\b", re.IGNORECASE)
"""A word that ends a block wherever Mermaid sees it."""


def mermaid(
    events: Iterable[Event],
    peers: Collection[str] | None = None,
    pair: tuple[str, str] | None = None,
    kinds: Collection[str] | None = None,
) -> str:
    """The sequence diagram of a call; the same text for the same steps.

    Parameters
    ----------
    events : iterable of Event
    peers, pair, kinds : optional
        What to leave out; see :func:`~meshwidget.history.filters.chosen`.
    """
    everything = list(events)
    kept = chosen(everything, peers=peers, pair=pair, kinds=kinds)
    lifelines = _Lifelines(everything, kept)
    pending = {message.number for message in Moment.of(everything).pending}
    lines = [
        "sequenceDiagram",
        f"{_INDENT}participant server",
        *(f"{_INDENT}participant {key} as {alias}" for key, alias in lifelines.items()),
    ]
    for group in grouped(kept, lifelines.names):
        lines.extend(_INDENT + line for line in _of_group(group, lifelines, pending))
    return "\n".join(lines)


def escaped(text: str) -> str:
    """A text that Mermaid shows and does not read: all but the plain as ``#NNN;``."""
    plain = "".join(
        character
        if character.isalnum() or character in " ._-,():/='"
        else f"#{ord(character)};"
        for character in text
    )
    return _END.sub(lambda found: f"#{ord(found[1])};{found[2]}", plain)


class _Lifelines:
    """The participants of a diagram, by a key that Mermaid takes for a name."""

    def __init__(self, everything: list[Event], kept: list[Event]) -> None:
        shown = {name for event in kept for name in who(event) or () if name}
        joined = (event.peer for event in everything if isinstance(event, PeerJoined))
        # Who was never seen to join, as in a part of a log, comes last.
        ordered = [*dict.fromkeys(joined), *sorted(shown)]
        self.names = [name for name in dict.fromkeys(ordered) if name in shown]
        self._keys = {name: f"p{place}" for place, name in enumerate(self.names)}

    def __getitem__(self, name: str) -> str:
        return self._keys[name] if name else "server"

    def items(self) -> Iterator[tuple[str, str]]:
        """Keys and the texts that are shown for them."""
        for name, key in self._keys.items():
            yield key, escaped(name)


def _of_group(group: Group, lifelines: _Lifelines, pending: set[int]) -> Iterator[str]:
    notes: dict[str, list[str]] = {}
    messages: list[str] = []
    if group.root is not None:
        yield from _of_root(group.root, lifelines)
    for event in group.caused:
        match event:
            case MessageAccepted(kind=kind, number=number, sender=sender):
                mark = " (held)" if number in pending else ""
                title = escaped(f"{kind} {number}{mark}")
                if sender:
                    messages.append(f"{lifelines[sender]}->>server: {title}")
                elif mark:
                    messages.append(f"Note over server: {title}")
            case (
                StateChanged(peer=peer)
                | TrackReceived(peer=peer)
                | FrameReceived(peer=peer)
                | ConnectionRenewed(peer=peer)
                | PeerReturned(peer=peer)
            ):
                notes.setdefault(peer, []).append(escaped(_happening(event)))
    for peer, lines in notes.items():
        yield f"Note over {lifelines[peer]}: {'<br/>'.join(lines)}"
    yield from messages


def _of_root(event: Event, lifelines: _Lifelines) -> Iterator[str]:
    match event:
        case PeerJoined(peer=peer):
            yield f"{lifelines[peer]}->>server: join_room"
        case PeerLeft(peer=peer, reason=reason):
            how = "leaves" if reason == "left" else "vanishes"
            yield f"Note over {lifelines[peer]}: {how}"
        case JoinRefused(peer=peer):
            yield f"Note over {lifelines[peer]}: not let in"
        case LinkEvent(peer=peer, remote=remote):
            ends = f"{lifelines[peer]},{lifelines[remote]}"
            yield f"Note over {ends}: {escaped(str(event))}"
        case PeerFrozen(peer=peer) | PeerThawed(peer=peer):
            yield f"Note over {lifelines[peer]}: {escaped(str(event))}"
        case SignalingPaused() | SignalingResumed() | ServerStopped() | ServerStarted():
            yield f"Note over server: {escaped(str(event))}"
        case MessageDelivered(kind=kind, number=number, receiver=receiver):
            yield f"server->>{lifelines[receiver]}: {escaped(f'{kind} {number}')}"
        case MessageDropped(kind=kind, number=number, receiver=receiver):
            yield f"server-x{lifelines[receiver]}: {escaped(f'{kind} {number}')} lost"
        case MessageEdited(kind=kind, number=number, change=change):
            title = escaped(f"{kind} {number} changed: {change}")
            yield f"Note over server: {title}"


def _happening(
    event: StateChanged
    | TrackReceived
    | FrameReceived
    | ConnectionRenewed
    | PeerReturned,
) -> str:
    """What a participant notes of its connection."""
    match event:
        case StateChanged():
            machine = event.machine.replace("_", " ")
            return f"to {event.remote}: {machine} {event.new}"
        case TrackReceived():
            return f"track of {event.kind} from {event.remote}"
        case FrameReceived():
            return f"first frame of {event.remote}"
        case ConnectionRenewed():
            return f"to {event.remote}: anew"
        case PeerReturned():
            return "back in the room"
