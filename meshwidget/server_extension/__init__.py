"""The Jupyter server extension: browsers reach calls by Jupyter's address and login.

Under ``{base_url}meshwidget/`` it serves a page of the rooms of this user's kernels,
the same as JSON, a page for each room, our own modules, and the WebSockets of each
room: socket.io's and the views'. A kernel's port and its secret stay behind it.

It runs in the Jupyter server's process and knows nothing of calls: what it knows of one
is its registration.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join

from ..registration import ROOM_ID
from .pages import (
    ModuleHandler,
    RoomPageHandler,
    RoomsApiHandler,
    RoomsPageHandler,
    SlashHandler,
)
from .relay import SocketIoRelay, ViewRelay
from .sockets import OpenSockets


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "meshwidget.server_extension"}]


def _load_jupyter_server_extension(app: ServerApp) -> None:
    sockets = {"sockets": OpenSockets()}
    room = rf"rooms/({ROOM_ID})"
    handlers: list[tuple[Any, ...]] = [
        (r"", SlashHandler),
        (r"/", RoomsPageHandler),
        (r"/api/rooms", RoomsApiHandler),
        (r"/static/([a-z_.]{1,64})", ModuleHandler),
        (rf"/{room}", SlashHandler),
        (rf"/{room}/", RoomPageHandler),
        (rf"/{room}/socket\.io/", SocketIoRelay, sockets),
        (rf"/{room}/views/([A-Za-z0-9_-]{{1,64}})", ViewRelay, sockets),
    ]
    root = url_path_join(app.web_app.settings["base_url"], "meshwidget")
    add_handlers: Callable[[str, list[Any]], None] = app.web_app.add_handlers
    add_handlers(".*$", [(root + path, *handler) for path, *handler in handlers])
