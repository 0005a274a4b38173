"""The server over real sockets, met by clients written from the blog alone."""

from __future__ import annotations

import asyncio
import math
import time
from typing import Any

import aiohttp
import pytest
import socketio

from meshwidget import Mesh
from meshwidget.events import (
    AccessRefused,
    JoinRefused,
    MessageAccepted,
    MessageDelivered,
    MessageDropped,
    MessageRefused,
    PeerJoined,
    PeerLeft,
    TaskFailed,
)
from meshwidget.signaling import limits
from meshwidget.signaling import room as room_module
from meshwidget.signaling import switchboard as switchboard_module
from meshwidget.signaling.limits import (
    MAX_DESCRIPTION_LENGTH,
    MAX_MESSAGE_BURST,
    MAX_MESSAGES_PER_SECOND,
    MAX_TEXT_BURST,
)

from .clients import SECONDS, RawSocket, SeedClient
from .conftest import Connect

Pair = tuple[SeedClient, SeedClient]

LONG = "v=0 " + "x" * (MAX_DESCRIPTION_LENGTH - 4)


async def exchange(alice: SeedClient, bob: SeedClient) -> None:
    """Both still reach each other, and have heard nothing in between."""
    assert await bob.send_offer(alice, "v=0 bob's") == {"ok": True}
    assert await alice.hear("getOffer") == {
        "sdp": {"type": "offer", "sdp": "v=0 bob's"},
        "offerSendID": bob.id,
        "offerSendEmail": "bob",
    }
    assert await alice.send_answer(bob, "v=0 alice's") == {"ok": True}
    assert await bob.hear("getAnswer") == {
        "sdp": {"type": "answer", "sdp": "v=0 alice's"},
        "answerSendID": alice.id,
    }


# The seed's exchange ------------------------------------------------------------------


async def test_a_full_exchange_to_the_letter(connect: Connect) -> None:
    """As the page does it: nothing is acknowledged, nothing but the seed is heard."""
    alice, bob = await connect(), await connect()
    await alice.emit("join_room", {"room": "1234", "email": "sample@naver.com"})
    assert await alice.hear("all_users") == []
    await bob.emit("join_room", {"room": "1234", "email": "other@naver.com"})
    (user,) = await bob.hear("all_users")
    assert user == {"id": alice.id, "email": "sample@naver.com"}
    await bob.emit(
        "offer",
        {
            "sdp": {"type": "offer", "sdp": "v=0"},
            "offerSendID": bob.id,
            "offerSendEmail": "offerSendSample@sample.com",
            "offerReceiveID": user["id"],
        },
    )
    offer = await alice.hear("getOffer")
    assert offer == {
        "sdp": {"type": "offer", "sdp": "v=0"},
        "offerSendID": bob.id,
        "offerSendEmail": "other@naver.com",
    }
    await alice.emit(
        "answer",
        {
            "sdp": {"type": "answer", "sdp": "v=0"},
            "answerSendID": alice.id,
            "answerReceiveID": offer["offerSendID"],
        },
    )
    assert await bob.hear("getAnswer") == {
        "sdp": {"type": "answer", "sdp": "v=0"},
        "answerSendID": alice.id,
    }
    candidate = {
        "candidate": "candidate:1 1 udp 1 127.0.0.1 9 typ host ufrag abcd",
        "sdpMid": "0",
        "sdpMLineIndex": 0,
        "usernameFragment": "abcd",
    }
    for sender, receiver in ((alice, bob), (bob, alice)):
        await sender.emit(
            "candidate",
            {
                "candidate": candidate,
                "candidateSendID": sender.id,
                "candidateReceiveID": receiver.id,
            },
        )
        assert await receiver.hear("getCandidate") == {
            "candidate": candidate,
            "candidateSendID": sender.id,
        }
    await alice.close()
    assert await bob.hear("user_exit") == {"id": alice.id}
    assert alice.unheard == bob.unheard == []


