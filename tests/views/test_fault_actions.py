"""The entries of the menus: what makes sense now, and that each of them works."""

from __future__ import annotations

import inspect
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwidget import FaultError, Link, Mesh, UnknownPeerError
from meshwidget.events import (
    LayerHeld,
    LinkCut,
    LinkHealed,
    LinkImpaired,
    PeerFrozen,
    PeerJoined,
    ServerStarted,
    ServerStopped,
)
from meshwidget.faults import Impairment, LinkFaults
from meshwidget.history.moment import Moment
from meshwidget.links import Server
from meshwidget.log import EventLog
from meshwidget.views.fault_actions import (
    Action,
    Choice,
    Names,
    Parameter,
    call_menu,
    chosen,
    link_actions,
    link_menu,
    peer_actions,
    perform,
    server_actions,
    tile_menu,
)

CLEAN = LinkFaults(names=("alice", "bob"))
IMPAIRED = CLEAN.impaired(Impairment(loss=0.1), None)
HERE = ("alice", "bob")


def room(*names: str) -> EventLog:
    log = EventLog(lambda: 0.0)
    for name in names:
        log.record(PeerJoined, peer=name, room="1234")
    return log


def labels(faults: LinkFaults) -> list[str]:
    return [action.label for action in link_actions(faults)]


# What there is to do ------------------------------------------------------------------


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
def test_a_peer_can_be_frozen_or_thawed_and_crashed(is_frozen: bool) -> None:
    freezing, crash = peer_actions("alice", is_frozen=is_frozen)
    assert freezing.label == ("Thaw alice" if is_frozen else "Freeze alice")
    assert crash.label == "Crash alice"


def test_the_server_can_be_stopped_or_started() -> None:
    assert [each.label for each in server_actions(is_stopped=False)] == ["Stop server"]
    assert [each.label for each in server_actions(is_stopped=True)] == ["Start server"]


EVERY = {
    action.label: action
    for faults in (CLEAN, CLEAN.holding("stun").holding("dtls").holding("srtp"))
    for action in link_actions(faults)
}
OTHERS = [
    *((Mesh, peer_actions("alice", is_frozen=flag)) for flag in (True, False)),
    *((Server, server_actions(is_stopped=flag)) for flag in (True, False)),
]


@pytest.mark.parametrize(("owner", "actions"), [(Link, tuple(EVERY.values())), *OTHERS])
def test_an_action_is_a_method_with_these_arguments(
    owner: type, actions: tuple[Action, ...]
) -> None:
    for action in actions:
        taken = inspect.signature(getattr(owner, f"{action.method}_async")).parameters
        assert set(action.arguments) <= set(taken)
        assert {each.name for each in action.form} <= set(taken)
        assert action.title.endswith(".")
    keys = [action.key for action in actions]
    assert len(keys) == len(set(keys))


# Forms --------------------------------------------------------------------------------


def form_of(faults: LinkFaults) -> dict[str, object]:
    impair = next(each for each in link_actions(faults) if each.method == "impair")
    return {each.name: each.value for each in impair.form}


def test_the_form_has_everything_that_a_link_takes() -> None:
    taken = inspect.signature(Link.impair).parameters
    assert set(form_of(CLEAN)) == set(taken) - {"self"}


def test_a_form_begins_with_what_is_in_force() -> None:
    assert form_of(CLEAN)["loss"] == 10
    now = Impairment(loss=0.29, delay_ms=80, kbps=300, seed=4)
    one_way = form_of(CLEAN.impaired(now, "bob"))
    assert one_way["toward"] == "bob"
    assert [one_way[name] for name in ("loss", "delay_ms", "kbps", "seed")] == [
        29,
        80,
        300,
        4,
    ]
    assert form_of(CLEAN.impaired(now, None))["toward"] is None


PERCENT = Parameter(name="loss", label="loss, %", value=0, least=0, most=100, scale=100)
WHOLE = Parameter(name="seed", label="seed", value=0, least=0, most=9, is_whole=True)
LIMIT = Parameter(
    name="kbps", label="limit", value=None, least=1, most=9, may_be_empty=True
)
TOWARD = Choice(
    name="toward",
    label="direction",
    value=None,
    options=((None, "both"), ("a", "to a")),
)


def test_what_is_typed_becomes_what_the_method_takes() -> None:
    assert PERCENT.given(25) == 0.25
    assert WHOLE.given(3) == 3
    assert LIMIT.given(None) is None
    assert [TOWARD.given(value) for value in (None, "a")] == [None, "a"]


