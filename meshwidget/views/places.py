"""Where everything stands in the state diagrams: the drawer's hand, as data.

Pure. The keys are machines and states of :mod:`~meshwidget.peer.machines`; pixels are
measured from the top left of a machine's own diagram.
"""

from __future__ import annotations

from .curves import Point

__all__ = ["ALONG", "APART", "BENDS", "CLOSE_FROM_BELOW", "NAMED_ACROSS", "PLACES"]

PLACES: dict[str, dict[str, Point]] = {
    "signaling": {
        "stable": (380, 20),
        "have-local-offer": (150, 128),
        "have-remote-offer": (610, 128),
        "have-remote-pranswer": (150, 236),
        "have-local-pranswer": (610, 236),
        "closed": (380, 236),
    },
    "ice_gathering": {"new": (80, 66), "gathering": (380, 66), "complete": (680, 66)},
    "ice_connection": {
        "new": (60, 84),
        "checking": (285, 84),
        "connected": (500, 84),
        "completed": (698, 84),
        "disconnected": (500, 204),
        "failed": (500, 304),
        "closed": (70, 304),
    },
    "dtls": {
        "new": (70, 86),
        "connecting": (260, 86),
        "connected": (640, 86),
        "failed": (450, 20),
        "closed": (450, 152),
    },
    "connection": {
        "new": (70, 50),
        "connecting": (250, 50),
        "connected": (670, 50),
        "disconnected": (460, 150),
        "failed": (460, 250),
        "closed": (70, 250),
    },
}
"""Middles of the states' boxes."""

APART = 13.0
"""How far two arrows between the same states leave the straight line."""

BENDS: dict[tuple[str, str, str], float] = {
    ("signaling", "have-remote-pranswer", "stable"): 48,
    ("signaling", "have-local-pranswer", "stable"): -48,
    ("ice_gathering", "complete", "new"): 52,
    ("ice_connection", "checking", "completed"): -50,
    ("ice_connection", "connected", "disconnected"): -APART,
    ("ice_connection", "disconnected", "connected"): -APART,
    ("ice_connection", "checking", "failed"): 64,
    ("ice_connection", "completed", "failed"): -72,
    ("connection", "connecting", "failed"): 64,
    ("connection", "connected", "failed"): -64,
}
"""How far other arrows leave it, to their right."""

ALONG: dict[tuple[str, str, str], float] = {
    ("signaling", "have-remote-pranswer", "stable"): 0.3,
    ("signaling", "have-local-pranswer", "stable"): 0.3,
    ("signaling", "have-local-offer", "have-remote-offer"): 0.16,
    ("signaling", "have-local-offer", "stable"): 0.4,
    ("signaling", "stable", "have-remote-offer"): 0.6,
    ("ice_connection", "checking", "disconnected"): 0.62,
    ("ice_connection", "connected", "disconnected"): 0.3,
    ("ice_connection", "disconnected", "connected"): 0.55,
    ("ice_connection", "disconnected", "checking"): 0.78,
    ("ice_connection", "failed", "checking"): 0.22,
    ("connection", "connecting", "disconnected"): 0.55,
    ("connection", "failed", "connecting"): 0.22,
}
"""Where on its way an arrow is named, if not in the middle."""

NAMED_ACROSS = {
    ("signaling", "have-remote-offer", "have-local-pranswer"),
    ("signaling", "have-remote-pranswer", "stable"),
    ("signaling", "have-local-pranswer", "stable"),
    ("ice_connection", "completed", "disconnected"),
    ("ice_connection", "disconnected", "failed"),
    ("ice_connection", "failed", "checking"),
    ("dtls", "connecting", "failed"),
    ("dtls", "connected", "closed"),
    ("connection", "disconnected", "failed"),
    ("connection", "failed", "connecting"),
}
"""Others are named on the side to which they bend: straight ones right of their way,
or above it."""

CLOSE_FROM_BELOW = {"signaling", "dtls"}
"""Machines in which the arrow of close() comes from there; else from above."""