async def test_acknowledgements(connect: Connect) -> None:
    alice, bob = await connect(), await connect()
    joined = await alice.join("alice")
    assert joined.pop("session")
    assert joined == {"ok": True, "id": alice.id}
    await bob.join("bob")
    for answer in (
        await bob.send_offer(alice),
        await bob.send_candidate(alice),
        await alice.send_answer(bob),
        await alice.call("leave_room", {}),
        await bob.call("leave_room"),
    ):
        assert answer == {"ok": True}


async def test_an_error_is_acknowledged_and_told(pair: Pair) -> None:
    alice, bob = pair
    answer = await alice.call("offer", {})
    assert set(answer) == {"ok", "code", "message"}
    assert (answer["ok"], answer["code"]) == (False, "invalid_payload")
    assert await alice.hear("signaling_error") == {
        "event": "offer",
        "code": "invalid_payload",
        "message": answer["message"],
    }
    await exchange(alice, bob)


async def test_the_transports_of_the_seeds_page(mesh: Mesh, pair: Pair) -> None:
    """socket.io-client begins with polling and then moves to a WebSocket."""
    alice, bob = pair
    carol = await SeedClient().connect(mesh, transports=("polling", "websocket"))
    assert (await carol.join("carol"))["ok"]
    assert len(await carol.hear("all_users")) == 2
    assert await carol.send_candidate(bob) == {"ok": True}
    assert (await bob.hear("getCandidate"))["candidateSendID"] == carol.id
    await carol.close()
    for client in pair:
        assert await client.hear("user_exit") == {"id": carol.id}
    await exchange(alice, bob)


async def test_leaving_and_joining_again_on_one_socket(pair: Pair) -> None:
    alice, bob = pair
    assert await bob.call("leave_room", {}) == {"ok": True}
    assert await alice.hear("user_exit") == {"id": bob.id}
    assert (await bob.join("robert"))["ok"]
    assert await bob.hear("all_users") == [{"id": alice.id, "email": "alice"}]
    await bob.send_offer(alice)
    assert (await alice.hear("getOffer"))["offerSendEmail"] == "robert"


async def test_leaving_and_then_hanging_up_is_one_exit(mesh: Mesh, pair: Pair) -> None:
    alice, bob = pair
    await bob.call("leave_room", {})
    assert await alice.hear("user_exit") == {"id": bob.id}
    await bob.close()
    assert (await alice.call("offer", {}))["ok"] is False
    await alice.hear("signaling_error")
    assert alice.unheard == []
    assert len(mesh.log.of(PeerLeft, peer="bob")) == 1


async def test_rooms_hear_nothing_of_each_other(pair: Pair, connect: Connect) -> None:
    alice, bob = pair
    carol, dave = await connect(), await connect()
    await carol.join("alice", room="other")
    assert await carol.hear("all_users") == []
    await dave.join("dave", room="other")
    await dave.hear("all_users")
    assert (await dave.send_offer(alice))["code"] == "unknown_target"
    await dave.close()
    assert await carol.hear("user_exit") == {"id": dave.id}
    await exchange(alice, bob)
    assert carol.unheard == []


async def test_the_log_tells_it_in_order(mesh: Mesh, pair: Pair) -> None:
    alice, bob = pair
    await exchange(alice, bob)
    told = [
        (type(event), event.kind, event.sender, event.receiver)
        for event in mesh.log
        if isinstance(event, MessageAccepted | MessageDelivered)
    ]
    expected = [
        ("all_users", "", "alice"),
        ("all_users", "", "bob"),
        ("offer", "bob", "alice"),
        ("answer", "alice", "bob"),
    ]
    assert told == [
        (kind, *message)
        for message in expected
        for kind in (MessageAccepted, MessageDelivered)
    ]
    assert [event.peer for event in mesh.log.of(PeerJoined)] == ["alice", "bob"]


# Who is let in ------------------------------------------------------------------------


