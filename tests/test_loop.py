"""The thread boundary: what runs where, what is refused, what an end looks like."""

from __future__ import annotations

import asyncio
import concurrent.futures
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator

import pytest

from meshwidget.errors import MeshClosedError, MeshError, NestedLoopError
from meshwidget.loop import MeshLoop

Errors = list[tuple[str, BaseException | str]]
SECONDS = 5


@pytest.fixture
def errors() -> Errors:
    """What the loop reported."""
    return []


@pytest.fixture
def loop(errors: Errors) -> Iterator[MeshLoop]:
    """A loop that is closed at the end."""
    made = MeshLoop(on_error=lambda where, error: errors.append((where, error)))
    yield made
    made.close(SECONDS)
    assert not made.thread.is_alive()


async def thread_of_loop() -> threading.Thread:
    return threading.current_thread()


async def forever(begun: threading.Event | None = None) -> None:
    if begun is not None:
        begun.set()
    await asyncio.Event().wait()


def test_run_gives_the_result_from_the_loops_thread(loop: MeshLoop) -> None:
    assert loop.run(thread_of_loop()) is loop.thread
    assert loop.thread.daemon
    assert not loop.closed


def test_run_raises_what_the_coroutine_raises(loop: MeshLoop) -> None:
    async def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError, match="x"):
        loop.run(fail())


def test_run_refuses_its_own_thread(loop: MeshLoop) -> None:
    async def nested() -> None:
        loop.run(thread_of_loop())

    with pytest.raises(NestedLoopError, match="_async"):
        loop.run(nested())


def test_run_from_several_threads(loop: MeshLoop) -> None:
    async def double(number: int) -> int:
        await asyncio.sleep(0)
        return number * 2

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda number: loop.run(double(number)), range(50)))
    assert results == [number * 2 for number in range(50)]


def test_submit_can_be_cancelled(loop: MeshLoop) -> None:
    begun, ended = threading.Event(), threading.Event()

    async def wait() -> None:
        try:
            await forever(begun)
        finally:
            ended.set()

    future = loop.submit(wait())
    assert begun.wait(SECONDS)
    future.cancel()
    assert ended.wait(SECONDS)


def test_an_interrupt_cancels_what_was_waited_for(
    loop: MeshLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ended = threading.Event(), threading.Event()

    async def wait() -> None:
        try:
            await forever(begun)
        finally:
            ended.set()

    def interrupted(
        self: concurrent.futures.Future[None], timeout: float | None = None
    ) -> None:
        assert begun.wait(SECONDS)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(concurrent.futures.Future, "result", interrupted)
        with pytest.raises(KeyboardInterrupt):
            loop.run(wait())
    assert ended.wait(SECONDS)


def test_a_real_interrupt_ends_a_blocked_call() -> None:
    """In a process of its own: pytest keeps SIGINT for itself."""
    script = textwrap.dedent(
        """
        import asyncio, os, signal
        from meshwidget.loop import MeshLoop

        loop = MeshLoop(on_error=print)

        async def wait():
            try:
                # Later: a signal in the moment in which the main thread is about to
                # block does not wake it; CPython looks for signals before that.
                interrupt = os.getpid(), signal.SIGINT
                asyncio.get_running_loop().call_later(0.2, os.kill, *interrupt)
                await asyncio.Event().wait()
            finally:
                print("cancelled", flush=True)

        try:
            loop.run(wait())
        except KeyboardInterrupt:
            loop.close(5)
            print("interrupted", loop.thread.is_alive())
        """
    )
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert finished.stdout.splitlines() == ["cancelled", "interrupted False"]
    assert (finished.stderr, finished.returncode) == ("", 0)
    assert signal.getsignal(signal.SIGINT) is not None


@pytest.mark.parametrize("wait", [True, False], ids=["close", "stop"])
def test_closing_while_somebody_waits(loop: MeshLoop, wait: bool) -> None:
    begun = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: loop.run(forever(begun)))
        assert begun.wait(SECONDS)
        if wait:
            loop.close(SECONDS)
        else:
            loop.stop()
        with pytest.raises(MeshClosedError, match="closed during the call"):
            waiting.result(SECONDS)


def test_closed_takes_no_more_work(loop: MeshLoop) -> None:
    loop.close(SECONDS)
    assert loop.closed
    with pytest.raises(MeshClosedError, match="make a new one"):
        loop.run(thread_of_loop())
    with pytest.raises(MeshClosedError):
        loop.submit(thread_of_loop())
    loop.call_soon(pytest.fail)
    loop.stop()
    loop.close(SECONDS)


async def test_closed_takes_no_more_awaiting(loop: MeshLoop) -> None:
    loop.close(SECONDS)
    with pytest.raises(MeshClosedError):
        await loop.run_async(thread_of_loop())


