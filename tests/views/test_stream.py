"""Flow control: the contract at the head of the module, clause by clause."""

import itertools
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from meshwidget.views.stream import (
    MAX_CLIENTS,
    MAX_IN_FLIGHT,
    STALE_AFTER,
    FrameStream,
)


def watched_by(*clients: str) -> FrameStream:
    stream = FrameStream()
    for client in clients:
        stream.hello(client)
        stream.set_visible(client, True)
    return stream


def send(stream: FrameStream, count: int = 1, now: float = 0.0) -> None:
    """Send messages that each have a new picture."""
    for _ in range(count):
        assert stream.take({"tile": object()}, now)


def test_nothing_is_sent_when_nobody_is_there() -> None:
    stream = FrameStream()
    assert not stream.watched
    assert not stream.ready()
    assert stream.take({"tile": 1}, 0.0) == ()
    assert stream.sequence == 0


def test_a_page_that_says_hello_is_not_visible_yet() -> None:
    stream = FrameStream()
    stream.hello("page")
    assert stream.clients == ("page",)
    assert not stream.watched


def test_pictures_are_taken_in_the_order_given_and_once() -> None:
    stream = watched_by("page")
    assert stream.take({"b": 1, "a": 1}, 0.0) == ("b", "a")
    assert stream.take({"b": 1, "a": 2}, 0.0) == ("a",)
    assert stream.take({"b": 1, "a": 2}, 0.0) == ()
    assert stream.sequence == 2


def test_an_equal_version_is_the_same_picture() -> None:
    stream = watched_by("page")
    assert stream.take({"tile": (1, 2)}, 0.0)
    assert not stream.take({"tile": (1, 2)}, 0.0)


def test_a_tile_that_went_and_came_back_is_new() -> None:
    stream = watched_by("page")
    assert stream.take({"a": 1, "b": 1}, 0.0) == ("a", "b")
    assert stream.take({"b": 2}, 0.0) == ("b",)
    assert stream.take({"a": 1, "b": 2}, 0.0) == ("a",)


def test_no_more_than_the_limit_is_in_flight() -> None:
    stream = watched_by("page")
    send(stream, MAX_IN_FLIGHT)
    assert stream.in_flight == MAX_IN_FLIGHT
    assert not stream.ready()
    assert stream.take({"tile": "new"}, 0.0) == ()
    stream.acknowledge("page", 2)
    assert stream.in_flight == MAX_IN_FLIGHT - 2
    send(stream, 2)
    assert not stream.ready()


def test_a_picture_that_could_not_go_goes_later() -> None:
    stream = watched_by("page")
    send(stream, MAX_IN_FLIGHT)
    assert stream.take({"still": 1}, 0.0) == ()
    stream.acknowledge("page", 1)
    assert stream.take({"still": 1}, 0.0) == ("still",)


def test_the_fastest_visible_page_paces() -> None:
    stream = watched_by("fast", "slow")
    send(stream, MAX_IN_FLIGHT)
    stream.acknowledge("fast", MAX_IN_FLIGHT)
    assert stream.in_flight == 0
    send(stream, MAX_IN_FLIGHT)
    assert not stream.ready()


def test_a_hidden_page_does_not_pace() -> None:
    stream = watched_by("hidden", "slow")
    send(stream, MAX_IN_FLIGHT)
    stream.acknowledge("hidden", MAX_IN_FLIGHT)
    stream.set_visible("hidden", False)
    assert not stream.ready()


def test_who_starts_to_look_gets_every_picture_and_owes_nothing() -> None:
    stream = watched_by("first")
    assert stream.take({"a": 1, "b": 1}, 0.0)
    stream.hello("second")
    assert stream.take({"a": 1, "b": 1}, 0.0) == ()  # it is not visible
    stream.set_visible("second", True)
    assert stream.in_flight == 0
    assert stream.take({"a": 1, "b": 1}, 0.0) == ("a", "b")


def test_saying_again_that_one_is_visible_changes_nothing() -> None:
    stream = watched_by("page")
    send(stream, MAX_IN_FLIGHT)
    stream.set_visible("page", True)
    assert not stream.ready()


def test_a_reload_is_a_new_page() -> None:
    stream = watched_by("old")
    send(stream, MAX_IN_FLIGHT)
    stream.bye("old")
    assert not stream.watched
    stream.hello("new")
    stream.set_visible("new", True)
    assert stream.ready()


