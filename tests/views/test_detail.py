"""A message opened: what it is, what it says line by line, what differs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from meshwidget.events import Event
from meshwidget.history.moment import Moment
from meshwidget.views.detail import detail_of

from ..history.simulator import SDP, SimulatedCall
from ..history.strategies import histories


@pytest.fixture
def call() -> SimulatedCall:
    """Two participants; the offer was delivered, the answer is held."""
    call = SimulatedCall()
    call.join("alice", "bob")
    for number in (1, 2, 3):
        call.deliver(number)
    return call


def opened(call: SimulatedCall, number: int) -> dict[str, Any]:
    detail = detail_of(call.events, Moment.of(call.events), number)
    assert detail is not None
    return detail


def facts(call: SimulatedCall, number: int) -> dict[str, str]:
    return dict(opened(call, number)["facts"])


def test_facts_of_an_offer(call: SimulatedCall) -> None:
    told = facts(call, 3)
    assert told["arrives as"] == "getOffer"
    assert told["from"] == "bob"
    assert told["to"] == "alice"
    assert told["now"] == "delivered"
    assert told["carries"].startswith("SDP offer")
    assert "have-remote-offer" in told["does"]


def test_facts_of_what_the_server_says(call: SimulatedCall) -> None:
    told = facts(call, 2)
    assert told["arrives as"] == "all_users"
    assert told["from"] == "the server"
    assert opened(call, 2)["title"] == "all_users 2 from the server to bob"


def test_what_became_of_it(call: SimulatedCall) -> None:
    assert facts(call, 5)["now"] == "held at the server"
    call.drop(4)
    assert facts(call, 4)["now"] == "lost: dropped"


def test_a_first_description_is_compared_with_nothing(call: SimulatedCall) -> None:
    detail = opened(call, 3)
    assert detail["compared"] is None
    assert {line["change"] for line in detail["lines"]} == {"same"}
    assert [line["line"] for line in detail["lines"]] == SDP.splitlines()


def test_every_line_is_in_words(call: SimulatedCall) -> None:
    for line in opened(call, 3)["lines"]:
        assert line["says"]
        assert line["says"] != "not known here"
        assert line["section"]


def test_an_answer_is_compared_with_its_offer(call: SimulatedCall) -> None:
    assert opened(call, 5)["compared"] == "offer 3 from bob to alice"


def test_an_edited_message_is_compared_with_what_it_was(call: SimulatedCall) -> None:
    before = "a=setup:"
    line = next(line for line in SDP.splitlines() if line.startswith(before))
    call.edit(5, "took out a=setup", f"{line}\n")
    detail = opened(call, 5)
    assert detail["compared"] == "what it was before it was changed"
    assert dict(detail["facts"])["changed by hand"] == "took out a=setup"
    changes = [each for each in detail["lines"] if each["change"] != "same"]
    assert {each["change"] for each in changes} == {"removed"}
    assert {each["line"] for each in changes} == {line}
    assert all(each["says"] for each in changes)


def test_a_changed_line_says_what_it_was(call: SimulatedCall) -> None:
    line = next(line for line in SDP.splitlines() if line.startswith("a=ice-pwd:"))
    call.edit(5, "another password", line, "a=ice-pwd:another-password-of-22-chars")
    changed = [each for each in opened(call, 5)["lines"] if each["change"] == "changed"]
    assert changed
    assert {each["previous"] for each in changed} == {line}


def test_a_candidate_is_told_field_by_field(call: SimulatedCall) -> None:
    detail = opened(call, 4)
    fields = {field["name"]: field["value"] for field in detail["fields"]}
    assert fields["address"] == "127.0.0.1"
    assert fields["type"] == "host"
    assert all(field["says"] for field in detail["fields"])
    assert detail["lines"] == []


def test_no_such_message(call: SimulatedCall) -> None:
    assert detail_of(call.events, Moment.of(call.events), 99) is None


@settings(deadline=None)
@given(histories())
def test_any_message_can_be_opened(events: list[Event]) -> None:
    moment = Moment.of(events)
    for number in moment.messages:
        detail = detail_of(events, moment, number)
        assert detail is not None
        json.dumps(detail)
