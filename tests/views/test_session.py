"""One view's end in the kernel, with pages that are fakes."""

import asyncio
import gc
import time
import weakref
from typing import Any

import pytest

from meshwidget import Mesh
from meshwidget.events import PeerJoined, TaskFailed
from meshwidget.nesting import _open_views
from meshwidget.views import chunks
from meshwidget.views.session import ViewSession
from meshwidget.views.stream import MAX_IN_FLIGHT

from .fakes import FakeMesh, FakePages, FakeSink, turns


class Page:
    """One page that looks at a view."""

    def __init__(self, session: ViewSession, client: str = "page") -> None:
        self.session = session
        self.client = client

    def say(self, kind: str, **fields: object) -> None:
        self.session.receive({"type": kind, "client": self.client, **fields})

    def open(self, codecs: list[str] | None = None) -> None:
        self.say("hello", codecs=codecs or [])
        self.say("visibility", visible=True)


def view(mesh: FakeMesh, viewer: str | None = None) -> tuple[ViewSession, FakePages]:
    pages = FakePages()
    return ViewSession(mesh.real, pages.send, viewer), pages


def tiles(frames: dict[str, Any]) -> list[str]:
    """The tile of each picture in a message."""
    return [picture["tile"] for picture in frames["pictures"]]


async def test_nothing_is_sent_and_nothing_runs_when_nobody_looks() -> None:
    mesh = FakeMesh("alice", "bob")
    _, pages = view(mesh)
    mesh.push(time.monotonic())
    before = asyncio.all_tasks()
    await turns()
    assert pages.sent == []
    assert asyncio.all_tasks() == before


async def test_hello_is_answered_with_the_state_and_no_picture() -> None:
    mesh = FakeMesh("alice", "bob")
    mesh.push(time.monotonic())
    session, pages = view(mesh)
    Page(session).say("hello")
    state = await pages.next("state")
    assert [tile["peer"] for tile in state["tiles"]] == ["alice", "bob"]
    await turns()
    assert pages.of("frames") == []


async def test_who_looks_gets_one_message_with_every_picture() -> None:
    mesh = FakeMesh("alice", "bob")
    mesh.push(time.monotonic())
    session, pages = view(mesh)
    Page(session).open()
    frames = await pages.next("frames")
    assert frames == {
        "type": "frames",
        "sequence": 1,
        "pictures": [
            {"tile": "alice\nalice", "format": "jpeg"},
            {"tile": "alice\nbob", "format": "jpeg"},
        ],
    }
    assert pages.buffers[pages.sent.index(frames)] == [b"picture 1", b"picture 1"]
    session.close()


async def test_only_new_pictures_are_sent_and_encoded() -> None:
    mesh = FakeMesh("alice", "bob")
    mesh.push(time.monotonic())
    session, pages = view(mesh)
    page = Page(session)
    page.open()
    await pages.next("frames")
    page.say("ack", sequence=1)
    bob = mesh.peers["alice"].sinks["bob"]
    bob.push(time.monotonic())
    frames = await pages.next("frames", after=1)
    assert tiles(frames) == ["alice\nbob"]
    assert bob.encoded == [1, 2]
    assert mesh.peers["bob"].sinks["alice"].encoded == []
    session.close()


async def test_a_page_that_does_not_acknowledge_gets_four_messages() -> None:
    mesh = FakeMesh("alice")
    session, pages = view(mesh)
    page = Page(session)
    page.open()
    for sent in range(MAX_IN_FLIGHT):
        mesh.push(time.monotonic())
        await pages.next("frames", after=sent)
    mesh.push(time.monotonic())
    await pages.next("state", after=len(pages.of("state")))  # ticks go on
    assert len(pages.of("frames")) == MAX_IN_FLIGHT
    page.say("ack", sequence=MAX_IN_FLIGHT)
    assert (await pages.next("frames", after=MAX_IN_FLIGHT))["sequence"] == 5
    session.close()


