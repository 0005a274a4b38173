"""Every connection's five states at one moment, as a table."""

from __future__ import annotations

from html import escape

from .moment import Moment
from .parts import INITIAL_STATES

__all__ = ["StatesTable", "states_table"]

_HEADS = ("connection", *(machine.replace("_", " ") for machine in INITIAL_STATES))


class StatesTable(list[dict[str, str]]):
    """A row a connection: who it is of, to whom, and the state of each machine.

    A row has the keys ``peer``, ``remote``, ``signaling``, ``ice_gathering``,
    ``ice_connection``, ``dtls`` and ``connection``.
    """

    def cells(self) -> list[tuple[str, ...]]:
        """The rows as text, as they are printed."""
        return [
            (
                f"{row['peer']} -> {row['remote']}",
                *(row[name] for name in INITIAL_STATES),
            )
            for row in self
        ]

    def __repr__(self) -> str:
        rows = [_HEADS, *self.cells()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows
        )

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(each)}</th>" for each in _HEADS)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self.cells()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def states_table(moment: Moment) -> StatesTable:
    """The states of all connections that report theirs; a browser's does not.

    In order of joining: of each link first the side of the one who was there earlier.
    """
    return StatesTable(
        {"peer": side.peer, "remote": side.remote, **side.states}
        for link in moment.links.values()
        for side in link.sides
        if side.reports
    )
