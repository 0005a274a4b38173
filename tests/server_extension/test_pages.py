"""Pages, the list and the modules, asked for by browsers with and without a login."""

from __future__ import annotations

import asyncio
import sys
import time

import aiohttp
import pytest

from meshwidget import Mesh
from meshwidget.registration import Registration, read
from meshwidget.server_extension.pages import rooms_page

from ..test_registration import registration
from .conftest import Server

MODULES = {
    "panel.js": "text/javascript; charset=utf-8",
    "panel.css": "text/css; charset=utf-8",
}


async def rooms(server: Server, user: aiohttp.ClientSession) -> list[dict[str, str]]:
    """What the list says."""
    async with user.get(f"{server.root}api/rooms") as answer:
        assert answer.status == 200
        assert answer.content_type == "application/json"
        listed: list[dict[str, str]] = (await answer.json())["rooms"]
    return listed


async def test_the_list_has_every_room_and_no_secret(
    server: Server, user: aiohttp.ClientSession, mesh: Mesh
) -> None:
    root = f"{server.base_url}meshwidget/rooms"
    with Mesh(room="two") as other:
        assert await rooms(server, user) == [
            {
                "room_id": each.room_id,
                "room": each.room,
                "page": f"{root}/{each.room_id}/",
                "socket_io": f"{root}/{each.room_id}/socket.io/",
            }
            for each in (mesh, other)
        ]
    assert [each["room_id"] for each in await rooms(server, user)] == [mesh.room_id]


@pytest.mark.parametrize("path", ["", "api/rooms", "rooms/{}/", "static/panel.js"])
async def test_the_secret_is_nowhere(
    server: Server, user: aiohttp.ClientSession, mesh: Mesh, path: str
) -> None:
    async with user.get(server.root + path.format(mesh.room_id)) as answer:
        assert answer.status == 200
        seen = await answer.text() + str(answer.headers)
    assert mesh.credentials()["auth"]["token"] not in seen
    assert str(mesh.url.rpartition(":")[2]) not in seen


async def test_the_page_of_rooms_shows_names_as_text(
    server: Server, user: aiohttp.ClientSession, mesh: Mesh
) -> None:
    async with user.get(server.root) as answer:
        text = await answer.text()
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "&lt;b&gt;one &amp; only&lt;/b&gt;" in text
    assert "<b>" not in text
    assert f'href="rooms/{mesh.room_id}/"' in text


def test_rooms_of_one_name_are_told_apart() -> None:
    now = time.time()
    same = [
        registration("a" * 22, created=now),
        registration("b" * 22, created=now - 9),
    ]
    text = rooms_page(same)
    since = {each for each in text.splitlines() if "since" in each}
    assert len({each.partition(", since ")[2] for each in since}) == 2


def test_the_page_without_rooms_says_what_to_do() -> None:
    assert "Mesh()" in rooms_page([])


@pytest.mark.parametrize("room", ["<script>", '" onclick="x', "'", "&amp;", "\u202e"])
def test_no_name_is_markup(room: str) -> None:
    text = rooms_page([registration(room=room)])
    assert "<script" not in text
    assert text.count('"') == rooms_page([registration()]).count('"')


async def test_a_room_has_a_page(
    server: Server, user: aiohttp.ClientSession, mesh: Mesh
) -> None:
    async with user.get(server.room(mesh)) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


async def test_addresses_without_a_slash_lead_to_those_with_one(
    server: Server, user: aiohttp.ClientSession, mesh: Mesh
) -> None:
    for address in (server.room(mesh), server.root):
        async with user.get(address.rstrip("/")) as answer:
            assert answer.status == 200
            assert str(answer.url) == address


async def test_a_room_that_is_closed_is_gone(
    server: Server, user: aiohttp.ClientSession, mesh: Mesh
) -> None:
    mesh.close()
    async with user.get(server.room(mesh)) as answer:
        assert answer.status == 404
        assert await answer.text() == (
            "There is no such room: its call was closed or its kernel stopped.\n"
        )


async def test_what_a_killed_kernel_left_is_swept_away(
    server: Server, user: aiohttp.ClientSession
) -> None:
    program = "from meshwidget import Mesh; m = Mesh(); print(m.room_id, flush=True);"
    kernel = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", f"{program} input()"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert kernel.stdout is not None
    room_id = (await kernel.stdout.readline()).decode().strip()
    assert room_id in {each["room_id"] for each in await rooms(server, user)}
    kernel.kill()
    await kernel.communicate()
    file = server.runtime / f"meshwidget-{room_id}.json"
    assert file.exists()
    async with user.get(f"{server.root}rooms/{room_id}/") as answer:
        assert answer.status == 404
    assert not file.exists()
    assert await rooms(server, user) == []


async def test_a_file_that_others_can_read_is_no_room(
    server: Server, user: aiohttp.ClientSession, mesh: Mesh
) -> None:
    file = server.runtime / f"meshwidget-{mesh.room_id}.json"
    assert isinstance(read(file), Registration)
    file.chmod(0o644)
    assert await rooms(server, user) == []
    async with user.get(server.room(mesh)) as answer:
        assert answer.status == 404


