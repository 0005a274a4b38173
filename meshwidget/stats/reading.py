"""What one connection has counted so far, at one moment.

Counters only grow; rates and fractions are made of two readings, in :mod:`.link`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundCounts:
    """Of one received stream of media (``RTCInboundRtpStreamStats``).

    Attributes
    ----------
    kind : str
        ``"video"`` or ``"audio"``.
    ssrc : int
        Of the media, not of its repairs (RFC 4588).
    packets_received, packets_lost : int
        As RFC 3550, section 6.4.1, counts them: what a repair brought later was lost.
    jitter : float
        Seconds (RFC 3550, section 6.4.1).
    bytes_received : int or None
        Of payloads; None where nobody counts them.
    retransmitted_packets_received : int or None
        On the stream of repairs.
    nack_count, pli_count : int or None
        Requests sent to the sender (RFC 4585).
    """

    kind: str
    ssrc: int
    packets_received: int
    packets_lost: int
    jitter: float
    bytes_received: int | None = None
    retransmitted_packets_received: int | None = None
    nack_count: int | None = None
    pli_count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteReport:
    """What a receiver last reported of a stream (``RTCRemoteInboundRtpStreamStats``).

    Attributes
    ----------
    fraction_lost : float
        0 to 1, since the report before.
    packets_lost : int
    jitter : float or None
        Seconds.
    round_trip_time : float or None
        Seconds, of this report alone (RFC 3550, section 6.4.1); None before a report
        has answered one of the sender's.
    total_round_trip_time : float
        Seconds, the sum of all that were measured.
    round_trip_time_measurements : int
    """

    fraction_lost: float
    packets_lost: int
    jitter: float | None
    round_trip_time: float | None
    total_round_trip_time: float
    round_trip_time_measurements: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundCounts:
    """Of one sent stream of media (``RTCOutboundRtpStreamStats``).

    Attributes
    ----------
    kind : str
        ``"video"`` or ``"audio"``.
    ssrc : int
    packets_sent, bytes_sent : int
        Payloads, without what was sent again.
    retransmitted_packets_sent : int or None
    nack_count, pli_count, fir_count : int or None
        Requests that came from the receiver (RFC 4585, RFC 5104).
    remote : RemoteReport or None
        None before the first report.
    """

    kind: str
    ssrc: int
    packets_sent: int
    bytes_sent: int
    retransmitted_packets_sent: int | None = None
    nack_count: int | None = None
    pli_count: int | None = None
    fir_count: int | None = None
    remote: RemoteReport | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureCounts:
    """Of the pictures that were received.

    Attributes
    ----------
    frames_received : int
        All that came.
    frames_decoded : int
        Those that somebody looked at.
    frames_dropped : int or None
        Those that could not be decoded, as a part or one before was lost.
    key_frames_received : int or None
        None where pictures come decoded, which does not tell.
    frames_per_second : float
        Over the last second.
    latency : float or None
        Seconds from the source to here, the median of the last ten; None where the
        source is not in this process.
    """

    frames_received: int
    frames_decoded: int
    frames_dropped: int | None
    key_frames_received: int | None
    frames_per_second: float
    latency: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All counters of one connection at one moment.

    Attributes
    ----------
    connection : int
        Its number in the call.
    local, remote : str
        Names.
    time : float
        Seconds since the mesh was made, like the log's.
    bytes_sent, bytes_received : int
        Of its transport: whole SRTP and SRTCP packets, without the headers of UDP and
        IP (``RTCTransportStats``).
    inbound, outbound : tuple
        Of each kind of media that flows.
    pictures : PictureCounts or None
        None when no video comes in.
    """

    connection: int
    local: str
    remote: str
    time: float
    bytes_sent: int = 0
    bytes_received: int = 0
    inbound: tuple[InboundCounts, ...] = ()
    outbound: tuple[OutboundCounts, ...] = ()
    pictures: PictureCounts | None = None
