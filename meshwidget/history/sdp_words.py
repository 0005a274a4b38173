"""A session description, line by line in plain words, and what changed between two."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass

from .outline import DIRECTIONS, Address, Media, Outline
from .sdp_terms import (
    ATTRIBUTES,
    CANDIDATE_KINDS,
    CODECS,
    EXTENSIONS,
    FEEDBACK,
    LINES,
    PARAMETERS,
    SETUP,
    SOURCE_GROUPS,
)

_UNKNOWN = "not known here"


@dataclass(frozen=True, kw_only=True, slots=True)
class ExplainedLine:
    """A line of a description and what it means.

    Attributes
    ----------
    line : str
        As it stands.
    section : str
        ``"session"``, or the section's kind and mid: ``"video 0"``.
    says : str
        In plain words; ``"not known here"`` for a line of a kind not in the tables.
    why : str
        Why it is there.
    spec : str
        Where it is laid down.
    """

    line: str
    section: str
    says: str
    why: str = ""
    spec: str = ""

    @property
    def is_known(self) -> bool:
        """Whether the tables have it."""
        return self.says != _UNKNOWN


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangedLine:
    """A line of a description, compared with an earlier one.

    Attributes
    ----------
    change : str
        ``"same"``, ``"added"``, ``"removed"`` or ``"changed"``.
    line : str
        As it stands now; as it stood, when it is removed.
    previous : str or None
        What a changed line was before.
    """

    change: str
    line: str
    previous: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One field of a candidate, what it is and what it says."""

    name: str
    value: str
    says: str


def explain(sdp: str) -> list[ExplainedLine]:
    """Every line of a description in words, in order."""
    outline = Outline.of(sdp)
    explained = [_explain(line, "session", None) for line in outline.session]
    for media in outline.media:
        section = media.kind if media.mid is None else f"{media.kind} {media.mid}"
        explained += [_explain(line, section, media) for line in media.lines]
    return explained


def diff(previous: str, sdp: str) -> list[ChangedLine]:
    """What differs between a description and the one before it.

    Section by section; where in it a line stands does not matter. A line counts as
    changed, not as removed and added, when the same attribute has another value. What
    is gone comes after what is there.
    """
    before, after = _sections(previous), _sections(sdp)
    changes: list[ChangedLine] = []
    for index in range(max(len(before), len(after))):
        old = before[index] if index < len(before) else []
        new = after[index] if index < len(after) else []
        changes += _compare(old, new)
    return changes


def explain_candidate(text: str) -> list[Field]:
    """A candidate field by field (RFC 8839, section 5.1); empty when it is not one.

    Parameters
    ----------
    text : str
        ``"candidate:…"``, with or without ``"a="``.
    """
    address = Address.of(text)
    if address is None:
        return []
    components = {"1": "RTP, and RTCP with it", "2": "RTCP"}
    where = "a random name that mDNS resolves, to hide the true one"
    if not address.address.endswith(".local"):
        version = "IPv6" if ":" in address.address else "IPv4"
        where = f"where to send to, {version}"
    fields = [
        ("foundation", address.foundation, "alike for candidates that fail alike"),
        ("component", address.component, components.get(address.component, _UNKNOWN)),
        ("transport", address.transport, "how packets travel"),
        ("priority", address.priority, "higher is tried first (RFC 8445, 5.1.2.1)"),
        ("address", address.address, where),
        ("port", address.port, "where it listens"),
        ("type", address.kind, CANDIDATE_KINDS.get(address.kind, _UNKNOWN)),
    ]
    meanings = {
        "raddr": "the address behind it, for people who look for faults",
        "rport": "the port behind it",
        "tcptype": "active: opens the TCP connection; passive: waits for it (RFC 6544)",
        "generation": "Chromium counts ICE restarts",
        "ufrag": "whose description it belongs to (RFC 8840)",
        "network-id": "Chromium's number for the network",
        "network-cost": "Chromium: the cheaper network is preferred",
    }
    fields += [
        (name, value, meanings.get(name, _UNKNOWN))
        for name, value in address.extensions.items()
    ]
    return [Field(name=name, value=value, says=says) for name, value, says in fields]


def _explain(line: str, section: str, media: Media | None) -> ExplainedLine:
    letter, equals, value = line.partition("=")
    if letter == "a" and equals:
        name, _, value = value.partition(":")
        term, says = ATTRIBUTES.get(name), _attribute(name, value.strip(), media)
    else:
        term = LINES.get(letter) if equals else None
        says = _media_line(media) if letter == "m" and media else None
    if term is None or not (says or term.says):
        return ExplainedLine(line=line, section=section, says=_UNKNOWN)
    return ExplainedLine(
        line=line,
        section=section,
        says=says or _fill(term.says, value.strip()),
        why=term.why,
        spec=term.spec,
    )


def _fill(text: str, value: str) -> str:
    """Put the words of a value into a text."""
    words = value.split()
    known = {str(place): word for place, word in enumerate(words)}
    known["all"] = value or "nothing"
    known["rest"] = " ".join(words[1:])
    first, *pieces = text.split("{")
    filled = [first]
    for piece in pieces:
        key, _, rest = piece.partition("}")
        filled.append(known.get(key, "?") + rest)
    return "".join(filled)


