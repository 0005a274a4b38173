"""The vocabulary of session descriptions: what each line says, and why it is there.

Tables only. In a text, ``{0}``, ``{1}`` … are the words of the line's value, ``{all}``
is the whole of it, and ``{rest}`` all but its first word. An empty text is put together
in code, where it depends on what the line says.
"""

from __future__ import annotations

from typing import NamedTuple


class Term(NamedTuple):
    """What a line means: the text, the reason, and where that is laid down."""

    says: str
    why: str
    spec: str


LINES: dict[str, Term] = {
    "v": Term(
        "version {all} of SDP", "there is only this one", "RFC 8866, section 5.1"
    ),
    "o": Term(
        "whose session this is: user {0}, id {1}, version {2}",
        "the version grows with each new description of the session",
        "RFC 8866, section 5.2",
    ),
    "s": Term(
        "name of the session: {all}",
        "SDP wants one; WebRTC has no use for it",
        "RFC 8866, section 5.3",
    ),
    "i": Term("information: {all}", "for people to read", "RFC 8866, section 5.4"),
    "u": Term("a link: {all}", "for people to read", "RFC 8866, section 5.5"),
    "e": Term("an email address", "for people to read", "RFC 8866, section 5.6"),
    "p": Term("a phone number", "for people to read", "RFC 8866, section 5.6"),
    "c": Term(
        "address {2} for media without ICE",
        "ICE finds the true path, so 0.0.0.0 will do",
        "RFC 8866, section 5.7; RFC 9429, section 5.2.1",
    ),
    "b": Term(
        "bandwidth: {all}",
        "a limit to what should be sent here",
        "RFC 8866, section 5.8",
    ),
    "t": Term(
        "active from {0} to {1}",
        "0 0 means: always, as for every call",
        "RFC 8866, section 5.9",
    ),
    "r": Term("repeats: {all}", "for broadcasts", "RFC 8866, section 5.10"),
    "z": Term("time zones: {all}", "for broadcasts", "RFC 8866, section 5.11"),
    "k": Term(
        "an encryption key", "obsolete: WebRTC uses DTLS", "RFC 8866, section 5.12"
    ),
    "m": Term(
        "",
        "one section for each kind of media that is sent or received",
        "RFC 8866, section 5.14",
    ),
}
"""By the letter before the equals sign."""