async def test_a_hidden_page_stops_the_ticks_and_showing_it_resumes() -> None:
    mesh = FakeMesh("alice")
    mesh.push(time.monotonic())
    session, pages = view(mesh)
    before = asyncio.all_tasks()
    page = Page(session)
    page.open()
    await pages.next("frames")
    (ticking,) = asyncio.all_tasks() - before
    page.say("visibility", visible=False)
    await asyncio.wait([ticking], timeout=10)
    assert asyncio.all_tasks() == before
    page.say("visibility", visible=True)
    frames = await pages.next("frames", after=1)
    assert tiles(frames) == ["alice\nalice"]  # the same picture, for new eyes
    session.close()


async def test_a_goodbye_stops_the_ticks() -> None:
    mesh = FakeMesh("alice")
    mesh.push(time.monotonic())
    session, pages = view(mesh)
    before = asyncio.all_tasks()
    page = Page(session)
    page.open()
    await pages.next("frames")
    page.say("bye")
    await asyncio.wait(asyncio.all_tasks() - before, timeout=10)
    assert asyncio.all_tasks() == before


async def test_the_state_is_said_when_it_changes_and_only_then() -> None:
    mesh = FakeMesh("alice")
    mesh.push(time.monotonic() + 1000)  # it does not grow stale in this test
    session, pages = view(mesh)
    page = Page(session)
    page.open()
    await pages.next("frames")
    said = len(pages.of("state"))
    page.say("ack", sequence=1)
    for sent in range(1, 10):
        mesh.push(time.monotonic() + 1000)
        await pages.next("frames", after=sent)
        page.say("ack", sequence=sent + 1)
    assert len(pages.of("state")) == said
    mesh.add("bob")
    assert (await pages.next("state", after=said))["count"] == 2
    session.close()


async def test_a_peer_that_left_is_gone_from_state_and_frames() -> None:
    mesh = FakeMesh("alice", "bob")
    mesh.push(time.monotonic())
    session, pages = view(mesh)
    page = Page(session)
    page.open()
    await pages.next("frames")
    said = len(pages.of("state"))
    mesh.remove("bob")
    mesh.push(time.monotonic())
    state = await pages.next("state", after=said)
    assert [tile["peer"] for tile in state["tiles"]] == ["alice"]
    page.say("ack", sequence=1)
    sent = len(pages.of("frames"))
    mesh.push(time.monotonic())
    assert tiles(await pages.next("frames", after=sent)) == ["alice\nalice"]
    session.close()


async def test_looking_as_somebody_else() -> None:
    mesh = FakeMesh("alice", "bob")
    mesh.push(time.monotonic())
    session, pages = view(mesh)
    page = Page(session)
    page.open()
    await pages.next("frames")
    page.say("view", viewer="bob")
    frames = await pages.next("frames", after=1)
    assert tiles(frames) == ["bob\nalice", "bob\nbob"]
    session.look_as("*")
    frames = await pages.next("frames", after=2)
    assert tiles(frames) == ["alice\nalice", "alice\nbob"]  # bob's are there already
    session.close()


async def test_a_picture_that_cannot_be_encoded_stops_nothing() -> None:
    mesh = FakeMesh("alice")
    mesh.peers["alice"].sinks["alice"].broken = True
    mesh.push(time.monotonic())
    session, pages = view(mesh)
    Page(session).open()
    assert tiles(await pages.next("frames")) == []
    session.close()


# Requests


async def test_join_and_exit_by_message() -> None:
    mesh = FakeMesh("alice")
    session, pages = view(mesh)
    page = Page(session)
    page.say("join", request=1, name="bob")
    reply = await pages.next("reply")
    assert reply == {
        "type": "reply",
        "client": "page",
        "request": 1,
        "ok": True,
        "message": "",
    }
    assert list(mesh.peers) == ["alice", "bob"]
    assert pages.of("state")[-1]["count"] == 2  # said before the reply
    page.say("exit", request=2, name="alice")
    assert (await pages.next("reply", after=1))["ok"]
    assert list(mesh.peers) == ["bob"]


@pytest.mark.parametrize(
    ("kind", "name", "sentence"),
    [
        ("join", "alice", "alice is in the room already"),
        ("exit", "bob", "there is no peer called bob"),
    ],
)
async def test_a_refusal_is_a_sentence(kind: str, name: str, sentence: str) -> None:
    mesh = FakeMesh("alice")
    session, pages = view(mesh)
    Page(session).say(kind, request=1, name=name)
    reply = await pages.next("reply")
    assert not reply["ok"]
    assert reply["message"] == sentence


