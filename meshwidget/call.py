"""A call on the mesh loop: the server, the participants and the log, composed.

Everything here runs on the mesh loop; :class:`~meshwidget.mesh.Mesh` is the door to it
from other threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import secrets
from collections.abc import Callable, Iterator
from typing import Any

from .call_faults import CallFaults
from .departures import Departures
from .errors import (
    DuplicateNameError,
    MeshClosedError,
    MeshError,
    MeshTimeoutError,
    RoomFullError,
    SignalingError,
    SourceError,
    UnknownPeerError,
)
from .events import (
    MeshClosed,
    MeshOpened,
    PeerFrozen,
    PeerThawed,
    ServerStarted,
    ServerStopped,
    SignalingPaused,
    TaskFailed,
)
from .history.moment import Moment
from .history.why import why
from .log import EventLog
from .media.load import Load
from .media.sources import open_sources
from .peer.ice import as_init
from .peer.participant import Participant
from .peer.peer import Peer
from .peer.settings import LinkSettings
from .sampling import Sampler
from .signaling.gate import Gate
from .signaling.pages import Pages
from .signaling.protocol import check_name
from .signaling.server import SignalingServer
from .signaling.switchboard import Switchboard
from .stats.reading import Reading
from .stats.table import StatsTable
from .stepping import Stepper

_NOTICE_SECONDS = 0.3
"""For the others to notice that a connection was closed; on loopback it takes 5 ms."""

_SLICE_SECONDS = 0.1

_EXPLAINED = 6
"""Pairs that a time-out explains; more of them would hide the first."""

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
    token : str
        What the server lets in with.
    paused : bool
    """

    def __init__(
        self,
        log: EventLog,
        room: str,
        max_peers: int,
        settings: LinkSettings,
        *,
        token: str,
        paused: bool,
    ) -> None:
        self.log = log
        self.room = room
        self.room_id = secrets.token_urlsafe(16)
        self.max_peers = max_peers
        self.peers: dict[str, Peer] = {}
        self.closed = False
        self.gate = Gate(paused)
        self.switchboard = Switchboard(log, max_peers, self.gate)
        self.server = SignalingServer(self.switchboard, log, token)
        self.ice_servers = [as_init(each) for each in settings.ice_servers]
        self.pages = Pages(
            self.switchboard,
            {"room": room, "iceServers": self.ice_servers},
        )
        self.token = token
        self._settings = settings
        self.load = Load()
        self._watching: asyncio.Task[None] | None = None
        self._participants: dict[str, Participant] = {}
        self._joining: dict[str, asyncio.Task[Any]] = {}
        self._departures = Departures()
        self._numbers: dict[str, int] = {}
        self._problems: list[MeshError] = []
        self._closers: list[Callable[[], None]] = []
        self._changed = asyncio.Event()
        self._switching = asyncio.Lock()
        self.faults = CallFaults(log, self._participants, self._is_here)
        self.stepper = Stepper(
            log, self.gate, self.switchboard, self._participants, self._until
        )
        self.sampler = Sampler(log, self._participants, self.note_error)
        self._unsubscribe = log.subscribe(lambda event: self._changed.set())

    async def open(self, host: str, port: int) -> None:
        """Start the server.

        Raises
        ------
        NoAddressError
        """
        await self.server.start(host, port)
        if self._settings.tuned:
            self._watching = asyncio.create_task(self.load.watch())
        self.switchboard.open()
        self.sampler.start()
        self.log.record(MeshOpened, room=self.room, max_peers=self.max_peers)
        if self.gate.paused:
            self.log.record(SignalingPaused)

    async def join(self, name: str, video: Any, audio: Any, timeout: float) -> Peer:
        """Let one more participant in; see :meth:`meshwidget.Mesh.join`."""
        try:
            async with asyncio.timeout(timeout):
                self._check_open()
                check_name(name)
                while in_the_way := self._leaving_before(name):
                    await asyncio.wait(in_the_way)
                    self._check_open()
                return await self._admit(name, video, audio, timeout)
        except TimeoutError as error:
            raise MeshTimeoutError(
                f"{name} was not let into room {self.room} within {timeout} s"
            ) from error

    async def exit(self, name: str) -> None:
        """Leave politely."""
        await self._departures.see_off(name, self._exit(self._take_out(name)))
        self._check_open()

    async def crash(self, name: str) -> None:
        """Vanish without a word; returns when the server has noticed."""
        await self._departures.see_off(name, self._crash(self._take_out(name)))
        self._check_open()

    async def wait_connected(self, timeout: float) -> None:
        """Until every pair is connected and has seen a frame."""
        self._check_open()
        try:
            async with asyncio.timeout(timeout):
                await self._until(self._is_connected)
        except TimeoutError:
            raise MeshTimeoutError(self._explain(timeout)) from None

    async def stats(self) -> StatsTable:
        """Every directed link, measured over the last second."""
        self._check_open()
        return await self.sampler.table()

    async def readings(self) -> list[Reading]:
        """What was counted so far, each second."""
        return self.sampler.readings()

    async def close(self) -> None:
        """End the call; harmless when it has ended."""
        if self.closed:
            return
        self.closed = True
        self.pages.close()
        self.sampler.stop()
        joining = list(self._joining.values())
        for task in joining:
            if not task.cancelling():  # else it is clearing up already
                task.cancel()
        participants = list(self._participants.values())
        self._participants.clear()
        self.peers.clear()
        self._changed.set()
        # What is in `finally` is also done when time was up and the loop cuts this off.
        try:
            await self._say_goodbye(participants, joining)
        finally:
            self.log.record(MeshClosed)
            self._unsubscribe()
            self._changed.set()
            for closer in self._closers:
                try:
                    closer()
                except Exception as error:
                    self.note_error("a callback for the end of the mesh", error)

    async def _say_goodbye(
        self, participants: list[Participant], joining: list[asyncio.Task[Any]]
    ) -> None:
        goodbyes = asyncio.gather(
            *(each.leave() for each in participants),
            *self._departures,
            return_exceptions=True,
        )
        try:
            with contextlib.suppress(TimeoutError):
                for outcome in await asyncio.wait_for(goodbyes, _CLOSE_SECONDS):
                    # Who is leaving already is told by whoever had it leave.
                    is_failure = not isinstance(outcome, MeshClosedError)
                    if isinstance(outcome, Exception) and is_failure:
                        self.note_error("closing the mesh", outcome)
            if joining:
                await asyncio.wait(joining, timeout=_CLOSE_SECONDS / 4)
        finally:
            if self._watching is not None:
                self._watching.cancel()
            self.switchboard.close()
            async with self._switching:  # it may be coming back at this moment
                await self.server.stop()

    def add_closer(self, closer: Callable[[], None]) -> None:
        """Call back when the call has ended, at once if it has."""
        if self.closed:
            closer()
        else:
            self._closers.append(closer)

    def remove_closer(self, closer: Callable[[], None]) -> None:
        """Do not call back; harmless if nobody would."""
        with contextlib.suppress(ValueError):
            self._closers.remove(closer)

    def note_error(self, where: str, error: BaseException) -> None:
        """Record an exception that nobody awaits."""
        message = f"{type(error).__name__}: {error}"
        self.log.record(TaskFailed, where=where, message=message)

    async def _admit(self, name: str, video: Any, audio: Any, timeout: float) -> Peer:
        if name in self._participants or name in self._joining:
            raise DuplicateNameError(
                f"{name} is in the room already; choose another name"
            )
        if not self.server.running:
            raise SignalingError(
                "unreachable",
                f"{name} cannot join: the signaling server is stopped; "
                f"mesh.server.start() brings it back",
            )
        if self._is_full():
            raise RoomFullError(
                f"room {self.room} is full: {self.max_peers} of {self.max_peers}; "
                f"let somebody exit, or make the mesh with a larger max_peers"
            )
        task = asyncio.current_task()
        assert task is not None
        self._joining[name] = task
        try:
            return await self._enter(name, video, audio, timeout)
        finally:
            self._joining.pop(name, None)
            if name not in self._participants:
                self._numbers.pop(name, None)

    async def _enter(self, name: str, video: Any, audio: Any, timeout: float) -> Peer:
        # The smallest number that is free: it chooses the colour and the pitch.
        number = next(n for n in itertools.count() if n not in self._numbers.values())
        self._numbers[name] = number
        pictures, sound = await open_sources(name, number, video, audio)
        participant = Participant(
            self.server.url,
            self.token,
            self.room,
            name,
            video=pictures,
            audio=sound,
            settings=self._settings,
            load=self.load,
            log=self.log,
            wires_to=lambda remote: self.faults.wires(name, remote),
            on_problem=self._problems.append,
            on_handled=self._changed.set,
        )
        await participant.join(timeout)
        self._participants[name] = participant
        peer = self.peers[name] = Peer(participant)
        return peer

    async def _exit(self, participant: Participant) -> None:
        try:
            await participant.hang_up()
            # Whoever lives here has noticed before the server tells them: user_exit
            # then finds a connection that is closed, in this order every time.
            await self._until(lambda: self._has_hung_up(participant), _NOTICE_SECONDS)
        finally:
            await participant.leave()  # also when the mesh is closed meanwhile

    async def _crash(self, participant: Participant) -> None:
        identity = participant.id
        await participant.crash()
        await self._until(
            lambda: (
                self.closed
                or not self.server.running
                or self.switchboard.rooms.find(self.room, identity) is None
            )
        )

    def _leaving_before(self, name: str) -> set[asyncio.Task[Any]]:
        """Who must be gone before one of this name can come."""
        given_up = {
            joiner: task for joiner, task in self._joining.items() if task.cancelling()
        }
        if self._is_full():
            return {*self._departures, *given_up.values()}
        return self._departures.of(name) | {
            task for joiner, task in given_up.items() if joiner == name
        }

    def _is_full(self) -> bool:
        members = self.switchboard.rooms.members(self.room)
        present = {member.name for member in members}
        return len(present.union(self._joining)) >= self.max_peers

    def _is_here(self, name: str) -> bool:
        return name in self._participants or name in self._joining

    async def stop_server(self) -> None:
        """Take the signaling server away; harmless when it is."""
        async with self._switching:
            self._check_open()
            if self.server.running:
                self.log.record(ServerStopped)
                self.pages.suspend()
                self.switchboard.suspend()
                await self.server.go_away()

    async def start_server(self) -> None:
        """Bring the signaling server back; harmless when it is there."""
        async with self._switching:
            self._check_open()
            if not self.server.running:
                await self.server.come_back()
                self.log.record(ServerStarted)
                self.switchboard.resume()
                self.pages.resume()

    async def freeze(self, name: str) -> None:
        """Let a participant be connected and silent."""
        participant = self._find(name)
        if not participant.is_frozen:
            participant.freeze()
            self.log.record(PeerFrozen, peer=name)

    async def thaw(self, name: str) -> None:
        """Let a frozen participant go on."""
        participant = self._find(name)
        if participant.is_frozen:
            self.log.record(PeerThawed, peer=name)
            participant.thaw()

    def _find(self, name: str) -> Participant:
        self._check_open()
        participant = self._participants.get(name)
        if participant is None:
            here = ", ".join(self._participants) or "nobody"
            raise UnknownPeerError(
                f"there is no peer called {name} in this call; here: {here}"
            )
        return participant

    def _take_out(self, name: str) -> Participant:
        participant = self._find(name)
        del self._participants[name]
        self.peers.pop(name, None)
        self._numbers.pop(name, None)
        return participant

    async def _until(
        self, condition: Callable[[], bool], patience: float | None = None
    ) -> None:
        """Until it holds, or patience ends; it is asked again after every event."""
        remaining = math.inf if patience is None else patience
        now = asyncio.get_running_loop().time
        while remaining > 0 and not condition():
            self._changed.clear()
            began = now()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(_SLICE_SECONDS, remaining)):
                    await self._changed.wait()
            # In slices, each of which counts no more than it should have taken: when
            # this loop stood still, what is waited for may have come already.
            remaining -= min(now() - began, _SLICE_SECONDS)
            self._check_open()

    def _has_hung_up(self, leaver: Participant) -> bool:
        links = (
            each.connections.get(leaver.id) for each in self._participants.values()
        )
        return all(link is None or link.is_closed for link in links)

    def _check_open(self) -> None:
        if self.closed:
            raise MeshClosedError("the mesh is closed; make a new one")

    def _is_connected(self) -> bool:
        if self._problems:
            raise self._problems.pop(0)
        failures = {
            name: participant.source_failures["video"]
            for name, participant in self._participants.items()
            if "video" in participant.source_failures
        }
        if not failures:  # asked after every event, so the first one will do
            return next(self._blind(), None) is None
        blind = list(self._blind())
        for viewer, remote in blind:
            if remote in failures:
                raise SourceError(
                    f"{viewer} will see nothing of {remote}, whose video source "
                    f"stopped: {failures[remote]}"
                )
        return not blind

    def _blind(self) -> Iterator[tuple[str, str]]:
        """Who does not see whom: the one of each pair lives here."""
        members = self.switchboard.rooms.members(self.room)
        for name, participant in self._participants.items():
            for member in members:
                if member.id == participant.id:
                    continue
                link = participant.connections.get(member.id)
                if (
                    link is None
                    or link.connection_state != "connected"
                    or (link.receives_video and link.video.version == 0)
                ):
                    yield name, member.name

    def _explain(self, timeout: float) -> str:
        """What did not happen in time, and why, pair by pair."""
        moment = Moment.of(self.log)
        pairs = list(self._blind())
        reasons = "; ".join(why(moment, *pair).sentence for pair in pairs[:_EXPLAINED])
        more = f"; and {len(pairs) - _EXPLAINED} more" * (len(pairs) > _EXPLAINED)
        return f"after {timeout:g} s not everybody sees everybody: {reasons}{more}"
