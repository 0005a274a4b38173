"""What an RTCRtpSender is taught."""

from __future__ import annotations

from collections.abc import Callable

from aiortc import RTCRtpSender

from .base import TuningError

_KEYFRAME = "_send_keyframe"


def on_keyframe_request(sender: RTCRtpSender, callback: Callable[[], None]) -> None:
    """Call back when the receiver asks for a keyframe by PLI or FIR (RFC 4585, 5104).

    aiortc notes the wish for its own encoder, which a track of packets has not.

    Raises
    ------
    TuningError
    """
    if not callable(getattr(sender, _KEYFRAME, None)):
        raise TuningError(f"RTCRtpSender has no {_KEYFRAME}")
    setattr(sender, _KEYFRAME, callback)