async def test_a_mistake_of_ours_is_answered_and_goes_to_the_loop() -> None:
    mesh = FakeMesh("alice")

    async def fail(name: str) -> Any:
        raise ZeroDivisionError("oh")

    mesh.join_async = fail  # type: ignore[method-assign]
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda loop, context: reported.append(context)
    )
    session, pages = view(mesh)
    Page(session).say("join", request=1, name="bob")
    reply = await pages.next("reply")
    assert reply["message"] == "that failed: ZeroDivisionError: oh"
    await turns()
    gc.collect()
    assert isinstance(reported[0]["exception"], ZeroDivisionError)


async def test_nonsense_is_refused_in_words() -> None:
    session, pages = view(FakeMesh())
    session.receive({"type": "ack", "client": "page", "sequence": "one"})
    assert await pages.next("refused") == {
        "type": "refused",
        "code": "invalid_payload",
        "message": "sequence must be a whole number",
    }


# What went wrong elsewhere


async def test_a_failure_is_in_the_status_line_until_somebody_joins() -> None:
    mesh = FakeMesh("alice")
    session, pages = view(mesh)
    mesh.log.record(TaskFailed, where="a callback", message="KeyError: 1")
    Page(session).say("hello")
    state = await pages.next("state")
    assert state["warning"]
    assert state["status"].startswith("a callback failed: KeyError: 1. ")
    mesh.add("bob")
    Page(session).say("hello")
    assert "KeyError" not in (await pages.next("state", after=1))["status"]


async def test_a_view_that_is_opened_later_knows_of_the_failure() -> None:
    mesh = FakeMesh("alice")
    mesh.log.record(TaskFailed, where="a callback", message="KeyError: 1")
    session, pages = view(mesh)
    Page(session).say("hello")
    assert "KeyError" in (await pages.next("state"))["status"]
    mesh.log.record(PeerJoined, peer="bob", room="1234")
    session, pages = view(mesh)
    Page(session).say("hello")
    assert "KeyError" not in (await pages.next("state"))["status"]


# Endings


async def test_a_mesh_that_closes_says_so_once_and_stops_the_ticks() -> None:
    mesh = FakeMesh("alice")
    mesh.push(time.monotonic())
    session, pages = view(mesh)
    before = asyncio.all_tasks()
    page = Page(session)
    page.open()
    await pages.next("frames")
    said = len(pages.of("state"))
    mesh.close()
    state = await pages.next("state", after=said)
    assert state["closed"]
    assert "closed" in state["status"]
    await turns()
    assert asyncio.all_tasks() == before
    assert len(pages.of("state")) == said + 1
    assert session not in _open_views


async def test_a_page_that_opens_after_the_end_hears_of_it() -> None:
    mesh = FakeMesh("alice")
    session, pages = view(mesh)
    mesh.close()
    await turns()
    Page(session, "late").say("hello")
    assert pages.sent[-1]["closed"]
    session, pages = view(mesh)
    Page(session, "later").say("hello")
    assert pages.sent[-1]["closed"]


async def test_closing_a_view_leaves_the_call_alone_and_nothing_behind() -> None:
    mesh = FakeMesh("alice")
    mesh.push(time.monotonic())
    session, pages = view(mesh)
    assert session in _open_views
    before = asyncio.all_tasks()
    Page(session).open()
    await pages.next("frames")
    session.close()
    session.close()
    await turns()
    assert asyncio.all_tasks() == before
    assert session not in _open_views
    assert not mesh.closed
    forgotten = weakref.ref(session)
    del session
    gc.collect()
    assert forgotten() is None


async def test_a_view_does_not_keep_a_call_alive() -> None:
    mesh = FakeMesh("alice")
    session, pages = view(mesh)
    Page(session).open()
    await pages.next("state")
    dropped = weakref.ref(mesh)
    del mesh
    gc.collect()
    assert dropped() is None
    session.close()


# Video


