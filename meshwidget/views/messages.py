"""What a page says to the kernel about a view, checked; and how replies look.

Pure. The same messages travel over a widget's comm and over a WebSocket. Whatever
arrives was written by a page, so it is checked before anything looks at it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeGuard

from ..errors import ProtocolError

MAX_CLIENT_LENGTH = 64
"""Characters in the id that a page makes up for itself; ours are 32 long."""

MAX_TEXT_LENGTH = 1_000
"""Characters in a name as typed. The room's own limit, much lower, has the sentence
that the learner should see; this one only keeps out what nobody types."""

MAX_TILES = 4096
"""Tiles that one message may name: everybody's view of a room of 64."""

MAX_CODECS = 8

MAX_FIELDS = 16
"""Fields of a form."""

MENUS = {"call": 0, "tile": 2, "link": 2}
"""What there is a menu of, and how many names say which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """A page has opened the view.

    Attributes
    ----------
    codecs : frozenset of str
        What it can decode besides JPEG: ``"vp8"``.
    """

    client: str
    codecs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """A page has painted every frames message up to ``sequence``."""

    client: str
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Visibility:
    """Somebody can see the page, or nobody can any more.

    Attributes
    ----------
    hidden : frozenset of str
        Keys of the tiles that are not on the screen.
    """

    client: str
    visible: bool
    hidden: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecodable:
    """A page needs a keyframe of these tiles.

    Attributes
    ----------
    failed : bool
        Whether its decoder has failed, or has only missed something.
    """

    client: str
    tiles: frozenset[str]
    failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Bye:
    """The page is being closed."""

    client: str


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A page wants to see what ``viewer`` receives; ``"*"`` is everyone."""

    client: str
    viewer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Whatever is answered with a reply; the number is the page's own."""

    client: str
    request: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Join(Request):
    """Somebody has typed ``name`` and pressed Join."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit(Request):
    """Somebody has pressed the Exit button of ``name``."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu(Request):
    """Somebody wants to see what can be done; the reply has it.

    Attributes
    ----------
    of : str
        ``"call"``, ``"tile"`` or ``"link"``.
    names : tuple of str
        A tile's viewer and peer, a link's ends.
    """

    of: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault(Request):
    """Somebody has chosen an action of a menu.

    Attributes
    ----------
    names : tuple of str
        Of a link, of a participant, or none: of the server.
    key : str
        The action's.
    values : mapping
        What was put into its form.
    """

    names: tuple[str, ...]
    key: str
    values: Mapping[str, object] = field(default_factory=dict)


PageMessage = (
    Hello
    | Acknowledgement
    | Visibility
    | Undecodable
    | Bye
    | View
    | Join
    | Exit
    | Menu
    | Fault
)


def parse(content: object) -> PageMessage:
    """Check one message of a page.

    Raises
    ------
    ProtocolError
        If it is not one of the messages above; the sentence says what is wrong.
    """
    if not isinstance(content, Mapping):
        raise ProtocolError("invalid_payload", "a view message must be an object")
    client = text_field(content, "client", MAX_CLIENT_LENGTH)
    kind = content.get("type")
    match kind:
        case "hello":
            codecs = texts_field(content, "codecs", MAX_CODECS)
            return Hello(client=client, codecs=codecs)
        case "ack":
            return Acknowledgement(
                client=client, sequence=number_field(content, "sequence")
            )
        case "visibility":
            return Visibility(
                client=client,
                visible=flag_field(content, "visible"),
                hidden=texts_field(content, "hidden", MAX_TILES),
            )
        case "undecodable":
            return Undecodable(
                client=client,
                tiles=texts_field(content, "tiles", MAX_TILES),
                failed=flag_field(content, "failed"),
            )
        case "bye":
            return Bye(client=client)
        case "view":
            return View(client=client, viewer=text_field(content, "viewer"))
        case "join" | "exit":
            message = Join if kind == "join" else Exit
            return message(
                client=client,
                request=number_field(content, "request"),
                name=text_field(content, "name"),
            )
        case "menu":
            of = text_field(content, "of")
            names = _names_field(content)
            if MENUS.get(of) != len(names):
                raise ProtocolError("invalid_payload", f"names are not of a {of:.40}")
            return Menu(
                client=client,
                request=number_field(content, "request"),
                of=of,
                names=names,
            )
        case "fault":
            names = _names_field(content)
            if len(names) != len(set(names)):
                raise ProtocolError("invalid_payload", "names are not of a link")
            return Fault(
                client=client,
                request=number_field(content, "request"),
                names=names,
                key=text_field(content, "key"),
                values=_values_field(content),
            )
    raise ProtocolError("unknown_type", f"no view message is of type {kind!r:.40}")


def reply(
    request: Request, *, ok: bool, message: str, **more: object
) -> dict[str, object]:
    """Answer a request, for the page that made it; when refused, with a sentence."""
    return {
        **more,
        "type": "reply",
        "client": request.client,
        "request": request.request,
        "ok": ok,
        "message": message,
    }


def text_field(
    content: Mapping[str, object], field: str, limit: int = MAX_TEXT_LENGTH
) -> str:
    """Take a text out of a message."""
    value = content.get(field)
    if is_text(value, limit):
        return value
    raise ProtocolError(
        "invalid_payload", f"{field} must be a text of at most {limit} characters"
    )


def is_text(value: object, limit: int = MAX_TEXT_LENGTH) -> TypeGuard[str]:
    """Whether it is a text that can be said again.

    JSON can escape half of a character (RFC 8259, section 8.2), which UTF-8 cannot
    hold: a comm on which it is repeated fails.
    """
    if not isinstance(value, str) or len(value) > limit:
        return False
    return not any("\ud800" <= character <= "\udfff" for character in value)


def texts_field(
    content: Mapping[str, object], field: str, limit: int
) -> frozenset[str]:
    """Take some texts out of a message; none if it has no such field."""
    value = content.get(field, [])
    if (
        isinstance(value, list)
        and len(value) <= limit
        and all(is_text(each) for each in value)
    ):
        return frozenset(value)
    raise ProtocolError(
        "invalid_payload", f"{field} must be a list of at most {limit} texts"
    )


def number_field(content: Mapping[str, object], field: str) -> int:
    """Take a whole number out of a message; none is negative."""
    value = content.get(field)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ProtocolError("invalid_payload", f"{field} must be a whole number")


def flag_field(content: Mapping[str, object], field: str) -> bool:
    """Take a yes or no out of a message."""
    value = content.get(field)
    if isinstance(value, bool):
        return value
    raise ProtocolError("invalid_payload", f"{field} must be true or false")


def _names_field(content: Mapping[str, object]) -> tuple[str, ...]:
    """Take at most two names out of a message, in their order."""
    value = content.get("names")
    if not isinstance(value, list) or len(value) > 2:
        raise ProtocolError("invalid_payload", "names must be a list of at most 2")
    return tuple(text_field({"each of names": name}, "each of names") for name in value)


def _values_field(content: Mapping[str, object]) -> dict[str, object]:
    """Take what was put into a form: texts, numbers, or nothing."""
    value = content.get("values", {})
    if (
        isinstance(value, dict)
        and len(value) <= MAX_FIELDS
        and all(
            is_text(key)
            and (each is None or isinstance(each, int | float) or is_text(each))
            and len(str(each)) <= MAX_TEXT_LENGTH
            for key, each in value.items()
        )
    ):
        return value
    raise ProtocolError(
        "invalid_payload", f"values must be an object of at most {MAX_FIELDS} fields"
    )
