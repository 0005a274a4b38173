"""Where an invitation leads to, and what it says where there is nowhere to lead to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from meshwidget import Mesh
from meshwidget.events import RegistrationSkipped
from meshwidget.invitation import JupyterServer, find_jupyter_server, invitation_to


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime directory, and an environment in which nobody started this process."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    for name in ("JPY_PARENT_PID", "JUPYTERHUB_SERVICE_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def announce(directory: Path, pid: int, *, mode: int = 0o600, **fields: Any) -> None:
    """What a Jupyter server writes of itself."""
    path = directory / f"jpserver-{pid}.json"
    port = fields.pop("port", 8888)
    base_url = fields.pop("base_url", "/")
    content = {
        "base_url": base_url,
        "url": f"http://localhost:{port}{base_url}",
        "pid": pid,
        "token": "the server's secret",
        **fields,
    }
    path.write_text(json.dumps(content))
    path.chmod(mode)


def ended_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_the_server_that_started_the_kernel_is_the_one(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    announce(runtime, 4_000_000, base_url="/other/")
    announce(runtime, 4_000_001, base_url="/user/ann/", port=9999)
    monkeypatch.setenv("JPY_PARENT_PID", "4000001")
    with Mesh() as mesh:
        invitation = mesh.invite()
        page = f"/user/ann/meshwidget/rooms/{mesh.room_id}/"
        assert invitation.path == page
        assert invitation.url == f"http://localhost:9999{page}"
        assert page in str(invitation)
        assert f'href="{page}"' in invitation._repr_html_()
        shown = f"{invitation} {invitation!r} {invitation._repr_html_()}"
        assert mesh.credentials()["auth"]["token"] not in shown
        assert "the server's secret" not in shown


def test_on_a_hub_the_prefix_is_known(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ann")
    with Mesh() as mesh:
        invitation = mesh.invite()
        assert invitation.path == f"/user/ann/meshwidget/rooms/{mesh.room_id}/"
        assert invitation.url is None
        assert "on this machine" not in str(invitation)


def test_a_script_is_found_by_a_server_that_runs(runtime: Path) -> None:
    announce(runtime, ended_pid(), base_url="/gone/")
    assert find_jupyter_server(runtime) is None
    announce(runtime, os.getpid(), base_url="/here/")
    found = find_jupyter_server(runtime)
    assert found == JupyterServer("/here/", "http://localhost:8888/here/")


def test_without_a_server_the_other_way_is_said(runtime: Path) -> None:
    with Mesh() as mesh:
        invitation = mesh.invite()
        assert invitation.path is invitation.url is None
        for text in (str(invitation), invitation._repr_html_()):
            assert mesh.url in text
            assert "mesh.credentials()" in text


def test_a_call_that_jupyter_does_not_know_has_no_page(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    announce(runtime, os.getppid())
    with Mesh() as known:
        assert known.invite().path is not None
    (runtime / "file").touch()
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("JUPYTER_RUNTIME_DIR", str(runtime / "file" / "x"))
        unknown = Mesh()
    with unknown:
        assert unknown.log.of(RegistrationSkipped)
        assert unknown.invite().path is None


@pytest.mark.parametrize("pid", ["", "x", "-1", "../../etc/x", "٣"])
def test_a_parent_that_is_no_number(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, pid: str
) -> None:
    monkeypatch.setenv("JPY_PARENT_PID", pid)
    assert find_jupyter_server(runtime) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"mode": 0o644},
        {"base_url": 7},
        {"base_url": "javascript:alert(1)//"},
        {"base_url": ""},
        {"url": []},
    ],
)
def test_files_that_are_not_believed(runtime: Path, fields: dict[str, Any]) -> None:
    announce(runtime, os.getpid(), **fields)
    (runtime / "jpserver-.json").touch(0o600)
    (runtime / "jpserver-x.json").touch(0o600)
    (runtime / f"jpserver-{10**30}.json").touch(0o600)
    assert find_jupyter_server(runtime) is None


def test_names_are_text_in_a_link() -> None:
    server = JupyterServer('/"><script>/', "http+unix://x/")
    invitation = invitation_to("<b>", "r" * 22, "http://127.0.0.1:1", server)
    text = invitation._repr_html_()
    assert "<script" not in text
    assert "<b>" not in text
    assert invitation.url is None
