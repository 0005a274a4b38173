"""WebSockets through Jupyter's server into a call."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
import socketio
from aiohttp import web
from yarl import URL

from meshwidget import Mesh
from meshwidget.events import AccessRefused, PeerLeft, TaskFailed
from meshwidget.registration import registration_of_this_process, write
from meshwidget.server_extension.sockets import (
    MAX_AT_A_DOOR,
    MAX_IN_A_ROOM,
    MAX_IN_ALL,
    OpenSockets,
    TooManySockets,
)
from meshwidget.signaling.limits import MAX_PACKET_BYTES, MAX_VIEW_BYTES

from ..signaling.clients import QUIET, SECONDS, SeedClient
from ..signaling.test_server import exchange
from .conftest import Server

Join = Callable[[Mesh, str], Awaitable[SeedClient]]


async def status_of(session: aiohttp.ClientSession, url: str, **options: Any) -> int:
    """With which a WebSocket is refused; 101 when it is not."""
    try:
        async with session.ws_connect(URL(url, encoded=True), **options):
            return 101
    except aiohttp.WSServerHandshakeError as error:
        return error.status


async def echo(socket: web.WebSocketResponse) -> None:
    """A channel that says everything back."""
    async for message in socket:
        if message.type == aiohttp.WSMsgType.TEXT:
            await socket.send_str(message.data)
        elif message.type == aiohttp.WSMsgType.BINARY:
            await socket.send_bytes(message.data)


@pytest.fixture
def echoing(mesh: Mesh, server: Server) -> str:
    """The address of a view that says everything back."""
    mesh._call.server.channels["echo"] = echo
    return f"{server.room(mesh)}views/echo"


@pytest.fixture
async def join(server: Server) -> AsyncIterator[Join]:
    """The blog's client, with a login and without the kernel's secret."""
    clients: list[SeedClient] = []

    async def join(mesh: Mesh, name: str) -> SeedClient:
        client = SeedClient()
        clients.append(client)
        url = URL(server.room(mesh))
        await client.sio.connect(
            f"{url.origin()}?token={server.token}",
            socketio_path=f"{url.path}socket.io",
            transports=["websocket"],
            wait_timeout=SECONDS,
        )
        client.id = client.sio.get_sid()
        assert (await client.join(name, room=mesh.room))["ok"]
        return client

    yield join
    await asyncio.gather(*(client.close() for client in clients))


# In a room ----------------------------------------------------------------------------


async def test_a_socket_io_client_joins_with_a_login(mesh: Mesh, join: Join) -> None:
    await mesh.join_async("kernel's")
    alice = await join(mesh, "alice")
    (present,) = await alice.hear("all_users")
    assert present["email"] == "kernel's"
    bob = await join(mesh, "bob")
    assert len(await bob.hear("all_users")) == 2
    await exchange(alice, bob)
    await bob.close()
    assert await alice.hear("user_exit") == {"id": bob.id}
    (left,) = mesh.log.of(PeerLeft)
    assert (left.peer, left.reason) == ("bob", "left")
    assert mesh.log.of(TaskFailed) == []


async def test_closing_the_page_is_noticed(mesh: Mesh, join: Join) -> None:
    stays, goes = await join(mesh, "stays"), await join(mesh, "goes")
    await stays.hear("all_users")
    await goes.vanish()
    assert await stays.hear("user_exit") == {"id": goes.id}


async def test_rooms_do_not_mix(mesh: Mesh, join: Join) -> None:
    with Mesh(room=mesh.room) as other:
        here, there = await join(mesh, "same"), await join(other, "same")
        assert await here.hear("all_users") == await there.hear("all_users") == []
        assert (await here.send_offer(there))["code"] == "unknown_target"
    async with asyncio.timeout(SECONDS):
        await there.sio.wait()


async def test_closing_the_mesh_closes_its_browsers(mesh: Mesh, join: Join) -> None:
    browser = await join(mesh, "browser")
    await mesh.close_async()
    async with asyncio.timeout(SECONDS):
        await browser.sio.wait()


async def test_without_a_login_no_client_joins(server: Server, mesh: Mesh) -> None:
    client = socketio.AsyncClient(
        handle_sigint=False, logger=QUIET, engineio_logger=QUIET, reconnection=False
    )
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(
            server.origin,
            socketio_path=f"{URL(server.room(mesh)).path}socket.io",
            transports=["websocket"],
            auth=mesh.credentials()["auth"],
        )
    await client.disconnect()


# A view -------------------------------------------------------------------------------


async def test_a_view_talks_both_ways(
    user: aiohttp.ClientSession, echoing: str
) -> None:
    async with user.ws_connect(echoing) as socket:
        for message in ("", "hello", "ü" * 1000, "x" * MAX_VIEW_BYTES):
            await socket.send_str(message)
            assert (await socket.receive()).data == message
        for blob in (b"", b"\x00\xff" * 1000):
            await socket.send_bytes(blob)
            assert (await socket.receive()).data == blob


async def test_a_view_receives_large_messages(
    server: Server, user: aiohttp.ClientSession, mesh: Mesh
) -> None:
    async def large(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(b"\x01" * 5_000_000)

    mesh._call.server.channels["large"] = large
    url = f"{server.room(mesh)}views/large"
    async with user.ws_connect(url, max_msg_size=0) as socket:
        assert len((await socket.receive()).data) == 5_000_000
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE


async def test_what_a_slow_browser_does_not_read_is_not_sent(
    server: Server, user: aiohttp.ClientSession, mesh: Mesh
) -> None:
    """The kernel's own writing stops soon, so nothing piles up in between."""
    size, sent, stalled = 100_000, 0, asyncio.Event()
    loop = asyncio.get_running_loop()

    async def pour(socket: web.WebSocketResponse) -> None:
        nonlocal sent
        while True:
            try:
                async with asyncio.timeout(1):
                    await socket.send_bytes(b"\x00" * size)
            except TimeoutError:
                loop.call_soon_threadsafe(stalled.set)
                return
            sent += size

    mesh._call.server.channels["pour"] = pour
    url = URL(server.room(mesh))
    reader, writer = await asyncio.open_connection(url.host, url.port, limit=1024)
    request = (
        f"GET {url.path}views/pour?token={server.token} HTTP/1.1\r\n"
        f"Host: {url.host}:{url.port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    writer.write(request.encode())
    assert b" 101 " in await reader.readline()
    await asyncio.wait_for(stalled.wait(), 30)
    assert sent < 50_000_000
    writer.transport.abort()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def test_closing_travels_both_ways(
    server: Server, user: aiohttp.ClientSession, mesh: Mesh
) -> None:
    codes: asyncio.Queue[int | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    async def listen(socket: web.WebSocketResponse) -> None:
        async for _ in socket:
            await socket.close(code=4001, message=b"enough")
        loop.call_soon_threadsafe(codes.put_nowait, socket.close_code)

    mesh._call.server.channels["listen"] = listen
    url = f"{server.room(mesh)}views/listen"
    async with user.ws_connect(url) as socket:
        await socket.close(code=4002)
    assert await asyncio.wait_for(codes.get(), SECONDS) == 4002
    async with user.ws_connect(url) as socket:
        await socket.send_str("close")
        closed = await socket.receive()
        assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 4001)
        assert closed.extra == "enough"


# Refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("token", [None, "", "wrong"])
async def test_without_a_login_no_socket(
    server: Server,
    nobody: aiohttp.ClientSession,
    mesh: Mesh,
    echoing: str,
    token: str | None,
) -> None:
    headers = {} if token is None else {"Authorization": f"token {token}"}
    headers_of_kernel = mesh.credentials()["headers"]
    for url in (server.socket_io(mesh), echoing):
        assert await status_of(nobody, url, headers=headers) == 403
        assert await status_of(nobody, url, headers=headers_of_kernel) == 403
    assert mesh.log.of(AccessRefused) == []  # it did not get as far as the kernel


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "file://"]
)
async def test_sockets_of_other_sites_are_refused(
    server: Server, user: aiohttp.ClientSession, mesh: Mesh, echoing: str, origin: str
) -> None:
    for url in (server.socket_io(mesh), echoing):
        assert await status_of(user, url, origin=origin) == 403
        assert await status_of(user, url, origin=server.origin) == 101


