"""Rooms, a state machine: a message reaches one member of the same room or nobody."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    precondition,
    rule,
)

from meshwidget.errors import ProtocolError
from meshwidget.signaling.limits import MAX_ROOMS
from meshwidget.signaling.protocol import (
    Answer,
    Candidate,
    IceCandidate,
    JoinRoom,
    Offer,
    Relayed,
    SessionDescription,
)
from meshwidget.signaling.room import Member, Outgoing, Rooms

MAX_PEERS = 3


def sessions() -> Callable[[], str]:
    """Secrets that a test can read."""
    numbers = itertools.count()
    return lambda: f"secret-{next(numbers)}"


@pytest.fixture
def rooms() -> Rooms:
    return Rooms(MAX_PEERS, sessions())


def join(rooms: Rooms, name: str, room: str = "1") -> Member:
    """Let somebody in on a connection of the same name."""
    member, _ = rooms.join(f"sid-{name}", JoinRoom(room, name))
    return member


def offer(sender: str, receiver: str, name: str = "?") -> Offer:
    return Offer(SessionDescription("offer", "v=0"), sender, name, receiver)


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(ProtocolError) as caught:
        call()
    return caught.value.code


# Joining ------------------------------------------------------------------------------


def test_the_newcomer_hears_who_is_there_and_nobody_else_anything(
    rooms: Rooms,
) -> None:
    join(rooms, "alice")
    join(rooms, "bob")
    carol, outgoing = rooms.join("sid-carol", JoinRoom("1", "carol"))
    expected = [
        {"id": "sid-alice", "email": "alice"},
        {"id": "sid-bob", "email": "bob"},
    ]
    assert outgoing == [Outgoing("all_users", None, carol, expected)]


def test_the_first_one_hears_that_nobody_is_there(rooms: Rooms) -> None:
    alice, outgoing = rooms.join("sid-alice", JoinRoom("1", "alice"))
    assert outgoing == [Outgoing("all_users", None, alice, [])]


def test_a_member_is_known_by_its_connection_and_its_id(rooms: Rooms) -> None:
    alice = join(rooms, "alice")
    assert rooms.member("sid-alice") == alice
    assert rooms.find("1", "sid-alice") == alice
    assert rooms.find("2", "sid-alice") is None
    assert rooms.member("sid-bob") is None
    assert rooms.members("2") == ()


def test_a_full_room(rooms: Rooms) -> None:
    for name in ("alice", "bob", "carol"):
        join(rooms, name)
    before = rooms.members("1")
    assert code_of(lambda: join(rooms, "dave")) == "room_full"
    assert rooms.members("1") == before
    assert rooms.member("sid-dave") is None
    join(rooms, "dave", room="2")


def test_a_name_is_taken_in_one_room_only(rooms: Rooms) -> None:
    join(rooms, "alice")
    request = JoinRoom("1", "alice")
    assert code_of(lambda: rooms.join("sid-other", request)) == "name_taken"
    rooms.join("sid-other", JoinRoom("2", "alice"))


def test_a_taken_name_is_said_also_of_a_full_room(rooms: Rooms) -> None:
    for name in ("alice", "bob", "carol"):
        join(rooms, name)
    request = JoinRoom("1", "alice")
    assert code_of(lambda: rooms.join("sid-other", request)) == "name_taken"


@pytest.mark.parametrize("room", ["1", "2"])
def test_one_membership_a_connection(rooms: Rooms, room: str) -> None:
    alice = join(rooms, "alice")
    request = JoinRoom(room, "again", alice.session)
    assert code_of(lambda: rooms.join("sid-alice", request)) == "already_joined"
    assert rooms.members("1") == (alice,)
    assert rooms.members("2") == ()


def test_a_limit_of_rooms(rooms: Rooms) -> None:
    members = [
        join(rooms, f"member {number}", room=str(number)) for number in range(MAX_ROOMS)
    ]
    assert code_of(lambda: join(rooms, "late", room="new")) == "too_many_rooms"
    join(rooms, "late", room="0")
    rooms.leave(members[5])
    join(rooms, "later", room="new")


# Leaving and coming back --------------------------------------------------------------


def test_the_others_hear_of_an_exit(rooms: Rooms) -> None:
    alice, bob, carol = (join(rooms, name) for name in ("alice", "bob", "carol"))
    assert rooms.leave(bob) == [
        Outgoing("user_exit", bob, alice, {"id": "sid-bob"}),
        Outgoing("user_exit", bob, carol, {"id": "sid-bob"}),
    ]
    assert rooms.members("1") == (alice, carol)
    assert rooms.member("sid-bob") is None


def test_the_last_one_leaves_no_room(rooms: Rooms) -> None:
    alice = join(rooms, "alice")
    assert rooms.leave(alice) == []
    assert rooms.members("1") == ()
    again = join(rooms, "alice")
    assert again.session != alice.session


def test_a_lost_connection_keeps_the_place(rooms: Rooms) -> None:
    alice, bob = join(rooms, "alice"), join(rooms, "bob")
    away = rooms.lose_connection("sid-bob")
    assert away is not None
    assert (away.id, away.connection) == ("sid-bob", None)
    assert rooms.is_away(bob)
    assert not rooms.is_away(alice)
    assert [member.name for member in rooms.members("1")] == ["alice", "bob"]
    assert code_of(lambda: rooms.join("new", JoinRoom("1", "bob"))) == "name_taken"


def test_losing_a_stranger_is_nothing(rooms: Rooms) -> None:
    assert rooms.lose_connection("sid-nobody") is None


def test_coming_back_is_heard_by_nobody(rooms: Rooms) -> None:
    join(rooms, "alice")
    bob = join(rooms, "bob")
    rooms.lose_connection("sid-bob")
    returned, outgoing = rooms.join("new", JoinRoom("1", "bob", bob.session))
    assert outgoing == []
    assert (returned.id, returned.connection) == ("sid-bob", "new")
    assert not rooms.is_away(bob)
    assert rooms.member("new") == returned
    assert rooms.member("sid-bob") is None


def test_coming_back_to_a_full_room(rooms: Rooms) -> None:
    members = [join(rooms, name) for name in ("alice", "bob", "carol")]
    rooms.lose_connection("sid-bob")
    rooms.join("new", JoinRoom("1", "bob", members[1].session))
    assert len(rooms.members("1")) == MAX_PEERS


def test_coming_back_before_the_old_socket_is_known_to_be_dead(rooms: Rooms) -> None:
    bob = join(rooms, "bob")
    returned, _ = rooms.join("new", JoinRoom("1", "bob", bob.session))
    assert rooms.members("1") == (returned,)
    assert rooms.member("sid-bob") is None
    assert rooms.lose_connection("sid-bob") is None
    assert not rooms.is_away(returned)


@pytest.mark.parametrize("room", ["1", "2"])
@pytest.mark.parametrize("name", ["bob", "carol"])
@pytest.mark.parametrize("has_secret", [True, False])
def test_a_socket_that_was_replaced_does_not_become_a_ghost(
    rooms: Rooms, room: str, name: str, has_secret: bool
) -> None:
    """Its id is still its former owner's, so it cannot join as anybody."""
    bob = join(rooms, "bob")
    returned, _ = rooms.join("new", JoinRoom("1", "bob", bob.session))
    request = JoinRoom(room, name, bob.session if has_secret else None)
    assert code_of(lambda: rooms.join("sid-bob", request)) == "already_joined"
    assert rooms.members("1") == (returned,)
    assert rooms.members("2") == ()
    assert rooms.member("new") == returned
    assert rooms.member("sid-bob") is None


