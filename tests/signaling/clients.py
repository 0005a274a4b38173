"""Clients of the signaling server that know nothing of meshwidget but the way in.

``SeedClient`` is python-socketio's bare client with the events of the blog's page;
``RawSocket`` writes packets by hand, as a hostile program would.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from typing import Any, Self

import aiohttp
import socketio

from meshwidget import Mesh

SECONDS = 5
"""How long anything may take on a busy machine."""

QUIET = logging.getLogger("tests.socketio")
QUIET.addHandler(logging.NullHandler())
QUIET.propagate = False

Heard = tuple[str, tuple[Any, ...]]


class SeedClient:
    """What the blog's page does with its socket, and what it hears."""

    def __init__(self) -> None:
        self.http = aiohttp.ClientSession()
        self.sio = socketio.AsyncClient(
            http_session=self.http,
            reconnection=False,
            handle_sigint=False,
            logger=QUIET,
            engineio_logger=QUIET,
        )
        self.sio.on("*", self._hear)
        self.heard: list[Heard] = []
        self.id = ""
        """``newSocket.id``, also after hanging up."""
        self._arrived = asyncio.Condition()
        self._read = 0

    async def connect(
        self, mesh: Mesh, *, transports: tuple[str, ...] = ("websocket",)
    ) -> Self:
        await self.sio.connect(
            mesh.url,
            auth=mesh.credentials()["auth"],
            transports=list(transports),
            wait=True,
            wait_timeout=SECONDS,
        )
        self.id = self.sio.get_sid()
        return self

    async def join(self, email: str, room: str = "1234", **more: Any) -> dict[str, Any]:
        """Emit ``join_room`` and give the acknowledgement."""
        return await self.call("join_room", {"room": room, "email": email, **more})

    async def call(self, event: str, *arguments: Any) -> dict[str, Any]:
        """Emit and give the acknowledgement."""
        answer = await self.sio.call(event, arguments, timeout=SECONDS)
        assert isinstance(answer, dict), answer
        return answer

    async def emit(self, event: str, *arguments: Any) -> None:
        """Emit as the blog's page does, without asking for an acknowledgement."""
        await self.sio.emit(event, arguments)

    async def hear(self, event: str) -> Any:
        """The payload of the next event, which must be this one."""
        async with asyncio.timeout(SECONDS), self._arrived:
            await self._arrived.wait_for(lambda: len(self.heard) > self._read)
        name, arguments = self.heard[self._read]
        self._read += 1
        assert name == event, (name, arguments)
        assert len(arguments) <= 1
        return arguments[0] if arguments else None

    async def hear_all_until(self, event: str) -> list[Heard]:
        """Everything up to the next event of that name."""

        def position() -> int | None:
            names = [name for name, _ in self.heard]
            return names.index(event, self._read) if event in names else None

        async with asyncio.timeout(SECONDS), self._arrived:
            await self._arrived.wait_for(lambda: position() is not None)
        end = position()
        assert end is not None
        before = self.heard[self._read : end]
        self._read = end + 1
        return before

    @property
    def unheard(self) -> list[Heard]:
        """What has arrived and was not asked for."""
        return self.heard[self._read :]

    async def send_offer(self, target: SeedClient, sdp: str = "v=0 offer") -> Any:
        """``offer`` as the blog sends it."""
        payload = {
            "sdp": {"type": "offer", "sdp": sdp},
            "offerSendID": self.id,
            "offerSendEmail": "offerSendSample@sample.com",
            "offerReceiveID": target.id,
        }
        return await self.call("offer", payload)

    async def send_answer(self, target: SeedClient, sdp: str = "v=0 answer") -> Any:
        """``answer`` as the blog sends it."""
        payload = {
            "sdp": {"type": "answer", "sdp": sdp},
            "answerSendID": self.id,
            "answerReceiveID": target.id,
        }
        return await self.call("answer", payload)

    async def send_candidate(
        self, target: SeedClient, text: str = "candidate:1"
    ) -> Any:
        """``candidate`` as the blog sends it."""
        payload = {
            "candidate": {"candidate": "candidate:1", "sdpMid": "0"},
            "candidateSendID": self.id,
            "candidateReceiveID": target.id,
        }
        return await self.call("candidate", payload)

    async def vanish(self) -> None:
        """Cut the line without a word."""
        await self.http.close()
        await self.sio.eio.wait()

    async def close(self) -> None:
        """Hang up politely, as ``socket.disconnect()`` does in a browser."""
        if self.sio.connected:
            # The Python client closes the line before its goodbye is written.
            await self.sio.eio.send("1")
            await self.sio.eio.queue.join()
        await self.sio.shutdown()
        await self.http.close()

    async def _hear(self, event: str, *arguments: Any) -> None:
        async with self._arrived:
            self.heard.append((event, arguments))
            self._arrived.notify_all()


class RawSocket:
    """A WebSocket on which packets are written by hand (Engine.IO 4, Socket.IO 5)."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.id = ""

    @classmethod
    @contextlib.asynccontextmanager
    async def connected(cls, mesh: Mesh) -> AsyncIterator[RawSocket]:
        """Do the two handshakes."""
        async with (
            aiohttp.ClientSession(headers=mesh.credentials()["headers"]) as http,
            http.ws_connect(
                f"{mesh.url}/socket.io/?EIO=4&transport=websocket", max_msg_size=0
            ) as socket,
        ):
            raw = cls(socket)
            assert (await raw.receive()).startswith("0")
            await raw.send("40")
            answer = await raw.receive()
            assert answer.startswith("40")
            raw.id = json.loads(answer[2:])["sid"]
            yield raw

    async def send(self, packet: str | bytes) -> None:
        """Write one packet; a line that the server has cut is no error here."""
        with contextlib.suppress(ConnectionError):
            if isinstance(packet, bytes):
                await self.socket.send_bytes(packet)
            else:
                await self.socket.send_str(packet)

    async def emit(self, *event: Any) -> None:
        """Write an event without asking for an acknowledgement."""
        await self.send("42" + json.dumps(event))

    async def receive(self) -> str:
        """The next packet that is no ping."""
        async with asyncio.timeout(SECONDS):
            while True:
                message = await self.socket.receive()
                assert message.type is aiohttp.WSMsgType.TEXT, message
                if message.data != "2":
                    return str(message.data)
                await self.send("3")

    async def hear(self, event: str) -> list[Any]:
        """The arguments of the next event of that name."""
        arguments: list[Any]
        while True:
            packet = await self.receive()
            if packet.startswith("42"):
                name, *arguments = json.loads(packet[2:])
                if name == event:
                    return arguments