async def test_a_token_in_the_address_is_a_login(
    server: Server, nobody: aiohttp.ClientSession, mesh: Mesh, echoing: str
) -> None:
    assert await status_of(nobody, f"{echoing}?token={server.token}") == 101
    url = f"{server.socket_io(mesh)}&token={server.token}"
    assert await status_of(nobody, url) == 101


async def test_polling_is_refused(
    server: Server, user: aiohttp.ClientSession, mesh: Mesh, echoing: str
) -> None:
    url = f"{server.room(mesh)}socket.io/?EIO=4&transport=polling"
    for asked in (url, echoing, server.socket_io(mesh)):
        async with user.get(asked) as answer:
            assert answer.status == 400
            assert "WebSocket" in await answer.text()
    assert await status_of(user, url) == 400
    async with user.post(url) as answer:
        assert answer.status in {403, 405}


async def test_the_query_of_a_browser_does_not_reach_the_kernel(
    server: Server, user: aiohttp.ClientSession, mesh: Mesh
) -> None:
    room = f"{server.room(mesh)}socket.io/"
    query = "?EIO=4%26sid%3Dx&transport=websocket"
    assert await status_of(user, room + query) == 400
    assert await status_of(user, room + "?EIO=3&transport=websocket") == 400
    assert await status_of(user, room + "?EIO=4&transport=websocket&sid=x") == 101


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("rooms/{}/views/nobody", 404),
        ("rooms/{}/views/", 404),
        ("rooms/{}/views/../socket.io/", 404),
        ("rooms/{}/views/..%2fsocket.io", 404),
        ("rooms/{}/views/%2e%2e", 404),
        ("rooms/{}/views/..%252fsocket.io", 404),
        ("rooms/{}/views%2fecho", 404),
        ("rooms/{}/views/echo%00", 404),
        ("rooms/{}/views/echo%3ftransport=x", 404),
        ("rooms/{}/socket.io%2f?EIO=4&transport=websocket", 404),
        ("rooms/%252e%252e/views/echo", 404),
        ("rooms/{}/views/" + "x" * 65, 404),
        ("rooms/{}/socket.io", 404),
        ("rooms/{}/socket.io/x?EIO=4&transport=websocket", 404),
        ("rooms/{}x/views/echo", 404),
        ("rooms/../rooms/{}/views/echo", 404),
        ("rooms/{}%2fviews/echo", 404),
        ("rooms/http://127.0.0.1:1/views/echo", 404),
        ("rooms/" + "x" * 22 + "/views/echo", 404),
        ("rooms/" + "x" * 22 + "/socket.io/?EIO=4&transport=websocket", 404),
    ],
)
async def test_paths_that_are_none(
    server: Server,
    user: aiohttp.ClientSession,
    mesh: Mesh,
    echoing: str,
    path: str,
    status: int,
) -> None:
    url = server.root + path.format(mesh.room_id)
    assert await status_of(user, url) in {status, 302}


