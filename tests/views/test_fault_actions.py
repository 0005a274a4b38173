"""The entries of the menus: what makes sense now, and that each of them works."""

from __future__ import annotations

import inspect

import pytest

from meshwidget import Link, Mesh
from meshwidget.events import LinkImpaired
from meshwidget.faults import Impairment, LinkFaults
from meshwidget.views.fault_actions import (
    Action,
    link_actions,
    perform,
    tile_actions,
)

CLEAN = LinkFaults(names=("alice", "bob"))
IMPAIRED = CLEAN.impaired(Impairment(loss=0.1), None)


def labels(faults: LinkFaults) -> list[str]:
    return [action.label for action in link_actions(faults)]


def test_a_clean_link_can_be_broken_and_not_healed() -> None:
    assert labels(CLEAN) == [
        "Cut",
        "Impair…",
        "Hold STUN",
        "Hold DTLS",
        "Hold SRTP",
    ]


def test_what_is_held_can_be_released() -> None:
    assert labels(CLEAN.holding("dtls"))[2:] == [
        "Hold STUN",
        "Release DTLS",
        "Hold SRTP",
        "Heal",
    ]


def test_a_cut_link_can_only_be_healed() -> None:
    assert labels(IMPAIRED.cutting()) == ["Heal"]


@pytest.mark.parametrize("is_frozen", [True, False])
def test_a_tile_can_be_frozen_or_thawed_and_crashed(is_frozen: bool) -> None:
    freezing, crash = tile_actions("alice", is_frozen=is_frozen)
    assert freezing.label == ("Thaw alice" if is_frozen else "Freeze alice")
    assert crash.label == "Crash alice"


EVERY = {
    action.label: action
    for faults in (CLEAN, CLEAN.holding("stun").holding("dtls").holding("srtp"))
    for action in link_actions(faults)
}
TILES = [
    action
    for is_frozen in (True, False)
    for action in tile_actions("alice", is_frozen=is_frozen)
]


@pytest.mark.parametrize("action", EVERY.values(), ids=list(EVERY))
def test_a_links_action_is_a_method_with_these_arguments(action: Action) -> None:
    _check(Link, action)
    for parameter in action.parameters:
        assert parameter.least <= parameter.value <= parameter.most


@pytest.mark.parametrize("action", TILES, ids=[each.label for each in TILES])
def test_a_tiles_action_is_a_method_with_these_arguments(action: Action) -> None:
    _check(Mesh, action)


def _check(owner: type, action: Action) -> None:
    taken = inspect.signature(getattr(owner, action.method)).parameters
    assert set(action.arguments) <= set(taken)
    assert {each.name for each in action.parameters} <= set(taken)
    assert action.title.endswith(".")


async def test_each_does_what_it_says() -> None:
    async with Mesh() as mesh:
        await mesh.join_async("alice", video=None, audio=None)
        names = ("alice", "bob")
        link = mesh.link(*names)
        impair = EVERY["Impair…"]
        await perform(mesh, impair, names, {"loss": 25, "delay_ms": 80})
        (event,) = mesh.log.of(LinkImpaired)
        assert (event.loss, event.delay_ms, event.jitter_ms) == (0.25, 80, 0)
        await perform(mesh, EVERY["Hold DTLS"], names)
        assert link.faults.held == ("dtls",)
        await perform(mesh, EVERY["Release DTLS"], names)
        await perform(mesh, EVERY["Cut"], names)
        assert link.faults.is_cut
        await perform(mesh, EVERY["Heal"], names)
        assert not link.faults
        freeze, crash = tile_actions("alice", is_frozen=False)
        await perform(mesh, freeze)
        await perform(mesh, tile_actions("alice", is_frozen=True)[0])
        await perform(mesh, crash)
        assert mesh.peers == {}
        with pytest.raises(ValueError, match="loss is 2"):
            await perform(mesh, impair, names, {"loss": 200})
