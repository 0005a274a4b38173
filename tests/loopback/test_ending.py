"""Every way in which a call, a wait or an interpreter can end."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from collections.abc import Callable

import pytest

from meshwidget import Mesh, MeshClosedError, MeshError, NestedLoopError, RoomFullError
from meshwidget.events import MeshClosed, PeerJoined, PeerLeft

from .calls import CLOSE_SECONDS, SECONDS, Picture, painted, wait_until
from .conftest import MakeMesh


def timed(act: Callable[[], object]) -> float:
    started = time.monotonic()
    act()
    return time.monotonic() - started


# Closing ------------------------------------------------------------------------------


def test_closing_an_empty_call(mesh: Mesh) -> None:
    assert timed(mesh.close) < CLOSE_SECONDS
    assert len(mesh.log.of(MeshClosed)) == 1


@pytest.mark.parametrize("is_tuned", [True, False], ids=["tuned", "plain"])
def test_closing_a_call_of_four(make_mesh: MakeMesh, is_tuned: bool) -> None:
    mesh = make_mesh(tuned=is_tuned)
    for name in ("alice", "bob", "carol", "dave"):
        mesh.join(name)
    mesh.wait_connected(timeout=SECONDS)
    assert timed(mesh.close) < CLOSE_SECONDS
    assert not mesh.loop.thread.is_alive()
    assert sorted(event.peer for event in mesh.log.of(PeerLeft)) == [
        "alice",
        "bob",
        "carol",
        "dave",
    ]


def test_closing_twice(mesh: Mesh) -> None:
    mesh.join("alice")
    mesh.close()
    mesh.close()
    assert len(mesh.log.of(MeshClosed)) == 1


def test_closing_from_many_threads(mesh: Mesh) -> None:
    mesh.join("alice")
    mesh.join("bob")
    barrier = threading.Barrier(5)
    errors: list[BaseException] = []

    def close() -> None:
        barrier.wait()
        try:
            mesh.close()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=close) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
        assert not thread.is_alive()
    assert errors == []
    assert mesh.closed
    assert len(mesh.log.of(MeshClosed)) == 1


@pytest.mark.parametrize("delay", range(6))
def test_closing_in_the_middle_of_a_join(mesh: Mesh, delay: int) -> None:
    """At whichever event of the join it comes."""
    mesh.join("alice")
    outcome: list[object] = []

    def join() -> None:
        try:
            outcome.append(mesh.join("bob"))
        except MeshError as error:
            outcome.append(error)

    seen = len(mesh.log)
    thread = threading.Thread(target=join)
    thread.start()
    if delay:
        wait_until(mesh, lambda: len(mesh.log) >= seen + delay)
    assert timed(mesh.close) < CLOSE_SECONDS
    thread.join(SECONDS)
    assert not thread.is_alive()
    (result,) = outcome
    if isinstance(result, MeshError):
        assert isinstance(result, MeshClosedError)
    with pytest.raises(MeshClosedError):
        mesh.join("carol")


@pytest.mark.parametrize("act", ["wait_connected", "join"])
def test_closing_ends_what_waits(make_mesh: MakeMesh, act: str) -> None:
    mesh = make_mesh(paused=True)
    mesh.join("alice")
    mesh.join("bob")
    errors: list[BaseException] = []
    begun = threading.Event()

    def wait() -> None:
        begun.set()
        try:
            if act == "join":
                mesh.join("carol", video=_hanging(hang))
            else:
                mesh.wait_connected(timeout=60)
        except BaseException as error:
            errors.append(error)

    hang = threading.Event()
    thread = threading.Thread(target=wait)
    thread.start()
    begun.wait(SECONDS)
    assert timed(mesh.close) < CLOSE_SECONDS
    thread.join(SECONDS)
    hang.set()
    assert not thread.is_alive()
    assert [type(error) for error in errors] == [MeshClosedError]


def _hanging(event: threading.Event) -> Callable[[float], Picture]:
    """A source that does not come to its first picture."""

    def draw(seconds: float) -> Picture:
        event.wait(60)
        return painted("red")(seconds)

    return draw


def test_a_context_manager(make_mesh: MakeMesh) -> None:
    with make_mesh() as mesh:
        mesh.join("alice")
        assert not mesh.closed
    assert mesh.closed


def test_an_error_in_a_with_block_is_not_swallowed(make_mesh: MakeMesh) -> None:
    mesh = make_mesh()
    with pytest.raises(LookupError), mesh:
        raise LookupError
    assert mesh.closed


def test_who_wants_to_know_of_the_end(mesh: Mesh) -> None:
    called: list[threading.Thread] = []
    mesh.add_closer(lambda: called.append(threading.current_thread()))
    mesh.join("alice")
    mesh.close()
    assert called == [mesh.loop.thread]
    mesh.add_closer(lambda: called.append(threading.current_thread()))
    assert len(called) == 2


@pytest.mark.usefixtures("expected_failures")
def test_a_closer_that_raises_keeps_nobody_from_the_end(mesh: Mesh) -> None:
    called: list[str] = []

    def broken() -> None:
        raise ZeroDivisionError

    mesh.add_closer(broken)
    mesh.add_closer(lambda: called.append("second"))
    mesh.join("alice")
    mesh.close()
    assert called == ["second"]
    assert not mesh.loop.thread.is_alive()


def test_an_end_for_which_there_is_no_time_is_told(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever hangs, the two seconds are kept, nothing stays open, all hear of it."""
    mesh.join("alice")
    participant = mesh._call._participants["alice"]
    told: list[str] = []
    mesh.add_closer(lambda: told.append("closed"))

    stop = mesh._call.server.stop

    async def hang() -> None:
        await asyncio.Event().wait()

    async def stop_and_hang() -> None:
        await stop()
        await hang()

    monkeypatch.setattr(participant, "hang_up", hang)
    monkeypatch.setattr(mesh._call.server, "stop", stop_and_hang)
    assert timed(mesh.close) < CLOSE_SECONDS
    assert not mesh.loop.thread.is_alive()
    assert told == ["closed"]
    assert len(mesh.log.of(MeshClosed)) == 1
    session = participant._client._http
    assert session is not None
    assert session.closed