@pytest.mark.parametrize("session", [None, "", "guess", "secret-0"])
def test_a_place_needs_its_own_secret(rooms: Rooms, session: str | None) -> None:
    join(rooms, "alice")  # has secret-0
    join(rooms, "bob")
    rooms.lose_connection("sid-bob")
    request = JoinRoom("1", "bob", session)
    assert code_of(lambda: rooms.join("new", request)) == "name_taken"


def test_a_secret_is_worth_nothing_after_leaving(rooms: Rooms) -> None:
    bob = join(rooms, "bob")
    rooms.leave(bob)
    again, outgoing = rooms.join("new", JoinRoom("1", "bob", bob.session))
    assert again.id == "new"
    assert again.session != bob.session
    assert len(outgoing) == 1


def test_a_secret_is_worth_nothing_in_another_room(rooms: Rooms) -> None:
    bob = join(rooms, "bob")
    other, _ = rooms.join("new", JoinRoom("2", "bob", bob.session))
    assert other.id == "new"
    assert rooms.members("1") == (bob,)


# Relaying -----------------------------------------------------------------------------


def test_an_offer_arrives_to_the_letter_with_the_real_name(rooms: Rooms) -> None:
    alice, bob = join(rooms, "alice"), join(rooms, "bob")
    message = offer("sid-bob", "sid-alice", name="the president")
    assert rooms.relay("sid-bob", message) == Outgoing(
        "offer",
        bob,
        alice,
        {
            "sdp": {"type": "offer", "sdp": "v=0"},
            "offerSendID": "sid-bob",
            "offerSendEmail": "bob",
        },
    )


