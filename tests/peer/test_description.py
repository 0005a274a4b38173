"""Descriptions as text: nothing is lost when candidates are taken out of them."""

from __future__ import annotations

import pytest
from aiortc.sdp import SessionDescription, candidate_from_sdp
from hypothesis import given
from hypothesis import strategies as st

from meshwidget.peer.description import (
    TrickledCandidate,
    media_kinds,
    objection,
    split_candidates,
)

from .browsers import FIREFOX, WITHOUT_CAMERA, safari

HOST = "candidate:1 1 udp 2130706431 127.0.0.1 50000 typ host"
OTHER = "candidate:2 1 udp 2130706175 192.0.2.7 50001 typ host"

TRICKLE = "a=ice-options:trickle"

OFFER = (
    "v=0\r\n"
    "o=- 1 1 IN IP4 0.0.0.0\r\n"
    "s=-\r\n"
    "t=0 0\r\n"
    "a=group:BUNDLE 0 1\r\n"
    "a=fingerprint:sha-256 00:11\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 97\r\n"
    "c=IN IP4 0.0.0.0\r\n"
    "a=mid:0\r\n"
    f"a={HOST}\r\n"
    f"a={OTHER}\r\n"
    "a=end-of-candidates\r\n"
    "a=ice-ufrag:abcd\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 96\r\n"
    "a=mid:1\r\n"
    f"a={HOST}\r\n"
    "a=end-of-candidates\r\n"
    "a=sendrecv\r\n"
)

lines = st.one_of(
    st.sampled_from(
        [
            f"a={HOST}",
            f"a={OTHER}",
            "a=end-of-candidates",
            "m=audio 9 UDP/TLS/RTP/SAVPF 96",
            "m=video 9 UDP/TLS/RTP/SAVPF 97",
            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
            "a=mid:0",
            "a=mid:video",
            "v=0",
            "a=candidate:",
            "",
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=20),
)
texts = st.tuples(st.lists(lines, max_size=20), st.sampled_from(["\r\n", "\n"])).map(
    lambda drawn: drawn[1].join(drawn[0])
)


def is_candidate(line: str) -> bool:
    return line.startswith(("a=candidate:", "a=end-of-candidates"))


def test_candidates_are_taken_out_once_each() -> None:
    bare, candidates = split_candidates(OFFER)
    assert candidates == [
        TrickledCandidate(HOST, "0", 0),
        TrickledCandidate(OTHER, "0", 0),
    ]
    assert TRICKLE in bare.splitlines()
    expected = [line for line in OFFER.splitlines() if not is_candidate(line)]
    assert [line for line in bare.splitlines() if line != TRICKLE] == expected
    assert bare.endswith("\r\n")


def test_the_bare_text_is_still_a_description() -> None:
    bare, _ = split_candidates(OFFER)
    parsed = SessionDescription.parse(bare)
    assert [media.kind for media in parsed.media] == ["video", "audio"]
    assert not any(media.ice_candidates for media in parsed.media)


def test_a_candidate_as_a_browser_has_it() -> None:
    candidate = TrickledCandidate(HOST, "0", 0)
    assert candidate.to_init() == {
        "candidate": HOST,
        "sdpMid": "0",
        "sdpMLineIndex": 0,
    }
    parsed = candidate_from_sdp(HOST.removeprefix("candidate:"))
    assert (parsed.ip, parsed.port, parsed.type) == ("127.0.0.1", 50000, "host")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_either_newline(newline: str) -> None:
    text = OFFER.replace("\r\n", newline)
    assert split_candidates(text) == split_candidates(OFFER)
    assert media_kinds(text) == ["video", "audio"]


def test_a_section_without_a_mid() -> None:
    _, (candidate,) = split_candidates(f"v=0\r\nm=audio 9 X 0\r\na={HOST}\r\n")
    assert (candidate.sdp_mid, candidate.sdp_m_line_index) == ("", 0)


@given(texts)
def test_every_line_is_kept_or_is_a_candidate(text: str) -> None:
    bare, candidates = split_candidates(text)
    given_lines = [line for line in text.splitlines() if line]
    bare_lines = [line for line in bare.splitlines() if line != TRICKLE]
    assert bare_lines == [line for line in given_lines if not is_candidate(line)]
    found = {line[2:] for line in given_lines if line.startswith("a=candidate:")}
    assert {candidate.candidate for candidate in candidates} == found
    assert len(candidates) == len(found)


@given(texts)
def test_splitting_twice_finds_nothing_more(text: str) -> None:
    bare, _ = split_candidates(text)
    assert split_candidates(bare) == (bare, [])


@given(st.text())
def test_any_text_can_be_asked(text: str) -> None:
    split_candidates(text)
    media_kinds(text)
    reason = objection(text)
    assert reason is None or reason.startswith("it")


@given(texts)
def test_each_m_section_has_a_kind(text: str) -> None:
    count = sum(line.startswith("m=") for line in text.splitlines())
    assert len(media_kinds(text)) == count


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "v=0"),
        ("hello", "v=0"),
        ("m=audio 9 X 0", "v=0"),
        ("v=0\r\n", "m-section"),
        ("v=0\r\ns=-\r\nt=0 0\r\n", "m-section"),
        (OFFER.replace("a=fingerprint", "a=footprint"), "fingerprint"),
    ],
)
def test_objections(text: str, word: str) -> None:
    reason = objection(text)
    assert reason is not None
    assert word in reason


def test_no_objection() -> None:
    assert objection(OFFER) is None
    assert objection(split_candidates(OFFER)[0]) is None


@pytest.mark.parametrize("text", [FIREFOX, WITHOUT_CAMERA, safari()])
def test_no_objection_to_what_browsers_write(text: str) -> None:
    assert objection(text) is None


def test_codecs_that_this_call_does_not_speak_are_named() -> None:
    reason = objection(safari(codecs=("H264", "H265")))
    assert reason is not None
    assert "video has no VP8" in reason
    assert "H264, rtx, H265" in reason
    reason = objection(FIREFOX.replace("opus/48000", "speex/16000"))
    assert reason is not None
    assert "audio has no opus" in reason


def test_a_section_that_is_refused_needs_no_codec() -> None:
    text = safari(codecs=("H264",)).replace("m=video 9", "m=video 0")
    assert objection(text) is None
