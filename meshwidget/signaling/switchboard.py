"""Between the edges, where clients come in, and the pure parts that know the rules.

A connection is an id and a function that sends to it; what it is made of, a socket.io
socket or a page's comm, is the edge's affair. The switchboard runs every event through
protocol, room and gate, delivers what comes out, and stamps all of it into the log.
Everything runs on the mesh loop.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ProtocolError
from ..events import (
    JoinRefused,
    MessageAccepted,
    MessageDelivered,
    MessageDropped,
    MessageRefused,
    PeerJoined,
    PeerLeft,
    PeerReturned,
)
from ..log import EventLog
from .gate import Gate, Message
from .limits import (
    MAX_CONNECTIONS,
    REJOIN_SECONDS,
    RETURN_SECONDS,
    Budget,
    message_budget,
    text_budget,
)
from .protocol import (
    WIRE_EVENTS,
    ClientMessage,
    JoinRoom,
    LeaveRoom,
    parse,
    shorten,
    text_length,
)
from .room import Member, Outgoing, Rooms

_LATE_SECONDS = 0.1
"""A timer that goes off so late says that the loop stood still."""

Send = Callable[..., Awaitable[None]]
"""``await send(event, *payload)``: an event for the client, with a payload or none."""


@dataclass(frozen=True, slots=True)
class _Connection:
    send: Send
    messages: Budget
    text: Budget


class Switchboard:
    """Every connection to one signaling server, whatever edge it came in by.

    A message reaches one member of its sender's room or nobody, whatever the edges,
    the order of things and the ids that are claimed: tests/signaling/test_isolation.py
    has that as a property of random histories.

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
        self.delivered: Counter[str] = Counter()
        """How many messages each member was sent, by its id."""
        self.suspended = False
        """Whether the server is away."""
        self._log = log
        self._connections: dict[str, _Connection] = {}
        self._expiries: dict[str, asyncio.TimerHandle] = {}
        self._wake = asyncio.Event()
        self._delivery: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to deliver."""
        self._delivery = asyncio.create_task(self._deliver_forever())

    def close(self) -> None:
        """Forget everybody; nobody hears of it."""
        for handle in self._expiries.values():
            handle.cancel()
        self._expiries.clear()
        self._connections.clear()
        if self._delivery is not None:
            self._delivery.cancel()

    def suspend(self) -> None:
        """Lose every connection and take none; rooms and messages stay as they are."""
        self.suspended = True
        for handle in self._expiries.values():
            handle.cancel()
        self._expiries.clear()
        for connection in self._connections:
            self.rooms.lose_connection(connection)
        self._connections.clear()

    def resume(self) -> None:
        """Take connections again; who does not come back soon is let go."""
        self.suspended = False
        for member in self.rooms.away:
            self._await_return(member, RETURN_SECONDS)

    def connect(self, connection: str, send: Send) -> None:
        """Take up a connection; it is in no room yet.

        Raises
        ------
        ProtocolError
            ``too_many_connections`` or ``server_stopped``.
        """
        if self.suspended:
            raise ProtocolError("server_stopped", "the signaling server is stopped")
        if len(self._connections) >= MAX_CONNECTIONS:
            raise ProtocolError(
                "too_many_connections",
                f"this server has {MAX_CONNECTIONS} connections; no more fit",
            )
        now = self._now()
        self._connections[connection] = _Connection(
            send, message_budget(now), text_budget(now)
        )

    async def event(
        self, connection: str, event: str, arguments: Sequence[Any]
    ) -> dict[str, Any]:
        """Handle one event of one client.

        Returns
        -------
        dict
            What acknowledges it: ``{"ok": True}``, after ``join_room`` with the
            member's ``id`` and ``session``, or ``{"ok": False}`` with a ``code`` and a
            ``message``.
        """
        try:
            known = self._connections.get(connection)
            if known is None or not known.messages.spend(self._now()):
                raise ProtocolError(
                    "rate_limited", "too many messages from this connection; slow down"
                )
            message = parse(event, arguments)
            if not known.text.spend(self._now(), text_length(message)):
                raise ProtocolError(
                    "rate_limited", "too much text from this connection; slow down"
                )
            return self._handle(connection, message)
        except ProtocolError as error:
            return await self._refuse(connection, event, arguments, error)

    def disconnect(self, connection: str, *, politely: bool) -> None:
        """Note that a connection has ended.

        Parameters
        ----------
        connection : str
        politely : bool
            Whether its client meant it. Otherwise its member's place is kept for a
            moment, in case it comes back.
        """
        if self._connections.pop(connection, None) is None:
            return
        member = self.rooms.member(connection)
        if member is None:
            return
        if politely:
            self._let_go(member, "left")
            return
        away = self.rooms.lose_connection(connection)
        assert away is not None
        self._await_return(away, REJOIN_SECONDS)

    def note_malformed(self, connection: str | None, what: str, reason: str) -> None:
        """Note something that is no event at all; its sender is hung up on."""
        member = None if connection is None else self.rooms.member(connection)
        self._log.record(
            MessageRefused,
            sender=member.name if member else "",
            kind=what,
            code="malformed",
            message=reason,
        )

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
        await self._send(current.connection, WIRE_EVENTS[message.kind], message.payload)

    def drop(self, message: Message) -> None:
        """Lose a pending message on purpose."""
        self._lose(self.gate.take(message), "dropped")

    async def _deliver_forever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while (message := self.gate.take_next(self._is_reachable)) is not None:
                await self.deliver(message)

    def _is_reachable(self, message: Message) -> bool:
        return not self.rooms.is_away(message.outgoing.receiver)

    async def _send(self, connection: str, event: str, *payload: Any) -> None:
        known = self._connections.get(connection)
        if known is not None:
            await known.send(event, *payload)

    def _lose(self, message: Message, reason: str) -> None:
        self._log.record(MessageDropped, **_fields(message), reason=reason)

    def _accept(self, outgoing: list[Outgoing]) -> None:
        for each in outgoing:
            message = self.gate.accept(each)
            self._log.record(
                MessageAccepted, **_fields(message), payload=message.payload
            )
        self.deliver_pending()

    def _await_return(self, away: Member, seconds: float) -> None:
        """Keep a place for one that has lost its line, and no longer."""
        due = self._now() + seconds
        self._expiries[away.id] = asyncio.get_running_loop().call_at(
            due, self._expire, away, due
        )

    def _expire(self, member: Member, due: float) -> None:
        self._expiries.pop(member.id, None)
        if not self.rooms.is_away(member):
            return
        if self._now() - due > _LATE_SECONDS:
            # This loop stood still: who came back waits where it has not looked yet.
            self._await_return(member, REJOIN_SECONDS)
        else:
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

    def _handle(self, connection: str, message: ClientMessage) -> dict[str, Any]:
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
        else:
            self._log.record(PeerReturned, peer=member.name, room=member.room)
            self.deliver_pending()
        self._accept(outgoing)
        return {"ok": True, "id": member.id, "session": member.session}

    async def _refuse(
        self,
        connection: str,
        event: str,
        arguments: Sequence[Any],
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
            await self._send(connection, "room_full")
        else:
            answer = {"event": shorten(event), "code": code, "message": message}
            await self._send(connection, "signaling_error", answer)
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


def _claimed_name(arguments: Sequence[Any]) -> str:
    """Who a refused one says it is, for the log only."""
    if arguments and isinstance(arguments[0], dict):
        name = arguments[0].get("email")
        if isinstance(name, str) and name.isprintable() and name:
            return shorten(name)
    return "somebody"
