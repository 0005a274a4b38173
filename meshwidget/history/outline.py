"""What stands in a session description and in a candidate, as far as words need it.

A reader of text and no validator: it takes what it finds, and never raises.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")

_HELPERS = frozenset({"rtx", "red", "ulpfec", "flexfec-03", "telephone-event", "cn"})
"""Payload formats that carry no sound or picture of their own."""


_NEEDED = {
    "ice-ufrag": "ICE cannot tell whose checks these are (RFC 8839, section 5.4)",
    "ice-pwd": "ICE cannot prove that its checks are genuine (RFC 8839, section 5.4)",
    "setup": "nobody knows who begins the DTLS handshake (RFC 4145, section 4)",
    "mid": "its sections cannot be told apart (RFC 5888, section 4)",
    "rtpmap": "payload types are numbers without a codec (RFC 8866, section 6.6)",
    "fingerprint": "a stranger's certificate would do as well (RFC 8122, section 5)",
}
"""What a description for media cannot do without, and why."""


@dataclass
class Media:
    """One m-section (RFC 8866, section 5.14).

    Attributes
    ----------
    kind : str
        ``"video"``, ``"audio"`` or ``"application"``.
    port : str
        ``"0"`` when the section is refused.
    formats : list of str
        Payload types in order of preference.
    lines : list of str
        Its lines, the ``m=`` line included.
    """

    kind: str
    port: str = ""
    formats: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    @property
    def mid(self) -> str | None:
        """What other parts of the description call it (RFC 5888, section 4)."""
        found = (line[6:] for line in self.lines if line.startswith("a=mid:"))
        return next(found, None)

    @property
    def direction(self) -> str | None:
        """What the section says of it; None when it says nothing."""
        found = (line[2:] for line in self.lines if line.startswith("a="))
        return next((value for value in found if value in DIRECTIONS), None)

    @property
    def sends(self) -> bool:
        """Whether its author sends (RFC 8866, section 6.7: sendrecv unless said)."""
        return self.port != "0" and self.direction in (None, "sendrecv", "sendonly")

    @property
    def receives(self) -> bool:
        """Whether its author wants to be sent something, and says so.

        Without a word it should mean sendrecv; aiortc then sends nothing.
        """
        return self.port != "0" and self.direction in ("sendrecv", "recvonly")

    @cached_property
    def encodings(self) -> dict[str, str]:
        """Names of the codecs by payload type (RFC 8866, section 6.6)."""
        names: dict[str, str] = {}
        for line in self.lines:
            if line.startswith("a=rtpmap:"):
                payload_type, _, encoding = line[len("a=rtpmap:") :].partition(" ")
                names[payload_type] = encoding.partition("/")[0]
        return names

    @property
    def codecs(self) -> list[str]:
        """Names of the codecs in order of preference, each once."""
        names: dict[str, str] = {}
        for line in self.lines:
            if line.startswith("a=rtpmap:"):
                payload_type, _, encoding = line[len("a=rtpmap:") :].partition(" ")
                names[payload_type] = encoding.partition("/")[0]
        listed = (names.get(payload_type, "") for payload_type in self.formats)
        return [
            name
            for name in dict.fromkeys(listed)
            if name.lower() not in {"", *_HELPERS}
        ]


@dataclass
class Outline:
    """A description, taken apart.

    Attributes
    ----------
    session : list of str
        The lines before the first m-section.
    media : list of Media
    """

    session: list[str]
    media: list[Media]

    @classmethod
    def of(cls, sdp: str) -> Outline:
        """Take a text apart, whatever it is."""
        outline = cls([], [])
        for line in sdp.splitlines():
            if line.startswith("m="):
                kind, port, _, *formats = [*line[2:].split(), "", "", ""][:64]
                chosen = [each for each in formats if each]
                outline.media.append(Media(kind, port, chosen))
            if line:
                (outline.media[-1].lines if outline.media else outline.session).append(
                    line
                )
        return outline

    def lines(self) -> Iterator[str]:
        """All lines in order."""
        yield from self.session
        for media in self.media:
            yield from media.lines

    def of_kind(self, kind: str) -> Media | None:
        """The first section of a kind."""
        return next((media for media in self.media if media.kind == kind), None)

    @property
    def candidates(self) -> int:
        """How many different candidates are in it."""
        return len({line for line in self.lines() if line.startswith("a=candidate:")})

    def lacks(self, attribute: str) -> bool:
        """Whether neither the session nor its first section has such a line.

        Sections that are bundled share the first one's transport, so that one is asked
        (RFC 9143, section 7.1.3).
        """
        lines = [*self.session, *(self.media[0].lines if self.media else ())]
        return not any(line.startswith(f"a={attribute}:") for line in lines)

    @property
    def flaw(self) -> str | None:
        """The first thing that it needs and has not; None when it is whole."""
        if not self.media:
            return "its SDP has no section for media"
        for attribute, consequence in _NEEDED.items():
            if attribute == "rtpmap" and self.media[0].kind == "application":
                continue
            if self.lacks(attribute):
                return f"its SDP has no a={attribute} line: {consequence}"
        absent = self._bundled - {media.mid for media in self.media}
        if absent:
            return (
                f"its a=group:BUNDLE names section {min(absent)}, which is not there "
                f"(RFC 9143, section 5)"
            )
        for media in self.media:
            if media.kind != "application" and media.direction is None:
                return f"its SDP has {no_direction(media.kind)}"
        return None

    @property
    def _bundled(self) -> set[str]:
        groups = [line for line in self.session if line.startswith("a=group:BUNDLE")]
        return {mid for line in groups for mid in line.split()[1:]}


def no_direction(kind: str) -> str:
    """What a section without a direction means."""
    return (
        f"no direction for {kind}; that means sendrecv (RFC 8866, section 6.7), but "
        f"aiortc takes it for none"
    )


@dataclass(frozen=True)
class Address:
    """A candidate attribute (RFC 8839, section 5.1), by its fields.

    Attributes
    ----------
    kind : str
        ``"host"``, ``"srflx"``, ``"prflx"`` or ``"relay"``.
    extensions : dict of str
        Names and values after the type: ``raddr``, ``rport``, ``tcptype`` and others.
    """

    foundation: str
    component: str
    transport: str
    priority: str
    address: str
    port: str
    kind: str
    extensions: dict[str, str]

    @classmethod
    def of(cls, text: str) -> Address | None:
        """Read ``"candidate:…"``; None when it is not one."""
        body = text.removeprefix("a=").removeprefix("candidate:").split()
        if len(body) < 8 or body[6] != "typ":
            return None
        rest = body[8:]
        extensions = dict(zip(rest[::2], rest[1::2], strict=False))
        foundation, component, transport, priority, address, port = body[:6]
        return cls(
            foundation=foundation,
            component=component,
            transport=transport,
            priority=priority,
            address=address,
            port=port,
            kind=body[7],
            extensions=extensions,
        )
