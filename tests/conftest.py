"""What all tests share: no silent skips, no leaks, and no trace in the user's home.

The hooks and fixtures here must not know how a call works.
"""

import asyncio
import contextlib
import gc
import os
import shutil
import signal
import tempfile
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

HOMES = (
    "IPYTHONDIR",
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
)
"""Where Jupyter and Chromium keep what they keep."""

ROOT = Path(__file__).parent.parent

# The same examples each time, and no test that fails because another program took the
# processor for a moment; ``--hypothesis-profile=default`` tries new examples.
settings.register_profile(
    "same",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("same")


def pytest_configure(config: pytest.Config) -> None:
    """Keep the tests out of the user's settings, and those out of the tests.

    Kernels, servers and browsers that tests start inherit these variables.
    """
    home = tempfile.mkdtemp(prefix="meshwidget-tests-")
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))
    environment = pytest.MonkeyPatch()
    config.add_cleanup(environment.undo)
    for name in HOMES:
        environment.setenv(name, os.path.join(home, name.lower()))
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # As in the background of a shell. Processes of ours that are to be interrupted
        # would inherit it.
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Fail a run in which anything was skipped: a part that did not run is not tested.

    The reasons are in pytest's summary (``-rs``).
    """
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
    return (yield)


@pytest.hookimpl
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say why a run that skipped tests has failed."""
    if skipped := terminalreporter.stats.get("skipped"):
        terminalreporter.write_line(
            f"{len(skipped)} skipped: the run fails, because everything must run",
            red=True,
        )


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """A Chromium to drive: what ``tests/run`` found, or the first one on ``PATH``."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    candidates = [os.environ.get("MESHWIDGET_CHROMIUM"), *map(shutil.which, names)]
    for path in filter(None, candidates):
        return path
    pytest.fail("no Chromium on PATH: tests/run finds or installs one")


@pytest.fixture(scope="session")
def extension_enabled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Jupyter servers started from here on have the extension.

    By what installing the package puts beside it, and also where it is not installed
    but found on the path.
    """
    shared = tmp_path_factory.mktemp("shared")
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wheel = settings["tool"]["hatch"]["build"]["targets"]["wheel"]
    for source, target in wheel["shared-data"].items():
        (shared / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / source, shared / target)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("JUPYTER_CONFIG_PATH", str(shared / "etc" / "jupyter"))
        yield


LeakCheck = Callable[..., AbstractContextManager[None]]


@pytest.fixture
def leaks() -> LeakCheck:
    """A context manager that fails when its block leaves something behind.

    ``with leaks(): ...`` compares threads, unfinished asyncio tasks and (on Linux) open
    files and sockets before and after, and allows ``deadline`` seconds for the last of
    them to end. What is made once a process and kept (a thread pool, a cache) must be
    made before the block.
    """
    return _no_leaks


@contextlib.contextmanager
def _no_leaks(deadline: float = 5.0) -> Iterator[None]:
    gc.collect()
    before = _held()
    yield
    end = time.monotonic() + deadline
    while left := _held() - before:
        if time.monotonic() > end:
            pytest.fail("left behind: " + "; ".join(sorted(map(str, left))))
        for thread in threading.enumerate():
            if ("thread", thread) in left:
                thread.join(max(0.0, end - time.monotonic()))
        gc.collect()  # a cycle may hold a socket; also takes its time, so no busy loop


def _held() -> set[tuple[str, object]]:
    """Everything that a leak would add to."""
    tasks = (each for each in gc.get_objects() if isinstance(each, asyncio.Task))
    return {
        *(("thread", thread) for thread in threading.enumerate()),
        *(("task", task) for task in tasks if not task.done()),
        *(("file", entry) for entry in _open_files()),
    }


def _open_files() -> Iterator[str]:
    """Yield number and target of each descriptor; none where there is no /proc."""
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():
        return
    for entry in descriptors.iterdir():
        with contextlib.suppress(FileNotFoundError):  # the listing's own
            yield f"{entry.name} -> {os.readlink(entry)}"