ATTRIBUTES: dict[str, Term] = {
    "group": Term(
        "the sections {rest} are one {0}",
        "bundled sections share one transport: one port, one ICE, one DTLS",
        "RFC 5888, section 5; RFC 9143, section 5",
    ),
    "extmap-allow-mixed": Term(
        "headers of one and of two bytes may be mixed",
        "lets large RTP header extensions travel only when needed",
        "RFC 8285, section 6",
    ),
    "msid-semantic": Term(
        "streams are named by {all}",
        "older browsers grouped tracks into streams by this",
        "draft-ietf-mmusic-msid, obsolete",
    ),
    "ice-lite": Term(
        "this side answers checks and sends none",
        "for servers with a public address",
        "RFC 8839, section 5.3",
    ),
    "ice-ufrag": Term(
        "ICE user name fragment {all}",
        "each check carries both sides' fragments, so that it is known whose it is",
        "RFC 8839, section 5.4",
    ),
    "ice-pwd": Term(
        "ICE password",
        "checks are signed with it: only who has the description can send one",
        "RFC 8839, section 5.4",
    ),
    "ice-options": Term(
        "ICE can do: {all}",
        "trickle: candidates may follow the description",
        "RFC 8839, section 5.6; RFC 8838",
    ),
    "candidate": Term("", "an address to send checks to", "RFC 8839, section 5.1"),
    "end-of-candidates": Term(
        "no more candidates follow",
        "the other side can give up once all of them have failed",
        "RFC 8840, section 8",
    ),
    "remote-candidates": Term(
        "candidates in use: {all}",
        "the path that ICE chose, for the other side",
        "RFC 8839, section 5.2",
    ),
    "fingerprint": Term(
        "the certificate has this {0} digest",
        "the DTLS handshake is with the one who made this description, and with "
        "nobody between",
        "RFC 8122, section 5",
    ),
    "setup": Term(
        "",
        "one side has to begin the DTLS handshake",
        "RFC 4145, section 4; RFC 8842, section 5.1",
    ),
    "tls-id": Term(
        "id of the DTLS association",
        "a new one asks for a new handshake",
        "RFC 8842, section 4",
    ),
    "mid": Term(
        "this section is called {all}",
        "candidates, bundles and RTP packets name it so",
        "RFC 5888, section 4",
    ),
    "sendrecv": Term(
        "media is sent and received here",
        "the answer says the same from the other side",
        "RFC 8866, section 6.7",
    ),
    "sendonly": Term(
        "media is sent here and none is wanted",
        "the answer is recvonly or inactive",
        "RFC 8866, section 6.7",
    ),
    "recvonly": Term(
        "media is received here and none is sent",
        "the answer is sendonly or inactive",
        "RFC 8866, section 6.7",
    ),
    "inactive": Term(
        "no media either way", "the section keeps its place", "RFC 8866, section 6.7"
    ),
    "bundle-only": Term(
        "this section is used only when it is bundled",
        "so its port is 0 until the answer agrees",
        "RFC 9143, section 6",
    ),
    "rtcp": Term(
        "RTCP would use port {0}",
        "not used: RTCP shares the port of RTP here",
        "RFC 3605, section 2.1",
    ),
    "rtcp-mux": Term(
        "RTP and RTCP share one port",
        "half the ports, half the checks",
        "RFC 5761, section 5.1.1",
    ),
    "rtcp-mux-only": Term(
        "RTP and RTCP only ever share one port",
        "no candidates for a second one are gathered",
        "RFC 8858, section 3",
    ),
    "rtcp-rsize": Term(
        "RTCP packets may be reduced",
        "feedback goes out at once and small",
        "RFC 5506, section 5",
    ),
    "rtcp-xr": Term(
        "RTCP may carry extended reports: {all}",
        "the receiver, too, can measure the round trip (rcvr-rtt)",
        "RFC 3611, section 5.1",
    ),
    "rtpmap": Term("", "gives a number to a codec", "RFC 8866, section 6.6"),
    "fmtp": Term("", "settings of a codec", "RFC 8866, section 6.15"),
    "rtcp-fb": Term("", "what the receiver may report", "RFC 4585, section 4.2"),
    "extmap": Term("", "a small field in each RTP header", "RFC 8285, section 5"),
    "msid": Term(
        "the track belongs to stream {0}",
        "tracks of one stream are played in sync",
        "RFC 8830, section 2",
    ),
    "ssrc": Term("", "tells RTP packets of one source", "RFC 5576, section 4.1"),
    "ssrc-group": Term("", "sources that belong together", "RFC 5576, section 4.2"),
    "rid": Term(
        "the encoding {0} is offered to {1}",
        "one picture in several sizes",
        "RFC 8851, section 4",
    ),
    "simulcast": Term(
        "several encodings at once: {all}",
        "a server can pass on the size that fits each receiver",
        "RFC 8853, section 5.1",
    ),
    "imageattr": Term(
        "sizes of picture: {all}", "what can be sent or shown", "RFC 6236, section 3.1"
    ),
    "framerate": Term(
        "{all} pictures a second at most", "a limit", "RFC 8866, section 6.13"
    ),
    "ptime": Term(
        "{all} ms of sound a packet", "delay against overhead", "RFC 8866, section 6.4"
    ),
    "maxptime": Term(
        "at most {all} ms of sound a packet",
        "the receiver's limit",
        "RFC 8866, section 6.5",
    ),
    "sctp-port": Term(
        "SCTP port {all}",
        "data channels run over SCTP inside DTLS",
        "RFC 8841, section 5",
    ),
    "max-message-size": Term(
        "messages of data channels have up to {all} bytes",
        "0 means any size",
        "RFC 8841, section 6",
    ),
    "sctpmap": Term(
        "SCTP port {0} for data channels",
        "the older way to say a=sctp-port",
        "draft-ietf-mmusic-sctp-sdp-05, obsolete",
    ),
    "x-google-flag": Term(
        "a switch of Chromium's: {all}", "conference mode of VP8", "no standard"
    ),
    "ice-mismatch": Term(
        "the default address is not among the candidates",
        "something on the way has rewritten the offer; no ICE then",
        "RFC 8839, section 5.3",
    ),
    "ice-pacing": Term(
        "{all} ms between checks", "so as not to flood", "RFC 8839, section 5.5"
    ),
    "crypto": Term(
        "keys for SRTP in the open",
        "WebRTC forbids it: keys come from the DTLS handshake",
        "RFC 4568; RFC 8827, section 6.5",
    ),
    "tool": Term("made by {all}", "for people to read", "RFC 8866, section 6.3"),
    "label": Term("label {all}", "for programs", "RFC 4574"),
    "content": Term("what it shows: {all}", "for programs", "RFC 4796"),
    "identity": Term(
        "a proof of who this is", "lets a third party vouch", "RFC 8827, section 5"
    ),
}
"""By the name after ``a=``."""

SETUP: dict[str, str] = {
    "actpass": "this side can begin the DTLS handshake or wait for it",
    "active": "this side begins the DTLS handshake",
    "passive": "this side waits for the other to begin the DTLS handshake",
    "holdconn": "no DTLS handshake for now",
}

