"""What the modules of this package have in common."""

from __future__ import annotations

from ...errors import MeshError


class TuningError(MeshError):
    """An internal is not what it was: this version of aiortc is left as it is."""
