"""What is read off a call."""

import json
from collections.abc import Callable

import pytest

from meshwidget.events import (
    LinkCut,
    PeerFrozen,
    PeerJoined,
    ServerStarted,
    ServerStopped,
)
from meshwidget.history.moment import Moment
from meshwidget.views.overload import Overload
from meshwidget.views.reading import closed_message, read_call
from meshwidget.views.tiles import TileState, tile_state

from .fakes import FakeConnection, FakeMesh, FakeSink

NOW = 100.0


def live(*names: str) -> FakeMesh:
    mesh = FakeMesh(*names)
    mesh.push(NOW)
    return mesh


def test_an_empty_room() -> None:
    reading = read_call(FakeMesh().real, None, NOW)
    assert reading.viewer is None
    assert reading.tiles == ()
    assert reading.rate is None
    assert reading.status.text == "Nobody is in room 1234 yet."
    assert reading.address == "127.0.0.1:41234"


@pytest.mark.parametrize(
    ("asked", "viewer", "pairs"),
    [
        (None, "alice", ["alice alice", "alice bob"]),
        ("alice", "alice", ["alice alice", "alice bob"]),
        ("bob", "bob", ["bob alice", "bob bob"]),
        ("*", "*", ["alice alice", "alice bob", "bob alice", "bob bob"]),
        ("zoe", "alice", ["alice alice", "alice bob"]),
    ],
)
def test_whose_view_it_is(asked: str | None, viewer: str, pairs: list[str]) -> None:
    reading = read_call(live("alice", "bob").real, asked, NOW)
    assert reading.viewer == viewer
    assert [f"{tile.facts.viewer} {tile.facts.peer}" for tile in reading.tiles] == pairs


def test_a_viewer_who_is_not_there_is_named() -> None:
    status = read_call(live("alice", "bob").real, "zoe", NOW).status
    assert status.text == (
        "zoe is not in the call, so this is what alice receives. "
        "alice and bob are connected."
    )
    assert "zoe" not in read_call(FakeMesh().real, "zoe", NOW).status.text


def test_keys_are_different_for_every_tile() -> None:
    reading = read_call(live("a", "b", "a b", "b a").real, "*", NOW)
    assert len({tile.key for tile in reading.tiles}) == 16


def test_a_participant_outside_the_kernel_has_a_tile_and_no_exit() -> None:
    mesh = live("alice", "bob")
    for peer in mesh.peers.values():
        peer.connections["browser"] = FakeConnection()
        peer.sinks["browser"] = FakeSink(count=1, arrived=NOW)
    message = read_call(mesh.real, None, NOW).message()
    assert message["count"] == 3
    assert message["viewers"] == ["alice", "bob"]
    assert [
        (tile["peer"], tile["removable"], tile["state"]) for tile in message["tiles"]
    ] == [("alice", True, "live"), ("bob", True, "live"), ("browser", False, "live")]


def test_a_browser_without_a_camera_sends_no_video() -> None:
    mesh = live("alice")
    mesh.peers["alice"].connections["browser"] = FakeConnection(receives_video=False)
    browser = read_call(mesh.real, None, NOW).tiles[1]
    assert tile_state(browser.facts) is TileState.BLANK


def test_somebody_without_a_connection_yet_has_a_waiting_tile() -> None:
    mesh = live("alice", "bob")
    alice = mesh.peers["alice"]
    del alice.connections["bob"], alice.sinks["bob"]
    tile = read_call(mesh.real, None, NOW).message()["tiles"][1]
    assert (tile["peer"], tile["text"]) == ("bob", "waiting: no connection yet")


def test_one_who_crashed_keeps_its_tile_as_long_as_there_is_a_connection() -> None:
    mesh = live("alice", "bob")
    del mesh._peers["bob"]
    reading = read_call(mesh.real, None, NOW + 5)
    assert tile_state(reading.tiles[1].facts) is TileState.STALE
    assert not reading.tiles[1].removable


def test_the_status_speaks_of_every_pair_not_only_of_those_shown() -> None:
    mesh = live("alice", "bob", "carol")
    mesh.peers["bob"].connections["carol"].connection_state = "failed"
    reading = read_call(mesh.real, "alice", NOW)
    assert reading.status.text == "The link from carol to bob is down."
    assert reading.status.warning


def test_a_source_that_failed_is_said_at_every_receiver() -> None:
    mesh = live("alice", "bob")
    mesh.peers["bob"].source_failures["video"] = "draw raised KeyError: 'x'"
    tile = read_call(mesh.real, None, NOW).message()["tiles"][1]
    assert tile["text"] == "source stopped: draw raised KeyError: 'x'"


def test_sound_is_a_level_and_words() -> None:
    mesh = live("alice", "bob")
    mesh.peers["alice"].levels = {"alice": -20.0, "bob": None}
    mesh.peers["bob"].sends_audio = False
    tiles = read_call(mesh.real, None, NOW).message()["tiles"]
    assert [(tile["level"], tile["level_text"]) for tile in tiles] == [
        (0.65, "-21 dBov"),
        (None, "sends no sound"),
    ]


