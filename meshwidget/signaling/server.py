"""The socket.io edge of the signaling server, behind the kernel's port.

It moves events between sockets and the switchboard, and decides nothing. Everything
runs on the mesh loop.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlsplit

import socketio

from ..errors import ProtocolError
from ..events import AccessRefused, TaskFailed
from ..log import EventLog
from .door import Door
from .port import Channel, Port
from .sockets import SocketServer
from .switchboard import Switchboard


class SignalingServer:
    """The in-kernel server: rooms over socket.io.

    Parameters
    ----------
    switchboard : Switchboard
        Where events go, and where those for the clients come from.
    log : EventLog
    secret : str
        What lets in.
    """

    def __init__(self, switchboard: Switchboard, log: EventLog, secret: str) -> None:
        self.url = ""
        self.running = False
        self.channels: dict[str, Channel] = {}
        """Who takes the WebSockets under ``/views/NAME``, by name. Each is awaited on
        the mesh loop with a socket that is prepared; when it returns or raises, the
        socket is closed."""
        self._switchboard = switchboard
        self._log = log
        self._door = Door(secret, self._on_refused)
        self._build()

    @property
    def refusals(self) -> dict[str, int]:
        """How often somebody was not let in, by reason."""
        return dict(self._door.refusals)

    async def start(self, host: str, port: int) -> None:
        """Listen.

        Raises
        ------
        NoAddressError
            When the address cannot be listened on.
        """
        self.url = await self._port.open(host, port)
        self.running = True

    async def stop(self) -> None:
        """Cut every connection and free the port; harmless when that is done."""
        if not self.running:
            return
        self.running = False
        try:
            await self._sio.shutdown()
        finally:
            await self._port.close()

    async def go_away(self) -> None:
        """Vanish: every line is cut without a word, and nobody listens any more."""
        self._port.cut()
        await self.stop()

    async def come_back(self) -> None:
        """Listen at the address it had.

        Raises
        ------
        NoAddressError
            When somebody else has the address now.
        """
        self._build()  # socket.io's server and aiohttp's cannot be started again
        address = urlsplit(self.url)
        await self.start(address.hostname or "", address.port or 0)

    def _build(self) -> None:
        self._sio = SocketServer(self._on_event, self._on_malformed, self._door)
        self._sio.on("connect", self._on_connect)
        self._sio.on("disconnect", self._on_disconnect)
        self._port = Port(self._door, self._sio, self.channels, self._on_error)

    async def _on_connect(
        self, connection: str, environment: dict[str, Any], auth: object = None
    ) -> None:
        try:
            self._switchboard.connect(connection, partial(self._emit, connection))
        except ProtocolError as error:
            self._door.note_refused(str(error))
            raise socketio.exceptions.ConnectionRefusedError(str(error)) from error

    async def _on_disconnect(self, connection: str, reason: str) -> None:
        self._switchboard.disconnect(
            connection, politely=reason == self._sio.reason.CLIENT_DISCONNECT
        )

    async def _on_event(
        self, event: str, connection: str, *arguments: Any
    ) -> dict[str, Any]:
        """Handle one event of one client; what is returned acknowledges it."""
        return await self._switchboard.event(connection, event, arguments)

    def _on_malformed(self, connection: str | None, reason: str) -> None:
        """Note a packet that is no Socket.IO; its sender is hung up on."""
        self._switchboard.note_malformed(
            connection,
            "a packet",
            f"it is no Socket.IO ({reason}); the connection is cut",
        )

    def _on_refused(self, reason: str, count: int) -> None:
        self._log.record(AccessRefused, reason=reason, count=count)

    def _on_error(self, where: str, error: BaseException) -> None:
        message = f"{type(error).__name__}: {error}"
        self._log.record(TaskFailed, where=where, message=message)

    async def _emit(self, connection: str, event: str, *payload: Any) -> None:
        await self._sio.emit(event, *payload, to=connection)
