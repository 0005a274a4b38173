"""The part of :class:`~meshwidget.mesh.Mesh` that says how others get into a call."""

from __future__ import annotations

import ipaddress
import os
import secrets
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from .call import Call
from .events import RegistrationSkipped
from .invitation import Invitation, find_jupyter_server, invitation_to
from .registration import (
    registration_of_this_process,
    remove,
    running,
    runtime_directory,
    write,
)
from .signaling.limits import MAX_TOKEN_LENGTH, MIN_TOKEN_LENGTH


class AccessMethods:
    """What others need to get in."""

    _call: Call

    @property
    def room_id(self) -> str:
        """The call's own id, in addresses under Jupyter's; nobody can guess it."""
        return self._call.room_id

    def credentials(self) -> dict[str, Any]:
        """What a script's own socket.io client gives to ``connect`` beside the URL.

        Either of the two is enough. Whoever has them can join, so they are for
        programs, not for pages: a browser comes in through Jupyter's own login.

        Returns
        -------
        dict
            ``{"auth": {"token": ...}, "headers": {"Authorization": "Bearer ..."}}``

        Examples
        --------
        >>> client = socketio.AsyncClient()
        >>> await client.connect(mesh.url, **mesh.credentials())
        """
        token = self._call.token
        return {
            "auth": {"token": token},
            "headers": {"Authorization": f"Bearer {token}"},
        }

    def invite(self) -> Invitation:
        """Where others find this call's room: a page for anybody with a login.

        The page is on the Jupyter server that started this kernel, or else on one of
        this user's, and takes the package installed there.

        Returns
        -------
        Invitation
            A link in a notebook, a sentence elsewhere; its ``path`` is None when there
            is no such server.
        """
        call = self._call
        # What Jupyter was not told of it does not show.
        unknown = bool(call.log.of(RegistrationSkipped))
        server = None if unknown else find_jupyter_server(runtime_directory())
        return invitation_to(call.room, call.room_id, call.server.url, server)


def register(call: Call) -> Callable[[], None]:
    """Tell Jupyter of a call; a call that cannot be told of works all the same.

    Returns
    -------
    callable
        Takes it back.
    """
    url = urlsplit(call.server.url)
    assert url.hostname is not None
    assert url.port is not None
    try:
        directory = runtime_directory()
        running(directory)  # sweeps
        path = write(
            directory,
            registration_of_this_process(
                room_id=call.room_id,
                room=call.room,
                host=_reachable(url.hostname),
                port=url.port,
                secret=call.token,
            ),
        )
    except OSError as error:
        call.log.record(RegistrationSkipped, reason=str(error))
        return lambda: None
    return partial(remove, path, os.getpid())


def _reachable(host: str) -> str:
    """Where to connect to reach what listens there."""
    address = ipaddress.ip_address(host)
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that address."""
    return host == "localhost" or ipaddress.ip_address(host).is_loopback


def choose_token(host: str, given: str | None) -> str:
    """The secret of a call: the given one, or a new one that nobody can guess.

    Raises
    ------
    ValueError
        When there has to be a token and is none, or it is no good.
    """
    if given is None:
        if not is_loopback(host):
            raise ValueError(
                f"host={host!r} opens the signaling server to every machine that "
                f"reaches that address; choose who can join with token=, a secret of "
                f"{MIN_TOKEN_LENGTH} characters or more, for instance "
                f"secrets.token_urlsafe()"
            )
        return secrets.token_urlsafe(32)
    if not isinstance(given, str):
        raise ValueError(f"token is text, not {type(given).__name__}")
    if not MIN_TOKEN_LENGTH <= len(given) <= MAX_TOKEN_LENGTH:
        raise ValueError(
            f"token has {len(given)} characters; so that nobody guesses it, give "
            f"{MIN_TOKEN_LENGTH} to {MAX_TOKEN_LENGTH}"
        )
    if not all("!" <= character <= "~" for character in given):
        raise ValueError(
            "token has characters that an HTTP header cannot carry; use letters, "
            "digits and signs of ASCII, without spaces"
        )
    return given
