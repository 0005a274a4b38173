"""What can be done to a link, a tile and the server from a view's menu, in words.

Pure: from what is wrong with them now to the entries that make sense. Whoever shows a
menu shows these; :func:`perform` does what was chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..faults import LAYERS, LinkFaults

if TYPE_CHECKING:
    from ..mesh import Mesh

__all__ = ["Action", "Parameter", "link_actions", "perform", "tile_actions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A number that an action asks for.

    Attributes
    ----------
    name : str
        As :meth:`~meshwidget.Link.impair` has it.
    label : str
        With its unit.
    value, least, most : float
        What a form begins with, and its limits. ``scale`` of them are one of what the
        method takes.
    scale : float
        100 where the form shows per cent and the method takes a fraction.
    """

    name: str
    label: str
    value: float
    least: float
    most: float
    scale: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """An entry of a menu.

    Attributes
    ----------
    method : str
        Of the link, or of the mesh for a tile.
    label : str
        On the entry.
    title : str
        What it will do, as a sentence.
    arguments : mapping
        What the method takes as it is.
    parameters : tuple of Parameter
        What a form asks for before.
    """

    method: str
    label: str
    title: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    parameters: tuple[Parameter, ...] = ()


_LAYER_EFFECTS = {
    "stun": "ICE's checks wait: no path is found, and consent runs out",
    "dtls": "the handshake waits: no keys are agreed on",
    "srtp": "media and its reports are lost; the connection stays up",
}

IMPAIRMENTS = (
    Parameter(name="loss", label="loss, %", value=10, least=0, most=100, scale=100),
    Parameter(name="delay_ms", label="delay, ms", value=0, least=0, most=2000),
    Parameter(name="jitter_ms", label="jitter, ms", value=0, least=0, most=500),
    Parameter(
        name="duplicate", label="doubled, %", value=0, least=0, most=100, scale=100
    ),
    Parameter(
        name="reorder", label="reordered, %", value=0, least=0, most=100, scale=100
    ),
)


def link_actions(faults: LinkFaults) -> tuple[Action, ...]:
    """What can be done to a link that has these faults."""
    one, other = faults.names
    actions = []
    if not faults.is_cut:
        title = f"Nothing passes between {one} and {other} any more."
        actions.append(Action(method="cut", label="Cut", title=title))
        title = f"Packets between {one} and {other} are lost, late or doubled."
        actions.append(
            Action(
                method="impair", label="Impair…", title=title, parameters=IMPAIRMENTS
            )
        )
        actions += [
            _layer_action(layer, is_held=layer in faults.held) for layer in LAYERS
        ]
    if faults:
        title = f"Everything passes between {one} and {other} again."
        actions.append(Action(method="heal", label="Heal", title=title))
    return tuple(actions)


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


def tile_actions(name: str, *, is_frozen: bool) -> tuple[Action, ...]:
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


async def perform(
    mesh: Mesh,
    action: Action,
    names: tuple[str, str] | None = None,
    values: Mapping[str, float] | None = None,
) -> None:
    """Do what was chosen in a menu.

    Parameters
    ----------
    mesh : Mesh
    action : Action
    names : (str, str), optional
        The link's ends; None for a tile's action.
    values : mapping, optional
        What the form gave, by parameter.

    Raises
    ------
    ValueError
        When a value cannot be; the message says what can.
    UnknownPeerError, MeshClosedError
    """
    owner: Any = mesh if names is None else mesh.link(*names)
    given = {
        each.name: (values or {}).get(each.name, each.value) / each.scale
        for each in action.parameters
    }
    await getattr(owner, f"{action.method}_async")(**action.arguments, **given)
