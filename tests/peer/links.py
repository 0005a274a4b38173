"""Two connections joined by a wire that a test holds in its hands."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import av

from meshwidget.events import Event
from meshwidget.log import EventLog
from meshwidget.media.audio_broadcast import AudioBroadcast
from meshwidget.media.base import VideoSource
from meshwidget.media.load import Load
from meshwidget.media.pattern import TestPattern
from meshwidget.media.tone import Tone
from meshwidget.media.video_broadcast import VideoBroadcast
from meshwidget.peer.connection import Connection
from meshwidget.peer.settings import LinkSettings

SECONDS = 10


@dataclass(frozen=True)
class Message:
    """One message on the wire."""

    kind: str
    body: dict[str, Any]


@dataclass
class Side:
    """One connection, its sources, and what was sent to it."""

    name: str
    log: EventLog
    settings: LinkSettings
    video: VideoBroadcast | None = None
    audio: AudioBroadcast | None = None
    inbox: deque[Message] = field(default_factory=deque)
    frames: list[av.VideoFrame] = field(default_factory=list)
    frame_came: asyncio.Event = field(default_factory=asyncio.Event)
    lost: list[Connection] = field(default_factory=list)
    connection: Connection = field(init=False)

    def connect(self, other: Side) -> None:
        """Make this side's connection anew."""

        async def send(kind: str, body: dict[str, Any]) -> None:
            other.inbox.append(Message(kind, body))

        self.connection = Connection(
            self.name,
            other.name,
            f"sid-{other.name}",
            settings=self.settings,
            video=self.video,
            audio=self.audio,
            send=send,
            is_followed=lambda remote: True,
            on_frame=self._take_frame,
            on_lost=self.lost.append,
            log=self.log,
        )

    def _take_frame(self, remote: str, frame: av.VideoFrame) -> None:
        self.frames.append(frame)
        self.frame_came.set()

    async def until_frames(self, condition: Callable[[], bool]) -> None:
        """Until it holds; it is asked again after every frame."""
        async with asyncio.timeout(SECONDS):
            while not condition():
                self.frame_came.clear()
                await self.frame_came.wait()

    async def sees(self, count: int = 3) -> None:
        """Until so many more frames came, and sound if there is any."""
        frames = len(self.frames) + count
        sounds = self.connection.audio.count + self.connection.receives_audio
        await self.until_frames(
            lambda: len(self.frames) >= frames and self.connection.audio.count >= sounds
        )

    async def offer(self) -> None:
        await self.connection.prepare_offer()
        await self.connection.send_description()

    async def take(self, message: Message) -> None:
        """Hand one message to the connection, as the participant does."""
        match message.kind:
            case "offer":
                await self.connection.take_offer(message.body["sdp"]["sdp"])
            case "answer":
                await self.connection.take_answer(message.body["sdp"]["sdp"])
            case _:
                await self.connection.take_candidate(message.body["candidate"])

    async def close(self) -> None:
        await self.connection.close()
        for broadcast in (self.video, self.audio):
            if broadcast is not None:
                await broadcast.stop()


class Link:
    """Alice and Bob; she offers."""

    def __init__(self, alice: Side, bob: Side) -> None:
        self.alice = alice
        self.bob = bob
        self.log = alice.log
        alice.connect(bob)
        bob.connect(alice)

    async def negotiate(self) -> None:
        """Alice offers, and everything is delivered in order."""
        await self.alice.offer()
        await self.deliver()

    async def deliver(self) -> None:
        """Deliver until nothing is on the wire."""
        while self.alice.inbox or self.bob.inbox:
            for side in (self.bob, self.alice):
                while side.inbox:
                    await side.take(side.inbox.popleft())

    async def until(self, condition: Callable[[], bool]) -> None:
        """Until it holds; it is asked again after every event."""
        changed = asyncio.Event()

        def note(event: Event) -> None:
            changed.set()

        unsubscribe = self.log.subscribe(note)
        try:
            async with asyncio.timeout(SECONDS):
                while not condition():
                    await changed.wait()
                    changed.clear()
        finally:
            unsubscribe()

    async def connected(self) -> None:
        """Until both are, and have seen whom they receive."""
        for side in (self.alice, self.bob):
            await self.until(
                lambda side=side: side.connection.connection_state == "connected"  # type: ignore[misc]
            )
            if side.connection.receives_video:
                await self.until(lambda side=side: side.connection.video.count > 0)  # type: ignore[misc]

    async def close(self) -> None:
        await asyncio.gather(self.alice.close(), self.bob.close())


async def make_side(
    name: str,
    log: EventLog,
    *,
    video: bool | VideoSource = True,
    audio: bool = True,
    **settings: Any,
) -> Side:
    """One side with a test pattern and a tone, or without."""
    side = Side(name, log, LinkSettings(**{"addresses": ("127.0.0.1",), **settings}))
    if video:
        pattern = TestPattern(name, 0) if video is True else video
        await pattern.open()
        side.video = VideoBroadcast(pattern, _fail, Load())
        side.video.start()
    if audio:
        tone = Tone(0)
        await tone.open()
        side.audio = AudioBroadcast(tone, _fail)
        side.audio.start()
    return side


def _fail(kind: str, error: Exception) -> None:
    raise AssertionError(f"{kind}: {error}")
