"""A description is taken apart, whatever text it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwidget.history.outline import Address, Media, Outline, no_direction

SdpOf = Callable[[str], str]


@given(text=st.text())
def test_any_text_can_be_taken_apart(text: str) -> None:
    outline = Outline.of(text)
    assert list(outline.lines()) == [line for line in text.splitlines() if line]
    assert outline.flaw is not None
    assert outline.candidates >= 0
    for media in outline.media:
        assert media.codecs is not None
        assert media.mid is None or f"a=mid:{media.mid}" in media.lines


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("aiortc", ["video", "audio"]),
        ("chromium", ["audio", "video", "application"]),
        ("firefox", ["audio", "video"]),
        ("safari", ["video", "audio"]),
    ],
)
def test_real_descriptions_are_whole(
    sdp_of: SdpOf, name: str, kinds: list[str]
) -> None:
    outline = Outline.of(sdp_of(name))
    assert [media.kind for media in outline.media] == kinds
    assert outline.session[0] == "v=0"
    assert outline.flaw is None
    assert [media.mid for media in outline.media] == [str(n) for n in range(len(kinds))]


@pytest.mark.parametrize("name", ["aiortc", "chromium", "firefox"])
@pytest.mark.parametrize(
    ("attribute", "words"),
    [
        ("ice-ufrag", "ICE cannot tell whose checks these are (RFC 8839, section 5.4)"),
        ("ice-pwd", "ICE cannot prove that its checks are genuine"),
        ("setup", "nobody knows who begins the DTLS handshake (RFC 4145, section 4)"),
        ("mid", "its sections cannot be told apart (RFC 5888, section 4)"),
        ("rtpmap", "payload types are numbers without a codec"),
        ("fingerprint", "a stranger's certificate would do as well"),
    ],
)
def test_what_a_description_cannot_do_without(
    sdp_of: SdpOf, name: str, attribute: str, words: str
) -> None:
    lines = sdp_of(name).splitlines()
    start = f"a={attribute}:"
    thinned = Outline.of(
        "\n".join(each for each in lines if not each.startswith(start))
    )
    assert thinned.lacks(attribute)
    assert thinned.flaw is not None
    assert thinned.flaw.startswith(f"its SDP has no a={attribute} line: ")
    assert words in thinned.flaw


def test_a_section_that_is_bundled_and_not_there(sdp_of: SdpOf) -> None:
    lines = [line for line in sdp_of("aiortc").splitlines() if line[:7] != "m=video"]
    assert Outline.of("\n".join(lines)).flaw == (
        "its a=group:BUNDLE names section 0, which is not there (RFC 9143, section 5)"
    )


def test_a_section_without_a_direction(sdp_of: SdpOf) -> None:
    sdp = sdp_of("aiortc").replace("a=sendrecv\r\n", "", 1)
    assert Outline.of(sdp).flaw == f"its SDP has {no_direction('video')}"


def test_no_section_at_all() -> None:
    assert Outline.of("v=0\r\n").flaw == "its SDP has no section for media"
    assert Outline.of("v=0\r\n").lacks("mid")


def test_data_channels_need_no_codec(sdp_of: SdpOf) -> None:
    sdp = sdp_of("chromium")
    data = sdp[sdp.index("m=application") :]
    assert Outline.of(f"v=0\r\n{data}").flaw is None


@pytest.mark.parametrize(
    ("direction", "sends", "receives"),
    [
        ("sendrecv", True, True),
        ("sendonly", True, False),
        ("recvonly", False, True),
        ("inactive", False, False),
        (None, True, False),
    ],
)
def test_directions(direction: str | None, sends: bool, receives: bool) -> None:
    lines = ["m=video 9 UDP/TLS/RTP/SAVPF 96", "a=mid:0"]
    media = Media(
        "video", "9", lines=[*lines, f"a={direction}"] if direction else lines
    )
    assert media.direction == direction
    assert media.sends is sends
    assert media.receives is receives


def test_a_refused_section_neither_sends_nor_receives() -> None:
    media = Media("video", "0", lines=["a=sendrecv"])
    assert not media.sends
    assert not media.receives


def test_codecs_are_in_order_of_preference_and_without_helpers() -> None:
    outline = Outline.of(
        "m=video 9 UDP/TLS/RTP/SAVPF 98 96 97 99 100\r\n"
        "a=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\n"
        "a=rtpmap:98 H264/90000\r\na=rtpmap:99 H264/90000\r\n"
    )
    assert outline.media[0].codecs == ["H264", "VP8"]
    assert outline.media[0].encodings["97"] == "rtx"


def test_the_same_candidate_in_two_sections_counts_once() -> None:
    line = "a=candidate:1 1 udp 1 127.0.0.1 4000 typ host"
    sdp = f"m=video 9 X 96\r\n{line}\r\nm=audio 9 X 97\r\n{line}\r\n"
    assert Outline.of(sdp).candidates == 1


def test_the_first_section_of_a_kind(sdp_of: SdpOf) -> None:
    outline = Outline.of(sdp_of("firefox"))
    video = outline.of_kind("video")
    assert video is not None
    assert video.codecs == ["VP8", "VP9", "H264"]
    assert outline.of_kind("text") is None


def test_a_candidate_by_its_fields() -> None:
    address = Address.of(
        "candidate:842163049 1 udp 1677729535 203.0.113.7 52000 typ srflx "
        "raddr 10.0.0.5 rport 52001 generation 0"
    )
    assert address == Address(
        foundation="842163049",
        component="1",
        transport="udp",
        priority="1677729535",
        address="203.0.113.7",
        port="52000",
        kind="srflx",
        extensions={"raddr": "10.0.0.5", "rport": "52001", "generation": "0"},
    )
    assert Address.of("a=candidate:1 1 udp 1 ::1 9 typ host") is not None


@pytest.mark.parametrize(
    "text",
    ["", "candidate:", "candidate:1 1 udp 1 127.0.0.1 9", "1 1 udp 1 a 9 type host"],
)
def test_what_is_no_candidate(text: str) -> None:
    assert Address.of(text) is None


@given(text=st.text())
def test_any_text_may_be_a_candidate(text: str) -> None:
    address = Address.of(text)
    assert address is None or address.kind
