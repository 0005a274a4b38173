"""The transition tables: complete, consistent, and true to what calls show."""

from __future__ import annotations

import ast
import itertools
from pathlib import Path

import pytest

from meshwidget.peer import machines, negotiation
from meshwidget.peer.machines import CLOSE, MACHINES, Machine
from meshwidget.peer.negotiation import (
    explain,
    explain_change,
    following,
    is_legal,
)

OFFERER = [
    ("signaling", "stable", "have-local-offer"),
    ("ice_gathering", "new", "gathering"),
    ("ice_gathering", "gathering", "complete"),
    ("signaling", "have-local-offer", "stable"),
    ("ice_connection", "new", "checking"),
    ("connection", "new", "connecting"),
    ("ice_connection", "checking", "completed"),
    ("dtls", "new", "connecting"),
    ("connection", "connecting", "connected"),
    ("dtls", "connecting", "connected"),
    ("signaling", "stable", "closed"),
    ("ice_connection", "completed", "closed"),
    ("connection", "connected", "closed"),
    ("dtls", "connected", "closed"),
]
"""As aiortc 1.16 changes them."""

ANSWERER = [
    ("signaling", "stable", "have-remote-offer"),
    ("signaling", "have-remote-offer", "stable"),
    *OFFERER[1:3],
    *OFFERER[4:],
]

CHROMIUM = [
    ("ice_connection", "checking", "connected"),
    ("ice_connection", "connected", "completed"),
    ("ice_connection", "connected", "disconnected"),
    ("ice_connection", "disconnected", "connected"),
    ("ice_connection", "disconnected", "failed"),
    ("connection", "connected", "disconnected"),
    ("connection", "disconnected", "connected"),
    ("connection", "disconnected", "failed"),
    ("signaling", "have-local-offer", "have-remote-offer"),
    ("signaling", "have-local-offer", "have-remote-pranswer"),
    ("signaling", "have-remote-pranswer", "stable"),
]
"""Changes that are legal and that aiortc never shows."""

every_machine = pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)


@pytest.mark.parametrize("change", [*OFFERER, *ANSWERER, *CHROMIUM])
def test_what_is_seen_in_calls_is_legal(change: tuple[str, str, str]) -> None:
    assert is_legal(*change)


@pytest.mark.parametrize("change", [*OFFERER, *ANSWERER])
def test_what_aiortc_shows_is_not_said_to_be_missing(
    change: tuple[str, str, str],
) -> None:
    machine, old, new = change
    assert any(
        not each.missing
        for each in MACHINES[machine].transitions
        if (each.source, each.target) == (old, new)
    )


@pytest.mark.parametrize("change", CHROMIUM)
def test_what_aiortc_never_shows_has_a_reason(change: tuple[str, str, str]) -> None:
    machine, old, new = change
    for each in MACHINES[machine].transitions:
        if (each.source, each.target) == (old, new):
            assert each.missing.endswith(".")


@pytest.mark.parametrize(
    ("machine", "old", "new"),
    [
        ("signaling", "have-local-offer", "have-local-pranswer"),
        ("signaling", "closed", "stable"),
        ("ice_gathering", "new", "complete"),
        ("ice_connection", "new", "completed"),
        ("ice_connection", "closed", "checking"),
        ("dtls", "new", "connected"),
        ("dtls", "failed", "connecting"),
        ("connection", "new", "connected"),
        ("connection", "closed", "new"),
    ],
)
def test_leaps_and_ways_back_are_not_legal(machine: str, old: str, new: str) -> None:
    assert not is_legal(machine, old, new)


@every_machine
def test_every_state_is_reached_from_the_first(machine: Machine) -> None:
    reached = {machine.initial}
    for _ in machine.states:
        reached |= {
            each.target for each in machine.transitions if each.source in reached
        }
    assert reached == set(machine.states)


@every_machine
def test_transitions_join_known_states(machine: Machine) -> None:
    for each in machine.transitions:
        assert {each.source, each.target} <= set(machine.states)


@every_machine
def test_a_trigger_leads_to_one_state(machine: Machine) -> None:
    keys = [(each.source, each.trigger) for each in machine.transitions]
    assert len(keys) == len(set(keys))


@every_machine
def test_nothing_leads_out_of_closed(machine: Machine) -> None:
    assert not [each for each in machine.transitions if each.source == "closed"]


@every_machine
def test_every_open_state_can_be_closed(machine: Machine) -> None:
    if "closed" not in machine.states:
        assert machine.name == "ice_gathering"
        return
    for state in set(machine.states) - {"closed"}:
        assert following(machine.name, state, CLOSE) == "closed"


