"""The checks behind a "why" that are about faults made on purpose, and what ends them.

Most calls have none, and then there is no step about them.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..faults import LinkFaults
from .moment import Moment
from .parts import Side
from .step import Step, quoted

_EFFECTS = {
    "stun": "no check of ICE arrives",
    "dtls": "the handshake does not end",
    "srtp": "no picture arrives",
}
"""What it means that a layer is held."""


def presence_checks(moment: Moment, viewer: str, remote: str) -> Iterator[Step]:
    """Whether both are awake, and the server is there to bring them together."""
    side = moment.side(viewer, remote)
    for name in (viewer, remote):
        if name in moment.frozen:
            words = f"{name} is frozen on purpose: mesh.thaw({quoted(name)}) wakes it"
            step = Step.failed(f"{name} is awake", words)
            yield step.without_harm(name == viewer and side.saw_frame)
    if moment.server_stopped:
        words = "the server is stopped on purpose: mesh.server.start() brings it back"
        step = Step.failed("signaling server is there", words)
        yield step.without_harm(side.state == "connected")


def wire_checks(
    moment: Moment, sides: tuple[Side, ...], viewer: str, remote: str
) -> Iterator[Step]:
    """Whether the link passes what both send."""
    faults = moment.faults_of(viewer, remote)
    link = f"mesh.link({quoted(viewer)}, {quoted(remote)})"
    title = "link passes packets"
    if faults.is_cut:
        words = f"the link is cut on purpose: {link}.heal() heals it"
        yield Step.failed(title, words)
    for layer in faults.held:
        words = (
            f"{layer.upper()} is held on purpose, so {_EFFECTS[layer]}: "
            f"{link}.release({quoted(layer)}) lets it pass"
        )
        step = Step.failed(f"link passes {layer.upper()}", words)
        yield step.without_harm(_is_beyond(layer, sides))
    if faults.toward:
        words = f"the link is impaired on purpose, {_impairments(faults)}"
        step = Step.failed(title, f"{words}: {link}.heal() heals it")
        yield step.without_harm(not _loses_all(faults, viewer, sides))


def _is_beyond(layer: str, sides: tuple[Side, ...]) -> bool:
    """Whether both connections have no need of a layer for now."""
    if layer == "srtp" or not sides:
        return False
    return all(side.state == "connected" for side in sides)


def _loses_all(faults: LinkFaults, viewer: str, sides: tuple[Side, ...]) -> bool:
    """Whether nothing passes in a direction that is needed."""
    lossy = {name for name, each in faults.toward.items() if each.loss == 1}
    if sides and all(side.state == "connected" for side in sides):
        return viewer in lossy
    return bool(lossy)


def _impairments(faults: LinkFaults) -> str:
    words = {name: each.words for name, each in faults.toward.items()}
    if len(words) == 2 and len(set(words.values())) == 1:
        return f"it {next(iter(words.values()))}"
    return ", ".join(f"toward {name} it {told}" for name, told in words.items())
