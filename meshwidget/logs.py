"""What the libraries write to Python's logging becomes events of the call it concerns.

Without this a warning of aiortc's would go to the terminal that started Jupyter, where
no one who sits before the notebook ever looks.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SOCKETIO_LOGGER = logging.getLogger("meshwidget.socketio")
"""Given to python-socketio, which else would add a handler that prints."""
SOCKETIO_LOGGER.setLevel(logging.ERROR)
# A packet that is no Engine.IO: its sender's failure, and answered by hanging up.
SOCKETIO_LOGGER.addFilter(lambda record: record.msg != "Unknown receive error")

_SOURCES = ("aiortc", "aioice", SOCKETIO_LOGGER.name)


class _Bridge(logging.Handler):
    def __init__(
        self, thread: threading.Thread, on_message: Callable[[str, str], None]
    ) -> None:
        super().__init__(logging.WARNING)
        self._thread = thread
        self._on_message = on_message

    def filter(self, record: logging.LogRecord) -> bool:
        """Only what this call's own thread wrote: there may be several calls."""
        return record.thread == self._thread.ident

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            text = f"{text}: {type(error).__name__}: {error}"
        self._on_message(record.name, text)


@contextmanager
def forwarded(
    thread: threading.Thread, on_message: Callable[[str, str], None]
) -> Iterator[None]:
    """Forward warnings and errors that are logged on a thread.

    Parameters
    ----------
    thread : Thread
        The mesh loop's.
    on_message : callable
        ``on_message(logger_name, text)``, on that thread.
    """
    bridge = _Bridge(thread, on_message)
    loggers = [logging.getLogger(name) for name in _SOURCES]
    for logger in loggers:
        logger.addHandler(bridge)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(bridge)