async def test_a_room_that_is_closed(
    server: Server, user: aiohttp.ClientSession, mesh: Mesh
) -> None:
    mesh.close()
    assert await status_of(user, server.socket_io(mesh)) == 404


async def test_a_room_whose_kernel_does_not_answer(
    server: Server, user: aiohttp.ClientSession
) -> None:
    gone = registration_of_this_process(
        room_id="r" * 22, room="gone", host="127.0.0.1", port=1, secret="s" * 43
    )
    path = write(server.runtime, gone)
    try:
        assert await status_of(user, f"{server.root}rooms/{'r' * 22}/views/x") == 502
    finally:
        path.unlink()


async def test_the_secret_of_another_room(
    server: Server, user: aiohttp.ClientSession, mesh: Mesh
) -> None:
    host, port = mesh.url.removeprefix("http://").split(":")
    wrong = registration_of_this_process(
        room_id="w" * 22, room="1", host=host, port=int(port), secret="s" * 43
    )
    path = write(server.runtime, wrong)
    try:
        assert await status_of(user, f"{server.root}rooms/{'w' * 22}/views/x") == 403
    finally:
        path.unlink()


@pytest.mark.parametrize("text", [True, False])
async def test_oversized_frames_close_one_socket(
    server: Server, user: aiohttp.ClientSession, mesh: Mesh, echoing: str, text: bool
) -> None:
    for url, limit in (
        (echoing, MAX_VIEW_BYTES),
        (server.socket_io(mesh), MAX_PACKET_BYTES),
    ):
        async with user.ws_connect(echoing) as other, user.ws_connect(url) as socket:
            with contextlib.suppress(ConnectionError):
                if text:
                    await socket.send_str("x" * (limit + 1))
                else:
                    await socket.send_bytes(b"x" * (limit + 1))
            async with asyncio.timeout(SECONDS):
                while not socket.closed:
                    await socket.receive()
            await other.send_str("still")
            assert (await other.receive()).data == "still"
    assert mesh.log.of(TaskFailed) == []


