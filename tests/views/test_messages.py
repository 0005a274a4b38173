"""What pages say, well and badly."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwidget.errors import ProtocolError
from meshwidget.views import messages
from meshwidget.views.messages import parse

WELL_FORMED = [
    ({"type": "hello", "client": "c"}, messages.Hello(client="c")),
    (
        {"type": "ack", "client": "c", "sequence": 7},
        messages.Acknowledgement(client="c", sequence=7),
    ),
    (
        {"type": "visibility", "client": "c", "visible": False},
        messages.Visibility(client="c", visible=False),
    ),
    ({"type": "bye", "client": "c"}, messages.Bye(client="c")),
    (
        {"type": "view", "client": "c", "viewer": "*"},
        messages.View(client="c", viewer="*"),
    ),
    (
        {"type": "join", "client": "c", "request": 1, "name": ""},
        messages.Join(client="c", request=1, name=""),
    ),
    (
        {"type": "exit", "client": "c", "request": 2, "name": "bob"},
        messages.Exit(client="c", request=2, name="bob"),
    ),
]


@pytest.mark.parametrize(("content", "expected"), WELL_FORMED)
def test_well_formed(content: dict[str, object], expected: object) -> None:
    assert parse(content) == expected


@pytest.mark.parametrize("content", [content for content, _ in WELL_FORMED])
def test_unknown_fields_are_ignored(content: dict[str, object]) -> None:
    assert parse({**content, "later": 1}) == parse(content)


@pytest.mark.parametrize("content", [content for content, _ in WELL_FORMED])
@pytest.mark.parametrize("wrong", [None, 1.5, [], {}, "x" * 2000, -1, "a\ud83d"])
def test_each_field_is_checked(content: dict[str, object], wrong: object) -> None:
    for field in content.keys() - {"type"}:
        with pytest.raises(ProtocolError, match=field):
            parse({**content, field: wrong})


BREAKING = [
    (
        {"type": "menu", "client": "c", "request": 1, "of": "call", "names": []},
        messages.Menu(client="c", request=1, of="call", names=()),
    ),
    (
        {"type": "menu", "client": "c", "request": 1, "of": "tile", "names": ["a"] * 2},
        messages.Menu(client="c", request=1, of="tile", names=("a", "a")),
    ),
    (
        {"type": "fault", "client": "c", "request": 2, "names": [], "key": "stop"},
        messages.Fault(client="c", request=2, names=(), key="stop"),
    ),
    (
        {
            "type": "fault",
            "client": "c",
            "request": 2,
            "names": ["a", "b"],
            "key": "impair",
            "values": {"loss": 1.5, "kbps": None, "toward": "a"},
        },
        messages.Fault(
            client="c",
            request=2,
            names=("a", "b"),
            key="impair",
            values={"loss": 1.5, "kbps": None, "toward": "a"},
        ),
    ),
]


@pytest.mark.parametrize(("content", "expected"), BREAKING)
def test_what_breaks_a_call_on_purpose(
    content: dict[str, object], expected: object
) -> None:
    assert parse(content) == expected
    wrongs: list[object] = [None, 1.5, "x" * 2000, ["a"] * 3, [1, 2], {"a": []}]
    for field in content.keys() - {"type"}:
        for wrong in wrongs:
            with pytest.raises(ProtocolError, match=field):
                parse({**content, field: wrong})


@pytest.mark.parametrize(
    ("kind", "of", "names"),
    [
        ("menu", "call", ["a"]),
        ("menu", "link", ["a"]),
        ("menu", "server", []),
        ("fault", "", ["a", "a"]),
    ],
)
def test_names_are_of_something(kind: str, of: str, names: list[str]) -> None:
    with pytest.raises(ProtocolError, match="names are not of a"):
        parse(
            {
                "type": kind,
                "client": "c",
                "request": 1,
                "of": of,
                "names": names,
                "key": "cut",
            }
        )


@pytest.mark.parametrize(
    "values", [{"loss": "9" * 2000}, {"loss": [1]}, dict.fromkeys(map(str, range(17)))]
)
def test_a_form_is_small(values: dict[str, object]) -> None:
    with pytest.raises(ProtocolError, match="values must be an object of at most 16"):
        parse({**BREAKING[3][0], "values": values})


@pytest.mark.parametrize("content", [None, 1, "hello", [], [{}]])
def test_not_an_object(content: object) -> None:
    with pytest.raises(ProtocolError, match="object"):
        parse(content)


@pytest.mark.parametrize("kind", [None, "frames", 3, ["hello"], "x" * 5000])
def test_unknown_type(kind: object) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse({"type": kind, "client": "c"})
    assert caught.value.code == "unknown_type"
    assert len(str(caught.value)) < 100


def test_true_is_no_number() -> None:
    with pytest.raises(ProtocolError, match="sequence"):
        parse({"type": "ack", "client": "c", "sequence": True})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)
FIELDS = st.sampled_from(
    [
        "type",
        "client",
        "sequence",
        "visible",
        "viewer",
        "request",
        "name",
        "names",
        "of",
        "key",
        "values",
    ]
)
KINDS = st.sampled_from(
    ["hello", "ack", "visibility", "bye", "view", "join", "exit", "menu", "fault"]
)


@given(st.dictionaries(FIELDS, JSON) | JSON, KINDS)
def test_whatever_arrives_is_understood_or_refused(content: object, kind: str) -> None:
    each = {**content, "type": kind} if isinstance(content, dict) else content
    with contextlib.suppress(ProtocolError):
        assert type(parse(each)).__name__ in messages.__dict__


def test_a_reply_names_the_request_it_answers() -> None:
    request = messages.Join(client="c", request=3, name="bob")
    assert messages.reply(request, ok=False, message="bob is taken") == {
        "type": "reply",
        "client": "c",
        "request": 3,
        "ok": False,
        "message": "bob is taken",
    }
    assert messages.reply(request, ok=True, message="", menu=[])["menu"] == []
