"""A session in a file is the session, or the file is refused with a sentence."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwidget import events as events_module
from meshwidget.errors import SessionFileError
from meshwidget.events import (
    Event,
    MeshOpened,
    MessageAccepted,
    MessageDelivered,
    PeerJoined,
    PeerLeft,
    SignalingPaused,
)
from meshwidget.history.storage import (
    FORMAT,
    VERSION,
    dumps,
    load,
    load_about,
    loads,
    save,
)
from meshwidget.history.text import log_text

from .simulator import SimulatedCall
from .strategies import _FIELDS, histories

Simulate = Callable[..., SimulatedCall]

SHORT: list[Event] = [
    MeshOpened(seq=0, time=0.0, room="1234", max_peers=4),
    SignalingPaused(seq=1, time=0.25),
    PeerJoined(seq=2, time=1 / 3, peer="zoë", room="1234"),
    MessageAccepted(
        seq=3, time=1.5, number=1, kind="all_users", sender="", receiver="zoë",
        payload=[{"id": "x", "email": "bob\u2028\ud800"}],
    ),
    MessageDelivered(
        seq=4, time=2.0, number=1, kind="all_users", sender="", receiver="zoë"
    ),
    PeerLeft(seq=5, time=3.75, peer="zoë", room="1234", reason="left"),
]  # fmt: skip


def lines(events: list[Event] = SHORT) -> list[str]:
    return dumps(events).splitlines()


def changed(number: int, **fields: Any) -> str:
    """The short session with one line's fields changed; None takes one out."""
    texts = lines()
    values = json.loads(texts[number - 1]) | fields
    values = {name: value for name, value in values.items() if value is not ...}
    texts[number - 1] = json.dumps(values)
    return "\n".join(texts)


def refusal(text: str) -> str:
    """The sentence with which a text is refused."""
    with pytest.raises(SessionFileError) as caught:
        loads(text, "call.jsonl")
    return str(caught.value)


# Round trips --------------------------------------------------------------------------


@given(events=histories())
def test_what_was_saved_is_loaded(events: list[Event]) -> None:
    assert loads(dumps(events)) == events


def test_every_kind_of_event_is_among_those() -> None:
    kinds = {
        kind
        for kind in vars(events_module).values()
        if isinstance(kind, type) and issubclass(kind, Event)
    }
    bases = {Event, events_module.LinkEvent, events_module.MessageEvent}
    assert kinds - bases == _FIELDS.keys()


def test_a_call_is_the_same_after_a_file(simulate: Simulate, tmp_path: Path) -> None:
    call = simulate("alice", "bob", "carol")
    call.deliver_all()
    call.leave("bob")
    path = tmp_path / "call.jsonl"
    save(call.events, path)
    loaded = load(path)
    assert loaded == call.events
    assert log_text(loaded) == log_text(call.events)


def test_texts_that_break_lines_and_encodings_stay_whole(tmp_path: Path) -> None:
    path = tmp_path / "call.jsonl"
    save(SHORT, str(path))
    assert path.read_bytes().isascii()
    assert path.read_bytes().count(b"\n") == len(SHORT) + 1
    assert load(str(path)) == SHORT


def test_an_empty_session() -> None:
    assert loads(dumps([])) == []


def test_the_header() -> None:
    assert json.loads(lines()[0]) == {
        "format": FORMAT,
        "version": VERSION,
        "events": len(SHORT),
        "about": {},
    }


def test_a_line_an_event() -> None:
    assert lines()[3] == (
        '{"event":"PeerJoined","seq":2,"time":0.3333333333333333,"peer":"zo\\u00eb",'
        '"room":"1234"}'
    )


def test_what_else_is_said_of_it(tmp_path: Path) -> None:
    path = tmp_path / "call.jsonl"
    save(SHORT, path, about={"title": "homework 3", "peers": 2})
    assert load_about(path) == {"title": "homework 3", "peers": 2}
    assert load(path) == SHORT
    save(SHORT, path)
    assert load_about(path) == {}


def test_the_newline_at_the_end_may_be_missing() -> None:
    assert loads(dumps(SHORT).rstrip("\n")) == SHORT


# Files --------------------------------------------------------------------------------


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "call.jsonl"
    path.write_text("what was there")
    save(SHORT, path)
    assert load(path) == SHORT
    assert os.listdir(tmp_path) == ["call.jsonl"]


def test_a_file_that_cannot_be_finished_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "call.jsonl"
    save(SHORT, path)

    def broken() -> Any:
        yield SHORT[0]
        raise RuntimeError("the log is gone")

    with pytest.raises(RuntimeError):
        save(broken(), path)
    with pytest.raises(TypeError):
        save(SHORT, path, about={"title": object()})
    assert load(path) == SHORT
    assert os.listdir(tmp_path) == ["call.jsonl"]


def test_a_link_is_followed(tmp_path: Path) -> None:
    target = tmp_path / "call.jsonl"
    target.touch()
    link = tmp_path / "latest.jsonl"
    link.symlink_to(target)
    save(SHORT, link)
    assert link.is_symlink()
    assert load(target) == SHORT


def test_others_may_read_it_as_any_file(tmp_path: Path) -> None:
    plain, path = tmp_path / "plain", tmp_path / "call.jsonl"
    plain.touch()
    save(SHORT, path)
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        save(SHORT, tmp_path / "no" / "call.jsonl")