def test_the_rate_is_the_median_of_what_is_received() -> None:
    mesh = live("alice", "bob", "carol", "dave")
    alice = mesh.peers["alice"]
    for name, rate in (("alice", 99.0), ("bob", 10.2), ("carol", 30.4), ("dave", 29.0)):
        alice.sinks[name].frame_rate = rate
    assert read_call(mesh.real, None, NOW).rate == 29
    assert read_call(mesh.real, None, NOW + 60).rate is None  # all stale


def test_the_rate_of_one_alone_is_its_own() -> None:
    assert read_call(live("alice").real, None, NOW).rate == 30


def test_links_that_are_short_are_in_the_status_line() -> None:
    mesh = live("alice", "bob", "carol")
    overload = Overload()
    for peer in mesh.peers.values():
        for sink in peer.sinks.values():
            sink.frame_rate = 18  # the sources are held up as well
    read_call(mesh.real, None, NOW, overload=overload)
    mesh.push(NOW + 2)
    status = read_call(mesh.real, None, NOW + 2, overload=overload).status
    assert status.warning
    assert status.text.endswith("18 of 30 fps on every link.")
    mesh.peers["alice"].connections["bob"].connection_state = "failed"
    status = read_call(mesh.real, None, NOW + 2, overload=overload).status
    assert status.text.startswith("The link from bob to alice is down.")
    assert status.text.endswith("18 of 30 fps on every link.")


def test_only_the_sound_of_what_is_shown_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mesh = live("alice", "bob")
    for peer in mesh.peers.values():
        peer.levels = {"alice": -20.0, "bob": -20.0}
    asked: list[tuple[str, str]] = []

    def record(viewer: str) -> Callable[[str], float | None]:
        def level(name: str) -> float | None:
            asked.append((viewer, name))
            return None

        return level

    for name, peer in mesh.peers.items():
        monkeypatch.setattr(peer, "audio_level", record(name))
    read_call(mesh.real, "bob", NOW)
    assert asked == [("bob", "alice"), ("bob", "bob")]


def test_messages_are_json_and_short() -> None:
    names = [f"somebody {number}" for number in range(12)]
    message = json.dumps(read_call(live(*names).real, None, NOW).message())
    assert len(message) < 5000
    assert json.loads(message)["type"] == "state"


def test_the_last_message_of_a_call() -> None:
    message = closed_message("1234", 4)
    assert message["closed"]
    assert message["tiles"] == []
    assert "closed" in message["status"]


def test_browsers_alone_in_the_room_are_there() -> None:
    mesh = FakeMesh()
    mesh.log.record(PeerJoined, peer="browser", room="1234")
    reading = read_call(mesh.real, None, NOW, moment=Moment.of(mesh.log))
    assert reading.names == ("browser",)
    assert reading.status.text.startswith("browser is alone in the room")
    mesh.log.record(PeerJoined, peer="carol", room="1234")
    reading = read_call(mesh.real, None, NOW, moment=Moment.of(mesh.log))
    assert reading.names == ("browser", "carol")
    assert reading.status.text == "Only browsers are in room 1234: browser, carol."
    assert reading.tiles == ()


def test_a_browser_that_is_let_in_and_held_has_a_tile_that_waits() -> None:
    mesh = live("alice")
    mesh.log.record(PeerJoined, peer="browser", room="1234")
    reading = read_call(mesh.real, None, NOW, moment=Moment.of(mesh.log))
    states = {tile.facts.peer: tile_state(tile.facts) for tile in reading.tiles}
    assert states["browser"] is TileState.WAITING


def test_faults_are_on_the_tiles_that_they_concern() -> None:
    mesh = live("alice", "bob", "carol")
    mesh.log.record(LinkCut, peer="carol", remote="alice")
    mesh.log.record(PeerFrozen, peer="bob")
    message = read_call(mesh.real, "*", NOW, moment=Moment.of(mesh.log)).message()
    said = {(tile["viewer"], tile["peer"]): tile["fault"] for tile in message["tiles"]}
    cut, frozen = "cut on purpose", "frozen on purpose"
    assert {pair: fault for pair, fault in said.items() if fault} == {
        ("alice", "carol"): cut,
        ("carol", "alice"): cut,
        ("alice", "bob"): frozen,
        ("bob", "bob"): frozen,
        ("carol", "bob"): frozen,
    }


def test_a_server_that_is_away_is_in_the_status() -> None:
    mesh = live("alice", "bob")
    mesh.log.record(ServerStopped)
    status = read_call(mesh.real, None, NOW, moment=Moment.of(mesh.log)).status
    assert status.text == (
        "The signaling server is stopped on purpose: media flows on, and nobody can "
        "join. alice and bob are connected."
    )
    assert status.warning
    mesh.log.record(ServerStarted)
    status = read_call(mesh.real, None, NOW, moment=Moment.of(mesh.log)).status
    assert status.text == "alice and bob are connected."
