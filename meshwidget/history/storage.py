"""A session as a file: JSON Lines, a header and then a line an event.

The header says what the file is and how many events follow, so that a file that was
cut off is noticed. Everything is ASCII: a hostile text in a description cannot break a
line.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec

from .. import events as _events
from ..conversion import announce
from ..errors import SessionFileError
from ..events import Event

__all__ = ["FORMAT", "VERSION", "dumps", "load", "load_about", "loads", "save"]

FORMAT = "meshwidget session"
VERSION = 1
"""Grows when a file of today could be misread by the reader of yesterday."""

_TYPES: dict[str, type[Event]] = {
    name: getattr(_events, name)
    for name in _events.__all__
    if name not in ("Event", "LinkEvent", "MessageEvent")
}
_FIELDS = {
    name: frozenset(field.name for field in fields(kind))
    for name, kind in _TYPES.items()
}
announce(_TYPES.values())


def save(
    events: Iterable[Event],
    path: str | os.PathLike[str],
    *,
    about: Mapping[str, Any] | None = None,
) -> None:
    """Write a session to a file, all of it or nothing.

    Parameters
    ----------
    events : iterable of Event
        A whole log.
    path : path
        What is there is replaced.
    about : mapping, optional
        What else to say of it, as JSON.

    Raises
    ------
    OSError
        When the file cannot be written.
    """
    target = Path(path).resolve()
    text = dumps(events, about=about)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with draft.open("w", encoding="ascii", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def dumps(events: Iterable[Event], *, about: Mapping[str, Any] | None = None) -> str:
    """The text of :func:`save`'s file."""
    lines = [
        _line({"event": type(event).__name__, **_values(event)}) for event in events
    ]
    header = {
        "format": FORMAT,
        "version": VERSION,
        "events": len(lines),
        "about": dict(about or {}),
    }
    return "".join([_line(header), *lines])


def load(path: str | os.PathLike[str]) -> list[Event]:
    """The events of a saved session.

    Raises
    ------
    SessionFileError
        When it cannot be read, is no session, is cut off, or is of a newer version; the
        message names the file and the line.
    """
    return loads(_read(path), str(path))


def load_about(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What else was said of it when it was saved.

    Raises
    ------
    SessionFileError
        As for :func:`load`, but only the first line is looked at.
    """
    header = _header(_read(path).split("\n", 1)[0], str(path))
    about = header.get("about", {})
    return about if isinstance(about, dict) else {}


def loads(text: str, name: str = "the session") -> list[Event]:
    """The events of such a text.

    Parameters
    ----------
    text : str
    name : str
        What messages call it.

    Raises
    ------
    SessionFileError
    """
    first, *rest = text.split("\n")
    header = _header(first, name)
    if rest and rest[-1] == "":
        rest.pop()
    found = [_event(line, number, name) for number, line in enumerate(rest, 2)]
    announced = header.get("events")
    if announced != len(found):
        raise SessionFileError(
            f"{name} is cut off: line 1 announces {announced} events, and "
            f"{len(found)} follow"
        )
    return found


def _values(event: Event) -> dict[str, Any]:
    # Not dataclasses.asdict, which copies every payload.
    return {field.name: getattr(event, field.name) for field in fields(event)}


def _line(values: Mapping[str, Any]) -> str:
    return json.dumps(values, separators=(",", ":")) + "\n"


def _read(path: str | os.PathLike[str]) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise SessionFileError(
            f"{path} cannot be read: {error.strerror or error}"
        ) from error
    except UnicodeDecodeError as error:
        raise SessionFileError(f"{path} is no saved session: it is no text") from error


def _parse(line: str, number: int, name: str) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise SessionFileError(
            f"{name}, line {number}, is damaged or cut off: it is no JSON"
        ) from error
    if not isinstance(values, dict):
        raise SessionFileError(f"{name}, line {number}, is no JSON object")
    return values


def _header(line: str, name: str) -> dict[str, Any]:
    try:
        header = _parse(line, 1, name)
    except SessionFileError:
        header = {}
    if header.get("format") != FORMAT:
        raise SessionFileError(
            f"{name} is no saved session: line 1 is not the header that mesh.save() "
            f"writes"
        )
    version = header.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise SessionFileError(f"{name}, line 1: {version!r} is no version")
    if version > VERSION:
        raise SessionFileError(
            f"{name} is of version {version}, and this meshwidget reads {VERSION}: "
            f"update meshwidget to open it"
        )
    return header


def _event(line: str, number: int, name: str) -> Event:
    values = _parse(line, number, name)
    kind = values.pop("event", None)
    expected = _TYPES.get(kind) if isinstance(kind, str) else None
    if expected is None:
        raise SessionFileError(f"{name}, line {number}: there is no event {kind!r:.40}")
    for field in sorted(values.keys() ^ _FIELDS[expected.__name__]):
        problem = "does not have the field" if field in values else "lacks the field"
        raise SessionFileError(
            f"{name}, line {number}: {expected.__name__} {problem} {field!r:.40}"
        )
    try:
        event = msgspec.convert(values, expected)
    except msgspec.ValidationError as error:
        raise SessionFileError(
            f"{name}, line {number}: {expected.__name__}: {error}"
        ) from error
    if event.seq != number - 2:
        raise SessionFileError(
            f"{name}, line {number}: event {event.seq} stands where event {number - 2} "
            f"should; lines are missing or in another order"
        )
    return event
