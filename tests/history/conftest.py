"""Shared by the tests of the history."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .simulator import SimulatedCall


@pytest.fixture(scope="session")
def simulate() -> Callable[..., SimulatedCall]:
    """Start a simulated call with these members: ``simulate("alice", "bob")``."""

    def start(*names: str, trickle: bool = True) -> SimulatedCall:
        call = SimulatedCall(trickle=trickle)
        call.join(*names)
        return call

    return start


@pytest.fixture(scope="session")
def sdp_of() -> Callable[[str], str]:
    """A description by aiortc, or one such as Chromium, Firefox or Safari make."""

    def read(name: str) -> str:
        text = (Path(__file__).parent / "sdp" / f"{name}.sdp").read_text()
        return text.replace("\n", "\r\n")

    return read
