"""TURN's user and password get to where they are used: a server that asks for them."""

from __future__ import annotations

import asyncio
from typing import Any

from aioice import stun

from meshwidget import Mesh

from .calls import SECONDS


class TurnServer(asyncio.DatagramProtocol):
    """Asks everybody who they are, and then has no place left (RFC 8656)."""

    def __init__(self) -> None:
        self.users: asyncio.Queue[str] = asyncio.Queue()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        request = stun.parse_message(data)
        refusal = stun.Message(
            message_method=request.message_method,
            message_class=stun.Class.ERROR,
            transaction_id=request.transaction_id,
        )
        if user := request.attributes.get("USERNAME"):
            self.users.put_nowait(user)
            refusal.attributes["ERROR-CODE"] = (486, "Allocation Quota Reached")
        else:
            refusal.attributes["ERROR-CODE"] = (401, "Unauthorized")
            refusal.attributes["REALM"] = "meshwidget"
            refusal.attributes["NONCE"] = b"once"
        self.transport.sendto(bytes(refusal), address)


async def test_peers_in_the_kernel_log_in_to_a_turn_server() -> None:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(
        TurnServer, local_addr=("127.0.0.1", 0)
    )
    port = transport.get_extra_info("sockname")[1]
    turn = {
        "urls": [f"turn:127.0.0.1:{port}"],
        "username": "user",
        "credential": "secret",
    }
    try:
        async with Mesh(ice_servers=[turn]) as mesh:
            await mesh.join_async("alice")
            await mesh.join_async("bob")
            async with asyncio.timeout(SECONDS):
                assert await server.users.get() == "user"
    finally:
        transport.close()
