"""A server, and clients that are hung up at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from meshwidget import Mesh

from .clients import SeedClient

Connect = Callable[[], Awaitable[SeedClient]]


@pytest.fixture
def mesh() -> Iterator[Mesh]:
    """A call that nobody is in: its server is what is tested."""
    with Mesh(max_peers=4) as made:
        yield made


@pytest.fixture
async def connect(mesh: Mesh) -> AsyncIterator[Connect]:
    """Makes connected clients."""
    clients: list[SeedClient] = []

    async def connect() -> SeedClient:
        clients.append(SeedClient())
        return await clients[-1].connect(mesh)

    yield connect
    await asyncio.gather(*(client.close() for client in clients))


@pytest.fixture
async def pair(connect: Connect) -> tuple[SeedClient, SeedClient]:
    """Alice and Bob, in the room, who have heard of each other."""
    alice, bob = await connect(), await connect()
    assert (await alice.join("alice"))["ok"]
    assert await alice.hear("all_users") == []
    assert (await bob.join("bob"))["ok"]
    assert await bob.hear("all_users") == [{"id": alice.id, "email": "alice"}]
    return alice, bob