def film(*names: str) -> FakeMesh:
    """A call whose links can be tapped."""
    mesh = FakeMesh(*names)
    for peer in mesh.peers.values():
        for name, sink in peer.sinks.items():
            sink.tappable = name != peer.name
    return mesh


async def test_a_page_that_can_gets_the_received_video_and_stills_of_its_own() -> None:
    mesh = film("alice", "bob")
    own, bob = mesh.peers["alice"].sinks["alice"], mesh.peers["alice"].sinks["bob"]
    session, pages = view(mesh)
    page = Page(session)
    own.push(time.monotonic())
    page.open(codecs=["vp8"])
    await pages.next("frames")
    page.say("ack", sequence=1)
    brought = [bob.bring(key=True), bob.bring()]
    frames = await pages.next("frames", after=1)
    assert frames["pictures"] == [
        {"tile": "alice\nbob", "format": "vp8", "key": True, "timestamp": 3000},
        {"tile": "alice\nbob", "format": "vp8", "key": False, "timestamp": 6000},
    ]
    assert pages.buffers[pages.sent.index(frames)] == [each.data for each in brought]
    assert (bob.encoded, bob.looks, own.encoded) == ([], 0, [1])
    session.close()


async def test_one_page_that_cannot_decode_video_makes_it_stills_for_all() -> None:
    mesh = film("alice", "bob")
    bob = mesh.peers["alice"].sinks["bob"]
    session, pages = view(mesh)
    Page(session).open(codecs=["vp8"])
    await tapped(bob)
    bob.bring(key=True)
    await pages.next("frames")
    old = Page(session, "old")
    old.open()
    frames = await pages.next("frames", after=1)
    assert {picture["format"] for picture in frames["pictures"]} == {"jpeg"}
    assert bob.taps == []
    old.say("bye")
    await tapped(bob)
    session.close()


async def test_a_second_page_has_a_keyframe_asked_for() -> None:
    mesh = film("alice", "bob")
    bob = mesh.peers["alice"].sinks["bob"]
    session, pages = view(mesh)
    Page(session).open(codecs=["vp8"])
    await tapped(bob)
    bob.bring(key=True)
    await pages.next("frames")
    assert bob.wishes == 1
    Page(session, "late").open(codecs=["vp8"])
    await wished(bob, 2)
    session.close()


async def test_hidden_pages_and_tiles_are_not_tapped() -> None:
    mesh = film("alice", "bob", "carol")
    bob, carol = (mesh.peers["alice"].sinks[name] for name in ("bob", "carol"))
    session, _ = view(mesh)
    page = Page(session)
    page.say("hello", codecs=["vp8"])
    page.say("visibility", visible=True, hidden=["alice\ncarol"])
    await tapped(bob)
    assert carol.taps == []
    page.say("visibility", visible=True, hidden=["alice\nbob"])
    await tapped(carol)
    assert bob.taps == []
    page.say("visibility", visible=False)
    await released(carol)
    session.close()


async def test_video_is_not_queued_for_a_page_that_is_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mesh = film("alice", "bob")
    bob = mesh.peers["alice"].sinks["bob"]
    session, pages = view(mesh)
    page = Page(session)
    page.open(codecs=["vp8"])
    await tapped(bob)
    for sent in range(MAX_IN_FLIGHT):
        bob.bring(key=sent == 0)
        await pages.next("frames", after=sent)
    bob.bring()
    monkeypatch.setattr(chunks, "MAX_WAIT", 0.0)  # the page does nothing for so long
    bob.bring()
    bob.bring()
    monkeypatch.undo()
    assert bob.wishes == 1  # as long as nothing can be sent none is asked for
    page.say("ack", sequence=MAX_IN_FLIGHT)
    await wished(bob, 2)
    bob.bring()
    last = bob.bring(key=True)
    frames = await pages.next("frames", after=MAX_IN_FLIGHT)
    assert pages.buffers[pages.sent.index(frames)] == [last.data]
    session.close()


