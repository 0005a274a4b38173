"""Encoded pictures and sound into frames, one decoder for each directed link."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import av

from .formats import AUDIO_TIME_BASE, VIDEO_TIME_BASE


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """One received picture, as its packets brought it.

    Attributes
    ----------
    data : bytes
        VP8 (RFC 6386).
    timestamp : int
        RTP's, 90 kHz, from a beginning of its own for each link.
    is_keyframe : bool
        Whether it can be decoded by itself.
    """

    data: bytes
    timestamp: int
    is_keyframe: bool


class VideoDecoder:
    """VP8, picture by picture."""

    def __init__(self) -> None:
        self._codec: Any = av.CodecContext.create("vp8", "r")
        self._codec.thread_count = 1  # threads would hold a picture back each

    def decode(self, encoded: EncodedFrame) -> list[av.VideoFrame]:
        """The frames of one picture; more than none for every picture that is shown.

        Raises
        ------
        av.FFmpegError
            When it cannot be decoded.
        """
        packet = av.Packet(encoded.data)
        packet.pts = encoded.timestamp
        packet.time_base = VIDEO_TIME_BASE
        frames: list[av.VideoFrame] = self._codec.decode(packet)
        return frames


class AudioDecoder:
    """Opus, packet by packet."""

    def __init__(self) -> None:
        self._codec: Any = av.CodecContext.create("libopus", "r")
        self._codec.layout = "mono"
        self._codec.sample_rate = AUDIO_TIME_BASE.denominator

    def decode(self, payload: bytes, timestamp: int) -> list[av.AudioFrame]:
        """The sound of one packet, 20 ms as a rule.

        Raises
        ------
        av.FFmpegError
            When it cannot be decoded.
        """
        packet = av.Packet(payload)
        packet.pts = timestamp
        packet.time_base = AUDIO_TIME_BASE
        frames: list[av.AudioFrame] = self._codec.decode(packet)
        return frames
