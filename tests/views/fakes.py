"""A call without media or network, for what only reads it; and a page that records."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from meshwidget.errors import DuplicateNameError, UnknownPeerError
from meshwidget.events import MeshClosed, PeerJoined, PeerLeft
from meshwidget.log import EventLog

if TYPE_CHECKING:
    from meshwidget.mesh import Mesh

DEADLINE = 10
"""Seconds for what must happen at once."""


@dataclass(frozen=True)
class FakeChunk:
    """An encoded picture, as a tap gives it."""

    data: bytes
    timestamp: int
    is_keyframe: bool


@dataclass(eq=False)
class FakeSink:
    """Pictures are numbers; the JPEG of one is its number in words."""

    count: int = 0
    arrived: float | None = None
    frame_rate: float = 30.0
    full_rate: float = 30.0
    broken: bool = False
    tappable: bool = False
    encoded: list[int] = field(default_factory=list)
    looks: int = 0
    wishes: int = 0
    """Keyframes that were asked for, the first one by tapping."""
    taps: list[Callable[[Any], None]] = field(default_factory=list)
    more: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def frame(self) -> object | None:
        return self.count or None

    @property
    def version(self) -> int:
        return self.count and hash((id(self), self.count))

    def look(self) -> None:
        self.looks += 1

    def tap(self, listener: Callable[[Any], None]) -> Callable[[], None] | None:
        if not self.tappable:
            return None
        self.wishes += 1
        self.taps.append(listener)
        self.more.set()

        def release() -> None:
            self.taps.remove(listener)
            self.more.set()

        return release

    def request_keyframe(self) -> None:
        self.wishes += 1
        self.more.set()

    async def until(self, condition: Callable[[FakeSink], bool]) -> None:
        """Wait for taps and wishes."""
        async with asyncio.timeout(DEADLINE):
            while not condition(self):
                self.more.clear()
                await self.more.wait()

    def bring(self, *, key: bool = False) -> FakeChunk:
        """Let the link bring one more encoded picture."""
        self.count += 1
        self.arrived = time.monotonic()
        chunk = FakeChunk(f"chunk {self.count}".encode(), self.count * 3000, key)
        for tap in list(self.taps):
            tap(chunk)
        return chunk

    def jpeg(self) -> bytes | None:
        if self.broken or not self.count:
            return None
        self.encoded.append(self.count)
        return f"picture {self.count}".encode()

    def push(self, now: float) -> None:
        self.count += 1
        self.arrived = now


@dataclass
class FakeConnection:
    connection_state: str = "connected"
    ice_connection_state: str = "completed"
    receives_video: bool = True


@dataclass
class FakePeer:
    name: str
    connections: dict[str, FakeConnection] = field(default_factory=dict)
    sinks: dict[str, FakeSink] = field(default_factory=dict)
    levels: dict[str, float | None] = field(default_factory=dict)
    source_failures: dict[str, str] = field(default_factory=dict)
    sends_video: bool = True
    sends_audio: bool = True

    def video(self, name: str) -> FakeSink | None:
        return self.sinks.get(name)

    def audio_level(self, name: str) -> float | None:
        return self.levels.get(name)


class FakeLoop:
    """The loop of the test itself."""

    closed = False

    def call_soon(self, function: Callable[..., object], *arguments: object) -> None:
        asyncio.get_running_loop().call_soon(function, *arguments)


class FakeMesh:
    """Joining connects at once; pictures come when the test says so."""

    def __init__(self, *names: str) -> None:
        self.room = "1234"
        self.max_peers = 4
        self.url = "http://127.0.0.1:41234"
        self.closed = False
        self.loop = FakeLoop()
        self.log = EventLog(lambda: 0.0)
        self._peers: dict[str, FakePeer] = {}
        for name in names:
            self.add(name)

    @property
    def peers(self) -> dict[str, FakePeer]:
        return dict(self._peers)

    def add(self, name: str) -> FakePeer:
        newcomer = self._peers[name] = FakePeer(name, sinks={name: FakeSink()})
        for other in self._peers.values():
            if other is not newcomer:
                other.sinks[name] = FakeSink()
                other.connections[name] = FakeConnection()
                newcomer.sinks[other.name] = FakeSink()
                newcomer.connections[other.name] = FakeConnection()
        self.log.record(PeerJoined, peer=name, room=self.room)
        return newcomer

    def remove(self, name: str) -> None:
        del self._peers[name]
        for other in self._peers.values():
            del other.sinks[name], other.connections[name]
        self.log.record(PeerLeft, peer=name, room=self.room, reason="left")

    def push(self, now: float) -> None:
        """One more picture everywhere."""
        for peer in self._peers.values():
            for sink in peer.sinks.values():
                sink.push(now)

    async def join_async(self, name: str) -> FakePeer:
        if name in self._peers:
            raise DuplicateNameError(f"{name} is in the room already")
        return self.add(name)

    async def exit_async(self, name: str) -> None:
        if name not in self._peers:
            raise UnknownPeerError(f"there is no peer called {name}")
        self.remove(name)

    def close(self) -> None:
        self.closed = True
        self._peers.clear()
        self.log.record(MeshClosed)

    @property
    def real(self) -> Mesh:
        """As what is read believes it to be."""
        return cast("Mesh", self)


class FakePages:
    """The transport: records what is sent, and waits for what will be."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.buffers: list[list[bytes]] = []
        self._more = asyncio.Event()

    def send(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        self.sent.append(content)
        self.buffers.append(buffers)
        self._more.set()

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [content for content in self.sent if content["type"] == kind]

    async def next(self, kind: str, after: int = 0) -> dict[str, Any]:
        """Wait until more than so many messages of a kind were sent; the newest."""
        async with asyncio.timeout(DEADLINE):
            while len(self.of(kind)) <= after:
                self._more.clear()
                await self._more.wait()
        return self.of(kind)[-1]


async def turns(count: int = 10) -> None:
    """Let everything run that is due now."""
    for _ in range(count):
        await asyncio.sleep(0)
