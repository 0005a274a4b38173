"""What a step of a negotiation does, or why it is not legal, from the tables.

Pure. The tables are in :mod:`.machines`.
"""

from __future__ import annotations

from collections.abc import Iterable

from .machines import MACHINES, Machine, Transition

__all__ = [
    "MACHINES",
    "Machine",
    "Transition",
    "explain",
    "explain_change",
    "following",
    "is_legal",
]


def following(machine: str, state: str, trigger: str) -> str | None:
    """The state that a trigger leads to; None when it is not legal in that state.

    Raises
    ------
    ValueError
        When there is no such machine, state or trigger.
    """
    table = _machine(machine, state)
    if trigger not in table.triggers:
        raise ValueError(
            f"{table.title} knows no trigger {trigger!r}: it has "
            f"{_listed(table.triggers, 'and')}"
        )
    for each in table.transitions:
        if (each.source, each.trigger) == (state, trigger):
            return each.target
    return None


def is_legal(machine: str, old: str, new: str) -> bool:
    """Whether a state may follow another directly.

    Raises
    ------
    ValueError
        When there is no such machine or state.
    """
    return bool(_between(machine, old, new))


def explain(machine: str, state: str, trigger: str) -> str:
    """Say in words what a trigger does in a state, or why it is not legal there.

    Parameters
    ----------
    machine : str
        A key of :data:`MACHINES`.
    state : str
        The state the machine is in.
    trigger : str
        One of the machine's triggers, for instance ``"setRemoteDescription(answer)"``.

    Raises
    ------
    ValueError
        When there is no such machine, state or trigger.
    """
    table = _machine(machine, state)
    target = following(machine, state, trigger)
    if target is None:
        return _objection(table, state, trigger)
    missing = next(
        each.missing
        for each in table.transitions
        if (each.source, each.trigger) == (state, trigger)
    )
    move = (
        f"leaves {table.title} in {state}"
        if target == state
        else f"takes {table.title} from {state} to {target}"
    )
    words = f"{trigger} {move}: {table.states[target]} ({table.section})."
    return f"{words} Not seen here: {missing}" if missing else words


def explain_change(machine: str, old: str, new: str) -> str:
    """Say in words what a change of state that was seen means.

    Raises
    ------
    ValueError
        When there is no such machine or state.
    """
    table = _machine(machine, old)
    arrows = _between(machine, old, new)
    if not arrows:
        return (
            f"{table.title} {old} -> {new} is not in the W3C's table "
            f"({table.section}): {table.states[new]}."
        )
    shown = [each.trigger for each in arrows if not each.missing]
    triggers = _listed(shown or [each.trigger for each in arrows], "or")
    return f"{triggers}: {table.states[new]} ({table.section})."


def _machine(name: str, *states: str) -> Machine:
    try:
        machine = MACHINES[name]
    except KeyError:
        raise ValueError(
            f"there is no state machine {name!r}: there are {_listed(MACHINES, 'and')}"
        ) from None
    for state in states:
        if state not in machine.states:
            raise ValueError(
                f"{machine.title} has no state {state!r}: it has "
                f"{_listed(machine.states, 'and')}"
            )
    return machine


def _between(machine: str, old: str, new: str) -> list[Transition]:
    return [
        each
        for each in _machine(machine, old, new).transitions
        if (each.source, each.target) == (old, new)
    ]


def _objection(table: Machine, state: str, trigger: str) -> str:
    needed = [each.source for each in table.transitions if each.trigger == trigger]
    legal = [each for each in table.transitions if each.source == state]
    objection = (
        f"{trigger} is not legal while {table.title} is {state}: "
        f"{table.states[state]}. It needs {_listed(needed, 'or')}."
    )
    if not legal:
        return f"{objection} Nothing leads out of {state} ({table.section})."
    ways = _listed([f"{each.trigger} to {each.target}" for each in legal], "or")
    return f"{objection} From {state} leads {ways} ({table.section})."


def _listed(words: Iterable[str], conjunction: str) -> str:
    *first, last = dict.fromkeys(words)
    return f"{', '.join(first)} {conjunction} {last}" if first else last
