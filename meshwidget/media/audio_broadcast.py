"""A participant's sound, encoded as opus for all links alike. Knows no link."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import av
from av.audio.codeccontext import AudioCodecContext

from ..errors import SourceError
from .affinity import one_core
from .base import AudioSource
from .broadcast import Broadcast, EncodedPacket
from .formats import AUDIO_SAMPLE_RATE, AUDIO_TIME_BASE
from .sinks import AudioSink

AUDIO_BITRATE = 48_000
"""Bits a second: opus is transparent for one voice well below."""


class AudioBroadcast(Broadcast[av.AudioFrame]):
    """A sound source, encoded as opus (RFC 7587)."""

    kind = "audio"

    def __init__(
        self, source: AudioSource, on_failure: Callable[[str, SourceError], None]
    ) -> None:
        super().__init__(source, on_failure)
        self.local = AudioSink()
        self._encoder: AudioCodecContext | None = None

    def request_keyframe(self) -> None:
        """Every opus packet can be decoded from where one begins."""

    def _show(self, frame: av.AudioFrame) -> None:
        self.local.push(frame)

    def _copy(self, frame: av.AudioFrame) -> av.AudioFrame:
        copy = av.AudioFrame.from_ndarray(
            frame.to_ndarray(), format="s16", layout="mono"
        )
        copy.sample_rate = AUDIO_SAMPLE_RATE
        copy.pts, copy.time_base = frame.pts, AUDIO_TIME_BASE
        return copy

    def _encode(self, frame: av.AudioFrame) -> Iterable[EncodedPacket]:
        if self._encoder is None:
            self._encoder = opus_encoder()
            with one_core():
                packets = self._encoder.encode(frame)
        else:
            packets = self._encoder.encode(frame)
        for packet in packets:
            # libopus dates packets back by its look-ahead; RTP counts from the sound.
            packet.pts = frame.pts
            packet.time_base = AUDIO_TIME_BASE
            yield EncodedPacket(packet, (bytes(packet),), packet.pts or 0)


def opus_encoder() -> AudioCodecContext:
    """libopus for a call: one channel, the least effort."""
    encoder: AudioCodecContext = av.CodecContext.create("libopus", "w")
    encoder.sample_rate = AUDIO_SAMPLE_RATE
    encoder.format = "s16"
    encoder.layout = "mono"
    encoder.bit_rate = AUDIO_BITRATE
    encoder.time_base = AUDIO_TIME_BASE
    # The least effort: at this bitrate one hears no difference, and it costs a third.
    encoder.options = {"application": "audio", "compression_level": "0"}
    return encoder
