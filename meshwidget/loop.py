"""The mesh's own event loop on its own thread: the only thread boundary.

The rules:

* Every aiortc, socket.io and aiohttp object of a call lives on this thread and is
  touched by nothing else.
* From another thread there are three ways in: :meth:`MeshLoop.run` waits for a
  coroutine, :meth:`MeshLoop.run_async` awaits one from another event loop, and
  :meth:`MeshLoop.call_soon` hands off and returns. Widget handlers use the last one.
* Nothing that blocks runs here. What may block (a file, a camera, a function of the
  user's) has a daemon thread of its own and hands over what it made.
* Out of the loop come plain values and frozen objects.

The thread is a daemon, so that an interpreter that ends without closing its calls
still ends.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from . import interpreter
from .errors import MeshClosedError, NestedLoopError

_SLICE_SECONDS = 0.5

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")


def _new_event_loop() -> asyncio.AbstractEventLoop:
    """uvloop's loop where it exists (not on Windows), else asyncio's."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class MeshLoop:
    """An event loop that runs on a daemon thread until :meth:`close`.

    Parameters
    ----------
    on_error : callable
        Told of exceptions that nobody awaits: ``on_error(where, exception)``,
        on the loop's thread.
    """

    def __init__(self, on_error: Callable[[str, BaseException | str], None]) -> None:
        self._on_error = on_error
        self._loop = _new_event_loop()
        self._loop.set_exception_handler(self._handle_exception)
        self._stopping = False
        self._lock = threading.RLock()
        self.thread = threading.Thread(
            target=self._serve, name="meshwidget-loop", daemon=True
        )
        self.thread.start()

    @property
    def closed(self) -> bool:
        """Whether the loop takes no more work."""
        return self._stopping

    def count_tasks(self) -> int:
        """How many tasks have not ended, from any thread."""
        return len(asyncio.all_tasks(self._loop))

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run on the loop and wait for the result, from any thread but the loop's.

        An interrupt while waiting cancels the coroutine.

        Raises
        ------
        NestedLoopError
            On the loop's own thread, where waiting would never end.
        MeshClosedError
            When the loop has stopped.
        """
        if threading.current_thread() is self.thread:
            coroutine.close()
            raise NestedLoopError(
                "a blocking call was made on the mesh's own thread, where it could "
                "never return: await its twin whose name ends in _async instead"
            )
        future = self.submit(coroutine)
        try:
            while True:
                # In slices: an interrupt that comes in the very moment in which the
                # thread goes to sleep is noticed only when it wakes.
                with contextlib.suppress(concurrent.futures.TimeoutError):
                    return future.result(_SLICE_SECONDS)
                if future.done():
                    return future.result()
        except concurrent.futures.CancelledError:
            raise MeshClosedError("the mesh was closed during the call") from None
        except BaseException:
            future.cancel()
            raise

    async def run_async(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run on the mesh's loop and await the result from any other loop.

        Raises
        ------
        MeshClosedError
            When the loop has stopped.
        """
        future = self.submit(coroutine)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise MeshClosedError("the mesh was closed during the call") from None

    def submit(
        self, coroutine: Coroutine[Any, Any, Result]
    ) -> concurrent.futures.Future[Result]:
        """Start a coroutine on the loop and return a future that can be waited for."""
        with self._lock:  # so that it is in the loop's queue before the loop ends
            if self._stopping:
                coroutine.close()
                raise MeshClosedError("the mesh is closed; make a new one")
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def call_soon(
        self,
        function: Callable[Arguments, object],
        *arguments: Arguments.args,
        **keywords: Arguments.kwargs,
    ) -> None:
        """Call on the loop's thread, soon; dropped when the loop has stopped.

        The one who hands off must not have to know whether the call still goes on.
        """
        with self._lock:
            if not self._stopping:
                self._loop.call_soon_threadsafe(
                    lambda: function(*arguments, **keywords)
                )

    def stop(self) -> None:
        """Take no more work, cancel what runs and end the thread, without waiting."""
        with self._lock:
            if not self._stopping:
                self._stopping = True
                self._loop.call_soon_threadsafe(self._loop.stop)

    def close(self, timeout: float) -> None:
        """:meth:`stop`, and wait for the thread for at most so many seconds."""
        self.stop()
        if threading.current_thread() is not self.thread:
            self.thread.join(timeout)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        interpreter.hold()
        try:
            self._loop.run_forever()
        finally:
            with self._lock:
                self._stopping = True
            self._finish()
            asyncio.set_event_loop(None)
            self._loop.close()
            interpreter.release()

    def _finish(self) -> None:
        # What was handed in at the last moment becomes a task first.
        self._loop.run_until_complete(asyncio.sleep(0))
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        if tasks:
            # Bounded: a task that ignores its cancellation must not keep the thread.
            self._loop.run_until_complete(asyncio.wait(tasks, timeout=1))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())

    def _handle_exception(
        self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]
    ) -> None:
        self._on_error(
            "a task of the mesh", context.get("exception") or context["message"]
        )
