"""Requests that no browser of ours would make, at the extension's doors."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from urllib.parse import urlsplit

import aiohttp

from meshwidget import Mesh
from meshwidget.events import TaskFailed

from .conftest import Server

SECONDS = 20
TRIES = 800
AT_ONCE = 8

METHODS = ["GET"] * 6 + ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", ""]
# Not of bytes that are no UTF-8, nor of methods that nobody knows: for those, Jupyter's
# own page of what is not there has a traceback of its own.
PARTS = [
    "", ".", "..", "%2e%2e", "%2F", "%5c", "%00", "%", "%zz", "~",
    "rooms", "views", "guest", "socket.io", "static", "api", "panel.js", "room.html",
    "__proto__", "<svg onload=alert(1)>", "'\"", "*", "a" * 300, ";", "null",
]  # fmt: skip
QUERIES = [
    "", "?", "?token=wrong", "?EIO=4&transport=websocket", "?EIO=%ff&transport=%00",
    "?EIO=4&transport=websocket&transport=polling", "?transport=polling&EIO=4",
    "?EIO=" + "9" * 3000, "?EIO=4%0d%0aX:y&transport=websocket", "?" + "a&" * 500,
]  # fmt: skip
HEADERS = [
    "Upgrade: websocket", "Upgrade: WEBSOCKET, h2c", "Upgrade: \xff",
    "Connection: Upgrade", "Connection: close", "Connection: upgrade, keep-alive",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Key: short",
    "Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 12",
    "Sec-WebSocket-Version: x",
    "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99",
    "Sec-WebSocket-Protocol: " + "a," * 100, "Origin: null", "Origin: http://evil.test",
    "Origin: \xff", "Content-Length: 0",
    "Cookie: _xsrf=" + "x" * 900, "If-None-Match: *", 'If-None-Match: "',
    "Range: bytes=9-1", "Accept-Encoding: gzip",
    "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: gopher",
]  # fmt: skip
AFTER = [
    b"", b"abc", b"\x81\x80\0\0\0\0", b"\x81\x85\0\0\0\0hello", b"\x81\x05hello",
    b"\x88\x81\0\0\0\0\x03", b"\xf1\x80\0\0\0\0",
    b"\x89\xfe\x01\0\0\0\0\0" + b"p" * 256,
    b"\x81\xff" + (2**62).to_bytes(8, "big"), b"\x82\x82\0\0\0\0\xff\xff",
    b"\x81\xfe\xff\xff\0\0\0\0" + b"[" * 65535,
]  # fmt: skip


def request(chance: random.Random, server: Server, mesh: Mesh) -> bytes:
    """One, of a user who is logged in or of nobody, seldom a good one."""
    parts = [*PARTS, *[mesh.room_id] * 6, mesh.room_id[:-1]]
    path = urlsplit(server.root).path
    if chance.random() < 0.5:
        door = chance.choice(["views/guest", "socket.io/", ""])
        path += f"rooms/{mesh.room_id}/{door}"
    if chance.random() < 0.7:
        path += "/".join(chance.choice(parts) for _ in range(chance.randrange(4)))
    lines = [
        f"{chance.choice(METHODS)} {path}{chance.choice(QUERIES)} HTTP/1.1",
        f"Host: {urlsplit(server.origin).netloc}",
    ]
    if chance.random() < 0.8:
        lines.append(f"Authorization: token {server.token}")
    if chance.random() < 0.5:
        lines += [HEADERS[0], HEADERS[3], HEADERS[6], HEADERS[8]]  # a good upgrade
    lines += chance.sample(HEADERS, chance.randrange(4))
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + chance.choice(AFTER)


async def answer(server: Server, sent: bytes) -> int:
    """With which it is answered; 0 when it is hung up on."""
    address = urlsplit(server.origin)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(sent)
        line = await reader.readline()
    except ConnectionError:
        return 0
    finally:
        writer.close()
    return int(line.split()[1]) if line else 0


async def test_nothing_breaks_and_nobody_notices(
    server: Server, mesh: Mesh, user: aiohttp.ClientSession
) -> None:
    chance = random.Random(5)
    panel = mesh.panel()
    answers: Counter[int] = Counter()
    view = f"{server.room(mesh)}views/guest"
    honest = {"type": "hello", "client": "an honest page"}
    async with asyncio.timeout(SECONDS), user.ws_connect(view) as page:
        for _ in range(TRIES // AT_ONCE):
            sent = [request(chance, server, mesh) for _ in range(AT_ONCE)]
            got = await asyncio.gather(*(answer(server, each) for each in sent))
            for each, status in zip(sent, got, strict=True):
                assert status not in {500, 504}, each[:300]
            answers.update(got)
            await page.send_json(honest)
            heard = await page.receive_json()
            assert heard["type"] == "settings", heard
    assert {101, 200, 400, 403, 404} <= set(answers), answers
    assert mesh.log.of(TaskFailed) == []
    panel.close()
