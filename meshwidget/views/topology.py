"""The mesh as a picture: who is in the room, and the state of every link.

Pure: a moment of the log in, SVG out, the same byte for byte for the same moment.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from itertools import combinations

from ..events import Event
from ..faults import LinkFaults
from ..history.moment import Link, Moment, Side
from .svg import SMALL_SIZE, document, element, escape, fit, isolate, label, text_width

__all__ = ["topology_svg"]

NODE_WIDTH, NODE_HEIGHT = 112, 28
LABEL_LIMIT = 5
"""Participants up to which every link says how it is; above it, only what is not
connected does, and the count says the rest."""

MARKS = {
    "new": "over",
    "signaling": "wait",
    "checking": "wait",
    "securing": "wait",
    "connected": "good",
    "failed": "bad",
    "closed": "over",
}
"""Colour and line by the state of a link; the words are the state's own."""

LABEL_WIDTH = 190.0
"""Of a fault on a label; the whole of it is in the title."""

ALONG = (0.5, 0.38, 0.62, 0.3, 0.7, 0.24, 0.76)
"""Where on a link its label may stand, the best place first."""

ALONG_DIAGONAL = (0.28, 0.72, 0.5)
"""The same for the two that cross in the middle of four."""

Point = tuple[float, float]
Box = tuple[float, float, float, float]


def topology_svg(
    call: Moment | Iterable[Event], *, selected: tuple[str, str] | None = None
) -> str:
    """Draw the participants on a circle and the links between them.

    Parameters
    ----------
    call : Moment or iterable of Event
        A moment of a call, or its log up to there.
    selected : (str, str), optional
        The link that is highlighted, in either order.

    Returns
    -------
    str
        An ``<svg>`` element. Each link is a ``<g class="meshwidget-link"
        data-peers='["alice", "bob"]'>``.
    """
    moment = call if isinstance(call, Moment) else Moment.of(call)
    names = list(moment.members)
    places, width, bottom = _places(names)
    links = [
        moment.link(one, other) or Link.between(one, other)
        for one, other in combinations(names, 2)
    ]
    chosen = set(selected or ())
    boxes = [_node_box(place) for place in places.values()]
    edges: list[str] = []
    labels: list[str] = []
    for link in links:
        faults = moment.faults_of(*link.names)
        is_selected = set(link.names) == chosen
        edges.append(_edge(link, faults, places, is_selected=is_selected))
        if len(names) <= LABEL_LIMIT or link.state != "connected" or faults:
            labels.append(_edge_label(link, faults, places, boxes))
    nodes = [_node(name, place, moment) for name, place in places.items()]
    broken = sum(bool(moment.faults_of(*link.names)) for link in links)
    caption = _caption(names, links, broken, width, bottom)
    title = f"Topology: {_count(names, links)}"
    return document(
        width,
        bottom + (46 if names else 26),
        [*edges, *labels, *nodes, *caption],
        title=title,
        class_="meshwidget-topology",
    )


def _radii(count: int) -> Point:
    """Half the distance across and down that participants stand apart."""
    if count < 3:
        return 150.0, 0.0
    if count == 4:
        return 240.0, 150.0
    radius = max(135.0, 19.5 * count)
    return round(radius * 1.25), round(radius)


def _places(names: list[str]) -> tuple[dict[str, Point], float, float]:
    """Clockwise from the top; two stand side by side.

    Returns them with the width of the picture and where they end below.
    """
    count = len(names)
    across, down = _radii(count)
    # Four stand in a rectangle, so that the diagonals have room for their labels.
    first = {1: -90.0, 2: 180.0, 4: -135.0}.get(count, -90.0)
    angles = [math.radians(first + 360 * number / count) for number in range(count)]
    points = [(across * math.cos(a), down * math.sin(a)) for a in angles]
    reach = max((abs(x) for x, _ in points), default=0.0)
    left = round(max(reach + NODE_WIDTH / 2 + 16, 170.0))
    top = NODE_HEIGHT / 2 + 16 - min((y for _, y in points), default=0.0)
    places = {
        name: (round(left + x, 1), round(top + y, 1))
        for name, (x, y) in zip(names, points, strict=True)
    }
    lowest = max((y for _, y in places.values()), default=10.0)
    return places, 2.0 * left, round(lowest + NODE_HEIGHT / 2 + 22)


# Nodes --------------------------------------------------------------------------------


def _node_box(place: Point) -> Box:
    x, y = place
    width, height = NODE_WIDTH / 2 + 3, NODE_HEIGHT / 2 + 3
    return x - width, y - height, x + width, y + height


def _node(name: str, place: Point, moment: Moment) -> str:
    x, y = place
    failures = moment.sources_failed.get(name, {})
    parts = [
        element("title", escape("\n".join([name, *failures.values()]))),
        element(
            "rect",
            class_="box",
            x=x - NODE_WIDTH / 2,
            y=y - NODE_HEIGHT / 2,
            width=NODE_WIDTH,
            height=NODE_HEIGHT,
            rx=NODE_HEIGHT / 2,
        ),
        label(x, y + 4, name, width=NODE_WIDTH - 20, anchor="middle", class_="strong"),
    ]
    words = f"{' and '.join(failures)} stopped" if failures else ""
    if name in moment.frozen:
        words = "frozen on purpose"
    if words:
        below = y + NODE_HEIGHT / 2 + 12
        parts.append(
            label(x, below, words, size=SMALL_SIZE, anchor="middle", class_="halo")
        )
    return element("g", *parts, class_="meshwidget-node")


# Links --------------------------------------------------------------------------------


