"""What tiles and the status line say, for every combination of facts."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwidget.views.tiles import (
    SILENCE,
    TileFacts,
    TileState,
    call_status,
    fault_text,
    meter,
    tile_label,
    tile_state,
    tile_text,
)

LIVE = TileFacts(
    viewer="alice",
    peer="bob",
    picture_age=0.01,
    connection_state="connected",
    ice_connection_state="completed",
    level=-20.0,
)
OWN = TileFacts(viewer="alice", peer="alice", picture_age=0.01)


@pytest.mark.parametrize(
    ("facts", "state", "text"),
    [
        (LIVE, TileState.LIVE, "live"),
        (OWN, TileState.LIVE, "local"),
        (
            replace(LIVE, picture_age=None, connection_state=None),
            TileState.WAITING,
            "waiting: no connection yet",
        ),
        (
            replace(LIVE, connection_state="new", ice_connection_state="new"),
            TileState.WAITING,
            "waiting: no address yet",
        ),
        (
            replace(
                LIVE, connection_state="connecting", ice_connection_state="checking"
            ),
            TileState.WAITING,
            "waiting: ICE checks addresses",
        ),
        (
            replace(
                LIVE, connection_state="connecting", ice_connection_state="completed"
            ),
            TileState.WAITING,
            "waiting: DTLS handshake",
        ),
        (
            replace(LIVE, picture_age=None),
            TileState.WAITING,
            "waiting: first picture",
        ),
        (
            replace(OWN, picture_age=None),
            TileState.WAITING,
            "waiting: first picture",
        ),
        (
            replace(LIVE, picture_age=1.0),
            TileState.LIVE,
            "live",
        ),
        (
            replace(LIVE, picture_age=2.6),
            TileState.STALE,
            "stale: no picture for 3 s",
        ),
        (
            replace(LIVE, connection_state="failed"),
            TileState.DOWN,
            "link down: failed",
        ),
        (
            replace(LIVE, connection_state="closed", failure="it broke"),
            TileState.DOWN,
            "link down: closed",
        ),
        (
            replace(LIVE, failure="clip.mp4 is cut off"),
            TileState.STOPPED,
            "source stopped: clip.mp4 is cut off",
        ),
        (
            replace(LIVE, sends_video=False, picture_age=None),
            TileState.BLANK,
            "sends no video",
        ),
    ],
)
def test_states_and_words(facts: TileFacts, state: TileState, text: str) -> None:
    assert tile_state(facts) is state
    assert tile_text(facts) == text


def test_labels_say_whose_picture_it_is_and_for_whom() -> None:
    assert tile_label(LIVE) == "bob as alice receives it: live"
    assert tile_label(OWN) == "alice, own picture"
    assert tile_label(replace(OWN, failure="no")) == (
        "alice, own picture: source stopped: no"
    )


FACTS = st.builds(
    TileFacts,
    viewer=st.sampled_from(["alice", "bob"]),
    peer=st.sampled_from(["alice", "bob"]),
    picture_age=st.none() | st.floats(0, 1e6),
    connection_state=st.none()
    | st.sampled_from(
        ["new", "connecting", "connected", "disconnected", "failed", "closed"]
    ),
    ice_connection_state=st.none()
    | st.sampled_from(["new", "checking", "connected", "completed", "failed"]),
    sends_video=st.booleans(),
    sends_audio=st.booleans(),
    failure=st.none() | st.just("it broke"),
    level=st.none() | st.floats(-127, 0),
)


@given(FACTS)
def test_every_tile_says_something(facts: TileFacts) -> None:
    text = tile_text(facts)
    assert text
    assert text == text.strip()
    assert facts.peer in tile_label(facts)
    if facts.local:
        assert tile_state(facts) is not TileState.DOWN
    elif facts.connection_state != "connected":
        assert tile_state(facts) in {TileState.DOWN, TileState.WAITING}


@given(st.floats(-127, 0))
def test_the_meter_goes_up_with_the_sound(level: float) -> None:
    fraction, text = meter(replace(LIVE, level=level))
    assert fraction is not None
    assert 0 <= fraction <= 1
    assert fraction == pytest.approx(max(1 - level / SILENCE, 0), abs=0.026)
    assert text == "silent" if fraction == 0 else text.endswith(" dBov")


@pytest.mark.parametrize(
    ("level", "expected"),
    [(0.0, (1.0, "0 dBov")), (-21.0, (0.65, "-21 dBov")), (-127.0, (0.0, "silent"))],
)
def test_the_meter_in_words(level: float, expected: tuple[float, str]) -> None:
    assert meter(replace(LIVE, level=level)) == expected


def test_no_meter_without_sound() -> None:
    assert meter(replace(LIVE, level=None)) == (None, "no sound yet")
    assert meter(replace(LIVE, level=None, sends_audio=False)) == (
        None,
        "sends no sound",
    )


# The status line.


def call(count: int, **changes: TileFacts) -> tuple[list[str], list[TileFacts]]:
    """A call of `count` in which all is well but for the pairs given as a_b=facts."""
    names = ["alice", "bob", "carol", "dave"][:count]
    pairs = [
        changes.get(f"{viewer}_{peer}", replace(LIVE, viewer=viewer, peer=peer))
        for viewer in names
        for peer in names
    ]
    return names, pairs


def test_status_of_nobody_one_two_and_more() -> None:
    assert call_status("1234", [], []).text == "Nobody is in room 1234 yet."
    assert call_status("1234", *call(1)).text == (
        "alice is alone in the room: a call needs two."
    )
    assert call_status("1234", *call(2)).text == "alice and bob are connected."
    assert call_status("1234", *call(4)).text == (
        "4 participants, 6 links: all connected."
    )


@pytest.mark.parametrize(
    ("facts", "text", "warning"),
    [
        (
            replace(LIVE, connection_state="failed"),
            "The link from bob to alice is down.",
            True,
        ),
        (replace(LIVE, failure="it broke"), "bob's video has stopped: it broke.", True),
        (
            replace(LIVE, picture_age=9.0),
            "alice receives no new pictures from bob.",
            True,
        ),
        (
            replace(LIVE, connection_state=None),
            "alice waits for bob: no connection yet.",
            False,
        ),
        (
            replace(LIVE, picture_age=None),
            "alice waits for bob: first picture.",
            False,
        ),
    ],
)
def test_status_of_one_trouble(facts: TileFacts, text: str, warning: bool) -> None:
    status = call_status("1234", *call(3, alice_bob=facts))
    assert (status.text, status.warning) == (text, warning)


def test_the_worst_comes_first_and_the_rest_is_counted() -> None:
    names, pairs = call(
        3,
        alice_bob=replace(LIVE, picture_age=None),
        bob_carol=replace(LIVE, viewer="bob", peer="carol", picture_age=5.0),
        carol_bob=replace(
            LIVE, viewer="carol", peer="bob", connection_state="disconnected"
        ),
    )
    assert call_status("1234", names, pairs).text == (
        "The link from bob to carol is down. 2 more pictures are missing."
    )


def test_somebody_without_video_is_no_trouble() -> None:
    names, pairs = call(2, alice_bob=replace(LIVE, sends_video=False))
    assert not call_status("1234", names, pairs).warning


@given(st.lists(FACTS, max_size=6))
def test_the_status_is_always_one_line(pairs: list[TileFacts]) -> None:
    text = call_status("1234", ["alice", "bob"], pairs).text
    assert text.endswith(".")
    assert "\n" not in text


def test_the_status_does_not_change_while_nothing_does() -> None:
    """It is a live region: a number in it that counts up would be read out."""
    early, late = (
        call_status("1234", *call(2, alice_bob=replace(LIVE, picture_age=age)))
        for age in (2.0, 200.0)
    )
    assert early == late


def test_what_is_wrong_on_purpose_is_said_beside_what_is_seen() -> None:
    lossy = replace(LIVE, faults=("toward bob: loses 10 %",))
    assert fault_text(LIVE) == ""
    assert fault_text(lossy) == "toward bob: loses 10 % on purpose"
    assert tile_text(lossy) == "live"
    assert tile_label(lossy) == (
        "bob as alice receives it: live; toward bob: loses 10 % on purpose"
    )
    frozen = replace(OWN, faults=("frozen",))
    assert tile_label(frozen) == "alice, own picture: frozen on purpose"
    assert tile_label(OWN) == "alice, own picture"


def test_the_status_says_that_it_was_done_on_purpose() -> None:
    cut = replace(LIVE, picture_age=2.0, faults=("frozen", "cut"))
    status = call_status("1234", ["alice", "bob"], [cut])
    assert status.text == (
        "alice receives no new pictures from bob (frozen, cut on purpose)."
    )
    assert status.warning
    fine = replace(LIVE, faults=("loses 10 %",))
    assert call_status("1234", ["alice", "bob"], [fine]).text == (
        "alice and bob are connected."
    )