async def test_a_decoder_that_fails_gets_a_keyframe_and_then_stills() -> None:
    mesh = film("alice", "bob")
    bob = mesh.peers["alice"].sinks["bob"]
    session, _ = view(mesh)
    page = Page(session)
    page.open(codecs=["vp8"])
    await tapped(bob)
    bob.bring(key=True)
    page.say("undecodable", tiles=["alice\nbob"], failed=False)
    await wished(bob, 2)
    bob.bring(key=True)
    page.say("undecodable", tiles=["alice\nbob"], failed=True)
    await wished(bob, 3)
    page.say("undecodable", tiles=["alice\nbob"], failed=True)
    await turns()
    assert bob.taps == []
    session.close()


async def test_what_was_on_its_way_to_a_closed_view_starts_nothing() -> None:
    mesh = FakeMesh("alice")
    mesh.push(time.monotonic())
    session, pages = view(mesh)
    before = asyncio.all_tasks()
    session.close()
    Page(session).open()
    await turns()
    assert pages.sent == []
    assert asyncio.all_tasks() == before


async def test_closing_a_view_releases_the_video() -> None:
    mesh = film("alice", "bob")
    bob = mesh.peers["alice"].sinks["bob"]
    session, _ = view(mesh)
    Page(session).open(codecs=["vp8"])
    await tapped(bob)
    session.close()
    await turns()
    assert bob.taps == []


async def tapped(sink: FakeSink) -> None:
    await sink.until(lambda sink: bool(sink.taps))


async def released(sink: FakeSink) -> None:
    await sink.until(lambda sink: not sink.taps)


async def wished(sink: FakeSink, count: int) -> None:
    await sink.until(lambda sink: sink.wishes >= count)
    assert sink.wishes == count


# Faults -------------------------------------------------------------------------------


async def test_a_menu_is_sent_to_the_page_that_asked() -> None:
    mesh = FakeMesh("alice", "bob")
    session, pages = view(mesh)
    for request, (of, names) in enumerate(
        {"tile": ["alice", "bob"], "link": ["alice", "bob"], "call": []}.items()
    ):
        Page(session).say("menu", request=request, of=of, names=names)
        reply = await pages.next("reply", after=request)
        assert (reply["client"], reply["request"], reply["ok"]) == (
            "page",
            request,
            True,
        )
    headings = [
        [section["heading"] for section in reply["menu"]] for reply in pages.of("reply")
    ]
    assert headings == [
        ["Link alice - bob", "bob"],
        ["Link alice - bob"],
        ["Signaling server", "Links"],
    ]


async def test_what_is_chosen_is_done_or_refused_in_a_sentence() -> None:
    async with Mesh() as mesh:
        replies: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        caller = asyncio.get_running_loop()

        def send(content: dict[str, Any], buffers: list[bytes]) -> None:
            if content["type"] == "reply":
                caller.call_soon_threadsafe(replies.put_nowait, content)

        session = ViewSession(mesh, send)

        async def choose(
            names: list[str], key: str, **values: object
        ) -> dict[str, Any]:
            Page(session).say("fault", request=1, names=names, key=key, values=values)
            return await asyncio.wait_for(replies.get(), 10)

        link = ["alice", "bob"]
        assert (await choose(link, "cut"))["ok"]
        assert mesh.link("alice", "bob").faults.is_cut
        again = await choose(link, "cut")
        assert not again["ok"]
        assert "open it again" in again["message"]
        assert (await choose(link, "heal"))["ok"]
        refused = await choose(link, "impair", loss=1000)
        assert refused["message"] == "loss, %: it has to be a number from 0 to 100"
        assert not (await choose(["bob"], "freeze\nbob"))["ok"]
        session.close()


async def test_stopping_the_server_is_answered_before_the_line_is_cut() -> None:
    async with Mesh() as mesh:
        running: list[bool] = []
        answered, done = asyncio.Event(), asyncio.Event()
        caller = asyncio.get_running_loop()

        def send(content: dict[str, Any], buffers: list[bytes]) -> None:
            if content["type"] == "reply":
                running.append(mesh.server.running)
                event = done if answered.is_set() else answered
                caller.call_soon_threadsafe(event.set)

        session = ViewSession(mesh, send)
        Page(session).say("fault", request=1, names=[], key="stop")
        await asyncio.wait_for(answered.wait(), 10)
        await asyncio.wait_for(done.wait(), 10)
        assert running == [True, False]
        assert not mesh.server.running
        session.close()
