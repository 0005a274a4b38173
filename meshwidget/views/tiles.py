"""What a tile and the status line say, in words.

Pure: from facts, which somebody else has read off the call, to short texts, full
sentences for the status line, and labels for those who listen instead of looking.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

STALE_PICTURE_AFTER = 1.0
"""Seconds without a new picture after which a tile says so: 30 missed frames."""

SILENCE = -60.0
"""The level, in dBov, below which nobody hears anything; the meter's left end."""

METER_STEPS = 20
"""Steps of the level meter, so that it is not sent again for every tremble."""


class TileState(StrEnum):
    """How a tile is."""

    DOWN = "down"
    STOPPED = "stopped"
    STALE = "stale"
    WAITING = "waiting"
    BLANK = "blank"
    LIVE = "live"


_TROUBLES = (TileState.DOWN, TileState.STOPPED, TileState.STALE, TileState.WAITING)
"""What the status line speaks about, the worst first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TileFacts:
    """What is known about what ``viewer`` receives from ``peer``.

    Attributes
    ----------
    viewer, peer : str
        Names. If they are equal the tile shows a participant's own picture.
    picture_age : float or None
        Seconds since the newest picture arrived; None before the first.
    connection_state, ice_connection_state : str or None
        As the W3C names them, of the viewer's connection to the peer. None while
        there is no connection, and for a participant's own picture.
    sends_video, sends_audio : bool
        Whether the peer has that source at all.
    failure : str or None
        Why the peer's video source has stopped.
    faults : tuple of str
        What is wrong on purpose with the peer and with the link, in a few words each.
    level : float or None
        The peer's sound as received, in dBov: 0 is loudest, -127 is silence.
    """

    viewer: str
    peer: str
    picture_age: float | None = None
    connection_state: str | None = None
    ice_connection_state: str | None = None
    sends_video: bool = True
    sends_audio: bool = True
    failure: str | None = None
    faults: tuple[str, ...] = ()
    level: float | None = None

    @property
    def local(self) -> bool:
        """Whether it is a participant's own picture, which travels over no link."""
        return self.viewer == self.peer


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The status line: one sentence, and whether something is wrong."""

    text: str
    warning: bool = False


def tile_state(facts: TileFacts) -> TileState:
    """Return how the tile is; what breaks the link comes before what it carries."""
    if not facts.local:
        if facts.connection_state in {"disconnected", "failed", "closed"}:
            return TileState.DOWN
        if facts.connection_state != "connected":
            return TileState.WAITING
    if facts.failure is not None:
        return TileState.STOPPED
    if not facts.sends_video:
        return TileState.BLANK
    if facts.picture_age is None:
        return TileState.WAITING
    if facts.picture_age > STALE_PICTURE_AFTER:
        return TileState.STALE
    return TileState.LIVE


def tile_text(facts: TileFacts) -> str:
    """Return what the tile says about itself, in a few words."""
    match tile_state(facts):
        case TileState.DOWN:
            return f"link down: {facts.connection_state}"
        case TileState.STOPPED:
            return f"source stopped: {facts.failure}"
        case TileState.STALE:
            age = facts.picture_age or 0.0
            return f"stale: no picture for {age:.0f} s"
        case TileState.WAITING:
            return f"waiting: {_awaited(facts)}"
        case TileState.BLANK:
            return "sends no video"
        case TileState.LIVE:
            return "local" if facts.local else "live"


def fault_text(facts: TileFacts) -> str:
    """Return what is wrong on purpose, in a few words; empty when nothing is."""
    return f"{', '.join(facts.faults)} on purpose" if facts.faults else ""


def tile_label(facts: TileFacts) -> str:
    """Return the whole tile in words, for a screen reader."""
    if facts.local:
        whose = f"{facts.peer}, own picture"
    else:
        whose = f"{facts.peer} as {facts.viewer} receives it"
    texts = [tile_text(facts), fault_text(facts)]
    told = "; ".join(text for text in texts if text not in ("", "local"))
    return f"{whose}: {told}" if told else whose


def meter(facts: TileFacts) -> tuple[float | None, str]:
    """Return the level meter: how full it is (0 to 1, or None), and in words."""
    if facts.level is None:
        return None, "no sound yet" if facts.sends_audio else "sends no sound"
    fraction = min(max(1.0 - facts.level / SILENCE, 0.0), 1.0)
    rounded = round(fraction * METER_STEPS) / METER_STEPS
    if rounded == 0.0:
        return 0.0, "silent"
    return rounded, f"{(rounded - 1.0) * -SILENCE:.0f} dBov"


def call_status(room: str, names: Sequence[str], pairs: Sequence[TileFacts]) -> Status:
    """Say in one sentence what the call does or waits for.

    Parameters
    ----------
    room : str
    names : Sequence[str]
        Everyone in the room.
    pairs : Sequence[TileFacts]
        The facts of every viewer that lives here and every peer, own pictures included.
    """
    if not names:
        return Status(text=f"Nobody is in room {room} yet.")
    found: dict[TileState, list[TileFacts]] = {state: [] for state in TileState}
    for facts in pairs:
        found[tile_state(facts)].append(facts)
    troubles = [facts for state in _TROUBLES for facts in found[state]]
    if troubles:
        worst = tile_state(troubles[0])
        return Status(
            text=_sentence(_told(troubles[0], worst)) + _others(len(troubles) - 1),
            warning=worst is not TileState.WAITING,
        )
    if len(names) == 1:
        return Status(text=f"{names[0]} is alone in the room: a call needs two.")
    if not pairs:
        return Status(text=f"Only browsers are in room {room}: {', '.join(names)}.")
    if len(names) == 2:
        return Status(text=f"{names[0]} and {names[1]} are connected.")
    links = len(names) * (len(names) - 1) // 2
    return Status(text=f"{len(names)} participants, {links} links: all connected.")


def _told(facts: TileFacts, state: TileState) -> str:
    """The trouble, and what has been done on purpose to bring it about."""
    fault = fault_text(facts)
    return _trouble(facts, state) + (f" ({fault})" if fault else "")


def _trouble(facts: TileFacts, state: TileState) -> str:
    viewer, peer = facts.viewer, facts.peer
    match state:
        case TileState.DOWN:
            return f"The link from {peer} to {viewer} is down"
        case TileState.STOPPED:
            return f"{peer}'s video has stopped: {facts.failure}"
        case TileState.STALE if facts.local:
            return f"{peer}'s own picture has stopped moving"
        case TileState.STALE:
            return f"{viewer} receives no new pictures from {peer}"
        case _ if facts.local:
            return f"{peer} waits for its own first picture"
        case _:
            return f"{viewer} waits for {peer}: {_awaited(facts)}"


def _awaited(facts: TileFacts) -> str:
    """What has to happen next, as far as the states tell."""
    if facts.local or facts.connection_state == "connected":
        return "first picture"
    if facts.connection_state is None:
        return "no connection yet"
    match facts.ice_connection_state:
        case "checking":
            return "ICE checks addresses"
        case "connected" | "completed":
            return "DTLS handshake"
        case _:
            return "no address yet"


def _sentence(text: str) -> str:
    return f"{text.rstrip('.')}."


def _others(count: int) -> str:
    if count == 0:
        return ""
    more = "1 more picture is" if count == 1 else f"{count} more pictures are"
    return f" {more} missing."
