"""What a message carries and will do, a line each, the same every time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwidget.history.words import consequence, listed, names_in, summary

HOST = "candidate:1 1 udp 2130706431 127.0.0.1 40123 typ host"


def user(name: str) -> dict[str, str]:
    return {"id": f"id-{name}", "email": name}


def described(sdp: str) -> dict[str, Any]:
    return {"sdp": {"type": "offer", "sdp": sdp}, "offerSendID": "x"}


def trickled(candidate: str) -> dict[str, Any]:
    return {"candidate": {"candidate": candidate, "sdpMid": "0"}}


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], "nobody else is in the room"),
        (["alice"], "alice is in the room"),
        (["alice", "bob"], "alice and bob are in the room"),
        (["alice", "bob", "carol"], "alice, bob and carol are in the room"),
    ],
)
def test_who_is_there(names: list[str], words: str) -> None:
    assert summary("all_users", [user(name) for name in names]) == words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("aiortc", "SDP offer: video VP8, audio opus; candidates to follow"),
        (
            "chromium",
            (
                "SDP offer: audio opus/G722/PCMU and 1 more, video VP8/VP9/H264 and "
                "1 more, data channels; candidates to follow"
            ),
        ),
        (
            "firefox",
            (
                "SDP offer: audio opus/G722/PCMU and 1 more, video VP8/VP9/H264; "
                "candidates to follow"
            ),
        ),
        (
            "safari",
            (
                "SDP offer: video H264/H265/VP8 (recvonly), audio refused; "
                "3 candidates in it"
            ),
        ),
    ],
)
def test_descriptions(sdp_of: Callable[[str], str], name: str, words: str) -> None:
    assert summary("offer", described(sdp_of(name))) == words


def test_an_answer_says_that_it_is_one(sdp_of: Callable[[str], str]) -> None:
    words = summary("answer", described(sdp_of("aiortc")))
    assert words.startswith("SDP answer: video VP8")


def test_one_candidate_inside(sdp_of: Callable[[str], str]) -> None:
    sdp = f"{sdp_of('aiortc')}a={HOST}\r\na={HOST}\r\n"
    assert summary("offer", described(sdp)).endswith("; 1 candidate in it")


@pytest.mark.parametrize(
    ("sdp", "words"),
    [
        ("", "SDP offer without a media section"),
        ("v=0\r\n", "SDP offer without a media section"),
        (
            "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n",
            "SDP offer: video without a codec; candidates to follow",
        ),
        ("m=\r\n", "SDP offer:  without a codec; candidates to follow"),
    ],
)
def test_thin_descriptions(sdp: str, words: str) -> None:
    assert summary("offer", described(sdp)) == words


@pytest.mark.parametrize(
    ("candidate", "words"),
    [
        (HOST, "host candidate 127.0.0.1, UDP"),
        ("", "no more candidates"),
        (
            "candidate:1 1 udp 1 3f2a.local 4000 typ host",
            "host candidate, address hidden by mDNS, UDP",
        ),
        (
            "candidate:1 1 tcp 1 10.0.0.1 9 typ host tcptype active",
            "host candidate 10.0.0.1, TCP active",
        ),
        (
            "candidate:1 1 udp 1 203.0.113.7 4000 typ srflx raddr 0.0.0.0 rport 0",
            "srflx candidate 203.0.113.7, UDP, as a STUN server sees it",
        ),
        (
            "candidate:1 1 udp 1 198.51.100.2 4000 typ relay raddr 0.0.0.0 rport 0",
            "relay candidate 198.51.100.2, UDP, on a TURN server",
        ),
        (
            "candidate:1 1 udp 1 198.51.100.2 4000 typ moon",
            "moon candidate 198.51.100.2, UDP, of an unknown type",
        ),
        ("candidate:nonsense", "not readable"),
    ],
)
def test_candidates(candidate: str, words: str) -> None:
    assert summary("candidate", trickled(candidate)) == words


def test_a_port_is_not_in_it() -> None:
    """It would be another one each time."""
    other = HOST.replace("40123", "50999")
    assert summary("candidate", trickled(HOST)) == summary("candidate", trickled(other))


def test_a_goodbye() -> None:
    assert summary("user_exit", {"id": "x"}) == "the sender has left the room"


@given(
    kind=st.sampled_from(
        ["all_users", "offer", "answer", "candidate", "user_exit", "x"]
    ),
    payload=st.recursive(
        st.none() | st.text() | st.integers(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["sdp", "candidate", "email"]), inner)
        ),
        max_leaves=8,
    ),
)
def test_whatever_the_payload_there_is_a_line(kind: str, payload: object) -> None:
    line = summary(kind, payload)
    assert line
    assert consequence(kind, "alice", "bob", payload)


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("all_users", {"id": "x"}),
        ("all_users", "alice"),
        ("all_users", [{"id": "x"}]),
        ("all_users", [{"email": 3}]),
        ("offer", {"sdp": "v=0"}),
        ("answer", {"sdp": {"sdp": None}}),
        ("candidate", {"candidate": 3}),
        ("candidate", None),
        ("rumour", {}),
    ],
)
def test_what_cannot_be_read_is_said_so(kind: str, payload: object) -> None:
    assert summary(kind, payload) == "not readable"


def test_names_in_a_list() -> None:
    assert names_in([user("alice")]) == ["alice"]
    assert names_in([]) == []
    assert names_in([user("alice"), 3]) is None
    assert names_in("alice") is None


@pytest.mark.parametrize(
    ("names", "words"),
    [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")],
)
def test_names_in_a_sentence(names: list[str], words: str) -> None:
    assert listed(names) == words


@pytest.mark.parametrize(
    ("kind", "payload", "words"),
    [
        (
            "all_users",
            None,
            "bob makes an offer to everybody who was there before",
        ),
        (
            "all_users",
            [],
            "bob learns that it is alone, and waits for others to offer",
        ),
        (
            "all_users",
            [user("alice")],
            (
                "bob makes an offer to alice (signaling stable -> have-local-offer) "
                "and gathers candidates"
            ),
        ),
        (
            "all_users",
            [user("alice"), user("carol")],
            (
                "bob makes an offer to each of alice and carol (signaling stable -> "
                "have-local-offer) and gathers candidates"
            ),
        ),
        (
            "offer",
            None,
            (
                "bob applies it (signaling stable -> have-remote-offer), hears of "
                "alice's tracks, and answers (-> stable): an answer and candidates go "
                "back to alice"
            ),
        ),
        (
            "answer",
            None,
            (
                "bob applies it (signaling have-local-offer -> stable) and starts ICE; "
                "DTLS and media follow when a path is found"
            ),
        ),
        (
            "candidate",
            None,
            (
                "bob can send connectivity checks to that address of alice, as soon as "
                "it has alice's description"
            ),
        ),
        ("user_exit", None, "bob closes its connection to alice"),
        ("rumour", None, "bob has no use for it"),
    ],
)
def test_what_a_delivery_will_do(kind: str, payload: object, words: str) -> None:
    assert consequence(kind, "alice", "bob", payload) == words