def _media_line(media: Media) -> str:
    ports = {
        "0": "refused, or only to be bundled (port 0)",
        "9": "on a port that ICE will find (9 holds its place)",
    }
    port = ports.get(media.port, f"on port {media.port or '?'}")
    formats = ", ".join(media.codecs) or " ".join(media.formats) or "none"
    return f"a section for {media.kind}, {port}, in order of preference: {formats}"


def _attribute(name: str, value: str, media: Media | None) -> str | None:
    """The attributes whose words depend on what they say; None for the others."""
    first, _, rest = value.partition(" ")
    match name:
        case "setup":
            return SETUP.get(value)
        case "candidate":
            return _candidate(value)
        case "rtpmap":
            return _codec(first, rest)
        case "fmtp":
            return f"{_named(first, media)}: {_parameters(rest)}"
        case "rtcp-fb":
            return f"for {_named(first, media)} the receiver may report " + (
                FEEDBACK.get(rest) or f"{rest}, {_UNKNOWN}"
            )
        case "extmap":
            return _extension(first, rest)
        case "ssrc":
            attribute, _, content = rest.partition(":")
            return f"source {first}" + _source(attribute, content)
        case "ssrc-group":
            meaning = SOURCE_GROUPS.get(first, _UNKNOWN)
            return f"sources {rest}: {meaning}"
    return None


def _candidate(value: str) -> str | None:
    address = Address.of(value)
    if address is None:
        return None
    kind = CANDIDATE_KINDS.get(address.kind, f"a type {_UNKNOWN}")
    where = f"{address.address} port {address.port}"
    return f"{address.kind} candidate {where}, {address.transport.upper()}: {kind}"


def _codec(payload_type: str, encoding: str) -> str:
    name, _, rate = encoding.partition("/")
    known = CODECS.get(name.lower(), f"{name}, {_UNKNOWN}")
    clock, _, channels = rate.partition("/")
    more = f", {channels} channels" if channels not in ("", "1") else ""
    return f"{payload_type} means {known}, clock {clock or '?'} Hz{more}"


def _named(payload_type: str, media: Media | None) -> str:
    """A payload type with its codec's name, as its section has it."""
    if payload_type == "*":
        return "every codec"
    name = media.encodings.get(payload_type) if media else None
    return f"{payload_type} ({name})" if name else payload_type


def _parameters(text: str) -> str:
    parts = []
    for parameter in text.split(";"):
        name, equals, value = parameter.strip().partition("=")
        meaning = PARAMETERS.get(name.lower())
        if meaning and equals:
            parts.append(meaning.replace("{0}", value))
        elif name:
            parts.append(parameter.strip())
    return ", ".join(parts) or "nothing"


def _extension(first: str, rest: str) -> str:
    number, _, direction = first.partition("/")
    uri = rest.split(" ", 1)[0]
    meaning = next(
        (says for end, says in EXTENSIONS.items() if uri.rstrip("/").endswith(end)),
        None,
    )
    only = f", {direction}" if direction else ""
    return f"header extension {number}{only}: {meaning or f'{uri}, {_UNKNOWN}'}"


def _source(attribute: str, content: str) -> str:
    match attribute:
        case "cname":
            return f" is of the endpoint {content}: sources of one are in sync"
        case "msid":
            return f" is the track of stream {content.split(' ', 1)[0]}"
        case "label" | "mslabel":
            return ", named in the older way"
    return f": {attribute or 'nothing'}"


def _sections(sdp: str) -> list[list[str]]:
    outline = Outline.of(sdp)
    return [outline.session, *(media.lines for media in outline.media)]


def _key(line: str) -> str:
    """What a line is about: the same key with another value is a change."""
    letter, _, value = line.partition("=")
    if letter != "a":
        return letter
    name, _, rest = value.partition(":")
    if name == "ssrc":
        return f"ssrc {rest.partition(' ')[2].partition(':')[0]}"
    if name in ("rtpmap", "fmtp", "extmap", "fingerprint", "rtcp-fb"):
        return f"{name} {rest.split(' ', 1)[0]}"
    return "direction" if name in DIRECTIONS else name


def _compare(old: list[str], new: list[str]) -> list[ChangedLine]:
    """What became of the lines of one section, in time linear in their number."""
    left = Counter(old)
    kept: list[bool] = []
    for line in new:
        kept.append(left[line] > 0)
        left[line] -= kept[-1]
    gone: list[str] = []
    for line in reversed(old):  # of equal lines the later ones are left over
        if left[line] > 0:
            left[line] -= 1
            gone.append(line)
    waiting: dict[str, deque[str]] = {}
    for line in reversed(gone):
        waiting.setdefault(_key(line), deque()).append(line)
    changes: list[ChangedLine] = []
    for line, is_same in zip(new, kept, strict=True):
        previous = waiting.get(_key(line))
        if is_same:
            changes.append(ChangedLine(change="same", line=line))
        elif previous:
            before = previous.popleft()
            changes.append(ChangedLine(change="changed", line=line, previous=before))
        else:
            changes.append(ChangedLine(change="added", line=line))
    for lines in waiting.values():
        changes += [ChangedLine(change="removed", line=line) for line in lines]
    return changes