@pytest.mark.parametrize(
    ("asked", "value", "sentence"),
    [
        (PERCENT, 101, "loss, %: it has to be a number from 0 to 100$"),
        (PERCENT, None, "a number"),
        (PERCENT, True, "a number"),
        (PERCENT, float("nan"), "a number"),
        (PERCENT, "10", "a number"),
        (WHOLE, 1.5, "a whole number from 0 to 9"),
        (LIMIT, 0, "from 1 to 9, or empty for no limit"),
        (TOWARD, "carol", "direction: it has to be one of: both, to a"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    asked: Parameter | Choice, value: object, sentence: str
) -> None:
    with pytest.raises(FaultError, match=sentence):
        asked.given(value)


JSON = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=9)


@given(JSON)
def test_whatever_is_typed_is_taken_or_refused(value: object) -> None:
    for asked in (PERCENT, WHOLE, LIMIT, TOWARD):
        try:
            taken = asked.given(value)
        except FaultError:
            continue
        assert taken in (None, "a") or (isinstance(taken, int | float) and taken <= 9)


# Menus --------------------------------------------------------------------------------


def test_a_tiles_menu_is_of_its_link_and_of_the_one_at_its_end() -> None:
    moment = Moment.of(room("alice", "bob"))
    menu = tile_menu(moment, HERE, "bob", "alice")
    assert [each["heading"] for each in menu] == ["Link alice - bob", "alice"]
    assert {tuple(each["names"]) for each in menu[0]["entries"]} == {("alice", "bob")}
    assert {tuple(each["names"]) for each in menu[1]["entries"]} == {("alice",)}
    assert json.loads(json.dumps(menu)) == menu


def test_an_own_tile_has_no_link() -> None:
    menu = tile_menu(Moment.of(room("alice")), HERE, "alice", "alice")
    assert [each["heading"] for each in menu] == ["alice"]


def test_a_browser_cannot_be_frozen_and_its_link_can_be_cut() -> None:
    moment = Moment.of(room("alice", "browser"))
    menu = tile_menu(moment, ("alice",), "alice", "browser")
    assert [each["heading"] for each in menu] == ["Link alice - browser"]


def test_a_menu_says_what_is_wrong() -> None:
    log = room("alice", "bob")
    log.record(LinkCut, peer="bob", remote="alice")
    log.record(PeerFrozen, peer="bob")
    link, bob = tile_menu(Moment.of(log), HERE, "alice", "bob")
    assert link["state"] == "cut on purpose"
    assert [each["label"] for each in link["entries"]] == ["Heal"]
    assert bob["entries"][0]["label"] == "Thaw bob"
    assert link_menu(Moment.of(log), "bob", "alice") == [link]


def test_the_calls_menu_leads_to_every_link() -> None:
    log = room("carol", "alice", "bob")
    log.record(LayerHeld, peer="bob", remote="alice", layer="dtls")
    log.record(LinkCut, peer="alice", remote="zoe")
    server, links = call_menu(Moment.of(log))
    assert server["state"] == ""
    assert [each["label"] for each in server["entries"]] == ["Stop server"]
    told = {tuple(each["opens"]): each["state"] for each in links["entries"]}
    assert told == {
        ("alice", "carol"): "",
        ("bob", "carol"): "",
        ("alice", "bob"): "DTLS held on purpose",
        ("alice", "zoe"): "cut on purpose",  # who has not joined yet
    }
    log.record(ServerStopped)
    assert call_menu(Moment.of(log))[0]["state"] == "stopped on purpose"
    log.record(ServerStarted)
    assert call_menu(Moment.of(log))[0]["state"] == ""


def test_an_empty_room_has_no_links() -> None:
    assert [each["heading"] for each in call_menu(Moment())] == ["Signaling server"]


@pytest.mark.parametrize(
    ("names", "key"),
    [
        ((), "start"),
        (("alice",), "thaw\nalice"),
        (("alice",), "close"),
        (("zoe",), "freeze\nzoe"),
        (("alice", "bob"), "heal"),
        (("alice", "bob"), "release\ndtls"),
        (("alice", "bob"), "__init__"),
    ],
)
def test_what_is_on_no_menu_now_cannot_be_chosen(names: Names, key: str) -> None:
    moment = Moment.of(room("alice", "bob"))
    with pytest.raises(FaultError, match=r"cannot be done any more.*open it again"):
        chosen(moment, HERE, names, key)


# Doing it -----------------------------------------------------------------------------


async def test_each_does_what_it_says() -> None:
    async with Mesh() as mesh:
        await mesh.join_async("alice", video=None, audio=None)

        async def do(names: Names, key: str, **values: object) -> None:
            action = chosen(Moment.of(mesh.log), mesh.peers, names, key)
            await perform(mesh, action, names, values)

        link = "alice", "bob"
        await do(link, "impair", loss=25, delay_ms=80, toward="bob", seed=3)
        (event,) = mesh.log.of(LinkImpaired)
        assert (event.loss, event.delay_ms, event.jitter_ms) == (0.25, 80, 0)
        assert (event.toward, event.seed, event.kbps) == ("bob", 3, None)
        await do(link, "hold\ndtls")
        assert mesh.link(*link).faults.held == ("dtls",)
        await do(link, "release\ndtls")
        await do(link, "cut")
        assert mesh.link(*link).faults.is_cut
        await do(link, "heal")
        assert len(mesh.log.of(LinkHealed)) == 1
        with pytest.raises(FaultError, match="loss"):
            await do(link, "impair", loss=200)
        await do(("alice",), "freeze\nalice")
        await do(("alice",), "thaw\nalice")
        await do((), "stop")
        await do((), "start")
        assert len(mesh.log.of(ServerStopped)) == len(mesh.log.of(ServerStarted)) == 1
        crash = chosen(Moment.of(mesh.log), mesh.peers, ("alice",), "crash\nalice")
        await do(("alice",), "crash\nalice")
        assert mesh.peers == {}
        with pytest.raises(UnknownPeerError):
            await perform(mesh, crash, ("alice",))
