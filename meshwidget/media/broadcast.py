"""Encode once, send to everybody.

A mesh sends the same picture on N-1 links. Here a participant's source is read and
encoded once, by a broadcast, and every link's sender is handed the finished packets:
aiortc packs an ``av.Packet`` instead of encoding when a track's ``recv()`` gives one.

Each link has a :class:`SharedTrack` of its own, because a sender that stops also stops
its track. How pictures and sounds are encoded is not known here.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from ..errors import SourceError
from .base import Frame, Source
from .bitrate import LinkBitrate

_QUEUE_LENGTH = 16
"""Packets that wait for a sender: half a second, then it is behind for good."""

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
        source: Source[Frame],
        on_failure: Callable[[str, SourceError], None],
    ) -> None:
        self._source: Source[Frame] = source
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
                self._publish(frame)
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
