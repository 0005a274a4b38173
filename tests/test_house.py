"""The house itself: what tests/run, the shared fixtures and the package promise."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import LeakCheck

TESTS = Path(__file__).parent


def bash(code: str, path: list[Path]) -> subprocess.CompletedProcess[str]:
    """Run with the functions of environment.sh, seeing these programs only."""
    environment = {**os.environ, "PATH": os.pathsep.join(map(str, path))}
    executable = shutil.which("bash")
    assert executable is not None
    return subprocess.run(
        [
            executable,
            "-euo",
            "pipefail",
            "-c",
            f"source '{TESTS}/environment.sh'\n{code}",
        ],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.fixture
def machine(tmp_path: Path) -> Callable[..., list[Path]]:
    """Make a PATH with a few tools and the given programs: a name and its script."""

    def make(**programs: str) -> list[Path]:
        for name in ("basename", "dirname", "id"):
            tool = shutil.which(name)
            assert tool is not None
            (tmp_path / name).symlink_to(tool)
        for name, script in programs.items():
            program = tmp_path / name.replace("_", ".")
            program.write_text(f"#!/bin/sh\n{script}\n")
            program.chmod(0o755)
        return [tmp_path]

    return make


Machine = Callable[..., list[Path]]
REAL = f'exec "{sys.executable}" "$@"'


def test_a_python_that_does_not_run_is_passed_over(machine: Machine) -> None:
    # What pyenv leaves on PATH for a version that is not chosen.
    shim = "echo 'pyenv: python3: command not found' >&2; exit 127"
    path = machine(python3=shim, python3_13=shim, python3_12=REAL)
    found = bash("choose_python", path)
    assert found.stdout == f"{path[0]}/python3.12\n"


def test_a_python_that_is_too_old_is_passed_over(machine: Machine) -> None:
    old = 'echo "AssertionError" >&2; exit 1'
    path = machine(python3=old, python3_11=REAL)
    assert bash("choose_python", path).stdout == f"{path[0]}/python3.11\n"


def test_without_a_python_the_way_out_is_said(machine: Machine) -> None:
    found = bash("choose_python", machine(python3="exit 127"))
    assert found.returncode == 1
    assert "found no Python 3.11 or later" in found.stderr


def test_without_venv_the_way_out_is_said(machine: Machine) -> None:
    # A Debian where python3-venv is missing and apt-get cannot be used.
    script = f'case "$2" in *ensurepip*) exit 1;; esac\n{REAL}'
    found = bash("choose_python", machine(python3=script))
    assert found.returncode == 1
    assert "sudo apt-get install python3-venv" in found.stderr


def test_a_stage_that_fails_ends_the_run(machine: Machine) -> None:
    done = bash("broken() { false; true; }; stage this broken; echo on", machine())
    assert done.returncode == 1
    assert "== this: FAILED" in done.stderr
    assert "on" not in done.stdout.splitlines()


def test_a_skipped_test_fails_the_run(tmp_path: Path) -> None:
    shutil.copy(TESTS / "conftest.py", tmp_path)
    test = tmp_path / "test_it.py"
    test.write_text("import pytest\ndef test_it():\n    pytest.skip('no microphone')\n")
    command = [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", "."]
    run = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30
    )
    assert run.returncode == pytest.ExitCode.TESTS_FAILED
    assert "1 skipped: the run fails" in run.stdout
    assert "no microphone" in run.stdout


def test_the_tests_leave_nothing_in_the_home_directory() -> None:
    from jupyter_core.paths import jupyter_config_dir, jupyter_data_dir

    for directory in (jupyter_config_dir(), jupyter_data_dir()):
        assert Path(directory).is_relative_to(tempfile.gettempdir())


def test_what_ends_in_time_is_no_leak(leaks: LeakCheck) -> None:
    ending = threading.Event()
    with leaks():
        threading.Thread(target=ending.wait, args=(20,)).start()
        threading.Timer(0.05, ending.set).start()


def test_a_thread_that_goes_on_is_a_leak(leaks: LeakCheck) -> None:
    ending = threading.Event()
    thread = threading.Thread(target=ending.wait, args=(20,), name="lingering")
    with (
        pytest.raises(pytest.fail.Exception, match=r"left behind: .*lingering"),
        leaks(deadline=0.05),
    ):
        thread.start()
    ending.set()
    thread.join()


def test_a_file_that_stays_open_is_a_leak(leaks: LeakCheck, tmp_path: Path) -> None:
    if not Path("/proc/self/fd").exists():
        return  # files are looked at on Linux only
    with (tmp_path / "kept").open("w") as file:
        with (
            pytest.raises(pytest.fail.Exception, match=r"left behind: .*kept"),
            leaks(deadline=0.05),
        ):
            other = os.dup(file.fileno())
        os.close(other)


async def test_a_task_that_goes_on_is_a_leak(leaks: LeakCheck) -> None:
    with (
        pytest.raises(pytest.fail.Exception, match=r"left behind: .*forever"),
        leaks(deadline=0.05),
    ):
        task = asyncio.create_task(asyncio.Event().wait(), name="forever")
    task.cancel()


def test_what_is_no_python_is_in_the_package_too() -> None:
    import meshwidget

    package = Path(meshwidget.__file__).parent
    for name in ("py.typed", "views/panel.js", "views/panel.css"):
        assert (package / name).is_file()


def test_importing_is_quick_and_needs_no_widgets() -> None:
    code = (
        "import sys, meshwidget; meshwidget.Mesh;"
        "print({'ipywidgets', 'anywidget', 'nest_asyncio'} & set(sys.modules))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert run.stdout == "set()\n"
