"""Calls that are closed at the end, and whose log must hold no failure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from meshwidget import Mesh
from meshwidget.events import TaskFailed, TuningSkipped

MakeMesh = Callable[..., Mesh]

BOTH_WAYS = {"test_call", "test_sources"}
"""Modules of which every test is of tuned and of naive calls alike."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run those also by plain aiortc, unless they say themselves what is tuned."""
    chooses = "is_tuned" in metafunc.fixturenames
    name = metafunc.module.__name__.rpartition(".")[2]
    if "tuned" in metafunc.fixturenames and name in BOTH_WAYS and not chooses:
        metafunc.parametrize("tuned", [True, False], ids=["tuned", "plain"])


@pytest.fixture
def tuned() -> bool:
    """Whether meshes are, when a test does not say."""
    return True


@pytest.fixture
def make_mesh(request: pytest.FixtureRequest, tuned: bool) -> Iterator[MakeMesh]:
    """Makes meshes. One that uses ``expected_failures`` looks at them itself."""
    made: list[Mesh] = []

    def make(**arguments: Any) -> Mesh:
        made.append(Mesh(**{"tuned": tuned, **arguments}))
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
