"""The diagrams as widgets: sequence, topology and states.

Each shows the log of a call, live or rewound, or of a session that was loaded from a
file. The picture is drawn in Python and is the same one live, in a saved notebook and
as a file. What is looked at is a handful of traits that live in the kernel, so that
one diagram can follow another: ``traitlets.link((topology, "pair"), (sequence,
"pair"))``.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import traitlets

from ..events import Event, PeerJoined
from ..history.moment import Moment
from ..nesting import view_closed, view_opened
from .diagram_feed import DiagramFeed, Look
from .live import LiveWidget
from .sequence import LIMIT, sequence_svg
from .statechart import states_svg
from .topology import topology_svg

if TYPE_CHECKING:
    from ..readings import LogReadings
    from .socket import Send

__all__ = ["Diagram", "SequenceView", "StatesView", "TopologyView"]

HERE = Path(__file__).parent

_LOOKS = ("peers", "pair", "kinds", "position", "selected", "limit")


def _names() -> traitlets.TraitType[tuple[str, ...] | None, Sequence[str] | None]:
    """A trait for some names, of which a list becomes a tuple; None is no choice."""
    trait = traitlets.Tuple(default_value=None, allow_none=True)
    return cast("traitlets.TraitType[tuple[str, ...] | None, Any]", trait)


class Diagram(LiveWidget[DiagramFeed]):
    """What the three have in common.

    Parameters
    ----------
    source : Mesh or Session
        Whatever has a log. The view does not keep a call going.
    **look
        The traits below.

    Attributes
    ----------
    peers : tuple of str or None
        Show only what one of these did, sent or received.
    pair : (str, str) or None
        Show only what is between these two.
    kinds : tuple of str or None
        Show only messages of these kinds.
    position : int or None
        Show the call as it was after the event of this ``seq``; None follows it.
    selected : int or None
        Number of the message that is open.
    limit : int
        Messages shown at most.
    """

    _esm = HERE / "diagram.js"
    _css = HERE / "diagram.css"

    kind = traitlets.Unicode("", read_only=True).tag(sync=True)
    peers = _names()
    pair = _names()
    kinds = _names()
    position = traitlets.Int(None, allow_none=True)
    selected = traitlets.Int(None, allow_none=True)
    limit = traitlets.Int(LIMIT, min=1)

    _SETS = frozenset({"set"})

    def __init__(self, source: LogReadings, **look: Any) -> None:
        self._log = source.log
        self._source = weakref.ref(source)
        super().__init__(source, **look)
        self.observe(self._look_changed, list(_LOOKS))
        # A session that was saved has no end that would take the view along.
        view_opened(self, getattr(source, "loop", None))

    @staticmethod
    def draw(events: Sequence[Event], moment: Moment, look: Look) -> str:
        """Draw what is looked at; pure."""
        raise NotImplementedError

    def svg(self) -> str:
        """Return the picture as it is now, as an ``<svg>`` element."""
        return self._session.svg()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture as it is now to an SVG file."""
        Path(path).write_text(self.svg(), encoding="utf-8")

    def close(self) -> None:
        """Take the diagram off every page; the call goes on."""
        view_closed(self)
        super().close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of room {Moment.of(self._log).room}>"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle = super()._repr_mimebundle_(**options)
        if bundle is None:
            return None
        data, metadata = bundle
        data["text/plain"] = repr(self)
        data["image/svg+xml"] = self.svg()
        return data, metadata

    @traitlets.validate("pair")
    def _check_pair(self, proposal: Any) -> Any:
        pair = proposal["value"]
        if pair is not None and len(pair) != 2:
            raise traitlets.TraitError(f"a pair has two names, not {len(pair)}")
        return pair

    def _look(self) -> Look:
        return Look(**{name: getattr(self, name) for name in _LOOKS})

    def _look_changed(self, change: object) -> None:
        for feed in self._ends:
            feed.look(self._look())

    def _open_end(self, send: Send) -> DiagramFeed:
        call = self._source
        return DiagramFeed(
            self._log,
            self.draw,
            lambda content: send(content, ()),
            lambda: not getattr(call(), "closed", True),
            self._look(),
            self._set_look,
        )

    def _set_look(self, look: Mapping[str, Any]) -> None:
        with self.hold_trait_notifications():
            for name, value in look.items():
                setattr(self, name, value)


class SequenceView(Diagram):
    """Who sent what to whom, and what it did there."""

    kind = traitlets.Unicode("sequence", read_only=True).tag(sync=True)

    @staticmethod
    def draw(events: Sequence[Event], moment: Moment, look: Look) -> str:
        """Draw the sequence diagram."""
        return sequence_svg(
            events,
            peers=look.peers,
            pair=look.pair,
            kinds=look.kinds,
            limit=look.limit,
            selected=look.selected,
            moment=moment,
        )


class TopologyView(Diagram):
    """Who is in the room, and the state of every link.

    Pressing a link sets :attr:`pair`.
    """

    kind = traitlets.Unicode("topology", read_only=True).tag(sync=True)

    @staticmethod
    def draw(events: Sequence[Event], moment: Moment, look: Look) -> str:
        """Draw the participants and their links."""
        return topology_svg(moment, selected=look.pair)


class StatesView(Diagram):
    """The five state machines of one participant's connection to another.

    ``pair`` says whose and to whom; without it, it is the newest link's newcomer's.
    """

    kind = traitlets.Unicode("states", read_only=True).tag(sync=True)

    @staticmethod
    def draw(events: Sequence[Event], moment: Moment, look: Look) -> str:
        """Draw the state diagrams."""
        pair = look.pair or _newest_pair(events, moment)
        return states_svg(moment, *pair)


def _newest_pair(events: Sequence[Event], moment: Moment) -> tuple[str, str]:
    if moment.links:
        earlier, newcomer = next(reversed(moment.links))
        return newcomer, earlier
    names = [event.peer for event in events if isinstance(event, PeerJoined)]
    return (names or ["nobody"])[-1], "nobody"
