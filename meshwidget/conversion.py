"""msgspec, told of the types that it will be asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec


def announce(types: Iterable[Any]) -> None:
    """Have msgspec read the annotations of these types now, as they are imported.

    By itself it does so when a type is used first, which ends the process if two
    threads do at once (msgspec 0.22): every call has a thread of its own.

    Parameters
    ----------
    types : iterable of type
    """
    for each in types:
        msgspec.json.Decoder(each)
