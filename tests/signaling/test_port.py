"""The kernel's port: who knows the secret is let in, and nobody else is."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest
import socketio
from aiohttp import web

from meshwidget import Mesh
from meshwidget.events import (
    AccessRefused,
    MessageRefused,
    PeerJoined,
    PortOpened,
    TaskFailed,
)
from meshwidget.signaling import door as door_module
from meshwidget.signaling import port as port_module
from meshwidget.signaling.limits import MAX_STRANGERS, STRANGER_SECONDS

from ..loopback.calls import CLOSE_SECONDS
from .clients import QUIET, SECONDS, RawSocket, SeedClient
from .conftest import Connect
from .test_server import exchange

SESSION = "/socket.io/?EIO=4&transport="

Pair = tuple[SeedClient, SeedClient]


@pytest.fixture(autouse=True)
def _nobody_notices(mesh: Mesh) -> Iterator[None]:
    yield
    assert mesh.log.of(TaskFailed) == []


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A program of somebody who knows the port and not the secret."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def friend(mesh: Mesh) -> AsyncIterator[aiohttp.ClientSession]:
    """One who knows the secret."""
    headers = mesh.credentials()["headers"]
    async with aiohttp.ClientSession(headers=headers) as session:
        yield session


@contextlib.asynccontextmanager
async def dialled(mesh: Mesh, said: bytes = b"") -> AsyncIterator[asyncio.StreamReader]:
    """A line on which this is said and nothing else."""
    host, port = mesh.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(said)
        yield reader
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def until_closed(reader: asyncio.StreamReader) -> bytes:
    """Everything up to the end of a line, which must come."""
    async with asyncio.timeout(STRANGER_SECONDS + SECONDS):
        with contextlib.suppress(ConnectionError):
            return await reader.read()
    return b""


# With the secret ----------------------------------------------------------------------


@pytest.mark.parametrize("transports", [["websocket"], ["polling"], None])
@pytest.mark.parametrize("way", ["auth", "headers"])
async def test_either_credential_is_enough(
    mesh: Mesh, http: aiohttp.ClientSession, way: str, transports: list[str] | None
) -> None:
    client = socketio.AsyncClient(
        http_session=http,
        reconnection=False,
        handle_sigint=False,
        logger=QUIET,
        engineio_logger=QUIET,
    )
    given = {way: mesh.credentials()[way]}
    await client.connect(mesh.url, transports=transports, **given)
    request = {"room": "1234", "email": "script"}
    assert (await client.call("join_room", request, timeout=SECONDS))["ok"]
    await http.close()  # a goodbye by polling would wait for the poll's end
    await client.eio.wait()


async def test_a_friend_stays(
    mesh: Mesh, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time that strangers have is over for one who gave the token in it."""
    monkeypatch.setattr(door_module, "STRANGER_SECONDS", 1)
    client = SeedClient()
    polling = SeedClient()
    try:
        await client.connect(mesh)
        await polling.connect(mesh, transports=("polling",))
        async with dialled(mesh) as reader:
            await until_closed(reader)  # as long as a stranger may stay
        assert (await client.join("client"))["ok"]
        assert (await polling.join("polling"))["ok"]
    finally:
        await asyncio.gather(client.close(), polling.vanish())


async def test_the_secret_cannot_be_guessed() -> None:
    with Mesh() as one, Mesh() as other:
        tokens = [each.credentials()["auth"]["token"] for each in (one, other)]
        assert tokens[0] != tokens[1]
        assert min(map(len, tokens)) >= 43  # 256 bits
        assert one.room_id != other.room_id
        assert min(len(one.room_id), len(other.room_id)) >= 22  # 128 bits
        url = f"{one.url}{SESSION}polling"
        headers = other.credentials()["headers"]
        async with (
            aiohttp.ClientSession(headers=headers) as http,
            http.get(url) as answer,
        ):
            assert answer.status == 403


def test_nothing_tells_the_secret(mesh: Mesh) -> None:
    token = mesh.credentials()["auth"]["token"]
    assert token not in repr(mesh) + mesh.url + repr(list(mesh.log)) + mesh.room_id


