"""Reads the counters of all connections, now and each second. Mesh loop only.

The second that a first ``mesh.stats()`` speaks of has passed already, so the counters
are read while nobody looks too. What was read is kept, for plots and for the dump that
viewers of chrome://webrtc-internals open.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from .log import EventLog
from .peer.connection import Connection
from .peer.participant import Participant
from .stats.link import Span, link_stats
from .stats.reading import Reading
from .stats.table import StatsTable

INTERVAL_SECONDS = 1.0
"""Between two readings: what viewers of dumps expect."""

_SHORTEST_SECONDS = 0.5
"""Of an interval that rates are made of: of a shorter one they would jump."""

_KEPT = 20_000
"""Readings of one connection each: half an hour of a call of four."""

_STAMPS = 1 << 32


@dataclass
class _Known:
    """A connection that has been read."""

    number: int
    readings: deque[Reading] = field(default_factory=lambda: deque(maxlen=2))


class Sampler:
    """The counters of a call's connections over time.

    Parameters
    ----------
    log : EventLog
        Whose clock is used.
    participants : mapping
        Those that live here, by name; looked at each time.
    on_error : callable
        Told where and of what the reading ended, if it did.

    """

    def __init__(
        self,
        log: EventLog,
        participants: Mapping[str, Participant],
        on_error: Callable[[str, BaseException], None],
    ) -> None:
        self._history: deque[Reading] = deque(maxlen=_KEPT)
        self._log = log
        self._participants = participants
        self._on_error = on_error
        self._numbers = itertools.count(1)
        self._known: weakref.WeakKeyDictionary[Connection, _Known] = (
            weakref.WeakKeyDictionary()
        )
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to read each second."""
        self._task = asyncio.create_task(self._run())

    def stop(self) -> None:
        """Read no more; what was read is kept."""
        if self._task is not None:
            self._task.cancel()

    def readings(self) -> list[Reading]:
        """What was read each second, the oldest first."""
        return list(self._history)

    async def table(self) -> StatsTable:
        """Every directed link now, with the rates of the last second."""
        sending: dict[tuple[str, str], Span] = {}
        receiving: dict[tuple[str, str], Span] = {}
        names = dict.fromkeys(self._participants)
        for participant, connection in self._connections():
            names.setdefault(connection.remote)
            span = await self._span(participant, connection)
            sending[connection.local, connection.remote] = span
            receiving[connection.remote, connection.local] = span
        links = itertools.permutations(names, 2)
        return StatsTable(
            link_stats(*link, sending.get(link), receiving.get(link))
            for link in links
            if link in sending or link in receiving
        )

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        try:
            while True:
                due += INTERVAL_SECONDS
                await asyncio.sleep(due - loop.time())
                await self._read_all()
        except Exception as error:
            self._on_error("reading the counters", error)

    async def _read_all(self) -> None:
        for participant, connection in self._connections():
            known = self._meet(connection)
            reading = await self._read(participant, connection, known)
            known.readings.append(reading)
            self._history.append(reading)
            await asyncio.sleep(0)  # packets first

    async def _span(self, participant: Participant, connection: Connection) -> Span:
        known = self._meet(connection)
        now = await self._read(participant, connection, known)
        before = known.readings[0]
        for reading in known.readings:
            if now.time - reading.time >= _SHORTEST_SECONDS:
                before = reading
        return Span(before, now)

    def _meet(self, connection: Connection) -> _Known:
        known = self._known.get(connection)
        if known is None:
            known = self._known[connection] = _Known(next(self._numbers))
            # It began with nothing.
            known.readings.append(
                Reading(
                    connection=known.number,
                    local=connection.local,
                    remote=connection.remote,
                    time=connection.began,
                )
            )
        return known

    async def _read(
        self, participant: Participant, connection: Connection, known: _Known
    ) -> Reading:
        return await connection.accounts.read(
            known.number, self._log.now, self._latency(participant, connection)
        )

    def _latency(
        self, participant: Participant, connection: Connection
    ) -> float | None:
        """Seconds from the source to the receiver, where both are here.

        RTP's timestamp of a picture tells at the sender which one it is.
        """
        for sender in self._participants.values():
            if sender.id == connection.remote_id:
                break
        else:
            return None
        back = sender.connections.get(participant.id)
        origin = None if back is None else back.accounts.sent_origin
        if sender.video is None or origin is None:
            return None
        delays = []
        for stamp, arrived in connection.accounts.arrivals():
            captured = sender.video.captured((stamp - origin) % _STAMPS)
            if captured is not None:
                delays.append(arrived - captured)
        return statistics.median(delays) if delays else None

    def _connections(self) -> Iterator[tuple[Participant, Connection]]:
        for participant in list(self._participants.values()):
            for connection in list(participant.connections.values()):
                if not connection.is_closed:
                    yield participant, connection
