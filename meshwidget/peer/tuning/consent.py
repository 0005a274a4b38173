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

_INTERVAL_SECONDS = 1.0
_SPREAD = 0.2
_HURRY_SECONDS = 0.1
"""Between two requests: while they are answered, spread by a part as the RFC wants it,
and while one is not.

A question and its answer cost the loop about 0.2 ms.
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
            is_answered = True
            while is_answered:
                spread = random.uniform(1 - _SPREAD, 1 + _SPREAD)
                await asyncio.sleep(_INTERVAL_SECONDS * spread)
                is_answered = await self._is_answered(now)
        finally:
            for request in self._requests:
                request.cancel()
        self._on_expired()
        connection._query_consent_task = None  # it would wait for itself
        await connection.close()

    async def _is_answered(self, now: Callable[[], float]) -> bool:
        """Ask until an answer comes, or none has come for too long."""
        asked = now()
        # What a loop took that stood still is not the other side's silence: answers
        # wait where it has not looked yet.
        longest = (1 + _SPREAD) * _INTERVAL_SECONDS + _HURRY_SECONDS
        silent = min(asked - self._heard, longest)
        while self._heard < asked:
            if silent >= CONSENT_SECONDS:
                return False
            for pair in self._connection._nominated.values():
                self._ask(pair)
            began = now()
            await asyncio.sleep(_HURRY_SECONDS)
            silent += min(now() - began, 2 * _HURRY_SECONDS)
        return True

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