async def test_a_token_of_ones_own(http: aiohttp.ClientSession) -> None:
    with Mesh(token="correct-horse-battery") as mesh:
        assert mesh.credentials()["auth"] == {"token": "correct-horse-battery"}
        mesh.join("alice")
        headers = {"Authorization": "bearer correct-horse-battery"}
        url = f"{mesh.url}{SESSION}polling"
        async with http.get(url, headers=headers) as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("short", "5 characters"),
        ("", "0 characters"),
        ("x" * 600, "600 characters"),
        ("with a space in it", "ASCII"),
        ("with\na line break!", "ASCII"),
        ("mit Ümläuten und so", "ASCII"),
        (b"bytes are no text at all", "bytes"),
    ],
)
def test_tokens_that_are_no_good(token: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Mesh(token=token)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_an_open_address_needs_a_token(host: str) -> None:
    with pytest.raises(ValueError, match=r"every machine that reaches.*token="):
        Mesh(host=host)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
def test_a_loopback_address_opens_nothing(host: str) -> None:
    with Mesh(host=host) as mesh:
        assert mesh.log.of(PortOpened) == []


async def test_what_an_open_address_opens_is_said() -> None:
    with Mesh(host="0.0.0.0", token="a" * 16) as mesh:
        (opened,) = mesh.log.of(PortOpened)
        assert opened.address == mesh.url.removeprefix("http://")
        mesh.join("alice")
        assert mesh.log.of(PeerJoined)


# Without it ---------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS", "HEAD", "TRACE"])
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/views/panel",
        "/views/",
        "/socket.io",
        "/socket.io//",
        "/socket.io/x",
        "//socket.io/",
        "/SOCKET.IO/",
        "/socket.io/../views/panel",
        "/socket.io/%2e%2e/views/panel",
        "/socket%2eio/",
        "/%73ocket.io/",
        "/socket.io/;x",
        "/views/..%2f..%2fetc%2fpasswd",
        "/api/rooms",
    ],
)
async def test_nothing_but_socket_io_answers(
    mesh: Mesh, method: str, path: str
) -> None:
    said = f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    async with dialled(mesh, said) as reader:
        assert (await until_closed(reader)).startswith(b"HTTP/1.1 403 ")
    assert len(mesh.log.of(AccessRefused)) == 1


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer x", "Basic dXNlcjpwYXNz", "Bearer \xe4\xff", "x"],
)
@pytest.mark.parametrize("path", ["/views/panel", f"{SESSION}polling", "/"])
async def test_a_wrong_header(mesh: Mesh, header: str, path: str) -> None:
    said = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {header}\r\n\r\n"
    async with dialled(mesh, said.encode("latin-1")) as reader:
        assert (await until_closed(reader)).startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize(
    "auth",
    [None, {}, {"token": ""}, {"token": None}, {"token": 7}, {"token": "x" * 43}, "x"],
)
async def test_a_wrong_token(mesh: Mesh, pair: Pair, auth: Any) -> None:
    client = socketio.AsyncClient(
        handle_sigint=False, logger=QUIET, engineio_logger=QUIET, reconnection=False
    )
    refused: list[Any] = []
    client.on("connect_error", refused.append)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(
            mesh.url, auth=auth, transports=["websocket"], wait_timeout=SECONDS
        )
    assert refused == [{"message": "give the call's token: mesh.credentials() has it"}]
    await client.disconnect()
    await exchange(*pair)


