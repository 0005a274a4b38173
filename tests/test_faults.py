"""What can be wrong with a link: limits and words."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwidget.faults import LAYERS, Impairment, LinkFaults

GOOD: dict[str, Any] = {
    "loss": 0.1,
    "delay_ms": 80,
    "jitter_ms": 20.5,
    "kbps": 300,
    "duplicate": 0.05,
    "reorder": 0.02,
    "seed": 1,
}
LINK = LinkFaults(names=("alice", "bob"))


def test_words_say_every_fault_of_a_direction() -> None:
    assert Impairment.checked(**GOOD).words == (
        "loses 10 %, delays by 80 ms ± 20.5 ms, carries 300 kbit/s, doubles 5 %, "
        "reorders 2 %"
    )


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "carries everything"),
        ({"seed": 5}, "carries everything"),
        ({"jitter_ms": 5}, "delays by 0 ms ± 5 ms"),
        ({"loss": 0.333}, "loses 33.3 %"),
    ],
)
def test_words_say_nothing_else(values: dict[str, Any], words: str) -> None:
    assert Impairment(**values).words == words


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("loss", 10, "loss is 10; it can be a fraction of the packets, 0 to 1"),
        ("loss", -0.1, "loss is -0.1; it can be a fraction of the packets, 0 to 1"),
        ("loss", "10 %", "loss is a number, not '10 %': a fraction of the packets"),
        ("loss", True, "loss is a number, not True"),
        ("duplicate", 2, "duplicate is 2"),
        ("reorder", math.nan, "reorder is nan"),
        ("delay_ms", 10_001, "delay_ms is 10001; it can be milliseconds, 0 to 10000"),
        ("jitter_ms", -1, "jitter_ms is -1"),
        ("kbps", 0, "kbps is 0; it can be kilobits a second, more than 0"),
        ("kbps", math.inf, "kbps is inf"),
        ("seed", 1.5, "seed is a whole number, not 1.5"),
        ("seed", None, "seed is a whole number, not None"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_what_can(
    name: str, value: object, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint.replace("(", r"\(")):
        Impairment.checked(**{**GOOD, name: value})


def test_a_link_without_faults_is_false_and_says_so() -> None:
    assert not LINK
    assert str(LINK) == "no faults"


def test_all_faults_of_a_link_are_told_the_worst_first() -> None:
    faults = (
        LINK.impaired(Impairment(loss=0.1), "bob").holding("srtp").holding("stun")
    ).cutting()
    assert faults
    assert str(faults) == "cut; STUN held; SRTP held; toward bob: loses 10 %"
    assert faults.held == ("stun", "srtp")


def test_an_impairment_of_both_directions_is_told_once() -> None:
    assert str(LINK.impaired(Impairment(loss=0.1), None)) == "loses 10 %"


def test_two_different_directions_are_told_in_the_order_of_the_names() -> None:
    faults = LINK.impaired(Impairment(delay_ms=5), "bob")
    faults = faults.impaired(Impairment(loss=0.1), "alice")
    assert faults.words == ("toward alice: loses 10 %", "toward bob: delays by 5 ms")


def test_an_impairment_of_nothing_ends_the_one_before() -> None:
    faults = LINK.impaired(Impairment(loss=0.1), None)
    assert not faults.impaired(Impairment(seed=3), None)
    assert str(faults.impaired(Impairment(), "bob")) == "toward alice: loses 10 %"


@given(st.lists(st.sampled_from(LAYERS)), st.lists(st.sampled_from(LAYERS)))
def test_what_is_held_and_released_is_a_set_in_the_order_of_the_layers(
    held: list[str], released: list[str]
) -> None:
    faults = LINK
    for layer in held:
        faults = faults.holding(layer)
    for layer in released:
        faults = faults.releasing(layer)
    assert set(faults.held) == set(held) - set(released)
    assert list(faults.held) == sorted(faults.held, key=LAYERS.index)


def test_healing_ends_everything() -> None:
    faults = LINK.impaired(Impairment(loss=0.1), None).holding("dtls").cutting()
    assert faults.healed() == LINK
