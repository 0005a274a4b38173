"""A page on a WebSocket: the same messages as over a comm, and its own end of a view.

The framing:

- A message without buffers is a text frame, its JSON.
- A message with buffers is a binary frame: four bytes, big-endian, the length of the
  header; the header, which is the JSON with the lengths of the buffers as ``lengths``;
  the buffers, one after the other.
- Pages send text frames only. A ``ping`` is answered with a ``pong``: a page cannot see
  WebSocket's own.

Runs on the mesh's loop. Knows nothing of what the messages say but that they are JSON
objects.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol

from aiohttp import WSCloseCode, WSMsgType, web

from ..signaling.limits import message_budget

MAX_WAITING_BYTES = 8 * 1024 * 1024
"""What may wait to be written to one page. Flow control keeps it far below; a page that
lets it grow reads nothing."""

MAX_REFUSALS = 100
"""Messages without sense until a page is hung up on."""

Send = Callable[[dict[str, Any], Sequence[bytes]], None]


class PageEnd(Protocol):
    """What stands behind a page in the kernel."""

    def receive(self, content: object) -> None:
        """Take what the page has said."""

    def close(self) -> None:
        """The page is gone."""


def frame(content: dict[str, Any], buffers: Sequence[bytes]) -> str | bytes:
    """One message as it travels."""
    if not buffers:
        return json.dumps(content)
    lengths = [len(buffer) for buffer in buffers]
    header = json.dumps({**content, "lengths": lengths}).encode()
    return b"".join((len(header).to_bytes(4, "big"), header, *buffers))


def type_of(content: object) -> str:
    """Of what type a message says that it is; empty if it is none."""
    match content:
        case {"type": str(kind)}:
            return kind
    return ""


async def serve_page(
    socket: web.WebSocketResponse,
    open_end: Callable[[Send], PageEnd],
    in_thread: Collection[str] = (),
) -> None:
    """Serve one page until it goes away.

    Parameters
    ----------
    socket : WebSocketResponse
        Prepared, with a limit for the size of a message.
    open_end : callable
        Given what sends to the page, from any thread, makes its end in the kernel.
    in_thread : collection of str
        Types of the messages that are taken on a thread of their own, one after the
        other: they may run what a user has written.
    """
    outbox = _Outbox(socket)
    end = open_end(outbox.send)
    reading = asyncio.create_task(_read(socket, end, outbox, in_thread))
    writing = asyncio.create_task(outbox.write())
    try:
        await asyncio.wait({reading, outbox.full}, return_when=asyncio.FIRST_COMPLETED)
        if outbox.full.done():
            await socket.close(
                code=WSCloseCode.POLICY_VIOLATION,
                message=b"it does not read what it is sent",
                drain=False,
            )
    finally:
        end.close()
        for task in (reading, writing):
            task.cancel()
        await asyncio.gather(reading, writing, return_exceptions=True)


async def _read(
    socket: web.WebSocketResponse,
    end: PageEnd,
    outbox: _Outbox,
    in_thread: Collection[str],
) -> None:
    loop = asyncio.get_running_loop()
    budget = message_budget(loop.time())
    refusals = 0
    async for message in socket:
        if message.type is not WSMsgType.TEXT:
            await socket.close(
                code=WSCloseCode.UNSUPPORTED_DATA, message=b"a page sends text"
            )
            return
        try:
            if not budget.spend(loop.time()):
                raise ValueError("too many messages; slow down")
            content = _parse(message.data)
        except ValueError as error:
            refusals += 1
            if refusals > MAX_REFUSALS:
                await socket.close(
                    code=WSCloseCode.POLICY_VIOLATION, message=str(error).encode()[:100]
                )
                return
            refusal = {"type": "refused", "code": "invalid_payload"}
            outbox.send({**refusal, "message": str(error)}, ())
            continue
        try:
            kind = type_of(content)
            if kind == "ping":
                outbox.send({"type": "pong"}, ())
            elif kind in in_thread:
                await asyncio.to_thread(end.receive, content)
            else:
                end.receive(content)
        except Exception as error:
            # A mistake of ours, or of a user whose observer of a trait has failed.
            loop.call_exception_handler(
                {"message": "a page's message has failed", "exception": error}
            )


def _parse(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("that is no JSON") from None
    if not isinstance(content, dict):
        raise ValueError("a message must be a JSON object")
    return content


class _Outbox:
    """What is to be written to a page, in order.

    Attributes
    ----------
    full : Future
        Done when the page has left too much unread.
    """

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket
        self._loop = asyncio.get_running_loop()
        self.full: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.get_ident()
        self._waiting: deque[str | bytes] = deque()
        self._size = 0
        self._more = asyncio.Event()

    def send(self, content: dict[str, Any], buffers: Sequence[bytes]) -> None:
        """Send soon, from any thread; nothing happens once the page is gone."""
        framed = frame(content, buffers)
        if threading.get_ident() == self._thread:
            self._put(framed)
        else:
            # The loop may have ended, and with it the socket.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._put, framed)

    def _put(self, framed: str | bytes) -> None:
        self._waiting.append(framed)
        self._size += len(framed)
        self._more.set()
        if self._size > MAX_WAITING_BYTES and not self.full.done():
            self.full.set_result(None)

    async def write(self) -> None:
        """Write for as long as the page is there."""
        while True:
            await self._more.wait()
            self._more.clear()
            while self._waiting:
                framed = self._waiting.popleft()
                self._size -= len(framed)
                if isinstance(framed, str):
                    await self._socket.send_str(framed)
                else:
                    await self._socket.send_bytes(framed)
