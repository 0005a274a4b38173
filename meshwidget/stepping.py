"""Holding the call still and letting it go message by message. Mesh loop only.

Running is delivering until nothing is pending; stepping is delivering one and waiting
until what it caused has settled.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from .errors import MeshTimeoutError, SteppingError
from .events import (
    Event,
    MessageEdited,
    SignalingPaused,
    SignalingResumed,
)
from .log import EventLog
from .peer.connection import Connection
from .peer.participant import Participant
from .signaling.edit import edit_payload
from .signaling.gate import Gate, Message
from .signaling.protocol import KINDS
from .signaling.switchboard import Switchboard

PATIENCE_SECONDS = 1.0
"""How long a step waits for the next event while a connection is on its way. When all
goes well the whole step takes less than a tenth of it; a connection that tries and
fails goes on trying for half a minute."""

_QUIET_TURNS = 8

_STRANGER_SECONDS = 0.1
"""For a participant outside this process, whose work cannot be watched."""

Until = Callable[[Callable[[], bool], float | None], Awaitable[None]]


class Stepper:
    """The hand on the gate.

    Parameters
    ----------
    log, gate, switchboard
        The call's.
    participants : mapping
        By name, those that live here.
    until : coroutine function
        ``until(condition, patience)`` returns when it holds or patience ends.
    """

    def __init__(
        self,
        log: EventLog,
        gate: Gate,
        switchboard: Switchboard,
        participants: Mapping[str, Participant],
        until: Until,
    ) -> None:
        self._log = log
        self._gate = gate
        self._switchboard = switchboard
        self._participants = participants
        self._until = until
        self._stepping = asyncio.Lock()

    async def pause(self) -> None:
        """Hold every message from now on."""
        if not self._gate.paused:
            self._gate.paused = True
            self._log.record(SignalingPaused)

    async def resume(self) -> None:
        """Let everything go."""
        if self._gate.paused:
            self._gate.paused = False
            self._log.record(SignalingResumed)
            self._switchboard.deliver_pending()

    async def step(self, which: Message | int | None = None) -> list[Event]:
        """Deliver one message, or so many, and wait until it has settled."""
        if isinstance(which, bool) or not isinstance(which, Message | int | None):
            raise SteppingError(
                f"step() takes one of mesh.pending, or how many, not {which!r}"
            )
        if isinstance(which, int) and which < 1:
            raise SteppingError(f"step({which}): how many has to be 1 or more")
        async with self._stepping:
            start = len(self._log)
            if isinstance(which, int):
                for taken in range(which):
                    if taken and not self._gate.pending:
                        break
                    await self._deliver(self._gate.take())
            else:
                await self._deliver(self._gate.take(which))
            return self._log[start:]

    async def drop(self, message: Message) -> None:
        """Lose a message."""
        self._switchboard.drop(message)

    async def edit(
        self,
        message: Message,
        *,
        without: str | None,
        replace: tuple[str, str] | None,
        sdp: str | None,
        candidate: str | None,
    ) -> Message:
        """Change what a message carries."""
        self._gate.check(message)
        payload, change = edit_payload(
            message.kind,
            message.payload,
            without=without,
            replace=replace,
            sdp=sdp,
            candidate=candidate,
        )
        changed = self._gate.replace(message, payload)
        self._log.record(
            MessageEdited,
            number=changed.number,
            kind=changed.kind,
            sender=changed.sender,
            receiver=changed.receiver,
            change=change,
            payload=payload,
        )
        return changed

    async def break_on(
        self,
        kind: str | None,
        *,
        sender: str | None,
        to: str | None,
        timeout: float,
    ) -> Message:
        """Step until the next message to be delivered is such a one."""
        if kind is not None and kind not in KINDS:
            raise SteppingError(f"no message is {kind!r}; there are {', '.join(KINDS)}")
        await self.pause()

        def is_wanted(message: Message) -> bool:
            return (
                kind in (None, message.kind)
                and sender in (None, message.sender)
                and to in (None, message.receiver)
            )

        try:
            async with asyncio.timeout(timeout):
                while True:
                    await self._until(lambda: bool(self._gate.pending), None)
                    upcoming = self._gate.pending[0]
                    if is_wanted(upcoming):
                        return upcoming
                    await self.step(upcoming)
        except TimeoutError:
            wanted = kind or "message"
            wanted += f" from {sender}" if sender else ""
            wanted += f" to {to}" if to else ""
            raise MeshTimeoutError(
                f"no {wanted} was about to be delivered within {timeout} s; "
                f"signaling is paused, and {len(self._gate.pending)} are pending"
            ) from None

    async def _deliver(self, message: Message) -> None:
        await self._switchboard.deliver(message)
        receiver = message.outgoing.receiver
        if not any(each.id == receiver.id for each in self._participants.values()):
            grown = len(self._log)
            await self._until(lambda: len(self._log) > grown, _STRANGER_SECONDS)
        await self._settle()

    async def _settle(self) -> None:
        """Until nothing here moves, and nothing did during a few turns of the loop.

        aiortc starts tasks of its own when a description is applied; they show only
        when the loop has turned.
        """
        quiet_turns = 0
        while quiet_turns < _QUIET_TURNS:
            length = len(self._log)
            if self._is_settled():
                await asyncio.sleep(0)
            else:
                await self._until(partial(self._has_moved, length), PATIENCE_SECONDS)
                if len(self._log) == length and not self._is_settled():
                    return  # it tries and fails; the log says what it does
            quiet_turns = quiet_turns + 1 if len(self._log) == length else 0

    def _has_moved(self, since: int) -> bool:
        return len(self._log) > since or self._is_settled()

    def _is_settled(self) -> bool:
        """Nobody here is handling a message, and no connection moves by itself."""
        here = list(self._participants.values())
        if any(
            each.handled < self._switchboard.delivered[each.id]
            for each in here
            if not each.is_frozen
        ):
            return False
        return not any(
            _is_moving(one, other)
            for first, second in itertools.combinations(here, 2)
            if (one := first.connections.get(second.id)) is not None
            and (other := second.connections.get(first.id)) is not None
        )


def _is_moving(one: Connection, other: Connection) -> bool:
    """Whether the two sides of a link will change without another message."""
    sides = (one, other)
    if any(side.connection_state in ("failed", "closed") for side in sides):
        return False
    if any(side.dtls_state == "connecting" for side in sides):
        return True
    if all(side.connection_state == "connected" for side in sides):
        return any(side.receives_video and side.video.version == 0 for side in sides)
    return all(side.is_checking for side in sides) and any(
        side.knows_an_address for side in sides
    )
