"""A call on the mesh loop: the server, the participants and the log, composed.

Everything here runs on the mesh loop; :class:`~meshwidget.mesh.Mesh` is the door to it
from other threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Iterator
from typing import Any

from .errors import (
    DuplicateNameError,
    MeshClosedError,
    MeshError,
    MeshTimeoutError,
    RoomFullError,
    UnknownPeerError,
)
from .events import EventLog, MeshClosed, MeshOpened, TaskFailed
from .media.sources import resolve_sources
from .peer.connection import Connection, LinkSettings
from .peer.participant import Participant
from .peer.peer import Peer
from .signaling.gate import Gate
from .signaling.protocol import check_name
from .signaling.server import SignalingServer

_CLOSE_SECONDS = 1.0
"""For all participants to say goodbye; then the rest is cut off."""


class Call:
    """One room's server and the participants that live in this process.

    Parameters
    ----------
    log : EventLog
    room : str
    max_peers : int
    settings : LinkSettings
    paused : bool
    """

    def __init__(
        self,
        log: EventLog,
        room: str,
        max_peers: int,
        settings: LinkSettings,
        *,
        paused: bool,
    ) -> None:
        self.log = log
        self.room = room
        self.max_peers = max_peers
        self.peers: dict[str, Peer] = {}
        self.closed = False
        self.gate = Gate(paused)
        self.server = SignalingServer(log, max_peers, self.gate)
        self._settings = settings
        self._participants: dict[str, Participant] = {}
        self._joining: dict[str, asyncio.Task[Any]] = {}
        self._numbers: dict[str, int] = {}
        self._problems: list[MeshError] = []
        self._closers: list[Callable[[], None]] = []
        self._changed = asyncio.Event()
        self._unsubscribe = log.subscribe(lambda event: self._changed.set())

    async def open(self, host: str, port: int) -> None:
        """Start the server.

        Raises
        ------
        NoAddressError
        """
        await self.server.start(host, port)
        self.log.record(MeshOpened, room=self.room, max_peers=self.max_peers)

    async def join(
        self, name: str, video: Any, audio: Any, timeout: float
    ) -> Peer:
        """Let one more participant in; see :meth:`meshwidget.Mesh.join`."""
        self._check_open()
        check_name(name)
        if name in self._participants or name in self._joining:
            raise DuplicateNameError(
                f"{name} is in the room already; choose another name"
            )
        present = {member.name for member in self.server.rooms.members(self.room)}
        if len(present.union(self._joining)) >= self.max_peers:
            raise RoomFullError(
                f"room {self.room} is full: {self.max_peers} of {self.max_peers}; "
                f"let somebody exit, or make the mesh with a larger max_peers"
            )
        task = asyncio.current_task()
        assert task is not None
        self._joining[name] = task
        try:
            async with asyncio.timeout(timeout):
                return await self._enter(name, video, audio, timeout)
        except TimeoutError as error:
            raise MeshTimeoutError(
                f"{name} was not let into room {self.room} within {timeout} s"
            ) from error
        finally:
            self._joining.pop(name, None)
            if name not in self._participants:
                self._numbers.pop(name, None)

    async def exit(self, name: str) -> None:
        """Leave politely."""
        await self._take_out(name).leave()

    async def crash(self, name: str) -> None:
        """Vanish without a word; returns when the server has noticed."""
        participant = self._take_out(name)
        identity = participant.id
        await participant.crash()
        await self._until(
            lambda: self.server.rooms.find(self.room, identity) is None
        )

    async def wait_connected(self, timeout: float) -> None:
        """Until every pair is connected and has seen a frame."""
        self._check_open()
        try:
            async with asyncio.timeout(timeout):
                await self._until(self._is_connected)
        except TimeoutError:
            missing = "; ".join(self._missing())
            raise MeshTimeoutError(
                f"after {timeout} s not everybody sees everybody: {missing}"
            ) from None

    async def close(self) -> None:
        """End the call; harmless when it has ended."""
        if self.closed:
            return
        self.closed = True
        for task in list(self._joining.values()):
            task.cancel()
        if self._joining:
            await asyncio.wait(list(self._joining.values()), timeout=_CLOSE_SECONDS / 4)
        participants = list(self._participants.values())
        self._participants.clear()
        self.peers.clear()
        goodbyes = asyncio.gather(
            *(each.leave() for each in participants), return_exceptions=True
        )
        with contextlib.suppress(TimeoutError):
            for outcome in await asyncio.wait_for(goodbyes, _CLOSE_SECONDS):
                if isinstance(outcome, Exception):
                    self.note_error("closing the mesh", outcome)
        await self.server.stop()
        self.log.record(MeshClosed)
        self._unsubscribe()
        self._changed.set()
        for closer in self._closers:
            closer()

    def add_closer(self, closer: Callable[[], None]) -> None:
        """Call back when the call has ended, at once if it has."""
        if self.closed:
            closer()
        else:
            self._closers.append(closer)

    def note_error(self, where: str, error: BaseException) -> None:
        """Record an exception that nobody awaits."""
        message = f"{type(error).__name__}: {error}"
        self.log.record(TaskFailed, where=where, message=message)

    async def _enter(self, name: str, video: Any, audio: Any, timeout: float) -> Peer:
        # The smallest number that is free: it chooses the colour and the pitch.
        number = next(n for n in itertools.count() if n not in self._numbers.values())
        self._numbers[name] = number
        video_source, audio_source = resolve_sources(name, number, video, audio)
        participant = Participant(
            self.server.url,
            self.room,
            name,
            video=video_source,
            audio=audio_source,
            settings=self._settings,
            log=self.log,
            on_problem=self._problems.append,
        )
        await participant.join(timeout)
        self._participants[name] = participant
        peer = self.peers[name] = Peer(participant)
        return peer

    def _take_out(self, name: str) -> Participant:
        self._check_open()
        participant = self._participants.pop(name, None)
        if participant is None:
            here = ", ".join(self._participants) or "nobody"
            raise UnknownPeerError(
                f"there is no peer called {name} in this call; here: {here}"
            )
        self.peers.pop(name, None)
        self._numbers.pop(name, None)
        return participant

    async def _until(self, condition: Callable[[], bool]) -> None:
        """Until it holds; it is asked again after every event."""
        while not condition():
            self._changed.clear()
            await self._changed.wait()
            self._check_open()

    def _check_open(self) -> None:
        if self.closed:
            raise MeshClosedError("the mesh is closed; make a new one")

    def _is_connected(self) -> bool:
        if self._problems:
            raise self._problems.pop(0)
        return next(self._missing(), None) is None

    def _missing(self) -> Iterator[str]:
        """What keeps the pairs from seeing each other, a sentence each."""
        members = self.server.rooms.members(self.room)
        for name, participant in self._participants.items():
            for member in members:
                if member.id == participant.id:
                    continue
                connection = participant.connections.get(member.id)
                if connection is None:
                    yield (
                        f"{name} has no connection to {member.name}: no offer has "
                        f"come from there or gone there"
                    )
                elif connection.connection_state != "connected":
                    yield f"{name} to {member.name} is {_states_of(connection)}"
                elif connection.receives_video and connection.video.count == 0:
                    yield (
                        f"{name} is connected to {member.name} but has seen no frame"
                    )


def _states_of(connection: Connection) -> str:
    return (
        f"{connection.connection_state} (signaling {connection.signaling_state}, "
        f"ICE {connection.ice_connection_state}, DTLS {connection.dtls_state})"
    )
