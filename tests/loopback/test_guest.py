"""A bare aiortc and socket.io peer, written from the blog alone, in the same room."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Self

import numpy as np
import pytest
import socketio
from aiortc import (
    RTCConfiguration,
    RTCIceCandidate,
    RTCPeerConnection,
    RTCSessionDescription,
    VideoStreamTrack,
)
from aiortc.sdp import candidate_from_sdp, candidate_to_sdp
from av import VideoFrame

from meshwidget import DuplicateNameError, Mesh, RoomFullError
from meshwidget.events import Event, StateChanged, TaskFailed
from meshwidget.peer.ice import host_addresses

from .calls import COLOURS, SECONDS, colour_of, painted
from .conftest import MakeMesh


class Painted(VideoStreamTrack):
    """A track of one colour."""

    def __init__(self, colour: str) -> None:
        super().__init__()
        self.picture = np.full((240, 240, 3), COLOURS[colour], np.uint8)

    async def recv(self) -> VideoFrame:
        frame = VideoFrame.from_ndarray(self.picture, format="rgb24")
        frame.pts, frame.time_base = await self.next_timestamp()
        return frame


class Guest:
    """The blog's client: one RTCPeerConnection for each of the others, by socket id."""

    def __init__(self, mesh: Mesh, name: str, colour: str = "blue") -> None:
        self.mesh = mesh
        self.room = mesh.room
        self.name = name
        self.colour = colour
        self.connections: dict[str, RTCPeerConnection] = {}
        self.names: dict[str, str] = {}
        self.chain = asyncio.Lock()
        """Operations wait for each other, as in a browser (webrtc-pc, 4.4.1.2)."""
        self.seen: dict[str, asyncio.Future[str | None]] = {}
        self.exits: asyncio.Queue[str] = asyncio.Queue()
        self.readers: set[asyncio.Task[None]] = set()
        self.sio = socketio.AsyncClient(handle_sigint=False)
        for event, handler in (
            ("all_users", self._all_users),
            ("getOffer", self._offer),
            ("getAnswer", self._answer),
            ("getCandidate", self._candidate),
            ("user_exit", self._user_exit),
        ):
            self.sio.on(event, handler)

    async def join(self) -> Self:
        """``io.connect`` and ``join_room``."""
        await self.sio.connect(self.mesh.url, **self.mesh.credentials())
        # Answered when it is in the room, and others can wait for it.
        await self.sio.call("join_room", {"room": self.room, "email": self.name})
        return self

    async def sees(self, identity: str) -> str | None:
        """The colour that is received from there."""
        return await asyncio.wait_for(self._seen(identity), SECONDS)

    async def leave(self) -> None:
        await self.sio.eio.send("1")
        await self.sio.eio.queue.join()
        await self.sio.disconnect()
        for task in self.readers:
            task.cancel()
        await asyncio.gather(*(each.close() for each in self.connections.values()))

    def _seen(self, identity: str) -> asyncio.Future[str | None]:
        future = asyncio.get_running_loop().create_future()
        return self.seen.setdefault(identity, future)

    def _create(self, identity: str, name: str) -> RTCPeerConnection:
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.connections[identity] = connection
        self.names[identity] = name
        connection.addTrack(Painted(self.colour))
        connection.addTransceiver("audio", direction="recvonly")

        def take(track: Any) -> None:
            task = asyncio.create_task(self._watch(identity, track))
            self.readers.add(task)

        connection.on("track", take)
        return connection

    async def _watch(self, identity: str, track: Any) -> None:
        while True:
            frame = await track.recv()
            seen = self._seen(identity)
            if track.kind == "video" and not seen.done():
                seen.set_result(colour_of(frame.to_ndarray(format="rgb24")))

    async def _describe(self, identity: str) -> dict[str, str]:
        connection = self.connections[identity]
        with host_addresses(["127.0.0.1"]):
            await connection.setLocalDescription()
        description = connection.localDescription
        return {"type": description.type, "sdp": description.sdp}

    async def _all_users(self, users: list[dict[str, str]]) -> None:
        for user in users:
            self._create(user["id"], user["email"])
            await self.sio.emit(
                "offer",
                {
                    "sdp": await self._describe(user["id"]),
                    "offerSendID": self.sio.get_sid(),
                    "offerSendEmail": "offerSendSample@sample.com",
                    "offerReceiveID": user["id"],
                },
            )
            await self._send_candidates(user["id"])

    async def _offer(self, data: dict[str, Any]) -> None:
        sender = data["offerSendID"]
        connection = self._create(sender, data["offerSendEmail"])
        async with self.chain:
            await connection.setRemoteDescription(RTCSessionDescription(**data["sdp"]))
        await self.sio.emit(
            "answer",
            {
                "sdp": await self._describe(sender),
                "answerSendID": self.sio.get_sid(),
                "answerReceiveID": sender,
            },
        )
        await self._send_candidates(sender)

    async def _answer(self, data: dict[str, Any]) -> None:
        connection = self.connections[data["answerSendID"]]
        async with self.chain:
            await connection.setRemoteDescription(RTCSessionDescription(**data["sdp"]))

    async def _candidate(self, data: dict[str, Any]) -> None:
        connection = self.connections[data["candidateSendID"]]
        init = data["candidate"]
        candidate = candidate_from_sdp(init["candidate"].split(":", 1)[1])
        candidate.sdpMid = init["sdpMid"]
        candidate.sdpMLineIndex = init["sdpMLineIndex"]
        async with self.chain:
            await connection.addIceCandidate(candidate)

    async def _send_candidates(self, identity: str) -> None:
        """Again, alone, as a browser sends them beside the description."""
        transceiver = self.connections[identity].getTransceivers()[0]
        gatherer = transceiver.sender.transport.transport.iceGatherer
        candidate: RTCIceCandidate
        for candidate in gatherer.getLocalCandidates():
            await self.sio.emit(
                "candidate",
                {
                    "candidate": {
                        "candidate": f"candidate:{candidate_to_sdp(candidate)}",
                        "sdpMid": transceiver.mid,
                        "sdpMLineIndex": 0,
                        "usernameFragment": None,
                    },
                    "candidateSendID": self.sio.get_sid(),
                    "candidateReceiveID": identity,
                },
            )

    async def _user_exit(self, data: dict[str, str]) -> None:
        await self.connections.pop(data["id"]).close()
        self.exits.put_nowait(data["id"])


