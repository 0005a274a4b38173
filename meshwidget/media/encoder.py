"""Encode once, send to everybody.

A mesh sends the same picture on N-1 links. Here a participant's source is read and
encoded once, by a broadcast, and every link's sender is handed the finished packets:
aiortc packs an ``av.Packet`` instead of encoding when a track's ``recv()`` gives one.

Each link has a :class:`SharedTrack` of its own, because a sender that stops also stops
its track.
"""

from __future__ import annotations

import asyncio
import math
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any, Generic, TypeAlias, TypeVar, cast

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av.audio.codeccontext import AudioCodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from ..errors import SourceError
from .formats import (
    AUDIO_SAMPLE_RATE,
    AUDIO_TIME_BASE,
    VIDEO_CLOCK_RATE,
    VIDEO_FRAME_RATE,
    VIDEO_HEIGHT,
    VIDEO_TIME_BASE,
    VIDEO_WIDTH,
)
from .planes import Planes
from .sinks import AudioSink, VideoSink
from .sources import AudioSource, VideoSource

VIDEO_BITRATE = 300_000
"""Bits a second: at this size and rate most pictures are one packet."""

AUDIO_BITRATE = 48_000
"""Bits a second: opus is transparent for one voice well below."""

KEYFRAME_SECONDS = 0.06
"""Between two keyframes at least, so that many wishes make no storm."""

_FRAME_SECONDS = 1 / VIDEO_FRAME_RATE

_QUEUE_LENGTH = 16
"""Packets that wait for a sender: half a second, then it is behind for good."""

Frame = TypeVar("Frame", av.VideoFrame, av.AudioFrame)
Packet: TypeAlias = "av.Packet[Any]"


class SharedTrack(MediaStreamTrack):
    """One link's end of a broadcast.

    Parameters
    ----------
    broadcast : Broadcast
    encoded : bool
        Whether ``recv()`` gives packets, encoded once, or raw frames, to be encoded
        by each sender as plain aiortc does.
    """

    def __init__(self, broadcast: Broadcast[Any], *, encoded: bool) -> None:
        super().__init__()
        self.kind = broadcast.kind
        self.encoded = encoded
        self._broadcast = broadcast
        self._queue: deque[av.VideoFrame | av.AudioFrame | Packet] = deque()
        self._arrival: asyncio.Future[None] | None = None
        self._wanted = False
        self._needs_keyframe = encoded and self.kind == "video"

    @property
    def is_wanted(self) -> bool:
        """Whether a sender has begun to take from it."""
        return self._wanted and self.readyState == "live"

    async def recv(self) -> av.VideoFrame | av.AudioFrame | Packet:
        """The next packet, the first one of video being a keyframe."""
        if not self._wanted:
            # The link has just come up: what was made before is of no use to it.
            self._wanted = True
            self._broadcast.request_keyframe()
        while not self._queue:
            if self.readyState != "live":
                raise MediaStreamError
            self._arrival = asyncio.get_running_loop().create_future()
            await self._arrival
        return self._queue.popleft()

    def push(self, item: av.VideoFrame | av.AudioFrame | Packet) -> None:
        """Hand over the next frame or packet."""
        if self._needs_keyframe:
            if not (isinstance(item, av.Packet) and item.is_keyframe):
                return
            self._needs_keyframe = False
        if len(self._queue) >= _QUEUE_LENGTH:
            self._queue.clear()
            if self.kind == "video" and self.encoded:
                self._needs_keyframe = True
                self._broadcast.request_keyframe()
                return
        self._queue.append(item)
        self._notify()

    def stop(self) -> None:
        """Leave the broadcast."""
        super().stop()
        self._broadcast.remove(self)
        self._notify()

    def _notify(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)