def test_who_is_leaving_when_the_mesh_closes_leaves_no_session(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    mesh.join("alice")
    participant = mesh._call._participants["alice"]
    session, hang_up = participant._client._http, participant.hang_up
    leaving = threading.Event()

    async def never_the_first_time() -> None:
        if not leaving.is_set():
            leaving.set()
            await asyncio.Event().wait()
        await hang_up()

    monkeypatch.setattr(participant, "hang_up", never_the_first_time)
    outcomes: list[BaseException] = []

    def leave() -> None:
        try:
            mesh.exit("alice")
        except MeshError as error:
            outcomes.append(error)

    thread = threading.Thread(target=leave)
    thread.start()
    assert leaving.wait(SECONDS)
    mesh.close()
    thread.join(SECONDS)
    assert [type(each) for each in outcomes] == [MeshClosedError]
    assert session is not None
    assert session.closed


def test_a_mesh_that_nobody_holds_is_closed() -> None:
    mesh = Mesh()
    mesh.join("alice")
    mesh.join("bob")
    mesh.wait_connected(timeout=SECONDS)
    thread, log = mesh.loop.thread, mesh.log
    reference = weakref.ref(mesh)
    del mesh
    gc.collect()
    assert reference() is None
    thread.join(SECONDS)
    assert not thread.is_alive()
    assert len(log.of(MeshClosed)) == 1


def test_nothing_of_a_call_that_is_closed_is_kept() -> None:
    """Neither by this package nor by a cache of a library that serves the call."""

    def talk() -> list[weakref.ref[object]]:
        with Mesh() as mesh:
            mesh.join("alice")
            mesh.join("bob")
            mesh.wait_connected(timeout=SECONDS)
            mesh.server.stop()
            mesh.server.start()
            things: list[object] = [mesh, mesh.loop, mesh.log, mesh._call]
            things += [mesh._call.server, *mesh.peers["bob"].connections.values()]
            return [weakref.ref(each) for each in things]

    kept = talk()
    gc.collect()
    assert [each() for each in kept if each() is not None] == []


def test_a_mesh_collected_on_its_own_thread_is_closed() -> None:
    mesh = Mesh()
    mesh.join("alice")
    thread, log = mesh.loop.thread, mesh.log
    held = [mesh]
    call_soon = mesh.loop.call_soon
    del mesh
    call_soon(held.clear)
    thread.join(SECONDS)
    assert not thread.is_alive()
    assert len(log.of(MeshClosed)) == 1


def test_a_peer_alone_does_not_keep_a_call_alive() -> None:
    mesh = Mesh()
    peer = mesh.join("alice")
    thread = mesh.loop.thread
    del mesh
    gc.collect()
    thread.join(SECONDS)
    assert not thread.is_alive()
    assert peer.name == "alice"


# Other event loops --------------------------------------------------------------------


def test_the_twins_under_asyncio_run(make_mesh: MakeMesh) -> None:
    mesh = make_mesh()

    async def main() -> None:
        alice, bob = await asyncio.gather(
            mesh.join_async("alice"), mesh.join_async("bob")
        )
        await mesh.wait_connected_async(timeout=SECONDS)
        assert alice.frame("bob") is not None
        assert bob.frame("alice") is not None
        with pytest.raises(RoomFullError):
            await asyncio.gather(*(mesh.join_async(f"p{n}") for n in range(4)))
        await mesh.exit_async("alice")
        await mesh.crash_async("bob")
        await mesh.close_async()
        await mesh.close_async()

    asyncio.run(main())
    assert mesh.closed
    assert not mesh.loop.thread.is_alive()


async def test_the_twins_while_another_loop_runs(make_mesh: MakeMesh) -> None:
    async with make_mesh() as mesh:
        await mesh.join_async("alice")
        await mesh.join_async("bob")
        await mesh.wait_connected_async(timeout=SECONDS)
    assert mesh.closed


async def test_blocking_calls_while_another_loop_runs(make_mesh: MakeMesh) -> None:
    """As in a notebook's cell, whose kernel has a loop of its own."""
    mesh = make_mesh()
    mesh.join("alice")
    mesh.join("bob")
    mesh.wait_connected(timeout=SECONDS)
    mesh.close()


def test_the_twins_from_the_meshs_own_callback(mesh: Mesh) -> None:
    """A subscriber on the mesh's thread may act, by awaiting."""
    outcome: list[object] = []
    done = threading.Event()

    async def act() -> None:
        try:
            await mesh.join_async("bob")
            await mesh.wait_connected_async(timeout=SECONDS)
            await mesh.exit_async("alice")
            outcome.append(list(mesh.peers))
        except BaseException as error:
            outcome.append(error)
        finally:
            done.set()

    tasks: list[object] = []
    mesh.loop.call_soon(lambda: tasks.append(asyncio.ensure_future(act())))
    mesh.join("alice")
    assert done.wait(SECONDS)
    assert outcome in (["bob"], [["bob"]]) or isinstance(outcome[0], MeshError)


def test_a_blocking_call_on_the_meshs_own_thread_is_refused(mesh: Mesh) -> None:
    errors: list[Exception] = []
    done = threading.Event()

    def block() -> None:
        for act in (
            lambda: mesh.join("bob"),
            lambda: mesh.exit("alice"),
            mesh.wait_connected,
        ):
            try:
                act()
            except NestedLoopError as error:
                errors.append(error)
        done.set()

    mesh.join("alice")
    mesh.loop.call_soon(block)
    assert done.wait(SECONDS)
    assert len(errors) == 3
    assert all("_async" in str(error) for error in errors)


async def test_cancelling_a_join_leaves_nobody_behind(make_mesh: MakeMesh) -> None:
    mesh = make_mesh()
    hang = threading.Event()
    joining = asyncio.create_task(mesh.join_async("alice", video=_hanging(hang)))
    async with asyncio.timeout(SECONDS):
        while not joining.done():
            joining.cancel()
            await asyncio.wait([joining], timeout=0.05)
    assert joining.cancelled()
    hang.set()
    await mesh.join_async("alice")
    assert list(mesh.peers) == ["alice"]
    assert len(mesh.log.of(PeerJoined)) == 1


def test_a_join_that_takes_too_long(mesh: Mesh) -> None:
    hang = threading.Event()
    with pytest.raises(TimeoutError, match="alice"):
        mesh.join("alice", video=_hanging(hang), timeout=0.1)
    hang.set()
    assert mesh.peers == {}
    mesh.join("alice")


# Processes ----------------------------------------------------------------------------


def run_script(script: str) -> subprocess.CompletedProcess[str]:
    """Run in an interpreter of its own, warnings being errors."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )


def outcome_of(finished: subprocess.CompletedProcess[str]) -> tuple[str, int]:
    return finished.stderr, finished.returncode


CALL = """
from meshwidget import Mesh
mesh = Mesh()
alice, bob = mesh.join("alice"), mesh.join("bob")
mesh.wait_connected(timeout=20)
"""


def test_an_interpreter_that_ends_without_closing() -> None:
    script = (
        CALL
        + """
import time
print(time.time())
"""
    )
    finished = run_script(script)
    ended = time.time()
    assert outcome_of(finished) == ("", 0)
    assert ended - float(finished.stdout) < 5


@pytest.mark.parametrize(
    "end",
    [
        "raise SystemExit(3)",
        "import sys; sys.exit(3)",
        "import threading; threading.Thread(target=mesh.close).start(); exit(3)",
        "mesh.close(); mesh.close(); exit(3)",
    ],
)
def test_an_interpreter_that_exits_otherwise(end: str) -> None:
    assert outcome_of(run_script(CALL + end)) == ("", 3)


def test_an_interpreter_that_fails_shows_its_own_error_only() -> None:
    finished = run_script(CALL + "raise KeyError('mine')")
    assert finished.returncode == 1
    assert finished.stderr.splitlines()[-1] == "KeyError: 'mine'"
    assert finished.stderr.count("Traceback") == 1


def test_an_interrupt_in_a_blocked_wait() -> None:
    script = """
    import os, signal, threading, time
    from meshwidget import Mesh
    mesh = Mesh(paused=True)
    mesh.join("alice")
    mesh.join("bob")
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    started = time.monotonic()
    try:
        mesh.wait_connected(timeout=60)
    except KeyboardInterrupt:
        print("interrupted", time.monotonic() - started < 2)
    mesh.resume()
    mesh.wait_connected(timeout=20)
    print("connected")
    mesh.close()
    """
    finished = run_script(script)
    assert outcome_of(finished) == ("", 0)
    assert finished.stdout.splitlines() == ["interrupted True", "connected"]


def test_an_interrupt_in_a_blocked_join() -> None:
    script = """
    import os, signal, threading
    from meshwidget import Mesh
    mesh = Mesh()
    hang = threading.Event()

    def draw(seconds):
        os.kill(os.getpid(), signal.SIGINT)
        hang.wait(10)

    try:
        mesh.join("alice", video=draw)
    except KeyboardInterrupt:
        print("interrupted", list(mesh.peers))
    hang.set()
    mesh.join("alice")
    print(list(mesh.peers))
    """
    finished = run_script(script)
    assert outcome_of(finished) == ("", 0)
    assert finished.stdout.splitlines() == ["interrupted []", "['alice']"]


def test_an_interrupt_that_nobody_catches() -> None:
    script = """
    import os, signal, threading
    from meshwidget import Mesh
    mesh = Mesh(paused=True)
    mesh.join("alice")
    mesh.join("bob")
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    mesh.wait_connected(timeout=60)
    """
    finished = run_script(script)
    assert finished.returncode in {-2, 130, 1}
    assert finished.stderr.splitlines()[-1] == "KeyboardInterrupt"
    assert finished.stderr.count("Traceback") == 1


def test_importing_is_quick_and_needs_no_widgets() -> None:
    script = """
    import sys
    import meshwidget
    assert "ipywidgets" not in sys.modules
    assert "aiortc" not in sys.modules
    from meshwidget import Mesh
    mesh = Mesh()
    mesh.join("alice")
    assert "ipywidgets" not in sys.modules
    assert "anywidget" not in sys.modules
    assert "nest_asyncio" not in sys.modules
    """
    assert outcome_of(run_script(script)) == ("", 0)
