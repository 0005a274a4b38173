"""The dump: what chrome://webrtc-internals writes and the viewers of its dumps read.

The checks of structure here are the ways in which such viewers take a dump apart.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from meshwidget.events import (
    Event,
    MessageAccepted,
    MessageDelivered,
    MessageEdited,
    MessageIgnored,
    PeerJoined,
    StateChanged,
    TrackReceived,
)
from meshwidget.stats.internals import internals_dump
from meshwidget.stats.reading import (
    InboundCounts,
    OutboundCounts,
    PictureCounts,
    Reading,
    RemoteReport,
)

BEGAN = 1_700_000_000.0

OFFER = {"sdp": {"type": "offer", "sdp": "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 97\r\n"}}
CANDIDATE = {
    "candidate": {
        "candidate": "candidate:1 1 udp 2130706431 127.0.0.1 4000 typ host",
        "sdpMid": "0",
        "sdpMLineIndex": 0,
    }
}


def log(*events: tuple[type[Event], dict[str, Any]]) -> list[Event]:
    """Events a tenth of a second apart."""
    return [
        kind(seq=number, time=number / 10, **fields)
        for number, (kind, fields) in enumerate(events)
    ]


def state(
    new: str, machine: str = "signaling", peer: str = "bob", remote: str = "alice"
) -> tuple[type[Event], dict[str, Any]]:
    fields = {"peer": peer, "remote": remote, "machine": machine}
    return StateChanged, {**fields, "old": "?", "new": new}


def message(
    kind: str, payload: Any, number: int = 1
) -> tuple[type[Event], dict[str, Any]]:
    ends = {"sender": "bob", "receiver": "alice"}
    return MessageAccepted, {**ends, "number": number, "kind": kind, "payload": payload}


def delivered(kind: str, number: int = 1) -> tuple[type[Event], dict[str, Any]]:
    ends = {"sender": "bob", "receiver": "alice"}
    return MessageDelivered, {**ends, "number": number, "kind": kind}


def reading(time: float, **fields: Any) -> Reading:
    return Reading(connection=1, local="bob", remote="alice", time=time, **fields)


def dump(events: Iterable[Event], readings: Iterable[Reading] = ()) -> dict[str, Any]:
    """A dump after its way through a file, and checked."""
    made = internals_dump(
        events,
        readings,
        room="1234",
        ice_servers=[{"urls": "stun:127.0.0.1"}],
        user_agent="test",
        began=BEGAN,
    )
    read: dict[str, Any] = json.loads(json.dumps(made))
    check(read)
    return read


def check(read: dict[str, Any]) -> None:
    """Take a dump apart as its viewers do."""
    assert isinstance(read["getUserMedia"], list)
    assert isinstance(read["UserAgent"], str)
    assert isinstance(read["UserAgentData"], list)
    for name, connection in read["PeerConnections"].items():
        process, number = name.split("-")
        assert (connection["pid"], connection["rid"]) == (int(process), int(number))
        assert isinstance(connection["url"], str)
        assert "iceServers" in connection["rtcConfiguration"]
        for update in connection["updateLog"]:
            check_update(update)
        for report, series in connection["stats"].items():
            check_series(report, series, connection["stats"])


def check_update(update: dict[str, Any]) -> None:
    moment = datetime.fromisoformat(update["time"]).timestamp()
    assert abs(1000 * moment - update["timestamp"]) < 1
    kind, value = update["type"], update["value"]
    if kind in ("icecandidate", "addIceCandidate") and value:
        mid, line, candidate = value.split(", ")
        assert mid.startswith("sdpMid: ")
        assert line.startswith("sdpMLineIndex: ")
        assert candidate[len("candidate: ") :].startswith("candidate:")
    elif kind in ("setLocalDescription", "setRemoteDescription"):
        described, sdp = value[len("type: ") :].split(", sdp: ")
        assert described in ("offer", "answer")
        assert sdp.startswith("v=0")


def check_series(report: str, series: dict[str, Any], stats: dict[str, Any]) -> None:
    if "[" in report:
        identity, name = report.split("-[")
    else:
        identity, _, name = report.rpartition("-")
    values = json.loads(series["values"])
    times = json.loads(stats[f"{identity}-timestamp"]["values"])
    assert name
    assert 0 < len(values) <= len(times)
    assert values[0] is not None  # viewers ask it whether this is a number
    assert datetime.fromisoformat(series["startTime"]) <= datetime.fromisoformat(
        series["endTime"]
    )
    assert series["statsType"] == stats[f"{identity}-timestamp"]["statsType"]


def only(read: dict[str, Any]) -> dict[str, Any]:
    (connection,) = read["PeerConnections"].values()
    assert isinstance(connection, dict)
    return connection


def updates(connection: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["type"], each["value"]) for each in connection["updateLog"]]


def test_what_a_connection_does_is_its_update_log() -> None:
    events = log(
        (PeerJoined, {"peer": "bob", "room": "1234"}),
        state("have-local-offer"),
        state("complete", "ice_gathering"),
        message("offer", OFFER),
        message("candidate", CANDIDATE, 2),
        (TrackReceived, {"peer": "bob", "remote": "alice", "kind": "video"}),
        state("checking", "ice_connection"),
        state("connected", "dtls"),
        state("connected", "connection"),
    )
    connection = only(dump(events))
    assert connection["url"] == "meshwidget room 1234: bob to alice"
    assert [kind for kind, _ in updates(connection)] == [
        "signalingstatechange",
        "icegatheringstatechange",
        "setLocalDescription",
        "icecandidate",
        "track",
        "iceconnectionstatechange",
        "connectionstatechange",
    ]
    assert ("connectionstatechange", "connected") in updates(connection)
    assert connection["updateLog"][0]["timestamp"] == 1000 * (BEGAN + 0.1)


def test_the_other_side_takes_what_was_delivered_and_as_it_was_edited() -> None:
    edited = {"sdp": {"type": "offer", "sdp": "v=0\r\n"}}
    ends = {"sender": "bob", "receiver": "alice", "number": 1, "kind": "offer"}
    events = log(
        message("offer", OFFER),
        (MessageEdited, {**ends, "change": "cut", "payload": edited}),
        delivered("offer"),
        state("have-remote-offer", peer="alice", remote="bob"),
        message("candidate", {"candidate": {"candidate": ""}}, 2),
        delivered("candidate", 2),
    )
    connection = only(dump(events))
    assert connection["url"].endswith("alice to bob")
    assert updates(connection) == [
        ("setRemoteDescription", "type: offer, sdp: v=0\r\n"),
        ("signalingstatechange", "have-remote-offer"),
        ("addIceCandidate", ""),
    ]


def test_what_was_not_delivered_was_not_taken() -> None:
    events = log(message("offer", OFFER), state("have-local-offer"))
    kinds = [kind for kind, _ in updates(only(dump(events)))]
    assert "setRemoteDescription" not in kinds


def test_a_dump_is_given_away_and_a_password_is_not() -> None:
    server = {"urls": ["turn:host:3478"], "username": "me", "credential": "secret"}
    made = internals_dump(
        log(state("stable")),
        [],
        room="1234",
        ice_servers=[server],
        user_agent="test",
        began=BEGAN,
    )
    configuration = only(made)["rtcConfiguration"]
    assert configuration["iceServers"] == [{"urls": ["turn:host:3478"]}]
    assert "secret" not in json.dumps(made)


def test_what_was_ignored_is_a_failure_that_viewers_paint_red() -> None:
    ignored = {"peer": "bob", "remote": "alice", "kind": "answer", "reason": "stable"}
    events = log(state("stable"), (MessageIgnored, ignored))
    assert ("setRemoteDescriptionFailure", "stable") in updates(only(dump(events)))


def test_whoever_comes_back_has_another_connection() -> None:
    events = log(
        state("have-local-offer"),
        state("closed"),
        state("closed", "connection"),
        state("have-local-offer"),
        state("stable"),
    )
    readings = [reading(0.05, bytes_sent=1), reading(0.35, bytes_sent=2)]
    first, second = dump(events, readings)["PeerConnections"].values()
    assert [len(each["updateLog"]) for each in (first, second)] == [3, 2]
    assert (first["isOpen"], second["isOpen"]) == (False, True)
    assert json.loads(first["stats"]["T01-bytesSent"]["values"]) == [1]
    assert json.loads(second["stats"]["T01-bytesSent"]["values"]) == [2]


def test_the_counters_become_series() -> None:
    report = RemoteReport(
        fraction_lost=0.5,
        packets_lost=3,
        jitter=0.001,
        round_trip_time=None,
        total_round_trip_time=0.0,
        round_trip_time_measurements=0,
    )
    pictures = PictureCounts(
        frames_received=30,
        frames_decoded=30,
        frames_dropped=0,
        key_frames_received=1,
        frames_per_second=30.0,
        latency=0.002,
    )
    readings = [
        reading(1.0),
        reading(
            2.0,
            bytes_received=500,
            inbound=(
                InboundCounts(
                    kind="video",
                    ssrc=5,
                    packets_received=30,
                    packets_lost=2,
                    jitter=0.003,
                ),
            ),
            outbound=(
                OutboundCounts(
                    kind="audio", ssrc=6, packets_sent=9, bytes_sent=99, remote=report
                ),
            ),
            pictures=pictures,
        ),
    ]
    stats = only(dump(log(state("stable")), readings))["stats"]
    values = {name: json.loads(series["values"]) for name, series in stats.items()}
    assert values["T01-bytesReceived"] == [0, 500]
    assert values["T01-[bytesReceived_in_bits/s]"] == [4000]
    assert values["IT01V5-packetsLost"] == [2]
    assert values["IT01V5-framesPerSecond"] == [30.0]
    assert values["IT01V5-[latency_in_ms]"] == [2.0]
    assert values["OT01A6-bytesSent"] == [99]
    assert values["RIT01A6-fractionLost"] == [0.5]
    assert stats["IT01V5-jitter"]["statsType"] == "inbound-rtp"
    assert stats["RIT01A6-jitter"]["statsType"] == "remote-inbound-rtp"
    assert "RIT01A6-roundTripTime" not in values  # not measured yet
    assert "IT01V5-bytesReceived" not in values  # nobody counts it
    assert values["OT01A6-timestamp"] == [1000 * (BEGAN + 2)]


def test_a_reading_of_nothing_in_the_log_is_left_out() -> None:
    assert dump([], [reading(1.0)])["PeerConnections"] == {}


machines = st.sampled_from(["signaling", "ice_connection", "dtls", "connection"])
happenings = st.one_of(
    st.builds(
        state,
        st.sampled_from(["new", "stable", "connected", "closed"]),
        machines,
        st.sampled_from(["alice", "bob"]),
        st.sampled_from(["alice", "bob"]),
    ),
    st.builds(message, st.just("offer"), st.just(OFFER), st.integers(1, 3)),
    st.builds(message, st.just("candidate"), st.just(CANDIDATE), st.integers(4, 6)),
    st.builds(delivered, st.sampled_from(["offer", "all_users"]), st.integers(1, 3)),
    st.builds(delivered, st.just("candidate"), st.integers(4, 6)),
)


@given(
    happened=st.lists(happenings, max_size=20),
    times=st.lists(st.floats(0, 3), max_size=10),
)
def test_any_history_gives_a_dump_that_can_be_read(
    happened: list[tuple[type[Event], dict[str, Any]]], times: list[float]
) -> None:
    read = dump(log(*happened), [reading(time) for time in sorted(times)])
    for connection in read["PeerConnections"].values():
        assert connection["updateLog"]
