"""What users read in ``help()``: every public name says what it takes and gives."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import meshwidget
from meshwidget.links import Server

PACKAGE = Path(meshwidget.__file__).parent
CLASSES = [
    each
    for each in (*(getattr(meshwidget, name) for name in meshwidget.__all__), Server)
    if inspect.isclass(each) and not issubclass(each, BaseException)
]


def public_members(each: type) -> Iterator[tuple[str, Any]]:
    """Those that are written here, by the name that a failure is shown with."""
    for owner in each.__mro__:
        if owner.__module__.startswith("meshwidget"):
            for name, member in vars(owner).items():
                if not name.startswith("_"):
                    yield f"{owner.__module__}.{owner.__qualname__}.{name}", member


METHODS: dict[str, Any] = {
    name: getattr(member, "__func__", member)
    for each in CLASSES
    for name, member in public_members(each)
    if inspect.isroutine(getattr(member, "__func__", member))
}
METHODS["meshwidget.load"] = meshwidget.load
PLAIN = [name for name in METHODS if not name.endswith("_async")]
TWINS = [name for name in METHODS if name.endswith("_async")]


@pytest.mark.parametrize("name", PLAIN)
def test_a_public_method_says_what_it_takes_and_gives(name: str) -> None:
    method = METHODS[name]
    text = inspect.getdoc(method) or ""
    signature = inspect.signature(method)
    taken = [each for each in signature.parameters if each not in ("self", "cls")]
    assert text.partition("\n")[0].endswith((".", ":"))
    if taken:
        _, _, section = text.partition("Parameters\n----------\n")
        for each in taken:
            assert re.search(rf"^(.*\W)?{each}\b.*$", section, re.MULTILINE), each
    if taken and signature.return_annotation not in (None, "None", "Self"):
        assert "Returns\n-------\n" in text


@pytest.mark.parametrize("name", TWINS)
def test_an_awaitable_twin_takes_and_gives_the_same(name: str) -> None:
    twin, plain = METHODS[name], METHODS[name.removesuffix("_async")]
    assert inspect.iscoroutinefunction(twin)
    assert inspect.signature(twin) == inspect.signature(plain)
    text = inspect.getdoc(twin) or ""
    assert text.startswith(f":meth:`{plain.__name__}`, awaitable")


@pytest.mark.parametrize("each", CLASSES, ids=lambda each: each.__name__)
def test_a_public_class_and_its_properties_say_what_they_are(each: type) -> None:
    assert each.__doc__
    silent = [
        name
        for name, member in public_members(each)
        if isinstance(member, property) and not member.__doc__
    ]
    assert silent == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if (tree := ast.parse(path.read_text())).body and not ast.get_docstring(tree)
    ]
    assert silent == []