@every_machine
def test_a_machine_says_where_it_is_laid_down(machine: Machine) -> None:
    assert machine.section.startswith("webrtc-pc, section ")
    assert all(sentence.endswith(".") for sentence in machine.differences)
    assert all(machine.states.values())


def test_states_that_aiortc_never_enters() -> None:
    assert {name: each.never_shown for name, each in MACHINES.items()} == {
        "signaling": ("have-local-pranswer", "have-remote-pranswer"),
        "ice_gathering": (),
        "ice_connection": ("connected", "disconnected"),
        "dtls": (),
        "connection": ("disconnected",),
    }


def test_first_states() -> None:
    first = {name: machine.initial for name, machine in MACHINES.items()}
    assert first.pop("signaling") == "stable"
    assert set(first.values()) == {"new"}


def test_titles_are_words() -> None:
    assert [machine.title for machine in MACHINES.values()] == [
        "signaling",
        "ICE gathering",
        "ICE connection",
        "DTLS",
        "connection",
    ]


@every_machine
def test_the_tables_cannot_be_changed(machine: Machine) -> None:
    with pytest.raises(TypeError):
        machine.states["stable"] = "?"  # type: ignore[index]
    with pytest.raises(AttributeError):
        machine.name = "?"  # type: ignore[misc]


# In words -----------------------------------------------------------------------------


def test_a_legal_step_is_explained() -> None:
    assert explain("signaling", "have-local-offer", "setRemoteDescription(answer)") == (
        "setRemoteDescription(answer) takes signaling from have-local-offer to stable: "
        "no offer is open; nothing was negotiated yet, or all of it was "
        "(webrtc-pc, section 4.3.1)."
    )


def test_an_illegal_step_is_explained_by_what_would_be_legal() -> None:
    words = explain("signaling", "stable", "setRemoteDescription(answer)")
    assert words.startswith(
        "setRemoteDescription(answer) is not legal while signaling is stable"
    )
    assert "It needs have-local-offer or have-remote-pranswer." in words
    assert "setLocalDescription(offer) to have-local-offer" in words
    assert words.endswith("(webrtc-pc, section 4.3.1).")


def test_a_step_out_of_closed_is_explained() -> None:
    words = explain("signaling", "closed", "setRemoteDescription(offer)")
    assert "Nothing leads out of closed" in words


def test_glare_says_what_aiortc_does() -> None:
    words = explain("signaling", "have-local-offer", "setRemoteDescription(offer)")
    assert "to have-remote-offer" in words
    assert "aiortc cannot and raises InvalidStateError." in words


def test_a_step_that_changes_nothing_is_explained() -> None:
    words = explain("signaling", "have-local-offer", "setLocalDescription(offer)")
    assert "leaves signaling in have-local-offer" in words


def test_a_change_is_explained_by_what_aiortc_does() -> None:
    words = explain_change("ice_connection", "checking", "completed")
    assert words == (
        "a path is found, nothing left to try: a path is found and all trying is over "
        "(webrtc-pc, section 4.3.4)."
    )


def test_a_change_that_only_browsers_show_is_explained() -> None:
    words = explain_change("ice_connection", "checking", "connected")
    assert words.startswith("a path is found: ")


def test_a_change_that_is_not_in_the_table_is_said_not_to_be() -> None:
    words = explain_change("dtls", "new", "connected")
    assert words.startswith("DTLS new -> connected is not in the W3C's table")


@every_machine
def test_everything_can_be_explained(machine: Machine) -> None:
    for state, trigger in itertools.product(machine.states, machine.triggers):
        words = explain(machine.name, state, trigger)
        legal = following(machine.name, state, trigger) is not None
        assert ("is not legal" in words) is not legal
        assert words.endswith(".")
    for old, new in itertools.permutations(machine.states, 2):
        assert explain_change(machine.name, old, new).endswith(".")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: explain("sctp", "new", CLOSE), "there is no state machine 'sctp'"),
        (lambda: explain("dtls", "stable", CLOSE), "DTLS has no state 'stable'"),
        (lambda: explain("dtls", "new", "open()"), "DTLS knows no trigger 'open()'"),
        (lambda: is_legal("dtls", "new", "open"), "it has new, connecting, connected"),
        (lambda: explain_change("x", "new", "new"), "there are signaling, "),
    ],
)
def test_a_wrong_question_gets_a_sentence(call: object, words: str) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match=words.replace("(", r"\(").replace(")", r"\)")):
        call()


@pytest.mark.parametrize("module", [machines, negotiation])
def test_the_tables_need_the_standard_library_only(module: object) -> None:
    path = getattr(module, "__file__", None)
    assert isinstance(path, str)
    tree = ast.parse(Path(path).read_text())
    imported = {
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level == 0
    }
    assert imported <= {"__future__", "collections.abc", "dataclasses", "types"}
