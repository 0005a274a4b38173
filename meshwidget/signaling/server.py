"""The socket.io edge of the signaling server.

It moves events between sockets and the switchboard, and decides nothing. Everything
runs on the mesh loop.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import socketio
from aiohttp import web

from ..errors import NoAddressError, ProtocolError
from .sockets import SocketServer
from .switchboard import Switchboard

_SHUTDOWN_SECONDS = 0.2
"""How long a request in progress may hold up the server's end."""


class SignalingServer:
    """The in-kernel server: rooms over socket.io.

    Parameters
    ----------
    switchboard : Switchboard
        Where events go, and where those for the clients come from.
    """

    def __init__(self, switchboard: Switchboard) -> None:
        self.url = ""
        self._switchboard = switchboard
        self._sio = SocketServer(self._on_event, self._on_malformed)
        self._sio.on("connect", self._on_connect)
        self._sio.on("disconnect", self._on_disconnect)
        application = web.Application()
        self._sio.attach(application)
        self._runner = web.AppRunner(
            application, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS
        )

    async def start(self, host: str, port: int) -> None:
        """Listen.

        Raises
        ------
        NoAddressError
            When the address cannot be listened on.
        """
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except (OSError, OverflowError) as error:
            await self._runner.cleanup()
            where = f"{host} port {port}" if port else host
            raise NoAddressError(
                f"the signaling server cannot listen on {where}: {error}"
            ) from error
        address = self._runner.addresses[0]
        listening = f"[{address[0]}]" if ":" in address[0] else address[0]
        self.url = f"http://{listening}:{address[1]}"

    async def stop(self) -> None:
        """Cut every connection and free the port."""
        await self._sio.shutdown()
        await self._runner.cleanup()

    async def _on_connect(
        self, connection: str, environment: dict[str, Any], auth: object = None
    ) -> None:
        try:
            self._switchboard.connect(connection, partial(self._emit, connection))
        except ProtocolError as error:
            raise socketio.exceptions.ConnectionRefusedError(str(error)) from error

    async def _on_disconnect(self, connection: str, reason: str) -> None:
        asyncio.get_running_loop().call_soon(self._sio.eio.cancel_pings)
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

    async def _emit(self, connection: str, event: str, *payload: Any) -> None:
        await self._sio.emit(event, *payload, to=connection)