async def test_the_one_refused_hears_room_full_and_nobody_else(
    mesh: Mesh, pair: Pair, connect: Connect
) -> None:
    more = [await connect() for _ in range(2)]
    for name, client in zip(("carol", "dave"), more, strict=True):
        await client.join(name)
        await client.hear("all_users")
    eve = await connect()
    answer = await eve.join("eve")
    assert (answer["ok"], answer["code"]) == (False, "room_full")
    assert await eve.hear("room_full") is None
    assert eve.unheard == []
    await exchange(*pair)
    for client in (*pair, *more):
        assert client.unheard == []
    assert mesh.log.of(JoinRefused, peer="eve", code="room_full")
    await more[0].close()
    await pair[0].hear("user_exit")
    assert (await eve.join("eve"))["ok"]


async def test_the_limit_holds_for_simultaneous_joins(
    mesh: Mesh, connect: Connect
) -> None:
    clients = await asyncio.gather(*(connect() for _ in range(12)))
    answers = await asyncio.gather(
        *(client.join(f"peer {number}") for number, client in enumerate(clients))
    )
    assert sum(answer["ok"] for answer in answers) == mesh.max_peers
    refused = [answer["code"] for answer in answers if not answer["ok"]]
    assert refused == ["room_full"] * 8
    for client, answer in zip(clients, answers, strict=True):
        if answer["ok"]:
            assert len(await client.hear("all_users")) < mesh.max_peers
        else:
            await client.hear("room_full")


async def test_one_name_for_one_of_many(connect: Connect) -> None:
    clients = await asyncio.gather(*(connect() for _ in range(6)))
    answers = await asyncio.gather(*(client.join("alice") for client in clients))
    assert sum(answer["ok"] for answer in answers) == 1
    assert {a["code"] for a in answers if not a["ok"]} == {"name_taken"}


async def test_joining_twice_makes_no_ghost(mesh: Mesh, pair: Pair) -> None:
    alice, bob = pair
    for room, name in (("1234", "bob"), ("1234", "robert"), ("5678", "bob")):
        answer = await bob.join(name, room=room)
        assert (answer["ok"], answer["code"]) == (False, "already_joined")
        assert (await bob.hear("signaling_error"))["code"] == "already_joined"
    await exchange(alice, bob)
    await bob.close()
    assert await alice.hear("user_exit") == {"id": bob.id}
    assert len(mesh.log.of(PeerLeft)) == 1


async def test_rooms_have_a_limit(
    connect: Connect, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room_module, "MAX_ROOMS", 2)
    carol, dave = await connect(), await connect()
    assert (await carol.join("carol", room="second"))["ok"]
    assert (await dave.join("dave", room="third"))["code"] == "too_many_rooms"
    assert (await dave.join("dave", room="second"))["ok"]
    await exchange(*pair)


async def test_connections_have_a_limit(
    mesh: Mesh, connect: Connect, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switchboard_module, "MAX_CONNECTIONS", 3)
    carol = await connect()
    dave = SeedClient()
    with pytest.raises(socketio.exceptions.ConnectionError):
        await dave.connect(mesh)
    await dave.close()
    await exchange(*pair)
    await carol.close()
    async with asyncio.timeout(SECONDS):
        while True:  # until the server has noticed
            try:
                eve = await connect()
                break
            except socketio.exceptions.ConnectionError:
                continue
    assert (await eve.join("eve"))["ok"]


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "file://"]
)
async def test_pages_of_another_origin_are_refused(
    mesh: Mesh, pair: Pair, origin: str
) -> None:
    url = f"{mesh.url}/socket.io/?EIO=4"
    async with aiohttp.ClientSession(headers={"Origin": origin}) as http:
        async with http.get(f"{url}&transport=polling") as answer:
            assert answer.status == 400
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect(f"{url}&transport=websocket")
    await exchange(*pair)


async def test_the_servers_own_origin_is_let_in(mesh: Mesh) -> None:
    url = f"{mesh.url}/socket.io/?EIO=4&transport=polling"
    async with (
        aiohttp.ClientSession(headers={"Origin": mesh.url}) as http,
        http.get(url) as answer,
    ):
        assert answer.status == 200


async def test_nothing_else_is_served(mesh: Mesh) -> None:
    async with aiohttp.ClientSession() as http:
        for path in ("/", "/index.html", "/socket.io/../../etc/passwd"):
            async with http.get(f"{mesh.url}{path}") as answer:
                assert answer.status in {400, 403}


