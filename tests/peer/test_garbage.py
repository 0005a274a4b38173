"""What strangers, and whoever is in the path, send to the ports of a call."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from meshwidget.events import TaskFailed, TuningSkipped
from meshwidget.log import EventLog

from .links import Link, make_side
from .wire import ports_of, protocols_of

MakeLink = Callable[..., Awaitable[Link]]

COUNT = 2000
"""Datagrams from each of the two."""

AT_ONCE = 40
"""Fewer than a socket's buffer holds."""

STUN_COOKIE = 0x2112A442
ATTRIBUTES = (0x6, 0x8, 0x9, 0x20, 0x24, 0x25, 0x8022, 0x8028, 0x8029, 0x802A, 0x7777)
"""USERNAME, MESSAGE-INTEGRITY, ERROR-CODE, XOR-MAPPED-ADDRESS, PRIORITY, USE-CANDIDATE,
SOFTWARE, FINGERPRINT, ICE-CONTROLLED, ICE-CONTROLLING, and one that nobody knows."""


@pytest.fixture
async def make_link() -> AsyncIterator[MakeLink]:
    links: list[Link] = []

    async def make(**settings: Any) -> Link:
        log = EventLog(lambda: 0.0)
        alice = await make_side("alice", log, **settings)
        links.append(Link(alice, await make_side("bob", log, **settings)))
        return links[-1]

    yield make
    for link in links:
        async with asyncio.timeout(2):
            await link.close()
        assert link.log.of(TaskFailed) == []
        assert link.log.of(TuningSkipped) == []


def stun(chance: random.Random) -> bytes:
    """A message whose attributes are not as long as they are, or not as they say."""
    attributes = b""
    for _ in range(chance.randrange(5)):
        value = chance.randbytes(chance.choice([0, 1, 2, 3, 4, 7, 8, 20, 21, 300]))
        said = chance.choice([len(value), len(value), 0, 65535, len(value) + 1])
        attributes += struct.pack("!HH", chance.choice(ATTRIBUTES), said) + value
        attributes += bytes(-len(value) % 4)
    kind = chance.choice([0x001, 0x011, 0x101, 0x111, 0x003, 0x3FFF])
    length = chance.choice([len(attributes)] * 6 + [0, 65535, len(attributes) + 4])
    transaction = chance.choice([bytes(12), chance.randbytes(12)])
    return struct.pack("!HHI", kind, length, STUN_COOKIE) + transaction + attributes


def dtls(chance: random.Random) -> bytes:
    """Records: alerts, hellos, fragments of what never comes whole, data."""
    kind = chance.choice([20, 21, 22, 22, 23, 24, 25, 63])
    version = chance.choice([0xFEFD, 0xFEFF, 0x0303, 0xFEFC])
    epoch = chance.choice([0, 0, 1, 2, 65535])
    body = {
        21: bytes([chance.choice([1, 2]), chance.choice([0, 20, 40, 80])]),
        22: bytes([chance.choice([0, 1, 2, 11, 20, 255])])
        + chance.choice([b"\0\0\x40", b"\xff\xff\xff", b"\0\0\0"])
        + chance.randbytes(2)
        + chance.choice([b"\0\0\0", b"\xff\xff\xff"])
        + b"\0\0\x20"
        + chance.randbytes(32),
    }.get(kind, chance.randbytes(chance.choice([0, 1, 50])))
    length = chance.choice([len(body)] * 4 + [0, 65535])
    sequence = chance.choice([0, 2**48 - 1, chance.randrange(2**48)])
    header = struct.pack("!BHH", kind, version, epoch) + sequence.to_bytes(6, "big")
    return header + length.to_bytes(2, "big") + body


def rtp(chance: random.Random, sources: list[int]) -> bytes:
    """Of a source that is there or not; most of what a header says is not so."""
    first = 0x80 | chance.randrange(64)  # padding, an extension, contributing sources
    kind = chance.choice([96, 97, 98, 77, 0, 127, 128 + 97])
    source = chance.choice([*sources, chance.randrange(2**32)])
    header = struct.pack(
        "!BBHII",
        first,
        kind,
        chance.randrange(2**16),
        chance.randrange(2**32),
        source,
    )
    return (header + chance.randbytes(chance.choice([0, 1, 4, 12, 60, 1200])))[
        : chance.choice([1, 4, 11, 12, 13, 2000, 2000, 2000])
    ]


def rtcp(chance: random.Random, sources: list[int]) -> bytes:
    """Goodbyes of those who are there, reports, repairs, a length that is a lie."""
    count = chance.randrange(32)
    kind = chance.choice([200, 201, 202, 203, 203, 204, 205, 206, 207, 223])
    body = b"".join(
        chance.choice(sources).to_bytes(4, "big") for _ in range(chance.randrange(1, 6))
    )
    length = chance.choice([len(body) // 4, 0, 65535])
    return struct.pack("!BBH", 0x80 | count, kind, length) + body


def garbage(chance: random.Random, sources: list[int]) -> Iterator[bytes]:
    """So many, of every kind."""
    for _ in range(COUNT):
        match chance.randrange(9):
            case 0:
                yield chance.randbytes(chance.choice([1, 2, 20, 1400]))
            case 1 | 2:
                yield stun(chance)
            case 3 | 4:
                yield dtls(chance)
            case 5 | 6:
                yield rtp(chance, sources)
            case _:
                yield rtcp(chance, sources)


@pytest.mark.parametrize("tuned", [True, False], ids=["tuned", "plain"])
@pytest.mark.parametrize("whence", ["a stranger", "the path"])
async def test_garbage_changes_nothing(
    make_link: MakeLink, tuned: bool, whence: str, caplog: pytest.LogCaptureFixture
) -> None:
    failures: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: failures.append(context))
    link = await make_link(tuned=tuned)
    await link.negotiate()
    await link.connected()
    events = len(link.log)
    chance = random.Random(11)
    sources = [
        sender._ssrc for sender in link.alice.connection._peer_connection.getSenders()
    ]
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    (protocol,) = protocols_of(link.alice)
    (port,) = ports_of(link.bob)
    try:
        for number, datagram in enumerate(garbage(chance, sources)):
            if whence == "the path":
                protocol.transport.sendto(datagram, ("127.0.0.1", port))
            else:
                stranger.sendto(datagram, ("127.0.0.1", port))
            if number % AT_ONCE == 0:
                await link.bob.sees(1)
    finally:
        stranger.close()
    await link.bob.sees(10)
    assert link.bob.connection.connection_state == "connected"
    assert [str(each) for each in list(link.log)[events:]] == []
    kinds = {type(each["exception"]) for each in failures}
    # Plain aiortc tells the event loop of each STUN attribute that is too short.
    assert kinds == (set() if tuned else {struct.error})
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []
