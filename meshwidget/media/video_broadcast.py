"""A participant's pictures, encoded as VP8 for all links alike. Knows no link."""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Callable, Iterable
from fractions import Fraction

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from ..errors import SourceError
from .base import VideoSource
from .bitrate import MAX_BITRATE
from .broadcast import Broadcast, EncodedPacket
from .formats import (
    VIDEO_CLOCK_RATE,
    VIDEO_FRAME_RATE,
    VIDEO_HEIGHT,
    VIDEO_TIME_BASE,
    VIDEO_WIDTH,
)
from .keyframes import PER_SECOND, KeyframeBudget
from .load import Load, Share
from .planes import Planes
from .sinks import VideoSink
from .vp8 import PICTURE_IDS, packetize

_SENT_WEIGHT = 1 / VIDEO_FRAME_RATE
"""Of one picture in the mean of what is sent: that of the last second or so."""

_BITRATE_STEP = 0.1
"""A change of the bitrate by less is not worth a keyframe."""

_FRAME_SECONDS = 1 / VIDEO_FRAME_RATE

_CAPTURES = 256
"""Pictures whose time is kept: eight seconds, later than any link is behind."""

_TIMESTAMPS = 1 << 32


class VideoBroadcast(Broadcast[av.VideoFrame]):
    """A picture source, encoded as VP8 (RFC 7741).

    Parameters
    ----------
    source, on_failure
        See :class:`Broadcast`.
    load : Load
        Says when to leave pictures out.
    """

    kind = "video"

    def __init__(
        self,
        source: VideoSource,
        on_failure: Callable[[str, SourceError], None],
        load: Load,
    ) -> None:
        super().__init__(source, on_failure)
        self.local = VideoSink()
        self._share = Share(load)
        self._encoder: VideoCodecContext | None = None
        self._bitrate = float(MAX_BITRATE)
        self._sent = float(MAX_BITRATE)
        self._picture_id = secrets.randbelow(PICTURE_IDS)
        self._keyframes = KeyframeBudget()
        self._shown = -math.inf
        self._captured: dict[int, float] = {}

    def request_keyframe(self) -> None:
        self._keyframes.ask()
        if self._task is not None:
            # Who has just connected need not wait for the source's next picture.
            self._task.get_loop().call_soon(self._repeat_as_keyframe)

    def _publish(self, frame: av.VideoFrame) -> None:
        if self._share.admits():
            super()._publish(frame)

    def _show(self, frame: av.VideoFrame) -> None:
        self.local.push(frame)
        self._shown = time.monotonic()
        self._note_capture(frame, self._shown)

    def captured(self, timestamp: int) -> float | None:
        """When the picture of that timestamp left its source; None if long ago.

        Parameters
        ----------
        timestamp : int
            In units of RTP's clock, modulo 2**32.

        Returns
        -------
        float or None
            On ``time.monotonic()``'s clock.
        """
        return self._captured.get(timestamp)

    def _note_capture(self, frame: av.VideoFrame, now: float) -> None:
        self._captured[(frame.pts or 0) % _TIMESTAMPS] = now
        if len(self._captured) > _CAPTURES:
            del self._captured[next(iter(self._captured))]

    def _encode(self, frame: av.VideoFrame) -> Iterable[EncodedPacket]:
        self._follow_slowest()
        if self._encoder is None:
            self._encoder = vp8_encoder(int(self._bitrate))
            self._keyframes.ask()  # libvpx begins with one anyway
        is_key = self._keyframes.is_due(time.monotonic())
        frame.pict_type = PictureType.I if is_key else PictureType.NONE
        if is_key:
            self._keyframes.spend()
        for packet in self._encoder.encode(frame):
            payloads = packetize(bytes(packet), self._picture_id)
            self._picture_id = (self._picture_id + 1) % PICTURE_IDS
            self._note_sent(packet.size)
            yield EncodedPacket(packet, payloads, packet.pts or 0)

    def _follow_slowest(self) -> None:
        """Encode for the receiver that can take least.

        libvpx is begun anew for another bitrate, which costs a keyframe, so a small
        change is none.
        """
        wanted = min(track.bitrate.target for track in self._tracks)
        change = abs(wanted - self._bitrate) / self._bitrate
        if change > _BITRATE_STEP or wanted == MAX_BITRATE != self._bitrate:
            self._bitrate = wanted
            self._encoder = None
            self._keyframes.per_second = PER_SECOND * wanted / MAX_BITRATE

    def _note_sent(self, size: int) -> None:
        rate = size * 8 * VIDEO_FRAME_RATE
        self._sent += _SENT_WEIGHT * (rate - self._sent)
        for track in self._tracks:
            track.bitrate.sent = self._sent

    def _copy(self, frame: av.VideoFrame) -> av.VideoFrame:
        copy = Planes.from_frame(frame).to_frame()
        copy.pts, copy.time_base = frame.pts, VIDEO_TIME_BASE
        return copy

    def _repeat_as_keyframe(self) -> None:
        """Send the newest picture once more, whole, dated now."""
        newest = self.local.frame
        now = time.monotonic()
        elapsed = now - self._shown
        is_due = self._keyframes.is_due(now)
        if newest is None or not is_due or elapsed >= _FRAME_SECONDS:
            return  # the next picture is due, and will be one
        repeated = self._copy(newest)
        repeated.pts = (newest.pts or 0) + int(elapsed * VIDEO_CLOCK_RATE)
        self._note_capture(repeated, now)
        self._send(repeated)


def vp8_encoder(bitrate: int) -> VideoCodecContext:
    """libvpx for a call: constant bitrate, no look-ahead, the least CPU."""
    encoder: VideoCodecContext = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height = VIDEO_WIDTH, VIDEO_HEIGHT
    encoder.pix_fmt = "yuv420p"
    encoder.bit_rate = bitrate
    encoder.time_base = VIDEO_TIME_BASE
    encoder.framerate = Fraction(VIDEO_FRAME_RATE, 1)
    encoder.gop_size = 3000  # keyframes come when they are asked for
    encoder.qmin, encoder.qmax = 2, 56
    encoder.thread_count = 1
    encoder.options = {
        "deadline": "realtime",
        "cpu-used": "-16",
        "noise-sensitivity": "0",
        "lag-in-frames": "0",
        "static-thresh": "1",
        "partitions": "0",
        # minrate = maxrate = bit_rate is libvpx's constant bitrate.
        "minrate": str(bitrate),
        "maxrate": str(bitrate),
        "bufsize": str(bitrate),
        "undershoot-pct": "100",
        "overshoot-pct": "15",
    }
    return encoder
