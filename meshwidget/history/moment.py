"""A moment of a call: all that its log tells up to one event.

A :class:`Moment` is the fold of events: the same for a live view, which advances it
event by event, and for a rewound one, which builds it anew. What it holds is frozen and
replaced when it changes, so a view may keep any part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self

from ..events import (
    Event,
    FrameReceived,
    JoinRefused,
    LayerHeld,
    LayerReleased,
    LinkCut,
    LinkEvent,
    LinkHealed,
    LinkImpaired,
    MeshClosed,
    MeshOpened,
    MessageAccepted,
    MessageDelivered,
    MessageDropped,
    MessageEdited,
    MessageEvent,
    MessageIgnored,
    MessageRefused,
    PeerFrozen,
    PeerJoined,
    PeerLeft,
    PeerThawed,
    ServerStarted,
    ServerStopped,
    SignalingPaused,
    SignalingResumed,
    SourceFailed,
    StateChanged,
    TaskFailed,
    TrackReceived,
)
from ..faults import LinkFaults
from .parts import Ignored, Link, Member, MessageState, Side

__all__ = ["Ignored", "Link", "Member", "MessageState", "Moment", "Side"]


class Moment:
    """The call as it was after an event.

    Attributes
    ----------
    seq : int
        Of the newest event in it; -1 when there is none.
    time : float
        When that was.
    room : str
    max_peers : int
    paused, closed : bool
    members : dict of Member by name
        Who is in the room, in order of joining.
    departed : dict of str by name
        How those who were in the room went: ``"left"`` or ``"lost"``.
    refused : dict of str by name
        Why somebody was not let in.
    links : dict of Link by pair of names
        Every two participants that met, the one who joined earlier first. A link stays
        when one of them leaves, and is replaced when that one joins again.
    messages : dict of MessageState by number
    faults : dict of LinkFaults by pair of names
        What is wrong with links on purpose, the names in order of the alphabet.
    frozen : dict of None by name
        Who is connected and silent on purpose.
    server_stopped : bool
        Whether the signaling server is away on purpose.
    sources_failed : dict of dict by name
        Why a participant's ``"video"`` or ``"audio"`` stopped.
    rejected : list of (str, str, str)
        Sender, kind and reason of what the server refused to send on.
    problems : list of (int, str)
        Errors of the call's own: the event's seq, and a sentence.
    """

    def __init__(self) -> None:
        self.seq = -1
        self.time = 0.0
        self.room = ""
        self.max_peers = 0
        self.paused = False
        self.closed = False
        self.members: dict[str, Member] = {}
        self.departed: dict[str, str] = {}
        self.refused: dict[str, str] = {}
        self.links: dict[tuple[str, str], Link] = {}
        self.messages: dict[int, MessageState] = {}
        self.faults: dict[tuple[str, str], LinkFaults] = {}
        self.frozen: dict[str, None] = {}
        self.server_stopped = False
        self.sources_failed: dict[str, dict[str, str]] = {}
        self.rejected: list[tuple[str, str, str]] = []
        self.problems: list[tuple[int, str]] = []
        self._pending: dict[int, None] = {}
        self._earlier: dict[tuple[str, str], tuple[Side, ...]] = {}
        """Sides of replaced links that are still open, the oldest first."""

    @classmethod
    def of(cls, events: Iterable[Event]) -> Self:
        """The moment after these events."""
        moment = cls()
        for event in events:
            moment.advance(event)
        return moment

    def advance(self, event: Event) -> None:
        """Take one more event in. An event of an unknown type only moves the clock."""
        self.seq = event.seq
        self.time = event.time
        take = self._TAKERS.get(type(event))
        if take is not None:
            take(self, event)

    def copy(self) -> Self:
        """Another moment, equal to this one, which can go its own way."""
        other = type(self)()
        for name, value in vars(self).items():
            kept = value.copy() if isinstance(value, dict | list) else value
            setattr(other, name, kept)
        return other

    # Questions ------------------------------------------------------------------------

    @property
    def pending(self) -> tuple[MessageState, ...]:
        """What the server has accepted and not sent on, the next one first."""
        return tuple(self.messages[number] for number in self._pending)

    def link(self, one: str, other: str) -> Link | None:
        """The link between two, in whichever order they are named."""
        return self.links.get((one, other)) or self.links.get((other, one))

    def side(self, peer: str, remote: str) -> Side:
        """One's connection to another; a new one when there is none yet."""
        link = self.link(peer, remote)
        return Side(peer=peer, remote=remote) if link is None else link.one(peer)

    def faults_of(self, one: str, other: str) -> LinkFaults:
        """What is wrong on purpose with the link of two, in whichever order."""
        names = min(one, other), max(one, other)
        return self.faults.get(names) or LinkFaults(names=names)

    def between(self, one: str, other: str) -> tuple[MessageState, ...]:
        """The messages of a link, both ways, in order of acceptance."""
        link = self.link(one, other)
        if link is None:
            return ()
        found = [self.messages[number] for number in link.messages]
        # A saved log that is damaged may have given a number twice.
        return tuple(
            each for each in found if {each.sender, each.receiver} == {one, other}
        )

    def description(self, sender: str, receiver: str) -> MessageState | None:
        """The newest offer or answer that one sent the other, if any."""
        sent = [
            message
            for message in self.between(sender, receiver)
            if message.sender == sender and message.kind in ("offer", "answer")
        ]
        return sent[-1] if sent else None

    @property
    def present_links(self) -> tuple[Link, ...]:
        """The links of which both ends are in the room: N(N-1)/2 for N members."""
        return tuple(
            link
            for link in self.links.values()
            if all(name in self.members for name in link.names)
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Moment):
            return NotImplemented
        return vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        here = ", ".join(self.members) or "nobody"
        links = self.present_links
        connected = sum(link.state == "connected" for link in links)
        return (
            f"<Moment {self.seq}: {here}; {connected} of {len(links)} links connected, "
            f"{len(self._pending)} messages pending>"
        )

    # Who is there ---------------------------------------------------------------------

    def _open(self, event: MeshOpened) -> None:
        self.room = event.room
        self.max_peers = event.max_peers

    def _close(self, event: MeshClosed) -> None:
        self.closed = True

    def _join(self, event: PeerJoined) -> None:
        name = event.peer
        self.departed.pop(name, None)
        self.refused.pop(name, None)
        self.sources_failed.pop(name, None)
        # One who is there already and joins again has lost the line and come back.
        present = [other for other in self.members if other != name]
        self.members[name] = Member(name=name, joined_seq=event.seq)
        for other in present:
            self._meet(other, name)

    def _meet(self, earlier: str, newcomer: str) -> None:
        """Start their link, in place of any they had."""
        farewells: tuple[int, ...] = ()
        previous = self.link(earlier, newcomer)
        if previous is not None:
            del self.links[previous.names]
            farewells = tuple(
                number
                for number in previous.messages
                if self.messages[number].kind == "user_exit"
            )
            for side in previous.sides:
                if side.reports and not side.is_over:
                    key = (side.peer, side.remote)
                    self._earlier[key] = (*self._earlier.get(key, ()), side)
        link = Link.between(earlier, newcomer)
        self.links[link.names] = replace(link, farewells=farewells)

    def _leave(self, event: PeerLeft) -> None:
        self.members.pop(event.peer, None)
        self.departed[event.peer] = event.reason
        self.frozen.pop(event.peer, None)

    def _refuse_join(self, event: JoinRefused) -> None:
        if event.peer not in self.members:
            self.refused[event.peer] = event.message

    # Messages -------------------------------------------------------------------------

    def _accept(self, event: MessageAccepted) -> None:
        self._learn(event, event.payload)

    def _learn(
        self, event: MessageEvent, payload: Mapping[str, Any] | list[Any] | None
    ) -> MessageState:
        message = MessageState(
            number=event.number,
            kind=event.kind,
            sender=event.sender,
            receiver=event.receiver,
            payload=payload,
            status="held" if self.paused else "in flight",
            accepted_seq=event.seq,
        )
        self.messages[event.number] = message
        self._pending[event.number] = None
        if event.sender:
            link = self._link_of(event.sender, event.receiver)
            self._put(replace(link, messages=(*link.messages, event.number)))
        elif event.receiver in self.members:
            member = self.members[event.receiver]
            self.members[member.name] = replace(member, all_users=event.number)
        return message

    def _message(self, event: MessageEvent) -> MessageState:
        """The one it is about; a part of a log may begin after its acceptance."""
        return self.messages.get(event.number) or self._learn(event, None)

    def _deliver(self, event: MessageDelivered) -> None:
        message = self._message(event)
        self._pending.pop(event.number, None)
        self.messages[event.number] = replace(
            message, status="delivered", delivered_seq=event.seq
        )

    def _drop(self, event: MessageDropped) -> None:
        message = self._message(event)
        self._pending.pop(event.number, None)
        self.messages[event.number] = replace(
            message, status="dropped", dropped_seq=event.seq, reason=event.reason
        )

    def _edit(self, event: MessageEdited) -> None:
        message = self._message(event)
        self.messages[event.number] = replace(
            message, payload=event.payload, edited=(*message.edited, event.change)
        )

    def _reject(self, event: MessageRefused) -> None:
        self.rejected.append((event.sender, event.kind, event.message))

    def _hold(self, event: SignalingPaused | SignalingResumed) -> None:
        self.paused = isinstance(event, SignalingPaused)
        status = "held" if self.paused else "in flight"
        for number in self._pending:
            self.messages[number] = replace(self.messages[number], status=status)

    # Connections ----------------------------------------------------------------------

    def _change(self, event: StateChanged) -> None:
        link = self._link_of(event.peer, event.remote)
        side = link.one(event.peer)
        if self._is_of_an_earlier_side(event, side):
            return
        if side.is_closed and event.new != "closed":
            side = Side(peer=event.peer, remote=event.remote)
        self._put(link.having(side.moved(event.machine, event.new)))

    def _is_of_an_earlier_side(self, event: StateChanged, side: Side) -> bool:
        """Give it to a side of a replaced link, when it can only be about that one.

        Events name participants, and one who left and came back has the same name. The
        older connection closes first, so a close is its own as long as its states fit.
        """
        key = (event.peer, event.remote)
        for index, earlier in enumerate(self._earlier.get(key, ())):
            fits = earlier.states.get(event.machine) == event.old
            fits_newer = side.states.get(event.machine) == event.old
            if not fits or (fits_newer and event.new != "closed"):
                continue
            rest = list(self._earlier[key])
            rest[index] = earlier.moved(event.machine, event.new)
            self._earlier[key] = tuple(each for each in rest if not each.is_over)
            if not self._earlier[key]:
                del self._earlier[key]
            return True
        return False

    def _announce(self, event: TrackReceived) -> None:
        link = self._link_of(event.peer, event.remote)
        side = link.one(event.peer)
        if side.is_closed:
            side = Side(peer=event.peer, remote=event.remote)
        if event.kind not in side.tracks:
            side = replace(side, tracks=(*side.tracks, event.kind), reports=True)
            self._put(link.having(side))

    def _see(self, event: FrameReceived) -> None:
        link = self._link_of(event.peer, event.remote)
        side = replace(link.one(event.peer), saw_frame=True, reports=True)
        self._put(link.having(side))

    def _ignore(self, event: MessageIgnored) -> None:
        link = self.link(event.peer, event.remote)
        if link is not None:  # it may be about a stranger's message
            side = link.one(event.peer)
            ignored = Ignored(kind=event.kind, reason=event.reason, seq=event.seq)
            self._put(link.having(replace(side, ignored=(*side.ignored, ignored))))

    def _link_of(self, peer: str, remote: str) -> Link:
        return self.link(peer, remote) or Link.between(peer, remote)

    def _put(self, link: Link) -> None:
        self.links[link.names] = link

    # What is done on purpose ----------------------------------------------------------

    def _harm(self, event: LinkEvent) -> None:
        faults = self.faults_of(event.peer, event.remote)
        match event:
            case LinkImpaired(toward=toward):
                faults = faults.impaired(event.impairment, toward or None)
            case LinkCut():
                faults = faults.cutting()
            case LayerHeld(layer=layer):
                faults = faults.holding(layer)
            case LayerReleased(layer=layer):
                faults = faults.releasing(layer)
            case LinkHealed():
                faults = faults.healed()
        self.faults.pop(faults.names, None)
        if faults:
            self.faults[faults.names] = faults

    def _freeze(self, event: PeerFrozen) -> None:
        self.frozen[event.peer] = None

    def _thaw(self, event: PeerThawed) -> None:
        self.frozen.pop(event.peer, None)

    def _serve(self, event: ServerStopped | ServerStarted) -> None:
        self.server_stopped = isinstance(event, ServerStopped)

    # What went wrong ------------------------------------------------------------------

    def _fail_source(self, event: SourceFailed) -> None:
        failures = self.sources_failed.get(event.peer, {})
        self.sources_failed[event.peer] = {**failures, event.kind: event.message}

    def _fail_task(self, event: TaskFailed) -> None:
        self.problems.append((event.seq, str(event)))

    _TAKERS: ClassVar[dict[type[Event], Callable[[Any, Any], None]]] = {
        MeshOpened: _open,
        MeshClosed: _close,
        PeerJoined: _join,
        PeerLeft: _leave,
        JoinRefused: _refuse_join,
        MessageAccepted: _accept,
        MessageDelivered: _deliver,
        MessageDropped: _drop,
        MessageEdited: _edit,
        MessageRefused: _reject,
        MessageIgnored: _ignore,
        SignalingPaused: _hold,
        SignalingResumed: _hold,
        StateChanged: _change,
        TrackReceived: _announce,
        FrameReceived: _see,
        SourceFailed: _fail_source,
        TaskFailed: _fail_task,
        LinkImpaired: _harm,
        LinkCut: _harm,
        LinkHealed: _harm,
        LayerHeld: _harm,
        LayerReleased: _harm,
        PeerFrozen: _freeze,
        PeerThawed: _thaw,
        ServerStopped: _serve,
        ServerStarted: _serve,
    }
