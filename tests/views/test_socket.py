"""A page on a WebSocket, with a real server and client in between."""

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType, web
from hypothesis import given
from hypothesis import strategies as st

from meshwidget.signaling.limits import (
    MAX_MESSAGE_BURST,
    MAX_MESSAGES_PER_SECOND,
    MAX_VIEW_BYTES,
)
from meshwidget.views import socket as module
from meshwidget.views.socket import Send, frame, serve_page

DEADLINE = 10

contents = st.dictionaries(
    st.text(max_size=8).filter(lambda name: name != "lengths"),
    st.one_of(st.integers(), st.text(), st.lists(st.booleans())),
    max_size=4,
)


def unpacked(framed: bytes) -> tuple[dict[str, Any], list[bytes]]:
    """As a page reads a binary frame."""
    end = 4 + int.from_bytes(framed[:4], "big")
    header = json.loads(framed[4:end])
    buffers = []
    for length in header.pop("lengths"):
        buffers.append(framed[end : end + length])
        end += length
    assert end == len(framed)
    return header, buffers


@given(contents, st.lists(st.binary(max_size=64), min_size=1, max_size=16))
def test_a_binary_frame_is_the_message_and_its_buffers(
    content: dict[str, Any], buffers: list[bytes]
) -> None:
    framed = frame(content, buffers)
    assert isinstance(framed, bytes)
    assert unpacked(framed) == (content, buffers)


@given(contents)
def test_a_message_without_buffers_is_its_json(content: dict[str, Any]) -> None:
    framed = frame(content, ())
    assert isinstance(framed, str)
    assert json.loads(framed) == content


@dataclass
class FakeEnd:
    """The kernel's end; records what it hears, and echoes it."""

    send: Send
    heard: list[object] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    def receive(self, content: object) -> None:
        assert isinstance(content, dict)
        self.heard.append(content)
        self.threads.append(threading.get_ident())
        if content.get("type") == "fail":
            raise ZeroDivisionError("oh")
        self.send({"type": "echo", "of": content}, ())

    def close(self) -> None:
        self.closed.set()


@dataclass
class Served:
    """A server that serves pages, and a client that plays them."""

    url: str
    client: aiohttp.ClientSession
    ends: list[FakeEnd]

    async def open(self) -> aiohttp.ClientWebSocketResponse:
        return await self.client.ws_connect(self.url, max_msg_size=0)

    @property
    def end(self) -> FakeEnd:
        return self.ends[-1]


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    ends: list[FakeEnd] = []

    def open_end(send: Send) -> FakeEnd:
        ends.append(FakeEnd(send))
        return ends[-1]

    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=MAX_VIEW_BYTES, timeout=0.2)
        await socket.prepare(request)
        await serve_page(socket, open_end, in_thread={"slow"})
        await socket.close()
        return socket

    application = web.Application()
    application.router.add_get("/", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    async with asyncio.timeout(DEADLINE), aiohttp.ClientSession() as client:
        yield Served(f"http://{host}:{port}/", client, ends)
    await runner.cleanup()


async def test_what_a_page_says_is_heard_and_answered(served: Served) -> None:
    page = await served.open()
    await page.send_json({"type": "hello"})
    assert await page.receive_json() == {"type": "echo", "of": {"type": "hello"}}
    await page.close()
    await served.end.closed.wait()


async def test_pictures_travel_in_binary_frames(served: Served) -> None:
    page = await served.open()
    await page.send_json({"type": "hello"})
    await page.receive()
    served.end.send({"type": "frames"}, [b"one", b"", b"three"])
    content, buffers = unpacked(await page.receive_bytes())
    assert (content, buffers) == ({"type": "frames"}, [b"one", b"", b"three"])


async def test_another_thread_may_send(served: Served) -> None:
    page = await served.open()
    await page.send_json({"type": "hello"})
    await page.receive()
    await asyncio.to_thread(served.end.send, {"type": "diagram"}, ())
    assert await page.receive_json() == {"type": "diagram"}


async def test_each_page_has_an_end_of_its_own(served: Served) -> None:
    one, other = await served.open(), await served.open()
    await one.send_json({"type": "hello"})
    await one.receive()
    await other.send_json({"type": "bye"})
    await other.receive()
    assert sorted(str(end.heard) for end in served.ends) == [
        "[{'type': 'bye'}]",
        "[{'type': 'hello'}]",
    ]


async def test_a_ping_is_answered_and_nobody_elses_business(served: Served) -> None:
    page = await served.open()
    await page.send_json({"type": "ping"})
    assert await page.receive_json() == {"type": "pong"}
    assert served.end.heard == []


async def test_what_may_run_a_users_code_is_taken_on_a_thread_in_order(
    served: Served,
) -> None:
    page = await served.open()
    for kind in ("slow", "quick", "slow"):
        await page.send_json({"type": kind})
    for kind in ("slow", "quick", "slow"):
        assert (await page.receive_json())["of"] == {"type": kind}
    here = threading.get_ident()
    assert [thread == here for thread in served.end.threads] == [False, True, False]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "that is no JSON"),
        ("{", "that is no JSON"),
        ("[" * 50_000, "that is no JSON"),
        ("[]", "a message must be a JSON object"),
        ('"hello"', "a message must be a JSON object"),
        ("NaN", "a message must be a JSON object"),
    ],
)
async def test_nonsense_is_refused_and_the_page_stays(
    served: Served, text: str, sentence: str
) -> None:
    page = await served.open()
    await page.send_str(text)
    assert await page.receive_json() == {
        "type": "refused",
        "code": "invalid_payload",
        "message": sentence,
    }
    await page.send_json({"type": "hello"})
    assert (await page.receive_json())["type"] == "echo"


