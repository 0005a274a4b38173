"""Where the pictures of a view's tiles come from: the received video itself, or stills.

Video, the very bytes that the link brought, costs the kernel nothing: the page decodes
it. Stills are decoded in the kernel and encoded again as JPEG, once for however many
views; they serve pages that cannot decode video, a participant's own picture, which
travels over no link, and links that cannot be tapped.

Runs on the mesh's loop. Knows sinks, and nothing of pages and messages.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .chunks import ChunkQueue

if TYPE_CHECKING:
    from ..media.decoder import EncodedFrame
    from ..media.sinks import VideoSink

FAILURES_WITHIN = 10.0
"""Seconds within which a second failure to decode a tile's video ends in stills."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture as it is sent.

    Attributes
    ----------
    data : bytes
    chunk : EncodedFrame or None
        Of video; None is a JPEG.
    """

    data: bytes
    chunk: EncodedFrame | None = None

    def describe(self, tile: str) -> dict[str, Any]:
        """What a frames message says of it."""
        if self.chunk is None:
            return {"tile": tile, "format": "jpeg"}
        return {
            "tile": tile,
            "format": "vp8",
            "key": self.chunk.is_keyframe,
            "timestamp": self.chunk.timestamp,
        }


class Pictures:
    """The pictures of the tiles that somebody looks at.

    Parameters
    ----------
    clock : callable
        Gives the time, in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._stills: dict[str, VideoSink] = {}
        self._videos: dict[str, _Tap] = {}
        self._failed: dict[str, float] = {}
        """When a decoder has failed over a tile's video."""
        self._untappable: dict[str, VideoSink] = {}

    def follow(self, tiles: Mapping[str, VideoSink], *, video: bool) -> None:
        """Take the pictures of these tiles from now on, and of no others.

        Parameters
        ----------
        tiles : Mapping[str, VideoSink]
        video : bool
            Whether everybody who looks can decode video.
        """
        for key, tap in list(self._videos.items()):
            if not video or tiles.get(key) is not tap.sink:
                tap.release()
                del self._videos[key]
        for known in (self._untappable, self._failed):
            for key in known.keys() - tiles.keys():
                del known[key]
        self._stills = {
            key: sink
            for key, sink in tiles.items()
            if key not in self._videos and not (video and self._tap(key, sink))
        }
        for sink in self._stills.values():
            sink.look()

    def versions(self) -> dict[str, Hashable]:
        """What changes with each picture that can be sent, of the tiles that have one.

        In no particular order.
        """
        found: dict[str, Hashable] = {
            key: sink.version for key, sink in self._stills.items() if sink.version
        }
        for key, tap in self._videos.items():
            if tap.queue:
                found[key] = (id(tap), tap.queue.count)
        return found

    def take(self, key: str) -> list[Picture]:
        """Give the newest pictures of a tile, in order; none if there is none."""
        tap = self._videos.get(key)
        if tap is not None:
            return [Picture(chunk.data, chunk) for chunk in tap.queue.take()]
        sink = self._stills.get(key)
        jpeg = None if sink is None else sink.jpeg()
        return [] if jpeg is None else [Picture(jpeg)]

    def need_keyframes(self, keys: Collection[str] | None) -> None:
        """Somebody has nothing to decode these tiles' next pictures with; None: all."""
        for key, tap in self._videos.items():
            if keys is None or key in keys:
                tap.queue.need_keyframe()

    def fail(self, keys: Collection[str]) -> None:
        """Somebody's decoder has failed over these tiles' video."""
        now = self._clock()
        for key in keys:
            tap = self._videos.get(key)
            if tap is None:
                continue
            last = self._failed.get(key)
            self._failed[key] = now
            if last is not None and now - last < FAILURES_WITHIN:
                tap.release()
                del self._videos[key]
                self._untappable[key] = tap.sink
            else:
                tap.queue.need_keyframe()

    def ask(self) -> None:
        """Ask the senders for the keyframes that are needed."""
        now = self._clock()
        for tap in self._videos.values():
            if tap.queue.asks(now):
                tap.sink.request_keyframe()

    def _tap(self, key: str, sink: VideoSink) -> bool:
        if self._untappable.get(key) is sink:
            return False
        queue: ChunkQueue[EncodedFrame] = ChunkQueue(self._clock())
        release = sink.tap(lambda chunk: queue.push(chunk, self._clock()))
        if release is None:
            self._untappable[key] = sink
            return False
        self._videos[key] = _Tap(sink, queue, release)
        return True


@dataclass(frozen=True, slots=True, eq=False)
class _Tap:
    sink: VideoSink
    queue: ChunkQueue[EncodedFrame]
    release: Callable[[], None]
