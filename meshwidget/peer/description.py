"""Session descriptions and candidates as text: what trickle ICE needs of them.

Pure. aiortc gathers every candidate before it gives a description; to play trickle ICE
(RFC 8838) the candidates are taken out of the text and sent on their own.
"""

from __future__ import annotations

from dataclasses import dataclass

_TRICKLE = "a=ice-options:trickle"

_CODECS = {"video": "VP8", "audio": "opus"}

_CODEC_RULES = {"video": "RFC 7742, section 5", "audio": "RFC 7874, section 3"}

_GATHERED = ("a=candidate:", "a=end-of-candidates")


@dataclass(frozen=True)
class TrickledCandidate:
    """A candidate and the m-section it belongs to.

    Attributes
    ----------
    candidate : str
        The attribute's value, ``"candidate:…"`` (RFC 8839, section 5.1).
    sdp_mid : str
    sdp_m_line_index : int
    """

    candidate: str
    sdp_mid: str
    sdp_m_line_index: int

    def to_init(self) -> dict[str, str | int]:
        """``RTCIceCandidateInit`` (webrtc-pc, section 4.8.1)."""
        return {
            "candidate": self.candidate,
            "sdpMid": self.sdp_mid,
            "sdpMLineIndex": self.sdp_m_line_index,
        }


def split_candidates(sdp: str) -> tuple[str, list[TrickledCandidate]]:
    """Take the candidates out of a description.

    Parameters
    ----------
    sdp : str
        Of a bundled session: its m-sections share one transport, so what a later
        section repeats is left out.

    Returns
    -------
    sdp, candidates
        The text without them and the address they gave it, saying that they follow
        (RFC 8840, section 4.1.1), and each of them once.
    """
    kept: list[str] = []
    found: dict[str, TrickledCandidate] = {}
    for section in _sections(sdp):
        mid = section.mid
        for line in section.lines:
            if line.startswith("a=candidate:"):
                text = line.removeprefix("a=")
                found.setdefault(text, TrickledCandidate(text, mid, section.index))
            if not line.startswith(_GATHERED):
                kept.append(_without_address(line) if section.index >= 0 else line)
        if section.index < 0 and not section.has(_TRICKLE):
            kept.append(_TRICKLE)
    return "".join(f"{line}\r\n" for line in kept), list(found.values())


def _without_address(line: str) -> str:
    """An m= or c= line as it is before any candidate is known."""
    if line.startswith("c="):
        return "c=IN IP4 0.0.0.0"
    if line.startswith("m="):
        kind, port, rest = line.split(" ", 2)
        return f"{kind} {'0' if port == '0' else '9'} {rest}"  # 0 is a refused section
    return line


def media_kinds(sdp: str) -> list[str]:
    """The kinds of the m-sections in order, for instance ``["video", "audio"]``."""
    return [
        section.lines[0].removeprefix("m=").split(" ", 1)[0]
        for section in _sections(sdp)
        if section.index >= 0
    ]


def objection(sdp: str) -> str | None:
    """What keeps a text from being a description, in words, or None.

    aiortc takes any text for an empty offer, and one without a fingerprint until DTLS
    begins, and of codecs it only says that it failed, so this is asked first.
    """
    if not sdp.startswith("v=0"):
        return "it is no SDP: the first line is not v=0 (RFC 8866, section 5.1)"
    if not media_kinds(sdp):
        return "its SDP has no m-section, so there is nothing to connect for"
    session, *media = _sections(sdp)
    if not all(
        session.has("a=fingerprint:") or each.has("a=fingerprint:") for each in media
    ):
        return (
            "its SDP has no a=fingerprint line, so nobody could tell whose certificate "
            "DTLS will show (RFC 9429, section 5.8.3)"
        )
    return next(filter(None, map(_codec_objection, media)), None)


def _codec_objection(section: _Section) -> str | None:
    """What is wrong with the codecs of an m-section that is not refused, or None."""
    kind, port, *_ = [*section.lines[0].removeprefix("m=").split(" "), "", ""]
    wanted = _CODECS.get(kind)
    if wanted is None or port == "0":
        return None
    told = [line.split() for line in section.lines if line.startswith("a=rtpmap:")]
    names = [words[1].split("/")[0] for words in told if len(words) > 1]
    if not names or wanted.lower() in (name.lower() for name in names):
        return None
    return (
        f"its {kind} has no {wanted}, which this call speaks and browsers must have "
        f"({_CODEC_RULES[kind]}), but only {', '.join(dict.fromkeys(names))}"
    )


@dataclass(frozen=True)
class _Section:
    """Lines up to the next ``m=``; the session's own have index -1."""

    index: int
    lines: list[str]

    def has(self, start: str) -> bool:
        """Whether one of its lines begins like this."""
        return any(line.startswith(start) for line in self.lines)

    @property
    def mid(self) -> str:
        found = (line for line in self.lines if line.startswith("a=mid:"))
        return next(found, "a=mid:").removeprefix("a=mid:")


def _sections(sdp: str) -> list[_Section]:
    sections = [_Section(-1, [])]
    for line in sdp.splitlines():
        if line.startswith("m="):
            sections.append(_Section(len(sections) - 1, []))
        if line:
            sections[-1].lines.append(line)
    return sections
