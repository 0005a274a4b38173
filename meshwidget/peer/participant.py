"""One participant on the mesh loop: its socket, its sources and its connections.

It needs the server's address, its sources and a log, and nothing of the kernel it lives
in. :class:`~meshwidget.peer.peer.Peer` is the view of it that users hold.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import av

from ..errors import MeshError, SignalingError, SourceError
from ..events import ConnectionRenewed, MessageIgnored, SourceFailed, TaskFailed
from ..log import EventLog
from ..media.audio_broadcast import AudioBroadcast
from ..media.load import Load
from ..media.sources import AudioSource, VideoSource
from ..media.video_broadcast import VideoBroadcast
from ..signaling.client import SignalingClient
from . import tuning
from .connection import Connection, Wires
from .reception import skipped
from .renewal import Progress, Renewals
from .settings import LinkSettings

_MAX_EARLY_CANDIDATES = 100
"""From one who has not offered yet; the same limit as aioice has for early checks."""

_MAX_STRANGERS = 100
"""Whose candidates are kept: a late one of somebody who has left is kept in vain."""

_GLARE = (
    "it has made an offer of its own, which stands; the other side gives way (glare)"
)

_AGAIN = "it is the same one again, sent when the line to the server had broken"

_STRANGER = "there is no connection to its sender"

FrameCallback = Callable[[av.VideoFrame], None]


class Participant:
    """A member of the room that lives here. Mesh loop only.

    Parameters
    ----------
    url : str
        Of the signaling server.
    token : str
        What it lets in with.
    room, name : str
    video, audio : source or None
        Open; from here on the participant's to close.
    settings : LinkSettings
    load : Load
        Of the loop that all participants here share.
    log : EventLog
    wires_to : callable
        What a connection to the participant of a name goes through, if it has faults.
    on_problem : callable
        Told of errors that the next waiting call should raise.
    on_handled : callable
        Called when a message of the server has been dealt with.
    """

    def __init__(
        self,
        url: str,
        token: str,
        room: str,
        name: str,
        *,
        video: VideoSource | None,
        audio: AudioSource | None,
        settings: LinkSettings,
        load: Load,
        log: EventLog,
        wires_to: Callable[[str], Wires | None],
        on_problem: Callable[[MeshError], None],
        on_handled: Callable[[], None],
    ) -> None:
        self.name = name
        self.handled = 0
        """How many messages of the server it is done with."""
        self.connections: dict[str, Connection] = {}
        """By the remote's id, in order of meeting."""
        self.source_failures: dict[str, str] = {}
        """Why a source stopped, by kind."""
        self._settings = settings
        self._log = log
        self._wires_to = wires_to
        self._on_problem = on_problem
        self._on_handled = on_handled
        self.video = VideoBroadcast(video, self._note_failure, load) if video else None
        self.audio = AudioBroadcast(audio, self._note_failure) if audio else None
        self._frame_callbacks: dict[str, dict[object, FrameCallback]] = {}
        self._early_candidates: dict[str, list[dict[str, Any]]] = {}
        self._handling: set[asyncio.Task[Any]] = set()
        self._is_leaving = False
        self._awake = asyncio.Event()
        self._awake.set()
        self._renewals = Renewals(self._renew, self._progress)
        self._client = SignalingClient(
            url,
            token,
            room,
            name,
            on_message=self._handle,
            on_return=self._come_back,
            on_error=self._note_error,
        )

    @property
    def id(self) -> str:
        """What the others call it by; empty before it has joined."""
        return self._client.id

    async def join(self, timeout: float) -> None:
        """Start the sources and enter the room; on any failure leave nothing behind.

        Raises
        ------
        RoomFullError, DuplicateNameError, InvalidNameError, SignalingError
        """
        try:
            for broadcast in (self.video, self.audio):
                if broadcast is not None:
                    broadcast.start()
            await self._client.join(timeout)
        except BaseException:
            await self.leave()
            raise

    async def hang_up(self) -> None:
        """Close all connections, each telling its other side."""
        await self._stop_handling()
        await asyncio.gather(*(each.close() for each in self.connections.values()))

    async def leave(self) -> None:
        """Say goodbye to everybody and stop; cancelled, stop without a goodbye."""
        try:
            await self.hang_up()
            await self._client.leave()
        finally:
            await self._client.abort()
            await self._stop_sources()

    async def crash(self) -> None:
        """Vanish: every socket is cut, nobody is told."""
        try:
            await self._stop_handling()
            await asyncio.gather(*(each.abort() for each in self.connections.values()))
        finally:
            await self._client.abort()
            await self._stop_sources()

    @property
    def is_frozen(self) -> bool:
        """Whether it is connected and silent on purpose."""
        return not self._awake.is_set()

    def freeze(self) -> None:
        """Send no media and handle no message, as a page that hangs; sockets live on.

        ICE keeps consenting and DTLS stays up: browsers have them in a process of
        their own.
        """
        self._awake.clear()
        self._set_broadcasts_frozen(True)

    def thaw(self) -> None:
        """Go on, with the messages that came meanwhile first."""
        self._awake.set()
        self._set_broadcasts_frozen(False)

    def _set_broadcasts_frozen(self, frozen: bool) -> None:
        for broadcast in (self.video, self.audio):
            if broadcast is not None:
                broadcast.frozen = frozen

    def connection_to(self, name: str) -> Connection | None:
        """The newest connection to the participant of that name."""
        found = [each for each in self.connections.values() if each.remote == name]
        return found[-1] if found else None

    def subscribe(self, name: str, callback: FrameCallback) -> Callable[[], None]:
        """Call back with every frame from that participant, whenever it comes."""
        key = object()
        self._frame_callbacks.setdefault(name, {})[key] = callback

        def unsubscribe() -> None:
            self._frame_callbacks.get(name, {}).pop(key, None)

        return unsubscribe

    # Messages -------------------------------------------------------------------------

    async def _handle(self, kind: str, payload: Any) -> None:
        """Do what one message asks for; an error becomes an event."""
        if self._is_leaving:
            return  # what it would open now, nobody would close
        task = asyncio.current_task()
        assert task is not None
        self._handling.add(task)
        try:
            await self._awake.wait()
            await getattr(self, f"_on_{kind}")(payload)
        except asyncio.CancelledError:
            return  # the participant is leaving
        except SignalingError as error:
            self._note_unheard(kind, error)
        except Exception as error:
            self._note_error(f"{self.name} handling {kind}", error)
            if isinstance(error, MeshError):
                self._on_problem(error)
        finally:
            self._handling.discard(task)
            self.handled += 1
            self._on_handled()

    async def _on_all_users(self, users: list[dict[str, str]]) -> None:
        # All of them before the first one waits: what comes next finds its connection.
        met = [await self._meet(user["id"], user["email"]) for user in users]
        async with contextlib.AsyncExitStack() as locks:
            for connection in met:
                await locks.enter_async_context(connection.lock)
            # Gathered together, because a STUN server takes its time, but sent in
            # order, so that a call that is stepped through is the same every time.
            await asyncio.gather(*(each.prepare_offer() for each in met))
            for connection in met:
                try:
                    await connection.send_description()
                except SignalingError as error:  # to this one; the others are there
                    self._note_unheard("all_users", error)

    async def _on_offer(self, payload: dict[str, Any]) -> None:
        remote_id, remote_name = payload["offerSendID"], payload["offerSendEmail"]
        current = self.connections.get(remote_id)
        if (
            current is not None
            and current.signaling_state == "have-local-offer"
            and not current.gives_way
        ):
            self._ignore("offer", remote_name, _GLARE)
            return
        if current is not None and current.offer_taken == payload["sdp"]["sdp"]:
            self._ignore("offer", remote_name, _AGAIN)
            return
        self._renewals.forget(remote_id)
        connection = await self._meet(remote_id, remote_name)
        async with connection.lock:
            await connection.take_offer(payload["sdp"]["sdp"])

    async def _on_answer(self, payload: dict[str, Any]) -> None:
        connection = self.connections.get(payload["answerSendID"])
        if connection is None:
            self._ignore("answer", "a stranger", _STRANGER)
            return
        async with connection.lock:
            await connection.take_answer(payload["sdp"]["sdp"])

    async def _on_candidate(self, payload: dict[str, Any]) -> None:
        remote_id = payload["candidateSendID"]
        connection = self.connections.get(remote_id)
        if connection is None:
            # Its offer may still come: messages can be delivered out of order.
            early = self._early_candidates.setdefault(remote_id, [])
            if len(self._early_candidates) > _MAX_STRANGERS:
                del self._early_candidates[next(iter(self._early_candidates))]
            if len(early) < _MAX_EARLY_CANDIDATES:
                early.append(payload["candidate"])
            return
        async with connection.lock:
            await connection.take_candidate(payload["candidate"])

    async def _on_user_exit(self, payload: dict[str, str]) -> None:
        self._early_candidates.pop(payload["id"], None)
        self._renewals.forget(payload["id"])
        connection = self.connections.get(payload["id"])
        if connection is None:
            return  # it left before it was met
        async with connection.lock:
            if self.connections.get(payload["id"]) is connection:
                del self.connections[payload["id"]]
            await connection.close()

    async def _meet(self, remote_id: str, remote_name: str) -> Connection:
        """A new connection to that one, in place of any it had before."""
        previous = self.connections.pop(remote_id, None)
        connection = Connection(
            self.name,
            remote_name,
            remote_id,
            settings=self._settings,
            video=self.video,
            audio=self.audio,
            send=lambda kind, body: self._send(remote_id, kind, body),
            on_frame=self._take_frame,
            is_followed=self._is_followed,
            on_lost=self._lose,
            log=self._log,
        )
        self.connections[remote_id] = connection
        try:
            connection.put_wires(self._wires_to(remote_name))
        except tuning.TuningError as error:
            skipped(self._log, "putting faults on a link", error)
        for candidate in self._early_candidates.pop(remote_id, []):
            await connection.take_candidate(candidate)
        if previous is not None:
            async with previous.lock:
                await previous.close()
        return connection

    async def _send(self, remote_id: str, kind: str, body: dict[str, Any]) -> None:
        payload = {
            **body,
            f"{kind}SendID": self.id,
            f"{kind}ReceiveID": remote_id,
        }
        if kind == "offer":
            payload["offerSendEmail"] = self.name
        await self._client.send(kind, payload)

    def _ignore(self, kind: str, remote: str, reason: str) -> None:
        self._log.record(
            MessageIgnored, peer=self.name, remote=remote, kind=kind, reason=reason
        )

    def _note_unheard(self, kind: str, error: SignalingError) -> None:
        """The other one left, or the line broke, while this side was busy."""
        self._log.record(
            MessageIgnored,
            peer=self.name,
            remote="the server",
            kind=f"the reply to its {kind}",
            reason=str(error),
        )

    # Connections that failed ----------------------------------------------------------

    def look_after(self, name: str) -> None:
        """See to it that the connection to that one, whose link has changed, comes up.

        One of the two does: the one who offered, if both live here.
        """
        connection = self.connection_to(name)
        if (
            connection is not None
            and connection.offers
            and connection.connection_state != "connected"
        ):
            self._renewals.look_after(connection.remote_id)

    def repair(self, name: str) -> None:
        """See to the connection to that one, whose link carries again."""
        connection = self.connection_to(name)
        if connection is None or connection.connection_state == "connected":
            return
        if connection.is_closed or connection.is_checking:
            reason = "the old connection did not outlive what was wrong with the link"
            self._renewals.want(connection.remote_id, reason, offers=connection.offers)

    def _come_back(self) -> None:
        """Do what could not be done without a line to the server."""
        self._renewals.retry()
        for connection in self.connections.values():
            if connection.is_unsent:
                task = asyncio.create_task(self._send_again(connection))
                self._handling.add(task)
                task.add_done_callback(self._handling.discard)

    async def _send_again(self, connection: Connection) -> None:
        # What the server refuses it says in the log; a line that broke comes back.
        with contextlib.suppress(SignalingError):
            async with connection.lock:
                await connection.send_description()

    def _lose(self, connection: Connection) -> None:
        """Make a connection anew whose path was lost."""
        if self.connections.get(connection.remote_id) is connection:
            reason = "nobody answers the old connection's checks of consent (RFC 7675)"
            self._renewals.want(connection.remote_id, reason, offers=connection.offers)

    def _progress(self, remote_id: str) -> Progress:
        """How a connection does that should come up by now."""
        connection = self.connections.get(remote_id)
        if connection is None or connection.connection_state == "connected":
            return "done"
        wires = self._wires_to(connection.remote) or ()
        kept_apart = any(wire is not None and wire.keeps_apart for wire in wires)
        if kept_apart or not connection.is_negotiated:
            return "waiting"
        return "stuck"

    async def _renew(self, remote_id: str, reason: str, gives_way: bool) -> bool:
        """Offer a new connection; whether that is done with."""
        await self._awake.wait()
        lost = self.connections.get(remote_id)
        if lost is None or lost.connection_state == "connected":
            return True
        if not self._client.is_connected:
            return False
        async with lost.lock:
            await lost.close()  # first, so that the log tells one end and one beginning
        if self.connections.get(remote_id) is not lost:
            return True  # that one left, or offers by itself
        self._log.record(
            ConnectionRenewed, peer=self.name, remote=lost.remote, reason=reason
        )
        connection = await self._meet(remote_id, lost.remote)
        connection.gives_way = gives_way
        try:
            async with connection.lock:
                await connection.prepare_offer()
                await connection.send_description()
        except SignalingError as error:
            # The server says in the log what it refuses; that one has left.
            return error.code != "unreachable"
        except MeshError as error:
            self._note_error(f"{self.name} connecting to {lost.remote} anew", error)
            self._on_problem(error)
        return True

    # Endings and errors ---------------------------------------------------------------

    async def _stop_handling(self) -> None:
        self._is_leaving = True
        await self._renewals.stop()
        tasks = self._handling - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _stop_sources(self) -> None:
        stops: list[Awaitable[None]] = [
            broadcast.stop()
            for broadcast in (self.video, self.audio)
            if broadcast is not None
        ]
        await asyncio.gather(*stops)

    def _is_followed(self, remote: str) -> bool:
        return bool(self._frame_callbacks.get(remote))

    def _take_frame(self, remote: str, frame: av.VideoFrame) -> None:
        callbacks = self._frame_callbacks.get(remote)
        if not callbacks:
            return
        for key, callback in list(callbacks.items()):
            try:
                callback(frame)
            except Exception as error:
                # The user's code: its error ends its subscription, nothing else.
                callbacks.pop(key, None)
                self._note_error(
                    f"a callback for {remote}'s frames at {self.name}", error
                )

    def _note_failure(self, kind: str, error: SourceError) -> None:
        self.source_failures[kind] = str(error)
        self._log.record(SourceFailed, peer=self.name, kind=kind, message=str(error))

    def _note_error(self, where: str, error: BaseException) -> None:
        message = f"{type(error).__name__}: {error}"
        self._log.record(TaskFailed, where=where, message=message)
