"""The hand-off from a thread to the loop, and how threads end."""

import asyncio
import gc
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from meshwidget.errors import SourceError
from meshwidget.media import threaded
from meshwidget.media.threaded import (
    Outlet,
    SourceThread,
    ThreadStream,
    call_in_thread,
    describe,
)

FAR = time.monotonic() + 3600
LeakCheck = Callable[..., AbstractContextManager[None]]


def run_in_thread(function: Callable[[], object]) -> None:
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


def put_1000(outlet: Outlet[int]) -> None:
    for number in range(1000):
        outlet.put(number)


def stream_of(
    work: Callable[[SourceThread, Outlet[int]], object], capacity: int = 1
) -> ThreadStream[int]:
    def work_only(thread: SourceThread, outlet: Outlet[int]) -> None:
        work(thread, outlet)

    return ThreadStream("The test", work_only, capacity)


async def collect(stream: ThreadStream[int], into: list[int]) -> list[int]:
    """Take all there is, in the list also if it ends in an error."""
    async for item in stream.items():
        into.append(item)  # noqa: PERF401
    return into


def test_an_outlet_keeps_the_newest_only() -> None:
    async def main() -> list[int]:
        outlet: Outlet[int] = Outlet(2)
        run_in_thread(lambda: put_1000(outlet))
        outlet.finish()
        return [item async for item in outlet.items()]

    assert asyncio.run(main()) == [998, 999]


def test_a_held_up_loop_has_one_wake_up_waiting() -> None:
    async def main() -> int:
        loop = asyncio.get_running_loop()
        outlet: Outlet[int] = Outlet(1)
        calls = 0
        original = loop.call_soon_threadsafe

        def counting(*arguments: object, **keywords: object) -> asyncio.Handle:
            nonlocal calls
            calls += 1
            return original(*arguments, **keywords)  # type: ignore[arg-type]

        loop.call_soon_threadsafe = counting  # type: ignore[method-assign]
        run_in_thread(lambda: put_1000(outlet))
        return calls

    assert asyncio.run(main()) == 1


def test_items_come_as_they_are_put() -> None:
    def work(thread: SourceThread, outlet: Outlet[int]) -> None:
        thread.report_open()
        for number in range(10):
            asked.acquire()
            outlet.put(number)

    asked = threading.Semaphore(0)

    async def main() -> list[int]:
        stream = stream_of(work)
        await stream.open()
        asked.release()
        found = []
        async for item in stream.items():
            found.append(item)
            asked.release()
        return found

    assert asyncio.run(main()) == list(range(10))


def test_an_error_comes_after_the_last_item() -> None:
    def work(thread: SourceThread, outlet: Outlet[int]) -> None:
        thread.report_open()
        outlet.put(1)
        raise SourceError("The test broke.")

    async def main() -> list[int]:
        stream = stream_of(work)
        await stream.open()
        found: list[int] = []
        with pytest.raises(SourceError, match="The test broke"):
            await collect(stream, found)
        stream.close()
        return found

    assert asyncio.run(main()) == [1]


@pytest.mark.parametrize("error", [ZeroDivisionError("by zero"), SystemExit(3)])
def test_whatever_a_thread_raises_reaches_the_consumer(error: BaseException) -> None:
    def work(thread: SourceThread, outlet: Outlet[int]) -> None:
        thread.report_open()
        raise error

    async def main() -> None:
        stream = stream_of(work)
        await stream.open()
        with pytest.raises(SourceError, match="The test failed") as caught:
            await collect(stream, [])
        assert caught.value.__cause__ is error

    asyncio.run(main())


def test_an_error_before_it_is_open_is_raised_by_open() -> None:
    def work(thread: SourceThread, outlet: Outlet[int]) -> None:
        raise SourceError("No such thing.")

    async def main() -> None:
        stream = stream_of(work)
        for _ in range(2):  # a failed one may be tried again
            with pytest.raises(SourceError, match="No such thing"):
                await stream.open()

    asyncio.run(main())


def test_a_source_that_never_opens(
    monkeypatch: pytest.MonkeyPatch, leaks: LeakCheck
) -> None:
    monkeypatch.setattr(threaded, "OPEN_TIMEOUT", 0.05)
    hang = threading.Event()

    async def main() -> None:
        stream = stream_of(lambda thread, outlet: hang.wait(30))
        with pytest.raises(SourceError, match="did not answer within"):
            await stream.open()
        hang.set()

    with leaks():
        asyncio.run(main())


