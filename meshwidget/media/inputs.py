"""What a user may give to ``mesh.join`` as picture and as sound."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import EllipsisType
from typing import Any, TypeAlias

from aiortc import MediaStreamTrack
from numpy.typing import NDArray

from .base import AudioSource, VideoSource

VideoInput: TypeAlias = (
    EllipsisType
    | str
    | os.PathLike[str]
    | Callable[[float], NDArray[Any]]
    | MediaStreamTrack
    | VideoSource
    | None
)
"""``...`` is the test pattern, None no picture."""

AudioInput: TypeAlias = (
    EllipsisType
    | str
    | os.PathLike[str]
    | Callable[[NDArray[Any]], NDArray[Any]]
    | MediaStreamTrack
    | AudioSource
    | None
)
"""``...`` is the video file's sound or else a tone, None silence."""