@contextlib.asynccontextmanager
async def stranger(
    mesh: Mesh, http: aiohttp.ClientSession
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A WebSocket with a session of engine.io and no token."""
    async with http.ws_connect(f"{mesh.url}{SESSION}websocket") as socket:
        assert str((await socket.receive()).data).startswith("0")
        yield socket


@pytest.mark.parametrize(
    "packet",
    [
        '42["join_room",{"room":"1234","email":"eve"}]',
        '42["offer",{}]',
        "41",
        "43[]",
        '451-["offer",{"_placeholder":true,"num":0}]',
        "4",
        "40" + "x" * 5000,
        "40/elsewhere," + "[" * 5000,
        "bAAAA",
        b"\x00" * 100_000,
    ],
    ids=lambda packet: repr(packet[:20]),
)
async def test_a_stranger_is_not_heard(
    mesh: Mesh, http: aiohttp.ClientSession, pair: Pair, packet: str | bytes
) -> None:
    async with stranger(mesh, http) as socket:
        if isinstance(packet, bytes):
            await socket.send_bytes(packet)
        else:
            await socket.send_str(packet)
        async with asyncio.timeout(SECONDS):
            while (message := await socket.receive()).type != aiohttp.WSMsgType.TEXT:
                assert message.type is not aiohttp.WSMsgType.CLOSED
        assert message.data == "1"  # engine.io's goodbye
    await exchange(*pair)
    assert mesh.log.of(MessageRefused) == []
    (refused,) = mesh.log.of(AccessRefused)
    assert "before it has given" in str(refused)


@pytest.mark.parametrize("packet", ["40", "40{}", '40{"token":', "40[[[", "40/x,{}"])
async def test_a_stranger_who_is_not_let_in_is_cut_off(
    mesh: Mesh,
    http: aiohttp.ClientSession,
    monkeypatch: pytest.MonkeyPatch,
    packet: str,
) -> None:
    monkeypatch.setattr(door_module, "STRANGER_SECONDS", 1)
    async with stranger(mesh, http) as socket:
        await socket.send_str(packet)
        async with asyncio.timeout(SECONDS):
            while not socket.closed:
                await socket.receive()


async def test_a_stranger_cannot_stay(
    mesh: Mesh, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door_module, "STRANGER_SECONDS", 1)
    async with stranger(mesh, http) as socket:
        async with asyncio.timeout(SECONDS):
            while not socket.closed:
                await socket.receive()
    async with http.get(f"{mesh.url}{SESSION}polling") as answer:
        session = (await answer.text())[8:].split('"')[0]
    async with dialled(mesh) as reader:
        await until_closed(reader)  # as long as a stranger may stay
    async with http.get(f"{mesh.url}{SESSION}polling&sid={session}") as answer:
        assert answer.status == 403


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"GET /socket.io/ HTTP/1.1\r\n",
        b"GET /socket.io/ HTTP/1.1\r\nHost: x\r\n",
        b"POST /socket.io/ HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc",
        b"POST /socket.io/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"\x00" * 100_000,
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5_000,
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    ],
    ids=lambda said: repr(said[:24]),
)
async def test_lines_on_which_nothing_comes(
    mesh: Mesh, pair: Pair, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(door_module, "STRANGER_SECONDS", 0.3)
    async with dialled(mesh, said) as reader:
        await until_closed(reader)
    await exchange(*pair)


async def test_hundreds_of_silent_lines_keep_nobody_out(
    mesh: Mesh, connect: Connect, pair: Pair
) -> None:
    host, port = mesh.url.removeprefix("http://").split(":")
    with contextlib.ExitStack() as silent:
        for _ in range(600):  # with the server's below the usual limit of descriptors
            silent.enter_context(socket.create_connection((host, int(port))))
        late = await connect()
        assert (await late.join("late"))["ok"]
        await exchange(*pair)
    refusals = mesh._call.server.refusals
    (reason,) = refusals
    assert refusals[reason] > 100
    assert len(mesh.log.of(AccessRefused)) <= 3


async def test_a_thousand_strangers_who_speak_keep_nobody_out(
    mesh: Mesh, http: aiohttp.ClientSession, connect: Connect, pair: Pair
) -> None:
    """Each gets an error with its status, and nothing of them stays."""
    turn = asyncio.Semaphore(MAX_STRANGERS // 2)

    async def knock(path: str) -> int:
        async with turn, http.get(f"{mesh.url}{path}") as answer:
            await answer.read()
            return answer.status

    paths = ("/", "/views/panel", "/socket.io/?EIO=4&transport=websocket")
    statuses = await asyncio.gather(*(knock(paths[n % 3]) for n in range(1000)))
    assert set(statuses) <= {400, 403, 503}
    late = await connect()
    assert (await late.join("late"))["ok"]
    await exchange(*pair)
    assert sum(mesh._call.server.refusals.values()) >= 600
    assert len(mesh.log.of(AccessRefused)) <= 3 * len(mesh._call.server.refusals)


async def test_strangers_sessions_are_few(
    mesh: Mesh, http: aiohttp.ClientSession, pair: Pair
) -> None:
    statuses = []
    for _ in range(3 * MAX_STRANGERS):
        async with http.get(f"{mesh.url}{SESSION}polling") as answer:
            statuses.append(answer.status)
    assert statuses[0] == 200
    assert statuses[-1] == 503
    await exchange(*pair)
    await mesh.join_async("participant")  # knows the secret, and comes in


async def test_all_lines_together_have_a_limit(
    mesh: Mesh, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port_module, "MAX_LINES", 2)
    async with dialled(mesh) as reader:
        said = await until_closed(reader)
    assert said.startswith(b"HTTP/1.1 503 ")
    assert said.endswith(b"connections are open, and no more")
    await exchange(*pair)


async def test_a_flood_of_requests_fills_no_log(
    mesh: Mesh, http: aiohttp.ClientSession
) -> None:
    for _ in range(120):
        async with http.get(f"{mesh.url}/") as answer:
            assert answer.status == 403
            assert "secret" in await answer.text()
    counts = [event.count for event in mesh.log.of(AccessRefused)]
    assert counts == [1, 10, 100]
    assert sum(mesh._call.server.refusals.values()) == 120


@pytest.mark.parametrize(
    "query", ["", "?EIO=3&transport=websocket", "?EIO=4&transport=pigeon", "?sid=x"]
)
async def test_requests_that_are_not_engine_ios(
    mesh: Mesh, friend: aiohttp.ClientSession, query: str
) -> None:
    """Also what a socket.io client of version 2 says, as the blog's was."""
    for _ in range(3):
        async with friend.get(f"{mesh.url}/socket.io/{query}") as answer:
            assert answer.status == 400
    (refused,) = mesh.log.of(AccessRefused)
    assert "breaks Engine.IO's protocol" in str(refused)


# Views --------------------------------------------------------------------------------


async def echo(socket: web.WebSocketResponse) -> None:
    """A channel that says everything back."""
    async for message in socket:
        if message.type == aiohttp.WSMsgType.TEXT:
            await socket.send_str(message.data)
        elif message.type == aiohttp.WSMsgType.BINARY:
            await socket.send_bytes(message.data)


def serve(mesh: Mesh, **channels: Any) -> None:
    mesh._call.server.channels.update(channels)


async def test_a_view_talks_to_its_channel(
    mesh: Mesh, friend: aiohttp.ClientSession
) -> None:
    serve(mesh, echo=echo)
    async with friend.ws_connect(f"{mesh.url}/views/echo") as socket:
        await socket.send_str("hello")
        assert (await socket.receive()).data == "hello"
        await socket.send_bytes(b"\x00" * 60_000)
        assert (await socket.receive()).data == b"\x00" * 60_000


@pytest.mark.parametrize("name", ["nobody", "echo/", "..", "%2e%2e", "echo%2f", "é"])
async def test_channels_that_are_not_there(
    mesh: Mesh, friend: aiohttp.ClientSession, name: str
) -> None:
    serve(mesh, echo=echo)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await friend.ws_connect(f"{mesh.url}/views/{name}")
    assert refused.value.status == 404


async def test_a_view_is_a_websocket(mesh: Mesh, friend: aiohttp.ClientSession) -> None:
    serve(mesh, echo=echo)
    async with friend.get(f"{mesh.url}/views/echo") as answer:
        assert answer.status == 400
        assert "WebSocket" in await answer.text()


async def test_a_message_that_is_too_large_ends_a_view(
    mesh: Mesh, friend: aiohttp.ClientSession
) -> None:
    serve(mesh, echo=echo)
    async with friend.ws_connect(f"{mesh.url}/views/echo") as socket:
        await socket.send_bytes(b"\x00" * 70_000)
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG


async def test_a_channel_that_returns_hangs_up(
    mesh: Mesh, friend: aiohttp.ClientSession
) -> None:
    async def brief(socket: web.WebSocketResponse) -> None:
        await socket.send_str("bye")

    serve(mesh, brief=brief)
    async with friend.ws_connect(f"{mesh.url}/views/brief") as socket:
        assert (await socket.receive()).data == "bye"
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE


async def test_views_have_a_limit(
    mesh: Mesh, friend: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port_module, "MAX_VIEWS", 2)
    serve(mesh, echo=echo)
    url = f"{mesh.url}/views/echo"
    async with friend.ws_connect(url) as first:
        async with friend.ws_connect(url):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await friend.ws_connect(url)
            assert refused.value.status == 503
        await first.send_str("still")
        assert (await first.receive()).data == "still"
        async with asyncio.timeout(SECONDS):
            while True:  # until the server has noticed that the second is gone
                with contextlib.suppress(aiohttp.WSServerHandshakeError):
                    async with friend.ws_connect(url):
                        break


async def test_closing_the_mesh_ends_its_views(
    mesh: Mesh, friend: aiohttp.ClientSession
) -> None:
    serve(mesh, echo=echo)
    async with friend.ws_connect(f"{mesh.url}/views/echo") as socket:
        await socket.send_str("hello")
        await socket.receive()
        await mesh.close_async()
        message = await socket.receive()
        # What it said; the code is another one when the answer came too late.
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert message.data == aiohttp.WSCloseCode.GOING_AWAY


async def test_a_page_that_is_gone_is_no_failure(
    mesh: Mesh, friend: aiohttp.ClientSession
) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def chatter(socket: web.WebSocketResponse) -> None:
        try:
            while True:
                await socket.send_bytes(b"\x00" * 10_000)
                await asyncio.sleep(0)
        finally:
            loop.call_soon_threadsafe(ended.set)

    serve(mesh, chatter=chatter)
    socket = await friend.ws_connect(f"{mesh.url}/views/chatter")
    await socket.receive()
    await friend.close()
    await asyncio.wait_for(ended.wait(), SECONDS)


async def test_nobody_keeps_a_slow_mesh_from_closing(
    mesh: Mesh, friend: aiohttp.ClientSession
) -> None:
    """A page that reads nothing and a handler that ends never."""

    async def stubborn(socket: web.WebSocketResponse) -> None:
        await asyncio.Event().wait()

    serve(mesh, stubborn=stubborn)
    loop = asyncio.get_running_loop()
    async with friend.ws_connect(f"{mesh.url}/views/stubborn"):
        started = loop.time()
        await mesh.close_async()
        assert loop.time() - started < CLOSE_SECONDS


@pytest.mark.parametrize("ends", [True, False])
async def test_a_page_that_reads_nothing_keeps_no_mesh_from_closing(
    mesh: Mesh, ends: bool
) -> None:
    stalled = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def pour(socket: web.WebSocketResponse) -> None:
        with contextlib.suppress(TimeoutError):
            while True:
                async with asyncio.timeout(0.2):
                    await socket.send_bytes(b"\x00" * 100_000)
        loop.call_soon_threadsafe(stalled.set)
        if not ends:
            await asyncio.Event().wait()

    serve(mesh, pour=pour)
    host, port = mesh.url.removeprefix("http://").split(":")
    said = (
        "GET /views/pour HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        f"Authorization: {mesh.credentials()['headers']['Authorization']}\r\n\r\n"
    )
    with socket.create_connection((host, int(port))) as page:
        page.sendall(said.encode())
        await asyncio.wait_for(stalled.wait(), SECONDS)
        started = loop.time()
        await mesh.close_async()
        assert loop.time() - started < CLOSE_SECONDS
    assert not mesh.loop.thread.is_alive()


async def test_raw_sockets_come_in_with_the_header(mesh: Mesh, pair: Pair) -> None:
    async with RawSocket.connected(mesh) as raw:
        await raw.emit("nonsense")
        await raw.hear("signaling_error")
    await exchange(*pair)


class TestFailingChannels:
    """Their log has failures on purpose."""

    @pytest.fixture(autouse=True)
    def _nobody_notices(self) -> None:
        """Not here."""

    async def test_a_channel_that_raises_is_an_event(
        self, mesh: Mesh, friend: aiohttp.ClientSession
    ) -> None:
        async def broken(socket: web.WebSocketResponse) -> None:
            raise KeyError("what")

        serve(mesh, broken=broken)
        async with friend.ws_connect(f"{mesh.url}/views/broken") as socket:
            assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
        (failed,) = mesh.log.of(TaskFailed)
        assert str(failed) == "the WebSocket of view broken failed: KeyError: 'what'"
