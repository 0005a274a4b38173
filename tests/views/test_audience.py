"""Who looks and what they are sent: no more than they need, and never too little."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from meshwidget.views.audience import LOST, SILENCE, Audience, Change, changed_lines

documents = st.lists(st.sampled_from(["<a/>", "<b/>", "<c/>", "", "<d>"]), max_size=12)


def apply(before: Sequence[str], change: Change) -> list[str]:
    """What a page does with it; see ``Feed.take`` in diagram.js."""
    after: list[str] = []
    for each in change:
        after += [each] if isinstance(each, str) else before[each[0] : each[1]]
    return after


@given(documents, documents)
def test_a_page_gets_the_lines_after(before: list[str], after: list[str]) -> None:
    assert apply(before, changed_lines(before, after)) == after


@given(documents)
def test_nothing_new_is_one_reference(lines: list[str]) -> None:
    unique = [f"{number}{line}" for number, line in enumerate(lines)]
    assert changed_lines(unique, unique) == ([(0, len(unique))] if unique else [])


def test_from_nothing_everything_is_new() -> None:
    assert changed_lines([], ["a", "b"]) == ["a", "b"]


def test_only_what_is_new_is_sent() -> None:
    before = ["head", "one", "two", "three", "foot"]
    after = ["HEAD", "two", "three", "four", "foot"]
    assert changed_lines(before, after) == ["HEAD", (2, 4), "four", (4, 5)]


# Flow ---------------------------------------------------------------------------------


def test_nobody_looks_at_first() -> None:
    audience = Audience()
    assert not audience.is_watched(0)
    assert not audience.is_ready(0)


def test_pages_that_are_silent_are_forgotten() -> None:
    audience = Audience()
    for number in range(1000):
        audience.here(f"page {number}", 0, True, number)
    assert len(audience._pages) <= SILENCE
    assert audience.is_watched(1000)


def test_a_new_page_gets_all_of_it() -> None:
    audience = Audience()
    audience.here("page", 0, True, 0)
    assert audience.is_ready(0)
    assert audience.wants_all
    assert audience.sent(0) == (0, 1)
    assert not audience.wants_all


def test_the_next_waits_until_the_last_has_arrived() -> None:
    audience = Audience()
    audience.here("page", 0, True, 0)
    audience.sent(0)
    assert not audience.is_ready(0.1)
    audience.here("page", 1, True, 0.2)
    assert audience.is_ready(0.2)
    assert audience.sent(0.2) == (1, 2)


def test_the_fastest_page_sets_the_pace() -> None:
    audience = Audience()
    audience.here("fast", 0, True, 0)
    audience.here("slow", 0, True, 0)
    audience.sent(0)
    audience.here("fast", 1, True, 0.1)
    assert audience.is_ready(0.1)


def test_a_hidden_page_is_sent_nothing() -> None:
    audience = Audience()
    audience.here("page", 0, False, 0)
    assert not audience.is_watched(0)
    audience.here("page", 0, True, 1)
    assert audience.is_watched(1)
    audience.sent(1)
    audience.here("page", 1, False, 1)
    assert not audience.is_ready(2)


def test_a_page_that_comes_back_has_what_it_had() -> None:
    audience = Audience()
    audience.here("page", 0, True, 0)
    audience.sent(0)
    audience.here("page", 1, False, 1)
    audience.here("page", 1, True, 60)
    assert not audience.wants_all
    assert audience.is_ready(60)


def test_a_page_that_comes_back_and_missed_something_gets_all_of_it() -> None:
    audience = Audience()
    audience.here("one", 0, True, 0)
    audience.here("other", 0, True, 0)
    audience.sent(0)
    audience.here("one", 1, False, 0)
    audience.here("other", 1, True, 0)
    audience.sent(1)
    audience.here("one", 1, True, 1)
    assert audience.wants_all
    assert audience.sent(1) == (0, 3)


def test_a_silent_page_does_not_look() -> None:
    audience = Audience()
    audience.here("page", 0, True, 0)
    audience.sent(0)
    audience.here("page", 1, True, 0)
    assert audience.is_ready(SILENCE - 0.1)
    assert not audience.is_watched(SILENCE)
    assert not audience.is_ready(SILENCE)
    audience.here("page", 1, True, SILENCE + 5)
    assert audience.is_ready(SILENCE + 5)


def test_what_was_lost_is_sent_again() -> None:
    audience = Audience()
    audience.here("page", 0, True, 0)
    audience.sent(0)
    audience.here("page", 1, True, 0)
    audience.sent(1)
    audience.here("page", 1, True, 1 + LOST / 2)
    assert not audience.is_ready(1 + LOST / 2)
    audience.here("page", 1, True, 1 + 2 * LOST)
    assert audience.wants_all
    assert audience.is_ready(1 + 2 * LOST)


def test_a_page_that_cannot_follow_asks_for_all_of_it() -> None:
    audience = Audience()
    audience.here("page", 0, True, 0)
    audience.sent(0)
    audience.here("page", 0, True, 0.1)
    assert audience.wants_all


def test_a_closed_page_is_forgotten() -> None:
    audience = Audience()
    audience.here("page", 0, True, 0)
    audience.bye("page")
    audience.bye("stranger")
    assert not audience.is_watched(0)


class Pages(RuleBasedStateMachine):
    """A kernel and three pages on a line that may lose a message."""

    def __init__(self) -> None:
        super().__init__()
        self.audience = Audience()
        self.now = 0.0
        self.lines = ["0"]
        self.sent_lines: list[str] = []
        self.mail: dict[str, list[tuple[int, int, Change]]] = {}
        self.pages: dict[str, tuple[int, list[str]]] = {}
        self.history: dict[int, list[str]] = {}

    @rule(page=st.sampled_from("abc"), visible=st.booleans())
    def speak(self, page: str, visible: bool) -> None:
        version, _ = self.pages.setdefault(page, (0, []))
        self.mail.setdefault(page, [])
        self.audience.here(page, version, visible, self.now)

    @rule(seconds=st.sampled_from([0.1, 1.0, LOST + 1, SILENCE + 1]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(word=st.text("abc", max_size=2))
    def change(self, word: str) -> None:
        self.lines = [*self.lines[-5:], word]

    @rule(lost=st.booleans())
    def send(self, lost: bool) -> None:
        if not self.audience.is_ready(self.now):
            return
        base, version = self.audience.sent(self.now)
        change = changed_lines(self.sent_lines if base else [], self.lines)
        self.sent_lines = self.history[version] = list(self.lines)
        for box in self.mail.values():
            if not lost:
                box.append((base, version, change))

    @rule(page=st.sampled_from("abc"))
    def read(self, page: str) -> None:
        if not self.mail.get(page):
            return
        base, version, change = self.mail[page].pop(0)
        has, lines = self.pages[page]
        if base and base != has:
            self.pages[page] = (0, lines)
        else:
            self.pages[page] = (version, apply(lines, change))
        self.audience.here(page, self.pages[page][0], True, self.now)

    @invariant()
    def a_page_shows_what_was_sent(self) -> None:
        for version, lines in self.pages.values():
            assert not version or lines == self.history[version]

    def teardown(self) -> None:
        """Whoever goes on talking has the newest in the end."""
        for _ in range(4):
            self.now += LOST + 0.5
            for page in self.pages:
                while self.mail[page]:
                    self.read(page)
                self.speak(page, True)
            self.send(lost=False)
        for page in self.pages:
            while self.mail[page]:
                self.read(page)
            assert self.pages[page][1] == self.lines


TestPages = Pages.TestCase
