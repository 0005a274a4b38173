"""Consent to be sent to, asked for more often, and its end told before all is closed.

RFC 7675, section 5.1, lets consent expire after 30 seconds without an answer, asked for
every five: right for the Internet, and long for somebody who watches. Here a path is
given up after four, and an answer that is late or lost is asked for again at once, so
that no loss short of nearly all ends a connection.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

from aioice import stun
from aiortc import RTCIceTransport

from .base import private

CONSENT_SECONDS = 4.0
"""Without any answer, after which consent has expired."""

_INTERVAL_SECONDS = 2.0
_HURRY_SECONDS = 0.1
"""Between two requests: while they are answered, and while one is not.

A question and its answer cost the loop about 0.2 ms. What is left of the time after the
longest pause is still enough for sixteen questions.
"""

_RETRANSMISSIONS = 2
"""Of one request, at 0.5 and 1.5 s: an answer counts up to 3.5 s after the request."""


def watch_consent(transport: RTCIceTransport, on_expired: Callable[[], None]) -> None:
    """Have a transport keep consent like this, and call back when it expires.

    Must be called before it connects. The transport closes right after the call.

    Raises
    ------
    TuningError
    """
    connection = private(transport, "_connection")
    private(connection, "_nominated", dict)
    for name in ("query_consent", "build_request", "close", "_query_consent_task"):
        private(connection, name)
    connection.query_consent = _Consent(connection, on_expired).keep


class _Consent:
    """``Connection.query_consent`` of aioice, in more of a hurry."""

    def __init__(self, connection: Any, on_expired: Callable[[], None]) -> None:
        self._connection = connection
        self._on_expired = on_expired
        self._heard = 0.0
        self._requests: set[asyncio.Task[Any]] = set()

    async def keep(self) -> None:
        """Ask until nobody answers any more."""
        connection = self._connection
        now = asyncio.get_running_loop().time
        self._heard = now()
        try:
            while now() - self._heard < CONSENT_SECONDS:
                # Spread by a fifth to either side, as the RFC wants it.
                await asyncio.sleep(_INTERVAL_SECONDS * random.uniform(0.8, 1.2))
                await self._ask_until_answered(now)
        finally:
            for request in self._requests:
                request.cancel()
        self._on_expired()
        connection._query_consent_task = None  # it would wait for itself
        await connection.close()

    async def _ask_until_answered(self, now: Callable[[], float]) -> None:
        asked = now()
        while self._heard < asked and now() - self._heard < CONSENT_SECONDS:
            for pair in self._connection._nominated.values():
                self._ask(pair)
            await asyncio.sleep(_HURRY_SECONDS)

    def _ask(self, pair: Any) -> None:
        connection = self._connection
        request = asyncio.create_task(
            pair.protocol.request(
                connection.build_request(pair, nominate=False),
                pair.remote_addr,
                integrity_key=connection.remote_password.encode(),
                retransmissions=_RETRANSMISSIONS,
            )
        )
        self._requests.add(request)
        request.add_done_callback(self._note)

    def _note(self, request: asyncio.Task[Any]) -> None:
        self._requests.discard(request)
        if request.cancelled():
            return
        error = request.exception()
        if error is None:
            self._heard = asyncio.get_running_loop().time()
        elif not isinstance(error, stun.TransactionError):
            raise error
