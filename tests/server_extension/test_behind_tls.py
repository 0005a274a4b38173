"""Behind a proxy with TLS, as on a hub: addresses are relative and origins fit."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from meshwidget import Mesh

from ..tls import make_context, proxy
from .conftest import Server
from .test_relay import echo, status_of


@pytest.fixture
def outside(server: Server, tmp_path: Path) -> Iterator[URL]:
    """The extension's address as browsers know it."""
    context, _ = make_context(tmp_path)
    inside = URL(server.root)
    assert inside.port is not None
    with proxy(inside.port, context) as port:
        yield inside.with_scheme("https").with_port(port)


@pytest.fixture
async def browser(
    server: Server, outside: URL, tmp_path: Path
) -> AsyncIterator[aiohttp.ClientSession]:
    """Logged in over TLS, and trusts the proxy."""
    trust = ssl.create_default_context(cafile=tmp_path / "certificate.pem")
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=trust),
        cookie_jar=aiohttp.CookieJar(unsafe=True),
    ) as session:
        async with session.get(outside.with_query(token=server.token)) as answer:
            assert answer.status == 200
        yield session


async def test_pages_lead_to_nowhere_else(
    browser: aiohttp.ClientSession, outside: URL, mesh: Mesh
) -> None:
    room = outside / "rooms" / mesh.room_id / ""
    for url in (outside, room, outside / "static" / "room.js"):
        async with browser.get(url, headers={"Origin": str(url.origin())}) as answer:
            assert answer.status == 200
            text = await answer.text()
        assert "http://" not in text
        assert "ws://" not in text
    async with browser.get(URL(str(room).rstrip("/"))) as answer:
        assert answer.url == room


async def test_sockets_come_through_from_the_pages_origin_only(
    browser: aiohttp.ClientSession, outside: URL, server: Server, mesh: Mesh
) -> None:
    mesh._call.server.channels["echo"] = echo
    room = outside / "rooms" / mesh.room_id
    socket_io = (room / "socket.io" / "").with_query(EIO="4", transport="websocket")
    for url in (room / "views" / "echo", socket_io):
        address = str(url.with_scheme("wss"))
        assert await status_of(browser, address, origin=str(outside.origin())) == 101
        for origin in (server.origin, "https://evil.example", "null"):
            assert await status_of(browser, address, origin=origin) == 403
    async with browser.ws_connect(room / "views" / "echo") as socket:
        await socket.send_str("over TLS")
        assert (await socket.receive()).data == "over TLS"


async def test_without_a_login_there_is_nothing(
    outside: URL, tmp_path: Path, mesh: Mesh
) -> None:
    trust = ssl.create_default_context(cafile=tmp_path / "certificate.pem")
    connector = aiohttp.TCPConnector(ssl=trust)
    async with aiohttp.ClientSession(connector=connector) as nobody:
        room = outside / "rooms" / mesh.room_id / ""
        async with nobody.get(room, allow_redirects=False) as answer:
            assert answer.status == 302
            assert answer.headers["Location"].startswith("/some/base/login?")
        assert await status_of(nobody, str(room / "views" / "guest")) == 403
