"""Whose silence counts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meshwidget.signaling.pulse import Pulse


def test_silence_grows_from_look_to_look() -> None:
    pulse = Pulse(10.0, longest=1.0)
    assert pulse.silence(10.5, passable=True) == 0.5
    assert pulse.silence(11.0, passable=True) == 1.0


def test_a_word_ends_it() -> None:
    pulse = Pulse(0.0, longest=1.0)
    pulse.silence(0.9, passable=True)
    pulse.beat(1.0)
    assert pulse.silence(1.25, passable=True) == 0.25


def test_what_cannot_arrive_is_no_silence() -> None:
    pulse = Pulse(0.0, longest=1.0)
    for second in range(1, 60):
        assert pulse.silence(float(second), passable=False) == 0.0
    assert pulse.silence(60.0, passable=True) == 1.0


def test_a_kernel_that_stood_still_blames_nobody() -> None:
    """A laptop that slept for an hour has heard nothing of anybody."""
    pulse = Pulse(0.0, longest=1.0)
    assert pulse.silence(3600.0, passable=True) == 1.0


@given(
    st.lists(
        st.tuples(st.floats(0, 10), st.booleans(), st.booleans()),
        max_size=50,
    )
)
def test_it_is_never_more_than_the_time_since_the_last_word(
    looks: list[tuple[float, bool, bool]],
) -> None:
    pulse = Pulse(0.0, longest=1.0)
    now = heard = 0.0
    for step, passable, speaks in looks:
        now += step
        silence = pulse.silence(now, passable=passable)
        assert 0.0 <= silence <= now - heard + 1e-9
        if speaks:
            pulse.beat(now)
            heard = now
