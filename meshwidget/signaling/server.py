"""The socket.io edge of the signaling server.

It moves events between sockets and the pure parts (protocol, room, gate), stamps them
into the log, and decides nothing. Everything runs on the mesh loop.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from typing import Any

import socketio
from aiohttp import web

from ..errors import NoAddressError, ProtocolError
from ..events import (
    JoinRefused,
    MessageAccepted,
    MessageDelivered,
    MessageDropped,
    MessageRefused,
    PeerJoined,
    PeerLeft,
)
from ..log import EventLog
from .gate import Gate, Message
from .limits import (
    MAX_CONNECTIONS,
    REJOIN_SECONDS,
    MessageBudget,
)
from .protocol import WIRE_EVENTS, JoinRoom, LeaveRoom, parse, shorten
from .room import Member, Outgoing, Rooms
from .sockets import SocketServer

_SHUTDOWN_SECONDS = 0.2
"""How long a request in progress may hold up the server's end."""


class SignalingServer:
    """The in-kernel server: rooms over socket.io.

    Parameters
    ----------
    log : EventLog
    max_peers : int
        For each room.
    gate : Gate
        Where messages wait; whoever changes it calls :meth:`deliver_pending`.
    """

    def __init__(self, log: EventLog, max_peers: int, gate: Gate) -> None:
        self.gate = gate
        self.rooms = Rooms(max_peers, new_session=secrets.token_urlsafe)
        self.url = ""
        self.delivered: Counter[str] = Counter()
        """How many messages each member was sent, by its id."""
        self._log = log
        self._budgets: dict[str, MessageBudget] = {}
        self._expiries: dict[str, asyncio.TimerHandle] = {}
        self._wake = asyncio.Event()
        self._delivery: asyncio.Task[None] | None = None
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
        self._delivery = asyncio.create_task(self._deliver_forever())

    async def stop(self) -> None:
        """Cut every connection and free the port."""
        for handle in self._expiries.values():
            handle.cancel()
        self._expiries.clear()
        if self._delivery is not None:
            self._delivery.cancel()
        await self._sio.shutdown()
        await self._runner.cleanup()

    def deliver_pending(self) -> None:
        """Deliver what the gate lets out, soon and in order."""
        self._wake.set()

    async def deliver(self, message: Message) -> None:
        """Send one message that was taken from the gate to its receiver."""
        receiver = message.outgoing.receiver
        current = self.rooms.find(receiver.room, receiver.id)
        if current is None or current.connection is None:
            self._lose(message, "receiver left")
            return
        self._log.record(MessageDelivered, **_fields(message))
        self.delivered[current.id] += 1
        await self._sio.emit(
            WIRE_EVENTS[message.kind], message.payload, to=current.connection
        )

    async def _deliver_forever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while (message := self.gate.take_next(self._is_reachable)) is not None:
                await self.deliver(message)

    def _is_reachable(self, message: Message) -> bool:
        return not self.rooms.is_away(message.outgoing.receiver)

    def drop(self, message: Message) -> None:
        """Lose a pending message on purpose."""
        self._lose(self.gate.take(message), "dropped")

    def _lose(self, message: Message, reason: str) -> None:
        self._log.record(MessageDropped, **_fields(message), reason=reason)

    def _accept(self, outgoing: list[Outgoing]) -> None:
        for each in outgoing:
            message = self.gate.accept(each)
            self._log.record(
                MessageAccepted, **_fields(message), payload=message.payload
            )
        self.deliver_pending()

    async def _on_connect(
        self, connection: str, environment: dict[str, Any], auth: object = None
    ) -> None:
        if len(self._budgets) >= MAX_CONNECTIONS:
            raise socketio.exceptions.ConnectionRefusedError(
                f"this server has {MAX_CONNECTIONS} connections; no more fit"
            )
        self._budgets[connection] = MessageBudget(self._now())

    async def _on_disconnect(self, connection: str, reason: str) -> None:
        self._budgets.pop(connection, None)
        asyncio.get_running_loop().call_soon(self._sio.eio.cancel_pings)
        member = self.rooms.member(connection)
        if member is None:
            return
        if reason == self._sio.reason.CLIENT_DISCONNECT:
            self._let_go(member, "left")
            return
        away = self.rooms.lose_connection(connection)
        assert away is not None
        self._expiries[away.id] = asyncio.get_running_loop().call_later(
            REJOIN_SECONDS, self._expire, away
        )

    def _expire(self, member: Member) -> None:
        self._expiries.pop(member.id, None)
        if self.rooms.is_away(member):
            self._let_go(member, "lost")

    def _let_go(self, member: Member, reason: str) -> None:
        outgoing = self.rooms.leave(member)
        del self.delivered[member.id]
        self._log.record(PeerLeft, peer=member.name, room=member.room, reason=reason)
        for message in self.gate.pending:
            if message.outgoing.receiver.id == member.id:
                self.gate.take(message)
                self._lose(message, "receiver left")
        self._accept(outgoing)

    async def _on_event(
        self, event: str, connection: str, *arguments: Any
    ) -> dict[str, Any]:
        """Handle one event of one client; what is returned acknowledges it."""
        try:
            budget = self._budgets.get(connection)
            if budget is None or not budget.spend(self._now()):
                raise ProtocolError(
                    "rate_limited", "too many messages from this connection; slow down"
                )
            return self._handle(connection, event, arguments)
        except ProtocolError as error:
            return await self._refuse(connection, event, arguments, error)

    def _on_malformed(self, connection: str | None, reason: str) -> None:
        """Note a packet that is no Socket.IO; its sender is hung up on."""
        member = None if connection is None else self.rooms.member(connection)
        self._log.record(
            MessageRefused,
            sender=member.name if member else "",
            kind="a packet",
            code="malformed",
            message=f"it is no Socket.IO ({reason}); the connection is cut",
        )

    def _handle(
        self, connection: str, event: str, arguments: tuple[Any, ...]
    ) -> dict[str, Any]:
        message = parse(event, arguments)
        match message:
            case JoinRoom():
                return self._join(connection, message)
            case LeaveRoom():
                member = self.rooms.member(connection)
                if member is None:
                    raise ProtocolError("not_joined", "there is no room to leave")
                self._let_go(member, "left")
            case _:
                self._accept([self.rooms.relay(connection, message)])
        return {"ok": True}

    def _join(self, connection: str, message: JoinRoom) -> dict[str, Any]:
        member, outgoing = self.rooms.join(connection, message)
        expiry = self._expiries.pop(member.id, None)
        if expiry is not None:
            expiry.cancel()
        if outgoing:
            self._log.record(PeerJoined, peer=member.name, room=member.room)
        self._accept(outgoing)
        return {"ok": True, "id": member.id, "session": member.session}

    async def _refuse(
        self,
        connection: str,
        event: str,
        arguments: tuple[Any, ...],
        error: ProtocolError,
    ) -> dict[str, Any]:
        """Answer an error twice: in the acknowledgement, and for clients without."""
        code, message = error.code, str(error)
        member = self.rooms.member(connection)
        if event == "join_room" and member is None and code != "rate_limited":
            self._log.record(
                JoinRefused, peer=_claimed_name(arguments), code=code, message=message
            )
        elif code != "rate_limited":
            # A flood must not fill the log that a learner reads.
            self._log.record(
                MessageRefused,
                sender=member.name if member else "",
                kind=shorten(event),
                code=code,
                message=message,
            )
        if code == "room_full":
            await self._sio.emit("room_full", to=connection)
        else:
            answer = {"event": shorten(event), "code": code, "message": message}
            await self._sio.emit("signaling_error", answer, to=connection)
        return {"ok": False, "code": code, "message": message}

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def _fields(message: Message) -> dict[str, Any]:
    return {
        "number": message.number,
        "kind": message.kind,
        "sender": message.sender,
        "receiver": message.receiver,
    }


def _claimed_name(arguments: tuple[Any, ...]) -> str:
    """Who a refused one says it is, for the log only."""
    if arguments and isinstance(arguments[0], dict):
        name = arguments[0].get("email")
        if isinstance(name, str) and name.isprintable() and name:
            return shorten(name)
    return "somebody"