@pytest.fixture
def quick_switches() -> Iterator[None]:
    """Threads take turns so often that a race shows."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("quick_switches")
def test_work_handed_in_while_it_stops_is_refused_or_ended_never_hung() -> None:
    """Whoever races with the end gets an answer, and always the same one."""
    for _ in range(40):
        loop = MeshLoop(on_error=lambda where, error: None)
        barrier = threading.Barrier(4)
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            hammering = [pool.submit(_hammer, loop, barrier) for _ in range(3)]
            barrier.wait()
            loop.run(thread_of_loop())
            loop.close(SECONDS)
            for future in hammering:
                assert isinstance(future.result(SECONDS), MeshClosedError)


def _hammer(loop: MeshLoop, barrier: threading.Barrier) -> Exception:
    """Give the loop work until it refuses; how it did."""
    barrier.wait()
    while True:
        try:
            loop.run(thread_of_loop())
        except Exception as error:
            return error


def test_tasks_are_cancelled_with_the_loop(loop: MeshLoop) -> None:
    ended = threading.Event()

    async def start() -> asyncio.Task[None]:
        async def work() -> None:
            try:
                await forever()
            finally:
                ended.set()

        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        return task

    task = loop.run(start())
    loop.close(SECONDS)
    assert ended.is_set()
    assert task.cancelled()


def test_a_task_that_ignores_its_cancellation_does_not_keep_the_thread(
    loop: MeshLoop,
) -> None:
    async def start() -> asyncio.Task[None]:
        async def stubborn() -> None:
            while not loop.closed or not released.is_set():
                try:
                    await asyncio.sleep(0.01)
                except asyncio.CancelledError:
                    continue

        return asyncio.create_task(stubborn())

    released = threading.Event()
    loop.run(start())
    loop.call_soon(lambda: threading.Timer(0.2, released.set).start())
    loop.close(SECONDS)
    assert not loop.thread.is_alive()


async def test_the_async_twin_from_another_loop(loop: MeshLoop) -> None:
    assert await loop.run_async(thread_of_loop()) is loop.thread
    assert threading.current_thread() is not loop.thread


async def test_the_async_twin_raises_what_the_coroutine_raises(loop: MeshLoop) -> None:
    async def fail() -> None:
        raise LookupError("x")

    with pytest.raises(LookupError, match="x"):
        await loop.run_async(fail())


async def test_cancelling_the_async_twin_cancels_on_the_loop(loop: MeshLoop) -> None:
    begun, ended = threading.Event(), threading.Event()

    async def wait() -> None:
        try:
            await forever(begun)
        finally:
            ended.set()

    task = asyncio.create_task(loop.run_async(wait()))
    await asyncio.to_thread(begun.wait, SECONDS)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(ended.wait, SECONDS)


async def test_closing_while_somebody_awaits(loop: MeshLoop) -> None:
    begun = threading.Event()
    task = asyncio.create_task(loop.run_async(forever(begun)))
    await asyncio.to_thread(begun.wait, SECONDS)
    await asyncio.to_thread(loop.close, SECONDS)
    with pytest.raises(MeshClosedError):
        await task


async def test_a_timeout_around_the_async_twin(loop: MeshLoop) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await loop.run_async(forever())


def test_the_async_twin_on_the_loop_itself(loop: MeshLoop) -> None:
    async def outer() -> threading.Thread:
        return await loop.run_async(thread_of_loop())

    assert loop.run(outer()) is loop.thread


def test_the_async_twin_from_two_loops_at_once(loop: MeshLoop) -> None:
    def elsewhere() -> threading.Thread:
        return asyncio.run(loop.run_async(thread_of_loop()))

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(elsewhere) for _ in range(6)]
        assert {future.result(SECONDS) for future in futures} == {loop.thread}


def test_call_soon_runs_there_with_its_arguments(loop: MeshLoop) -> None:
    called: list[tuple[object, ...]] = []
    done = threading.Event()

    def note(first: int, *, second: str) -> None:
        called.append((first, second, threading.current_thread()))
        done.set()

    loop.call_soon(note, 1, second="two")
    assert done.wait(SECONDS)
    assert called == [(1, "two", loop.thread)]


def test_call_soon_keeps_the_order(loop: MeshLoop) -> None:
    called: list[int] = []
    for number in range(100):
        loop.call_soon(called.append, number)
    loop.run(thread_of_loop())
    assert called == list(range(100))


def test_an_exception_in_a_handed_off_function_is_reported(
    loop: MeshLoop, errors: Errors
) -> None:
    def fail() -> None:
        raise KeyError("x")

    loop.call_soon(fail)
    loop.run(thread_of_loop())
    ((where, error),) = errors
    assert isinstance(error, KeyError)
    assert where


def test_an_exception_in_a_task_that_nobody_awaits_is_reported(
    loop: MeshLoop, errors: Errors
) -> None:
    async def fail() -> None:
        raise LookupError("nobody looks")

    async def start() -> None:
        task = asyncio.create_task(fail())
        await asyncio.wait([task])

    loop.run(start())
    loop.run(thread_of_loop())
    assert [str(error) for _, error in errors] == ["nobody looks"]


def test_stopping_from_the_loop_itself(loop: MeshLoop) -> None:
    loop.call_soon(loop.close, SECONDS)
    loop.thread.join(SECONDS)
    assert not loop.thread.is_alive()
    assert loop.closed


def test_many_loops_come_and_go() -> None:
    before = threading.active_count()
    loops = [MeshLoop(on_error=lambda where, error: None) for _ in range(10)]
    assert len({each.run(thread_of_loop()) for each in loops}) == 10
    for each in loops:
        each.stop()
    for each in loops:
        each.close(SECONDS)
    assert threading.active_count() <= before  # others may have ended


def test_the_refusals_are_errors_of_the_package() -> None:
    assert issubclass(MeshClosedError, MeshError)
    assert issubclass(NestedLoopError, MeshError)
