"""The socket.io edge of a participant: its line to the signaling server.

It connects, comes back after a broken connection, keeps the participant's place in the
room, and hands what arrives to one coroutine function. It knows nothing of media.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import socketio

from ..errors import (
    DuplicateNameError,
    InvalidNameError,
    RoomFullError,
    SignalingError,
)
from ..logs import SOCKETIO_LOGGER
from .limits import REJOIN_SECONDS
from .protocol import WIRE_EVENTS

_KINDS = {wire: kind for kind, wire in WIRE_EVENTS.items()}

_ERRORS: dict[str, Callable[[str], Exception]] = {
    "room_full": RoomFullError,
    "name_taken": DuplicateNameError,
    "invalid_payload": InvalidNameError,
}


class SignalingClient:
    """One participant's socket.

    Parameters
    ----------
    url : str
        Of the signaling server.
    token : str
        What it lets in with.
    room, name : str
    on_message : coroutine function
        Called with the kind (``"offer"``, not ``"getOffer"``) and the payload of
        every message, each call in a task of its own, begun in order of arrival.
    on_return : callable
        Called when a line that was broken is there again.
    on_error : callable
        ``on_error(where, exception)``.
    """

    def __init__(
        self,
        url: str,
        token: str,
        room: str,
        name: str,
        *,
        on_message: Callable[[str, Any], Awaitable[None]],
        on_return: Callable[[], None],
        on_error: Callable[[str, BaseException], None],
    ) -> None:
        self.id = ""
        self._url = url
        self._token = token
        self._room = room
        self._name = name
        self._session: str | None = None
        self._may_be_in = False  # also before the answer to join_room has come
        self._on_message = on_message
        self._on_return = on_return
        self._on_error = on_error
        self._calls: set[asyncio.Task[Any]] = set()
        self._breaks = 0
        self._http: aiohttp.ClientSession | None = None
        self._sio: socketio.AsyncClient | None = None

    @property
    def is_connected(self) -> bool:
        """Whether there is a line to the server."""
        return self._sio is not None and bool(self._sio.connected)

    async def join(self, timeout: float) -> None:
        """Connect and enter the room.

        Parameters
        ----------
        timeout : float
            Seconds for each of the two.

        Raises
        ------
        RoomFullError, DuplicateNameError, InvalidNameError, SignalingError
            As the server says.
        """
        # A session of our own, so that abort() can cut the line without a goodbye.
        self._http = aiohttp.ClientSession()
        self._sio = socketio.AsyncClient(
            http_session=self._http,
            reconnection_delay=REJOIN_SECONDS / 5,
            reconnection_delay_max=1,
            randomization_factor=0,
            logger=SOCKETIO_LOGGER,
            engineio_logger=SOCKETIO_LOGGER,
            handle_sigint=False,
        )
        self._sio.on("*", self._receive)
        self._sio.on("disconnect", self._break_off)
        try:
            await self._sio.connect(
                self._url,
                headers={"Authorization": f"Bearer {self._token}"},
                transports=["websocket"],
                wait_timeout=timeout,
            )
        except socketio.exceptions.ConnectionError as error:
            raise SignalingError(
                "unreachable",
                f"the signaling server at {self._url} does not let {self._name} "
                f"connect: {error}",
            ) from error
        await self._enter(timeout)
        self._sio.on("connect", self._enter_again)

    async def send(self, kind: str, payload: dict[str, Any]) -> None:
        """Send a description or a candidate and wait until the server has it.

        Raises
        ------
        SignalingError
            When the server refuses it, or the line is broken.
        """
        answer = await self._call(kind, payload, timeout=10)
        if not answer.get("ok"):
            raise SignalingError(answer["code"], answer["message"])

    async def leave(self) -> None:
        """Say goodbye; returns when the server has heard it. :meth:`abort` follows."""
        if self._sio is not None and self._sio.connected:
            if self._may_be_in:
                # A server that is gone already needs no goodbye.
                with contextlib.suppress(SignalingError):
                    await self._call("leave_room", {}, timeout=1)
            await self._sio.shutdown()

    async def abort(self) -> None:
        """Hang up without a word, as a machine that loses its power does.

        Also a line that was never finished, which no goodbye ends.
        """
        if self._sio is None or self._http is None:
            return  # it has not begun to join
        self._sio.reconnection = False
        try:
            await self._http.close()
            await self._sio.eio.wait()
            if not self._sio.connected:
                await self._sio.shutdown()  # it may be looking for the server
        finally:
            if self._sio.eio.http is not None:
                # Its own, when it looked for the server after ours was closed.
                await self._sio.eio.http.close()

    async def _enter(self, timeout: float) -> None:
        request = {"room": self._room, "email": self._name}
        if self._session is not None:
            request["session"] = self._session
        self._may_be_in = True
        answer = await self._call("join_room", request, timeout=timeout)
        if not answer.get("ok"):
            self._may_be_in = False
            code, message = answer["code"], answer["message"]
            if code in _ERRORS:
                raise _ERRORS[code](message)
            raise SignalingError(code, message)
        self.id, self._session = answer["id"], answer["session"]

    async def _enter_again(self) -> None:
        breaks = self._breaks
        try:
            await self._enter(timeout=10)
        except (SignalingError, RoomFullError, DuplicateNameError) as error:
            if self._breaks > breaks:
                return  # the line broke again; it is tried on the next one, or was
            self._on_error(f"{self._name} coming back to room {self._room}", error)
        else:
            self._on_return()

    async def _call(
        self, event: str, payload: dict[str, Any], timeout: float
    ) -> dict[str, Any]:
        assert self._sio is not None, "join() comes first"
        unreachable = SignalingError(
            "unreachable",
            f"{self._name} has no line to the signaling server at {self._url}",
        )
        call = asyncio.create_task(self._sio.call(event, payload, timeout=timeout))
        self._calls.add(call)
        try:
            answer = await call
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise unreachable from None  # by _break_off
        except (
            socketio.exceptions.TimeoutError,
            socketio.exceptions.BadNamespaceError,
            socketio.exceptions.DisconnectedError,
        ) as error:
            raise unreachable from error
        finally:
            self._calls.discard(call)
        assert isinstance(answer, dict)
        return answer

    def _break_off(self, reason: str) -> None:
        """Await no answers any more: the line that they would come on is gone."""
        self._breaks += 1
        for call in self._calls:
            call.cancel()

    async def _receive(self, event: str, *arguments: Any) -> None:
        kind = _KINDS.get(event)
        if kind is not None and len(arguments) == 1:
            await self._on_message(kind, arguments[0])
