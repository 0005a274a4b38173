"""A call as a dump of chrome://webrtc-internals, for the viewers that exist for those.

A dump is JSON: ``PeerConnections``, each with ``updateLog``, what was called and what
changed, and ``stats``, a series for each metric of each object of webrtc-stats, one
value a second, as a JSON text of its own. Series whose names are in brackets are
computed, not the W3C's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from ..events import (
    Event,
    MessageAccepted,
    MessageDelivered,
    MessageEdited,
    MessageIgnored,
    StateChanged,
    TrackReceived,
)
from .reading import InboundCounts, OutboundCounts, PictureCounts, Reading, RemoteReport

_TRANSPORT = "T01"

_STATE_UPDATES = {
    "signaling": "signalingstatechange",
    "ice_gathering": "icegatheringstatechange",
    "ice_connection": "iceconnectionstatechange",
    "connection": "connectionstatechange",
}
"""webrtc-internals has none for DTLS."""

_LOCAL_UPDATES = {
    "offer": "setLocalDescription",
    "answer": "setLocalDescription",
    "candidate": "icecandidate",
}
_REMOTE_UPDATES = {
    "offer": "setRemoteDescription",
    "answer": "setRemoteDescription",
    "candidate": "addIceCandidate",
}

Metrics = dict[tuple[str, str], dict[str, Any]]
"""Of each object, by its id and type: its metrics."""


def internals_dump(
    events: Iterable[Event],
    readings: Iterable[Reading],
    *,
    room: str,
    ice_servers: Sequence[Mapping[str, Any]],
    user_agent: str,
    began: float,
) -> dict[str, Any]:
    """The dump, as JSON objects.

    Parameters
    ----------
    events : iterable of Event
        The call's log.
    readings : iterable of Reading
        One a second for each connection, oldest first.
    room : str
    ice_servers : sequence of mapping
        As in ``RTCConfiguration`` (webrtc-pc, section 4.2.1).
    user_agent : str
        Who made it.
    began : float
        When the clock of events and readings was at 0: seconds since 1970.
    """
    connections = list(_connections(events))
    for reading in readings:
        for each in reversed(connections):
            if each.is_of(reading):
                each.readings.append(reading)
                break
    return {
        "getUserMedia": [],
        "PeerConnections": {
            f"1-{number}": {
                "pid": 1,
                "rid": number,
                "url": f"meshwidget room {room}: {each.local} to {each.remote}",
                "rtcConfiguration": {
                    # As Chrome does: a dump is given away, a password is not.
                    "iceServers": [{"urls": each["urls"]} for each in ice_servers],
                    "bundlePolicy": "max-bundle",
                },
                "constraints": {},
                "isOpen": each.is_open,
                "stats": _stats(each.readings, began),
                "updateLog": each.updates(began),
            }
            for number, each in enumerate(connections, 1)
        },
        "UserAgent": user_agent,
        "UserAgentData": [],  # newer viewers look for it
    }


# What happened ------------------------------------------------------------------------


@dataclass
class _Update:
    time: float
    type: str
    value: str


@dataclass
class _Connection:
    """One side of a connection, from its first event to its last."""

    local: str
    remote: str
    log: list[_Update] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    is_open: bool = True
    has_states: bool = False

    def is_of(self, reading: Reading) -> bool:
        """Whether a reading was taken of it, being the last one that had begun."""
        return (
            (reading.local, reading.remote) == (self.local, self.remote)
            and bool(self.log)
            and self.log[0].time <= reading.time
        )

    def updates(self, began: float) -> list[dict[str, Any]]:
        """The ``updateLog``."""
        return [
            {
                "time": _iso(began + each.time),
                "timestamp": 1000 * (began + each.time),
                "type": each.type,
                "value": each.value,
            }
            for each in self.log
        ]


def _connections(events: Iterable[Event]) -> Iterator[_Connection]:
    """Every connection that had a state, in order of beginning."""
    found: list[_Connection] = []
    newest: dict[tuple[str, str], _Connection] = {}
    for (local, remote), update, event in _updates(events):
        is_end = isinstance(event, StateChanged) and event.new == "closed"
        connection = newest.get((local, remote))
        if connection is None or (not connection.is_open and not is_end):
            connection = newest[local, remote] = _Connection(local, remote)
            found.append(connection)
        connection.log.append(update)
        connection.has_states |= isinstance(event, StateChanged)
        connection.is_open &= not is_end
    return (each for each in found if each.has_states)


def _updates(
    events: Iterable[Event],
) -> Iterator[tuple[tuple[str, str], _Update, Event]]:
    """What each event is to a connection, by its two ends."""
    payloads: dict[int, Any] = {}
    for event in events:
        match event:
            case StateChanged(peer=peer, remote=remote, machine=machine, new=new):
                if machine in _STATE_UPDATES:
                    kind = _STATE_UPDATES[machine]
                    yield (peer, remote), _Update(event.time, kind, new), event
            case TrackReceived(peer=peer, remote=remote, kind=kind):
                update = _Update(event.time, "track", f"kind: {kind}")
                yield (peer, remote), update, event
            case MessageIgnored(peer=peer, remote=remote, kind=kind):
                if kind in _REMOTE_UPDATES:
                    failure = f"{_REMOTE_UPDATES[kind]}Failure"
                    yield (
                        (peer, remote),
                        _Update(event.time, failure, event.reason),
                        event,
                    )
            case MessageAccepted(kind=kind):
                payloads[event.number] = event.payload
                if kind in _LOCAL_UPDATES:
                    value = _value(kind, event.payload)
                    update = _Update(event.time, _LOCAL_UPDATES[kind], value)
                    yield (event.sender, event.receiver), update, event
            case MessageEdited(payload=payload):
                payloads[event.number] = payload
            case MessageDelivered(kind=kind):
                if kind in _REMOTE_UPDATES and event.number in payloads:
                    value = _value(kind, payloads[event.number])
                    update = _Update(event.time, _REMOTE_UPDATES[kind], value)
                    yield (event.receiver, event.sender), update, event


def _value(kind: str, payload: Any) -> str:
    """A description or a candidate, as webrtc-internals writes it."""
    if kind != "candidate":
        description = payload["sdp"]
        return f"type: {description['type']}, sdp: {description['sdp']}"
    candidate = payload["candidate"]
    if not candidate.get("candidate"):
        return ""  # there are no more
    return (
        f"sdpMid: {candidate.get('sdpMid')}, "
        f"sdpMLineIndex: {candidate.get('sdpMLineIndex')}, "
        f"candidate: {candidate['candidate']}"
    )


# What was measured --------------------------------------------------------------------


def _stats(readings: Sequence[Reading], began: float) -> dict[str, dict[str, str]]:
    """A series for each metric, from the first reading that has it."""
    rows = [_metrics(each) for each in readings]
    for (before, row), (earlier, later) in zip(
        pairwise(rows), pairwise(readings), strict=True
    ):
        _add_rates(before, row, later.time - earlier.time)
    for row, reading in zip(rows, readings, strict=True):
        for metrics in row.values():
            metrics["timestamp"] = 1000 * (began + reading.time)
    series = dict.fromkeys(
        (identity, name)
        for row in rows
        for identity, metrics in row.items()
        for name in metrics
    )
    stats = {}
    for identity, name in series:
        known = [at for at, row in enumerate(rows) if identity in row]
        values = [rows[at][identity].get(name) for at in known]
        # Viewers look at the first value, and count timestamps from the end.
        while values[0] is None:
            del values[0], known[0]
        report, kind = identity
        stats[f"{report}-{name}"] = {
            "startTime": _iso(began + readings[known[0]].time),
            "endTime": _iso(began + readings[known[-1]].time),
            "statsType": kind,
            "values": json.dumps(values),
        }
    return stats


def _metrics(reading: Reading) -> Metrics:
    """The objects of webrtc-stats of one reading, without what is not known."""
    rows: Metrics = {
        (_TRANSPORT, "transport"): {
            "bytesSent": reading.bytes_sent,
            "bytesReceived": reading.bytes_received,
        }
    }
    for received in reading.inbound:
        pictures = reading.pictures if received.kind == "video" else None
        rows[_id("I", received), "inbound-rtp"] = _inbound(received, pictures)
    for sent in reading.outbound:
        rows[_id("O", sent), "outbound-rtp"] = _outbound(sent)
        if sent.remote is not None:
            report = _remote_inbound(sent, sent.remote)
            rows[_id("RI", sent), "remote-inbound-rtp"] = report
    return {
        identity: {name: value for name, value in row.items() if value is not None}
        for identity, row in rows.items()
    }


def _id(prefix: str, counts: InboundCounts | OutboundCounts) -> str:
    return f"{prefix}{_TRANSPORT}{counts.kind[0].upper()}{counts.ssrc}"


def _inbound(counts: InboundCounts, pictures: PictureCounts | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "ssrc": counts.ssrc,
        "kind": counts.kind,
        "transportId": _TRANSPORT,
        "packetsReceived": counts.packets_received,
        "packetsLost": counts.packets_lost,
        "jitter": counts.jitter,
        "bytesReceived": counts.bytes_received,
        "retransmittedPacketsReceived": counts.retransmitted_packets_received,
        "nackCount": counts.nack_count,
        "pliCount": counts.pli_count,
    }
    if pictures is not None:
        row |= {
            "framesReceived": pictures.frames_received,
            "framesDecoded": pictures.frames_decoded,
            "framesDropped": pictures.frames_dropped,
            "framesPerSecond": pictures.frames_per_second,
            "[keyFramesReceived]": pictures.key_frames_received,
            "[latency_in_ms]": (
                None if pictures.latency is None else 1000 * pictures.latency
            ),
        }
    return row


def _outbound(counts: OutboundCounts) -> dict[str, Any]:
    return {
        "ssrc": counts.ssrc,
        "kind": counts.kind,
        "transportId": _TRANSPORT,
        "packetsSent": counts.packets_sent,
        "bytesSent": counts.bytes_sent,
        "retransmittedPacketsSent": counts.retransmitted_packets_sent,
        "nackCount": counts.nack_count,
        "pliCount": counts.pli_count,
        "firCount": counts.fir_count,
    }


def _remote_inbound(counts: OutboundCounts, report: RemoteReport) -> dict[str, Any]:
    return {
        "ssrc": counts.ssrc,
        "kind": counts.kind,
        "transportId": _TRANSPORT,
        "localId": _id("O", counts),
        "fractionLost": report.fraction_lost,
        "packetsLost": report.packets_lost,
        "jitter": report.jitter,
        "roundTripTime": report.round_trip_time,
        "totalRoundTripTime": report.total_round_trip_time,
        "roundTripTimeMeasurements": report.round_trip_time_measurements,
    }


def _add_rates(before: Metrics, row: Metrics, seconds: float) -> None:
    """What webrtc-internals computes of bytes."""
    for identity, metrics in row.items():
        for name in ("bytesSent", "bytesReceived"):
            if seconds > 0 and name in metrics and name in before.get(identity, {}):
                change = metrics[name] - before[identity][name]
                metrics[f"[{name}_in_bits/s]"] = 8 * change / seconds


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
