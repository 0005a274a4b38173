"""The log keeps everything, in order, from any thread; events are sentences."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwidget import events
from meshwidget.events import (
    AccessRefused,
    ConnectionRenewed,
    Event,
    FrameReceived,
    JoinRefused,
    LayerHeld,
    LayerReleased,
    LinkCut,
    LinkEvent,
    LinkHealed,
    LinkImpaired,
    MeshClosed,
    MeshOpened,
    MessageAccepted,
    MessageDelivered,
    MessageDropped,
    MessageEdited,
    MessageEvent,
    MessageIgnored,
    MessageRefused,
    PeerFrozen,
    PeerJoined,
    PeerLeft,
    PeerReturned,
    PeerThawed,
    PortOpened,
    RegistrationSkipped,
    ServerStarted,
    ServerStopped,
    SignalingPaused,
    SignalingResumed,
    SourceFailed,
    StateChanged,
    TaskFailed,
    TrackReceived,
    TuningSkipped,
)
from meshwidget.log import EventLog

OFFER: dict[str, Any] = {
    "number": 3,
    "kind": "offer",
    "sender": "alice",
    "receiver": "bob",
}
ALL_USERS: dict[str, Any] = OFFER | {"kind": "all_users", "sender": ""}
LINK: dict[str, Any] = {"peer": "alice", "remote": "bob"}

IMPAIRMENT: dict[str, Any] = {
    "loss": 0.1,
    "delay_ms": 0.0,
    "jitter_ms": 0.0,
    "kbps": None,
    "duplicate": 0.0,
    "reorder": 0.0,
    "seed": 1,
}
SENTENCES: list[tuple[type[Event], dict[str, Any], str]] = [
    (MeshOpened, {"room": "1234", "max_peers": 4}, "room 1234 is open for 4"),
    (MeshClosed, {}, "the mesh is closed"),
    (PeerJoined, {"peer": "alice", "room": "1234"}, "alice joins room 1234"),
    (
        PeerLeft,
        {"peer": "alice", "room": "1234", "reason": "left"},
        "alice leaves room 1234",
    ),
    (
        PeerLeft,
        {"peer": "alice", "room": "1234", "reason": "lost"},
        "alice is gone without a word from room 1234",
    ),
    (
        JoinRefused,
        {"peer": "eve", "code": "room_full", "message": "room 1234 is full"},
        "eve is not let in: room 1234 is full",
    ),
    (
        MessageAccepted,
        OFFER | {"payload": {}},
        "the server accepts offer 3 from alice to bob",
    ),
    (
        MessageDelivered,
        ALL_USERS,
        "the server delivers all_users 3 from the server to bob",
    ),
    (
        MessageEdited,
        OFFER | {"change": "its candidates are removed", "payload": {}},
        "offer 3 from alice to bob is changed: its candidates are removed",
    ),
    (
        MessageDropped,
        OFFER | {"reason": "receiver left"},
        "offer 3 from alice to bob is lost: receiver left",
    ),
    (
        MessageRefused,
        {"sender": "", "kind": "offer", "code": "not_joined", "message": "join first"},
        "the server refuses offer from somebody outside the room: join first",
    ),
    (
        MessageIgnored,
        LINK | {"kind": "answer", "reason": "there is no offer to answer"},
        "alice ignores answer from bob: there is no offer to answer",
    ),
    (SignalingPaused, {}, "signaling is paused"),
    (SignalingResumed, {}, "signaling is resumed"),
    (
        StateChanged,
        LINK | {"machine": "ice_connection", "old": "new", "new": "checking"},
        "alice to bob: ice connection new -> checking",
    ),
    (
        TrackReceived,
        LINK | {"kind": "video"},
        "alice gets a track of video from bob",
    ),
    (FrameReceived, LINK, "alice sees the first frame of bob"),
    (
        SourceFailed,
        {"peer": "alice", "kind": "video", "message": "no such file"},
        "alice's video source stopped: no such file",
    ),
    (
        TaskFailed,
        {"where": "a task of the mesh", "message": "KeyError: 'x'"},
        "a task of the mesh failed: KeyError: 'x'",
    ),
    (
        PortOpened,
        {"address": "192.0.2.1:41234"},
        (
            "the server listens on 192.0.2.1:41234: whoever reaches it and has the "
            "token can join"
        ),
    ),
    (
        RegistrationSkipped,
        {"reason": "[Errno 30] Read-only file system"},
        "browsers cannot come in through Jupyter: [Errno 30] Read-only file system",
    ),
    (
        AccessRefused,
        {"reason": "it gives no token", "count": 1},
        "somebody is not let in at the server: it gives no token",
    ),
    (
        AccessRefused,
        {"reason": "it gives no token", "count": 10},
        "somebody is not let in at the server: it gives no token (10 times by now)",
    ),
    (
        TuningSkipped,
        {"what": "decoding", "reason": "RTCRtpReceiver has no queue"},
        "decoding is left to aiortc: RTCRtpReceiver has no queue",
    ),
    (
        LinkImpaired,
        LINK | IMPAIRMENT | {"toward": ""},
        "the link of alice and bob is impaired on purpose: it loses 10 %",
    ),
    (
        LinkImpaired,
        LINK | IMPAIRMENT | {"toward": "bob", "loss": 1.0},
        "the link of alice and bob is impaired on purpose toward bob: it loses 100 %",
    ),
    (LinkCut, LINK, "the link of alice and bob is cut on purpose"),
    (LinkHealed, LINK, "the link of alice and bob is healed"),
    (
        LayerHeld,
        LINK | {"layer": "dtls"},
        "the link of alice and bob holds DTLS on purpose",
    ),
    (
        LayerReleased,
        LINK | {"layer": "dtls"},
        "the link of alice and bob lets DTLS pass again",
    ),
    (PeerFrozen, {"peer": "bob"}, "bob freezes on purpose: connected, and silent"),
    (PeerThawed, {"peer": "bob"}, "bob thaws and goes on"),
    (ServerStopped, {}, "the signaling server is stopped on purpose"),
    (ServerStarted, {}, "the signaling server is started again"),
    (PeerReturned, {"peer": "bob", "room": "1234"}, "bob is back in room 1234"),
    (
        ConnectionRenewed,
        LINK | {"reason": "the old one failed"},
        "alice connects to bob anew: the old one failed",
    ),
]

BASES = {Event, LinkEvent, MessageEvent}
"""What others are made of; none of their own is ever recorded."""


def counting_log() -> EventLog:
    """A log whose clock ticks once a reading."""
    ticks = iter(range(1_000_000))
    return EventLog(lambda: float(next(ticks)))


@pytest.mark.parametrize(
    ("event", "fields", "sentence"),
    SENTENCES,
    ids=[f"{event.__name__}-{index}" for index, (event, _, _) in enumerate(SENTENCES)],
)
def test_each_event_is_a_sentence_without_times_or_ids(
    event: type[Event], fields: dict[str, Any], sentence: str
) -> None:
    assert str(counting_log().record(event, **fields)) == sentence


def test_every_public_event_has_its_sentence_tested() -> None:
    public = {getattr(events, name) for name in events.__all__}
    kinds = {each for each in public if each not in BASES}
    assert kinds == {event for event, _, _ in SENTENCES}


@pytest.mark.parametrize("kind", dict.fromkeys(event for event, _, _ in SENTENCES))
def test_events_are_keyword_only(kind: type[Event]) -> None:
    assert all(field.kw_only for field in dataclasses.fields(kind))


def test_an_event_cannot_be_changed() -> None:
    event = counting_log().record(MeshClosed)
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.seq = 5  # type: ignore[misc]


@given(st.lists(st.sampled_from(SENTENCES), max_size=30))
def test_places_have_no_gaps_and_the_clock_is_the_one_given(
    drawn: list[tuple[type[Event], dict[str, Any], str]],
) -> None:
    log = counting_log()
    recorded = [log.record(event, **fields) for event, fields, _ in drawn]
    assert [event.seq for event in log] == list(range(len(drawn)))
    assert [event.time for event in log] == [float(n) for n in range(len(drawn))]
    assert list(log) == recorded
    assert len(log) == len(drawn)
    assert [str(event) for event in log] == [sentence for _, _, sentence in drawn]


def test_reading_by_index_and_slice() -> None:
    log = counting_log()
    events_ = [log.record(TaskFailed, where=str(n), message="") for n in range(5)]
    assert log[0] is events_[0]
    assert log[-1] is events_[4]
    assert log[1:3] == events_[1:3]
    with pytest.raises(IndexError):
        log[5]


def test_a_slice_is_a_copy() -> None:
    log = counting_log()
    log.record(MeshClosed)
    log[:].clear()
    assert len(log) == 1


def test_iterating_sees_what_was_there_when_it_began() -> None:
    log = counting_log()
    log.record(SignalingPaused)
    for _ in log:
        log.record(SignalingResumed)
    assert len(log) == 2


def test_of_finds_by_type_and_fields() -> None:
    log = counting_log()
    log.record(PeerJoined, peer="alice", room="1")
    log.record(PeerJoined, peer="bob", room="1")
    log.record(PeerLeft, peer="alice", room="1", reason="left")
    assert [event.peer for event in log.of(PeerJoined)] == ["alice", "bob"]
    assert [event.seq for event in log.of(PeerJoined, peer="bob")] == [1]
    assert log.of(PeerJoined, peer="bob", room="2") == []
    assert len(log.of(Event)) == 3


def test_of_finds_subtypes() -> None:
    log = counting_log()
    log.record(MessageAccepted, **OFFER, payload={})
    log.record(MessageDelivered, **OFFER)
    assert [type(event) for event in log.of(MessageEvent, number=3)] == [
        MessageAccepted,
        MessageDelivered,
    ]


def test_subscribers_hear_everything_from_then_on() -> None:
    log = counting_log()
    heard: list[Event] = []
    log.record(SignalingPaused)
    unsubscribe = log.subscribe(heard.append)
    first = log.record(SignalingResumed)
    assert heard == [first]
    unsubscribe()
    log.record(MeshClosed)
    assert heard == [first]
    unsubscribe()


def test_the_same_callback_twice_is_two_subscriptions() -> None:
    log = counting_log()
    heard: list[Event] = []
    end_first = log.subscribe(heard.append)
    log.subscribe(heard.append)
    log.record(SignalingPaused)
    assert len(heard) == 2
    end_first()
    log.record(SignalingPaused)
    assert len(heard) == 3


def test_an_event_is_in_the_log_when_its_subscriber_hears_of_it() -> None:
    log = counting_log()
    found: list[bool] = []
    log.subscribe(lambda event: found.append(log[event.seq] is event))
    log.record(MeshClosed)
    assert found == [True]


def test_a_subscriber_may_end_its_own_subscription() -> None:
    log = counting_log()
    heard: list[Event] = []
    ends: list[Callable[[], None]] = []

    def once(event: Event) -> None:
        heard.append(event)
        ends[0]()

    ends.append(log.subscribe(once))
    log.record(SignalingPaused)
    log.record(SignalingPaused)
    assert len(heard) == 1


def test_a_subscriber_that_raises_is_taken_off_and_recorded() -> None:
    log = counting_log()
    heard: list[Event] = []

    def broken(event: Event) -> None:
        raise KeyError("missing")

    log.subscribe(broken)
    log.subscribe(heard.append)
    log.record(SignalingPaused)
    log.record(SignalingResumed)
    (failure,) = log.of(TaskFailed)
    assert failure.message == "KeyError: 'missing'"
    assert "event 0" in failure.where
    assert sorted(event.seq for event in heard) == [0, 1, 2]
    assert [event.seq for event in log] == [0, 1, 2]


def test_a_subscriber_may_record() -> None:
    log = counting_log()

    def answer(event: Event) -> None:
        if isinstance(event, SignalingPaused):
            log.record(SignalingResumed)

    log.subscribe(answer)
    log.record(SignalingPaused)
    assert [type(event) for event in log] == [SignalingPaused, SignalingResumed]


def test_a_subscriber_that_records_keeps_the_order_for_the_others() -> None:
    """Whoever reads the stream sees causes before effects, as the log has them."""
    log = counting_log()

    def answer(event: Event) -> None:
        if isinstance(event, SignalingPaused):
            log.record(SignalingResumed)

    log.subscribe(answer)
    heard: list[int] = []
    log.subscribe(lambda event: heard.append(event.seq))
    log.record(SignalingPaused)
    assert heard == [0, 1]


def test_a_failed_subscriber_keeps_the_order_for_the_others() -> None:
    log = counting_log()

    def broken(event: Event) -> None:
        raise ValueError

    log.subscribe(broken)
    heard: list[int] = []
    log.subscribe(lambda event: heard.append(event.seq))
    log.record(SignalingPaused)
    assert heard == [0, 1]


def test_many_threads_record_without_gaps() -> None:
    log = EventLog(lambda: 0.0)
    heard: list[int] = []
    log.subscribe(lambda event: heard.append(event.seq))
    barrier = threading.Barrier(4)

    def record() -> None:
        barrier.wait()
        for _ in range(200):
            log.record(SignalingPaused)

    threads = [threading.Thread(target=record) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [event.seq for event in log] == list(range(800))
    assert heard == list(range(800))


def test_repr_has_no_address_and_str_has_a_line_an_event() -> None:
    log = counting_log()
    log.record(SignalingPaused)
    log.record(SignalingResumed)
    assert repr(log) == "<EventLog: 2 events>"
    assert str(log).splitlines() == [
        "signaling is paused",
        "signaling is resumed",
    ]


def test_an_unknown_field_is_refused_and_nothing_recorded() -> None:
    log = counting_log()
    with pytest.raises(TypeError):
        log.record(MeshClosed, colour="red")
    assert len(log) == 0