CODECS: dict[str, str] = {
    "vp8": "VP8, video that every browser must have (RFC 7741, RFC 7742)",
    "vp9": "VP9, video (RFC 9628)",
    "h264": "H.264, video that every browser must have (RFC 6184, RFC 7742)",
    "h265": "H.265, video (RFC 7798)",
    "av1": "AV1, video (AOM's RTP payload format)",
    "opus": "Opus, sound that every browser must have (RFC 7587, RFC 7874)",
    "pcmu": "G.711 µ-law, telephone sound (RFC 3551, RFC 7874)",
    "pcma": "G.711 A-law, telephone sound (RFC 3551, RFC 7874)",
    "g722": "G.722, wideband telephone sound (RFC 3551)",
    "cn": "comfort noise for silence (RFC 3389)",
    "telephone-event": "telephone keys (RFC 4733)",
    "rtx": "packets that are sent once more (RFC 4588)",
    "red": "a copy of the packet before, against loss (RFC 2198)",
    "ulpfec": "forward error correction (RFC 5109)",
    "flexfec-03": "forward error correction (RFC 8627)",
}

FEEDBACK: dict[str, str] = {
    "nack": "packets that are missing, so that they are sent again",
    "nack pli": "that a picture cannot be decoded, so that a keyframe comes",
    "nack rpsi": "which picture to predict from",
    "ccm fir": "the wish for a keyframe (RFC 5104)",
    "ccm tmmbr": "the wish for a lower bit rate (RFC 5104)",
    "goog-remb": "an estimate of the bandwidth, by the receiver",
    "transport-cc": "when each packet came, for an estimate by the sender",
    "rrtr": "its own clock, to measure round trips (RFC 3611)",
}

EXTENSIONS: dict[str, str] = {
    "sdes:mid": "which section the packet belongs to (RFC 9143, section 15)",
    "sdes:rtp-stream-id": "which encoding it is (RFC 8852)",
    "sdes:repaired-rtp-stream-id": "which encoding it repairs (RFC 8852)",
    "ssrc-audio-level": "how loud the sound is (RFC 6464)",
    "csrc-audio-level": "how loud each of the mixed sounds is (RFC 6465)",
    "toffset": "when the packet was sent, from its timestamp (RFC 5450)",
    "abs-send-time": "when the packet was sent, to estimate the bandwidth",
    "abs-capture-time": "when the picture was taken",
    "transport-wide-cc-extensions-01": "a number across all sections, to report on",
    "transport-wide-cc-02": "a number across all sections, to report on",
    "video-orientation": "which way up the picture is",
    "playout-delay": "how long the receiver may buffer",
    "video-content-type": "whether it is a camera or a screen",
    "video-timing": "how long encoding and sending took",
    "color-space": "the colours of the picture",
    "video-layers-allocation00": "the layers that are sent",
    "dependency-descriptor": "which pictures the picture needs",
    "generic-frame-descriptor-00": "which pictures the picture needs",
    "corruption-detection": "samples of the picture, to notice damage",
    "dtls-in-stun": "a DTLS handshake inside ICE's checks",
}
"""By the end of the extension's URI."""

PARAMETERS: dict[str, str] = {
    "apt": "it repeats packets of payload type {0}",
    "rtx-time": "packets are kept for {0} ms",
    "minptime": "at least {0} ms a packet",
    "useinbandfec": "it may carry a copy of the packet before: {0}",
    "usedtx": "it may pause in silence: {0}",
    "stereo": "stereo is wanted: {0}",
    "sprop-stereo": "stereo is sent: {0}",
    "maxplaybackrate": "{0} Hz at most are played",
    "maxaveragebitrate": "{0} bit/s at most",
    "cbr": "constant bit rate: {0}",
    "profile-level-id": "profile and level {0}",
    "profile-id": "profile {0}",
    "packetization-mode": "packetization mode {0}",
    "level-asymmetry-allowed": "each side may choose its level: {0}",
    "max-fs": "{0} macroblocks a picture at most",
    "max-fr": "{0} pictures a second at most",
    "level-idx": "level {0}",
    "level-id": "level {0}",
    "profile": "profile {0}",
    "tier": "tier {0}",
    "tier-flag": "tier {0}",
    "tx-mode": "transmission mode {0}",
    "x-google-start-bitrate": "Chromium starts at {0} kbit/s",
}

SOURCE_GROUPS: dict[str, str] = {
    "FID": "the second repeats what the first lost (RFC 4588)",
    "SIM": "the same picture in several sizes",
    "FEC-FR": "the second protects the first (RFC 5956)",
}

CANDIDATE_KINDS: dict[str, str] = {
    "host": "an address of this machine",
    "srflx": "this machine as a STUN server sees it, from outside its router",
    "prflx": "this machine as the other side saw it",
    "relay": "an address on a TURN server, which passes everything on",
}
