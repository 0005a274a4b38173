"""What the libraries log on a call's thread is forwarded, and only that."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import pytest

from meshwidget.logs import SOCKETIO_LOGGER, forwarded

Messages = list[tuple[str, str]]


def log_elsewhere(log: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=log)
    thread.start()
    thread.join()
    return thread


def collect(log: Callable[[], None]) -> Messages:
    """What is forwarded of what is logged on this thread."""
    messages: Messages = []

    def note(name: str, text: str) -> None:
        messages.append((name, text))

    with forwarded(threading.current_thread(), note):
        log()
    return messages


@pytest.mark.parametrize("name", ["aiortc", "aioice", SOCKETIO_LOGGER.name])
@pytest.mark.parametrize("level", [logging.ERROR, logging.CRITICAL])
def test_errors_of_each_library_are_forwarded(name: str, level: int) -> None:
    messages = collect(lambda: logging.getLogger(name).log(level, "%s %d", "failed", 3))
    assert messages == [(name, "failed 3")]


@pytest.mark.parametrize("name", ["aiortc", "aiortc.rtcdtlstransport", "aioice.ice"])
def test_warnings_and_child_loggers_are_forwarded(name: str) -> None:
    messages = collect(lambda: logging.getLogger(name).warning("odd"))
    assert messages == [(name, "odd")]


@pytest.mark.parametrize("name", ["aiortc", "aioice"])
def test_less_than_a_warning_is_not(name: str) -> None:
    def log() -> None:
        logging.getLogger(name).info("fine")
        logging.getLogger(name).debug("fine")

    assert collect(log) == []


def test_socketios_warnings_are_not() -> None:
    assert collect(lambda: SOCKETIO_LOGGER.warning("a client closed")) == []


def test_other_libraries_are_not() -> None:
    assert collect(lambda: logging.getLogger("somebody.else").error("x")) == []


def test_an_exception_is_named() -> None:
    def log() -> None:
        try:
            raise KeyError("x")
        except KeyError:
            logging.getLogger("aiortc").exception("failed")

    assert collect(log) == [("aiortc", "failed: KeyError: 'x'")]


def test_an_exception_that_there_is_not_is_left_out() -> None:
    messages = collect(lambda: logging.getLogger("aiortc").error("x", exc_info=True))
    assert messages == [("aiortc", "x")]


def test_another_threads_words_are_not_this_calls() -> None:
    def log() -> None:
        log_elsewhere(lambda: logging.getLogger("aiortc").error("elsewhere"))
        logging.getLogger("aiortc").error("here")

    assert collect(log) == [("aiortc", "here")]


def test_two_calls_each_hear_their_own() -> None:
    here: Messages = []
    there: Messages = []
    begin = threading.Event()

    def log_there() -> None:
        begin.wait(5)
        logging.getLogger("aiortc").error("there")

    other = threading.Thread(target=log_there)
    other.start()
    with (
        forwarded(
            threading.current_thread(), lambda name, text: here.append((name, text))
        ),
        forwarded(other, lambda name, text: there.append((name, text))),
    ):
        begin.set()
        other.join()
        logging.getLogger("aiortc").error("here")
    assert here == [("aiortc", "here")]
    assert there == [("aiortc", "there")]


def test_nothing_is_left_at_the_end() -> None:
    loggers = [logging.getLogger(name) for name in ("aiortc", "aioice")]
    before = [list(logger.handlers) for logger in loggers]

    def fail() -> None:
        assert [logger.handlers for logger in loggers] != before
        raise LookupError

    with pytest.raises(LookupError):
        collect(fail)
    assert [logger.handlers for logger in loggers] == before


def test_socketios_logger_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    collect(lambda: SOCKETIO_LOGGER.error("x"))
    assert capfd.readouterr() == ("", "")
