"""When it is said that the call is more than the computer can carry."""

from hypothesis import given
from hypothesis import strategies as st

from meshwidget.views.overload import BEGINS_AFTER, ENDS_AFTER, LinkRate, Overload

FULL = [LinkRate(30, 29.6)] * 12
SHORT = [LinkRate(30, 18)] * 12
SENTENCE = (
    "This computer cannot carry all links at full rate: 18 of 30 fps on every link."
)


def overloaded() -> Overload:
    overload = Overload()
    overload.sentence(SHORT, 0.0)
    assert overload.sentence(SHORT, BEGINS_AFTER) == SENTENCE
    return overload


def test_full_rate_is_not_spoken_of() -> None:
    overload = Overload()
    assert not any(overload.sentence(FULL, now) for now in range(20))


def test_short_links_are_spoken_of_when_they_stay_short() -> None:
    overload = Overload()
    assert overload.sentence(SHORT, 0.0) == ""
    assert overload.sentence(SHORT, BEGINS_AFTER - 0.1) == ""
    assert overload.sentence(SHORT, BEGINS_AFTER) == SENTENCE


def test_a_short_while_is_not_spoken_of() -> None:
    overload = Overload()
    for now in range(20):
        links = SHORT if now % 2 else FULL
        assert overload.sentence(links, now) == ""


def test_it_ends_when_the_links_have_been_full_for_a_while() -> None:
    overload = overloaded()
    assert overload.sentence(FULL, 10.0)
    assert overload.sentence(FULL, 10.0 + ENDS_AFTER - 0.1)
    assert overload.sentence(SHORT, 10.0 + ENDS_AFTER)
    assert overload.sentence(FULL, 20.0)
    assert overload.sentence(FULL, 20.0 + ENDS_AFTER) == ""


def test_a_few_short_links_have_a_trouble_of_their_own() -> None:
    overload = Overload()
    links = FULL[:6] + SHORT[:6]
    assert not any(overload.sentence(links, now) for now in range(20))


def test_in_between_it_stays_as_it_is() -> None:
    between = [LinkRate(30, 30 * 0.89)] * 12
    calm, busy = Overload(), overloaded()
    for now in range(10, 30):
        assert calm.sentence(between, now) == ""
        assert busy.sentence(between, now)


def test_a_slow_source_is_no_overload() -> None:
    overload = Overload()
    links = [LinkRate(12, 12)] * 12
    assert not any(overload.sentence(links, now) for now in range(20))


def test_the_number_changes_only_when_it_matters() -> None:
    overload = overloaded()
    assert overload.sentence([LinkRate(30, 19.4)] * 12, 10.0) == SENTENCE
    assert "21 of 30" in overload.sentence([LinkRate(30, 21)] * 12, 11.0)


def test_nobody_is_said_to_carry_more_than_all() -> None:
    """What was late comes all at once when there is time again."""
    burst = [LinkRate(30, 34)] * 12
    assert "30 of 30 fps" in overloaded().sentence(burst, 10.0)


def test_no_links_are_no_overload() -> None:
    assert Overload().sentence([], 0.0) == ""
    busy = overloaded()
    assert busy.sentence([], 10.0)
    assert busy.sentence([], 10.0 + ENDS_AFTER) == ""


@given(st.lists(st.lists(st.floats(0, 30)), max_size=60))
def test_it_never_flickers(history: list[list[float]]) -> None:
    """At ten looks a second it is said or unsaid at most every two seconds."""
    overload = Overload()
    changed, before = -BEGINS_AFTER, False
    for look, rates in enumerate(history):
        links = [LinkRate(30, rate) for rate in rates]
        said = bool(overload.sentence(links, look / 10))
        if said != before:
            assert look / 10 - changed >= BEGINS_AFTER
            changed, before = look / 10, said
