"""The diagrams as widgets: sequence, topology and states.

Each shows the log of a call, live or rewound, or of a session that was loaded from a
file. The picture is drawn in Python and is the same one live, in a saved notebook and
as a file. What is looked at is a handful of traits that live in the kernel, so that
one diagram can follow another: ``traitlets.link((topology, "pair"), (sequence,
"pair"))``.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import anywidget
import traitlets

from ..errors import ProtocolError
from ..events import Event, PeerJoined
from ..history.moment import Moment
from ..nesting import view_closed, view_opened
from .diagram_feed import DiagramFeed, Look
from .diagram_messages import Bye, Here, Set, parse
from .sequence import LIMIT, sequence_svg
from .statechart import states_svg
from .topology import topology_svg

if TYPE_CHECKING:
    from ..readings import LogReadings

__all__ = ["Diagram", "SequenceView", "StatesView", "TopologyView"]

HERE = Path(__file__).parent

_LOOKS = ("peers", "pair", "kinds", "position", "selected", "limit")


def _names() -> traitlets.TraitType[tuple[str, ...] | None, Sequence[str] | None]:
    """A trait for some names, of which a list becomes a tuple; None is no choice."""
    trait = traitlets.Tuple(default_value=None, allow_none=True)
    return cast("traitlets.TraitType[tuple[str, ...] | None, Any]", trait)


class Diagram(anywidget.AnyWidget):
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

    def __init__(self, source: LogReadings, **look: Any) -> None:
        self._log = source.log
        self._sending = threading.Lock()
        super().__init__(**look)
        call = weakref.ref(source)
        self._feed = DiagramFeed(
            self._log,
            self.draw,
            self._send_to_pages,
            lambda: not getattr(call(), "closed", True),
            self._look(),
        )
        self.observe(self._look_changed, list(_LOOKS))
        self.on_msg(self._receive)
        view_opened(self)

    @staticmethod
    def draw(events: Sequence[Event], moment: Moment, look: Look) -> str:
        """Draw what is looked at; pure."""
        raise NotImplementedError

    def svg(self) -> str:
        """Return the picture as it is now, as an ``<svg>`` element."""
        return self._feed.svg()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture as it is now to an SVG file."""
        Path(path).write_text(self.svg(), encoding="utf-8")

    def close(self) -> None:
        """Take the diagram off every page; the call goes on."""
        if not hasattr(self, "_feed"):
            return  # it was never finished, and is collected now
        self._feed.close()
        view_closed(self)
        with self._sending:
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
        self._feed.look(self._look())

    def _receive(self, widget: object, content: object, buffers: object) -> None:
        """Take a page's message, on whatever thread the kernel takes it."""
        try:
            message = parse(content)
        except ProtocolError as error:
            self._send_to_pages({"type": "refused", "message": str(error)})
            return
        match message:
            case Here(client=client, version=version, visible=visible):
                self._feed.here(client, version, visible)
            case Bye(client=client):
                self._feed.bye(client)
            case Set(look=look):
                with self.hold_trait_notifications():
                    for name, value in look.items():
                        setattr(self, name, value)

    def _send_to_pages(self, content: dict[str, Any]) -> None:
        with self._sending:
            if self.comm is not None:  # closed on another thread
                self.send(content)


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
