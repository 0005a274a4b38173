"""The log: every event since the start, in order.

The log is the truth. Every change of state is recorded here once, and every view,
export, notebook and test is a reading of it.

This module has no clock and no event loop: the log is given the one that it stamps
events with, so that it can be tested with any.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self, TypeVar, overload

from .events import Event, TaskFailed
from .history.moment import Moment
from .history.text import log_html, log_table, log_text

__all__ = ["EventLog"]

EventType = TypeVar("EventType", bound=Event)


class EventLog:
    """Every event since the start, in order. Reading and recording are thread-safe.

    Parameters
    ----------
    clock : callable
        Returns seconds since the mesh was made.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._events: list[Event] = []
        self._subscribers: dict[object, Callable[[Event], None]] = {}
        self._untold: deque[Event] = deque()
        self._telling = False
        self._lock = threading.RLock()

    @classmethod
    def of_events(cls, events: Iterable[Event]) -> Self:
        """A log of events that happened elsewhere; nothing more is recorded in it.

        Parameters
        ----------
        events : iterable of Event
            In order.

        Returns
        -------
        EventLog
        """
        kept = list(events)
        log = cls(lambda: kept[-1].time if kept else 0.0)
        log._events = kept
        return log

    @property
    def now(self) -> float:
        """Seconds, on the clock that stamps the events."""
        return self._clock()

    def record(self, event: type[EventType], /, **fields: Any) -> EventType:
        """Append an event of this type, stamped with its place and the time.

        A subscriber that raises is taken off the list and that is recorded too.

        Parameters
        ----------
        event : type of Event
            What happened.
        **fields
            The type's own fields.

        Returns
        -------
        Event
            As it stands in the log.
        """
        with self._lock:
            recorded = event(seq=len(self._events), time=self._clock(), **fields)
            self._events.append(recorded)
            self._untold.append(recorded)
            if not self._telling:
                self._tell()
            return recorded

    def _tell(self) -> None:
        """Tell every subscriber of every event, causes before effects.

        A subscriber may record: what it records waits until all have heard of what it
        was called with.
        """
        self._telling = True
        try:
            while self._untold:
                event = self._untold.popleft()
                for key, callback in list(self._subscribers.items()):
                    try:
                        callback(event)
                    except Exception as error:
                        self._subscribers.pop(key, None)
                        self.record(
                            TaskFailed,
                            where=f"a subscriber of the log, called with event "
                            f"{event.seq},",
                            message=f"{type(error).__name__}: {error}",
                        )
        finally:
            self._telling = False

    def subscribe(self, callback: Callable[[Event], None]) -> Callable[[], None]:
        """Call back with every event from now on, on the thread that records it.

        Parameters
        ----------
        callback : callable
            Takes an :class:`~meshwidget.events.Event`. An exception in it ends this
            subscription and is an event itself.

        Returns
        -------
        callable
            Ends the subscription; harmless when called again.
        """
        key = object()
        with self._lock:
            self._subscribers[key] = callback

        def unsubscribe() -> None:
            with self._lock:
                self._subscribers.pop(key, None)

        return unsubscribe

    def of(self, event: type[EventType], /, **fields: Any) -> list[EventType]:
        """The events of one type whose fields have these values, in order.

        Parameters
        ----------
        event : type of Event
            One of :mod:`meshwidget.events`.
        **fields
            The type's own fields, and the values that they must have.

        Returns
        -------
        list of Event
        """
        return [
            found
            for found in self
            if isinstance(found, event)
            and all(getattr(found, name) == value for name, value in fields.items())
        ]

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[Event]:
        with self._lock:
            return iter(self._events[:])

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> list[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | list[Event]:
        with self._lock:
            return self._events[index]

    def at(self, seq: int) -> Moment:
        """The call as it was after one event.

        Parameters
        ----------
        seq : int
            The event's; -1 is before the first, larger than the last is now.

        Returns
        -------
        Moment
        """
        return Moment.of(event for event in self if event.seq <= seq)

    def table(self) -> list[dict[str, Any]]:
        """The events as rows, for instance for ``pandas.DataFrame``.

        Returns
        -------
        list of dict
            ``seq``, ``time`` in seconds, ``event``, ``peer``, ``remote``, ``what``.
        """
        return log_table(self)

    def __str__(self) -> str:
        """Text without times, ids and ports: a stepped call gives the same each time.

        What two connections do at the same time is sorted by participant under the
        message that caused it.
        """
        return log_text(self)

    def _repr_html_(self) -> str:
        return log_html(self)

    def __repr__(self) -> str:
        return f"<EventLog: {len(self)} events>"
