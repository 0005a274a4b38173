"""The sequence diagram of a call: who sent what to whom, and what it did there.

Pure: events in, SVG out, the same byte for byte for the same events. Time runs down;
the newest is at the bottom. A row is a group of its own at its own height, so that two
renderings of a growing log differ in few lines.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ..events import Event, PeerJoined
from ..history.moment import Moment
from .arrows import LEG, cross, draw_arrow, line
from .lanes import MARGIN, SERVER, Lanes
from .rows import Arrow, Divider, Note, Notes, Presence, Row, notes_of, rows_of
from .svg import (
    SMALL_SIZE,
    document,
    element,
    escape,
    fit,
    isolate,
    label,
    text_width,
    wrap,
)

__all__ = ["sequence_svg"]

WIDTH = 900
LIMIT = 100
"""Messages shown when nothing else is asked for."""

HEAD = 26
TALL = 700
"""Pixels of height from which the names stand below too."""

LINE = 15
"""Height of a line of notes."""


def sequence_svg(
    events: Iterable[Event],
    *,
    peers: Collection[str] | None = None,
    pair: tuple[str, str] | None = None,
    kinds: Collection[str] | None = None,
    limit: int | None = LIMIT,
    selected: int | None = None,
    width: float = WIDTH,
    moment: Moment | None = None,
) -> str:
    """Draw the sequence diagram.

    Parameters
    ----------
    events : iterable of Event
        A log, or the beginning of one.
    peers : collection of str, optional
        Only what one of these did, sent or received.
    pair : (str, str), optional
        Only what is between these two, and between them and the server.
    kinds : collection of str, optional
        Only messages of these kinds, and nothing but messages.
    limit : int or None
        Messages shown at most: the newest, and those that are held. None shows all.
    selected : int, optional
        Number of the message that is highlighted.
    width : float
        Pixels to aim for. It becomes wider when the participants need it.
    moment : Moment, optional
        After these events, for who has it already.

    Returns
    -------
    str
        An ``<svg>`` element. Each message is a ``<g class="meshwidget-message"
        data-number="…">``; one that was held has one where it was sent and one where
        it was delivered.
    """
    events = list(events)
    moment = Moment.of(events) if moment is None else moment
    rows = rows_of(events, moment, peers=peers, pair=pair, kinds=kinds)
    hidden, rows = _fold(rows, limit)
    named = moment.members if pair is None and peers is None else pair or peers or ()
    names = _names(events, rows, [name for name in named if name in moment.members])
    lanes = Lanes(names, width, top=MARGIN + HEAD + 6)
    return _Drawing(lanes, selected).draw(rows, hidden, moment)


def _fold(rows: list[Row], limit: int | None) -> tuple[int, list[Row]]:
    """Leave out the oldest messages, but none that is held.

    Returns how many are left out. They go by the quarter of the limit, so that a
    growing diagram does not move with every message.
    """
    places = [place for place, row in enumerate(rows) if isinstance(row, Arrow)]
    if limit is None or len(places) <= limit:
        return 0, rows
    chunk = max(limit // 4, 1)
    count = -(-(len(places) - limit) // chunk) * chunk
    start = places[count] if count < len(places) else len(rows)
    kept: list[Row] = [
        row for row in rows[:start] if isinstance(row, Arrow) and row.message.is_pending
    ]
    kept += rows[start:]
    visible = {row.message.number for row in kept if isinstance(row, Arrow)}
    everything = {row.message.number for row in rows if isinstance(row, Arrow)}
    return len(everything - visible), kept


def _names(
    events: Iterable[Event], rows: Iterable[Row], wanted: Iterable[str]
) -> list[str]:
    """Who needs a column, in order of joining: who is wanted or in a row."""
    needed = dict.fromkeys(wanted)
    for row in rows:
        match row:
            case Arrow(message=message):
                needed |= dict.fromkeys((message.sender, message.receiver))
            case Presence(name=name):
                needed[name] = None
            case Notes(by_name=by_name):
                needed |= dict.fromkeys(by_name)
    joined = dict.fromkeys(
        event.peer for event in events if isinstance(event, PeerJoined)
    )
    return [name for name in joined | needed if name in needed and name != SERVER]


class _Drawing:
    """One rendering: what is placed in the lanes becomes a group at its own height."""

    def __init__(self, lanes: Lanes, selected: int | None) -> None:
        self.lanes = lanes
        self._selected = selected
        self._lines: list[str] = []
        self._began: dict[str, float] = {}
        self._spans: list[tuple[str, float, float | None]] = []

    def draw(self, rows: list[Row], hidden: int, moment: Moment) -> str:
        """Put everything together."""
        for name in self._present_before(rows, moment):
            self._began[name] = MARGIN + HEAD
        if hidden:
            self._fold_row(hidden)
        if not rows:
            self._divider(Divider("nobody has joined yet"))
        for row in rows:
            match row:
                case Arrow():
                    self._arrow(row)
                case Presence():
                    self._presence(row)
                case Notes():
                    self._notes(row)
                case Divider():
                    self._divider(row)
        self._spans += [(name, start, None) for name, start in self._began.items()]
        height = self.lanes.bottom + 10.0
        body = [*self._lifelines(), *self._lines]
        absent = {name for name in self.lanes.names if name not in moment.members}
        if height > TALL:
            height += HEAD + MARGIN
            feet = self._heads(absent, "meshwidget-feet", height - HEAD - MARGIN)
            body.append(feet)
        body.append(self._heads(absent, "meshwidget-heads", MARGIN))
        people = len(self.lanes.names) - 1
        return document(
            self.lanes.width,
            height,
            body,
            title=f"Sequence diagram of {people} participants and the server",
            class_="meshwidget-sequence",
        )

    def _present_before(self, rows: list[Row], moment: Moment) -> list[str]:
        """Whose lifeline comes from above: whose first coming or going is no join."""
        first: dict[str, str] = {}
        for row in rows:
            if isinstance(row, Presence):
                first.setdefault(row.name, row.how)
        return [
            name
            for name in self.lanes.names
            if name == SERVER
            or (first[name] != "joined" if name in first else name in moment.members)
        ]

    def _put(self, y: float, opening: str, *parts: str) -> None:
        """Add a group; what is in it is the same at whatever height."""
        self._lines.append(f'<g transform="translate(0 {y:g})">')
        self._lines.append(f"{opening}{''.join(parts)}</g></g>")

    def _arrow(self, row: Arrow) -> None:
        drawn = draw_arrow(row, self.lanes, selected=self._selected)
        at = self.lanes.place(drawn.height, *drawn.names, gap=drawn.gap)
        self._put(at, drawn.opening, *drawn.parts)

    # Participants ---------------------------------------------------------------------

    def _presence(self, row: Presence) -> None:
        name, x, y = row.name, self.lanes.x(row.name), LEG - 6.0
        height = y + 8
        if row.how == "lost":
            at = self.lanes.place(height, name, gap=1)
            words = "lost, without a word"
            room = self.lanes.room(name)
            text = label(x + 10, y + 4, words, width=room, class_="halo strong")
            self._put(at, "<g>", cross(x, y), text)
        else:
            at = self.lanes.place(height, name, SERVER)
            words = "join_room" if row.how == "joined" else "leaves"
            mark = element("circle", class_="head", cx=x, cy=y, r=3.5)
            if row.how != "joined":
                mark = element("path", class_="line", d=f"M{x - 6:g} {y:g}h12")
            self._put(at, "<g>", mark, line(self.lanes, name, SERVER, y, words))
        if row.how == "joined":
            self._began.setdefault(name, at + y)
        else:
            self._spans.append((name, self._began.pop(name, at + y), at + y))

    def _notes(self, row: Notes) -> None:
        for name, remotes in row.by_name.items():
            x, room = self.lanes.x(name), self.lanes.room(name)
            parts: list[str] = []
            y = 3.0
            for remote, told in remotes.items():
                notes = notes_of(told)
                texts = wrap(self._words(remote, notes, room), room, SMALL_SIZE)
                parts.append("<g>")
                parts.append(
                    element("title", escape("\n".join(note.title for note in notes)))
                )
                mark = next(m for m in _MARK_ORDER if m in {n.mark for n in notes})
                parts.append(
                    element("circle", class_=f"mark {mark}", cx=x, cy=y + 8, r=3.5)
                )
                for text in texts:
                    y += LINE
                    parts.append(
                        label(
                            x + 9,
                            y - 3,
                            text,
                            width=room,
                            size=SMALL_SIZE,
                            class_="halo",
                        )
                    )
                parts.append("</g>")
            at = self.lanes.place(y + 8, name, gap=1)
            self._put(at, "<g>", *parts)

    def _words(self, remote: str, notes: list[Note], room: float) -> list[str]:
        """What happened; with whom, where that can be more than one."""
        texts: list[str] = []
        for note in notes:
            if text_width(note.text, SMALL_SIZE) <= room:
                texts.append(note.text)
            else:
                texts += note.text.replace(" → ", "\n→ ").split("\n")
        if remote and len(self.lanes.names) > 3:
            who = f"{isolate(fit(remote, room * 0.4, SMALL_SIZE))}:"
            first = f"{who} {texts[0]}"
            texts[:1] = (
                [first] if text_width(first, SMALL_SIZE) <= room else [who, texts[0]]
            )
        return texts

    # Across ---------------------------------------------------------------------------

    def _divider(self, row: Divider) -> None:
        middle, end = self.lanes.width / 2, self.lanes.width - MARGIN
        room = self.lanes.width - 80
        half = text_width(fit(row.text, room)) * 0.53 + 9
        y = 13.0
        rule = f"M{MARGIN} {y:g}H{middle - half:g}M{middle + half:g} {y:g}H{end:g}"
        class_ = "halo strong" if row.mark else "halo faint"
        self._put(
            self.lanes.place(LEG + 4),
            "<g>",
            element("path", class_=f"stroke dashed {row.mark or 'over'}", d=rule),
            label(middle, y + 4, row.text, width=room, anchor="middle", class_=class_),
        )

    def _fold_row(self, hidden: int) -> None:
        words = f"{hidden} earlier message{'s' if hidden > 1 else ''}"
        opening = (
            f'<g class="meshwidget-fold" tabindex="0" role="button" '
            f'aria-label="show {words}">'
        )
        width = self.lanes.width
        hit = element("rect", class_="hit", x=2, width=width - 4, height=LEG, rx=3)
        text = label(width / 2, 15, f"… {words}", anchor="middle", class_="halo faint")
        self._put(self.lanes.place(LEG + 4), opening, hit, text)

    # What stands still ----------------------------------------------------------------

    def _lifelines(self) -> Iterable[str]:
        top = MARGIN + HEAD
        for name in self.lanes.names:
            x = self.lanes.x(name)
            yield element("line", class_="thin dotted", x1=x, y1=top, x2=x, y2="100%")
        for name, start, end in self._spans:
            x = self.lanes.x(name)
            stop = "100%" if end is None else end
            yield element("line", class_="thin", x1=x, y1=start, x2=x, y2=stop)

    def _heads(self, absent: set[str], class_: str, y: float) -> str:
        """Who it is, in a group of its own that a view may keep in sight."""
        lanes = self.lanes
        width = lanes.spacing - 20
        # Lifelines end here.
        covers = 0.0 if y == MARGIN else y
        parts = [
            element(
                "rect",
                class_="ground",
                y=covers,
                width=lanes.width,
                height=HEAD + MARGIN,
            )
        ]
        for name in lanes.names:
            x = lanes.x(name)
            is_server = name == SERVER
            box = element(
                "rect",
                class_="box",
                x=x - width / 2,
                y=y,
                width=width,
                height=HEAD,
                rx=HEAD / 2 if is_server else 4,
            )
            faint = " faint" if name in absent else ""
            text = label(
                x,
                y + 17,
                "server" if is_server else name,
                width=width - 16,
                anchor="middle",
                class_=None if is_server else f"strong{faint}",
            )
            parts += [box, text]
        return element("g", *parts, class_=class_)


_MARK_ORDER = ("bad", "good", "wait", "over")
"""What a dot tells first when several things happened at once."""
