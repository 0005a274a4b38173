"""One diagram's end in the kernel: a thread that draws while somebody looks.

Drawing takes milliseconds, too long for the mesh's own thread, where it would hold up
media; so each diagram that is looked at has a daemon thread of its own. It touches
nothing but the log, whose events are frozen, and it ends when nobody looks. A session
that was loaded from a file needs nothing else either.

The transport is one function, as for :class:`~meshwidget.views.session.ViewSession`:
``send(content)`` takes a JSON object for all pages of the view, and is called on the
diagram's thread. What a page says comes back through :meth:`DiagramFeed.receive`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ProtocolError
from ..events import Event, MeshClosed, PeerJoined
from ..history.moment import Moment
from ..log import EventLog
from .audience import Audience, changed_lines
from .detail import detail_of
from .diagram_messages import Bye, Here, Set, parse

__all__ = ["DiagramFeed", "Look"]

INTERVAL = 0.1
"""Seconds between the beginnings of two drawings."""

SHARE = 5
"""A drawing is followed by this many times its own duration of rest."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What is looked at.

    Attributes
    ----------
    peers, pair, kinds
        Filters, as for :func:`~meshwidget.views.sequence.sequence_svg`.
    position : int or None
        ``seq`` of the last event that is shown; None follows the log.
    selected : int or None
        Number of the message that is open.
    limit : int
        Messages shown at most.
    """

    peers: tuple[str, ...] | None = None
    pair: tuple[str, str] | None = None
    kinds: tuple[str, ...] | None = None
    position: int | None = None
    selected: int | None = None
    limit: int = 100


Draw = Callable[[Sequence[Event], Moment, Look], str]
Send = Callable[[dict[str, Any]], None]


class DiagramFeed:
    """Feeds every page that shows one diagram.

    Parameters
    ----------
    log : EventLog
    draw : callable
        The diagram, pure: ``draw(events, moment, look)`` returns SVG.
    send : callable
        The transport, see above.
    is_live : callable
        Whether the call goes on.
    look : Look
        What is looked at first.
    set_look : callable
        Told what a page wants to look at: names and values of :class:`Look`.
    """

    def __init__(
        self,
        log: EventLog,
        draw: Draw,
        send: Send,
        is_live: Callable[[], bool],
        look: Look,
        set_look: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self._log = log
        self._draw = draw
        self._send = send
        self._is_live = is_live
        self._look = look
        self._set_look = set_look
        self._audience = Audience()
        self._lines: list[str] = []
        self._said: dict[str, Any] = {}
        self._newest = Moment()
        self._taken = 0
        self._changed = True
        self._closed = False
        self._thread: threading.Thread | None = None
        self._condition = threading.Condition()
        self._unsubscribe = log.subscribe(self._note)

    # From any thread ------------------------------------------------------------------

    def receive(self, content: object) -> None:
        """Take what a page has said."""
        try:
            message = parse(content)
        except ProtocolError as error:
            self._send({"type": "refused", "message": str(error)})
            return
        match message:
            case Here(client=client, version=version, visible=visible):
                self.here(client, version, visible)
            case Bye(client=client):
                self.bye(client)
            case Set(look=look):
                self._set_look(look)

    def here(self, client: str, version: int, visible: bool) -> None:
        """A page says that it is there, and which version it has."""
        with self._condition:
            if self._closed:
                return
            now = time.monotonic()
            self._audience.here(client, version, visible, now)
            if self._audience.is_watched(now) and self._thread is None:
                self._thread = threading.Thread(
                    target=self._serve, name="meshwidget-diagram", daemon=True
                )
                self._thread.start()
            self._condition.notify()

    def bye(self, client: str) -> None:
        """A page is closed."""
        with self._condition:
            self._audience.bye(client)
            self._condition.notify()

    def look(self, look: Look) -> None:
        """Show something else."""
        with self._condition:
            self._look = look
            self._changed = True
            self._condition.notify()

    def close(self) -> None:
        """Draw nothing any more."""
        self._unsubscribe()
        with self._condition:
            self._closed = True
            self._condition.notify()

    def svg(self) -> str:
        """Draw it now, for an export."""
        look = self._look
        events = _until(list(self._log), look.position)
        return self._draw(events, Moment.of(events), look)

    def _note(self, event: Event) -> None:
        """Take an event, on whatever thread it is recorded."""
        with self._condition:
            self._changed = True
            self._condition.notify()

    # On the diagram's thread ----------------------------------------------------------

    def _serve(self) -> None:
        try:
            self._feed()
        except Exception as error:
            with self._condition:
                self._thread = None
            # The page says it, and the next time it speaks up it is tried again.
            message = f"cannot draw this: {type(error).__name__}: {error}"
            self._send({"type": "failed", "message": message})
            raise

    def _feed(self) -> None:
        due = 0.0
        while (look := self._next(due)) is not None:
            began = time.monotonic()
            everything = list(self._log)
            events, moment = self._seen(everything, look)
            lines = self._draw(events, moment, look).split("\n")
            self._say(lines, self._state(everything, events, moment, look))
            ended = time.monotonic()
            due = max(began + INTERVAL, ended + SHARE * (ended - began))

    def _next(self, due: float) -> Look | None:
        """Wait until something is to be drawn; None when nobody looks any more."""
        with self._condition:
            while True:
                now = time.monotonic()
                if self._closed or not self._audience.is_watched(now):
                    self._thread = None
                    return None
                wanted = self._changed or self._audience.wants_all
                if wanted and now >= due and self._audience.is_ready(now):
                    self._changed = False
                    return self._look
                # Woken by a page, an event or a change of view; and every second to
                # see whether those who looked are still there.
                rests = wanted and now < due
                self._condition.wait(due - now if rests else 1.0)

    def _seen(
        self, everything: list[Event], look: Look
    ) -> tuple[Sequence[Event], Moment]:
        """The events that are shown, and the moment after them."""
        if look.position is not None:
            events = _until(everything, look.position)
            return events, Moment.of(events)
        for event in everything[self._taken :]:
            self._newest.advance(event)
        self._taken = len(everything)
        return everything, self._newest

    def _state(
        self,
        everything: Sequence[Event],
        events: Sequence[Event],
        moment: Moment,
        look: Look,
    ) -> dict[str, Any]:
        """What the page says around the picture."""
        joined = (each.peer for each in everything if isinstance(each, PeerJoined))
        is_over = any(isinstance(each, MeshClosed) for each in everything)
        selected = look.selected
        return {
            "names": list(dict.fromkeys(joined)),
            "peers": look.peers,
            "pair": look.pair,
            "kinds": look.kinds,
            "length": len(everything),
            "position": look.position,
            "event": str(events[-1]) if events else "nothing has happened yet",
            "live": self._is_live() and not is_over,
            "detail": None
            if selected is None
            else detail_of(everything, moment, selected),
        }

    def _say(self, lines: list[str], state: dict[str, Any]) -> None:
        """Send what the pages do not have yet, if there is anything."""
        with self._condition:
            in_full = self._audience.wants_all
            news = {
                key: value
                for key, value in state.items()
                if in_full or key not in self._said or self._said[key] != value
            }
            if not in_full and not news and lines == self._lines:
                return
            base, version = self._audience.sent(time.monotonic())
        change = changed_lines(self._lines if base else [], lines)
        self._lines, self._said = lines, state
        self._send(
            {
                "type": "diagram",
                "base": base,
                "version": version,
                "lines": change,
                "state": news,
            }
        )


def _until(events: list[Event], position: int | None) -> list[Event]:
    return events if position is None else events[: max(position + 1, 0)]