def test_an_answer_arrives_to_the_letter(rooms: Rooms) -> None:
    alice, bob = join(rooms, "alice"), join(rooms, "bob")
    message = Answer(SessionDescription("answer", "v=0"), "sid-alice", "sid-bob")
    assert rooms.relay("sid-alice", message) == Outgoing(
        "answer",
        alice,
        bob,
        {"sdp": {"type": "answer", "sdp": "v=0"}, "answerSendID": "sid-alice"},
    )


@pytest.mark.parametrize(
    ("candidate", "fields"),
    [
        (IceCandidate("c", "0", 0, "u"), ("c", "0", 0, "u")),
        (IceCandidate("c", "0", 0), ("c", "0", 0, None)),
        (IceCandidate(""), ("", None, None, None)),
    ],
)
def test_a_candidate_arrives_to_the_letter(
    rooms: Rooms, candidate: IceCandidate, fields: tuple[Any, ...]
) -> None:
    alice, bob = join(rooms, "alice"), join(rooms, "bob")
    names = ("candidate", "sdpMid", "sdpMLineIndex", "usernameFragment")
    init = {
        name: value
        for name, value in zip(names, fields, strict=True)
        if value is not None
    }
    message = Candidate(candidate, "sid-alice", "sid-bob")
    assert rooms.relay("sid-alice", message) == Outgoing(
        "candidate",
        alice,
        bob,
        {"candidate": init, "candidateSendID": "sid-alice"},
    )


def test_who_came_back_may_use_its_old_and_its_new_id(rooms: Rooms) -> None:
    join(rooms, "alice")
    bob = join(rooms, "bob")
    rooms.lose_connection("sid-bob")
    rooms.join("new", JoinRoom("1", "bob", bob.session))
    for claimed in ("sid-bob", "new"):
        outgoing = rooms.relay("new", offer(claimed, "sid-alice"))
        assert outgoing.payload["offerSendID"] == "sid-bob"


def test_who_is_away_can_be_sent_to(rooms: Rooms) -> None:
    join(rooms, "alice")
    join(rooms, "bob")
    rooms.lose_connection("sid-bob")
    outgoing = rooms.relay("sid-alice", offer("sid-alice", "sid-bob"))
    assert outgoing.receiver.id == "sid-bob"


def test_a_stranger_relays_nothing(rooms: Rooms) -> None:
    join(rooms, "alice")
    message = offer("sid-eve", "sid-alice")
    assert code_of(lambda: rooms.relay("sid-eve", message)) == "not_joined"


def test_a_forged_sender_relays_nothing(rooms: Rooms) -> None:
    for name in ("alice", "bob", "eve"):
        join(rooms, name)
    message = offer("sid-alice", "sid-bob")
    assert code_of(lambda: rooms.relay("sid-eve", message)) == "forged_sender"


@pytest.mark.parametrize(
    "target", ["sid-alice", "sid-far", "1", "2", "bob", "sid-none", "__proto__", "*"]
)
def test_a_target_that_is_no_other_member(rooms: Rooms, target: str) -> None:
    join(rooms, "alice")
    join(rooms, "bob")
    join(rooms, "far", room="2")
    message = offer("sid-alice", target)
    assert code_of(lambda: rooms.relay("sid-alice", message)) == "unknown_target"


# Whatever happens ---------------------------------------------------------------------

names = st.sampled_from(["alice", "bob", "carol", "dave", "eve"])
room_names = st.sampled_from(["1", "2", "__proto__"])


def _messages(sender: str, receiver: str) -> list[Relayed]:
    return [
        offer(sender, receiver),
        Answer(SessionDescription("answer", "v=0"), sender, receiver),
        Candidate(IceCandidate("c"), sender, receiver),
    ]


