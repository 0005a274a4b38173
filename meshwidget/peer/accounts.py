"""What one connection has sent and received, for the statistics. Mesh loop only."""

from __future__ import annotations

import time

from aiortc import RTCPeerConnection, RTCRtpReceiver, RTCRtpSender

from ..log import EventLog
from ..media.received import ReceivedVideo
from ..stats.reading import PictureCounts, Reading
from . import tuning
from .public_stats import reading_of_report
from .reception import Reception, skipped

_STAMPS = 1 << 32
_WINDOW_SECONDS = 1.0
_WINDOW_PICTURES = 10


class Accounts:
    """The books of one connection.

    Where aiortc's cannot be read as they are, its public ``getStats`` is asked, which
    tells less.

    Parameters
    ----------
    local, remote : str
        Names.
    peer_connection : RTCPeerConnection
    reception : Reception
        Where its media end.
    log : EventLog
    """

    def __init__(
        self,
        local: str,
        remote: str,
        peer_connection: RTCPeerConnection,
        reception: Reception,
        log: EventLog,
    ) -> None:
        self._local = local
        self._remote = remote
        self._peer_connection = peer_connection
        self._reception = reception
        self._log = log
        self._senders: dict[str, tuning.SenderCounter] = {}
        self._receivers: dict[str, tuning.ReceiverCounter] = {}
        self._is_readable = True

    def watch_sender(self, sender: RTCRtpSender) -> None:
        """Count what it sends; it has not begun to."""
        try:
            self._senders[sender.kind] = tuning.SenderCounter(sender)
        except tuning.TuningError as error:
            self._give_up(error)

    def watch_receiver(self, receiver: RTCRtpReceiver) -> None:
        """Count what it receives, if it is the first of its kind; it has not begun."""
        kind = receiver.track.kind
        if kind in self._receivers:
            return
        try:
            self._receivers[kind] = tuning.ReceiverCounter(receiver)
        except tuning.TuningError as error:
            self._give_up(error)

    def note_origin(self, kind: str, origin: int) -> None:
        """Take what a sender of that kind adds to the timestamps of its track."""
        if kind in self._senders:
            self._senders[kind].origin = origin

    @property
    def sent_origin(self) -> int | None:
        """Where RTP's timestamps of the pictures it sends begin; None if unknown."""
        counter = self._senders.get("video")
        return None if counter is None else counter.origin

    def arrivals(self) -> list[tuple[int, float]]:
        """RTP timestamp and time of the last pictures, of the last second at most.

        Returns
        -------
        list of (int, float)
            The times on ``time.monotonic()``'s clock.
        """
        counter = self._receivers.get("video")
        origin = None if counter is None else counter.origin
        if origin is None:
            return []
        since = time.monotonic() - _WINDOW_SECONDS
        recent = self._reception.video.arrivals(since, _WINDOW_PICTURES)
        return [((origin + stamp) % _STAMPS, arrived) for stamp, arrived in recent]

    async def read(
        self, connection: int, seconds: float, latency: float | None
    ) -> Reading:
        """All counters, now.

        Parameters
        ----------
        connection : int
            Its number in the call.
        seconds : float
            The time.
        latency : float or None
            Of the pictures that it receives, seconds.
        """
        pictures = self._pictures(latency)
        if self._is_readable:
            try:
                return self._read(connection, seconds, pictures)
            except tuning.TuningError as error:
                self._give_up(error)
        return reading_of_report(
            await self._peer_connection.getStats(),
            connection=connection,
            local=self._local,
            remote=self._remote,
            time=seconds,
            pictures=pictures,
        )

    def _read(
        self, connection: int, seconds: float, pictures: PictureCounts | None
    ) -> Reading:
        sent = received = 0
        transports = {
            each.sender.transport for each in self._peer_connection.getTransceivers()
        }
        for transport in transports:
            out, back = tuning.transport_bytes(transport)
            sent, received = sent + out, received + back
        streams = self._reception.streams
        inbound = (
            each.read(streams.get(kind)) for kind, each in self._receivers.items()
        )
        return Reading(
            connection=connection,
            local=self._local,
            remote=self._remote,
            time=seconds,
            bytes_sent=sent,
            bytes_received=received,
            inbound=tuple(each for each in inbound if each is not None),
            outbound=tuple(each.read() for each in self._senders.values()),
            pictures=pictures,
        )

    def _pictures(self, latency: float | None) -> PictureCounts | None:
        if "video" not in self._reception.kinds:
            return None
        video = self._reception.video
        rate = video.frame_rate
        stream = self._reception.streams.get("video")
        dropped = None if stream is None else stream.frames_dropped
        return PictureCounts(
            frames_received=video.count + (dropped or 0),
            frames_decoded=video.decoded,
            frames_dropped=dropped,
            key_frames_received=(
                video.key_frames
                if stream is not None and isinstance(video, ReceivedVideo)
                else None
            ),
            frames_per_second=rate,
            # Its pictures may have left the last second since it was measured.
            latency=latency if rate else None,
        )

    def _give_up(self, error: tuning.TuningError) -> None:
        self._is_readable = False
        skipped(self._log, "counting", error)
