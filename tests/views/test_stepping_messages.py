"""What pages say about stepping, well and badly."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwidget.errors import ProtocolError
from meshwidget.views import stepping_messages as messages
from meshwidget.views.stepping_messages import MAX_EDIT_LENGTH, parse

ASKED = {"client": "c", "request": 1}

WELL_FORMED = [
    (
        {"type": "here", "client": "c", "version": 2, "visible": True},
        messages.Here(client="c", version=2, visible=True),
    ),
    ({"type": "bye", "client": "c"}, messages.Bye(client="c")),
    ({"type": "pause", **ASKED}, messages.Pause(client="c", request=1)),
    ({"type": "resume", **ASKED}, messages.Resume(client="c", request=1)),
    ({"type": "step", **ASKED}, messages.Step(client="c", request=1, number=None)),
    (
        {"type": "step", **ASKED, "number": 7},
        messages.Step(client="c", request=1, number=7),
    ),
    (
        {"type": "drop", **ASKED, "number": 7},
        messages.Drop(client="c", request=1, number=7),
    ),
    (
        {"type": "open", **ASKED, "number": 7},
        messages.Open(client="c", request=1, number=7),
    ),
    (
        {"type": "edit", **ASKED, "number": 7, "text": "v=0"},
        messages.Edit(client="c", request=1, number=7, text="v=0"),
    ),
]


@pytest.mark.parametrize(("content", "expected"), WELL_FORMED)
def test_well_formed(content: dict[str, object], expected: object) -> None:
    assert parse(content) == expected
    assert type(parse(content)) is type(expected)


@pytest.mark.parametrize("content", [content for content, _ in WELL_FORMED])
@pytest.mark.parametrize("wrong", [1.5, [], {}, "x" * (MAX_EDIT_LENGTH + 1), -2])
def test_each_field_is_checked(content: dict[str, object], wrong: object) -> None:
    for field in content.keys() - {"type"}:
        with pytest.raises(ProtocolError, match=field):
            parse({**content, field: wrong})


@pytest.mark.parametrize("content", [None, 1, "pause", [], [{}]])
def test_not_an_object(content: object) -> None:
    with pytest.raises(ProtocolError, match="object"):
        parse(content)


@pytest.mark.parametrize("kind", [None, "set", "join", 3, ["step"], "x" * 5000])
def test_unknown_type(kind: object) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse({"type": kind, **ASKED})
    assert caught.value.code == "unknown_type"
    assert len(str(caught.value)) < 100


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)
FIELDS = st.sampled_from(["client", "version", "visible", "request", "number", "text"])
KINDS = st.sampled_from(["here", "bye", "pause", "resume", "step", "drop", "edit"])


@given(st.dictionaries(FIELDS, JSON) | JSON, KINDS)
def test_whatever_arrives_is_understood_or_refused(content: object, kind: str) -> None:
    each = {**content, "type": kind} if isinstance(content, dict) else content
    with contextlib.suppress(ProtocolError):
        assert type(parse(each)).__name__ in messages.__all__
