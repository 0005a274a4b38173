"""``asyncio.run`` in a notebook cell, for pasted samples: the one use of nest_asyncio.

A cell runs inside the kernel's event loop, so that ``asyncio.run`` in it raises. What
nest_asyncio does about it is process-wide: it replaces ``asyncio.Task`` and its like
for every thread and patches the class of the kernel's loop, which other threads' loops
share. And it loses messages: ipykernel starts the task of each incoming message in a
context that the cell's task has entered, so that within a nested run every one of them
fails with "cannot enter context" and is gone, be it a widget's message or the next cell
of "Run All". Therefore, here,

* only the kernel's loop is patched, by a class of its own;
* everything else in asyncio is put back, but for ``asyncio.run``, which nests on that
  loop and elsewhere is what it was;
* a callback that could not enter its context runs in a copy of it.

This module must not know what a view or a mesh is.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import sys
import weakref
from collections.abc import Coroutine, Iterator
from typing import Any, Protocol, TypeVar

from .errors import NestedLoopError

__all__ = ["allow_nested_asyncio", "open_views", "view_closed", "view_opened"]

Result = TypeVar("Result")


class Ending(Protocol):
    """Something that a view shows, and with which it is live no more."""

    @property
    def closed(self) -> bool: ...


_open_views: weakref.WeakKeyDictionary[object, weakref.ref[Ending] | None] = (
    weakref.WeakKeyDictionary()
)
"""What each shows, weakly: it may know who looks at it."""


def allow_nested_asyncio() -> None:
    """Let ``asyncio.run`` work in this notebook's cells from now on.

    For samples that end in ``asyncio.run(main())`` and shall be pasted as they are; in
    code of your own, write ``await main()`` instead. Call it in a cell, before a live
    view is opened. A view that is opened later works, also while a sample runs, and so
    do calls, which have an event loop of their own. Calling it again changes nothing,
    and where no event loop runs, as in a script, there is nothing to allow.

    Unlike the real ``asyncio.run``, tasks that a sample leaves behind go on running.

    Raises
    ------
    NestedLoopError
        A live view is open, or the running loop cannot be nested: uvloop's, which is
        not written in Python, and any on Python 3.14 or later, whose asyncio keeps the
        current task where nest_asyncio does not find it.
    """
    loop = _running_loop()
    if loop is None or getattr(loop, "allows_nested_asyncio", False):
        return
    if sys.version_info >= (3, 14):
        raise NestedLoopError(
            "nested event loops do not work on Python 3.14 or later: write "
            "`await main()` in the cell instead of `asyncio.run(main())`"
        )
    if not isinstance(loop, asyncio.BaseEventLoop):
        kind = f"{type(loop).__module__}.{type(loop).__qualname__}"
        raise NestedLoopError(
            f"this notebook's event loop is a {kind}, which cannot be nested: write "
            "`await main()` in the cell instead of `asyncio.run(main())`"
        )
    if open_views():
        raise NestedLoopError(
            "a live view is open, and changing the notebook's event loop under it "
            "could cut it off: close the view or its mesh, call this, then open it "
            "again; or write `await main()` in the cell instead of "
            "`asyncio.run(main())`"
        )
    _make_nestable(loop)


def open_views() -> list[object]:
    """The live views that are not closed, nor what they show."""
    return [view for view, shown in list(_open_views.items()) if _is_open(shown)]


def view_opened(view: object, shown: Ending | None = None) -> None:
    """Note a live view, so that the loop is not changed under it; kept weakly.

    Parameters
    ----------
    view : object
    shown : object, optional
        What it shows; a view of something that is ``closed`` is not live. Without it
        the view is live until :func:`view_closed`.
    """
    _open_views[view] = None if shown is None else weakref.ref(shown)


def view_closed(view: object) -> None:
    """Forget a view; one that is not known does not matter."""
    _open_views.pop(view, None)


def _is_open(shown: weakref.ref[Ending] | None) -> bool:
    if shown is None:
        return True
    there = shown()
    return there is not None and not there.closed


def _make_nestable(loop: asyncio.BaseEventLoop) -> None:
    base = type(loop)

    def call_exception_handler(
        self: asyncio.BaseEventLoop, context: dict[str, Any]
    ) -> None:
        if not _retried(self, context):
            base.call_exception_handler(self, context)

    loop.__class__ = type(
        f"Nestable{base.__name__}",
        (base,),
        {
            "allows_nested_asyncio": True,
            "call_exception_handler": call_exception_handler,
        },
    )
    import nest_asyncio

    with _asyncio_put_back():
        nest_asyncio.apply(loop)
        nested_run = asyncio.run
    real_run = asyncio.run

    @functools.wraps(real_run)
    def run(main: Coroutine[Any, Any, Result], **options: Any) -> Result:
        if _running_loop() is loop:
            # The options (debug, loop_factory) are for a new loop, which this is not.
            return nested_run(main, debug=loop.get_debug())
        return real_run(main, **options)

    setattr(asyncio, "run", run)  # noqa: B010, as its options differ between versions


def _retried(loop: asyncio.BaseEventLoop, failure: dict[str, Any]) -> bool:
    """Run the callback of a failed handle in a copy of its context, if it never began.

    It did not when ``Context.run`` itself, in ``Handle._run``, raised the RuntimeError.
    """
    error, handle = failure.get("exception"), failure.get("handle")
    if (
        isinstance(error, RuntimeError)
        and str(error).startswith("cannot enter context")
        and isinstance(handle, asyncio.Handle)
        and error.__traceback__ is not None
        and error.__traceback__.tb_next is None
    ):
        # Handle keeps these private and offers no other way to run it again.
        again: Any = handle
        loop.call_soon(again._callback, *again._args, context=again._context.copy())
        return True
    return False


@contextlib.contextmanager
def _asyncio_put_back() -> Iterator[None]:
    """Restore on leaving what nest_asyncio replaces beside the loop it is given.

    Its reason for pure-Python tasks and futures ended with Python 3.6: the accelerated
    ones keep the current task in the same dictionary, which nest_asyncio swaps.
    """
    policy = type(asyncio.get_event_loop_policy())
    places: list[tuple[Any, str]] = [
        *((asyncio, name) for name in ("Task", "Future", "run", "get_event_loop")),
        *((asyncio.tasks, name) for name in ("Task", "_CTask")),
        *((asyncio.futures, name) for name in ("Future", "_CFuture")),
        *((asyncio.events, name) for name in ("get_event_loop", "_get_event_loop")),
        (asyncio, "_nest_patched"),
        (policy, "get_event_loop"),
    ]
    if concurrent := sys.modules.get("tornado.concurrent"):
        places += [(concurrent, "Future"), (concurrent, "FUTURES")]
    missing = object()
    before = [vars(owner).get(name, missing) for owner, name in places]
    try:
        yield
    finally:
        for (owner, name), value in zip(places, before, strict=True):
            if value is not missing:
                setattr(owner, name, value)
            elif name in vars(owner):
                delattr(owner, name)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    with contextlib.suppress(RuntimeError):
        return asyncio.get_running_loop()
    return None
