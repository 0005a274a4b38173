"""No estimate of what a path carries where nothing is estimated.

aiortc makes an estimator for every receiver of video, a thousand objects each, before
it knows whether packets will have the time in them that it estimates from (REMB,
draft-alvestrand-rmcat-remb). In a join that is a third of all work. Here it is made
when the first such packet comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any

from aiortc import rtcrtpreceiver

from .base import private

_NAME = "RemoteBitrateEstimator"

_is_later: ContextVar[bool] = ContextVar("_is_later", default=False)
_make_now: Any = getattr(rtcrtpreceiver, _NAME, None)


class _Later:
    """An estimator that is made when it is fed."""

    def __init__(self) -> None:
        self._estimator: Any = None

    def add(self, **packet: Any) -> Any:
        """As the estimator's."""
        if self._estimator is None:
            self._estimator = _make_now()
        return self._estimator.add(**packet)


def _make() -> Any:
    return _Later() if _is_later.get() else _make_now()


if _make_now is not None:
    setattr(rtcrtpreceiver, _NAME, _make)


def estimate_later() -> AbstractContextManager[None]:
    """Have receivers that are made in this context make no estimator yet.

    Raises
    ------
    TuningError
    """
    private(rtcrtpreceiver, _NAME)
    return _later()


@contextmanager
def _later() -> Iterator[None]:
    token = _is_later.set(True)
    try:
        yield
    finally:
        _is_later.reset(token)
