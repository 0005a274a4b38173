"""Who is in which room, and who hears whom: a pure state machine.

No I/O, no clock. An event goes in with the id of the connection it came from; what the
server has to send comes out, or a :class:`~meshwidget.errors.ProtocolError`, and then
nothing has changed. A message reaches one member of the sender's room or nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ..errors import ProtocolError
from .limits import MAX_ROOMS
from .protocol import Answer, Candidate, JoinRoom, Offer, Relayed


@dataclass(frozen=True)
class Member:
    """A participant as the server knows it.

    Attributes
    ----------
    id : str
        What the others call it by: the id of the connection it first joined with.
    name : str
        The label, unique in the room.
    room : str
    session : str
        The secret that lets it come back on another connection.
    connection : str or None
        Where it is reached now; None while its socket is gone.
    """

    id: str
    name: str
    room: str
    session: str
    connection: str | None


@dataclass(frozen=True)
class Outgoing:
    """A message for one member: what kind, from whom, to whom, and what is in it."""

    kind: str
    sender: Member | None
    receiver: Member
    payload: Any


class Rooms:
    """All rooms of one server.

    Parameters
    ----------
    max_peers : int
        How many members a room may have.
    new_session : callable
        Gives a secret that nobody can guess, another one each time.
    """

    def __init__(self, max_peers: int, new_session: Callable[[], str]) -> None:
        self.max_peers = max_peers
        self._new_session = new_session
        self._rooms: dict[str, dict[str, Member]] = {}
        self._by_connection: dict[str, Member] = {}

    def members(self, room: str) -> tuple[Member, ...]:
        """Who is in a room, in order of joining."""
        return tuple(self._rooms.get(room, {}).values())

    def member(self, connection: str) -> Member | None:
        """Who speaks on this connection, if it has joined."""
        return self._by_connection.get(connection)

    def find(self, room: str, member_id: str) -> Member | None:
        """The member of that id in that room, if it is there."""
        return self._rooms.get(room, {}).get(member_id)

    def join(self, connection: str, message: JoinRoom) -> tuple[Member, list[Outgoing]]:
        """Let a connection in.

        Returns
        -------
        member, outgoing
            The newcomer hears ``all_users``. One who comes back to its place hears
            nothing, nor does anybody else.

        Raises
        ------
        ProtocolError
            ``already_joined``, ``room_full``, ``name_taken`` or ``too_many_rooms``.
        """
        # A member's id is the connection it first came on, so that one is taken for as
        # long as the member stays, also when it has gone on to another.
        if connection in self._by_connection or any(
            connection in room for room in self._rooms.values()
        ):
            raise ProtocolError(
                "already_joined", "this connection is in a room; leave_room first"
            )
        present = self.members(message.room)
        namesake = next((m for m in present if m.name == message.email), None)
        if namesake is not None and message.session == namesake.session:
            return self._return(namesake, connection), []
        if namesake is not None:
            raise ProtocolError(
                "name_taken",
                f"somebody called {message.email} is in the room; choose another name",
            )
        if len(present) >= self.max_peers:
            raise ProtocolError(
                "room_full",
                f"room {message.room} is full: {len(present)} of {self.max_peers}",
            )
        if not present and len(self._rooms) >= MAX_ROOMS:
            raise ProtocolError(
                "too_many_rooms", f"this server has {MAX_ROOMS} rooms; no more fit"
            )
        newcomer = Member(
            id=connection,
            name=message.email,
            room=message.room,
            session=self._new_session(),
            connection=connection,
        )
        self._put(newcomer)
        users = [{"id": member.id, "email": member.name} for member in present]
        return newcomer, [Outgoing("all_users", None, newcomer, users)]

    def leave(self, member: Member) -> list[Outgoing]:
        """Let a member go; everybody left in its room hears ``user_exit``."""
        room = self._rooms[member.room]
        current = room.pop(member.id)
        if current.connection is not None:
            del self._by_connection[current.connection]
        if not room:
            del self._rooms[member.room]
        return [
            Outgoing("user_exit", member, other, {"id": member.id})
            for other in room.values()
        ]

    def lose_connection(self, connection: str) -> Member | None:
        """Note that a socket died. Its member, if any, keeps the place for now."""
        member = self._by_connection.pop(connection, None)
        if member is None:
            return None
        away = replace(member, connection=None)
        self._rooms[member.room][member.id] = away
        return away

    @property
    def away(self) -> tuple[Member, ...]:
        """Every member without a connection."""
        return tuple(
            member
            for room in self._rooms.values()
            for member in room.values()
            if member.connection is None
        )

    def is_away(self, member: Member) -> bool:
        """Whether the member is still in its room without a connection."""
        current = self.find(member.room, member.id)
        return current is not None and current.connection is None

    def relay(self, connection: str, message: Relayed) -> Outgoing:
        """Send a description or a candidate on to one member of the same room.

        The sender's id and name are the server's own knowledge of the connection. A
        payload that claims another id is refused; the name it claims is replaced.

        Raises
        ------
        ProtocolError
            ``not_joined``, ``forged_sender`` or ``unknown_target``.
        """
        sender = self._by_connection.get(connection)
        if sender is None:
            raise ProtocolError("not_joined", "join a room first")
        if message.sender_id not in (sender.id, connection):
            raise ProtocolError(
                "forged_sender",
                "the message says it is from another connection than its own",
            )
        receiver = self.find(sender.room, message.receiver_id)
        if receiver is None or receiver.id == sender.id:
            raise ProtocolError(
                "unknown_target", "there is no other member of that id in the room"
            )
        match message:
            case Offer(sdp=sdp):
                payload = {
                    "sdp": {"type": sdp.type, "sdp": sdp.sdp},
                    "offerSendID": sender.id,
                    "offerSendEmail": sender.name,
                }
                return Outgoing("offer", sender, receiver, payload)
            case Answer(sdp=sdp):
                payload = {
                    "sdp": {"type": sdp.type, "sdp": sdp.sdp},
                    "answerSendID": sender.id,
                }
                return Outgoing("answer", sender, receiver, payload)
            case Candidate(candidate=candidate):
                fields = {
                    name: getattr(candidate, name)
                    for name in candidate.__struct_fields__
                    if getattr(candidate, name) is not None
                }
                payload = {"candidate": fields, "candidateSendID": sender.id}
                return Outgoing("candidate", sender, receiver, payload)

    def _return(self, member: Member, connection: str) -> Member:
        if member.connection is not None:
            # The old socket is half open: the new one is where its owner is.
            del self._by_connection[member.connection]
        returned = replace(member, connection=connection)
        self._put(returned)
        return returned

    def _put(self, member: Member) -> None:
        assert member.connection is not None
        self._rooms.setdefault(member.room, {})[member.id] = member
        self._by_connection[member.connection] = member