def _edge(
    link: Link, faults: LinkFaults, places: dict[str, Point], *, is_selected: bool
) -> str:
    (x1, y1), (x2, y2) = (places[name] for name in link.names)
    mark = _mark(link, faults)
    style = {"good": "stroke", "bad": "stroke dashed", "over": "stroke dotted"}
    story = _story(link, faults)
    ends = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
    return element(
        "g",
        element("title", escape("\n".join(story))),
        element("line", class_="reach", **ends),
        element(
            "line", class_=f"{style.get(mark, 'stroke dashed')} {mark} link", **ends
        ),
        class_="meshwidget-link selected" if is_selected else "meshwidget-link",
        data_peers=json.dumps(link.names),
        data_state=link.state,
        data_faults=str(faults) if faults else None,
        tabindex="0",
        role="button",
        aria_label=story[0],
    )


def _mark(link: Link, faults: LinkFaults) -> str:
    """Colour and line: a fault shows, also on a link that is still connected."""
    if faults.is_cut:
        return "bad"
    return "wait" if faults and link.state == "connected" else MARKS[link.state]


def _edge_label(
    link: Link, faults: LinkFaults, places: dict[str, Point], boxes: list[Box]
) -> str:
    """Say how a link is where there is room; takes that room."""
    told = [fit(each, LABEL_WIDTH, SMALL_SIZE) for each in faults.words]
    words = [link.state, *told, *(() if faults else _flows(link))]
    width = max(text_width(each, SMALL_SIZE) for each in words) * 1.06 + 8
    height = 15.0 * len(words) + 3
    start, end = (places[name] for name in link.names)
    is_diagonal = len(places) == 4 and start[0] != end[0] and start[1] != end[1]
    tried: list[tuple[float, int, Box]] = []
    for along in ALONG_DIAGONAL if is_diagonal else ALONG:
        x = start[0] + (end[0] - start[0]) * along
        y = start[1] + (end[1] - start[1]) * along
        box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        tried.append((sum(_overlap(box, other) for other in boxes), len(tried), box))
    _, _, box = min(tried)
    boxes.append(box)
    x, top = (box[0] + box[2]) / 2, box[1]
    backing = element(
        "rect", class_="ground", x=box[0], y=top, width=width, height=height, rx=4
    )
    dot = element(
        "circle",
        class_=f"mark {_mark(link, faults)}",
        cx=x - text_width(words[0], SMALL_SIZE) / 2 - 7,
        cy=top + 8.5,
        r=3.5,
    )
    lines = [
        label(
            x + (3 if number == 0 else 0),
            top + 12.5 + 15 * number,
            text,
            size=SMALL_SIZE,
            anchor="middle",
            class_="strong" if number == 0 else "faint",
        )
        for number, text in enumerate(words)
    ]
    return element("g", backing, dot, *lines, class_="meshwidget-said")


def _overlap(one: Box, other: Box) -> float:
    """Area that two boxes have in common."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return max(across, 0.0) * max(down, 0.0)


def _received(side: Side) -> str:
    """What comes in on this side, in words."""
    return ", ".join(side.tracks) or "nothing"


def _waits(side: Side) -> bool:
    """Whether a picture is announced and none was seen yet."""
    return "video" in side.tracks and not side.saw_frame


def _flows(link: Link) -> list[str]:
    """What flows on a link that is connected, for its label."""
    if link.state != "connected":
        return []
    sides = [side for side in link.sides if side.reports]
    received = {_received(side) for side in sides}
    names = [isolate(fit(side.peer, 70, SMALL_SIZE)) for side in sides]
    if len(sides) == 2 and len(received) == 1:
        words = [f"⇄ {received.pop()}"]
    else:
        told = zip(names, sides, strict=True)
        words = [f"to {name}: {_received(side)}" for name, side in told]
    waiting = [name for name, side in zip(names, sides, strict=True) if _waits(side)]
    if len(waiting) == 2:
        words.append("no frame yet")
    elif waiting:
        words.append(f"{waiting[0]} sees no frame yet")
    return words


def _story(link: Link, faults: LinkFaults) -> list[str]:
    """A link in sentences, the first of which says who and how."""
    first, second = link.sides
    told = [f"{first.peer} and {second.peer}: {link.state}"]
    if faults:
        told[0] += f"; on purpose: {faults}"
    for side in link.sides:
        if side.reports:
            states = ", ".join(
                f"{machine.replace('_', ' ')} {state}"
                for machine, state in side.states.items()
            )
            waits = ", no frame yet" if _waits(side) else ""
            told.append(f"{side.peer} receives {_received(side)}{waits}; {states}")
    return told


# Words --------------------------------------------------------------------------------


def _count(names: list[str], links: list[Link]) -> str:
    """How many there are: the number of links is what a mesh costs."""
    number = len(names)
    if number == 0:
        return "nobody is in the room"
    if number == 1:
        return "1 participant, no link"
    plural = "s" if len(links) > 1 else ""
    return f"{number} participants, {len(links)} link{plural} = {number}·{number - 1}/2"


def _caption(
    names: list[str], links: list[Link], broken: int, width: float, y: float
) -> Iterable[str]:
    yield label(
        width / 2, y + 8, _count(names, links), anchor="middle", class_="strong"
    )
    counts = Counter(link.state for link in links)
    words = ", ".join(f"{counts[state]} {state}" for state in MARKS if counts[state])
    if broken:
        words += f"; {broken} with faults on purpose"
    if words:
        yield label(
            width / 2, y + 26, words, size=SMALL_SIZE, anchor="middle", class_="faint"
        )
