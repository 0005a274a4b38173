"""A real Jupyter server with the extension, and calls that it finds."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from meshwidget import Mesh

START_SECONDS = 60


@dataclass(frozen=True)
class Server:
    """A running Jupyter server.

    Attributes
    ----------
    origin : str
        Scheme, host and port.
    base_url : str
        With a slash at both ends.
    runtime : Path
        Its runtime directory, which calls share.
    """

    origin: str
    base_url: str
    token: str
    runtime: Path

    @property
    def root(self) -> str:
        """Where the extension is."""
        return f"{self.origin}{self.base_url}meshwidget/"

    def room(self, mesh: Mesh) -> str:
        """Where a call's room is."""
        return f"{self.root}rooms/{mesh.room_id}/"

    def socket_io(self, mesh: Mesh) -> str:
        """Where a WebSocket of socket.io's is opened."""
        return f"{self.room(mesh)}socket.io/?EIO=4&transport=websocket"


@pytest.fixture(scope="session")
def server(
    tmp_path_factory: pytest.TempPathFactory, extension_enabled: None
) -> Iterator[Server]:
    """Under a base URL, with the extension."""
    home = tmp_path_factory.mktemp("server")
    token = secrets.token_hex()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.base_url": "/some/base/",
        "ServerApp.root_dir": home,
        "ServerApp.allow_root": True,
        "ServerApp.open_browser": False,
        "IdentityProvider.token": token,
    }
    command = [sys.executable, "-m", "jupyter_server"]
    command += [f"--{name}={value}" for name, value in arguments.items()]
    runtime = Path(os.environ["JUPYTER_RUNTIME_DIR"])
    log = home / "log"
    with (
        log.open("w") as output,
        subprocess.Popen(command, stdout=output, stderr=output) as process,
    ):
        try:
            end = time.monotonic() + START_SECONDS
            while not _answers(port):
                if process.poll() is not None or time.monotonic() > end:
                    pytest.fail("Jupyter's server does not start:\n" + log.read_text())
                time.sleep(0.05)
            yield Server(f"http://127.0.0.1:{port}", "/some/base/", token, runtime)
        finally:
            process.terminate()
            process.wait(START_SECONDS)
    assert "Traceback" not in log.read_text(), log.read_text()


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@pytest.fixture
async def user(server: Server) -> AsyncIterator[aiohttp.ClientSession]:
    """A browser that is logged in: with a cookie, as pages have it."""
    jar = aiohttp.CookieJar(unsafe=True)  # of an address without a name
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        async with session.get(f"{server.root}?token={server.token}") as answer:
            assert answer.status == 200
        yield session


@pytest.fixture
async def nobody() -> AsyncIterator[aiohttp.ClientSession]:
    """A browser that is not."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def mesh(server: Server) -> Iterator[Mesh]:
    """A call in a kernel: here, in this process."""
    with Mesh(room="<b>one & only</b>") as made:
        yield made
