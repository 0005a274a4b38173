"""The wire: whatever comes off it is a message of the seed's or one kind of error."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from meshwidget.errors import InvalidNameError, ProtocolError
from meshwidget.signaling.limits import (
    MAX_CANDIDATE_LENGTH,
    MAX_DESCRIPTION_LENGTH,
    MAX_NAME_LENGTH,
)
from meshwidget.signaling.protocol import (
    EVERYONE,
    KINDS,
    MAX_ID_LENGTH,
    WIRE_EVENTS,
    Answer,
    Candidate,
    IceCandidate,
    JoinRoom,
    LeaveRoom,
    Offer,
    SessionDescription,
    check_name,
    parse,
    shorten,
)

Payload = dict[str, Any]

JOIN: Payload = {"room": "1234", "email": "sample@naver.com"}
OFFER: Payload = {
    "sdp": {"type": "offer", "sdp": "v=0\r\n"},
    "offerSendID": "Wh3kq6cO1Y0nVbS1AAAB",
    "offerSendEmail": "offerSendSample@sample.com",
    "offerReceiveID": "x8WIv7-mJelg7on_ALbx",
}
ANSWER: Payload = {
    "sdp": {"type": "answer", "sdp": "v=0\r\n"},
    "answerSendID": "x8WIv7-mJelg7on_ALbx",
    "answerReceiveID": "Wh3kq6cO1Y0nVbS1AAAB",
}
BROWSER_CANDIDATE: Payload = {
    "candidate": (
        "candidate:842163049 1 udp 1677729535 127.0.0.1 46154 typ srflx raddr 0.0.0.0"
        " rport 0 generation 0 ufrag EsAw network-cost 999"
    ),
    "sdpMid": "0",
    "sdpMLineIndex": 0,
    "usernameFragment": "EsAw",
}
CANDIDATE: Payload = {
    "candidate": BROWSER_CANDIDATE,
    "candidateSendID": "Wh3kq6cO1Y0nVbS1AAAB",
    "candidateReceiveID": "x8WIv7-mJelg7on_ALbx",
}
SEED: dict[str, Payload] = {
    "join_room": JOIN,
    "offer": OFFER,
    "answer": ANSWER,
    "candidate": CANDIDATE,
}

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=30)
    | st.text(min_size=1).map(lambda text: text * 100),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=10), inner, max_size=3)
    ),
    max_leaves=8,
)

FIELDS = [
    *((event, (field,)) for event, payload in SEED.items() for field in payload),
    ("join_room", ("session",)),
    ("offer", ("sdp", "type")),
    ("offer", ("sdp", "sdp")),
    ("answer", ("sdp", "type")),
    ("answer", ("sdp", "sdp")),
    *(("candidate", ("candidate", field)) for field in BROWSER_CANDIDATE),
]


def with_field(event: str, path: tuple[str, ...], value: object) -> Payload:
    """The seed's payload with one field replaced."""
    payload: Payload = json.loads(json.dumps(SEED[event]))
    inner = payload
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return payload


def without_field(event: str, path: tuple[str, ...]) -> Payload:
    payload = with_field(event, path, None)
    inner = payload
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    return payload


def objection(event: str, *arguments: Any) -> ProtocolError | None:
    """Why a message is refused; None when it is taken. Nothing else may be raised."""
    try:
        parse(event, arguments)
    except ProtocolError as error:
        return error
    return None


def is_short(error: ProtocolError) -> bool:
    """Whether it fits a status line, whatever was sent."""
    return len(str(error)) < 300


def refused(event: str, *arguments: Any) -> ProtocolError:
    with pytest.raises(ProtocolError) as caught:
        parse(event, arguments)
    return caught.value


# What the seed sends ------------------------------------------------------------------


def test_join_room_to_the_letter() -> None:
    assert parse("join_room", [JOIN]) == JoinRoom("1234", "sample@naver.com", None)


def test_offer_to_the_letter() -> None:
    assert parse("offer", [OFFER]) == Offer(
        SessionDescription("offer", "v=0\r\n"),
        "Wh3kq6cO1Y0nVbS1AAAB",
        "offerSendSample@sample.com",
        "x8WIv7-mJelg7on_ALbx",
    )


def test_answer_to_the_letter() -> None:
    assert parse("answer", [ANSWER]) == Answer(
        SessionDescription("answer", "v=0\r\n"),
        "x8WIv7-mJelg7on_ALbx",
        "Wh3kq6cO1Y0nVbS1AAAB",
    )


def test_candidate_to_the_letter() -> None:
    assert parse("candidate", [CANDIDATE]) == Candidate(
        IceCandidate(BROWSER_CANDIDATE["candidate"], "0", 0, "EsAw"),
        "Wh3kq6cO1Y0nVbS1AAAB",
        "x8WIv7-mJelg7on_ALbx",
    )


