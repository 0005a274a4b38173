"""What the extension serves by GET: two pages, a list and our own modules.

Addresses in pages are relative, so that they are right under any base URL and behind
any proxy.
"""

from __future__ import annotations

import html
import time
from pathlib import Path

from jupyter_server.auth.decorator import allow_unauthenticated, authorized
from jupyter_server.utils import ensure_async, url_path_join
from tornado import web

from ..registration import Registration, running, runtime_directory
from .base import Handler

_VIEWS = Path(__file__).parent.parent / "views"

_MODULES = {
    "guest.css": "text/css",
    "guest.js": "text/javascript",
    "panel.css": "text/css",
    "panel.js": "text/javascript",
    "room.css": "text/css",
    "room.js": "text/javascript",
    "transport.js": "text/javascript",
}
"""What a browser may have of the package, and as what."""

_PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        # Diagrams are SVG with styles of their own.
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        # The clock of a picture that is drawn.
        "worker-src blob:",
        "connect-src 'self'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
    )
)
"""Nothing from elsewhere, and nothing that a name in a room could smuggle in."""


class Page(Handler):
    """Something that is looked at again after an upgrade: kept, but asked for anew."""

    def answer(self, content: str | bytes, content_type: str) -> None:
        """Send it, or the news that it has not changed (tornado compares the ETag)."""
        self.set_header("Content-Type", f"{content_type}; charset=utf-8")
        self.set_header("Cache-Control", "no-cache")
        self.finish(content)


class HtmlPage(Page):
    """A page of ours."""

    @property
    def content_security_policy(self) -> str:
        """For Jupyter's base class."""
        return _PAGE_POLICY


class SlashHandler(Handler):
    """Leads to the same address with a slash, which relative addresses need."""

    @web.authenticated
    @authorized
    def get(self, room_id: str = "meshwidget") -> None:
        """Redirect."""
        self.redirect(f"{room_id}/")


class RoomsPageHandler(HtmlPage):
    """The rooms of this user's kernels, to click on."""

    @web.authenticated
    @authorized
    def get(self) -> None:
        """Serve it."""
        self.refuse_foreign_pages()
        self.answer(rooms_page(running(runtime_directory())), "text/html")


class RoomsApiHandler(Page):
    """The same for programs."""

    @web.authenticated
    @authorized
    def get(self) -> None:
        """Serve it."""
        self.refuse_foreign_pages()
        root = url_path_join(self.base_url, "meshwidget/rooms")
        rooms = [
            {
                "room_id": each.room_id,
                "room": each.room,
                "page": f"{root}/{each.room_id}/",
                "socket_io": f"{root}/{each.room_id}/socket.io/",
            }
            for each in running(runtime_directory())
        ]
        self.set_header("Cache-Control", "no-store")
        self.finish({"rooms": rooms})

    def get_login_url(self) -> str:
        """For programs there is no page to log in at."""
        raise web.HTTPError(403, "Log in to Jupyter, or give its token.")


class RoomPageHandler(HtmlPage):
    """The page of one room."""

    @web.authenticated
    @authorized
    def get(self, room_id: str) -> None:
        """Serve it if there is such a room."""
        self.refuse_foreign_pages()
        self.find_room(room_id)
        self.answer((_VIEWS / "room.html").read_bytes(), "text/html")


class ModuleHandler(Page):
    """One of our own modules or style sheets."""

    @allow_unauthenticated
    async def get(self, name: str) -> None:
        """Serve it if it is one of those meant for browsers."""
        # A page of Jupyter's that imports a module cannot add what JupyterHub wants to
        # see beside its cookie, and there is nothing of anybody's in our modules.
        if self.request.headers.get("Sec-Fetch-Site") == "same-origin":
            self._serve(name)
        else:
            await ensure_async(self._serve_user(name))

    @web.authenticated
    @authorized
    def _serve_user(self, name: str) -> None:
        self._serve(name)

    def _serve(self, name: str) -> None:
        self.refuse_foreign_pages()
        if name not in _MODULES or not (_VIEWS / name).is_file():
            raise web.HTTPError(404, "There is no such module.")
        self.answer((_VIEWS / name).read_bytes(), _MODULES[name])


def rooms_page(rooms: list[Registration]) -> str:
    """HTML of the list. Names are text in it, whatever is in them."""
    items = "\n".join(
        f'<li><a href="rooms/{each.room_id}/">room {html.escape(each.room)}</a>, '
        f"since {time.strftime('%H:%M:%S', time.localtime(each.created))}</li>"
        for each in rooms
    )
    none = "<p>No call is running. Make one in a notebook: <code>Mesh()</code></p>"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>meshwidget</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 15px/1.6 system-ui, sans-serif; margin: 1.5rem auto; padding: 0 1rem;
  max-width: 40rem; }}
h1 {{ font-size: 1.3rem; font-weight: 600; }}
li {{ overflow-wrap: anywhere; }}
</style>
</head>
<body>
<h1>Calls in your kernels</h1>
{f"<ul>{items}</ul>" if rooms else none}
</body>
</html>
"""
