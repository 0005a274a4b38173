"""The log as text that is the same every time the same steps are taken.

What two connections do at the same time is in the log in whichever order it happened.
So everything that lies between two of a call's outward events (somebody joins, a
message is delivered) is put under the first of them, sorted by participant. No times,
ids and ports are in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from ..events import (
    ConnectionRenewed,
    Event,
    FrameReceived,
    JoinRefused,
    LinkEvent,
    MeshClosed,
    MeshOpened,
    MessageAccepted,
    MessageDelivered,
    MessageDropped,
    MessageEdited,
    MessageEvent,
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
    TrackReceived,
)

__all__ = ["Group", "grouped", "log_html", "log_table", "log_text", "who"]

_ROOTS = (
    MeshOpened,
    MeshClosed,
    PeerJoined,
    PeerLeft,
    JoinRefused,
    SignalingPaused,
    SignalingResumed,
    MessageDelivered,
    MessageDropped,
    MessageEdited,
    LinkEvent,
    PeerFrozen,
    PeerThawed,
    ServerStarted,
    ServerStopped,
)

_INDENT = "    "
_COLUMNS = ("seq", "time", "event", "peer", "remote", "what")


@dataclass
class Group:
    """An outward event and what happened before the next one.

    Attributes
    ----------
    root : Event or None
        None before the first one of a part of a log.
    caused : list of Event
        Sorted by participant, the one whom the root is about first; what happens to one
        connection stays in the order of the log. The messages that the server accepted
        follow by number.
    """

    root: Event | None
    caused: list[Event] = field(default_factory=list)


def grouped(events: Iterable[Event], names: Sequence[str] = ()) -> list[Group]:
    """Put what happened under what it followed.

    Parameters
    ----------
    events : iterable of Event
        A log or a part of one.
    names : sequence of str
        Who joined before these events, in order; others follow in order of joining.
    """
    groups = [Group(None)]
    order: dict[str, int] = {name: place for place, name in enumerate(names)}
    for event in events:
        if isinstance(event, PeerJoined):
            order.setdefault(event.peer, len(order))
        if isinstance(event, _ROOTS):
            groups.append(Group(event))
            if isinstance(event, PeerLeft):
                _take_closings(event.peer, *groups[-2:])
        else:
            groups[-1].caused.append(event)
    for group in groups:
        _sort(group, order)
    return groups if groups[0].caused else groups[1:]


def log_text(events: Iterable[Event], names: Sequence[str] = ()) -> str:
    """The log, a line an event, the same for the same steps.

    Parameters
    ----------
    events : iterable of Event
    names : sequence of str
        As for :func:`grouped`.
    """
    lines: list[str] = []
    for group in grouped(events, names):
        if group.root is not None:
            lines.append(str(group.root))
        indent = "" if group.root is None else _INDENT
        lines.extend(f"{indent}{event}" for event in group.caused)
    return "\n".join(lines)


def log_table(events: Iterable[Event]) -> list[dict[str, Any]]:
    """The log as rows, in the order of recording: ``pandas.DataFrame(log_table(log))``.

    Returns
    -------
    list of dict
        ``seq``, ``time`` (seconds), ``event`` (the type), ``peer`` (who it happened
        to, or who sent), ``remote`` (the other one), ``what`` (the sentence).
    """
    rows = []
    for event in events:
        peer, remote = who(event) or ("", "")
        values = (
            event.seq,
            event.time,
            type(event).__name__,
            peer,
            remote,
            str(event),
        )
        rows.append(dict(zip(_COLUMNS, values, strict=True)))
    return rows


def log_html(events: Iterable[Event]) -> str:
    """The rows of :func:`log_table` as an HTML table."""
    head = "".join(f"<th>{column}</th>" for column in _COLUMNS)
    body = "".join(
        "<tr>"
        + "".join(
            f"<td>{value:.3f}</td>"
            if isinstance(value, float)
            else f"<td>{escape(str(value))}</td>"
            for value in row.values()
        )
        + "</tr>"
        for row in log_table(events)
    )
    return (
        f'<table class="meshwidget-log"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


def _take_closings(leaver: str, before: Group, after: Group) -> None:
    """Connections close a moment before the server lets their owner go, or after it."""
    told = before.root
    kept: list[Event] = []
    for event in before.caused:
        is_closing = (
            isinstance(event, StateChanged)
            and event.new == "closed"
            and leaver in (event.peer, event.remote)
        )
        if is_closing and not _is_farewell(told, event):
            after.caused.append(event)
        else:
            kept.append(event)
    before.caused = kept


def _is_farewell(root: Event | None, closing: Event) -> bool:
    """Whether the one who closes was told by that very message that the other left."""
    return (
        isinstance(root, MessageDelivered)
        and root.kind == "user_exit"
        and (root.receiver, root.sender) == who(closing)
    )


def who(event: Event) -> tuple[str, str] | None:
    """Whom it happened to and across from whom; None when it is about the call."""
    match event:
        case MessageEvent(sender=sender, receiver=receiver):
            return sender, receiver
        case (
            StateChanged(peer=peer, remote=remote)
            | TrackReceived(peer=peer, remote=remote)
            | FrameReceived(peer=peer, remote=remote)
            | MessageIgnored(peer=peer, remote=remote)
            | ConnectionRenewed(peer=peer, remote=remote)
            | LinkEvent(peer=peer, remote=remote)
        ):
            return peer, remote
        case MessageRefused(sender=peer):
            return peer, ""
        case (
            SourceFailed(peer=peer)
            | PeerJoined(peer=peer)
            | PeerLeft(peer=peer)
            | JoinRefused(peer=peer)
            | PeerFrozen(peer=peer)
            | PeerThawed(peer=peer)
            | PeerReturned(peer=peer)
        ):
            return peer, ""
    return None


def _sort(group: Group, order: dict[str, int]) -> None:
    """Put each connection's events together, in an order that is always the same."""
    subject = None
    if isinstance(group.root, MessageDelivered):
        subject = group.root.receiver
    elif isinstance(group.root, PeerLeft):
        subject = group.root.peer

    def rank(name: str) -> tuple[int, int, str]:
        """The server, the subject, those who joined in order, then others by name."""
        if name in ("", subject):
            return (0, int(name == subject), "")
        return (1, order[name], "") if name in order else (2, 0, name)

    def place(event: Event) -> tuple[Any, ...]:
        involved = who(event)
        if isinstance(event, MessageAccepted):
            return 1, event.number  # what was done to send it comes before
        return (2,) if involved is None else (0, *map(rank, involved))

    group.caused.sort(key=place)
