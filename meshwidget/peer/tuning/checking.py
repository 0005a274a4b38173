"""Connectivity checks that begin with the candidate and end with the answer.

aioice looks every 20 ms (the pace of RFC 8445, section 14.2) whether there is something
to check, and whether its checks are done. On this machine they are done after one. The
pace of the checks stays; a candidate that comes and a check that succeeds are noticed
at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from aioice.ice import ICE_COMPLETED, ICE_FAILED
from aiortc import RTCIceTransport

from .base import private

_PACE_SECONDS = 0.02


def check_at_once(transport: RTCIceTransport) -> None:
    """Have a transport connect without waiting for the next tick.

    Must be called before it starts.

    Raises
    ------
    TuningError
    """
    connection = private(transport, "_connection")
    for name, kind in (
        ("_check_list_state", asyncio.Queue),
        ("_check_list", list),
        ("_early_checks", deque),
        ("_early_checks_done", bool),
        ("_local_candidates_end", bool),
        ("_remote_candidates", list),
    ):
        private(connection, name, kind)
    for name in (
        "_pair_remote_candidate",
        "sort_check_list",
        "_unfreeze_initial",
        "check_incoming",
        "_check_periodic",
        "query_consent",
    ):
        private(connection, name)
    checks = _Checks(connection)
    connection.connect = checks.connect
    connection.add_remote_candidate = checks.add_remote_candidate


class _Checks:
    """``Connection.connect`` of aioice, told of what happens instead of polling."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._connect = connection.connect
        self._add_remote_candidate = connection.add_remote_candidate
        self._candidate_came = asyncio.Event()

    async def add_remote_candidate(self, candidate: Any) -> None:
        """Add it, and have it checked now."""
        await self._add_remote_candidate(candidate)
        self._candidate_came.set()

    async def connect(self) -> None:
        """Check pairs until one is nominated.

        Raises
        ------
        ConnectionError
            There is none, and there will be no more candidates.
        """
        connection = self._connection
        if not connection._local_candidates_end or not connection.remote_password:
            await self._connect()  # which says what is missing
            return
        for candidate in connection._remote_candidates:
            connection._pair_remote_candidate(candidate)
        connection.sort_check_list()
        connection._unfreeze_initial()
        for early in connection._early_checks:
            connection.check_incoming(*early)
        connection._early_checks.clear()
        connection._early_checks_done = True
        outcome = await self._outcome()
        for pair in connection._check_list:
            if pair.task:
                pair.task.cancel()
        if outcome != ICE_COMPLETED:
            raise ConnectionError("ICE negotiation failed")
        consent = asyncio.create_task(connection.query_consent())  # RFC 7675
        connection._query_consent_task = consent

    async def _outcome(self) -> int:
        connection = self._connection
        states: asyncio.Queue[int] = connection._check_list_state
        state = asyncio.ensure_future(states.get())
        try:
            while connection._check_periodic():
                self._candidate_came.clear()
                came = asyncio.ensure_future(self._candidate_came.wait())
                await asyncio.wait(
                    (state, came),
                    timeout=_PACE_SECONDS,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                came.cancel()
            if not connection._check_list and not state.done():
                return ICE_FAILED
            return await state
        finally:
            state.cancel()