@pytest.mark.parametrize("name", MODULES)
async def test_modules_are_served_and_asked_for_again(
    server: Server, user: aiohttp.ClientSession, name: str
) -> None:
    url = f"{server.root}static/{name}"
    async with user.get(url) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == MODULES[name]
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        tag = answer.headers["ETag"]
        assert await answer.read()
    async with user.get(url, headers={"If-None-Match": tag}) as answer:
        assert answer.status == 304
        assert not await answer.read()


@pytest.mark.parametrize(
    "path",
    [
        "static/",
        "static/widget.py",
        "static/mesh.py",
        "static/room.html",
        "static/..",
        "static/../panel.js",
        "static/%2e%2e/mesh.py",
        "static/..%2fmesh.py",
        "static/..%252fmesh.py",
        "static/%252e%252e%252fmesh.py",
        "static/..%5cmesh.py",
        "static/%2fetc%2fpasswd",
        "static//etc/passwd",
        "static/panel.js/",
        "static/panel.js%00",
        "static/PANEL.JS",
        "rooms/",
        "rooms/short/",
        "rooms/../api/rooms/",
        "rooms/..%2f..%2fapi/",
        "rooms/http:%2f%2fevil.example/",
        "rooms/" + "x" * 22 + "/",
        "rooms/" + "x" * 65 + "/",
        "rooms/" + "x" * 22 + "%0a/",
        "rooms/" + "x" * 22 + "/../../api",
        "api/",
        "api/rooms/",
    ],
)
async def test_paths_that_are_none(
    server: Server, user: aiohttp.ClientSession, path: str
) -> None:
    from yarl import URL

    url = URL(server.root + path, encoded=True)  # as a hostile client writes it
    async with user.get(url, allow_redirects=False) as answer:
        assert answer.status in {302, 404}, await answer.text()
        if answer.status == 302:  # Jupyter's own answer to a slash too many
            assert answer.headers["Location"].startswith(server.base_url)


# Who may ------------------------------------------------------------------------------

PATHS = ["", "api/rooms", "rooms/{}/", "rooms/{}", "static/panel.js"]


@pytest.mark.parametrize("token", [None, "", "wrong"])
@pytest.mark.parametrize("path", PATHS)
async def test_without_a_login_there_is_nothing(
    server: Server,
    nobody: aiohttp.ClientSession,
    mesh: Mesh,
    path: str,
    token: str | None,
) -> None:
    url = server.root + path.format(mesh.room_id)
    parameters = {} if token is None else {"token": token}
    async with nobody.get(url, params=parameters, allow_redirects=False) as answer:
        assert answer.status == (403 if path == "api/rooms" else 302)
        if answer.status == 302:
            login = answer.headers["Location"]
            assert login.startswith(f"{server.base_url}login?")
        assert mesh.room_id not in (await answer.text())


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", "same-origin"])
async def test_a_page_of_jupyters_imports_modules_without_a_login(
    server: Server, nobody: aiohttp.ClientSession, site: str
) -> None:
    """JupyterHub takes no cookie of an import; a module has nothing of anybody's."""
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "cors"}
    url = f"{server.root}static/transport.js"
    async with nobody.get(url, headers=headers, allow_redirects=False) as answer:
        assert answer.status == (200 if site == "same-origin" else 302)
    foreign = headers | {"Origin": "http://evil.example"}
    async with nobody.get(url, headers=foreign, allow_redirects=False) as answer:
        assert answer.status == (403 if site == "same-origin" else 302)
    async with nobody.get(
        server.root, headers=headers, allow_redirects=False
    ) as answer:
        assert answer.status == 302, "pages are another thing"


@pytest.mark.parametrize("path", PATHS)
async def test_a_token_is_a_login(
    server: Server, nobody: aiohttp.ClientSession, mesh: Mesh, path: str
) -> None:
    url = server.root + path.format(mesh.room_id)
    async with nobody.get(url, params={"token": server.token}) as answer:
        assert answer.status == 200
    headers = {"Authorization": f"token {server.token}"}
    async with nobody.get(url, headers=headers) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "file://"])
@pytest.mark.parametrize("path", ["", "api/rooms", "rooms/{}/", "static/panel.js"])
async def test_pages_of_other_sites_are_refused(
    server: Server,
    user: aiohttp.ClientSession,
    mesh: Mesh,
    path: str,
    origin: str,
) -> None:
    url = server.root + path.format(mesh.room_id)
    async with user.get(url, headers={"Origin": origin}) as answer:
        assert answer.status == 403
    async with user.get(url, headers={"Origin": server.origin}) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", [*PATHS, "rooms/{}/socket.io/"])
async def test_nothing_can_be_changed(
    server: Server, user: aiohttp.ClientSession, mesh: Mesh, path: str, method: str
) -> None:
    url = server.root + path.format(mesh.room_id)
    async with user.request(method, url) as answer:
        assert answer.status in {403, 405}
