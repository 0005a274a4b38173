"""Which events a view shows."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ..events import Event, MessageEvent
from .text import who


def chosen(
    events: Iterable[Event],
    *,
    peers: Collection[str] | None = None,
    pair: tuple[str, str] | None = None,
    kinds: Collection[str] | None = None,
) -> list[Event]:
    """The events that are left by some filters, in the same order.

    Parameters
    ----------
    events : iterable of Event
    peers : collection of str, optional
        Only what one of them did, sent or received.
    pair : (str, str), optional
        Only what lies between these two, and between each of them and the server.
    kinds : collection of str, optional
        Only these kinds of messages, and nothing but messages.
    """
    return [
        event
        for event in events
        if _is_of_kind(event, kinds) and _is_of_peers(event, peers, pair)
    ]


def _is_of_kind(event: Event, kinds: Collection[str] | None) -> bool:
    if kinds is None:
        return True
    return isinstance(event, MessageEvent) and event.kind in kinds


def _is_of_peers(
    event: Event, peers: Collection[str] | None, pair: tuple[str, str] | None
) -> bool:
    involved = who(event)
    if involved is None:
        return True
    names = [name for name in involved if name]
    if peers is not None and not any(name in peers for name in names):
        return False
    return pair is None or all(name in pair for name in names)
