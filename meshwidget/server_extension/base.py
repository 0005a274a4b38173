"""What all answers of the extension have in common."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from tornado import web

from ..registration import Registration, find, runtime_directory


class Handler(JupyterHandler):
    """One of the extension's: for this user, from Jupyter's own pages, in sentences."""

    auth_resource = "meshwidget"

    def refuse_foreign_pages(self) -> None:
        """Refuse pages of other origins, whose scripts would act in the user's name.

        Raises
        ------
        tornado.web.HTTPError
            403.
        """
        if not self.check_origin():
            raise web.HTTPError(403, "This page belongs to another site.")

    def find_room(self, room_id: str) -> Registration:
        """Where the room's kernel is.

        Raises
        ------
        tornado.web.HTTPError
            404, also when it was there and is gone.
        """
        registration = find(runtime_directory(), room_id)
        if registration is None:
            raise web.HTTPError(
                404, "There is no such room: its call was closed or its kernel stopped."
            )
        return registration

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say what happened in a sentence; never more than that."""
        _, error, _ = kwargs.get("exc_info", (None, None, None))
        sentence = getattr(error, "log_message", None) or HTTPStatus(status_code).phrase
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{sentence}\n")
