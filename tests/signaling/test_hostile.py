"""What the fuzzer has found, and the fuzzer itself for a moment.

``python -m tests.signaling.fuzz 60`` takes longer.
"""

from __future__ import annotations

import asyncio
import json
import logging

import aiohttp
import pytest

from meshwidget import Mesh
from meshwidget.events import MessageRefused, TaskFailed

from ..loopback.calls import wait_until
from .clients import SECONDS, RawSocket
from .fuzz import fuzz

CANNOT_BE_READ = ["Z", "b1", "x", "ñ"]


@pytest.mark.parametrize("seed", [1, 2])
async def test_nobody_notices_a_fuzzer(seed: int) -> None:
    assert await fuzz(3, seed) > 40


@pytest.mark.parametrize("packet", CANNOT_BE_READ)
async def test_a_packet_that_cannot_be_decoded_leaves_no_session(
    mesh: Mesh, packet: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with RawSocket.connected(mesh) as raw:
        await raw.send(packet)
        async with asyncio.timeout(SECONDS):
            while (await raw.socket.receive()).type is aiohttp.WSMsgType.TEXT:
                pass  # until it is hung up on
    sessions = mesh._call.server._sio.eio.sockets
    await asyncio.to_thread(wait_until, mesh, lambda: not sessions)
    assert mesh.log.of(MessageRefused)[0].code == "malformed"
    assert mesh.log.of(TaskFailed) == []
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("body", ["Z", "b1", "", "4\x1e4\x1e", "40\x1e45" + "x" * 10])
async def test_what_is_posted_and_cannot_be_read_is_counted(
    mesh: Mesh, body: str
) -> None:
    url = f"{mesh.url}/socket.io/?transport=polling&EIO=4"
    headers = mesh.credentials()["headers"]
    async with (
        asyncio.timeout(SECONDS),
        aiohttp.ClientSession(headers=headers) as http,
    ):
        async with http.get(url) as response:
            sid = json.loads((await response.text())[1:])["sid"]
        for _ in range(3):  # also to one that was hung up on, and never polls
            async with http.post(f"{url}&sid={sid}", data=body) as response:
                assert response.status in {200, 400, 403}
    assert mesh.log.of(TaskFailed) == []


async def test_what_is_no_http_is_counted_and_printed_nowhere(
    mesh: Mesh, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    host, _, port = mesh.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    async with asyncio.timeout(SECONDS):
        assert b"400" in await reader.readline()
    writer.close()
    assert list(mesh._call.server.refusals) == [
        "its request is no HTTP (BadHttpMessage)"
    ]
    assert mesh.log.of(TaskFailed) == []
    assert capsys.readouterr().err == ""
    assert caplog.records == []
