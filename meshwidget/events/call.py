"""What happens in a call that goes as it should, or fails by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .base import Event

__all__ = [
    "AccessRefused",
    "FrameReceived",
    "JoinRefused",
    "MeshClosed",
    "MeshOpened",
    "MessageAccepted",
    "MessageDelivered",
    "MessageDropped",
    "MessageEdited",
    "MessageEvent",
    "MessageIgnored",
    "MessageRefused",
    "PeerJoined",
    "PeerLeft",
    "PortOpened",
    "RegistrationSkipped",
    "SignalingPaused",
    "SignalingResumed",
    "SourceFailed",
    "StateChanged",
    "TaskFailed",
    "TrackReceived",
    "TuningSkipped",
]


@dataclass(frozen=True, kw_only=True)
class MeshOpened(Event):
    """The signaling server listens."""

    room: str
    max_peers: int

    def __str__(self) -> str:
        return f"room {self.room} is open for {self.max_peers}"


@dataclass(frozen=True, kw_only=True)
class PortOpened(Event):
    """The server listens on an address that others than this machine can reach.

    Attributes
    ----------
    address : str
        Host and port.
    """

    address: str

    def __str__(self) -> str:
        return (
            f"the server listens on {self.address}: whoever reaches it and has the "
            f"token can join"
        )


@dataclass(frozen=True, kw_only=True)
class RegistrationSkipped(Event):
    """Jupyter could not be told of the call; it goes on without."""

    reason: str

    def __str__(self) -> str:
        return f"browsers cannot come in through Jupyter: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class AccessRefused(Event):
    """Somebody was not let in at the server's port.

    Attributes
    ----------
    count : int
        How often it happened for this reason; 1, 10, 100, ... are recorded.
    """

    reason: str
    count: int

    def __str__(self) -> str:
        times = "" if self.count == 1 else f" ({self.count} times by now)"
        return f"somebody is not let in at the server: {self.reason}{times}"


@dataclass(frozen=True, kw_only=True)
class MeshClosed(Event):
    """The call is over and holds nothing any more."""

    def __str__(self) -> str:
        return "the mesh is closed"


@dataclass(frozen=True, kw_only=True)
class PeerJoined(Event):
    """The server let a participant into a room."""

    peer: str
    room: str

    def __str__(self) -> str:
        return f"{self.peer} joins room {self.room}"


@dataclass(frozen=True, kw_only=True)
class PeerLeft(Event):
    """The server let a participant go.

    Attributes
    ----------
    reason : str
        ``"left"`` after a goodbye, ``"lost"`` when its socket died without one.
    """

    peer: str
    room: str
    reason: str

    def __str__(self) -> str:
        how = "leaves" if self.reason == "left" else "is gone without a word from"
        return f"{self.peer} {how} room {self.room}"


@dataclass(frozen=True, kw_only=True)
class JoinRefused(Event):
    """The server did not let somebody in."""

    peer: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.peer} is not let in: {self.message}"


@dataclass(frozen=True, kw_only=True)
class MessageEvent(Event):
    """A signaling message on its way through the server.

    Attributes
    ----------
    number : int
        The message's own number, from 1, the same from acceptance to delivery.
    kind : str
        ``"all_users"``, ``"offer"``, ``"answer"``, ``"candidate"`` or ``"user_exit"``.
    sender, receiver : str
        Names. The sender of ``all_users`` is the server, ``""``.
    """

    number: int
    kind: str
    sender: str
    receiver: str

    @property
    def described(self) -> str:
        """The message in words, for instance ``"offer 3 from alice to bob"``."""
        source = self.sender or "the server"
        return f"{self.kind} {self.number} from {source} to {self.receiver}"


@dataclass(frozen=True, kw_only=True)
class MessageAccepted(MessageEvent):
    """The server took a message and will send it on.

    Attributes
    ----------
    payload : mapping or list
        What will be delivered, as the wire has it.
    """

    payload: Mapping[str, Any] | list[Any]

    def __str__(self) -> str:
        return f"the server accepts {self.described}"


@dataclass(frozen=True, kw_only=True)
class MessageDelivered(MessageEvent):
    """The server sent a message on to its receiver."""

    def __str__(self) -> str:
        return f"the server delivers {self.described}"


@dataclass(frozen=True, kw_only=True)
class MessageDropped(MessageEvent):
    """A message was lost on purpose, or its receiver left before it came.

    Attributes
    ----------
    reason : str
        ``"dropped"`` by hand, or ``"receiver left"``.
    """

    reason: str

    def __str__(self) -> str:
        return f"{self.described} is lost: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class MessageEdited(MessageEvent):
    """A held message was changed by hand; it keeps its number.

    Attributes
    ----------
    change : str
        What was done, in words.
    payload : mapping or list
        What will be delivered now.
    """

    change: str
    payload: Mapping[str, Any] | list[Any]

    def __str__(self) -> str:
        return f"{self.described} is changed: {self.change}"


@dataclass(frozen=True, kw_only=True)
class MessageRefused(Event):
    """The server answered a message with an error; nobody else noticed.

    Attributes
    ----------
    sender : str
        The name, or ``""`` of a connection that has not joined.
    kind : str
        The event as it was sent, cut to a readable length.
    """

    sender: str
    kind: str
    code: str
    message: str

    def __str__(self) -> str:
        source = self.sender or "somebody outside the room"
        return f"the server refuses {self.kind} from {source}: {self.message}"


@dataclass(frozen=True, kw_only=True)
class MessageIgnored(Event):
    """A participant received a message that it has no use for.

    Attributes
    ----------
    reason : str
        Why, in terms of the state the connection is in.
    """

    peer: str
    remote: str
    kind: str
    reason: str

    def __str__(self) -> str:
        return f"{self.peer} ignores {self.kind} from {self.remote}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class SignalingPaused(Event):
    """From here on the server holds what it accepts."""

    def __str__(self) -> str:
        return "signaling is paused"


@dataclass(frozen=True, kw_only=True)
class SignalingResumed(Event):
    """The server lets everything go that it held."""

    def __str__(self) -> str:
        return "signaling is resumed"


@dataclass(frozen=True, kw_only=True)
class StateChanged(Event):
    """One of a connection's five state machines moved.

    Attributes
    ----------
    peer, remote : str
        Whose connection, and to whom.
    machine : str
        ``"signaling"``, ``"ice_gathering"``, ``"ice_connection"``, ``"dtls"`` or
        ``"connection"``.
    old, new : str
        States as the W3C names them (webrtc-pc, sections 4.3 and 5.5).
    """

    peer: str
    remote: str
    machine: str
    old: str
    new: str

    def __str__(self) -> str:
        machine = self.machine.replace("_", " ")
        return f"{self.peer} to {self.remote}: {machine} {self.old} -> {self.new}"


@dataclass(frozen=True, kw_only=True)
class TrackReceived(Event):
    """A remote description announced a track (webrtc-pc, section 5.7).

    Attributes
    ----------
    kind : str
        ``"video"`` or ``"audio"``.
    """

    peer: str
    remote: str
    kind: str

    def __str__(self) -> str:
        return f"{self.peer} gets a track of {self.kind} from {self.remote}"


@dataclass(frozen=True, kw_only=True)
class FrameReceived(Event):
    """The first picture of a link was received and decoded."""

    peer: str
    remote: str

    def __str__(self) -> str:
        return f"{self.peer} sees the first frame of {self.remote}"


@dataclass(frozen=True, kw_only=True)
class SourceFailed(Event):
    """A source stopped by an error; the call goes on without it.

    Attributes
    ----------
    kind : str
        ``"video"`` or ``"audio"``.
    """

    peer: str
    kind: str
    message: str

    def __str__(self) -> str:
        return f"{self.peer}'s {self.kind} source stopped: {self.message}"


@dataclass(frozen=True, kw_only=True)
class TaskFailed(Event):
    """Something of the call's own, or a callback of the user's, raised.

    Attributes
    ----------
    where : str
        What was being done.
    message : str
        The exception, with its type.
    """

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where} failed: {self.message}"


@dataclass(frozen=True, kw_only=True)
class TuningSkipped(Event):
    """A faster path could not be used, so aiortc's own is: slower, not broken."""

    what: str
    reason: str

    def __str__(self) -> str:
        return f"{self.what} is left to aiortc: {self.reason}"
