"""The blog's client with a camera of its own: it comes in by Jupyter's login alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Self

import aiohttp
import pytest
import socketio
from yarl import URL

from meshwidget import Mesh
from meshwidget.events import TaskFailed

from ..loopback.calls import colour_of, painted
from ..loopback.test_guest import Guest
from .conftest import Server


class LoggedIn(Guest):
    """Comes by Jupyter's address, without the kernel's port or its secret."""

    def __init__(self, mesh: Mesh, server: Server, cookies: str, token: str) -> None:
        super().__init__(mesh, "seed")
        self.room_url = URL(server.room(mesh))
        self.headers = {"Cookie": cookies} if cookies else {}
        self.query = {"token": token} if token else {}

    async def join(self) -> Self:
        """``io(origin, {path, transports})`` and ``join_room``."""
        await self.sio.connect(
            str(self.room_url.origin().with_query(self.query)),
            headers=self.headers,
            socketio_path=f"{self.room_url.path}socket.io",
            transports=["websocket"],
        )
        # Answered when it is in the room, and others can wait for it.
        await self.sio.call("join_room", {"room": self.room, "email": self.name})
        return self


@pytest.fixture
def cookies(server: Server, user: aiohttp.ClientSession) -> str:
    """What a page that is logged in sends along."""
    jar = user.cookie_jar.filter_cookies(URL(server.root))
    return "; ".join(f"{name}={each.value}" for name, each in jar.items())


@pytest.fixture(params=["cookie", "token"])
async def guest(
    request: pytest.FixtureRequest, server: Server, mesh: Mesh, cookies: str
) -> AsyncIterator[LoggedIn]:
    """With a login."""
    by_cookie = request.param == "cookie"
    made = LoggedIn(
        mesh, server, cookies if by_cookie else "", "" if by_cookie else server.token
    )
    yield made
    await made.leave()


@pytest.mark.parametrize("order", ["last", "first"])
async def test_it_sees_and_is_seen(mesh: Mesh, guest: LoggedIn, order: str) -> None:
    if order == "first":
        await guest.join()
    alice = await mesh.join_async("alice", video=painted("red"))
    bob = await mesh.join_async("bob", video=painted("green"))
    if order == "last":
        await guest.join()
    await mesh.wait_connected_async()
    assert await guest.sees(alice.id) == "red"
    assert await guest.sees(bob.id) == "green"
    for peer in (alice, bob):
        picture = peer.frame("seed")
        assert picture is not None
        assert colour_of(picture) == "blue"
    mesh.exit("bob")
    assert await guest.exits.get() == bob.id
    assert mesh.log.of(TaskFailed) == []


@pytest.mark.parametrize(
    ("cookies", "token"), [("", ""), ("", "wrong"), ("username-localhost=me", "")]
)
async def test_without_a_login_it_stays_out(
    server: Server, mesh: Mesh, cookies: str, token: str
) -> None:
    stranger = LoggedIn(mesh, server, cookies, token)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await stranger.join()
    await stranger.sio.disconnect()
    assert list(mesh.log.at(len(mesh.log)).members) == []
