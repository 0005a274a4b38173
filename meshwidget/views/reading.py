"""One look at a call: everything that a view says or shows at one moment.

:func:`read_call` reads the mesh on its loop's thread; what it returns is plain values,
and the pictures' sinks, which are read when a picture is sent. No widget, no
transport: a WebSocket serves the same message.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..media.formats import VIDEO_FRAME_RATE
from ..signaling.protocol import EVERYONE
from .held import waiting_sentence
from .overload import LinkRate, Overload
from .tiles import (
    Status,
    TileFacts,
    TileState,
    call_status,
    fault_text,
    meter,
    tile_label,
    tile_state,
    tile_text,
)

if TYPE_CHECKING:
    from ..history.moment import Moment
    from ..media.sinks import VideoSink
    from ..mesh import Mesh
    from ..peer.peer import Peer

SERVER_STOPPED = (
    "The signaling server is stopped on purpose: media flows on, and nobody can join."
)

CLOSED = Status(
    text="This call is closed. Run its cell again to start a new one.", warning=True
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One tile: what is known, and where its newest picture is.

    Attributes
    ----------
    sink : VideoSink or None
        None as long as the viewer has no video of that peer.
    removable : bool
        Whether the peer can be made to exit from here. Browsers leave by themselves.
    """

    facts: TileFacts
    sink: VideoSink | None
    removable: bool

    @property
    def key(self) -> str:
        """What the tile is called in messages. No name has a line break in it."""
        return f"{self.facts.viewer}\n{self.facts.peer}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallReading:
    """The whole call at one moment, as far as a view shows it.

    Attributes
    ----------
    viewer : str or None
        Whose view it is: a name, ``"*"`` for everyone's, None while nobody is there.
    rate : int or None
        Pictures a second: the median over what is shown and received.
    """

    room: str
    max_peers: int
    address: str
    names: tuple[str, ...]
    viewers: tuple[str, ...]
    viewer: str | None
    rate: int | None
    status: Status
    tiles: tuple[Tile, ...]
    closed: bool

    def message(self) -> dict[str, Any]:
        """The state message: all that a page shows besides the pictures."""
        return {
            "type": "state",
            "room": self.room,
            "max_peers": self.max_peers,
            "address": self.address,
            "count": len(self.names),
            "viewers": list(self.viewers),
            "viewer": self.viewer,
            "rate": self.rate,
            "status": self.status.text,
            "warning": self.status.warning,
            "closed": self.closed,
            "tiles": [_tile_message(tile) for tile in self.tiles],
        }


def closed_message(room: str, max_peers: int) -> dict[str, Any]:
    """The last state message of a call, when there is no call to read any more."""
    reading = CallReading(
        room=room,
        max_peers=max_peers,
        address="",
        names=(),
        viewers=(),
        viewer=None,
        rate=None,
        status=CLOSED,
        tiles=(),
        closed=True,
    )
    return reading.message()


def read_call(
    mesh: Mesh,
    viewer: str | None,
    now: float,
    failure: str | None = None,
    moment: Moment | None = None,
    overload: Overload | None = None,
) -> CallReading:
    """Read off the mesh what a view shows.

    Parameters
    ----------
    mesh : Mesh
    viewer : str or None
        Whose view: a name, ``"*"`` for everyone's, None for the first participant's.
        Somebody who is not in the call is replaced by the first, and that is said.
    now : float
        ``time.monotonic()``.
    failure : str, optional
        What went wrong lately outside any tile; the status line says it.
    moment : Moment, optional
        The log so far: who else is in the room, such as browsers, and what a call
        that is held still waits for.
    overload : Overload, optional
        Remembers whether the links were short; the status line says it.
    """
    peers = mesh.peers
    in_room = () if moment is None else moment.members
    names = tuple(dict.fromkeys((*peers, *_outsiders(peers.values()), *in_room)))
    shown = _resolve(viewer, tuple(peers))
    pairs = [
        _read_pair(
            peers,
            one,
            other,
            now,
            faults=() if moment is None else _faults(moment, one, other),
            shown=shown in (one, EVERYONE),
        )
        for one, other in _pairs(peers, names)
    ]
    tiles = [
        Tile(
            facts=facts,
            sink=peers[facts.viewer].video(facts.peer),
            removable=facts.peer in peers,
        )
        for facts in pairs
        if shown in (facts.viewer, EVERYONE)
    ]
    status = call_status(mesh.room, names, pairs)
    if overload is not None:
        short = overload.sentence(list(_link_rates(peers, pairs)), now)
        if short and status.warning:
            status = Status(text=f"{status.text} {short}", warning=True)
        elif short:
            status = Status(text=short, warning=True)
    if names and moment is not None:
        waits = waiting_sentence(moment, shown, names)
        if waits is not None and status.warning:
            status = Status(text=f"{status.text} {waits}", warning=True)
        elif waits is not None:
            status = Status(text=waits)
    if moment is not None and moment.server_stopped:
        status = Status(text=f"{SERVER_STOPPED} {status.text}", warning=True)
    if failure is not None:
        status = Status(text=f"{failure.rstrip('.')}. {status.text}", warning=True)
    elif viewer not in (None, EVERYONE) and shown not in (None, viewer):
        note = f"{viewer} is not in the call, so this is what {shown} receives."
        status = Status(text=f"{note} {status.text}", warning=status.warning)
    return CallReading(
        room=mesh.room,
        max_peers=mesh.max_peers,
        address=mesh.url.rpartition("://")[2],
        names=names,
        viewers=tuple(peers),
        viewer=shown,
        rate=_rate(tiles),
        status=status,
        tiles=tuple(tiles),
        closed=False,
    )


