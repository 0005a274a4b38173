"""Calls that are closed at the end, and whose log must hold no failure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from meshwidget import Mesh
from meshwidget.events import TaskFailed, TuningSkipped

MakeMesh = Callable[..., Mesh]


@pytest.fixture
def make_mesh(request: pytest.FixtureRequest) -> Iterator[MakeMesh]:
    """Makes meshes. One that uses ``expected_failures`` looks at them itself."""
    made: list[Mesh] = []

    def make(**arguments: Any) -> Mesh:
        made.append(Mesh(**arguments))
        return made[-1]

    yield make
    for mesh in made:
        mesh.close()
        assert not mesh.loop.thread.is_alive()
        assert mesh.log.of(TuningSkipped) == []
    if "expected_failures" not in request.fixturenames:
        assert [str(event) for mesh in made for event in mesh.log.of(TaskFailed)] == []


@pytest.fixture
def expected_failures() -> None:
    """For a test whose call records failures: it looks at them itself."""


@pytest.fixture
def mesh(make_mesh: MakeMesh) -> Mesh:
    """A call with room for four."""
    return make_mesh()
