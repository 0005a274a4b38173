"""The rows of a sequence diagram: what is to be drawn, from top to bottom.

Pure; knows no geometry. Between two outward events everything that happened stands side
by side, a column a participant, because what two connections do at the same time has no
order worth telling: the picture of a stepped call is the same every time.

A message that was never held is one row, from its sender through the server to its
receiver. One that was held is two: sent, and later delivered or dropped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from ..events import (
    ConnectionRenewed,
    Event,
    FrameReceived,
    JoinRefused,
    LayerReleased,
    LinkEvent,
    LinkHealed,
    MeshClosed,
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
    ServerStarted,
    ServerStopped,
    SignalingPaused,
    SignalingResumed,
    SourceFailed,
    StateChanged,
    TaskFailed,
    TrackReceived,
)
from ..history.filters import chosen
from ..history.moment import MessageState, Moment
from ..history.text import Group, grouped
from ..peer.machines import MACHINES
from ..peer.negotiation import explain_change

__all__ = [
    "Arrow",
    "Divider",
    "Note",
    "Notes",
    "Presence",
    "Row",
    "notes_of",
    "rows_of",
]


@dataclass(frozen=True, slots=True)
class Arrow:
    """A message, or a part of its way.

    Attributes
    ----------
    is_sent : bool
        The way from the sender to the server is in this row.
    end : str
        ``"delivered"`` or ``"dropped"`` when it leaves the server in this row;
        ``"held"`` or ``"in flight"`` when it is still there; ``"kept"`` when it was
        there and a later row tells what became of it; ``"edited"`` when it was changed.
    change : str
        What was changed, in words.
    """

    message: MessageState
    is_sent: bool
    end: str
    change: str = ""


@dataclass(frozen=True, slots=True)
class Presence:
    """Somebody comes or goes: ``"joined"``, ``"left"`` or ``"lost"``."""

    name: str
    how: str


@dataclass(frozen=True, slots=True)
class Divider:
    """Something about the whole call."""

    text: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """What happened to one connection, in two words and in a sentence.

    ``mark`` is ``"good"``, ``"wait"``, ``"bad"`` or ``"over"``.
    """

    text: str
    mark: str
    title: str


@dataclass(frozen=True, slots=True)
class Notes:
    """What happened side by side: by participant, then by the one across."""

    by_name: dict[str, dict[str, list[Event]]]


Row = Arrow | Presence | Divider | Notes


def rows_of(
    events: Sequence[Event],
    moment: Moment,
    *,
    peers: Collection[str] | None = None,
    pair: tuple[str, str] | None = None,
    kinds: Collection[str] | None = None,
) -> list[Row]:
    """Everything that is to be drawn.

    Parameters
    ----------
    events : sequence of Event
        A log, or a part of one.
    moment : Moment
        After these events.
    peers, pair, kinds
        As for :func:`~meshwidget.history.filters.chosen`.
    """
    held = _held(events)
    names = [event.peer for event in events if isinstance(event, PeerJoined)]
    shown = chosen(events, peers=peers, pair=pair, kinds=kinds)
    rows: list[Row] = []
    for group in grouped(shown, list(dict.fromkeys(names))):
        if group.root is not None:
            rows.extend(_root_rows(group.root, moment, held))
        rows.extend(_caused_rows(group, moment, held))
    return rows


def _held(events: Iterable[Event]) -> set[int]:
    """Numbers of the messages that the server did not send on at once."""
    held: set[int] = set()
    pending: set[int] = set()
    paused = False
    for event in events:
        match event:
            case MessageAccepted(number=number):
                (held if paused else pending).add(number)
            case MessageDelivered(number=number) | MessageDropped(number=number):
                pending.discard(number)
            case MessageEdited(number=number):
                held.add(number)
            case SignalingPaused():
                paused = True
                held |= pending
            case SignalingResumed():
                paused = False
    return held


def _root_rows(root: Event, moment: Moment, held: set[int]) -> Iterable[Row]:
    match root:
        case MessageDelivered() | MessageDropped() | MessageEdited():
            message = moment.messages[root.number]
            if isinstance(root, MessageEdited):
                yield Arrow(message, False, "edited", root.change)
            else:
                was_accepted = message.payload is not None
                is_sent = was_accepted and root.number not in held
                is_delivered = isinstance(root, MessageDelivered)
                yield Arrow(
                    message, is_sent, "delivered" if is_delivered else "dropped"
                )
        case PeerJoined(peer=name):
            yield Presence(name, "joined")
        case PeerLeft(peer=name, reason=reason):
            yield Presence(name, reason)
        case JoinRefused():
            yield Divider(str(root), "bad")
        case SignalingPaused():
            yield Divider(
                "signaling is paused: the server holds what it accepts", "warn"
            )
        case SignalingResumed():
            yield Divider("signaling is resumed")
        case MeshClosed() | LinkHealed() | LayerReleased() | PeerThawed():
            yield Divider(str(root))
        case ServerStarted():
            yield Divider(str(root))
        case LinkEvent() | PeerFrozen() | ServerStopped():
            yield Divider(str(root), "warn")


def _caused_rows(group: Group, moment: Moment, held: set[int]) -> Iterable[Row]:
    by_name: dict[str, dict[str, list[Event]]] = {}
    later: list[Row] = []
    for event in group.caused:
        match event:
            case (
                StateChanged(peer=name, remote=remote)
                | TrackReceived(peer=name, remote=remote)
                | FrameReceived(peer=name, remote=remote)
                | MessageIgnored(peer=name, remote=remote)
                | ConnectionRenewed(peer=name, remote=remote)
            ):
                by_name.setdefault(name, {}).setdefault(remote, []).append(event)
            case (
                SourceFailed(peer=name)
                | MessageRefused(sender=name)
                | PeerReturned(peer=name)
            ) if name:
                by_name.setdefault(name, {}).setdefault("", []).append(event)
            case MessageAccepted(number=number):
                message = moment.messages[number]
                if message.is_pending:
                    later.append(Arrow(message, True, message.status))
                elif number in held:
                    later.append(Arrow(message, True, "kept"))
            case TaskFailed() | MessageRefused():
                later.append(Divider(str(event), "bad"))
    if by_name:
        yield Notes(by_name)
    yield from later


def notes_of(events: list[Event]) -> list[Note]:
    """Put what happened to one connection into a few words, always in this order."""
    changes: dict[str, list[StateChanged]] = {name: [] for name in MACHINES}
    tracks: list[TrackReceived] = []
    rest: list[Note] = []
    for event in events:
        match event:
            case StateChanged():
                changes.setdefault(event.machine, []).append(event)
            case TrackReceived():
                tracks.append(event)
            case FrameReceived():
                rest.append(Note("first frame", "good", str(event)))
            case MessageIgnored(kind=kind):
                rest.append(Note(f"ignores {kind}", "bad", str(event)))
            case MessageRefused(kind=kind):
                rest.append(Note(f"{kind} refused", "bad", str(event)))
            case ConnectionRenewed():
                rest.append(Note("connects anew", "wait", str(event)))
            case PeerReturned():
                rest.append(Note("back in the room", "good", str(event)))
            case SourceFailed(kind=kind):
                rest.append(Note(f"{kind} source stopped", "bad", str(event)))
    closed = [
        each[-1] for each in changes.values() if each and each[-1].new == "closed"
    ]
    if len(closed) > 1:
        for change in closed:
            changes[change.machine] = []
        title = "\n".join(str(change) for change in closed)
        rest.append(Note("closed", "over", title))
    notes = [_change_note(each) for each in changes.values() if each]
    if tracks:
        kinds = ", ".join(track.kind for track in tracks)
        title = "\n".join(str(track) for track in tracks)
        # They come with a description, before anything of ICE.
        place = sum(bool(changes[name]) for name in ("signaling", "ice_gathering"))
        notes.insert(place, Note(f"track: {kinds}", "wait", title))
    return notes + rest


_MARKS = {
    "connected": "good",
    "completed": "good",
    "closed": "over",
    "failed": "bad",
    "disconnected": "bad",
}


_SHORT = {"ice_gathering": "gathering", "ice_connection": "ICE"}


def _change_note(changes: list[StateChanged]) -> Note:
    """Tell the way that one machine went."""
    name = changes[0].machine
    machine = MACHINES.get(name)
    title = machine.title if machine is not None else name.replace("_", " ")
    states = [change.new for change in changes]
    text = " → ".join(states)
    # Some states tell which machine it is.
    short = _SHORT.get(name, title)
    if not (name == "signaling" and states[-1] != "closed") and short != states[0]:
        text = f"{short} {text}"
    sentences = [f"{title} {change.old} → {change.new}" for change in changes]
    last = changes[-1]
    if machine is not None and {last.old, last.new} <= machine.states.keys():
        sentences.append(explain_change(name, last.old, last.new))
    return Note(text, _MARKS.get(states[-1], "wait"), "\n".join(sentences))
