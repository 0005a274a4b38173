"""The faster paths of one connection, each of which this aiortc may not fit.

Where one does not, aiortc goes its own way and the log says so once. What the paths are
is :mod:`.tuning`'s business; here it is only when each is tried. Mesh loop only.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial

from aiortc import RTCIceTransport, RTCPeerConnection, RTCRtpSender

from ..log import EventLog
from ..media.broadcast import SharedTrack
from . import tuning
from .accounts import Accounts
from .reception import skipped

_TRANSPORT_TUNING = (
    ("checking candidates", tuning.check_at_once),
    ("ignoring empty datagrams", tuning.ignore_empty),
    ("passing over what cannot be read", tuning.refuse_malformed),
)


class FasterPaths:
    """What is tried, when, and what is said when it cannot be.

    Parameters
    ----------
    peer_connection : RTCPeerConnection
    accounts : Accounts
        Told where a sender's timestamps begin.
    log : EventLog
    tuned : bool
        Whether anything is tried but :meth:`watch_consent`, without which a lost path
        is noticed by nobody for half a minute.
    """

    def __init__(
        self,
        peer_connection: RTCPeerConnection,
        accounts: Accounts,
        log: EventLog,
        *,
        tuned: bool,
    ) -> None:
        self._peer_connection = peer_connection
        self._accounts = accounts
        self._log = log
        self._tuned = tuned

    def make_transceivers(self) -> AbstractContextManager[None]:
        """Transceivers are made in this."""
        if self._tuned:
            try:
                return tuning.estimate_later()
            except tuning.TuningError as error:
                skipped(self._log, "making estimators later", error)
        return nullcontext()

    def send(self, sender: RTCRtpSender, track: SharedTrack) -> None:
        """Take what a track gives the shortest way, and hear what receivers ask for."""
        if not self._tuned:
            return
        feedback = tuning.SenderFeedback(
            on_keyframe_request=track.request_keyframe,
            on_loss=track.bitrate.note_loss,
            on_bitrate=track.bitrate.note_estimate,
        )
        try:
            tuning.listen_to_feedback(sender, feedback)
        except tuning.TuningError as error:
            skipped(self._log, "hearing what receivers ask for", error)
            # Nor can a keyframe be asked for, then, of what is encoded for all. aiortc
            # hears it, and is to encode for this link alone.
            track.encoded = False
            return
        try:
            tuning.send_directly(
                sender,
                track,
                on_origin=partial(self._accounts.note_origin, track.kind),
                on_refusal=self._leave_sending,
            )
        except tuning.TuningError as error:
            self._leave_sending(error)

    def connect(self) -> None:
        """Check candidates without delay, on the transports that there are."""
        if not self._tuned:
            return
        for transport in self._ice_transports():
            for what, tune in _TRANSPORT_TUNING:
                try:
                    tune(transport)
                except tuning.TuningError as error:
                    skipped(self._log, what, error)

    def watch_consent(self, on_expired: Callable[[], None]) -> None:
        """Notice when nobody answers any more (RFC 7675, section 5.1)."""
        for transport in self._ice_transports():
            try:
                tuning.watch_consent(transport, on_expired)
            except tuning.TuningError as error:
                skipped(self._log, "noticing that a path is lost", error)

    def _leave_sending(self, error: tuning.TuningError) -> None:
        skipped(self._log, "sending", error)

    def _ice_transports(self) -> set[RTCIceTransport]:
        return {
            each.sender.transport.transport
            for each in self._peer_connection.getTransceivers()
        }
