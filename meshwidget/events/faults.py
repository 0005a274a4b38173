"""What is done to a call on purpose, and how it mends itself."""

from __future__ import annotations

from dataclasses import dataclass

from ..faults import IMPAIRMENT_FIELDS, Impairment
from .base import Event

__all__ = [
    "ConnectionRenewed",
    "LayerHeld",
    "LayerReleased",
    "LinkCut",
    "LinkEvent",
    "LinkHealed",
    "LinkImpaired",
    "PeerFrozen",
    "PeerReturned",
    "PeerThawed",
    "ServerStarted",
    "ServerStopped",
]


@dataclass(frozen=True, kw_only=True)
class LinkEvent(Event):
    """Something was done to the link of two, who need not be there yet.

    Attributes
    ----------
    peer, remote : str
        Names, as they were given to ``mesh.link``.
    """

    peer: str
    remote: str

    @property
    def link(self) -> str:
        """Which one, in words."""
        return f"the link of {self.peer} and {self.remote}"


@dataclass(frozen=True, kw_only=True)
class LinkImpaired(LinkEvent):
    """A link carries badly from here on.

    Attributes
    ----------
    toward : str
        The one it leads to in the direction that is meant; ``""`` for both.
    loss, delay_ms, jitter_ms, kbps, duplicate, reorder, seed
        As for :class:`~meshwidget.faults.Impairment`.
    """

    toward: str
    loss: float
    delay_ms: float
    jitter_ms: float
    kbps: float | None
    duplicate: float
    reorder: float
    seed: int

    @property
    def impairment(self) -> Impairment:
        """The same in one value."""
        return Impairment(**{name: getattr(self, name) for name in IMPAIRMENT_FIELDS})

    def __str__(self) -> str:
        direction = f" toward {self.toward}" if self.toward else ""
        words = self.impairment.words
        return f"{self.link} is impaired on purpose{direction}: it {words}"


@dataclass(frozen=True, kw_only=True)
class LinkCut(LinkEvent):
    """Nothing passes a link any more."""

    def __str__(self) -> str:
        return f"{self.link} is cut on purpose"


@dataclass(frozen=True, kw_only=True)
class LinkHealed(LinkEvent):
    """Nothing is wrong with a link any more."""

    def __str__(self) -> str:
        return f"{self.link} is healed"


@dataclass(frozen=True, kw_only=True)
class LayerHeld(LinkEvent):
    """The packets of one protocol are stopped on a link.

    Attributes
    ----------
    layer : str
        ``"stun"``, ``"dtls"`` or ``"srtp"``.
    """

    layer: str

    def __str__(self) -> str:
        return f"{self.link} holds {self.layer.upper()} on purpose"


@dataclass(frozen=True, kw_only=True)
class LayerReleased(LinkEvent):
    """The packets of one protocol pass a link again.

    Attributes
    ----------
    layer : str
        ``"stun"``, ``"dtls"`` or ``"srtp"``.
    """

    layer: str

    def __str__(self) -> str:
        return f"{self.link} lets {self.layer.upper()} pass again"


@dataclass(frozen=True, kw_only=True)
class PeerFrozen(Event):
    """A participant stays connected and does nothing any more."""

    peer: str

    def __str__(self) -> str:
        return f"{self.peer} freezes on purpose: connected, and silent"


@dataclass(frozen=True, kw_only=True)
class PeerThawed(Event):
    """A participant that was frozen goes on."""

    peer: str

    def __str__(self) -> str:
        return f"{self.peer} thaws and goes on"


@dataclass(frozen=True, kw_only=True)
class ServerStopped(Event):
    """The signaling server is gone; media flows on without it."""

    def __str__(self) -> str:
        return "the signaling server is stopped on purpose"


@dataclass(frozen=True, kw_only=True)
class ServerStarted(Event):
    """The signaling server is back at its address."""

    def __str__(self) -> str:
        return "the signaling server is started again"


@dataclass(frozen=True, kw_only=True)
class PeerReturned(Event):
    """A participant that had lost its line to the server took its place again."""

    peer: str
    room: str

    def __str__(self) -> str:
        return f"{self.peer} is back in room {self.room}"


@dataclass(frozen=True, kw_only=True)
class ConnectionRenewed(Event):
    """A participant closes a connection that failed and offers a new one.

    Attributes
    ----------
    reason : str
        Why, as a sentence.
    """

    peer: str
    remote: str
    reason: str

    def __str__(self) -> str:
        return f"{self.peer} connects to {self.remote} anew: {self.reason}"