def test_a_source_that_falls_silent(
    monkeypatch: pytest.MonkeyPatch, leaks: LeakCheck
) -> None:
    monkeypatch.setattr(threaded, "STALL_SLICE", 0.01)
    hang = threading.Event()

    def work(thread: SourceThread, outlet: Outlet[int]) -> None:
        thread.report_open()
        outlet.put(1)
        hang.wait(30)

    async def main() -> list[int]:
        stream = stream_of(work)
        await stream.open()
        found: list[int] = []
        with pytest.raises(SourceError, match="has given nothing for"):
            await collect(stream, found)
        stream.close()
        hang.set()
        return found

    with leaks():
        assert asyncio.run(main()) == [1]


def test_a_hanging_source_is_closed_at_once_and_holds_nothing_up() -> None:
    hang = threading.Event()

    def work(thread: SourceThread, outlet: Outlet[int]) -> None:
        thread.report_open()
        hang.wait(30)

    async def main() -> None:
        stream = stream_of(work)
        await stream.open()
        reading = asyncio.create_task(collect(stream, []))
        await asyncio.sleep(0)
        stream.close()
        stream.close()
        assert await reading == []

    asyncio.run(main())
    assert any("The test" in thread.name for thread in threading.enumerate())
    hang.set()


def test_a_cancelled_open_leaves_nothing(leaks: LeakCheck) -> None:
    entered = threading.Event()

    def work(thread: SourceThread, outlet: Outlet[int]) -> None:
        entered.set()
        while thread.wait_until(FAR):
            pass

    async def main() -> None:
        stream = stream_of(work)
        opening = asyncio.create_task(stream.open())
        await asyncio.to_thread(entered.wait, 10)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening

    with leaks():
        asyncio.run(main())


def test_closing_while_it_opens_is_an_error_of_its_own(leaks: LeakCheck) -> None:
    async def main() -> None:
        stream = stream_of(lambda thread, outlet: thread.wait_until(FAR))
        opening = asyncio.create_task(stream.open())
        await asyncio.sleep(0)
        stream.close()
        with pytest.raises(SourceError, match="closed before it was open"):
            await opening

    with leaks():
        asyncio.run(main())


def test_a_consumer_that_stops_early_leaves_nothing_after_close(
    leaks: LeakCheck,
) -> None:
    def work(thread: SourceThread, outlet: Outlet[int]) -> None:
        thread.report_open()
        while thread.wait_until(0):
            outlet.put(1)

    async def main() -> None:
        stream = stream_of(work)
        await stream.open()
        async for _ in stream.items():
            break
        stream.close()

    with leaks():
        asyncio.run(main())


def test_one_user_at_a_time_and_again_after_close(leaks: LeakCheck) -> None:
    def work(thread: SourceThread, outlet: Outlet[int]) -> None:
        outlet.put(1)
        thread.report_open()

    async def main() -> None:
        stream = stream_of(work)
        for _ in range(2):
            await stream.open()
            with pytest.raises(SourceError, match="in use by another participant"):
                await stream.open()
            assert await collect(stream, []) == [1]
            stream.close()

    with leaks():
        asyncio.run(main())


def test_items_of_a_closed_stream_end_at_once() -> None:
    assert asyncio.run(collect(stream_of(lambda thread, outlet: None), [])) == []


def test_a_thread_outlives_its_loop_quietly(
    monkeypatch: pytest.MonkeyPatch, leaks: LeakCheck
) -> None:
    raised: list[object] = []
    monkeypatch.setattr(threading, "excepthook", raised.append)
    go = threading.Event()

    def work(thread: SourceThread, outlet: Outlet[int]) -> None:
        thread.report_open()
        go.wait(10)
        outlet.put(1)

    with leaks():
        asyncio.run(stream_of(work).open())
        go.set()
    assert not raised


def test_calling_in_a_thread() -> None:
    async def main() -> int:
        assert await call_in_thread("The sum", lambda: 1 + 1) == 2
        with pytest.raises(SourceError, match=r"The sum failed: ValueError: .*bad"):
            await call_in_thread("The sum", lambda: int("bad"))
        return await call_in_thread("The thread", threading.get_ident)

    assert asyncio.run(main()) != threading.get_ident()


def test_a_failure_that_nobody_waits_for_is_not_reported_by_asyncio() -> None:
    reports: list[object] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reports.append(context))

        def work(own: SourceThread) -> None:
            raise SourceError("Too late.")

        thread = SourceThread("The test", work)
        thread.start()
        await asyncio.wait({thread._opened})
        thread.stop()
        del thread
        gc.collect()

    asyncio.run(main())
    assert not reports


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("It broke."), "ValueError: It broke"),
        (KeyError(), "KeyError"),
        (OSError(2, "No such file"), "FileNotFoundError: [Errno 2] No such file"),
    ],
)
def test_describe(error: Exception, text: str) -> None:
    assert describe(error) == text
