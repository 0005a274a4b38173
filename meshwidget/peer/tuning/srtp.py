"""SRTP without what pylibsrtp allocates for each packet.

A session of pylibsrtp has one buffer, and works on one packet at a time, on one thread;
the number that goes with it may stay as well. It halves the cost of both directions.
"""

from __future__ import annotations

from collections.abc import Callable

from pylibsrtp import Error, Session
from pylibsrtp import _binding as binding

from .base import TuningError, private

Transform = Callable[[bytes], bytes]

_MAX_TRAILER = 144
"""Bytes that libsrtp may add to a packet: SRTP_MAX_TRAILER_LEN."""


def protector(session: Session) -> Transform:
    """What ``session.protect`` does, faster if it can be.

    The function raises ``pylibsrtp.Error`` or ValueError for what cannot be sent.
    """
    try:
        return _transform(session, binding.lib.srtp_protect, _MAX_TRAILER)
    except (TuningError, AttributeError):
        return session.protect


def unprotector(session: Session) -> Transform:
    """What ``session.unprotect`` does, faster if it can be.

    The function raises ``pylibsrtp.Error`` for what is forged, doubled or too old, and
    ValueError for what is too long.
    """
    try:
        return _transform(session, binding.lib.srtp_unprotect, 0)
    except (TuningError, AttributeError):
        return session.unprotect


def _transform(
    session: Session, function: Callable[..., int], trailer: int
) -> Transform:
    cdata = private(session, "_cdata")
    buffer = private(session, "_buffer")
    pointer = private(session, "_srtp")
    length = binding.ffi.new("int *")
    limit = len(cdata) - trailer

    def transform(packet: bytes) -> bytes:
        size = len(packet)
        if size > limit:
            raise ValueError(f"a packet of {size} bytes is too long for SRTP")
        buffer[0:size] = packet
        length[0] = size
        error = function(pointer[0], cdata, length)
        if error:
            raise Error(f"libsrtp says {error}")
        result: bytes = buffer[0 : length[0]]
        return result

    return transform