@pytest.mark.parametrize(
    "init",
    [
        {"candidate": "candidate:1 1 udp 1 127.0.0.1 9 typ host"},
        {"candidate": "", "sdpMid": "0", "sdpMLineIndex": 0},
        {"candidate": "", "sdpMid": None, "sdpMLineIndex": None},
        BROWSER_CANDIDATE | {"usernameFragment": None},
        BROWSER_CANDIDATE | {"candidate": "candidate:1 1 udp 1 a-b.local 9 typ host"},
        BROWSER_CANDIDATE | {"somethingNew": {"of": "a browser's"}},
    ],
)
def test_every_candidate_a_browser_makes_is_taken(init: Payload) -> None:
    message = parse("candidate", [CANDIDATE | {"candidate": init}])
    assert isinstance(message, Candidate)
    assert message.candidate.candidate == init["candidate"]


def test_fields_of_later_versions_are_passed_over() -> None:
    assert parse("join_room", [JOIN | {"colour": "red"}]) == parse("join_room", [JOIN])


def test_a_session_comes_along() -> None:
    message = parse("join_room", [JOIN | {"session": "secret"}])
    assert message == JoinRoom("1234", "sample@naver.com", "secret")


@pytest.mark.parametrize("arguments", [(), (None,), ({},), ({"why": "bored"},)])
def test_leave_room_has_no_payload_to_be_wrong(arguments: tuple[object, ...]) -> None:
    assert parse("leave_room", arguments) == LeaveRoom()


def test_each_kind_of_message_has_a_name_on_the_wire() -> None:
    assert tuple(WIRE_EVENTS) == KINDS
    assert {WIRE_EVENTS[kind] for kind in ("offer", "answer", "candidate")} == {
        "getOffer",
        "getAnswer",
        "getCandidate",
    }


def test_messages_cannot_be_changed() -> None:
    message = parse("join_room", [JOIN])
    with pytest.raises(AttributeError):
        message.room = "other"  # type: ignore[misc, union-attr]


# What nobody should send --------------------------------------------------------------


@given(field=st.sampled_from(FIELDS), value=json_values)
@example(field=("offer", ("sdp", "type")), value="x" * 1000)
@example(field=("candidate", ("candidate", "sdpMLineIndex")), value=10**400)
@example(field=("candidate", ("candidate", "sdpMLineIndex")), value=float("nan"))
@example(field=("join_room", ("email",)), value="\ud800")
def test_any_value_in_any_field_is_taken_or_refused_with_a_sentence(
    field: tuple[str, tuple[str, ...]], value: object
) -> None:
    event, path = field
    error = objection(event, with_field(event, path, value))
    if error is not None:
        assert error.code == "invalid_payload"
        assert is_short(error)
        assert event in str(error) or path[0] in str(error)


@given(event=st.sampled_from([*SEED, "leave_room"]), arguments=st.lists(json_values))
def test_any_arguments_are_taken_or_refused(
    event: str, arguments: list[object]
) -> None:
    error = objection(event, *arguments)
    if error is not None:
        assert error.code == "invalid_payload"
        assert is_short(error)


@given(event=st.text(st.characters()).filter(lambda e: e not in {*SEED, "leave_room"}))
@example(event="x" * 1_000_000)
@example(event="__class__")
@example(event="all_users")
def test_any_other_event_is_unknown(event: str) -> None:
    error = refused(event, {})
    assert error.code == "unknown_event"
    assert is_short(error)


@pytest.mark.parametrize(
    ("event", "path"),
    [field for field in FIELDS if field[1][-1] not in {"session", *BROWSER_CANDIDATE}]
    + [("candidate", ("candidate",)), ("candidate", ("candidate", "candidate"))],
)
def test_a_missing_field_is_named(event: str, path: tuple[str, ...]) -> None:
    error = refused(event, without_field(event, path))
    assert error.code == "invalid_payload"
    assert path[-1] in str(error)


@pytest.mark.parametrize("event", SEED)
@pytest.mark.parametrize(
    "arguments",
    [(), ({}, {}), (b"binary",), (None,), ("text",), (7,), ([],), ({},)],
    ids=["none", "two", "binary", "null", "text", "number", "list", "empty"],
)
def test_not_one_object(event: str, arguments: tuple[object, ...]) -> None:
    assert refused(event, *arguments).code == "invalid_payload"


@pytest.mark.parametrize("event", ["offer", "answer"])
@pytest.mark.parametrize("kind", ["answer", "offer", "pranswer", "rollback", ""])
def test_a_description_is_of_its_events_kind(event: str, kind: str) -> None:
    payload = with_field(event, ("sdp", "type"), kind)
    if kind == event:
        parse(event, [payload])
    else:
        assert refused(event, payload).code == "invalid_payload"


LIMITS = [
    ("join_room", ("room",), MAX_NAME_LENGTH),
    ("join_room", ("email",), MAX_NAME_LENGTH),
    ("join_room", ("session",), MAX_ID_LENGTH),
    ("offer", ("sdp", "sdp"), MAX_DESCRIPTION_LENGTH),
    ("offer", ("offerSendID",), MAX_ID_LENGTH),
    ("offer", ("offerSendEmail",), MAX_NAME_LENGTH),
    ("offer", ("offerReceiveID",), MAX_ID_LENGTH),
    ("answer", ("sdp", "sdp"), MAX_DESCRIPTION_LENGTH),
    ("answer", ("answerSendID",), MAX_ID_LENGTH),
    ("answer", ("answerReceiveID",), MAX_ID_LENGTH),
    ("candidate", ("candidate", "candidate"), MAX_CANDIDATE_LENGTH),
    ("candidate", ("candidate", "sdpMid"), MAX_ID_LENGTH),
    ("candidate", ("candidate", "usernameFragment"), 256),
    ("candidate", ("candidateSendID",), MAX_ID_LENGTH),
    ("candidate", ("candidateReceiveID",), MAX_ID_LENGTH),
]