class RoomMachine(RuleBasedStateMachine):
    """Any order of joins, leaves, losses, returns and messages, against a model."""

    connections = Bundle("connections")

    def __init__(self) -> None:
        super().__init__()
        self.rooms = Rooms(MAX_PEERS, sessions())
        self.count = itertools.count()
        self.present: dict[str, Member] = {}
        """By id."""
        self.reached: dict[str, str] = {}
        """Which id speaks on a connection."""
        self.joins: Counter[str] = Counter()
        self.exits: Counter[str] = Counter()
        self.gone: list[Member] = []

    @rule(target=connections)
    def connect(self) -> str:
        return f"c{next(self.count)}"

    @rule(
        connection=connections,
        room=room_names,
        name=names,
        pick=st.integers(0, 100),
        guess=st.sampled_from(["none", "wrong", "somebody's", "an old one"]),
    )
    def join(
        self, connection: str, room: str, name: str, pick: int, guess: str
    ) -> None:
        session = {
            "none": None,
            "wrong": "wrong",
            "somebody's": _picked(list(self.present.values()), pick),
            "an old one": _picked(self.gone, pick),
        }[guess]
        here = [each for each in self.present.values() if each.room == room]
        namesake = next((each for each in here if each.name == name), None)
        expected = None
        if connection in self.reached or connection in self.present:
            expected = "already_joined"
        elif namesake is not None and namesake.session != session:
            expected = "name_taken"
        elif namesake is None and len(here) >= MAX_PEERS:
            expected = "room_full"
        request = JoinRoom(room, name, session)
        if expected is not None:
            assert code_of(lambda: self.rooms.join(connection, request)) == expected
            return
        member, outgoing = self.rooms.join(connection, request)
        if namesake is None:
            assert member.id not in self.present
            self.joins[member.id] += 1
            (message,) = outgoing
            assert message.kind == "all_users"
            assert message.receiver == member
            assert message.payload == [
                {"id": each.id, "email": each.name} for each in here
            ]
        else:
            assert member.id == namesake.id
            assert outgoing == []
            self.reached = {
                each: owner
                for each, owner in self.reached.items()
                if owner != namesake.id
            }
        self.present[member.id] = member
        self.reached[connection] = member.id

    @precondition(lambda self: self.present)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        """Somebody says goodbye, or the grace of one who is away is over."""
        identity = data.draw(st.sampled_from(sorted(self.present)))
        member = self.present.pop(identity)
        others = {e.id for e in self.present.values() if e.room == member.room}
        outgoing = self.rooms.leave(member)
        assert {each.receiver.id for each in outgoing} == others
        assert len(outgoing) == len(others)
        for each in outgoing:
            assert (each.kind, each.payload) == ("user_exit", {"id": identity})
        self.exits[identity] += 1
        self.gone.append(member)
        self.reached = {
            each: owner for each, owner in self.reached.items() if owner != identity
        }

    @rule(connection=consumes(connections))
    def lose(self, connection: str) -> None:
        member = self.rooms.lose_connection(connection)
        identity = self.reached.pop(connection, None)
        assert (member.id if member else None) == identity
        if member is not None:
            self.present[member.id] = member

    @rule(
        connection=connections,
        claimed=st.integers(0, 100),
        addressee=st.integers(0, 100),
        kind=st.integers(0, 2),
        is_honest=st.booleans(),
    )
    def relay(
        self, connection: str, claimed: int, addressee: int, kind: int, is_honest: bool
    ) -> None:
        words = [*self.present, *self.reached, "1", "2", "__proto__", "alice", "nobody"]
        sender_id = self.reached.get(connection)
        claims = sender_id if is_honest and sender_id else words[claimed % len(words)]
        receiver_id = words[addressee % len(words)]
        message = _messages(claims, receiver_id)[kind]
        receiver = self.present.get(receiver_id)
        sender = self.present.get(sender_id or "")
        is_allowed = (
            sender is not None
            and claims in {sender.id, connection}
            and receiver is not None
            and receiver.room == sender.room
            and receiver.id != sender.id
        )
        before = {room: self.rooms.members(room) for room in ("1", "2", "__proto__")}
        try:
            outgoing = self.rooms.relay(connection, message)
        except ProtocolError:
            assert not is_allowed
        else:
            assert is_allowed
            assert outgoing.sender == sender
            assert outgoing.receiver == receiver
            assert sender_id in outgoing.payload.values()
        assert before == {room: self.rooms.members(room) for room in before}

    @invariant()
    def rooms_hold_whom_they_should(self) -> None:
        for room in ("1", "2", "__proto__"):
            here = self.rooms.members(room)
            assert len(here) <= MAX_PEERS
            assert len({member.name for member in here}) == len(here)
            assert set(here) == {m for m in self.present.values() if m.room == room}
            for member in here:
                assert self.rooms.find(room, member.id) == member

    @invariant()
    def every_connection_speaks_for_its_member_only(self) -> None:
        for connection, identity in self.reached.items():
            assert self.rooms.member(connection) == self.present[identity]
        for member in self.present.values():
            assert (member.connection is None) == self.rooms.is_away(member)
            assert member.connection is None or (
                self.reached[member.connection] == member.id
            )

    @invariant()
    def each_leaves_once(self) -> None:
        assert self.joins - self.exits == Counter(self.present.keys())
        assert self.exits <= self.joins


def _picked(members: list[Member], pick: int) -> str | None:
    return members[pick % len(members)].session if members else None


TestRoomMachine = RoomMachine.TestCase
TestRoomMachine.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None
)