@pytest.mark.parametrize("reader", [load, load_about])
def test_a_file_that_is_not_there(
    reader: Callable[[Path], Any], tmp_path: Path
) -> None:
    with pytest.raises(SessionFileError, match=r"none\.jsonl cannot be read: No such"):
        reader(tmp_path / "none.jsonl")
    with pytest.raises(SessionFileError, match="cannot be read: Is a directory"):
        reader(tmp_path)


@pytest.mark.parametrize("reader", [load, load_about])
def test_a_file_of_bytes(reader: Callable[[Path], Any], tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    with pytest.raises(SessionFileError, match="is no saved session: it is no text"):
        reader(path)


# Damage -------------------------------------------------------------------------------


def test_every_truncation_is_noticed() -> None:
    text = dumps(SHORT)
    for length in range(len(text) - 1):
        with pytest.raises(SessionFileError, match=r"^call\.jsonl"):
            loads(text[:length], "call.jsonl")


@given(data=st.data())
def test_a_long_session_that_is_cut_off_is_noticed(
    simulate: Simulate, data: st.DataObject
) -> None:
    call = simulate("alice", "bob")
    call.deliver_all()
    text = dumps(call.events)
    length = data.draw(st.integers(0, len(text) - 2))
    with pytest.raises(SessionFileError):
        loads(text[:length])


def test_where_it_is_cut_off_is_said() -> None:
    text = "\n".join(lines()[:4])
    assert refusal(text) == (
        "call.jsonl is cut off: line 1 announces 6 events, and 3 follow"
    )
    assert refusal(text + "\n" + lines()[4][:30]) == (
        "call.jsonl, line 5, is damaged or cut off: it is no JSON"
    )


def test_lines_that_were_appended_are_noticed() -> None:
    later = lines()[6].replace('"seq":5', '"seq":6')
    assert "announces 6 events, and 7 follow" in refusal(dumps(SHORT) + later)


def test_a_line_that_is_missing() -> None:
    texts = lines()
    del texts[3]
    assert refusal("\n".join(texts)) == (
        "call.jsonl, line 4: event 3 stands where event 2 should; lines are missing or "
        "in another order"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "hello",
        "{}",
        "[]",
        "null",
        '{"format": "other"}',
        '"x"',
        "1",
        "[" * 9999,
    ],
)
def test_what_is_no_session(text: str) -> None:
    assert refusal(text) == (
        "call.jsonl is no saved session: line 1 is not the header that mesh.save() "
        "writes"
    )


def test_a_newer_version() -> None:
    assert refusal(changed(1, version=VERSION + 1)) == (
        f"call.jsonl is of version {VERSION + 1}, and this meshwidget reads {VERSION}: "
        f"update meshwidget to open it"
    )


@pytest.mark.parametrize("version", [0, -1, "1", None, True, 1.0])
def test_what_is_no_version(version: object) -> None:
    assert refusal(changed(1, version=version)) == (
        f"call.jsonl, line 1: {version!r} is no version"
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (changed(3, event="Party"), "line 3: there is no event 'Party'"),
        (changed(3, event=3), "line 3: there is no event 3"),
        (changed(3, event="Event"), "line 3: there is no event 'Event'"),
        (changed(3, event="EventLog"), "line 3: there is no event 'EventLog'"),
        (changed(3, event=...), "line 3: there is no event None"),
        (changed(4, mood="happy"), "PeerJoined does not have the field 'mood'"),
        (changed(4, peer=...), "line 4: PeerJoined lacks the field 'peer'"),
        (changed(4, peer=3), "line 4: PeerJoined: Expected `str`, got `int`"),
        (changed(4, seq="2"), "line 4: PeerJoined: Expected `int`, got `str`"),
        (changed(4, seq=True), "line 4: PeerJoined: Expected `int`, got `bool`"),
        (changed(4, time=None), "line 4: PeerJoined: Expected `float`"),
        (changed(5, payload="x"), "line 5: MessageAccepted: Expected"),
        ("\n".join([*lines()[:3], "[]"]), "call.jsonl, line 4, is no JSON object"),
        ("\n".join([*lines()[:3], "", *lines()[3:]]), "call.jsonl, line 4, is damaged"),
        ("\n".join([*lines()[:3], "[" * 99999]), "call.jsonl, line 4, is damaged"),
    ],
)
def test_damage_is_named_with_its_line(text: str, sentence: str) -> None:
    assert sentence in refusal(text)


def test_a_long_name_of_a_strange_event_is_cut() -> None:
    assert len(refusal(changed(3, event="x" * 5000))) < 120


@given(text=st.text())
def test_any_text_is_refused_with_a_sentence(text: str) -> None:
    assert refusal(text).startswith("call.jsonl")


@given(data=st.data(), noise=st.text(max_size=3))
def test_a_garbled_file_is_refused_or_read(data: st.DataObject, noise: str) -> None:
    """Nothing but a sentence comes of it; a changed letter in a name may pass."""
    text = dumps(SHORT)
    place = data.draw(st.integers(0, len(text)))
    try:
        found = loads(text[:place] + noise + text[place + 1 :], "call.jsonl")
    except SessionFileError:
        return
    assert [event.seq for event in found] == list(range(len(SHORT)))


def test_what_is_said_of_it_may_be_damaged(tmp_path: Path) -> None:
    path = tmp_path / "call.jsonl"
    path.write_text(changed(1, about=[1]))
    assert load_about(path) == {}
    path.write_text(dumps(SHORT).splitlines()[0] + "\nnonsense")
    assert load_about(path) == {}
