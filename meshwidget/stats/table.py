"""All directed links of a call, to read and to compute with."""

from __future__ import annotations

from html import escape
from typing import Any

from .link import LinkStats

_COLUMNS = (
    ("from", "sender", 1, ""),
    ("to", "receiver", 1, ""),
    ("fps", "frames_per_second", 1, ".1f"),
    ("kbit/s", "bitrate", 1e-3, ".0f"),
    ("latency ms", "latency", 1e3, ".1f"),
    ("round trip ms", "round_trip_time", 1e3, ".1f"),
    ("loss %", "fraction_lost", 1e2, ".1f"),
    ("jitter ms", "jitter", 1e3, ".1f"),
    ("dropped", "frames_dropped", 1, "d"),
    ("keyframes", "key_frames_received", 1, "d"),
    ("resent", "retransmitted_packets_received", 1, "d"),
)
"""Title, attribute, factor to the title's unit, and format."""

_NAMES = 2
"""How many of the columns are words."""

_UNKNOWN = "-"


class StatsTable(list[LinkStats]):
    """One row a directed link, in the order in which the ends joined.

    It is a list of :class:`LinkStats`, whose attributes are in the W3C's units:
    seconds, bits a second, fractions of 1. Printed, it is a table in milliseconds,
    kbit/s and per cent, whose columns are always the same.

    Examples
    --------
    >>> mesh.stats().between("alice", "bob").frames_per_second
    30.0
    """

    def between(self, sender: str, receiver: str) -> LinkStats:
        """The row of one directed link.

        Parameters
        ----------
        sender, receiver : str
            Names.

        Returns
        -------
        LinkStats

        Raises
        ------
        KeyError
            When there is none.
        """
        for each in self:
            if (each.sender, each.receiver) == (sender, receiver):
                return each
        raise KeyError(
            f"no link from {sender} to {receiver} in this table; its links are "
            + (
                ", ".join(f"{each.sender} -> {each.receiver}" for each in self)
                or "none"
            )
        )

    def records(self) -> list[dict[str, Any]]:
        """A dictionary a link, for instance for ``pandas.DataFrame``.

        Returns
        -------
        list of dict
            The attributes of :class:`LinkStats`, by name and in their units.
        """
        return [each.to_dict() for each in self]

    def __repr__(self) -> str:
        if not self:
            return "no links"
        rows = [[title for title, *_ in _COLUMNS], *map(_cells, self)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = (
            "  ".join(
                cell.ljust(width) if index < _NAMES else cell.rjust(width)
                for index, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        )
        return "\n".join(line.rstrip() for line in lines)

    def _repr_html_(self) -> str:
        if not self:
            return "<p>no links</p>"
        aligned = [_align(index) for index in range(len(_COLUMNS))]
        head = "".join(
            f"<th{style}>{title}</th>"
            for style, (title, *_) in zip(aligned, _COLUMNS, strict=True)
        )
        body = "".join(
            "<tr>"
            + "".join(
                f"<td{style}>{escape(cell)}</td>"
                for style, cell in zip(aligned, _cells(row), strict=True)
            )
            + "</tr>"
            for row in self
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cells(row: LinkStats) -> list[str]:
    cells = []
    for _, name, factor, form in _COLUMNS:
        value = getattr(row, name)
        if value is None:
            cells.append(_UNKNOWN)
        else:
            cells.append(format(value if factor == 1 else value * factor, form))
    return cells


def _align(index: int) -> str:
    return f" style='text-align:{'left' if index < _NAMES else 'right'}'"
