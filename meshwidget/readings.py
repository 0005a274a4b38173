"""What can be read from a log: of a live call, and of a saved one."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import TYPE_CHECKING

from .history import storage
from .history.mermaid import mermaid
from .history.moment import Moment
from .history.table import StatesTable, states_table
from .history.why import Why, why
from .log import EventLog

if TYPE_CHECKING:
    from .views.diagram_widget import SequenceView, StatesView, TopologyView


class LogReadings:
    """Everything that needs the log and nothing else.

    Attributes
    ----------
    log : EventLog
        Every event since the start, in order.
    """

    log: EventLog

    def why(self, viewer: str, remote: str) -> Why:
        """Why one participant sees another, or does not.

        Parameters
        ----------
        viewer, remote : str
            Names: who should see, and whom.

        Returns
        -------
        Why
            A checklist from "joined the room" to "first frame decoded"; the first step
            that is missing is explained with what to do about it.

        Raises
        ------
        ValueError
            When both are the same.
        """
        return why(self.log, viewer, remote)

    def mermaid(
        self,
        *,
        peers: Collection[str] | None = None,
        pair: tuple[str, str] | None = None,
        kinds: Collection[str] | None = None,
    ) -> str:
        """The messages as the text of a Mermaid sequence diagram.

        Parameters
        ----------
        peers : collection of str, optional
            Only what concerns these.
        pair : (str, str), optional
            Only what lies between these two.
        kinds : collection of str, optional
            Only messages of these kinds.

        Returns
        -------
        str
        """
        return mermaid(self.log, peers=peers, pair=pair, kinds=kinds)

    # The views are imported when one is asked for: a script needs no ipywidgets.

    def sequence(
        self,
        *,
        peers: Collection[str] | None = None,
        pair: tuple[str, str] | None = None,
        kinds: Collection[str] | None = None,
        limit: int = 100,
    ) -> SequenceView:
        """The messages as a live sequence diagram, which can be rewound.

        Parameters
        ----------
        peers : collection of str, optional
            Only what concerns these.
        pair : (str, str), optional
            Only what lies between these two.
        kinds : collection of str, optional
            Only messages of these kinds.
        limit : int
            Messages shown at most; older ones are folded.

        Returns
        -------
        SequenceView
            A widget; its ``svg()`` is the picture of the moment.
        """
        from .views.diagram_widget import SequenceView

        return SequenceView(
            self,
            peers=None if peers is None else tuple(peers),
            pair=pair,
            kinds=None if kinds is None else tuple(kinds),
            limit=limit,
        )

    def topology(self) -> TopologyView:
        """Who is in the room, and the state of every link, as a live diagram."""
        from .views.diagram_widget import TopologyView

        return TopologyView(self)

    def states(self, peer: str | None = None, remote: str | None = None) -> StatesView:
        """The five state machines of one connection as a live diagram.

        Parameters
        ----------
        peer, remote : str, optional
            Whose connection, and to whom; without them it is the newest one.

        Returns
        -------
        StatesView
            A widget; its ``svg()`` is the picture of the moment.

        Raises
        ------
        TypeError
            When there is only one of them.
        """
        from .views.diagram_widget import StatesView

        if peer is None and remote is None:
            return StatesView(self)
        if peer is None or remote is None:
            raise TypeError("a connection has two ends: name both or neither")
        return StatesView(self, pair=(peer, remote))

    def states_table(self) -> StatesTable:
        """The five states of every connection, a row each.

        Returns
        -------
        StatesTable
            A list of rows that prints as a table.
        """
        return states_table(Moment.of(self.log))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the session to a file, as JSON Lines.

        :func:`meshwidget.load` reads it again, without any call.

        Parameters
        ----------
        path : path
            What is there is replaced, once all is written.

        Raises
        ------
        OSError
            When the file cannot be written; what was there before is still there.
        """
        storage.save(self.log, path)


class Session(LogReadings):
    """A session that was saved: to look at and rewind, with no call behind it.

    Parameters
    ----------
    log : EventLog
    """

    def __init__(self, log: EventLog) -> None:
        self.log = log

    def __repr__(self) -> str:
        return f"<Session: {len(self.log)} events>"


def load(path: str | os.PathLike[str]) -> Session:
    """Read a session that :meth:`Mesh.save <meshwidget.Mesh.save>` wrote.

    Parameters
    ----------
    path : path

    Returns
    -------
    Session

    Raises
    ------
    SessionFileError
        When the file cannot be read, or is no session; the message names the line.
    """
    return Session(EventLog.of_events(storage.load(path)))
