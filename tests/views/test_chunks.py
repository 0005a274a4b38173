"""The encoded pictures of a tile: the contract at the head of the module."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from meshwidget.views.chunks import ASK_AGAIN_AFTER, MAX_WAIT, ChunkQueue


@dataclass(frozen=True)
class Chunk:
    number: int
    is_keyframe: bool


def chunk(number: int, *, key: bool = False) -> Chunk:
    return Chunk(number, key)


def begun(now: float = 0.0) -> ChunkQueue[Chunk]:
    """A queue whose first keyframe was sent."""
    queue: ChunkQueue[Chunk] = ChunkQueue(now)
    queue.push(chunk(0, key=True), now)
    queue.take()
    return queue


def numbers(queue: ChunkQueue[Chunk]) -> list[int]:
    return [each.number for each in queue.take()]


def test_nothing_can_be_sent_before_the_first_keyframe() -> None:
    queue: ChunkQueue[Chunk] = ChunkQueue(0.0)
    queue.push(chunk(1), 0.0)
    assert numbers(queue) == []
    queue.push(chunk(2, key=True), 0.0)
    queue.push(chunk(3), 0.0)
    assert numbers(queue) == [2, 3]
    assert numbers(queue) == []


def test_all_that_came_between_two_messages_is_sent_in_order() -> None:
    queue = begun()
    for number in (1, 2, 3):
        queue.push(chunk(number), number / 100)
    assert len(queue) == 3
    assert numbers(queue) == [1, 2, 3]


def test_a_keyframe_makes_what_waits_before_it_superfluous() -> None:
    queue = begun()
    queue.push(chunk(1), 0.0)
    queue.push(chunk(2, key=True), 0.0)
    assert numbers(queue) == [2]


def test_what_waits_too_long_is_given_up_until_the_next_keyframe() -> None:
    queue = begun()
    queue.push(chunk(1), 0.0)
    queue.push(chunk(2), MAX_WAIT)
    queue.push(chunk(3), MAX_WAIT * 1.01)
    queue.push(chunk(4), MAX_WAIT * 1.5)
    assert numbers(queue) == []
    assert queue.asks(1.0)
    queue.push(chunk(5, key=True), 1.0)
    assert numbers(queue) == [5]


def test_the_count_grows_with_what_can_be_sent() -> None:
    queue: ChunkQueue[Chunk] = ChunkQueue(0.0)
    queue.push(chunk(1), 0.0)
    assert queue.count == 0
    queue.push(chunk(2, key=True), 0.0)
    queue.push(chunk(3), 0.0)
    assert queue.count == 2
    queue.take()
    assert queue.count == 2


def test_a_keyframe_is_asked_for_once_until_it_has_come() -> None:
    queue = begun()
    assert not queue.asks(5.0)
    queue.give_up()
    assert queue.asks(5.0)
    queue.give_up()
    queue.need_keyframe()
    assert not queue.asks(5.0)
    queue.push(chunk(1, key=True), 5.1)
    assert not queue.asks(5.2)
    queue.need_keyframe()
    assert queue.asks(5.2)


def test_a_wish_that_was_lost_is_repeated() -> None:
    queue = begun()
    queue.need_keyframe()
    assert queue.asks(5.0)
    assert not queue.asks(5.0 + ASK_AGAIN_AFTER * 0.9)
    assert queue.asks(5.0 + ASK_AGAIN_AFTER)
    assert not queue.asks(5.1 + ASK_AGAIN_AFTER)


def test_the_first_keyframe_is_asked_for_by_whoever_opens_the_queue() -> None:
    queue: ChunkQueue[Chunk] = ChunkQueue(5.0)
    assert not queue.asks(5.0)
    assert queue.asks(5.0 + ASK_AGAIN_AFTER)


def test_a_newcomer_stops_nobody_else() -> None:
    queue = begun()
    queue.need_keyframe()
    queue.push(chunk(1), 0.0)
    assert numbers(queue) == [1]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("push"), st.booleans(), st.floats(0.001, 0.2)),
        st.tuples(st.just("take"), st.just(False), st.floats(0.0, 0.2)),
        st.tuples(st.just("give up"), st.just(False), st.just(0.0)),
        st.tuples(st.just("need"), st.just(False), st.just(0.0)),
        st.tuples(st.just("ask"), st.just(False), st.floats(0.0, 0.2)),
    )
)


@given(steps)
def test_a_decoder_can_always_decode_what_is_taken(
    history: list[tuple[str, bool, float]],
) -> None:
    """What is taken follows what was taken before, or begins with a keyframe.

    And nothing is older than the longest wait when the next one has come; and there is
    one wish in flight.
    """
    queue: ChunkQueue[Chunk] = ChunkQueue(0.0)
    now, number, last = 0.0, 0, -1
    pushed: dict[int, float] = {}
    asked: float | None = 0.0
    for step, key, pause in history:
        now += pause
        match step:
            case "push":
                number += 1
                queue.push(chunk(number, key=key), now)
                pushed[number] = now
                if key:
                    asked = None
            case "give up":
                queue.give_up()
            case "need":
                queue.need_keyframe()
            case "ask":
                if queue.asks(now):
                    assert asked is None or now - asked >= ASK_AGAIN_AFTER
                    asked = now
            case "take":
                taken = queue.take()
                if taken:
                    assert pushed[number] - pushed[taken[0].number] <= MAX_WAIT
                for each in taken:
                    assert each.is_keyframe or each.number == last + 1
                    last = each.number
