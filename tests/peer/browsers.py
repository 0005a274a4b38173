"""Descriptions as browsers write them, typed by hand from what the RFCs ask for.

Shortened, with ports, keys and names made up; what differs between browsers is kept:
order of m-sections and codecs, where fingerprints are, numbers of payloads, extensions.
"""

from __future__ import annotations

_PRINT = ":".join(["AB"] * 32)


def _text(*lines: str) -> str:
    return "".join(f"{line}\r\n" for line in lines)


def _ice(setup: str = "actpass") -> list[str]:
    return ["a=ice-ufrag:abcd", f"a=ice-pwd:{'p' * 24}", f"a=setup:{setup}"]


FIREFOX = _text(
    "v=0",
    "o=mozilla...THIS_IS_SDPARTA-99.0 4242 0 IN IP4 0.0.0.0",
    "s=-",
    "t=0 0",
    f"a=fingerprint:sha-256 {_PRINT}",
    "a=group:BUNDLE 0 1",
    "a=ice-options:trickle",
    "a=msid-semantic:WMS *",
    "m=audio 9 UDP/TLS/RTP/SAVPF 109 9 0 8 101",
    "c=IN IP4 0.0.0.0",
    "a=sendrecv",
    "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    "a=extmap:2/recvonly urn:ietf:params:rtp-hdrext:csrc-audio-level",
    "a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid",
    "a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1",
    "a=fmtp:101 0-15",
    *_ice(),
    "a=mid:0",
    "a=msid:{1a} {1b}",
    "a=rtcp-mux",
    "a=rtpmap:109 opus/48000/2",
    "a=rtpmap:9 G722/8000/1",
    "a=rtpmap:0 PCMU/8000",
    "a=rtpmap:8 PCMA/8000",
    "a=rtpmap:101 telephone-event/8000/1",
    "a=ssrc:1111 cname:{c}",
    "m=video 9 UDP/TLS/RTP/SAVPF 120 124 121 125 126 127 97 98",
    "c=IN IP4 0.0.0.0",
    "a=sendrecv",
    "a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid",
    "a=extmap:4 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    "a=extmap:5 urn:ietf:params:rtp-hdrext:toffset",
    "a=fmtp:126 profile-level-id=42e01f;level-asymmetry-allowed=1;packetization-mode=1",
    "a=fmtp:97 profile-level-id=42e01f;level-asymmetry-allowed=1",
    "a=fmtp:120 max-fs=12288;max-fr=60",
    "a=fmtp:124 apt=120",
    "a=fmtp:121 max-fs=12288;max-fr=60",
    "a=fmtp:125 apt=121",
    "a=fmtp:127 apt=126",
    "a=fmtp:98 apt=97",
    *_ice(),
    "a=mid:1",
    "a=msid:{1a} {1c}",
    "a=rtcp-fb:120 nack",
    "a=rtcp-fb:120 nack pli",
    "a=rtcp-fb:120 ccm fir",
    "a=rtcp-fb:120 goog-remb",
    "a=rtcp-fb:120 transport-cc",
    "a=rtcp-mux",
    "a=rtcp-rsize",
    "a=rtpmap:120 VP8/90000",
    "a=rtpmap:124 rtx/90000",
    "a=rtpmap:121 VP9/90000",
    "a=rtpmap:125 rtx/90000",
    "a=rtpmap:126 H264/90000",
    "a=rtpmap:127 rtx/90000",
    "a=rtpmap:97 H264/90000",
    "a=rtpmap:98 rtx/90000",
    "a=ssrc:2222 cname:{c}",
    "a=ssrc:3333 cname:{c}",
    "a=ssrc-group:FID 2222 3333",
)
"""The fingerprint is the session's, candidates follow, payload numbers are its own."""


_H264_PROFILE = "packetization-mode=1;profile-level-id=640c1f"


def safari(*, codecs: tuple[str, ...] = ("H264", "H265", "VP8")) -> str:
    """Video first, as a page that asks for it first makes it; H264 before VP8."""
    payloads = dict(zip(range(96, 96 + 2 * len(codecs), 2), codecs, strict=True))
    numbers = " ".join(f"{number} {number + 1}" for number in payloads)
    described: list[str] = []
    for number, codec in payloads.items():
        described += [
            f"a=rtpmap:{number} {codec}/90000",
            f"a=rtcp-fb:{number} goog-remb",
            f"a=rtcp-fb:{number} transport-cc",
            f"a=rtcp-fb:{number} ccm fir",
            f"a=rtcp-fb:{number} nack",
            f"a=rtcp-fb:{number} nack pli",
            *([f"a=fmtp:{number} {_H264_PROFILE}"] if codec == "H264" else []),
            f"a=rtpmap:{number + 1} rtx/90000",
            f"a=fmtp:{number + 1} apt={number}",
        ]
    return _text(
        "v=0",
        "o=- 5151 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0 1 2",
        "a=extmap-allow-mixed",
        "a=msid-semantic: WMS stream",
        f"m=video 9 UDP/TLS/RTP/SAVPF {numbers}",
        "c=IN IP4 0.0.0.0",
        "a=rtcp:9 IN IP4 0.0.0.0",
        *_ice(),
        "a=ice-options:trickle",
        f"a=fingerprint:sha-256 {_PRINT}",
        "a=mid:0",
        "a=extmap:14 urn:ietf:params:rtp-hdrext:toffset",
        "a=extmap:13 urn:3gpp:video-orientation",
        "a=sendrecv",
        "a=msid:stream track-video",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        *described,
        "a=ssrc:2222 cname:c",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111 103 9 0 8 105 13 110 113 126",
        "c=IN IP4 0.0.0.0",
        "a=rtcp:9 IN IP4 0.0.0.0",
        *_ice(),
        "a=ice-options:trickle",
        f"a=fingerprint:sha-256 {_PRINT}",
        "a=mid:1",
        "a=sendrecv",
        "a=msid:stream track-audio",
        "a=rtcp-mux",
        "a=rtpmap:111 opus/48000/2",
        "a=rtcp-fb:111 transport-cc",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        "a=rtpmap:103 ISAC/16000",
        "a=rtpmap:9 G722/8000",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:105 CN/16000",
        "a=rtpmap:13 CN/8000",
        "a=rtpmap:110 telephone-event/48000",
        "a=rtpmap:113 telephone-event/16000",
        "a=rtpmap:126 telephone-event/8000",
        "a=ssrc:1111 cname:c",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        *_ice(),
        f"a=fingerprint:sha-256 {_PRINT}",
        "a=mid:2",
        "a=sctp-port:5000",
        "a=max-message-size:262144",
    )


WITHOUT_CAMERA = FIREFOX.replace("a=sendrecv", "a=recvonly")
"""A browser that only looks and listens."""
