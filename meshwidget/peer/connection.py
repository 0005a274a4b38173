"""One participant's side of the link to one other: an RTCPeerConnection and its sinks.

Offer and answer follow webrtc-pc (section 4.4) and JSEP (RFC 9429). The coroutines run
on the mesh loop only, one at a time for each connection; the properties may be read
from any thread.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import av
from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.exceptions import InternalError, InvalidAccessError, InvalidStateError
from aiortc.exceptions import OperationError as AiortcOperationError

from ..errors import NoAddressError, SignalingError
from ..events import MessageIgnored
from ..log import EventLog
from ..media.audio_broadcast import AudioBroadcast
from ..media.broadcast import SharedTrack
from ..media.sinks import AudioSink, VideoSink
from ..media.video_broadcast import VideoBroadcast
from . import tuning
from .accounts import Accounts
from .description import media_kinds, objection, split_candidates
from .ice import host_addresses
from .negotiation import explain
from .paths import FasterPaths
from .reception import Reception, skipped
from .remote_candidates import MALFORMED, RemoteCandidates, in_words
from .settings import LinkSettings
from .states import ConnectionStates
from .wire import Wire

Send = Callable[[str, dict[str, Any]], Awaitable[None]]

Wires = tuple[Wire | None, Wire | None]
"""What is sent through and what is received through; None is the clean network."""

_REFUSALS = (
    InvalidStateError,
    InvalidAccessError,
    InternalError,
    AiortcOperationError,
    *MALFORMED,
)

_GATHERING_SECONDS = 0.3
"""How long closing waits for candidates: enough for this machine's own addresses, less
than a STUN server that does not answer."""

_CODECS = {"video": ("video/VP8", "video/rtx"), "audio": ("audio/opus",)}


class Connection:
    """The link from one participant to another, seen from the first.

    Attributes
    ----------
    local, remote : str
        Names.
    remote_id : str
        The other's socket id.
    began : float
        When it was made, in the log's seconds.
    """

    def __init__(
        self,
        local: str,
        remote: str,
        remote_id: str,
        *,
        settings: LinkSettings,
        video: VideoBroadcast | None,
        audio: AudioBroadcast | None,
        send: Send,
        on_frame: Callable[[str, av.VideoFrame], None],
        is_followed: Callable[[str], bool],
        on_lost: Callable[[Connection], None],
        log: EventLog,
    ) -> None:
        self.local = local
        self.remote = remote
        self.remote_id = remote_id
        self.began = log.now
        self._settings = settings
        self._broadcasts = {"video": video, "audio": audio}
        self._send = send
        self._on_lost = on_lost
        self._log = log
        self._states = ConnectionStates(local, remote, log)
        self._reception = Reception(
            local,
            remote,
            tuned=settings.tuned,
            on_frame=on_frame,
            is_followed=is_followed,
            log=log,
        )
        self._gathering: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._splice: tuning.Splice | None = None
        self.offers = False
        """Whether this side has made the offer."""
        self.gives_way = False
        """Whether its offer is void when the other side makes one too."""
        self.offer_taken = ""
        """The other side's offer, as it came."""
        self._outbox: deque[tuple[str, dict[str, Any]]] = deque()
        """What the server has not got of this side's description and candidates."""
        self.lock = asyncio.Lock()
        """Held by whoever handles a message of this link, so that they keep order."""
        self._peer_connection = RTCPeerConnection(
            RTCConfiguration(
                # None would mean a public STUN server; an empty list means none.
                iceServers=list(settings.ice_servers),
                bundlePolicy=RTCBundlePolicy.MAX_BUNDLE,
            )
        )
        self.accounts = Accounts(
            local, remote, self._peer_connection, self._reception, log
        )
        self._faster = FasterPaths(
            self._peer_connection, self.accounts, log, tuned=settings.tuned
        )
        self._candidates = RemoteCandidates(
            self._peer_connection,
            is_local=settings.is_local,
            ignore=partial(self._ignore, "candidate"),
        )
        self._states.watch(self._peer_connection)
        self._peer_connection.on("track", self._take_track)

    # The W3C's states ---------------------------------------------------------------

    @property
    def signaling_state(self) -> str:
        """``stable``, ``have-local-offer``, ``have-remote-offer`` or ``closed``.

        webrtc-pc, section 4.3.1.
        """
        return self._states.signaling

    @property
    def ice_gathering_state(self) -> str:
        """``new``, ``gathering`` or ``complete`` (webrtc-pc, section 4.3.2)."""
        return self._states.ice_gathering

    @property
    def ice_connection_state(self) -> str:
        """``new``, ``checking``, ``completed``, ``failed`` or ``closed``.

        webrtc-pc, section 4.3.4; aiortc has no ``connected`` and ``disconnected``.
        """
        return self._states.ice_connection

    @property
    def dtls_state(self) -> str:
        """``new``, ``connecting``, ``connected``, ``failed`` or ``closed``.

        webrtc-pc, section 5.5.1.
        """
        return self._states.dtls

    @property
    def connection_state(self) -> str:
        """``new``, ``connecting``, ``connected``, ``failed`` or ``closed``.

        webrtc-pc, section 4.3.3; aiortc has no ``disconnected``.
        """
        return self._states.connection

    # What is received ---------------------------------------------------------------

    @property
    def video(self) -> VideoSink:
        """The newest picture."""
        return self._reception.video

    @property
    def audio(self) -> AudioSink:
        """The level of the sound."""
        return self._reception.audio

    @property
    def receives_video(self) -> bool:
        """Whether the other side announced a track of video."""
        return "video" in self._reception.kinds

    @property
    def receives_audio(self) -> bool:
        """Whether the other side announced a track of audio."""
        return "audio" in self._reception.kinds

    @property
    def local_description(self) -> str | None:
        """The SDP that this side applied, with the candidates gathered so far."""
        return _text_of(self._peer_connection.localDescription)

    @property
    def remote_description(self) -> str | None:
        """The other side's SDP, with the candidates received so far."""
        return _text_of(self._peer_connection.remoteDescription)

    @property
    def is_checking(self) -> bool:
        """Whether ICE has both descriptions and is at work, or done."""
        return self.ice_connection_state in ("checking", "completed")

    @property
    def is_negotiated(self) -> bool:
        """Whether both sides have said all that ICE needs to begin, or it is over."""
        states = (self.signaling_state, self.connection_state)
        return "closed" in states or (states[0] == "stable" and self.knows_an_address)

    @property
    def knows_an_address(self) -> bool:
        """Whether the other side has told a candidate, in whichever way."""
        remote = self.remote_description
        return remote is not None and "a=candidate:" in remote

    @property
    def is_unsent(self) -> bool:
        """Whether the server has not got all of this side's description."""
        return bool(self._outbox)

    @property
    def is_closed(self) -> bool:
        """Whether it is over."""
        return self._states.signaling == "closed"

    def __repr__(self) -> str:
        return f"<Connection {self.local} -> {self.remote}: {self.connection_state}>"

    # Negotiation: mesh loop only -----------------------------------------------------

    async def prepare_offer(self) -> None:
        """Describe this side, the newcomer's, and gather its candidates.

        Raises
        ------
        NoAddressError
            When not one candidate was gathered.
        """
        self.offers = True
        self._add_tracks(["video", "audio"])
        await self._describe()

    async def send_description(self) -> None:
        """Send what was described last, and then its candidates.

        When the line breaks, another call goes on with what the server has not got.

        Raises
        ------
        SignalingError
            When the server does not take it.
        """
        while self._outbox:
            try:
                await self._send(*self._outbox[0])
            except SignalingError as error:
                if error.code != "unreachable":
                    self._outbox.clear()
                raise
            self._outbox.popleft()

    async def take_offer(self, sdp: str) -> None:
        """Apply the other side's offer and answer it.

        Parameters
        ----------
        sdp : str
            As it came; one that cannot be applied is ignored, which is an event.

        Raises
        ------
        NoAddressError
            When not one candidate was gathered.
        SignalingError
            When the server does not take the answer.
        """
        problem = "the connection is closed" if self.is_closed else objection(sdp)
        if problem is not None:
            self._ignore("offer", problem)
            return
        self.offer_taken = sdp
        self._add_tracks(media_kinds(sdp))
        if await self._apply("offer", sdp):
            await self._describe()
            await self.send_description()

    async def take_answer(self, sdp: str) -> None:
        """Apply the answer to this side's offer.

        Parameters
        ----------
        sdp : str
            As it came; one that cannot be applied is ignored, which is an event.
        """
        if self.signaling_state != "have-local-offer":
            step = "setRemoteDescription(answer)"
            self._ignore("answer", explain("signaling", self.signaling_state, step))
            return
        problem = objection(sdp)
        if problem is not None:
            self._ignore("answer", problem)
            return
        await self._apply("answer", sdp)

    async def take_candidate(self, candidate: dict[str, Any]) -> None:
        """Add one of the other side's candidates, or keep it until it can be added.

        Parameters
        ----------
        candidate : dict
            An ``RTCIceCandidateInit`` (webrtc-pc, section 4.8.1.1).
        """
        await self._candidates.take(candidate)

    def put_wires(self, wires: Wires | None) -> None:
        """Send and receive through wires that have faults, or through none any more.

        Parameters
        ----------
        wires : (Wire or None, Wire or None), optional
            What is sent through and what is received through.

        Raises
        ------
        TuningError
            When this version of aiortc cannot.
        """
        if self._splice is not None and wires is not None:
            self._splice.update()
        elif self._splice is not None:
            self._splice.remove()
            self._splice = None
        elif wires is not None and not self.is_closed:
            self._splice = tuning.Splice(self._peer_connection, *wires)

    def _expire(self) -> None:
        """Note that nobody answers any more: the path is lost (RFC 7675, section 5.1).

        What belongs to it goes at once; aiortc would not say that it failed.
        """
        self._states.note("ice_connection", "failed")
        self._states.note("connection", "failed")
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        self._on_lost(self)

    async def close(self) -> None:
        """Close it, telling the other side."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        # aiortc never recovers from a close that is cancelled half way.
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        self._states.end()
        self._reception.stop()
        if self._gathering is not None:
            await asyncio.wait([self._gathering], timeout=_GATHERING_SECONDS)
            self._gathering.cancel()
        await self._peer_connection.close()
        if self._splice is not None:
            self._splice.lose()
        # aiortc forgets its listeners before the last changes.
        self._states.note("dtls", "closed")

    async def abort(self) -> None:
        """Close it without a word to the other side."""
        try:
            tuning.abort(self._peer_connection)
        except tuning.TuningError as error:
            skipped(self._log, "aborting a connection", error)
        await self.close()

    def _add_tracks(self, kinds: Sequence[str]) -> None:
        """One transceiver a kind, in the order of the m-sections.

        The first one owns the bundle's transport, so the order is the offer's.
        """
        for kind in dict.fromkeys(kinds):
            if kind not in self._broadcasts:
                continue
            broadcast = self._broadcasts[kind]
            track: SharedTrack | str = kind
            if broadcast is not None:
                track = broadcast.track(encoded=self._settings.tuned)
            with self._faster.make_transceivers():
                transceiver = self._peer_connection.addTransceiver(
                    track, direction="recvonly" if broadcast is None else "sendrecv"
                )
            capabilities = RTCRtpSender.getCapabilities(kind).codecs
            transceiver.setCodecPreferences(
                [codec for codec in capabilities if codec.mimeType in _CODECS[kind]]
            )
            if isinstance(track, SharedTrack):
                self.accounts.watch_sender(transceiver.sender)
                self._faster.send(transceiver.sender, track)
        self._faster.connect()
        self._states.watch_transport(self._peer_connection)

    async def _describe(self) -> None:
        """Create the offer or answer that is due, and apply it to this side."""
        self._faster.watch_consent(self._expire)
        if self._splice is not None:
            self._splice.cover()  # the sockets that are about to be opened
        with host_addresses(self._settings.addresses):
            self._gathering = asyncio.create_task(
                self._peer_connection.setLocalDescription()
            )
        # A socket that is being opened when its task is cancelled is never closed.
        await asyncio.shield(self._gathering)
        description = self._peer_connection.localDescription
        bare, candidates = split_candidates(description.sdp)
        if not candidates:
            raise NoAddressError(
                f"{self.local} has no address to offer {self.remote}: ICE gathered no "
                f"candidate on {', '.join(self._settings.addresses)}"
            )
        trickle = self._settings.trickle
        sdp = bare if trickle else description.sdp
        body = {"sdp": {"type": description.type, "sdp": sdp}}
        trickled = candidates if trickle else []
        self._outbox = deque(
            [
                (description.type, body),
                *(("candidate", {"candidate": each.to_init()}) for each in trickled),
            ]
        )

    async def _apply(self, kind: str, sdp: str) -> bool:
        """Set the remote description; whether it could be."""
        try:
            with self._faster.make_transceivers():
                await self._peer_connection.setRemoteDescription(
                    RTCSessionDescription(sdp=sdp, type=kind)
                )
        except _REFUSALS as error:
            self._ignore(kind, f"it cannot be applied: {in_words(error)}")
            return False
        await self._candidates.release()
        return True

    def _take_track(self, track: MediaStreamTrack) -> None:
        receivers = self._peer_connection.getReceivers()
        receiver = next(each for each in receivers if each.track is track)
        self.accounts.watch_receiver(receiver)
        self._reception.take(receiver)

    def _ignore(self, kind: str, reason: str) -> None:
        self._log.record(
            MessageIgnored,
            peer=self.local,
            remote=self.remote,
            kind=kind,
            reason=reason,
        )


def is_aftermath(error: BaseException | str) -> bool:
    """Whether an error is only that a connection was closed while it was being made.

    aiortc connects in a task of its own that nobody can await or cancel.
    """
    return isinstance(error, InvalidStateError) and "closed" in str(error)


def _text_of(description: RTCSessionDescription | None) -> str | None:
    return None if description is None else description.sdp
