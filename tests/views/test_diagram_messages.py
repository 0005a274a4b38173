"""What a page may say about a diagram, and what it may not."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwidget.errors import ProtocolError
from meshwidget.views.diagram_messages import Bye, Here, Message, Set, parse


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"type": "here", "client": "c", "version": 3, "visible": True},
            Here(client="c", version=3, visible=True),
        ),
        ({"type": "bye", "client": "c"}, Bye(client="c")),
        ({"type": "set", "client": "c"}, Set(client="c", look={})),
        (
            {"type": "set", "client": "c", "position": -1, "selected": 4},
            Set(client="c", look={"position": -1, "selected": 4}),
        ),
        (
            {"type": "set", "client": "c", "position": None, "selected": None},
            Set(client="c", look={"position": None, "selected": None}),
        ),
        (
            {"type": "set", "client": "c", "pair": ["a", "b"], "peers": None},
            Set(client="c", look={"pair": ("a", "b"), "peers": None}),
        ),
        (
            {"type": "set", "client": "c", "kinds": ["offer"], "limit": 0},
            Set(client="c", look={"kinds": ("offer",), "limit": 1}),
        ),
    ],
)
def test_what_a_page_says(content: dict[str, Any], message: Message) -> None:
    assert parse(content) == message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "an object"),
        ([], "an object"),
        ({}, "client must be a short text"),
        ({"client": "c" * 65}, "client must be a short text"),
        ({"client": "c"}, "no diagram message is of type None"),
        ({"client": "c", "type": "x" * 99}, "no diagram message is of type 'xxx"),
        ({"client": "c", "type": "here"}, "visible must be true or false"),
        (
            {"client": "c", "type": "here", "visible": 1, "version": 0},
            "visible must be true or false",
        ),
        (
            {"client": "c", "type": "here", "visible": True, "version": "0"},
            "version must be a whole number",
        ),
        ({"client": "c", "type": "set", "position": -2}, "position must be a whole"),
        ({"client": "c", "type": "set", "position": True}, "position must be a whole"),
        ({"client": "c", "type": "set", "position": 2**40}, "position must be a whole"),
        ({"client": "c", "type": "set", "selected": 1.5}, "selected must be a whole"),
        ({"client": "c", "type": "set", "pair": ["a"]}, "pair must be two names"),
        ({"client": "c", "type": "set", "pair": ["a", 1]}, "pair must be a list"),
        ({"client": "c", "type": "set", "peers": "alice"}, "peers must be a list"),
        ({"client": "c", "type": "set", "kinds": ["x"] * 65}, "kinds must be a list"),
        ({"client": "c", "type": "set", "peers": ["x" * 1001]}, "peers must be a list"),
    ],
)
def test_what_is_refused_gets_a_sentence(content: object, words: str) -> None:
    with pytest.raises(ProtocolError, match=words):
        parse(content)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["here", "bye", "set"]) | anything,
            "client": st.just("c") | anything,
            "version": anything,
            "visible": anything,
            "position": anything,
            "selected": anything,
            "limit": anything,
            "pair": anything,
            "peers": anything,
            "kinds": anything,
        },
    )
)
def test_anything_is_understood_or_refused(content: dict[str, Any]) -> None:
    with contextlib.suppress(ProtocolError):
        assert isinstance(parse(content), Here | Bye | Set)
