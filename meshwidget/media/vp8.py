"""VP8's payload format for RTP (RFC 7741), between pictures and packets.

Pure: bytes in, bytes out.
"""

from __future__ import annotations

MAX_PAYLOAD = 1200
"""Bytes in one packet's payload: with all headers below every path's limit."""

PICTURE_IDS = 1 << 15
"""Picture numbers are of 15 bits (RFC 7741, section 4.2)."""

_EXTENDED = 0x80
_START = 0x10
_HAS_PICTURE_ID = 0x80
_LONG_PICTURE_ID = 0x80
_DESCRIPTOR_LENGTH = 4


def packetize(data: bytes, picture_id: int) -> tuple[bytes, ...]:
    """Split an encoded picture into the payloads of its packets.

    Parameters
    ----------
    data : bytes
        One picture, as the encoder gives it.
    picture_id : int
        0 to ``PICTURE_IDS - 1``, one more for each picture, around at the end.
    """
    number = bytes((_LONG_PICTURE_ID | picture_id >> 8, picture_id & 0xFF))
    first = bytes((_EXTENDED | _START, _HAS_PICTURE_ID)) + number
    size = MAX_PAYLOAD - _DESCRIPTOR_LENGTH
    if len(data) <= size:
        return (first + data,)
    further = bytes((_EXTENDED, _HAS_PICTURE_ID)) + number
    starts = range(0, len(data), size)
    return tuple(
        (further if start else first) + data[start : start + size] for start in starts
    )


def is_first(payload: bytes) -> bool:
    """Whether a payload is the beginning of a picture: partition 0 starts here."""
    return bool(payload) and payload[0] & 0x1F == _START


def descriptor_length(payload: bytes) -> int:
    """How many bytes stand before the picture's own (RFC 7741, section 4.2).

    Raises
    ------
    ValueError
        When the payload ends before its descriptor does.
    """
    try:
        if not payload[0] & _EXTENDED:
            length = 1
        else:
            extensions = payload[1]
            length = 2
            if extensions & _HAS_PICTURE_ID:
                length += 2 if payload[2] & _LONG_PICTURE_ID else 1
            length += bool(extensions & 0x40)  # TL0PICIDX
            length += bool(extensions & 0x30)  # TID, KEYIDX
    except IndexError:
        length = len(payload) + 1
    if length > len(payload):
        raise ValueError("the VP8 payload descriptor is cut short")
    return length


def is_keyframe(data: bytes) -> bool:
    """Whether an encoded picture can be decoded by itself (RFC 6386, section 9.1)."""
    return bool(data) and not data[0] & 1