@pytest.fixture
async def guests() -> AsyncIterator[list[Guest]]:
    """Guests that leave at the end."""
    made: list[Guest] = []
    yield made
    for guest in made:
        if guest.sio.connected:
            await guest.leave()


@pytest.mark.parametrize("is_tuned", [True, False], ids=["tuned", "plain"])
@pytest.mark.parametrize("order", ["guest last", "guest first"])
async def test_a_guest_sees_and_is_seen(
    make_mesh: MakeMesh, guests: list[Guest], order: str, is_tuned: bool
) -> None:
    mesh = make_mesh(tuned=is_tuned)
    guest = Guest(mesh, "guest")
    guests.append(guest)
    if order == "guest first":
        await guest.join()
    alice = await mesh.join_async("alice", video=painted("red"))
    bob = await mesh.join_async("bob", video=painted("green"), audio=None)
    if order == "guest last":
        await guest.join()
    assert await guest.sees(alice.id) == "red"
    assert await guest.sees(bob.id) == "green"
    await mesh.wait_connected_async(timeout=SECONDS)
    assert colour_of(alice.frame("guest")) == "blue"
    assert colour_of(bob.frame("guest")) == "blue"
    assert set(guest.names.values()) == {"alice", "bob"}
    assert list(mesh.peers) == ["alice", "bob"]
    assert set(alice.connections) == {"bob", "guest"}
    await mesh.exit_async("bob")
    assert await asyncio.wait_for(guest.exits.get(), SECONDS) == bob.id
    assert mesh.log.of(TaskFailed) == []


async def test_a_guest_hears_of_a_crash(
    make_mesh: MakeMesh, guests: list[Guest]
) -> None:
    mesh = make_mesh()
    alice = await mesh.join_async("alice", video=painted("red"))
    guest = await Guest(mesh, "guest").join()
    guests.append(guest)
    assert await guest.sees(alice.id) == "red"
    await mesh.crash_async("alice")
    assert await asyncio.wait_for(guest.exits.get(), SECONDS) == alice.id


async def test_a_guest_takes_a_place_and_a_name(
    make_mesh: MakeMesh, guests: list[Guest]
) -> None:
    mesh = make_mesh(max_peers=2)
    guest = await Guest(mesh, "guest").join()
    guests.append(guest)
    alice = await mesh.join_async("alice", video=painted("red"))
    await guest.sees(alice.id)
    with pytest.raises(RoomFullError):
        await mesh.join_async("bob")
    await mesh.exit_async("alice")
    with pytest.raises(DuplicateNameError):
        await mesh.join_async("guest")
    assert mesh.peers == {}


async def test_two_guests_and_a_peer(make_mesh: MakeMesh, guests: list[Guest]) -> None:
    mesh = make_mesh()
    first = await Guest(mesh, "first", "white").join()
    guests.append(first)
    alice = await mesh.join_async("alice", video=painted("red"))
    await first.sees(alice.id)
    second = await Guest(mesh, "second", "green").join()
    guests.append(second)
    assert await second.sees(alice.id) == "red"
    assert await second.sees(first.sio.get_sid()) == "white"
    assert await first.sees(second.sio.get_sid()) == "green"
    await mesh.wait_connected_async(timeout=SECONDS)
    assert colour_of(alice.frame("first")) == "white"
    assert colour_of(alice.frame("second")) == "green"


async def test_a_guest_that_leaves_is_forgotten(
    make_mesh: MakeMesh, guests: list[Guest]
) -> None:
    mesh = make_mesh()
    alice = await mesh.join_async("alice", video=painted("red"))
    guest = await Guest(mesh, "guest").join()
    await guest.sees(alice.id)
    gone = asyncio.Event()
    loop = asyncio.get_running_loop()

    def note(event: Event) -> None:
        if isinstance(event, StateChanged) and event.new == "closed":
            loop.call_soon_threadsafe(gone.set)

    unsubscribe = mesh.log.subscribe(note)
    await guest.leave()
    async with asyncio.timeout(SECONDS):
        while alice.connections:
            await gone.wait()
            gone.clear()
    unsubscribe()
    assert alice.frame("guest") is None