@pytest.mark.parametrize(("event", "path", "limit"), LIMITS)
@pytest.mark.parametrize("character", ["x", "é", "🎈"])
def test_sizes_up_to_the_limit_and_no_further(
    event: str, path: tuple[str, ...], limit: int, character: str
) -> None:
    parse(event, [with_field(event, path, character * limit)])
    for length in (limit + 1, 1_000_000):
        error = refused(event, with_field(event, path, character * length))
        assert error.code == "invalid_payload"
        assert is_short(error)


TEXTS = [
    (event, path)
    for event, path in FIELDS
    if path not in {("sdp",), ("candidate",), ("candidate", "sdpMLineIndex")}
    and path[-1] != "type"
]


@pytest.mark.parametrize(("event", "path"), TEXTS)
def test_half_of_a_character_is_not_passed_on(
    event: str, path: tuple[str, ...]
) -> None:
    halved = json.loads(json.dumps(with_field(event, path, "a\ud83d")))
    assert "lone surrogate" in str(refused(event, halved))
    assert objection(event, with_field(event, path, "a\U0001f388")) is None


@pytest.mark.parametrize("index", [0, 1, 65535])
def test_an_m_line_index_in_range(index: int) -> None:
    parse(
        "candidate",
        [with_field("candidate", ("candidate", "sdpMLineIndex"), index)],
    )


@pytest.mark.parametrize("index", [-1, 65536, 10**30, 0.5, "0", True])
def test_an_m_line_index_out_of_range(index: object) -> None:
    payload = with_field("candidate", ("candidate", "sdpMLineIndex"), index)
    assert refused("candidate", payload).code == "invalid_payload"


def test_deep_nesting_is_refused_or_passed_over() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    parse("join_room", [JOIN | {"unknown": deep}])
    assert refused("join_room", JOIN | {"room": deep}).code == "invalid_payload"
    assert refused("join_room", deep).code == "invalid_payload"


# Names --------------------------------------------------------------------------------

GOOD_NAMES = [
    "alice",
    "sample@naver.com",
    "Ада Лавлейс",
    "李小龍",
    "عائشة",
    "<b>bold</b>",
    "__proto__",
    "constructor",
    "undefined",
    "null",
    "0",
    " padded ",
    "a/b\\c",
    "'; drop table",
    "👩‍👩‍👧‍👦",
    "🎈",
    "x" * MAX_NAME_LENGTH,
    "**",
]

BAD_NAMES = [
    "",
    " ",
    "\u2003\u00a0",
    "\n",
    "a\nb",
    "a\tb",
    "a\x00b",
    "a\x1b[31m",
    "a\x7f",
    "a\u2028b",
    "a\u2029b",
    "a\u202eb",
    "a\u2066b",
    "a\u2069b",
    "a\ud800b",
    "x" * (MAX_NAME_LENGTH + 1),
    EVERYONE,
]


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_names_that_people_have(name: str) -> None:
    assert check_name(name) == name
    for field in ("room", "email"):
        parse("join_room", [JOIN | {field: name}])


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_cannot_be_shown(name: str) -> None:
    with pytest.raises(InvalidNameError) as caught:
        check_name(name)
    assert str(caught.value).isprintable()
    for field in ("room", "email"):
        assert refused("join_room", JOIN | {field: name}).code == "invalid_payload"


@pytest.mark.parametrize("name", [None, 5, b"alice", ["alice"], object()])
def test_names_that_are_no_text(name: object) -> None:
    with pytest.raises(InvalidNameError, match="string"):
        check_name(name)


def test_the_limit_of_a_name_is_said() -> None:
    with pytest.raises(InvalidNameError, match=f"65 characters; {MAX_NAME_LENGTH}"):
        check_name("x" * 65)


@given(st.text(st.characters(), max_size=70))
def test_a_good_name_for_the_server_is_a_good_name_for_the_user(name: str) -> None:
    """Both doors have one lock: a browser cannot take a name that join() refuses."""
    try:
        check_name(name)
        good = True
    except InvalidNameError:
        good = False
    assert good == (objection("join_room", JOIN | {"email": name}) is None)


@given(st.text(max_size=100), st.integers(min_value=1, max_value=50))
def test_shortening(text: str, length: int) -> None:
    short = shorten(text, length)
    assert len(short) <= length
    assert short.isprintable()
    kept = text if len(text) <= length else text[: length - 1] + "…"
    assert all(
        seen in (given, "\ufffd") for seen, given in zip(short, kept, strict=True)
    )


def test_the_validator_is_strict() -> None:
    """Numbers are no names: msgspec must not be lax."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"room": 1, "email": "x"}, JoinRoom)