async def test_browsers_of_a_room_have_a_limit(
    server: Server, user: aiohttp.ClientSession, mesh: Mesh, echoing: str
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        sockets = [
            await stack.enter_async_context(user.ws_connect(echoing))
            for _ in range(MAX_IN_A_ROOM)
        ]
        assert await status_of(user, echoing) == 503
        with Mesh() as other:
            other._call.server.channels["echo"] = echo
            assert await status_of(user, f"{server.room(other)}views/echo") == 101
        await sockets[0].close()
        async with asyncio.timeout(SECONDS):
            while await status_of(user, echoing) != 101:
                pass


async def test_a_thousand_connections_disturb_nobody(
    server: Server, mesh: Mesh, user: aiohttp.ClientSession, join: Join
) -> None:
    alice, bob = await join(mesh, "alice"), await join(mesh, "bob")
    await alice.hear("all_users")
    await bob.hear("all_users")
    connector = aiohttp.TCPConnector(limit=50)
    async with aiohttp.ClientSession(connector=connector) as many:
        statuses = await asyncio.gather(
            *(status_of(many, server.socket_io(mesh)) for _ in range(1000))
        )
    assert set(statuses) == {403}
    await exchange(alice, bob)


async def test_a_thousand_sockets_of_a_user_leave_room_for_the_others(
    server: Server, mesh: Mesh, user: aiohttp.ClientSession, echoing: str, join: Join
) -> None:
    """The login alone does not let one browser take everything."""
    alice, bob = await join(mesh, "alice"), await join(mesh, "bob")
    await alice.hear("all_users")
    await bob.hear("all_users")
    turn = asyncio.Semaphore(50)
    async with contextlib.AsyncExitStack() as stack:

        async def open_one(url: str) -> int:
            async with turn:
                try:
                    await stack.enter_async_context(user.ws_connect(url))
                except aiohttp.WSServerHandshakeError as error:
                    return error.status
                return 101

        statuses = await asyncio.gather(
            *(open_one((echoing, server.socket_io(mesh))[n % 2]) for n in range(1000))
        )
        assert set(statuses) == {101, 503}
        assert statuses.count(101) == MAX_IN_A_ROOM - 2  # those of alice and bob
        await exchange(alice, bob)
        with Mesh() as other:
            other._call.server.channels["echo"] = echo
            assert await status_of(user, f"{server.room(other)}views/echo") == 101
    async with asyncio.timeout(SECONDS):
        while await status_of(user, echoing) != 101:
            pass
    assert mesh.log.of(TaskFailed) == []


# Pure ---------------------------------------------------------------------------------


def test_sockets_are_counted() -> None:
    sockets = OpenSockets()
    with contextlib.ExitStack() as stack:
        for number in range(MAX_IN_ALL):
            stack.enter_context(sockets.one_more(f"room {number // MAX_IN_A_ROOM}"))
        with pytest.raises(TooManySockets, match="this server"):
            stack.enter_context(sockets.one_more("another"))
        with pytest.raises(TooManySockets, match="this room"):
            stack.enter_context(sockets.one_more("room 0"))
    with sockets.one_more("room 0"):
        pass
    assert not sockets._counts


async def test_few_are_at_a_door_at_once() -> None:
    sockets = OpenSockets()
    present = most = 0

    async def call(room_id: str) -> None:
        nonlocal present, most
        async with sockets.door(room_id):
            present += 1
            most = max(most, present)
            await asyncio.sleep(0)
            present -= 1

    await asyncio.gather(*(call("one") for _ in range(100)))
    assert most == MAX_AT_A_DOOR
    await asyncio.gather(*(call(f"room {n % 2}") for n in range(100)))
    assert most == 2 * MAX_AT_A_DOOR
    assert not sockets._doors


async def test_a_refusal_is_a_sentence(
    server: Server, user: aiohttp.ClientSession, mesh: Mesh
) -> None:
    """And has nothing of the kernel in it."""
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    url = f"{server.room(mesh)}views/nobody"
    async with user.get(url, headers=headers) as answer:
        text = await answer.text()
    assert (answer.status, text) == (404, "There is no such view in this room.\n")
    assert json.dumps(dict(answer.headers)).count(mesh.url.rpartition(":")[2]) == 0
