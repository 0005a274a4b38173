"""Every line of a description in plain words, and what changed between two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwidget.history.sdp_terms import ATTRIBUTES, LINES
from meshwidget.history.sdp_words import (
    ChangedLine,
    ExplainedLine,
    diff,
    explain,
    explain_candidate,
)

SdpOf = Callable[[str], str]
BROWSERS = ("aiortc", "chromium", "firefox", "safari")

VIDEO = """\
m=video 9 UDP/TLS/RTP/SAVPF 96 97
a=rtpmap:96 VP8/90000
a=rtpmap:97 rtx/90000
"""


def said(line: str, sdp: str = VIDEO) -> ExplainedLine:
    """What is said of a line at the end of a section for video."""
    return explain(f"{sdp}{line}\n")[-1]


def lines_of(sdp: str) -> list[str]:
    return [line for line in sdp.splitlines() if line]


# Explaining ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", BROWSERS)
def test_every_line_of_every_browser_is_explained(sdp_of: SdpOf, name: str) -> None:
    explained = explain(sdp_of(name))
    assert [each.line for each in explained] == lines_of(sdp_of(name))
    for each in explained:
        assert each.is_known, each.line
        assert "not known here" not in each.says, each.line
        assert each.why
        assert each.spec
        assert "?" not in each.says


@pytest.mark.parametrize("name", BROWSERS)
def test_each_line_knows_its_section(sdp_of: SdpOf, name: str) -> None:
    sections = dict.fromkeys(each.section for each in explain(sdp_of(name)))
    first, *rest = sections
    assert first == "session"
    assert [section.split()[1] for section in rest] == [
        str(index) for index in range(len(rest))
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("v=0", "version 0 of SDP"),
        ("o=- 46117 2 IN IP4 127.0.0.1", "user -, id 46117, version 2"),
        ("c=IN IP4 0.0.0.0", "address 0.0.0.0 for media without ICE"),
        ("t=0 0", "active from 0 to 0"),
        ("m=audio 0 UDP/TLS/RTP/SAVPF 111", "refused, or only to be bundled (port 0)"),
        ("m=audio 9 UDP/TLS/RTP/SAVPF 0 8", "on a port that ICE will find"),
        (
            "m=audio 5004 RTP/AVP 0",
            "for audio, on port 5004, in order of preference: 0",
        ),
        ("a=group:BUNDLE 0 1", "the sections 0 1 are one BUNDLE"),
        ("a=ice-ufrag:abcd", "ICE user name fragment abcd"),
        ("a=ice-options:trickle", "ICE can do: trickle"),
        ("a=setup:actpass", "can begin the DTLS handshake or wait for it"),
        ("a=setup:active", "this side begins the DTLS handshake"),
        ("a=setup:passive", "this side waits for the other"),
        ("a=fingerprint:sha-256 AB:CD", "the certificate has this sha-256 digest"),
        ("a=mid:video", "this section is called video"),
        ("a=recvonly", "media is received here and none is sent"),
        ("a=rtcp-mux", "RTP and RTCP share one port"),
        ("a=rtpmap:96 VP8/90000", "96 means VP8, video that every browser must have"),
        ("a=rtpmap:111 opus/48000/2", "clock 48000 Hz, 2 channels"),
        (
            "a=rtpmap:101 telephone-event/8000/1",
            "telephone keys (RFC 4733), clock 8000",
        ),
        ("a=rtpmap:77 DV/90000", "77 means DV, not known here, clock 90000 Hz"),
        ("a=fmtp:97 apt=96", "97 (rtx): it repeats packets of payload type 96"),
        ("a=fmtp:111 minptime=10;useinbandfec=1", "at least 10 ms a packet, it may"),
        ("a=fmtp:99 colour=red; ; apt=96", "99: colour=red, it repeats packets of"),
        ("a=fmtp:101 0-15", "101: 0-15"),
        (
            "a=rtcp-fb:96 nack pli",
            "for 96 (VP8) the receiver may report that a picture",
        ),
        ("a=rtcp-fb:* transport-cc", "for every codec the receiver may report when"),
        ("a=rtcp-fb:96 moon", "may report moon, not known here"),
        (
            "a=extmap:2/recvonly urn:3gpp:video-orientation",
            "extension 2, recvonly: which",
        ),
        (
            "a=extmap:9 urn:example:moon",
            "extension 9: urn:example:moon, not known here",
        ),
        ("a=ssrc:1 cname:x", "source 1 is of the endpoint x"),
        ("a=ssrc:1 msid:stream track", "source 1 is the track of stream stream"),
        ("a=ssrc:1 label:x", "source 1, named in the older way"),
        ("a=ssrc:1 moon:x", "source 1: moon"),
        ("a=ssrc-group:FID 1 2", "sources 1 2: the second repeats what the first lost"),
        ("a=ssrc-group:MOON 1 2", "sources 1 2: not known here"),
        ("a=msid:stream track", "the track belongs to stream stream"),
        ("a=msid-semantic: WMS *", "streams are named by WMS *"),
        ("a=sctp-port:5000", "SCTP port 5000"),
        ("a=max-message-size:262144", "have up to 262144 bytes"),
        ("a=simulcast:send hi;lo", "several encodings at once: send hi;lo"),
        ("a=rid:hi send", "the encoding hi is offered to send"),
        ("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x", "keys for SRTP in the open"),
        ("a=end-of-candidates", "no more candidates follow"),
        (
            "a=candidate:1 1 udp 1 127.0.0.1 4000 typ host",
            "host candidate 127.0.0.1 port 4000, UDP: an address of this machine",
        ),
        (
            "a=candidate:1 1 udp 1 127.0.0.1 4000 typ moon",
            "moon candidate 127.0.0.1 port 4000, UDP: a type not known here",
        ),
    ],
)
def test_what_a_line_says(line: str, words: str) -> None:
    assert words in said(line).says


@pytest.mark.parametrize(
    "line",
    [
        "a=moon:full",
        "q=what",
        "nonsense",
        "a=candidate:nonsense",
        "a=setup:moon",
        "=",
        "a",
    ],
)
def test_what_is_not_known_is_said_so(line: str) -> None:
    explained = said(line)
    assert explained.says == "not known here"
    assert not explained.is_known
    assert explained.line == line
    assert (explained.why, explained.spec) == ("", "")


@pytest.mark.parametrize(
    "line", ["a=mid:{0} {why}", "a=msid:{all} {rest}", "a=fmtp:96 x={2}", "s={all}"]
)
def test_braces_from_the_wire_stay_as_they_are(line: str) -> None:
    assert "{" in said(line).says


@given(text=st.text(st.characters(codec="utf-8")))
def test_any_text_is_explained_line_by_line(text: str) -> None:
    explained = explain(text)
    assert [each.line for each in explained] == lines_of(text)
    assert all(each.says for each in explained)


@given(
    lines=st.lists(
        st.builds(
            "{}={}{}".format,
            st.sampled_from([*LINES, "a"]),
            st.sampled_from([f"{name}:" for name in ATTRIBUTES] + [""]),
            st.text(st.characters(codec="ascii", exclude_characters="\r\n")),
        )
    )
)
def test_no_value_of_a_known_line_is_too_strange(lines: list[str]) -> None:
    for each in explain("\n".join(lines)):
        assert each.says


def test_the_tables_say_why_and_where() -> None:
    for term in (*LINES.values(), *ATTRIBUTES.values()):
        assert term.why
        assert term.spec.startswith(("RFC ", "draft-", "no standard"))
        assert not term.why.endswith(".")


def test_a_section_without_a_mid_is_called_by_its_kind() -> None:
    assert said("a=sendrecv").section == "video"


@pytest.mark.parametrize(
    "text",
    [
        "a=x\r\n" * 16_000,
        "m=video 9\r\n" * 6_000,
        "m=video 9 X 96\r\n" + "a=rtcp-fb:96 nack\r\n" * 3_500,
        "m=video 9 X 96\r\n" + "".join(f"a=rtpmap:{n} x\r\n" for n in range(3_000)),
    ],
)
def test_a_description_of_the_largest_size_is_no_trouble(text: str) -> None:
    """It comes from strangers; quadratic work would last longer than a test may."""
    assert len(explain(text)) == len(lines_of(text))
    assert len(diff(text, text + "a=y\r\n" + text)) >= len(lines_of(text))


# Comparing ----------------------------------------------------------------------------


def changes(old: str, new: str) -> list[tuple[str, str, str | None]]:
    return [
        (each.change, each.line, each.previous)
        for each in diff(old, new)
        if each.change != "same"
    ]


def test_what_changed_was_added_and_removed() -> None:
    old = "v=0\no=- 1 1 IN IP4 0.0.0.0\nm=video 9 X 96\na=sendrecv\na=rtcp-mux\n"
    new = "v=0\no=- 1 2 IN IP4 0.0.0.0\nm=video 9 X 96\na=inactive\na=mid:0\n"
    assert diff(old, new) == [
        ChangedLine(change="same", line="v=0"),
        ChangedLine(
            change="changed",
            line="o=- 1 2 IN IP4 0.0.0.0",
            previous="o=- 1 1 IN IP4 0.0.0.0",
        ),
        ChangedLine(change="same", line="m=video 9 X 96"),
        ChangedLine(change="changed", line="a=inactive", previous="a=sendrecv"),
        ChangedLine(change="added", line="a=mid:0"),
        ChangedLine(change="removed", line="a=rtcp-mux"),
    ]


def test_the_same_description_has_not_changed(sdp_of: SdpOf) -> None:
    for name in BROWSERS:
        assert changes(sdp_of(name), sdp_of(name)) == []


def test_where_a_line_stands_does_not_matter() -> None:
    head = "m=video 9 X 96\n"
    assert changes(head + "a=mid:0\na=rtcp-mux\n", head + "a=rtcp-mux\na=mid:0\n") == []


def test_sections_are_compared_in_order() -> None:
    one, two = "m=video 9 X 96\na=mid:0\n", "m=audio 9 X 97\na=mid:1\n"
    assert changes(f"v=0\n{one}", f"v=0\n{one}{two}") == [
        ("added", "m=audio 9 X 97", None),
        ("added", "a=mid:1", None),
    ]
    assert changes(f"v=0\n{one}{two}", f"v=0\n{one}") == [
        ("removed", "m=audio 9 X 97", None),
        ("removed", "a=mid:1", None),
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a=ice-pwd:x", "a=ice-pwd:y"),
        ("a=rtpmap:96 VP8/90000", "a=rtpmap:96 H264/90000"),
        ("a=ssrc:1 cname:x", "a=ssrc:2 cname:y"),
        ("a=setup:actpass", "a=setup:active"),
        ("a=sendonly", "a=recvonly"),
        ("c=IN IP4 0.0.0.0", "c=IN IP4 127.0.0.1"),
        ("a=fingerprint:sha-256 AA", "a=fingerprint:sha-256 BB"),
    ],
)
def test_the_same_attribute_with_another_value_is_a_change(old: str, new: str) -> None:
    assert changes(f"m=video\n{old}\n", f"m=video\n{new}\n") == [("changed", new, old)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a=rtpmap:96 VP8/90000", "a=rtpmap:97 VP8/90000"),
        ("a=fingerprint:sha-256 AA", "a=fingerprint:sha-512 AA"),
        ("a=mid:0", "a=msid:0"),
    ],
)
def test_another_attribute_is_no_change(old: str, new: str) -> None:
    assert changes(f"m=video\n{old}\n", f"m=video\n{new}\n") == [
        ("added", new, None),
        ("removed", old, None),
    ]


_line = st.sampled_from(
    [
        "v=0",
        "m=video 9 X 96",
        "m=audio 9 X 97",
        "a=mid:0",
        "a=mid:1",
        "a=sendrecv",
        "a=inactive",
        "a=ssrc:1 cname:x",
        "a=ssrc:1 cname:y",
        "x",
    ]
)
_descriptions = st.lists(_line, max_size=12).map("\n".join)


@given(old=_descriptions, new=_descriptions)
def test_nothing_is_lost_in_a_comparison(old: str, new: str) -> None:
    found = diff(old, new)
    now = [each.line for each in found if each.change != "removed"]
    assert now == lines_of(new)
    before = [each.line for each in found if each.change in ("same", "removed")]
    before += [each.previous or "" for each in found if each.change == "changed"]
    assert Counter(before) == Counter(lines_of(old))
    for each in found:
        assert (each.previous is not None) == (each.change == "changed")
        assert each.previous != each.line


# Candidates ---------------------------------------------------------------------------


def test_a_candidate_field_by_field() -> None:
    fields = explain_candidate(
        "candidate:842163049 1 udp 1677729535 203.0.113.7 52000 typ srflx "
        "raddr 10.0.0.5 rport 52001 generation 0 ufrag x moon y"
    )
    assert [(field.name, field.value) for field in fields] == [
        ("foundation", "842163049"),
        ("component", "1"),
        ("transport", "udp"),
        ("priority", "1677729535"),
        ("address", "203.0.113.7"),
        ("port", "52000"),
        ("type", "srflx"),
        ("raddr", "10.0.0.5"),
        ("rport", "52001"),
        ("generation", "0"),
        ("ufrag", "x"),
        ("moon", "y"),
    ]
    words = {field.name: field.says for field in fields}
    assert words["type"].startswith("this machine as a STUN server sees it")
    assert words["address"] == "where to send to, IPv4"
    assert words["moon"] == "not known here"


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("::1", "where to send to, IPv6"),
        ("x.local", "a random name that mDNS resolves"),
    ],
)
def test_addresses(address: str, words: str) -> None:
    fields = explain_candidate(f"a=candidate:1 2 udp 1 {address} 9 typ host")
    assert fields[4].says.startswith(words)
    assert fields[1].says == "RTCP"


@pytest.mark.parametrize("text", ["", "candidate:", "moon"])
def test_what_is_no_candidate_has_no_fields(text: str) -> None:
    assert explain_candidate(text) == []
