"""What can be done from a view's menu to a link, a participant or the server.

Pure: from what is wrong with them now to the entries that make sense. A page shows what
:func:`menu` says and sends back what was chosen, by its key; :func:`chosen` finds the
action again, and :func:`perform` does it.

What an action is of is told by names: two are a link, one is a participant, none is the
server.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

from ..errors import FaultError
from ..faults import LAYERS, Impairment, LinkFaults

if TYPE_CHECKING:
    from ..history.moment import Moment
    from ..mesh import Mesh

__all__ = [
    "Action",
    "Choice",
    "Names",
    "Parameter",
    "actions_of",
    "call_menu",
    "chosen",
    "link_actions",
    "link_menu",
    "peer_actions",
    "perform",
    "server_actions",
    "tile_menu",
]

Names = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A number that an action asks for.

    Attributes
    ----------
    name : str
        As :meth:`~meshwidget.Link.impair` has it.
    label : str
        With its unit.
    value : float or None
        What a form begins with; None is an empty field.
    least, most : float
        Its limits. ``scale`` of them are one of what the method takes.
    scale : float
        100 where the form shows per cent and the method takes a fraction.
    is_whole : bool
        Whether the method takes whole numbers only.
    may_be_empty : bool
        Whether the method takes None.
    """

    name: str
    label: str
    value: float | None
    least: float
    most: float
    scale: float = 1.0
    is_whole: bool = False
    may_be_empty: bool = False

    def given(self, value: object) -> float | None:
        """What the method takes for what was typed.

        Raises
        ------
        FaultError
            Says what can be typed.
        """
        if value is None and self.may_be_empty:
            return None
        kinds = int if self.is_whole else int | float
        if (
            not isinstance(value, kinds)
            or isinstance(value, bool)
            or not self.least <= value <= self.most
        ):
            whole = "a whole number" if self.is_whole else "a number"
            empty = ", or empty for no limit" if self.may_be_empty else ""
            raise FaultError(
                f"{self.label}: it has to be {whole} from {self.least:g} to "
                f"{self.most:g}{empty}"
            )
        return value if self.is_whole else value / self.scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of some, that an action asks for.

    Attributes
    ----------
    name, label : str
        As of a :class:`Parameter`.
    value : str or None
        What a form begins with.
    options : tuple
        Each a value and its words.
    """

    name: str
    label: str
    value: str | None
    options: tuple[tuple[str | None, str], ...]

    def given(self, value: object) -> str | None:
        """What the method takes for what was chosen.

        Raises
        ------
        FaultError
        """
        for option, _ in self.options:
            if option == value:
                return option
        words = ", ".join(words for _, words in self.options)
        raise FaultError(f"{self.label}: it has to be one of: {words}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """An entry of a menu.

    Attributes
    ----------
    method : str
        Of the link, of the mesh for a participant, or of the server.
    label : str
        On the entry.
    title : str
        What it will do, as a sentence.
    arguments : mapping
        What the method takes as it is.
    form : tuple of Parameter and Choice
        What is asked for before.
    """

    method: str
    label: str
    title: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    form: tuple[Parameter | Choice, ...] = ()

    @property
    def key(self) -> str:
        """What a page calls it by, among those of the same thing."""
        return "\n".join((self.method, *self.arguments.values()))


# What there is to do ------------------------------------------------------------------

_LAYER_EFFECTS = {
    "stun": "ICE's checks wait: no path is found, and consent runs out",
    "dtls": "the handshake waits: no keys are agreed on",
    "srtp": "media and its reports are lost; the connection stays up",
}


def link_actions(faults: LinkFaults) -> tuple[Action, ...]:
    """What can be done to a link that has these faults."""
    one, other = faults.names
    actions = []
    if not faults.is_cut:
        title = f"Nothing passes between {one} and {other} any more."
        actions.append(Action(method="cut", label="Cut", title=title))
        title = f"Packets between {one} and {other} are lost, late or doubled."
        form = _impairment_form(faults)
        actions.append(Action(method="impair", label="Impair…", title=title, form=form))
        actions += [
            _layer_action(layer, is_held=layer in faults.held) for layer in LAYERS
        ]
    if faults:
        title = f"Everything passes between {one} and {other} again."
        actions.append(Action(method="heal", label="Heal", title=title))
    return tuple(actions)


def _impairment_form(faults: LinkFaults) -> tuple[Parameter | Choice, ...]:
    """The form as it is filled at first: with what is in force, if there is."""
    now = next(iter(faults.toward.values()), Impairment(loss=0.1))
    leads = list(faults.toward)
    toward = leads[0] if len(leads) == 1 else None
    options = (None, "both ways"), *((name, f"to {name}") for name in faults.names)
    return (
        Choice(name="toward", label="direction", value=toward, options=options),
        _percent("loss", "loss, %", now.loss),
        Parameter(
            name="delay_ms", label="delay, ms", value=now.delay_ms, least=0, most=2000
        ),
        Parameter(
            name="jitter_ms", label="jitter, ms", value=now.jitter_ms, least=0, most=500
        ),
        Parameter(
            name="kbps",
            label="limit, kbit/s",
            value=now.kbps,
            least=1,
            most=1_000_000,
            may_be_empty=True,
        ),
        _percent("duplicate", "doubled, %", now.duplicate),
        _percent("reorder", "reordered, %", now.reorder),
        Parameter(
            name="seed",
            label="seed",
            value=now.seed,
            least=0,
            most=2**31,
            is_whole=True,
        ),
    )


def _percent(name: str, label: str, fraction: float) -> Parameter:
    value = round(fraction * 100, 6)
    return Parameter(name=name, label=label, value=value, least=0, most=100, scale=100)


def _layer_action(layer: str, *, is_held: bool) -> Action:
    name = layer.upper()
    if is_held:
        return Action(
            method="release",
            label=f"Release {name}",
            title=f"{name} passes again.",
            arguments={"layer": layer},
        )
    return Action(
        method="hold",
        label=f"Hold {name}",
        title=f"{name} is stopped: {_LAYER_EFFECTS[layer]}.",
        arguments={"layer": layer},
    )


def peer_actions(name: str, *, is_frozen: bool) -> tuple[Action, ...]:
    """What can be done to a participant that lives in the kernel."""
    arguments = {"name": name}
    if is_frozen:
        title = f"{name} goes on, with the messages that waited first."
        freezing = Action(
            method="thaw", label=f"Thaw {name}", title=title, arguments=arguments
        )
    else:
        title = f"{name} stays connected and is silent, as a page that hangs."
        freezing = Action(
            method="freeze", label=f"Freeze {name}", title=title, arguments=arguments
        )
    title = f"{name} vanishes without a word, its sockets cut."
    crash = Action(
        method="crash", label=f"Crash {name}", title=title, arguments=arguments
    )
    return freezing, crash


def server_actions(*, is_stopped: bool) -> tuple[Action, ...]:
    """What can be done to the signaling server."""
    if is_stopped:
        title = "It comes back at its address; everybody finds it by themselves."
        return (Action(method="start", label="Start server", title=title),)
    title = "Signaling goes away: media flows on, and nobody can join."
    return (Action(method="stop", label="Stop server", title=title),)


def actions_of(moment: Moment, here: Iterable[str], names: Names) -> tuple[Action, ...]:
    """What can be done now to what these names are.

    Parameters
    ----------
    moment : Moment
        The call as it is now.
    here : iterable of str
        Those who live in the kernel.
    names : tuple of str
    """
    match names:
        case ():
            return server_actions(is_stopped=moment.server_stopped)
        case (name,):
            if name not in here:
                return ()  # a browser, or somebody who has left
            return peer_actions(name, is_frozen=name in moment.frozen)
        case (one, other):
            return link_actions(moment.faults_of(one, other))
    raise AssertionError(f"{names} are no link")


# Menus, as JSON -----------------------------------------------------------------------


def tile_menu(
    moment: Moment, here: Sequence[str], viewer: str, peer: str
) -> list[dict[str, Any]]:
    """The menu of a tile: of the link that it shows, and of the one at its end."""
    sections = [] if viewer == peer else link_menu(moment, viewer, peer)
    actions = actions_of(moment, here, (peer,))
    if actions:
        sections.append(_section(peer, (peer,), actions))
    return sections


def link_menu(moment: Moment, one: str, other: str) -> list[dict[str, Any]]:
    """The menu of a link."""
    faults = moment.faults_of(one, other)
    heading = f"Link {_between(faults)}"
    return [_section(heading, faults.names, link_actions(faults), _told(faults))]


def call_menu(moment: Moment) -> list[dict[str, Any]]:
    """The menu of a call: of its server, and where that of each link is."""
    actions = server_actions(is_stopped=moment.server_stopped)
    state = "stopped on purpose" if moment.server_stopped else ""
    sections = [_section("Signaling server", (), actions, state)]
    broken = {tuple(sorted(names)) for names in moment.faults}
    present = {(min(pair), max(pair)): None for pair in combinations(moment.members, 2)}
    links = [moment.faults_of(*names) for names in (*present, *sorted(broken))]
    entries = [
        {
            "label": _between(faults),
            "title": f"What can be done to the link of {' and '.join(faults.names)}.",
            "state": _told(faults),
            "opens": list(faults.names),
        }
        for faults in {faults.names: faults for faults in links}.values()
    ]
    if entries:
        sections.append({"heading": "Links", "state": "", "entries": entries})
    return sections


def _between(faults: LinkFaults) -> str:
    return " - ".join(faults.names)


def _told(faults: LinkFaults) -> str:
    return f"{faults} on purpose" if faults else ""


def _section(
    heading: str, names: Names, actions: Iterable[Action], state: str = ""
) -> dict[str, Any]:
    entries = [
        {
            "label": action.label,
            "title": action.title,
            "names": list(names),
            "key": action.key,
            "form": [_field(each) for each in action.form],
        }
        for action in actions
    ]
    return {"heading": heading, "state": state, "entries": entries}


def _field(asked: Parameter | Choice) -> dict[str, Any]:
    field = {"name": asked.name, "label": asked.label, "value": asked.value}
    if isinstance(asked, Choice):
        return {**field, "options": [list(each) for each in asked.options]}
    return {**field, "least": asked.least, "most": asked.most}


# Doing it -----------------------------------------------------------------------------


def chosen(moment: Moment, here: Iterable[str], names: Names, key: str) -> Action:
    """The action that a page means.

    Raises
    ------
    FaultError
        When it cannot be done any more.
    """
    for action in actions_of(moment, here, names):
        if action.key == key:
            return action
    raise FaultError(
        "that cannot be done any more: the call has changed since the menu was opened; "
        "open it again"
    )


async def perform(
    mesh: Mesh,
    action: Action,
    names: Names,
    values: Mapping[str, object] | None = None,
) -> None:
    """Do what was chosen in a menu.

    Parameters
    ----------
    mesh : Mesh
    action : Action
    names : tuple of str
        What it is done to.
    values : mapping, optional
        What the form gave, by name.

    Raises
    ------
    FaultError
        When a value cannot be; the message says what can.
    UnknownPeerError, NoAddressError, MeshClosedError
    """
    typed = values or {}
    given = {
        each.name: each.given(typed.get(each.name, each.value)) for each in action.form
    }
    owners: dict[int, Any] = {0: mesh.server, 1: mesh}
    owner = mesh.link(*names) if len(names) == 2 else owners[len(names)]
    await getattr(owner, f"{action.method}_async")(**action.arguments, **given)