# Hostile acts -------------------------------------------------------------------------


@pytest.fixture
async def eve(connect: Connect, pair: Pair) -> SeedClient:
    """A third member of the room, who means no good."""
    client = await connect()
    await client.join("eve")
    assert len(await client.hear("all_users")) == 2
    return client


def payload_of(kind: str, sender: str, receiver: str) -> dict[str, Any]:
    """A message of the blog's with any ids."""
    if kind == "candidate":
        body: dict[str, Any] = {"candidate": {"candidate": "candidate:1"}}
    else:
        body = {"sdp": {"type": kind, "sdp": "v=0"}}
    if kind == "offer":
        body["offerSendEmail"] = "alice"
    return {**body, f"{kind}SendID": sender, f"{kind}ReceiveID": receiver}


KINDS = ["offer", "answer", "candidate"]


async def refused(client: SeedClient, code: str, event: str, *arguments: Any) -> None:
    """It gets an error, twice, and no more."""
    answer = await client.call(event, *arguments)
    assert (answer["ok"], answer["code"]) == (False, code)
    assert len(answer["message"]) < 300
    told = await client.hear("signaling_error")
    assert told == {
        "event": told["event"],
        "code": code,
        "message": answer["message"],
    }
    assert len(told["event"]) <= 40
    assert client.unheard == []


@pytest.mark.parametrize("kind", KINDS)
async def test_a_forged_id(pair: Pair, eve: SeedClient, kind: str) -> None:
    alice, bob = pair
    for forged in (alice.id, bob.id, "1234", "nobody", "__proto__"):
        await refused(eve, "forged_sender", kind, payload_of(kind, forged, bob.id))
    await exchange(alice, bob)


async def test_a_forged_name_changes_nothing(pair: Pair, eve: SeedClient) -> None:
    alice, bob = pair
    answer = await eve.call("offer", payload_of("offer", eve.id, bob.id))
    assert answer == {"ok": True}
    heard = await bob.hear("getOffer")
    assert (heard["offerSendEmail"], heard["offerSendID"]) == ("eve", eve.id)
    await exchange(alice, bob)


@pytest.mark.parametrize("kind", KINDS)
async def test_targets_that_are_no_other_member(
    pair: Pair, eve: SeedClient, connect: Connect, kind: str
) -> None:
    outsider, stranger = await connect(), await connect()
    await outsider.join("outsider", room="elsewhere")
    await outsider.hear("all_users")
    targets = (
        "1234",
        "elsewhere",
        "alice",
        eve.id,
        outsider.id,
        stranger.id,
        "__proto__",
        "constructor",
        "undefined",
        "null",
        "*",
        "/",
    )
    for target in targets:
        await refused(eve, "unknown_target", kind, payload_of(kind, eve.id, target))
    await exchange(*pair)
    assert outsider.unheard == stranger.unheard == []


@pytest.mark.parametrize("kind", KINDS)
async def test_somebody_who_has_not_joined(
    pair: Pair, connect: Connect, kind: str
) -> None:
    alice, bob = pair
    stranger = await connect()
    await refused(stranger, "not_joined", kind, payload_of(kind, stranger.id, alice.id))
    await refused(stranger, "not_joined", "leave_room")
    await exchange(alice, bob)
    await stranger.close()
    await exchange(alice, bob)


@pytest.mark.parametrize("kind", KINDS)
async def test_missing_fields_one_by_one(
    pair: Pair, eve: SeedClient, kind: str
) -> None:
    complete = payload_of(kind, eve.id, pair[0].id)
    for field in complete:
        partial = {name: value for name, value in complete.items() if name != field}
        await refused(eve, "invalid_payload", kind, partial)
    for inner in (name for name in ("sdp", "candidate") if name in complete):
        await refused(eve, "invalid_payload", kind, complete | {inner: {}})
    await exchange(*pair)


WRONG: list[Any] = [None, 7, -1.5, True, "", "x" * 100_000, [], [[]], {}, {"a": 1}]