class Broadcast(ABC, Generic[Frame]):
    """A source, read once, and the tracks that want it.

    Parameters
    ----------
    on_failure : callable
        Told when the source fails; the broadcast is over then, the call is not.
    """

    kind: str

    def __init__(
        self,
        source: VideoSource | AudioSource,
        on_failure: Callable[[str, SourceError], None],
    ) -> None:
        self._source = source
        self._on_failure = on_failure
        self._tracks: list[SharedTrack] = []
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to read the source, which is open."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End all tracks and close the source."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        for track in list(self._tracks):
            track.stop()
        await self._source.close()

    def track(self, *, encoded: bool) -> SharedTrack:
        """A new track for one more link."""
        track = SharedTrack(self, encoded=encoded)
        self._tracks.append(track)
        return track

    def remove(self, track: SharedTrack) -> None:
        """Forget a track that has stopped."""
        if track in self._tracks:
            self._tracks.remove(track)

    @abstractmethod
    def request_keyframe(self) -> None:
        """Somebody cannot decode what comes without a whole picture first."""

    @abstractmethod
    def _show(self, frame: Frame) -> None:
        """Keep the frame for the participant's own tile."""

    @abstractmethod
    def _encode(self, frame: Frame) -> Iterable[Packet]:
        """The packets of one frame."""

    @abstractmethod
    def _copy(self, frame: Frame) -> Frame:
        """A frame of its own with the same content and time."""

    async def _run(self) -> None:
        try:
            async for frame in self._source.frames():
                self._publish(cast(Frame, frame))
        except SourceError as error:
            self._on_failure(self.kind, error)
        except Exception as error:
            # A source is often somebody else's code: whatever it raises is an event.
            self._on_failure(self.kind, SourceError(f"{type(error).__name__}: {error}"))

    def _publish(self, frame: Frame) -> None:
        self._show(frame)
        self._send(frame)

    def _send(self, frame: Frame) -> None:
        wanted = [track for track in self._tracks if track.is_wanted]
        if any(track.encoded for track in wanted):
            packets = list(self._encode(frame))
            for track in wanted:
                if track.encoded:
                    for packet in packets:
                        track.push(packet)
        for track in wanted:
            if not track.encoded:
                # An encoder writes into its frame, and these run on threads.
                track.push(self._copy(frame))


class VideoBroadcast(Broadcast[av.VideoFrame]):
    """A picture source, encoded as VP8 (RFC 7741)."""

    kind = "video"

    def __init__(
        self, source: VideoSource, on_failure: Callable[[str, SourceError], None]
    ) -> None:
        super().__init__(source, on_failure)
        self.local = VideoSink()
        self._encoder: VideoCodecContext | None = None
        self._keyframe_wanted = True
        self._last_keyframe = -math.inf
        self._shown = -math.inf

    def request_keyframe(self) -> None:
        self._keyframe_wanted = True
        if self._task is not None:
            # Who has just connected need not wait for the source's next picture.
            self._task.get_loop().call_soon(self._repeat_as_keyframe)

    def _show(self, frame: av.VideoFrame) -> None:
        self.local.push(frame)
        self._shown = time.monotonic()

    def _encode(self, frame: av.VideoFrame) -> Iterable[Packet]:
        if self._encoder is None:
            self._encoder = _vp8_encoder()
        is_key = self._is_keyframe_due()
        frame.pict_type = PictureType.I if is_key else PictureType.NONE
        if is_key:
            self._keyframe_wanted = False
            self._last_keyframe = time.monotonic()
        return self._encoder.encode(frame)

    def _copy(self, frame: av.VideoFrame) -> av.VideoFrame:
        copy = Planes.from_frame(frame).to_frame()
        copy.pts, copy.time_base = frame.pts, VIDEO_TIME_BASE
        return copy

    def _is_keyframe_due(self) -> bool:
        since = time.monotonic() - self._last_keyframe
        return self._keyframe_wanted and since >= KEYFRAME_SECONDS

    def _repeat_as_keyframe(self) -> None:
        """Send the newest picture once more, whole, dated now."""
        newest = self.local.frame
        elapsed = time.monotonic() - self._shown
        if newest is None or not self._is_keyframe_due() or elapsed >= _FRAME_SECONDS:
            return  # the next picture is due, and will be one
        repeated = self._copy(newest)
        repeated.pts = (newest.pts or 0) + int(elapsed * VIDEO_CLOCK_RATE)
        self._send(repeated)


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

    def _encode(self, frame: av.AudioFrame) -> Iterable[Packet]:
        if self._encoder is None:
            self._encoder = _opus_encoder()
        for packet in self._encoder.encode(frame):
            # libopus dates packets back by its look-ahead; RTP counts from the sound.
            packet.pts = frame.pts
            packet.time_base = AUDIO_TIME_BASE
            yield packet


def _vp8_encoder() -> VideoCodecContext:
    """libvpx for a call: constant bitrate, no look-ahead, the least CPU."""
    encoder: VideoCodecContext = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height = VIDEO_WIDTH, VIDEO_HEIGHT
    encoder.pix_fmt = "yuv420p"
    encoder.bit_rate = VIDEO_BITRATE
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
        "minrate": str(VIDEO_BITRATE),
        "maxrate": str(VIDEO_BITRATE),
        "bufsize": str(VIDEO_BITRATE),
        "undershoot-pct": "100",
        "overshoot-pct": "15",
    }
    return encoder


def _opus_encoder() -> AudioCodecContext:
    encoder: AudioCodecContext = av.CodecContext.create("libopus", "w")
    encoder.sample_rate = AUDIO_SAMPLE_RATE
    encoder.format = "s16"
    encoder.layout = "mono"
    encoder.bit_rate = AUDIO_BITRATE
    encoder.time_base = AUDIO_TIME_BASE
    encoder.options = {"application": "voip"}
    return encoder
