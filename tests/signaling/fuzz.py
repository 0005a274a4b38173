"""Packets that nobody's client would send, at the kernel's port.

``python -m tests.signaling.fuzz [SECONDS [SEED]]``: with and without the secret, over
WebSocket and polling, and below HTTP. Two honest pairs are in rooms of their own, one
here and one in another server, and tell each other something every time: what they
hear has to be that and nothing else. Prints how much was tried and refused, by reason.
Fails if a pair heard anything strange, a request was answered with 500, an exception
was ours, memory grew, the server hung, or an honest client is not let in at the end.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import io
import json
import random
import socket
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import psutil

from meshwidget import Mesh
from meshwidget.events import JoinRefused, MessageRefused, TaskFailed

from .clients import SeedClient

PATIENCE = 30
"""Seconds for any eight attacks; the server hangs if it takes longer."""

ROOM = "1234"
NASTY: list[Any] = [
    None, True, -1, 0, 2**63, 1e308, "", " ", "\0", "\x1b[31m", "\u202ealice", "*",
    "\ud800", "__proto__", "constructor", "1234", "/", "<img src=x onerror=alert(1)>",
    "a" * 65, "a" * 70_000, [], {}, [[]], {"__proto__": {"polluted": 1}}, {"a": [{}]},
    {"_placeholder": True, "num": 0}, {"_placeholder": True, "num": -1},
]  # fmt: skip
EVENTS = (
    "join_room", "leave_room", "offer", "answer", "candidate", "connect", "disconnect",
    "*", "", "__proto__", "message", "all_users", "getOffer", "a" * 5000,
)  # fmt: skip
FIELDS = {
    "join_room": {"room": ROOM, "email": "eve", "session": "?"},
    "offer": {
        "sdp": {"type": "offer", "sdp": "v=0"},
        "offerSendID": "?",
        "offerSendEmail": "eve",
        "offerReceiveID": "?",
    },
    "answer": {
        "sdp": {"type": "answer", "sdp": "v=0"},
        "answerSendID": "?",
        "answerReceiveID": "?",
    },
    "candidate": {
        "candidate": {"candidate": "candidate:1", "sdpMid": "0", "sdpMLineIndex": 0},
        "candidateSendID": "?",
        "candidateReceiveID": "?",
    },
}
"""Good payloads, to be spoiled in one place. ``?`` is an id that the attacker knows."""


class Inputs:
    """Everything that is tried, by chance.

    Parameters
    ----------
    chance : random.Random
    ids : list of str
        Of honest members, and of the attacker.
    """

    def __init__(self, chance: random.Random, ids: list[str]) -> None:
        self.chance = chance
        self.ids = ids

    def packet(self) -> str | bytes:
        """One packet of Engine.IO, seldom a good one."""
        kinds: list[Callable[[], str | bytes]] = [
            self.event,
            self.event,
            self.event,
            self.spoiled_event,
            self.raw,
            self.binary_event,
            self.deep,
            self.json_oddity,
            self.garbage,
        ]
        return self.chance.choice(kinds)()

    def event(self) -> str:
        name = self.chance.choice(EVENTS)
        number = self.chance.choice(["", "1", "0", "9" * 20, "9" * 200, "-1"])
        namespace = self.chance.choice(
            ["", "", "", "/other,", "/?a=b,", "/" * 50 + ","]
        )
        payload = self.payload(name)
        more = [payload] * self.chance.choice([0, 1, 1, 1, 1, 2, 300])
        return f"42{namespace}{number}{json.dumps([name, *more])}"

    def payload(self, name: str) -> Any:
        good = json.loads(json.dumps(FIELDS.get(name, {"a": 1})))
        for field in good:
            if good[field] == "?":
                good[field] = self.chance.choice(self.ids)
        match self.chance.randrange(4):
            case 0:
                good[self.chance.choice(list(good))] = self.chance.choice(NASTY)
            case 1:
                del good[self.chance.choice(list(good))]
            case 2:
                return self.chance.choice(NASTY)
        return good

    def spoiled_event(self) -> str:
        """A good one with one character changed, added or lost."""
        text = self.event()
        at = self.chance.randrange(len(text))
        put = self.chance.choice(["", "\0", '"', "{", "]", "9", "\u2028", "\ud7ff"])
        return text[:at] + put + text[at + self.chance.randrange(2) :]

    def raw(self) -> str:
        kind = self.chance.choice("0123456789bxZ")
        return kind + self.chance.choice(
            ["", "0", "1", "2[]", "3[]", "31[1]", "4{}", "5", "6", "51-[]", "x" * 3000]
        )

    def binary_event(self) -> str | bytes:
        """Attachments that are announced and never come, or come unannounced."""
        count = self.chance.choice(["1", "11", "0", "-1", "9" * 9, "a"])
        holder = {"_placeholder": True, "num": self.chance.choice([0, 1, -1, "0", 1e9])}
        if self.chance.random() < 0.3:
            return self.chance.randbytes(self.chance.choice([0, 1, 1000]))
        bomb = [holder] * self.chance.choice([1, 1, 5000])
        return f"45{count}-{json.dumps(['join_room', *bomb])}"

    def deep(self) -> str:
        depth = self.chance.choice([100, 2000, 100_000])
        return '42["join_room",' + "[" * depth + "]" * depth + "]"

    def json_oddity(self) -> str:
        return "42" + self.chance.choice(
            [
                '["join_room",NaN]',
                '["join_room",{"room":Infinity,"email":-Infinity}]',
                '["join_room",{"room":"1234","room":"2","email":"a","email":"b"}]',
                '["join_room",{"room":"\\ud800","email":"\\udfff"}]',
                '["join_room",' + "1" * 5000 + "]",
                '["join_room",1e999999]',
                '{"join_room":1}',
                '"join_room"',
                "[[]]",
                "",
            ]
        )

    def garbage(self) -> str | bytes:
        length = self.chance.choice([0, 1, 10, 1000, 200_000])
        noise = self.chance.randbytes(length)
        return noise if self.chance.random() < 0.5 else noise.decode("latin-1")


class Witnesses:
    """Two who talk to each other, and may hear nobody else."""

    def __init__(self, mesh: Mesh, room: str) -> None:
        self.mesh = mesh
        self.room = room
        self.pair = (SeedClient(), SeedClient())
        self.said = 0
        self.slowest = 0.0

    async def begin(self) -> None:
        for name, client in zip(("alice", "bob"), self.pair, strict=True):
            await client.connect(self.mesh)
            assert (await client.join(name, self.room))["ok"]
            await client.hear("all_users")

    async def talk(self) -> None:
        """One tells the other something, and that is all there is to hear."""
        one, other = self.pair[:: self.said % 2 * 2 - 1]
        text = f"v=0 {self.room} {self.said}"
        started = time.monotonic()
        assert (await one.send_offer(other, text))["ok"]
        heard = await other.hear("getOffer")
        self.slowest = max(self.slowest, time.monotonic() - started)
        assert heard["sdp"]["sdp"] == text, heard
        assert heard["offerSendID"] == one.id
        assert other.unheard == [], other.unheard
        self.said += 1

    async def end(self) -> None:
        for client in self.pair:
            await client.close()


async def attack_by_websocket(mesh: Mesh, inputs: Inputs, tried: Counter[str]) -> None:
    """A burst on one connection, let in or not."""
    chance = inputs.chance
    is_friend = chance.random() < 0.7
    headers = mesh.credentials()["headers"] if is_friend else {}
    async with aiohttp.ClientSession(headers=headers) as http:
        try:
            line = await http.ws_connect(
                f"{mesh.url}/socket.io/?EIO=4&transport=websocket", max_msg_size=0
            )
        except aiohttp.WSServerHandshakeError as error:
            if error.status not in {400, 403, 503}:
                raise
            return
        with_secret = "friend" if is_friend else "stranger"
        try:
            await line.receive(timeout=5)
            if chance.random() < 0.9:
                await line.send_str("40")
                answer = await line.receive(timeout=5)
                if isinstance(answer.data, str) and answer.data.startswith("40"):
                    inputs.ids[-1] = json.loads(answer.data[2:])["sid"]
            for _ in range(chance.randrange(1, 25)):
                packet = inputs.packet()
                tried[f"WebSocket, {with_secret}"] += 1
                if isinstance(packet, bytes):
                    await line.send_bytes(packet)
                else:
                    await line.send_str(packet.encode("utf-8", "replace").decode())
            if chance.random() < 0.5:
                await line.close()
        except (ConnectionError, TimeoutError, aiohttp.ClientError):
            pass  # it was hung up on
    # The session has cut the line by now; the object has still to hear of it.
    await line.close()


async def attack_by_polling(mesh: Mesh, inputs: Inputs, tried: Counter[str]) -> None:
    chance = inputs.chance
    headers = mesh.credentials()["headers"] if chance.random() < 0.7 else {}
    url = f"{mesh.url}/socket.io/?transport=polling&EIO=4"
    async with aiohttp.ClientSession(headers=headers) as http:
        try:
            async with http.get(url) as response:
                opened = await response.text()
            sid = json.loads(opened[1:])["sid"] if response.status == 200 else "nobody"
            for _ in range(chance.randrange(1, 6)):
                body = "\x1e".join(
                    each if isinstance(each, str) else f"b{each.hex()}"
                    for each in (inputs.packet() for _ in range(chance.choice([1, 16])))
                )
                tried["polling"] += 1
                async with http.post(
                    f"{url}&sid={sid}", data=io.BytesIO(body.encode("utf-8", "replace"))
                ) as response:
                    assert response.status in {200, 400, 403, 413, 503}, [
                        str(each) for each in mesh.log.of(TaskFailed)
                    ][-1:]
                if response.status != 200:
                    break
        except (aiohttp.ClientError, TimeoutError):
            pass


async def attack_by_bytes(mesh: Mesh, inputs: Inputs, tried: Counter[str]) -> None:
    """Below HTTP: halves of handshakes, broken frames, compressed bombs."""
    chance = inputs.chance
    address = urlsplit(mesh.url)
    token = mesh.credentials()["auth"]["token"]
    upgrade = (
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
        f"Host: {address.netloc}\r\nAuthorization: Bearer {token}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    ).encode()
    bomb = zlib.compressobj(wbits=-15)
    zeros = bomb.compress(b"0" * 8_000_000) + bomb.flush(zlib.Z_SYNC_FLUSH)
    frames = [
        b"\x81\x80\0\0\0\0",  # empty text
        b"\x01\x81\0\0\0\0" + b"4",  # the first fragment, and no other
        b"\x80\x80\0\0\0\0",  # a continuation of nothing
        b"\x81\xff" + (2**62).to_bytes(8, "big") + b"\0\0\0\0",
        b"\x89\xfe\x01\x00\0\0\0\0" + b"p" * 256,  # a ping that is too long
        b"\x89\x80\0\0\0\0" * 500,  # many good pings
        b"\xf1\x80\0\0\0\0",  # reserved bits
        b"\x88\x81\0\0\0\0\x03",  # a close with half a code
        b"\xc1\xff" + len(zeros).to_bytes(8, "big") + b"\0\0\0\0" + zeros,
        b"\x81\x05hello",  # not masked
    ]
    wishes = [
        upgrade[: chance.randrange(len(upgrade))],
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 2000,
        b"POST /socket.io/ HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
        b"POST /socket.io/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n",
        b"\x16\x03\x01" + chance.randbytes(200),
        *([upgrade + chance.choice(frames)] * 6),
    ]
    tried["bytes"] += 1
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(chance.choice(wishes))
        if chance.random() < 0.5:
            await asyncio.wait_for(reader.read(400), 0.05)
    except (TimeoutError, ConnectionError):
        pass
    finally:
        if chance.random() < 0.5:  # a reset, not an end
            linger = (1).to_bytes(4, sys.byteorder) + bytes(4)
            writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, linger
            )
        writer.close()


ATTACKS = (attack_by_websocket, attack_by_websocket, attack_by_polling, attack_by_bytes)


async def fuzz(
    seconds: float, seed: int, say: Callable[[str], object] = lambda line: None
) -> int:
    """Attack for so long; gives how many inputs were tried.

    Raises
    ------
    AssertionError
        Somebody noticed.
    """
    chance = random.Random(seed)
    tried: Counter[str] = Counter()
    with Mesh(max_peers=64) as mesh, Mesh() as elsewhere:
        inside, outside = Witnesses(mesh, "quiet"), Witnesses(elsewhere, ROOM)
        for pair in (inside, outside):
            await pair.begin()
        inputs = Inputs(chance, [each.id for each in inside.pair] + ["its own"])
        warm = 0
        started = time.monotonic()
        while (elapsed := time.monotonic() - started) < seconds:
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(
                    *(chance.choice(ATTACKS)(mesh, inputs, tried) for _ in range(8)),
                    inside.talk(),
                    outside.talk(),
                )
            if not warm and elapsed > seconds / 3:
                warm = _memory_in_use()
        end = _memory_in_use()
        grown = (end - (warm or end)) >> 20
        for pair in (inside, outside):
            await pair.talk()
            await pair.end()
        async with asyncio.timeout(20):
            await _an_honest_client_is_let_in(mesh)
        failures = [str(each) for each in (*mesh.log, *elsewhere.log)
                    if isinstance(each, TaskFailed)]  # fmt: skip
        refused = Counter(each.code for each in mesh.log.of(MessageRefused))
        refused += Counter(f"join: {e.code}" for e in mesh.log.of(JoinRefused))
        say(f"{sum(tried.values())} inputs in {seconds:g} s: {dict(tried)}")
        say(f"refused, in the log: {dict(refused)}")
        for reason, count in sorted(mesh._call.server.refusals.items()):
            say(f"  {count} at the door: {reason}")
        say(
            f"the honest: {inside.said + outside.said} messages, the slowest took "
            f"{max(inside.slowest, outside.slowest) * 1000:.0f} ms; "
            f"memory {grown:+} MB since a third of it; {len(mesh.log)} events"
        )
        assert failures == [], failures[:10]
        assert not [e for e in elsewhere.log if isinstance(e, MessageRefused)]
        assert grown < 100, f"{grown} MB more"
    return sum(tried.values())


def _memory_in_use() -> int:
    """Bytes, without what is free and only not given back to the system yet.

    One packet of four megabytes, parsed, is a heap of a hundred for a moment.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it
    if trim is not None:
        trim(0)
    return int(psutil.Process().memory_info().rss)


async def _an_honest_client_is_let_in(mesh: Mesh) -> None:
    while True:
        client = SeedClient()
        try:
            await client.connect(mesh)
            if (await client.join("honest", "another"))["ok"]:
                return
        except Exception as error:  # full of strangers for some seconds
            refused = str(error)
            await asyncio.sleep(0.1)
            assert refused
        finally:
            await client.close()


if __name__ == "__main__":
    given = sys.argv[1:] + ["60", "0"][len(sys.argv) - 1 :]
    asyncio.run(
        fuzz(float(given[0]), int(given[1]), lambda line: sys.stdout.write(line + "\n"))
    )
