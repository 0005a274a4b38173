"""Sources that block: one daemon thread each, and how its frames reach the loop.

Files, cameras and functions of the user's may take any time, so that each has a thread
to itself, which is the only one that touches it. Frames cross to the loop through an
:class:`Outlet`, which holds a few and drops the oldest: a slow consumer loses pictures,
never memory.

Nothing waits for a thread. It is told to stop and ends as soon as what it calls
returns. If that never returns (a function of the user's that hangs) the thread is left
behind; being a daemon it keeps nothing from ending.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any, Generic, TypeVar

from ..errors import SourceError

OPEN_TIMEOUT = 8.0
"""Seconds for a source to open: shorter than ``Mesh.join`` waits, so that the learner
hears which source it was. A camera may need two or three."""
STALL_SLICE = 1.0
STALL_SLICES = 5
"""A source that has to be steady has failed after so many slices, in seconds, without a
frame. Counted on the loop, so that a loop that was itself held up (by a cell that keeps
the interpreter to itself) counts one slice however long that took."""
VIDEO_CAPACITY = 1
"""Only the newest picture counts."""
AUDIO_CAPACITY = 10
"""Frames, 200 ms: enough to bridge a busy loop, too few to be heard as a delay for
long."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class Outlet(Generic[Item]):
    """One stream of frames from a thread to the loop it was made on.

    Parameters
    ----------
    capacity : int
        How many frames it holds; a further one pushes out the oldest.
    complaint : str or None
        What to say when no frame comes for long; None for a stream that may pause.
    """

    def __init__(self, capacity: int, complaint: str | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._items: deque[Item] = deque(maxlen=capacity)
        self._complaint = complaint
        self._changed = asyncio.Event()
        self._wake_is_due = False
        self._finished = False
        self._error: SourceError | None = None

    def put(self, item: Item) -> None:
        """Hand a frame over. From the thread."""
        self._items.append(item)
        if not self._wake_is_due:
            self._wake_is_due = True
            self._loop.call_soon_threadsafe(self._wake)

    def finish(self, error: SourceError | None = None) -> None:
        """End the stream, after the frames that it holds. On the loop; idempotent."""
        if not self._finished:
            self._finished = True
            self._error = error
            self._changed.set()

    async def items(self) -> AsyncIterator[Item]:
        """Give each frame as it comes. On the loop.

        Raises
        ------
        SourceError
            The thread failed, or gave nothing for too long.
        """
        while True:
            while self._items:
                yield self._items.popleft()
            if self._error is not None:
                raise self._error
            if self._finished:
                return
            self._changed.clear()
            await self._next_change()

    async def _next_change(self) -> None:
        if self._complaint is None:
            await self._changed.wait()
            return
        for _ in range(STALL_SLICES):
            try:
                async with asyncio.timeout(STALL_SLICE):
                    await self._changed.wait()
            except TimeoutError:
                continue
            return
        raise SourceError(self._complaint)

    def _wake(self) -> None:
        # First the flag, then the event: a frame put in between asks for a second
        # wake-up, which costs little; the other order could lose one.
        self._wake_is_due = False
        self._changed.set()


class SourceThread:
    """A daemon thread that does the work of one source.

    Made on the loop. ``work`` runs in the thread; it calls :meth:`report_open` when it
    can give frames, puts them into outlets, and returns soon after :attr:`stopping`.
    What it raises before that is raised by :meth:`opened`, and afterwards by the
    outlets.

    Parameters
    ----------
    subject : str
        The source in the words of the user, for the start of a sentence.
    work : callable
        Called with this object, in the thread.
    """

    def __init__(self, subject: str, work: Callable[["SourceThread"], None]) -> None:
        self._subject = subject
        self._work = work
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._outlets: list[Outlet[Any]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"meshwidget source: {subject}", daemon=True
        )

    def tie(self, outlet: Outlet[Any]) -> None:
        """Have an outlet end when the thread does."""
        self._outlets.append(outlet)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    async def opened(self) -> None:
        """Wait until the source is open.

        Raises
        ------
        SourceError
            It cannot be opened, or took too long. Then and when cancelled, the caller
            stops the thread.
        """
        done, _ = await asyncio.wait({self._opened}, timeout=OPEN_TIMEOUT)
        if not done:
            message = (
                f"{self._subject} did not answer within {OPEN_TIMEOUT:g} s. "
                "Check that it does not wait for something, then join again."
            )
            raise SourceError(message)
        if self._opened.cancelled():
            raise SourceError(f"{self._subject} was closed before it was open.")
        self._opened.result()

    def stop(self) -> None:
        """Tell the thread to end, and end its outlets now. Waits for nothing."""
        self._stop.set()
        if not self._opened.cancel() and not self._opened.cancelled():
            # Seen, so that asyncio does not report it: whoever waited was cancelled.
            self._opened.exception()
        for outlet in self._outlets:
            outlet.finish()

    def report_open(self) -> None:
        """Say that the source is open. From the thread."""
        self._loop.call_soon_threadsafe(self._settle_open, None)

    @property
    def stopping(self) -> bool:
        """Whether the work has to end."""
        return self._stop.is_set()

    def wait_until(self, due: float) -> bool:
        """Sleep until ``due``, in seconds of :func:`time.monotonic`. From the thread.

        Returns
        -------
        bool
            False if the work has to end instead.
        """
        return not self._stop.wait(max(0.0, due - time.monotonic()))

    def _run(self) -> None:
        error: SourceError | None = None
        try:
            self._work(self)
        except SourceError as raised:
            error = raised
        except BaseException as raised:
            # Whatever it is, SystemExit from a function of the user's included: it has
            # to reach the call and must not vanish with the thread.
            error = SourceError(f"{self._subject} failed: {describe(raised)}.")
            error.__cause__ = raised
        if self._stop.is_set():
            return
        try:
            self._loop.call_soon_threadsafe(self._end, error)
        except RuntimeError:
            # The loop was closed without closing its sources. Nobody is left to tell.
            return

    def _settle_open(self, error: SourceError | None) -> None:
        if self._opened.done():
            return
        if error is None:
            self._opened.set_result(None)
        else:
            self._opened.set_exception(error)

    def _end(self, error: SourceError | None) -> None:
        self._settle_open(error)
        for outlet in self._outlets:
            outlet.finish(error)


class ThreadStream(Generic[Item]):
    """A thread with one outlet, opened and closed together.

    Parameters
    ----------
    subject : str
        The source in the words of the user, for the start of a sentence.
    work : callable
        Called in the thread with the thread and its outlet.
    capacity : int
        See :class:`Outlet`.
    """

    def __init__(
        self,
        subject: str,
        work: Callable[[SourceThread, Outlet[Item]], None],
        capacity: int,
    ) -> None:
        self._subject = subject
        self._work = work
        self._capacity = capacity
        self._thread: SourceThread | None = None
        self._outlet: Outlet[Item] | None = None

    async def open(self) -> None:
        """Start the thread and wait until its source is open."""
        if self._thread is not None:
            message = (
                f"{self._subject} is in use by another participant; "
                "give each a source of its own."
            )
            raise SourceError(message)
        complaint = (
            f"{self._subject} has given nothing for {STALL_SLICE * STALL_SLICES:g} s. "
            "Check that it does not wait for something, then join again."
        )
        outlet: Outlet[Item] = Outlet(self._capacity, complaint)
        work = self._work
        thread = SourceThread(self._subject, lambda own: work(own, outlet))
        thread.tie(outlet)
        self._thread, self._outlet = thread, outlet
        thread.start()
        try:
            await thread.opened()
        except BaseException:
            self.close()
            raise

    async def items(self) -> AsyncIterator[Item]:
        """Give each frame as it comes."""
        if self._outlet is not None:
            async for item in self._outlet.items():
                yield item

    def close(self) -> None:
        """Tell the thread to end, without waiting for it. Idempotent."""
        if self._thread is not None:
            self._thread.stop()
        self._thread = self._outlet = None


async def call_in_thread(subject: str, function: Callable[[], Result]) -> Result:
    """Call a function in a daemon thread of its own, and return what it returns."""
    results: list[Result] = []
    thread = SourceThread(subject, lambda own: results.append(function()))
    thread.start()
    try:
        await thread.opened()
    except BaseException:
        thread.stop()
        raise
    return results[0]


def describe(error: BaseException) -> str:
    """Return the kind and the message of an exception as part of a sentence."""
    text = str(error).strip().rstrip(".")
    name = type(error).__name__
    return f"{name}: {text}" if text else name
