"""The messages of a sequence diagram: from sender to server, and on to the receiver.

Pure drawing. What state a message is in shows in its line, and is said in words.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..history.moment import MessageState
from ..history.words import summary
from .lanes import MARGIN, SERVER, Lanes
from .rows import Arrow
from .svg import arrowhead, element, escape, isolate, label

__all__ = ["LEG", "DrawnArrow", "cross", "draw_arrow", "line"]

LEG = 21
"""Height of one arrow; its line is six above the bottom."""

SERVERS_OWN = ("all_users", "user_exit")
"""Kinds of messages that begin at the server: nobody sent them there."""


@dataclass
class DrawnArrow:
    """A message as it is to be placed.

    Attributes
    ----------
    names : list of str
        Lanes that it touches.
    gap : int
        As for :meth:`Lanes.place`.
    opening : str
        The start tag of its group, with what it says to a screen reader.
    parts : list of str
        What is in the group.
    """

    names: list[str]
    gap: int = 0
    height: float = LEG + 2
    opening: str = ""
    parts: list[str] = field(default_factory=list)


def draw_arrow(row: Arrow, lanes: Lanes, *, selected: int | None) -> DrawnArrow:
    """Draw what a row shows of a message.

    Parameters
    ----------
    selected : int or None
        Number of the message that is highlighted.
    """
    message = row.message
    has_leg = row.is_sent and message.kind not in SERVERS_OWN
    drawn = DrawnArrow([SERVER])
    y = LEG - 6.0
    if has_leg:
        drawn.names.append(message.sender)
        drawn.parts.append(_leg(lanes, message, message.sender, SERVER, y, row.end))
    if row.end in ("delivered", "dropped"):
        drawn.names.append(message.receiver)
        if has_leg and lanes.side(message.sender) == lanes.side(message.receiver):
            y += LEG - 3
            drawn.height += LEG - 3
        if row.end == "delivered":
            leg = _leg(lanes, message, SERVER, message.receiver, y, row.end)
            drawn.parts.append(leg)
        else:
            drawn.parts.append(_dropped(lanes, message, y))
    else:
        side = -lanes.side(message.sender) if has_leg else 1
        drawn.gap = side
        drawn.height += 2
        if row.end == "edited":  # a long text: to the edge
            drawn.names.append(lanes.names[-1])
        drawn.parts.append(_at_server(lanes, row, y, side, has_leg))
    drawn.opening = _opening(row, is_selected=message.number == selected)
    drawn.parts.insert(0, _hit(lanes, drawn))
    return drawn


def line(
    lanes: Lanes,
    source: str,
    target: str,
    y: float,
    words: str,
    *,
    waits: bool = False,
    is_held: bool = False,
) -> str:
    """Draw an arrow to or from the server, with words beside the participant's end.

    Parameters
    ----------
    waits : bool
        It ends at the ring that marks what waits at the server.
    is_held : bool
        And it waits because signaling is paused.
    """
    start, stop = lanes.x(source), lanes.x(target)
    towards = 1 if stop > start else -1
    tip = stop - (6 if waits else 1) * towards
    peer, inwards = (source, towards) if target == SERVER else (target, -towards)
    return "".join(
        (
            element(
                "line",
                class_="stroke dashed warn" if is_held else "line",
                x1=start,
                y1=y,
                x2=tip - 6 * towards,
                y2=y,
            ),
            arrowhead(tip, y, towards, "mark warn" if is_held else "head"),
            label(
                lanes.x(peer) + inwards * lanes.spacing / 2,
                y - 5,
                words,
                width=lanes.spacing - 18,
                anchor="middle",
                class_="halo",
            ),
        )
    )


def cross(x: float, y: float) -> str:
    """Draw where something ends that should have gone on."""
    shape = f"M{x - 5:g} {y - 5:g}l10 10m0 -10l-10 10"
    return element("path", class_="stroke bad", d=shape)


_FATES = {
    "delivered": "delivered",
    "dropped": "lost on the way",
    "held": "held at the server",
    "in flight": "on its way",
    "kept": "was held at the server",
    "edited": "changed by hand",
}


def _opening(row: Arrow, *, is_selected: bool) -> str:
    """Begin the group of a message, as a thing to press."""
    message = row.message
    words = [message.described, _FATES[row.end]]
    if row.end == "edited":
        words.append(row.change)
    elif message.edited:
        words.append("changed by hand")
    spoken = ", ".join(words)
    content = summary(message.kind, message.payload)
    title = f"{spoken}\n{content}" if content else spoken
    selected = " selected" if is_selected else ""
    return (
        f'<g class="meshwidget-message{selected}" data-number="{message.number}" '
        f'tabindex="0" role="button" aria-label="{escape(spoken)}">'
        f"<title>{escape(title)}</title>"
    )


def _hit(lanes: Lanes, drawn: DrawnArrow) -> str:
    """Draw what can be pressed, and shows that it is selected."""
    places = [lanes.x(name) for name in drawn.names]
    start = min(places) + min(drawn.gap, 0) * lanes.spacing - 7
    stop = max(places) + max(drawn.gap, 0) * lanes.spacing + 7
    start, stop = max(start, 1), min(stop, lanes.width - 1)
    return element(
        "rect",
        class_="hit",
        x=start,
        width=stop - start,
        height=drawn.height - 1,
        rx=3,
    )


def _leg(
    lanes: Lanes, message: MessageState, source: str, target: str, y: float, end: str
) -> str:
    name = f"{message.kind} {message.number}"
    if message.edited and source == SERVER:
        name += " (edited)"
    waits = target == SERVER and end not in ("delivered", "dropped")
    return line(lanes, source, target, y, name, waits=waits, is_held=end == "held")


def _dropped(lanes: Lanes, message: MessageState, y: float) -> str:
    side = lanes.side(message.receiver)
    start = lanes.x(SERVER)
    end = start + side * round(lanes.spacing * 0.45)
    anchor = "start" if side > 0 else "end"
    name = f"{message.kind} {message.number}"
    return "".join(
        (
            element("line", class_="stroke dashed bad", x1=start, y1=y, x2=end, y2=y),
            cross(end, y),
            label(start + side * 10, y - 6, name, anchor=anchor, class_="halo"),
            label(
                end + side * 9,
                y + 4,
                message.reason,
                anchor=anchor,
                class_="halo strong",
            ),
        )
    )


def _at_server(lanes: Lanes, row: Arrow, y: float, side: int, has_leg: bool) -> str:
    """Draw what waits at the server, or was changed there."""
    message = row.message
    x = lanes.x(SERVER)
    name = "" if has_leg else f"{message.kind} {message.number} "
    receiver = isolate(message.receiver)
    mark, words, class_ = {
        "edited": ("mark warn", f"{name}edited: {row.change}", "halo strong"),
        "held": ("ring warn", f"{name}held, for {receiver}", "halo strong"),
        "kept": ("ring over", f"{name}held", "halo faint"),
    }.get(row.end, ("ring over", f"{name}on its way to {receiver}", "halo faint"))
    edge = lanes.width - MARGIN if row.end == "edited" else x + lanes.spacing
    return element("circle", class_=mark, cx=x, cy=y, r=4.5) + label(
        x + side * 11,
        y + 4,
        words,
        width=edge - x - 18,
        anchor="start" if side > 0 else "end",
        class_=class_,
    )