def test_the_same_page_may_say_hello_again() -> None:
    stream = watched_by("page")
    send(stream, MAX_IN_FLIGHT)
    stream.hello("page")
    assert not stream.watched
    stream.set_visible("page", True)
    assert stream.in_flight == 0


def test_a_page_that_owes_for_too_long_is_dropped() -> None:
    stream = watched_by("frozen")
    send(stream, 2, now=10.0)
    assert stream.drop_stale(10.0 + STALE_AFTER - 0.001) == ()
    assert stream.drop_stale(10.0 + STALE_AFTER) == ("frozen",)
    assert stream.clients == ()
    assert not stream.watched


def test_the_oldest_message_counts_not_the_newest() -> None:
    stream = watched_by("slow")
    send(stream, now=0.0)
    send(stream, now=4.0)
    stream.acknowledge("slow", 1)
    assert stream.drop_stale(STALE_AFTER) == ()
    assert stream.drop_stale(4.0 + STALE_AFTER) == ("slow",)


def test_only_those_who_owe_are_dropped() -> None:
    stream = watched_by("fast", "frozen")
    send(stream, now=0.0)
    stream.acknowledge("fast", 1)
    assert stream.drop_stale(STALE_AFTER) == ("frozen",)
    assert stream.clients == ("fast",)
    assert stream.ready()


def test_a_quiet_page_to_which_nothing_is_owed_is_never_stale() -> None:
    stream = watched_by("page")
    send(stream, now=0.0)
    stream.acknowledge("page", 1)
    assert stream.drop_stale(1e9) == ()
    assert stream.ready()


def test_a_hidden_page_is_never_stale() -> None:
    stream = watched_by("page")
    send(stream, now=0.0)
    stream.set_visible("page", False)
    assert stream.drop_stale(1e9) == ()
    stream.set_visible("page", True)
    assert stream.in_flight == 0
    assert stream.drop_stale(1e9) == ()


def test_any_message_brings_a_dropped_page_back() -> None:
    stream = watched_by("page")
    send(stream, MAX_IN_FLIGHT, now=0.0)
    stream.drop_stale(STALE_AFTER)
    stream.acknowledge("page", 1)
    assert stream.watched
    assert stream.in_flight == 0
    assert stream.take({"still": 1}, STALE_AFTER) == ("still",)


def test_what_a_closed_page_had_painted_does_not_bring_it_back() -> None:
    stream = watched_by("page")
    send(stream, 2)
    stream.bye("page")
    assert not stream.acknowledge("page", 2)
    assert not stream.watched
    stream.hello("page")
    stream.set_visible("page", True)
    assert stream.watched


def test_what_was_sent_before_it_came_back_is_not_held_against_it() -> None:
    stream = watched_by("other", "page")
    send(stream, now=0.0)
    stream.acknowledge("other", 1)
    stream.drop_stale(STALE_AFTER)
    send(stream, now=STALE_AFTER)
    stream.acknowledge("page", 1)
    assert stream.drop_stale(STALE_AFTER + 1.0) == ()


def test_acknowledging_what_was_never_sent_changes_nothing() -> None:
    stream = watched_by("page")
    send(stream, MAX_IN_FLIGHT)
    stream.acknowledge("page", MAX_IN_FLIGHT + 1)
    stream.acknowledge("page", 10**30)
    assert not stream.ready()


def test_an_old_acknowledgement_changes_nothing() -> None:
    stream = watched_by("page")
    send(stream, MAX_IN_FLIGHT)
    stream.acknowledge("page", 3)
    stream.acknowledge("page", 1)
    assert stream.in_flight == 1


def test_a_goodbye_from_nobody_changes_nothing() -> None:
    stream = watched_by("page")
    stream.bye("stranger")
    assert stream.clients == ("page",)


def test_the_memory_for_pages_is_bounded_and_hidden_ones_go_first() -> None:
    stream = watched_by("seen")
    for number in range(3 * MAX_CLIENTS):
        stream.hello(f"crashed {number}")
    assert len(stream.clients) == MAX_CLIENTS
    assert stream.watched


def test_too_many_visible_pages_cost_the_oldest_its_place() -> None:
    names = [f"page {number}" for number in range(MAX_CLIENTS + 1)]
    assert watched_by(*names).clients == tuple(names[1:])


# One run of arbitrary events against a model that keeps everything.