def _outsiders(peers: Iterable[Peer]) -> Iterator[str]:
    """Those whom the peers are connected to: browsers are participants too."""
    for peer in peers:
        yield from peer.connections


def _resolve(viewer: str | None, present: Sequence[str]) -> str | None:
    if not present:
        return None
    if viewer == EVERYONE or viewer in present:
        return viewer
    return present[0]


def _pairs(peers: dict[str, Peer], names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Every viewer and what it shows: those in the room, each in the same place."""
    for viewer in peers:
        for name in names:
            yield viewer, name


def _faults(moment: Moment, viewer: str, name: str) -> tuple[str, ...]:
    """What is wrong on purpose with what one receives from the other."""
    frozen = ("frozen",) if name in moment.frozen else ()
    if viewer == name:
        return frozen
    return (*frozen, *moment.faults_of(viewer, name).words)


def _read_pair(
    peers: dict[str, Peer],
    viewer: str,
    name: str,
    now: float,
    *,
    faults: tuple[str, ...],
    shown: bool,
) -> TileFacts:
    receiver, sender = peers[viewer], peers.get(name)
    connection = receiver.connections.get(name)
    sink = receiver.video(name)
    arrived = sink.arrived if sink is not None else None
    if sender is not None:
        sends_video, sends_audio = sender.sends_video, sender.sends_audio
        failure = sender.source_failures.get("video")
    else:
        # What a browser sends is known from what it has negotiated.
        sends_video = connection is None or connection.receives_video
        sends_audio, failure = True, None
    return TileFacts(
        viewer=viewer,
        peer=name,
        picture_age=None if arrived is None else max(now - arrived, 0.0),
        connection_state=connection.connection_state if connection else None,
        ice_connection_state=connection.ice_connection_state if connection else None,
        sends_video=sends_video,
        sends_audio=sends_audio,
        failure=failure,
        faults=faults,
        # Asking for the level has the sound decoded.
        level=receiver.audio_level(name) if shown else None,
    )


def _link_rates(
    peers: dict[str, Peer], pairs: Iterable[TileFacts]
) -> Iterator[LinkRate]:
    """How fast pictures come over each link that is live, and how fast they should.

    A source that is itself held up sends less than it could. What a browser's could
    send only the browser knows.
    """
    sent = {
        name: min(sink.full_rate, VIDEO_FRAME_RATE) for name, sink in _own_sinks(peers)
    }
    for facts in pairs:
        sink = peers[facts.viewer].video(facts.peer)
        if (
            not facts.local
            and facts.peer in sent
            and sink is not None
            and tile_state(facts) is TileState.LIVE
        ):
            yield LinkRate(sent[facts.peer], sink.frame_rate)


def _own_sinks(peers: dict[str, Peer]) -> Iterator[tuple[str, VideoSink]]:
    for name, peer in peers.items():
        sink = peer.video(name)
        if sink is not None:
            yield name, sink


def _rate(tiles: Sequence[Tile]) -> int | None:
    live = [tile for tile in tiles if tile_state(tile.facts) is TileState.LIVE]
    received = [tile for tile in live if not tile.facts.local] or live
    rates = [tile.sink.frame_rate for tile in received if tile.sink is not None]
    return round(statistics.median(rates)) if rates else None


def _tile_message(tile: Tile) -> dict[str, Any]:
    level, level_text = meter(tile.facts)
    return {
        "key": tile.key,
        "viewer": tile.facts.viewer,
        "peer": tile.facts.peer,
        "local": tile.facts.local,
        "state": tile_state(tile.facts),
        "connection": tile.facts.connection_state,
        "text": tile_text(tile.facts),
        "fault": fault_text(tile.facts),
        "label": tile_label(tile.facts),
        "level": level,
        "level_text": level_text,
        "removable": tile.removable,
    }
