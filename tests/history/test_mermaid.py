"""The call as Mermaid text: deterministic, and nothing in a name is read as Mermaid."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwidget.events import Event, JoinRefused, MeshClosed, SignalingResumed
from meshwidget.history.mermaid import escaped, mermaid

from .simulator import SimulatedCall
from .strategies import histories, shuffled

Simulate = Callable[..., SimulatedCall]

TWO_PEERS = """\
sequenceDiagram
    participant server
    participant p0 as alice
    participant p1 as bob
    Note over server: signaling is paused
    p0->>server: join_room
    p1->>server: join_room
    server->>p0: all_users 1
    server->>p1: all_users 2
    Note over p1: to alice: signaling have-local-offer<br/>\
to alice: ice gathering gathering<br/>to alice: ice gathering complete
    p1->>server: offer 3
    p1->>server: candidate 4
    server->>p0: offer 3
    Note over p0: track of video from bob<br/>track of audio from bob<br/>\
to bob: signaling have-remote-offer<br/>to bob: signaling stable<br/>\
to bob: ice gathering gathering<br/>to bob: ice gathering complete<br/>\
to bob: ice connection checking<br/>to bob: connection connecting
    p0->>server: answer 5 (held)
    p0->>server: candidate 6 (held)
    server-xp0: candidate 4 lost"""

_LINE = re.compile(
    r"    (participant server"
    r"|participant p\d+ as .*"
    r"|(server|p\d+)(->>|-x)(server|p\d+): .*"
    r"|Note over (server|p\d+)(,(server|p\d+))?: .*)"
)


def test_a_call_that_waits(simulate: Simulate) -> None:
    call = simulate("alice", "bob")
    call.deliver(1)
    call.deliver(2)
    call.deliver(3)
    call.drop(4)
    assert mermaid(call.events) == TWO_PEERS


def test_comings_goings_and_changes(simulate: Simulate) -> None:
    call = simulate("alice", "bob")
    call.deliver(2)
    call.edit(3, "a=mid taken out", "a=mid:0")
    call.record(SignalingResumed)
    call.record(JoinRefused, peer="eve", code="room_full", message="full")
    call.leave("bob")
    call.leave("alice", "lost")
    call.record(MeshClosed)
    lines = [line.strip() for line in mermaid(call.events).split("\n")]
    for expected in (
        "Note over server: offer 3 changed: a=mid taken out",
        "Note over server: signaling is resumed",
        "participant p2 as eve",
        "Note over p2: not let in",
        "Note over p1: leaves",
        "Note over p0: vanishes",
        "server-xp0: offer 3 lost",
    ):
        assert expected in lines


def test_what_the_server_holds_of_its_own_is_noted(simulate: Simulate) -> None:
    lines = mermaid(simulate("alice").events).split("\n")
    assert lines[-1] == "    Note over server: all_users 1 (held)"


@given(chance=st.randoms(use_true_random=False))
def test_it_does_not_depend_on_who_was_quicker(
    simulate: Simulate, chance: random.Random
) -> None:
    call = simulate("alice", "bob", "carol")
    call.deliver_all()
    call.leave("bob")
    call.deliver_all()
    assert mermaid(shuffled(call.events, chance)) == mermaid(call.events)


@given(events=histories())
def test_whatever_was_recorded_every_line_is_mermaid(events: list[Event]) -> None:
    first, *rest = mermaid(events).split("\n")
    assert first == "sequenceDiagram"
    for line in rest:
        assert _LINE.fullmatch(line), line


@pytest.mark.parametrize(
    ("filters", "kinds", "names"),
    [
        ({"peers": ["carol"]}, {"all_users", "offer", "answer", "candidate"}, 3),
        ({"pair": ("alice", "bob")}, {"all_users", "offer", "answer", "candidate"}, 2),
        ({"kinds": ["offer"]}, {"offer"}, 3),
        ({"kinds": ["offer"], "pair": ("alice", "bob")}, {"offer"}, 2),
        ({"kinds": []}, set(), 0),
    ],
)
def test_filters(
    simulate: Simulate, filters: dict[str, list[str]], kinds: set[str], names: int
) -> None:
    call = simulate("alice", "bob", "carol")
    call.deliver_all()
    text = mermaid(call.events, **filters)  # type: ignore[arg-type]
    found = set(re.findall(r"(all_users|offer|answer|candidate) \d", text))
    assert found == kinds
    assert text.count(" as ") == names


def test_lifelines_are_in_order_of_joining(simulate: Simulate) -> None:
    call = simulate("zoe", "alice", "mia")
    aliases = re.findall(r"participant p\d as (.*)", mermaid(call.events))
    assert aliases == ["zoe", "alice", "mia"]
    # Those whom a part of a log does not see joining follow by name.
    call.deliver_all()
    part = call.events[-1:]
    assert re.findall(r"participant p\d as (.*)", mermaid(part)) == ["alice", "mia"]


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("alice", "alice"),
        ("answer 5 (held)", "answer 5 (held)"),
        ("a;b", "a#59;b"),
        ("a\nb", "a#10;b"),
        ("#35;", "#35;35#59;"),
        ("<script>", "#60;script#62;"),
        ("a->>b", "a-#62;#62;b"),
        ("%%{init}%%", "#37;#37;#123;init#125;#37;#37;"),
        ("end", "#101;nd"),
        ("The End", "The #69;nd"),
        ("friend", "friend"),
        ("zoë 日本", "zoë 日本"),
        ("😀", "#128512;"),
        ("\u202eevil", "#8238;evil"),
    ],
)
def test_what_mermaid_would_read_is_escaped(text: str, safe: str) -> None:
    assert escaped(text) == safe


@given(text=st.text())
def test_an_escaped_text_can_be_read_back(text: str) -> None:
    safe = escaped(text)
    assert not re.search(r"[\n\r<>%{}\[\]|`\\]", safe)
    assert not re.search(r"\bend\b", safe, re.IGNORECASE)
    assert re.sub(r"#(\d+);", lambda found: chr(int(found[1])), safe) == text


def test_hostile_names_are_texts(simulate: Simulate) -> None:
    call = simulate("end", "a\n    p0->>p0: forged", "<b>;#")
    call.deliver_all()
    text = mermaid(call.events)
    assert not re.search(r"^\s*p0->>p0", text, re.MULTILINE)
    assert "<b>" not in text
    assert "as #101;nd" in text