CLIENTS = st.sampled_from(["a", "b", "c"])
EVENTS = st.one_of(
    st.tuples(st.just("hello"), CLIENTS),
    st.tuples(st.just("bye"), CLIENTS),
    st.tuples(st.just("show"), CLIENTS),
    st.tuples(st.just("hide"), CLIENTS),
    st.tuples(st.just("ack"), CLIENTS, st.integers(0, 12)),
    st.tuples(st.just("picture"), st.sampled_from(["x", "y", "z"])),
    st.tuples(st.just("vanish"), st.sampled_from(["x", "y", "z"])),
    st.tuples(st.just("tick"), st.floats(0.0, 3.0)),
)


@dataclass
class Watcher:
    """A page as the contract describes it."""

    visible: bool = False
    owes: dict[int, float] = field(default_factory=dict)
    has: dict[str, int] = field(default_factory=dict)


@dataclass
class Model:
    """The stream beside a slow and obvious account of what it should do."""

    stream: FrameStream = field(default_factory=FrameStream)
    watchers: dict[str, Watcher] = field(default_factory=dict)
    greeted: set[str] = field(default_factory=set)
    pictures: dict[str, int] = field(default_factory=dict)
    drawn: int = 0
    now: float = 0.0

    def apply(self, kind: str, *details: object) -> None:
        getattr(self, kind)(*details)
        visible = [one for one in self.watchers.values() if one.visible]
        assert set(self.stream.clients) == set(self.watchers)
        assert self.stream.watched == bool(visible)
        assert self.stream.in_flight == min((len(w.owes) for w in visible), default=0)
        assert self.stream.in_flight <= MAX_IN_FLIGHT

    def hello(self, name: str) -> None:
        self.stream.hello(name)
        self.watchers[name] = Watcher()
        self.greeted.add(name)

    def bye(self, name: str) -> None:
        self.stream.bye(name)
        self.watchers.pop(name, None)
        self.greeted.discard(name)

    def show(self, name: str) -> None:
        self.stream.set_visible(name, True)
        if name not in self.watchers or not self.watchers[name].visible:
            self.watchers[name] = Watcher(visible=True)

    def hide(self, name: str) -> None:
        self.stream.set_visible(name, False)
        self.watchers[name] = Watcher(visible=False)

    def ack(self, name: str, back: int) -> None:
        sequence = self.stream.sequence - back + 1  # 0 back was never sent
        self.stream.acknowledge(name, sequence)
        if name not in self.watchers:
            if name in self.greeted:
                self.watchers[name] = Watcher(visible=True)
        elif sequence <= self.stream.sequence:
            owes = self.watchers[name].owes
            for number in [one for one in owes if one <= sequence]:
                del owes[number]

    def picture(self, tile: str) -> None:
        self.drawn += 1
        self.pictures[tile] = self.drawn

    def vanish(self, tile: str) -> None:
        self.pictures.pop(tile, None)

    def tick(self, passed: float) -> None:
        self.now += passed
        stale = {
            name
            for name, one in self.watchers.items()
            if one.visible
            and any(self.now - sent >= STALE_AFTER for sent in one.owes.values())
        }
        assert set(self.stream.drop_stale(self.now)) == stale
        for name in stale:
            del self.watchers[name]
        before, ready = self.stream.sequence, self.stream.ready()
        tiles = self.stream.take(self.pictures, self.now)
        assert self.stream.sequence == before + bool(tiles)
        assert not tiles or ready
        for one in (w for w in self.watchers.values() if w.visible):
            one.has.update({tile: self.pictures[tile] for tile in tiles})
            if tiles:
                one.owes[self.stream.sequence] = self.now
            if ready:  # everybody who looks has everything there is
                assert self.pictures.items() <= one.has.items()


@given(st.lists(EVENTS, max_size=80))
def test_any_course_of_events_keeps_the_contract(
    events: list[tuple[str, object]],
) -> None:
    model = Model()
    for event in events:
        model.apply(*event)


@given(st.lists(st.integers(0, 5), max_size=60))
def test_nothing_is_sent_twice_to_those_who_look(versions: list[int]) -> None:
    stream = watched_by("page")
    seen: list[int] = []
    for version in versions:
        if stream.take({"tile": version}, 0.0):
            seen.append(version)
        stream.acknowledge("page", stream.sequence)
    assert all(one != other for one, other in itertools.pairwise(seen))
    assert not versions or seen[-1] == versions[-1]


@given(st.integers(1, 500))
def test_what_is_remembered_does_not_grow_while_a_page_is_slow(count: int) -> None:
    stream = watched_by("fast", "slow")
    for number in range(count):
        now = number / 30
        send(stream, now=now)
        stream.acknowledge("fast", stream.sequence)
        stream.drop_stale(now)
    assert len(stream._outstanding) <= STALE_AFTER * 30 + 1