@pytest.mark.parametrize("kind", KINDS)
async def test_wrong_types_one_by_one(pair: Pair, eve: SeedClient, kind: str) -> None:
    complete = payload_of(kind, eve.id, pair[0].id)
    for field in complete:
        if field == "offerSendEmail":
            continue  # any text is a name here: it is not used
        for wrong in WRONG:
            if (field, wrong) == ("candidate", ""):
                continue
            await refused(eve, "invalid_payload", kind, complete | {field: wrong})
    await exchange(*pair)


@pytest.mark.parametrize("field", ["room", "email"])
async def test_wrong_types_in_joining(pair: Pair, connect: Connect, field: str) -> None:
    stranger = await connect()
    for wrong in WRONG:
        payload = {"room": "1234", "email": "stranger", field: wrong}
        await refused(stranger, "invalid_payload", "join_room", payload)
    await exchange(*pair)


async def test_huge_fields(mesh: Mesh, pair: Pair, eve: SeedClient) -> None:
    huge = "x" * 1_000_000
    receiver = pair[0].id
    for kind in KINDS:
        complete = payload_of(kind, eve.id, receiver)
        for field in complete:
            await refused(eve, "invalid_payload", kind, complete | {field: huge})
    description = {"type": "offer", "sdp": huge}
    offer = payload_of("offer", eve.id, receiver)
    await refused(eve, "invalid_payload", "offer", offer | {"sdp": description})
    description = {"type": huge, "sdp": "v=0"}
    await refused(eve, "invalid_payload", "offer", offer | {"sdp": description})
    for field in ("room", "email", "session"):
        payload = {"room": "1234", "email": "eve", field: huge}
        await refused(eve, "invalid_payload", "join_room", payload)
    await refused(eve, "unknown_event", huge)
    await exchange(*pair)
    assert max(len(str(event)) for event in mesh.log) < 400


async def test_a_packet_beyond_all_measure_cuts_that_line_only(
    mesh: Mesh, pair: Pair, eve: SeedClient
) -> None:
    alice, bob = pair
    await eve.emit("offer", {"sdp": "x" * 5_000_000})
    for client in pair:
        assert await client.hear("user_exit") == {"id": eve.id}
    await exchange(alice, bob)
    assert mesh.log.of(TaskFailed) == []


async def test_unknown_events(mesh: Mesh, pair: Pair, eve: SeedClient) -> None:
    for event in (
        "all_users",
        "getOffer",
        "getAnswer",
        "getCandidate",
        "user_exit",
        "room_full",
        "signaling_error",
        "message",
        "error",
        "*",
        "__class__",
        "\x1b[31m\u202e",
        "",
    ):
        await refused(eve, "unknown_event", event, {"id": pair[0].id})
    await exchange(*pair)
    assert all(str(event).isprintable() for event in mesh.log.of(MessageRefused))


@pytest.mark.parametrize("kind", ["join_room", *KINDS])
async def test_no_argument_two_arguments_and_binary(
    pair: Pair, eve: SeedClient, kind: str
) -> None:
    await refused(eve, "invalid_payload", kind)
    await refused(eve, "invalid_payload", kind, {}, {})
    await refused(eve, "invalid_payload", kind, b"\x00" * 1000)
    await refused(eve, "invalid_payload", kind, {"sdp": b"\x00", "room": b"1234"})
    await exchange(*pair)


async def test_a_flood_stops_at_the_budget(mesh: Mesh, pair: Pair) -> None:
    """What is too much is answered, written to no log, and nobody else notices."""
    started = time.monotonic()
    async with RawSocket.connected(mesh) as flood:
        for _ in range(2000):
            await flood.emit("nonsense", {})
        codes = [(await flood.hear("signaling_error"))[0]["code"] for _ in range(2000)]
        assert set(codes) == {"unknown_event", "rate_limited"}
        await exchange(*pair)
    taken = codes.count("unknown_event")
    assert MAX_MESSAGE_BURST <= taken <= _budget_since(started)
    assert len(mesh.log.of(MessageRefused)) == taken
    await exchange(*pair)


def _budget_since(started: float) -> float:
    """How many messages one connection may have sent since then."""
    seconds = time.monotonic() - started
    return MAX_MESSAGE_BURST + seconds * MAX_MESSAGES_PER_SECOND