async def test_a_page_that_says_nothing_but_nonsense_is_hung_up_on(
    served: Served,
) -> None:
    page = await served.open()
    for _ in range(module.MAX_REFUSALS + 1):
        await page.send_str("{")
    assert await code_of_the_end(page) == 1008
    await served.end.closed.wait()


@pytest.mark.parametrize("kind", [[], {}, None, ["slow"]])
async def test_a_type_that_is_no_text_is_the_ends_to_refuse(
    served: Served, kind: object
) -> None:
    failed: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: failed.append(context))
    page = await served.open()
    await page.send_json({"type": kind})
    assert (await page.receive_json())["of"] == {"type": kind}
    assert failed == []


async def test_a_flood_is_slowed_down_and_then_cut(served: Served) -> None:
    began = time.monotonic()
    page = await served.open()

    async def flood() -> None:
        with contextlib.suppress(aiohttp.ClientConnectionError):  # when it is cut
            while True:
                await page.send_json({"type": "hello"})
                await asyncio.sleep(0)

    flooding = asyncio.create_task(flood())
    assert await code_of_the_end(page) == 1008
    flooding.cancel()
    seconds = time.monotonic() - began
    heard = len(served.end.heard)
    assert heard <= MAX_MESSAGE_BURST + seconds * MAX_MESSAGES_PER_SECOND


async def test_too_large_a_message_ends_it(served: Served) -> None:
    page = await served.open()
    await page.send_str(" " * (MAX_VIEW_BYTES + 1))
    assert await code_of_the_end(page) == 1009
    await served.end.closed.wait()


async def test_bytes_from_a_page_end_it(served: Served) -> None:
    page = await served.open()
    await page.send_bytes(b"hello")
    assert await code_of_the_end(page) == 1003


async def test_a_mistake_of_ours_is_told_and_the_page_stays(served: Served) -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda loop, context: told.append(context)
    )
    page = await served.open()
    await page.send_json({"type": "fail"})
    await page.send_json({"type": "hello"})
    assert (await page.receive_json())["of"] == {"type": "hello"}
    assert isinstance(told[0]["exception"], ZeroDivisionError)


async def test_a_page_that_reads_nothing_is_hung_up_on(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING_BYTES", 100_000)
    page = await served.open()
    await page.send_json({"type": "hello"})
    await page.receive()
    picture = bytes(50_000)
    sent = 0
    while not served.end.closed.is_set():
        # The client reads ahead what fits its own buffers; the rest waits.
        served.end.send({"type": "frames"}, [picture] * 20)
        sent += 20 * len(picture)
        await asyncio.sleep(0.005)
        assert sent < 1_000_000_000
    await served.end.closed.wait()


async def test_a_page_that_vanishes_is_noticed(served: Served) -> None:
    page = await served.open()
    await page.send_json({"type": "hello"})
    await page.receive()
    await served.client.close()
    await served.end.closed.wait()
    served.end.send({"type": "frames"}, [b"late"])  # nobody is there; nothing happens


async def code_of_the_end(page: aiohttp.ClientWebSocketResponse) -> int | None:
    while True:
        message = await page.receive()
        if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING):
            return page.close_code
