"""A real JupyterLab on a free port, a Chromium, and notebooks run in them."""

import contextlib
import json
import re
import secrets
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Locator,
    Page,
    expect,
    sync_playwright,
)

ACTION_SECONDS = 20
"""For a page to do what is expected of it, on a machine that does other things too."""

START_SECONDS = 60

LAB_SETTINGS = {
    # Nothing is fetched from outside, nothing pops up.
    "apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
    },
}


KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab.

    Attributes
    ----------
    url : str
        Without a slash at its end.
    root : Path
        The directory that it serves.
    """

    url: str
    token: str
    root: Path

    def address(self, notebook: str) -> str:
        """Where a browser finds a notebook."""
        return f"{self.url}/lab/tree/{notebook}?token={self.token}&reset"

    def request(self, method: str, path: str) -> object:
        """Ask the server's REST interface."""
        request = urllib.request.Request(
            f"{self.url}/api/{path}",
            method=method,
            headers={"Authorization": f"token {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=ACTION_SECONDS) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def shut_down_kernels(self) -> None:
        """End what a test has started: a call costs as long as its kernel lives."""
        sessions = self.request("GET", "sessions")
        assert isinstance(sessions, list)
        for session in sessions:
            self.request("DELETE", f"sessions/{session['id']}")


@pytest.fixture(scope="session")
def lab(
    tmp_path_factory: pytest.TempPathFactory, extension_enabled: None
) -> Iterator[Lab]:
    """A JupyterLab with settings, workspaces and files of its own."""
    home = tmp_path_factory.mktemp("lab")
    for name in ("root", "settings", "workspaces"):
        (home / name).mkdir()
    for name, settings in LAB_SETTINGS.items():
        file = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(settings))
    port, token = _free_port(), secrets.token_hex()
    arguments = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.root_dir": home / "root",
        "ServerApp.allow_root": True,
        "ServerApp.open_browser": False,
        "IdentityProvider.token": token,
        "LabApp.user_settings_dir": home / "settings",
        "LabApp.workspaces_dir": home / "workspaces",
        "LabApp.extension_manager": "readonly",
    }
    command = [sys.executable, "-m", "jupyterlab"]
    command += [f"--{name}={value}" for name, value in arguments.items()]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        printed: list[str] = []
        running = threading.Event()
        reader = threading.Thread(
            target=_read, args=(process.stdout, printed, running), daemon=True
        )
        reader.start()
        try:
            if not running.wait(START_SECONDS) or process.poll() is not None:
                pytest.fail("JupyterLab does not start:\n" + "".join(printed))
            yield Lab(f"http://127.0.0.1:{port}", token, home / "root")
        finally:
            process.terminate()
            process.wait(ACTION_SECONDS)
            reader.join(ACTION_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _read(lines: Iterator[str], printed: list[str], running: threading.Event) -> None:
    for line in lines:
        printed.append(line)
        if "is running at" in line:
            running.set()
    running.set()  # it has ended; whoever waits finds out


CAMERA_FLAGS = [
    "--use-fake-device-for-media-stream=fps=30",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
]
"""A camera and a microphone, given without a question; ICE without a network."""


@pytest.fixture(scope="module")
def chromium_flags(request: pytest.FixtureRequest) -> list[str]:
    """What a module's Chromium is started with besides: its ``CHROMIUM_FLAGS``."""
    flags: list[str] = getattr(request.module, "CHROMIUM_FLAGS", [])
    return flags


@pytest.fixture(scope="module")
def browser(chromium_path: str, chromium_flags: list[str]) -> Iterator[Browser]:
    """One Chromium for a module's tests.

    Not for the session: as long as Playwright runs, asyncio's tests cannot.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--no-first-run",
                *chromium_flags,
            ],
        )
        yield browser
        browser.close()


class Notebook:
    """A notebook in a page of JupyterLab."""

    def __init__(self, lab: Lab, page: Page, name: str) -> None:
        self.lab = lab
        self.page = page
        self.name = name
        self.errors: list[str] = []
        self.forgiven: tuple[str, ...] = ()
        """Words of errors that belong to what a test does."""
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", _accept)

    def open(self) -> None:
        """Go there, or load the page again."""
        self.page.goto(self.lab.address(self.name))
        expect(self.cells.first).to_be_visible(timeout=START_SECONDS * 1000)
        self.wait_idle()

    def run_all(self) -> None:
        """Run > Run All Cells, to the end."""
        before = self._last_prompt.inner_text()
        self.menu("Run", "Run All Cells")
        expect(self._last_prompt).not_to_have_text(before)
        self.wait_run()

    def run_last(self) -> None:
        """Run the last cell."""
        self.start_last()
        self.wait_run()

    def start_last(self) -> None:
        """Begin to run the last cell."""
        before = self._last_prompt.inner_text()
        self.cells.last.locator(".jp-InputPrompt").click()
        self.page.keyboard.press("Control+Enter")
        expect(self._last_prompt).not_to_have_text(before)

    def run_cell(self, index: int) -> str:
        """Run one code cell, to the end; returns the text of its outputs."""
        cell = self.cells.nth(index)
        cell.locator(".jp-InputPrompt").click()
        self.page.keyboard.press("Control+Enter")
        prompt = cell.locator(".jp-InputArea-prompt")
        expect(prompt).to_have_text(re.compile(r"\[\d+\]:"))
        texts = cell.locator(".jp-OutputArea-output").all_inner_texts()
        return "\n".join(texts).strip()

    def add_cell(self, source: str) -> None:
        """Append a code cell."""
        count = self.cells.count()
        self.cells.last.locator(".jp-InputPrompt").click()
        self.page.keyboard.press("b")
        expect(self.cells).to_have_count(count + 1)
        self.cells.last.locator(".cm-content").fill(source)

    def wait_run(self) -> None:
        """Until the last cell has run."""
        expect(self._last_prompt).to_have_text(re.compile(r"\[\d+\]:"))

    def menu(self, *path: str) -> None:
        """Choose from the menus."""
        for name in path:
            label = re.compile(f"^{re.escape(name)}$")
            labels = self.page.locator(".lm-MenuBar-itemLabel, .lm-Menu-itemLabel")
            labels.filter(has_text=label, visible=True).click()

    def wait_idle(self) -> None:
        """Until the kernel is there and has nothing to do."""
        status = self.page.get_by_text("Python 3 (ipykernel) | Idle")
        expect(status).to_be_visible(timeout=START_SECONDS * 1000)

    @property
    def _last_prompt(self) -> Locator:
        return self.cells.last.locator(".jp-InputArea-prompt")

    @property
    def cells(self) -> Locator:
        """Its code cells."""
        return self.page.locator(".jp-CodeCell")

    @property
    def views(self) -> Locator:
        """All views of meshes in the page."""
        return self.page.locator("section.meshwidget")

    def _note(self, message: ConsoleMessage) -> None:
        is_ours = message.type == "error" and "meshwidget" in message.text
        if is_ours and not any(words in message.text for words in self.forgiven):
            self.errors.append(message.text)


def _accept(dialog: Dialog) -> None:
    dialog.accept()


OpenNotebook = Callable[..., Notebook]


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Pages that share a window, as tabs do."""
    expect.set_options(timeout=ACTION_SECONDS * 1000)
    with contextlib.closing(
        browser.new_context(viewport={"width": 1280, "height": 1000})
    ) as context:
        context.set_default_timeout(ACTION_SECONDS * 1000)
        yield context


@pytest.fixture
def kernels(lab: Lab) -> Iterator[None]:
    """Those that a test starts: they and their calls end with it, however it ends."""
    yield
    lab.shut_down_kernels()


@pytest.fixture
def notebook(
    lab: Lab, kernels: None, context: BrowserContext
) -> Iterator[OpenNotebook]:
    """Open a notebook with these cells; at the end nothing may have failed in it."""
    opened: list[Notebook] = []

    def open_notebook(*sources: str) -> Notebook:
        name = f"{secrets.token_hex(4)}.ipynb"
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        content = nbformat.v4.new_notebook(cells=cells, metadata=KERNEL)
        nbformat.write(content, lab.root / name)
        notebook = Notebook(lab, context.new_page(), name)
        opened.append(notebook)
        notebook.open()
        return notebook

    yield open_notebook
    for each in opened:
        each.page.close()
    assert [each.errors for each in opened] == [[] for each in opened]