async def test_a_flood_of_good_messages(mesh: Mesh, pair: Pair) -> None:
    """One member cannot use the server to flood another."""
    alice, bob = pair
    started = time.monotonic()
    async with RawSocket.connected(mesh) as flood:
        await flood.emit("join_room", {"room": "1234", "email": "flood"})
        await flood.hear("all_users")
        candidate = payload_of("candidate", flood.id, alice.id)
        for _ in range(1500):
            await flood.emit("candidate", candidate)
        assert (await flood.hear("signaling_error"))[0]["code"] == "rate_limited"
    sent = await alice.hear_all_until("user_exit")
    assert {name for name, _ in sent} == {"getCandidate"}
    assert MAX_MESSAGE_BURST - 1 <= len(sent) < _budget_since(started)
    assert await bob.hear("user_exit")
    assert await bob.send_offer(alice) == {"ok": True}


async def test_what_one_says_is_limited_by_its_length_too(
    mesh: Mesh, pair: Pair, eve: SeedClient
) -> None:
    """The log keeps descriptions, and must not be filled with long ones."""
    alice, bob = pair
    answers = [await eve.send_offer(alice, LONG) for _ in range(40)]
    taken = [answer["ok"] for answer in answers]
    assert MAX_TEXT_BURST // len(LONG) <= sum(taken) < 40
    assert answers[taken.index(False)]["code"] == "rate_limited"
    assert "too much text" in answers[taken.index(False)]["message"]
    assert await eve.send_offer(alice, "v=0") == {"ok": True}, "a short one has room"
    assert mesh.log.of(MessageRefused) == [], "a flood fills no log"
    for _ in range(sum(taken) + 1):
        await alice.hear("getOffer")
    await exchange(alice, bob)


