"""State diagrams of a connection's five machines, with the current state lit.

Pure, and drawn from the tables in :mod:`~meshwidget.peer.machines`: this module only
says where each state stands. What aiortc never shows is drawn too, faint and dashed,
because a learner will meet it in a browser.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache

from ..events import Event
from ..history.moment import Moment
from ..peer.machines import CLOSE, MACHINES, Machine, Transition
from .curves import Box, Curve, Point
from .places import ALONG, APART, BENDS, CLOSE_FROM_BELOW, NAMED_ACROSS, PLACES
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

__all__ = ["statechart_svg", "states_svg"]

WIDTH = 760
BOX_HEIGHT = 26
LINE = 15
HEADER = 34


def statechart_svg(
    machine: str, state: str | None = None, *, reached: Collection[str] = ()
) -> str:
    """Draw one machine.

    Parameters
    ----------
    machine : str
        A key of :data:`~meshwidget.peer.machines.MACHINES`.
    state : str, optional
        The current state, which is lit.
    reached : collection of str
        States that it has been in.

    Raises
    ------
    ValueError
        When there is no such machine.
    """
    if machine not in MACHINES:
        known = ", ".join(MACHINES)
        raise ValueError(f"there is no state machine {machine!r}: there are {known}")
    table = MACHINES[machine]
    lines, y = _chart(table, state, reached, 8)
    title = f"State diagram of {table.attribute}"
    if state is not None:
        title += f", which is {state}"
    return document(
        WIDTH, y + 20, [*lines, _legend(y)], title=title, class_="meshwidget-states"
    )


def states_svg(
    call: Moment | Iterable[Event],
    peer: str,
    remote: str,
    *,
    machines: Collection[str] = tuple(MACHINES),
) -> str:
    """Draw the machines of one participant's connection to another.

    Parameters
    ----------
    call : Moment or iterable of Event
        A moment of a call, or its log up to there.
    peer, remote : str
        Whose connection, and to whom.
    machines : collection of str
        Which of the five.
    """
    moment = call if isinstance(call, Moment) else Moment.of(call)
    side = moment.side(peer, remote)
    one, other = (isolate(fit(name, WIDTH / 3, 14)) for name in (peer, remote))
    words = f"{one}'s connection to {other}"
    lines = [label(10, 22, words, size=14, class_="strong")]
    if not side.reports:
        known = "a browser's connection, or none: its states are not known here"
        lines.append(label(10, 40, known, size=SMALL_SIZE, class_="faint"))
    y = 30.0 if side.reports else 48.0
    for name, machine in MACHINES.items():
        if name in machines:
            reached = {state for owner, state in side.reached if owner == name}
            state = side.states.get(name) if side.reports else None
            chart, y = _chart(machine, state, reached, y)
            lines += chart
    lines.append(_legend(y))
    return document(
        WIDTH, y + 20, lines, title=f"States of {words}", class_="meshwidget-states"
    )


def _legend(y: float) -> str:
    words = (
        "dashed: the W3C has it, aiortc never shows it · stronger outline: it was there"
    )
    return label(22, y + 6, words, size=SMALL_SIZE, class_="faint")


def _chart(
    machine: Machine, state: str | None, reached: Collection[str], top: float
) -> tuple[list[str], float]:
    """Draw one machine from a height on; also where it ends."""
    boxes = _boxes(machine)
    parts = [_header(machine, state), _arrows(machine.name)]
    for name, box in boxes.items():
        parts.append(
            _state(
                name,
                box,
                meaning=machine.states[name],
                is_now=name == state,
                was=name in reached,
                is_missing=name in machine.never_shown,
            )
        )
    y = max(box.middle[1] for box in boxes.values()) + BOX_HEIGHT / 2 + 18
    if machine.name in CLOSE_FROM_BELOW:
        y = max(y, boxes["closed"].middle[1] + BOX_HEIGHT / 2 + 42)
    for difference in machine.differences:
        parts.append(element("circle", class_="mark over", cx=14, cy=y + 10, r=2))
        for line in wrap(difference.split(), WIDTH - 40, SMALL_SIZE, between=" "):
            y += LINE
            parts.append(label(22, y - 1, line, size=SMALL_SIZE, class_="faint"))
    height = y + 14
    opening = (
        f'<g class="meshwidget-machine" data-machine="{machine.name}" '
        f'transform="translate(0 {top:g})">'
    )
    return [opening, *parts, "</g>"], top + height


def _boxes(machine: Machine) -> dict[str, Box]:
    return {
        name: Box((x, y + HEADER), text_width(name) * 1.06 + 26, BOX_HEIGHT)
        for name, (x, y) in PLACES[machine.name].items()
    }


@cache
def _arrows(name: str) -> str:
    """Draw everything that leads from state to state: always the same."""
    machine = MACHINES[name]
    boxes = _boxes(machine)
    arrows: dict[tuple[str, str], list[Transition]] = {}
    for each in machine.transitions:
        if each.trigger != CLOSE:
            arrows.setdefault((each.source, each.target), []).append(each)
    lines: list[str] = []
    for (source, target), ways in arrows.items():
        if source == target:
            lines.append(_again(boxes[source], ways))
            continue
        key = (name, source, target)
        apart = APART if (target, source) in arrows else 0.0
        curve = Curve(boxes[source], boxes[target], BENDS.get(key, apart))
        side = (-1 if curve.bend < 0 else 1) * (-1 if key in NAMED_ACROSS else 1)
        drawn = _arrow(curve, ways, ALONG.get(key, 0.5), side)
        # What is really seen lies over the rest.
        lines.insert(0 if all(way.missing for way in ways) else len(lines), drawn)
    if "closed" in boxes:
        lines.append(_closing(boxes["closed"], 1 if name in CLOSE_FROM_BELOW else -1))
    return "".join(lines)


def _header(machine: Machine, state: str | None) -> str:
    """Say which machine it is and, in words, the state it is in."""
    rule = element("line", class_="thin", x1=10, y1=0, x2=WIDTH - 10, y2=0)
    name = label(10, 20, machine.attribute, class_="strong")
    now = ""
    if state is not None:
        x = 10 + text_width(machine.attribute) * 1.08 + 8
        meaning = machine.states.get(state)
        words = f"is {state}: {meaning}" if meaning else f"is {state}"
        now = label(x, 20, words, width=WIDTH - x - 150)
    section = label(
        WIDTH - 10, 20, machine.section, size=SMALL_SIZE, anchor="end", class_="faint"
    )
    return rule + name + now + section


def _state(
    name: str, box: Box, *, meaning: str, is_now: bool, was: bool, is_missing: bool
) -> str:
    (x, y), width = box.middle, box.width
    classes = ["box"]
    if is_now:
        classes += ["lit", _MARKS.get(name, "wait")]
    elif was:
        classes.append("been")
    elif is_missing:
        classes.append("dashed")
    words = [f"{name}: {meaning}"]
    words += ["the state now"] if is_now else []
    words += ["it has been in this state"] if was and not is_now else []
    words += ["aiortc never shows it"] if is_missing else []
    return element(
        "g",
        element("title", escape("\n".join(words))),
        element(
            "rect",
            class_=" ".join(classes),
            x=x - width / 2,
            y=y - box.height / 2,
            width=width,
            height=box.height,
            rx=6,
        ),
        label(
            x,
            y + 4,
            name,
            anchor="middle",
            class_="strong" if is_now else "faint" if is_missing else None,
        ),
        class_="meshwidget-state",
        data_state=name,
        aria_current="true" if is_now else None,
    )


def _arrow(curve: Curve, ways: list[Transition], along: float, side: int) -> str:
    """Draw what leads from one state to another, and name it beside the line.

    ``side`` is 1 for the right of its way, -1 for the left.
    """
    is_missing = all(way.missing for way in ways)
    data, tip, angle = curve.path()
    leaves, reaches = curve.visible()
    x, y = curve.at(leaves + (reaches - leaves) * along)
    aside, down = (part * side for part in curve.right)
    if not curve.bend and abs(down) > 0.99:
        down = -1.0
    more = (len(ways) - 1) * LINE
    anchor = "middle"
    if abs(down) > 0.97:
        y += 13 if down > 0 else -6 - more
    else:
        anchor = "start" if aside > 0 else "end"
        x += 7 if aside > 0 else -7
        y += 4 - more / 2
    path = element("path", class_="line missing" if is_missing else "line", d=data)
    names = [
        _trigger(x, y + number * LINE, way, anchor) for number, way in enumerate(ways)
    ]
    return "".join((path, _head(tip, angle, is_missing=is_missing), *names))


def _trigger(x: float, y: float, way: Transition, anchor: str, before: str = "") -> str:
    words = way.trigger.replace("Description(", "(")
    return label(
        x,
        y,
        before + words,
        size=SMALL_SIZE,
        anchor=anchor,
        class_="halo faint" if way.missing else "halo",
        title="\n".join(filter(None, (way.trigger, way.missing))),
    )


def _again(box: Box, ways: list[Transition]) -> str:
    """Name what is legal in a state and changes nothing."""
    x, y = box.middle
    return "".join(
        _trigger(x, y + BOX_HEIGHT / 2 + 13 + number * LINE, way, "middle", "again: ")
        for number, way in enumerate(ways)
    )


def _closing(box: Box, side: int) -> str:
    """Draw one arrow for what leads to closed from everywhere.

    ``side`` is 1 when it comes from below, -1 from above.
    """
    x, y = box.middle
    tip = y + side * box.height / 2
    words = "close(), from any state"
    below = tip + side * 26 + (12 if side > 0 else -5)
    stub = element("path", class_="line", d=f"M{x:g} {tip + side * 24:g}V{tip:g}")
    head = _head((x, tip), -90.0 * side, is_missing=False)
    name = label(x, below, words, size=SMALL_SIZE, anchor="middle", class_="halo")
    return stub + head + name


def _head(tip: Point, angle: float, *, is_missing: bool) -> str:
    return element(
        "path",
        class_="mark over" if is_missing else "head",
        d="M0 0L-8 -4V4Z",
        transform=f"translate({tip[0]:.1f} {tip[1]:.1f}) rotate({angle:.0f})",
    )


_MARKS = {
    "stable": "good",
    "complete": "good",
    "connected": "good",
    "completed": "good",
    "failed": "bad",
    "disconnected": "bad",
    "closed": "over",
}
