"""Who is let in at the kernel's port, and who is not.

Every program on this machine can reach the port; only those who know the call's secret
are let in. It comes in the ``Authorization`` header of each request, or as the token of
Socket.IO's CONNECT packet. Because of the second way a request for socket.io is heard
without the header too: whoever makes it is a stranger until the token has come.
Strangers are few, stay for seconds, and cannot do anything.

The door decides. It sends nothing and knows nothing of rooms.
"""

from __future__ import annotations

import asyncio
import hmac
from collections import Counter
from collections.abc import Callable

from aiohttp import web

from .limits import MAX_STRANGERS, STRANGER_SECONDS

SOCKET_PATH = "/socket.io/"


class Refused(Exception):
    """A request that is not let in.

    Attributes
    ----------
    status : int
        Of the HTTP answer (RFC 9110, section 15).
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Door:
    """Who has shown the secret.

    Parameters
    ----------
    secret : str
        What lets in.
    on_refused : callable
        ``on_refused(reason, count)``, the count being of this reason. Called for the
        first, tenth, hundredth, ... so that a flood fills no log.
    """

    def __init__(self, secret: str, on_refused: Callable[[str, int], None]) -> None:
        self.refusals: Counter[str] = Counter()
        """How often somebody was refused, by reason."""
        self._secret = secret.encode()
        self._on_refused = on_refused
        self._friends: set[str] = set()
        self._strangers: dict[str, set[web.RequestHandler]] = {}
        self._lines: dict[web.RequestHandler, asyncio.TimerHandle] = {}

    # Lines: TCP connections -----------------------------------------------------------

    def arrive(self, line: web.RequestHandler) -> None:
        """A TCP connection was opened; it has said nothing yet.

        When there are too many strangers the oldest is hung up on: whoever knows the
        secret has said so by then.
        """
        loop = asyncio.get_running_loop()
        self._lines[line] = loop.call_later(STRANGER_SECONDS, self._hang_up, line)
        if len(self._lines) > MAX_STRANGERS:
            self._hang_up(next(iter(self._lines)))

    def check(self, request: web.Request) -> None:
        """Look at a request before anything is done for it.

        Raises
        ------
        Refused
        """
        line = request.protocol
        given = request.headers.get("Authorization")
        if given is not None:
            scheme, _, secret = given.partition(" ")
            if scheme.lower() != "bearer" or not self._is_secret(secret):
                raise self.refusal(403, "the secret in its header is not this call's")
            self._welcome(line)
            return
        if request.rel_url.raw_path != SOCKET_PATH:
            raise self.refusal(
                403, "without the call's secret only socket.io answers, and asks for it"
            )
        session = request.query.get("sid")
        if session is None:
            if len(self._strangers) >= MAX_STRANGERS:
                raise self.refusal(503, "too many wait to give their token; try again")
        elif session in self._friends:
            self._welcome(line)
        elif session in self._strangers:
            self._strangers[session].add(line)
        else:
            raise self.refusal(403, "there is no such session, or it gave no token")

    def refusal(self, status: int, reason: str) -> Refused:
        """Count a refusal, and say it."""
        self.note_refused(reason)
        return Refused(status, reason)

    def note_refused(self, reason: str) -> None:
        """Count a refusal that was said already."""
        self.refusals[reason] += 1
        count = self.refusals[reason]
        if count == 10 ** (len(str(count)) - 1):
            self._on_refused(reason, count)

    def close(self) -> None:
        """Nobody comes any more."""
        for timer in self._lines.values():
            timer.cancel()
        self._lines.clear()
        self._strangers.clear()
        self._friends.clear()

    # Sessions: engine.io's ------------------------------------------------------------

    def open_session(self, session: str, request: web.Request) -> None:
        """A session of engine.io begins with this request, which was checked."""
        if "Authorization" in request.headers:
            self._friends.add(session)
            return
        self._strangers[session] = {request.protocol}
        asyncio.get_running_loop().call_later(
            STRANGER_SECONDS, self._strangers.pop, session, None
        )

    def knows(self, session: str) -> bool:
        """Whether a session has shown the secret."""
        return session in self._friends

    def take_token(self, session: str, auth: object) -> bool:
        """Whether a session is let in with what its CONNECT packet brings."""
        if session in self._friends:
            return True
        token = auth.get("token") if isinstance(auth, dict) else None
        lines = self._strangers.get(session)
        if lines is None or not isinstance(token, str) or not self._is_secret(token):
            self.note_refused("the token of its CONNECT packet is not this call's")
            return False
        self._friends.add(session)
        del self._strangers[session]
        for line in lines:
            self._welcome(line)
        return True

    def close_session(self, session: str) -> None:
        """A session has ended."""
        self._friends.discard(session)
        self._strangers.pop(session, None)

    def _is_secret(self, given: str) -> bool:
        return hmac.compare_digest(
            given.encode("utf-8", "surrogateescape"), self._secret
        )

    def _welcome(self, line: web.RequestHandler) -> None:
        timer = self._lines.pop(line, None)
        if timer is not None:
            timer.cancel()

    def _hang_up(self, line: web.RequestHandler) -> None:
        self._lines.pop(line).cancel()
        if line.transport is not None:
            self.note_refused("it was connected for too long without the secret")
            line.force_close()
