"""What a moment of a call is made of: members, messages, links and their two sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

INITIAL_STATES = {
    "signaling": "stable",
    "ice_gathering": "new",
    "ice_connection": "new",
    "dtls": "new",
    "connection": "new",
}
"""The five machines of a connection and where each begins (webrtc-pc, sections 4.3.1 to
4.3.4 and 5.5.1)."""

LINK_STATES = (
    "new",
    "signaling",
    "checking",
    "securing",
    "connected",
    "failed",
    "closed",
)
"""One word for the five machines, from the first to the last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """Somebody in the room.

    Attributes
    ----------
    all_users : int or None
        Number of the message that tells this one who is there.
    """

    name: str
    joined_seq: int
    all_users: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageState:
    """A signaling message and what has become of it.

    Attributes
    ----------
    number : int
    kind : str
        ``"all_users"``, ``"offer"``, ``"answer"``, ``"candidate"`` or ``"user_exit"``.
    sender, receiver : str
        Names; the sender of ``all_users`` is the server, ``""``.
    payload : mapping, list or None
        As it is now, edits included; None when the log began after its acceptance.
    status : str
        ``"held"`` (signaling is paused), ``"in flight"``, ``"delivered"`` or
        ``"dropped"``.
    accepted_seq : int
    delivered_seq, dropped_seq : int or None
    reason : str
        Of a dropped one: ``"dropped"`` by hand, or ``"receiver left"``.
    edited : tuple of str
        What was changed by hand, in words.
    """

    number: int
    kind: str
    sender: str
    receiver: str
    payload: Mapping[str, Any] | list[Any] | None
    status: str
    accepted_seq: int
    delivered_seq: int | None = None
    dropped_seq: int | None = None
    reason: str = ""
    edited: tuple[str, ...] = ()

    @property
    def is_pending(self) -> bool:
        """Whether it is still at the server."""
        return self.status in ("held", "in flight")

    @property
    def described(self) -> str:
        """The message in words, for instance ``"offer 3 from alice to bob"``."""
        source = self.sender or "the server"
        return f"{self.kind} {self.number} from {source} to {self.receiver}"

    @property
    def sdp(self) -> str | None:
        """The description in it, if it has one."""
        inner = self._inner("sdp")
        return inner.get("sdp") if isinstance(inner, Mapping) else None

    @property
    def candidate(self) -> str | None:
        """The candidate attribute in it, if it has one; empty at their end."""
        inner = self._inner("candidate")
        return inner.get("candidate") if isinstance(inner, Mapping) else None

    def _inner(self, key: str) -> Any:
        return self.payload.get(key) if isinstance(self.payload, Mapping) else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Ignored:
    """A message that a side had no use for."""

    kind: str
    reason: str
    seq: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One participant's connection to one other.

    Attributes
    ----------
    peer, remote : str
        Whose it is, and to whom.
    states : mapping
        Each machine's current state, as the W3C names it.
    reached : frozenset of (str, str)
        Every machine and state that this connection has been in since it began.
    reports : bool
        Whether anything was heard from it. A browser's connection never reports.
    tracks : tuple of str
        Kinds of the tracks that the other's description announced, in order.
    saw_frame : bool
        Whether a picture of the other was decoded here.
    ignored : tuple of Ignored
        Messages of the other that could not be used here.
    """

    peer: str
    remote: str
    states: Mapping[str, str] = field(default_factory=INITIAL_STATES.copy)
    reached: frozenset[tuple[str, str]] = frozenset()
    reports: bool = False
    tracks: tuple[str, ...] = ()
    saw_frame: bool = False
    ignored: tuple[Ignored, ...] = ()

    def moved(self, machine: str, state: str) -> Self:
        """The side after one of its machines has moved."""
        return replace(
            self,
            states={**self.states, machine: state},
            reached=self.reached | {(machine, state)},
            reports=True,
        )

    def has_been(self, machine: str, *states: str) -> bool:
        """Whether a machine is or was in one of these states."""
        return any((machine, state) in self.reached for state in states)

    @property
    def is_closed(self) -> bool:
        """Whether the connection is closed (webrtc-pc, section 4.3.1)."""
        return "closed" in (self.states["signaling"], self.states["connection"])

    @property
    def is_over(self) -> bool:
        """Whether every machine that can close has."""
        return all(
            state == "closed"
            for machine, state in self.states.items()
            if machine != "ice_gathering"
        )

    @property
    def state(self) -> str:
        """One of :data:`LINK_STATES`, for this side alone."""
        states = self.states
        path = states["ice_connection"]
        if self.is_closed:
            return "closed"
        if "failed" in (path, states["dtls"], states["connection"]):
            return "failed"
        if states["connection"] == "connected":
            return "connected"
        if path in ("connected", "completed"):
            return "securing"
        if path in ("checking", "disconnected"):
            return "checking"
        if states["signaling"] != "stable" or states["ice_gathering"] != "new":
            return "signaling"
        return "new"


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """Two participants and the connection that each has to the other.

    Attributes
    ----------
    names : (str, str)
        The one who joined earlier comes first; the other, the newcomer, offers.
    sides : (Side, Side)
        In the same order.
    messages : tuple of int
        Numbers of what the two sent each other, both ways, in order of acceptance.
    farewells : tuple of int
        Numbers of the ``user_exit`` messages with which an earlier link ended.
    """

    names: tuple[str, str]
    sides: tuple[Side, Side]
    messages: tuple[int, ...] = ()
    farewells: tuple[int, ...] = ()

    @classmethod
    def between(cls, earlier: str, newcomer: str) -> Self:
        """A link on which nothing has happened."""
        return cls(
            names=(earlier, newcomer),
            sides=(
                Side(peer=earlier, remote=newcomer),
                Side(peer=newcomer, remote=earlier),
            ),
        )

    def one(self, peer: str) -> Side:
        """That participant's side.

        Raises
        ------
        KeyError
            When it is not of this link.
        """
        for side in self.sides:
            if side.peer == peer:
                return side
        raise KeyError(peer)

    def other(self, peer: str) -> Side:
        """The side of the one across."""
        return self.one(self.one(peer).remote)

    def having(self, side: Side) -> Self:
        """The link with this in place of the same participant's side."""
        first, second = self.sides
        sides = (side, second) if first.peer == side.peer else (first, side)
        return replace(self, sides=sides)

    @property
    def state(self) -> str:
        """One of :data:`LINK_STATES`: the less advanced side's, unless one has ended.

        A side that never reports, a browser's, is left out.
        """
        states = {side.state for side in self.sides if side.reports} or {"new"}
        for ended in ("closed", "failed"):
            if ended in states:
                return ended
        state = min(states, key=LINK_STATES.index)
        return "signaling" if state == "new" and self.messages else state