async def test_one_who_never_reads_is_cut(
    mesh: Mesh, pair: Pair, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for one to read it is bounded, though it answers pings unheard."""
    alice, bob = pair
    monkeypatch.setattr(limits, "MAX_TEXT_BURST", 1 << 30)
    monkeypatch.setattr(limits, "MAX_MESSAGE_BURST", 1 << 30)
    async with RawSocket.connected(mesh) as eve:
        await eve.emit("join_room", {"room": "1234", "email": "eve"})
        await eve.hear("all_users")
        talker = await connect()
        await talker.join("talker")
        offer = payload_of("offer", talker.id, eve.id)
        offer["sdp"]["sdp"] = LONG
        # The system's own buffers take some hundreds before anything waits.
        for _ in range(2000):
            if not (await talker.call("offer", offer))["ok"]:
                break
            await eve.send("3")
    (refused,) = mesh.log.of(AccessRefused)
    assert refused.reason == "it does not read what it is sent"
    for other in (alice, bob):
        await other.hear_all_until("user_exit")
    assert mesh.log.of(PeerLeft)[0].peer == "eve"
    assert mesh.log.of(TaskFailed) == []
    await exchange(alice, bob)


# Packets by hand ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "packet",
    [
        "4",
        "42",
        "42[",
        "42[]",
        "42{}",
        '42{"a":1}',
        "42null",
        "42[null]",
        "42[7,{}]",
        "42[{},{}]",
        "42[[1],2]",
        "42[true]",
        "43[]",
        "431[{}]",
        "44{}",
        '4451-["offer",{"_placeholder":true,"num":0}]',
        '451-["offer",{"_placeholder":true,"num":7}]',
        '4599999999-["offer"]',
        "46",
        "49",
        "4\ud7ff",
        "7",
        "x",
        "",
        "b!!!!",
        b"\x00\xff",
        b"",
        "42" + "9" * 500 + "[]",
        "42/nowhere,[]",
        "40/nowhere,",
        "40",
        "41/nowhere,",
        '42["offer"' + ",[" * 50_000,
        "42" + "[" * 100_000,
    ],
    ids=lambda packet: repr(packet[:20]),
)
async def test_packets_that_nobody_sends(
    mesh: Mesh, pair: Pair, packet: str | bytes
) -> None:
    async with RawSocket.connected(mesh) as raw:
        await raw.send(packet)
        await exchange(*pair)
    await exchange(*pair)
    assert mesh.log.of(TaskFailed) == []


@pytest.mark.parametrize("event", ["connect", "disconnect", "*"])
@pytest.mark.parametrize("arguments", [[], ["reason"], [{}, None], [1, 2, 3]])
async def test_events_named_like_the_librarys_own(
    mesh: Mesh, pair: Pair, event: str, arguments: list[Any]
) -> None:
    """An event called "disconnect" is no disconnection."""
    async with RawSocket.connected(mesh) as raw:
        await raw.emit("join_room", {"room": "1234", "email": "eve"})
        await raw.hear("all_users")
        await raw.emit(event, *arguments)
        (told,) = await raw.hear("signaling_error")
        assert told["code"] == "unknown_event"
        await raw.emit("offer", payload_of("offer", raw.id, pair[0].id))
        assert (await pair[0].hear("getOffer"))["offerSendEmail"] == "eve"
        await exchange(*pair)
        assert mesh.log.of(PeerLeft) == []
    assert mesh.log.of(TaskFailed) == []


async def test_a_name_of_the_librarys_does_not_speak_for_another(
    mesh: Mesh, pair: Pair
) -> None:
    """The server registers its handler as "*", whose argument is a socket's id."""
    alice, bob = pair
    async with RawSocket.connected(mesh) as raw:
        for event in ("*", "connect", "disconnect"):
            await raw.emit(event, alice.id, "leave_room", {})
            await raw.emit("leave_room", {})
            await raw.hear("signaling_error")
        await exchange(alice, bob)
        assert alice.unheard == bob.unheard == []
    assert mesh.log.of(PeerLeft) == []


async def test_an_event_named_connect_does_not_refill_the_budget(mesh: Mesh) -> None:
    async with RawSocket.connected(mesh) as raw:
        for _ in range(600):
            await raw.emit("connect", {}, None)
            await raw.emit("nonsense")
        codes = [(await raw.hear("signaling_error"))[0]["code"] for _ in range(1000)]
        assert "rate_limited" in codes


# Coming back --------------------------------------------------------------------------


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A place is kept long enough for a busy machine."""
    monkeypatch.setattr(switchboard_module, "REJOIN_SECONDS", 30)


async def lost(mesh: Mesh, alice: SeedClient, bob: SeedClient) -> None:
    """Cut Bob's line, and go on when the server knows."""
    await bob.vanish()
    probe = mesh._call.switchboard.rooms
    async with asyncio.timeout(SECONDS):
        while all(each.connection for each in probe.members("1234")):
            await alice.call("leave_room_not", {})
            await alice.hear("signaling_error")


@pytest.mark.usefixtures("patient")
async def test_coming_back_in_time_is_heard_by_nobody(
    mesh: Mesh, connect: Connect, pair: Pair
) -> None:
    alice, bob = pair
    carol = await connect()
    session = (await carol.join("carol"))["session"]
    former = carol.id
    await lost(mesh, alice, carol)
    again = await connect()
    answer = await again.join("carol", session=session)
    assert answer == {"ok": True, "id": former, "session": session}
    assert again.id != former
    payload = payload_of("offer", former, alice.id)
    assert await again.call("offer", payload) == {"ok": True}
    heard = await alice.hear("getOffer")
    assert (heard["offerSendID"], heard["offerSendEmail"]) == (former, "carol")
    answer_ = payload_of("answer", alice.id, former)
    assert await alice.call("answer", answer_) == {"ok": True}
    assert (await again.hear("getAnswer"))["answerSendID"] == alice.id
    assert alice.unheard == bob.unheard == again.unheard == []
    assert len(mesh.log.of(PeerJoined, peer="carol")) == 1
    assert mesh.log.of(PeerLeft) == []


@pytest.mark.usefixtures("patient")
async def test_who_comes_back_has_lost_nothing(mesh: Mesh, connect: Connect) -> None:
    alice, bob = await connect(), await connect()
    await alice.join("alice")
    await alice.hear("all_users")
    session = (await bob.join("bob"))["session"]
    former = bob.id
    await lost(mesh, alice, bob)
    for number in range(5):
        payload = payload_of("candidate", alice.id, former)
        payload["candidate"] = {"candidate": f"candidate:{number}"}
        assert await alice.call("candidate", payload) == {"ok": True}
    again = await connect()
    assert (await again.join("bob", session=session))["ok"]
    for number in range(5):
        heard = await again.hear("getCandidate")
        assert heard["candidate"] == {"candidate": f"candidate:{number}"}
    assert mesh.log.of(MessageDropped) == []


@pytest.mark.usefixtures("patient")
async def test_what_waits_for_one_holds_up_nobody_else(
    mesh: Mesh, connect: Connect, pair: Pair
) -> None:
    alice, bob = pair
    carol = await connect()
    await carol.join("carol")
    former = carol.id
    await lost(mesh, alice, carol)
    assert await alice.call("candidate", payload_of("candidate", alice.id, former)) == {
        "ok": True
    }
    await exchange(alice, bob)


async def test_who_does_not_come_back_is_gone_once(mesh: Mesh, pair: Pair) -> None:
    alice, bob = pair
    await bob.vanish()
    assert await alice.hear("user_exit") == {"id": bob.id}
    (left,) = mesh.log.of(PeerLeft)
    assert (left.peer, left.reason) == ("bob", "lost")


@pytest.mark.usefixtures("patient")
async def test_a_message_for_one_who_does_not_come_back_is_lost(
    mesh: Mesh, pair: Pair
) -> None:
    alice, bob = pair
    former = bob.id
    await lost(mesh, alice, bob)
    await alice.call("candidate", payload_of("candidate", alice.id, former))
    board = mesh._call.switchboard
    (away,) = board.rooms.away
    mesh.loop.call_soon(board._expire, away, math.inf)  # it is time
    assert await alice.hear("user_exit") == {"id": former}
    (dropped,) = mesh.log.of(MessageDropped)
    assert (dropped.kind, dropped.receiver) == ("candidate", "bob")


@pytest.mark.usefixtures("patient")
async def test_coming_back_before_the_old_socket_is_dead(
    mesh: Mesh, connect: Connect
) -> None:
    alice, bob = await connect(), await connect()
    await alice.join("alice")
    await alice.hear("all_users")
    session = (await bob.join("bob"))["session"]
    await bob.hear("all_users")
    former = bob.id
    again = await connect()
    assert (await again.join("bob", session=session))["id"] == former
    await bob.close()
    payload = payload_of("offer", again.id, alice.id)
    assert await again.call("offer", payload) == {"ok": True}
    assert (await alice.hear("getOffer"))["offerSendID"] == former
    assert alice.unheard == again.unheard == []
    assert len(mesh.log.of(PeerJoined, peer="bob")) == 1
    assert mesh.log.of(PeerLeft) == []


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("session", ["guess", "", None])
async def test_nobody_else_gets_the_place(
    mesh: Mesh, connect: Connect, pair: Pair, session: str | None
) -> None:
    alice, bob = pair
    await lost(mesh, alice, bob)
    eve = await connect()
    answer = await eve.join("bob", session=session)
    assert (answer["ok"], answer["code"]) == (False, "name_taken")


async def test_sessions_cannot_be_guessed(connect: Connect) -> None:
    sessions = set()
    for number in range(4):
        client = await connect()
        sessions.add((await client.join(f"peer {number}"))["session"])
    assert len(sessions) == 4
    assert min(map(len, sessions)) >= 22  # 128 bits


# The end ------------------------------------------------------------------------------


async def test_closing_cuts_everybody_off(mesh: Mesh, pair: Pair) -> None:
    await mesh.close_async()
    async with asyncio.timeout(SECONDS):
        await asyncio.gather(*(client.sio.wait() for client in pair))
    assert not any(client.sio.connected for client in pair)
    late = SeedClient()
    with pytest.raises(socketio.exceptions.ConnectionError):
        await late.connect(mesh)
    await late.close()
