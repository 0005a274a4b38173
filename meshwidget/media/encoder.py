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
import secrets
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Generic, TypeAlias, TypeVar, cast

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av.audio.codeccontext import AudioCodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from ..errors import SourceError
from .affinity import one_core
from .bitrate import MAX_BITRATE, LinkBitrate
from .formats import (
    AUDIO_SAMPLE_RATE,
    AUDIO_TIME_BASE,
    VIDEO_CLOCK_RATE,
    VIDEO_FRAME_RATE,
    VIDEO_HEIGHT,
    VIDEO_TIME_BASE,
    VIDEO_WIDTH,
)
from .keyframes import KeyframeBudget
from .load import Load, Share
from .planes import Planes
from .sinks import AudioSink, VideoSink
from .sources import AudioSource, VideoSource
from .vp8 import PICTURE_IDS, packetize

AUDIO_BITRATE = 48_000
"""Bits a second: opus is transparent for one voice well below."""

_BITRATE_STEP = 0.1
"""A change of the bitrate by less is not worth a keyframe."""

_FRAME_SECONDS = 1 / VIDEO_FRAME_RATE

_CAPTURES = 256
"""Pictures whose time is kept: eight seconds, later than any link is behind."""

_TIMESTAMPS = 1 << 32

_QUEUE_LENGTH = 16
"""Packets that wait for a sender: half a second, then it is behind for good."""

Frame = TypeVar("Frame", av.VideoFrame, av.AudioFrame)
Packet: TypeAlias = "av.Packet[Any]"
PayloadSender: TypeAlias = Callable[[Sequence[bytes], int], None]


@dataclass(frozen=True, slots=True)
class EncodedPacket:
    """What the encoder gave for one frame, for all links alike.

    Attributes
    ----------
    packet : av.Packet
    payloads : sequence of bytes
        The same as the payloads of RTP packets.
    timestamp : int
        In units of RTP's clock.
    """

    packet: Packet
    payloads: Sequence[bytes]
    timestamp: int

    @property
    def is_keyframe(self) -> bool:
        """Whether it can be decoded by itself."""
        return self.packet.is_keyframe


class SharedTrack(MediaStreamTrack):
    """One link's end of a broadcast.

    A sender takes what it gives by awaiting ``recv()``, or, at less cost, by
    :meth:`divert`.

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
        self.bitrate = LinkBitrate()
        self._queue: deque[av.VideoFrame | av.AudioFrame | Packet] = deque()
        self._arrival: asyncio.Future[None] | None = None
        self._send: PayloadSender | None = None
        self._wanted = False
        self._needs_keyframe = encoded and self.kind == "video"

    @property
    def is_wanted(self) -> bool:
        """Whether a sender has begun to take from it."""
        return self._wanted and self.readyState == "live"

    async def recv(self) -> av.VideoFrame | av.AudioFrame | Packet:
        """The next packet, the first one of video being a keyframe."""
        self._want()
        while not self._queue:
            if self.readyState != "live":
                raise MediaStreamError
            self._arrival = asyncio.get_running_loop().create_future()
            await self._arrival
        return self._queue.popleft()

    def divert(self, send: PayloadSender | None) -> None:
        """Give ``send(payloads, timestamp)`` each packet instead of ``recv()``."""
        self._send = send
        if send is not None:
            self._want()

    def push(self, frame: av.VideoFrame | av.AudioFrame) -> None:
        """Hand over the next frame, of a track that is not encoded."""
        if len(self._queue) >= _QUEUE_LENGTH:
            self._queue.clear()
        self._queue.append(frame)
        self._notify()

    def push_encoded(self, encoded: EncodedPacket) -> None:
        """Hand over the next packet, of a track that is."""
        if self._needs_keyframe:
            if not encoded.is_keyframe:
                return
            self._needs_keyframe = False
        if self._send is not None:
            self._send(encoded.payloads, encoded.timestamp)
            return
        if len(self._queue) >= _QUEUE_LENGTH:
            self._queue.clear()
            if self.kind == "video":
                self._needs_keyframe = True
                self._broadcast.request_keyframe()
                return
        self._queue.append(encoded.packet)
        self._notify()

    def request_keyframe(self) -> None:
        """Have a whole picture come: the link's receiver cannot go on without."""
        self._broadcast.request_keyframe()

    def stop(self) -> None:
        """Leave the broadcast."""
        super().stop()
        self._broadcast.remove(self)
        self._notify()

    def _want(self) -> None:
        if not self._wanted:
            # The link has just come up: what was made before is of no use to it.
            self._wanted = True
            self._broadcast.request_keyframe()

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
        self.frozen = False
        """Whether what the source gives is neither shown nor sent."""

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
    def _encode(self, frame: Frame) -> Iterable[EncodedPacket]:
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
        if not self.frozen:
            self._show(frame)
            self._send(frame)

    def _send(self, frame: Frame) -> None:
        wanted = [track for track in self._tracks if track.is_wanted]
        if any(track.encoded for track in wanted):
            packets = list(self._encode(frame))
            for track in wanted:
                if track.encoded:
                    for packet in packets:
                        track.push_encoded(packet)
        for track in wanted:
            if not track.encoded:
                # An encoder writes into its frame, and these run on threads.
                track.push(self._copy(frame))


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
            self._encoder = _vp8_encoder(int(self._bitrate))
            self._keyframes.ask()  # libvpx begins with one anyway
        is_key = self._keyframes.is_due(time.monotonic())
        frame.pict_type = PictureType.I if is_key else PictureType.NONE
        if is_key:
            self._keyframes.spend()
        for packet in self._encoder.encode(frame):
            payloads = packetize(bytes(packet), self._picture_id)
            self._picture_id = (self._picture_id + 1) % PICTURE_IDS
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
            self._encoder = _opus_encoder()
            with one_core():
                packets = self._encoder.encode(frame)
        else:
            packets = self._encoder.encode(frame)
        for packet in packets:
            # libopus dates packets back by its look-ahead; RTP counts from the sound.
            packet.pts = frame.pts
            packet.time_base = AUDIO_TIME_BASE
            yield EncodedPacket(packet, (bytes(packet),), packet.pts or 0)


def _vp8_encoder(bitrate: int) -> VideoCodecContext:
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


def _opus_encoder() -> AudioCodecContext:
    encoder: AudioCodecContext = av.CodecContext.create("libopus", "w")
    encoder.sample_rate = AUDIO_SAMPLE_RATE
    encoder.format = "s16"
    encoder.layout = "mono"
    encoder.bit_rate = AUDIO_BITRATE
    encoder.time_base = AUDIO_TIME_BASE
    # The least effort: at this bitrate one hears no difference, and it costs a third.
    encoder.options = {"application": "audio", "compression_level": "0"}
    return encoder
