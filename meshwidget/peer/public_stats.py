"""A reading of a connection from aiortc's public report, in the W3C's units.

For an aiortc whose books cannot be read as they are (:mod:`.tuning.counting`). Its
``fractionLost`` is a byte and its ``jitter`` counts ticks of the media's clock.
"""

from __future__ import annotations

from aiortc import (
    RTCInboundRtpStreamStats,
    RTCOutboundRtpStreamStats,
    RTCRemoteInboundRtpStreamStats,
    RTCStatsReport,
    RTCTransportStats,
)

from ..media.formats import CLOCK_RATES
from ..stats.reading import (
    InboundCounts,
    OutboundCounts,
    PictureCounts,
    Reading,
    RemoteReport,
)


def reading_of_report(
    report: RTCStatsReport,
    *,
    connection: int,
    local: str,
    remote: str,
    time: float,
    pictures: PictureCounts | None,
) -> Reading:
    """What a report tells; the other parameters are as in :class:`Reading`."""
    stats = list(report.values())
    transports = [each for each in stats if isinstance(each, RTCTransportStats)]
    remotes = {
        each.kind: _remote_report(each)
        for each in stats
        if isinstance(each, RTCRemoteInboundRtpStreamStats)
    }
    return Reading(
        connection=connection,
        local=local,
        remote=remote,
        time=time,
        bytes_sent=sum(each.bytesSent for each in transports),
        bytes_received=sum(each.bytesReceived for each in transports),
        inbound=tuple(
            InboundCounts(
                kind=each.kind,
                ssrc=each.ssrc,
                packets_received=each.packetsReceived,
                packets_lost=each.packetsLost,
                jitter=each.jitter / CLOCK_RATES[each.kind],
            )
            for each in stats
            if isinstance(each, RTCInboundRtpStreamStats)
        ),
        outbound=tuple(
            OutboundCounts(
                kind=each.kind,
                ssrc=each.ssrc,
                packets_sent=each.packetsSent,
                bytes_sent=each.bytesSent,
                remote=remotes.get(each.kind),
            )
            for each in stats
            if isinstance(each, RTCOutboundRtpStreamStats)
        ),
        pictures=pictures,
    )


def _remote_report(stats: RTCRemoteInboundRtpStreamStats) -> RemoteReport:
    # Smoothed, and the only one there is.
    round_trip = stats.roundTripTime
    return RemoteReport(
        fraction_lost=stats.fractionLost / 256,
        packets_lost=stats.packetsLost,
        jitter=stats.jitter / CLOCK_RATES[stats.kind],
        round_trip_time=round_trip,
        total_round_trip_time=round_trip or 0.0,
        round_trip_time_measurements=int(round_trip is not None),
    )
