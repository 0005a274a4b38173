"""The soak for a moment; an hour's worth is ``python -m tests.loopback.soak 60``."""

from __future__ import annotations

import pytest

from .soak import soak


@pytest.mark.parametrize("seed", [1, 4])
def test_anything_at_any_time_leaves_nothing(seed: int) -> None:
    said: list[str] = []
    soak(60, seed, said.append)
    assert "join" in said[-1]
