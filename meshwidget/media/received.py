"""Sinks of encoded media: decoded while somebody looks, counted all the time.

A mesh of N has N(N-1) links and a page shows a few of them. What nobody looks at is
received and counted, so that statistics and timings are true, and is not decoded; the
first look asks the sender for a keyframe and is answered within a picture or two.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Any

import av

from .decoder import AudioDecoder, EncodedFrame, VideoDecoder
from .sinks import AudioSink, Release, VideoSink

ATTENTION_SECONDS = 2.0
"""How long one look keeps a link decoded. Whoever looks again and again pays for no
further keyframe."""

PATIENCE_SECONDS = 0.2
"""How long a look waits for the link to be decoded again."""

KEYFRAME_AGAIN_SECONDS = 0.2
"""Until a keyframe that did not come is asked for once more."""


class _Attention:
    """Whether anybody looks, and how to wait for what they look at.

    Written on the mesh loop, which made it; :meth:`look` comes from any thread.
    """

    def __init__(self) -> None:
        self._home = threading.get_ident()
        self._looked = -math.inf
        self._awake = threading.Event()

    @property
    def is_awake(self) -> bool:
        """Whether what comes is decoded."""
        return self._awake.is_set()

    def look(self, arrived: float | None) -> None:
        """Note a look; wait a moment for a sleeper, if anything comes at all."""
        now = self._looked = time.monotonic()
        if self._awake.is_set() or threading.get_ident() == self._home:
            return
        if arrived is not None and now - arrived < PATIENCE_SECONDS:
            self._awake.wait(PATIENCE_SECONDS)

    def holds(self, now: float) -> bool:
        """Whether somebody has looked lately."""
        return now - self._looked < ATTENTION_SECONDS

    def wake(self) -> None:
        """Decoding goes on: let who waits have it."""
        if not self._awake.is_set():  # setting it takes a lock, thousands a second
            self._awake.set()

    def sleep(self) -> None:
        """Nobody looks any more."""
        self._awake.clear()


class ReceivedVideo(VideoSink):
    """The pictures of one directed link, as they come over the wire.

    Parameters
    ----------
    on_frame : callable
        Called with every decoded frame, on the mesh loop.
    is_followed : callable
        Whether somebody wants every frame.

    Attributes
    ----------
    key_frames : int
        Encoded pictures, so far, that can be decoded by themselves.
    """

    def __init__(
        self,
        on_frame: Callable[[av.VideoFrame], None],
        is_followed: Callable[[], bool],
    ) -> None:
        super().__init__(on_frame)
        self.ask_keyframe: Callable[[], None] | None = None
        """Tells the sender; None where encoded pictures do not come."""
        self.key_frames = 0
        self._is_followed = is_followed
        self._attention = _Attention()
        self._decoder: VideoDecoder | None = None
        self._taps: dict[object, Callable[[EncodedFrame], None]] = {}
        self._untapped: set[object] = set()
        """Listeners that still wait for their first keyframe."""
        self._asked = -math.inf

    def look(self) -> None:
        if self.ask_keyframe is not None:
            self._attention.look(self.arrived)

    def tap(self, listener: Callable[[EncodedFrame], None]) -> Release | None:
        """Hear of every encoded picture, the first one a keyframe. Mesh loop only."""
        if self.ask_keyframe is None:
            return None
        key = object()
        self._taps[key] = listener
        self._untapped.add(key)
        self.request_keyframe()

        def release() -> None:
            self._taps.pop(key, None)
            self._untapped.discard(key)

        return release

    def request_keyframe(self) -> None:
        now = time.monotonic()
        if self.ask_keyframe and now - self._asked >= KEYFRAME_AGAIN_SECONDS:
            self._asked = now
            self.ask_keyframe()

    def push_encoded(self, encoded: EncodedFrame) -> None:
        """Take the next picture that is complete and in order."""
        now = time.monotonic()
        self._note_arrival(now, encoded.timestamp)
        if encoded.is_keyframe:
            self.key_frames += 1
            self._asked = -math.inf
        if self._taps:
            self._tell(encoded)
        if self.version == 0 or self._is_followed() or self._attention.holds(now):
            self._decode(encoded)
        elif self._attention.is_awake:
            self._attention.sleep()
            self._decoder = None

    def _tell(self, encoded: EncodedFrame) -> None:
        for key, listener in list(self._taps.items()):
            if key in self._untapped:
                if not encoded.is_keyframe:
                    self.request_keyframe()
                    continue
                self._untapped.discard(key)
            listener(encoded)

    def _decode(self, encoded: EncodedFrame) -> None:
        if self._decoder is None:
            if not encoded.is_keyframe:
                self.request_keyframe()
                return
            self._decoder = VideoDecoder()
        try:
            frames = self._decoder.decode(encoded)
        except av.FFmpegError:
            self._decoder = None
            self.request_keyframe()
            return
        if self.version == 0:
            self._attention.look(None)  # a new link is decoded for a while
        for frame in frames:
            self._show(frame)
        self._attention.wake()


class ReceivedAudio(AudioSink):
    """The sound of one directed link, as it comes over the wire."""

    def __init__(self) -> None:
        super().__init__()
        self._attention = _Attention()
        self._decoder: Any = None
        self._came = -math.inf

    def look(self) -> None:
        self._attention.look(self._came)

    def push_encoded(self, payload: bytes, timestamp: int) -> None:
        """Take the next packet."""
        now = self._came = time.monotonic()
        if self.count == 0:
            self._attention.look(None)
        self.count += 1
        if not self._attention.holds(now):
            if self._attention.is_awake:
                self._attention.sleep()
                self._decoder = None
            return
        if self._decoder is None:
            self._decoder = AudioDecoder()
        try:
            frames = self._decoder.decode(payload, timestamp)
        except av.FFmpegError:
            return  # the next one can be decoded by itself
        for frame in frames:
            self._hear(frame, now)
        self._attention.wake()
