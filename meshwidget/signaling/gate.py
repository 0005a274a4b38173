"""Between the server's decision to send a message and its delivery.

Pure. Running and stepping are one path: messages are queued in order and taken out one
by one; a paused gate gives out only what is asked for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import SteppingError
from .room import Outgoing


@dataclass(frozen=True)
class Message:
    """A message that the server has accepted and not yet delivered.

    Attributes
    ----------
    number : int
        From 1, in order of acceptance.
    kind : str
        One of :data:`~meshwidget.signaling.protocol.KINDS`.
    sender, receiver : str
        Names; the sender of ``all_users`` is ``""``, the server.
    payload : dict or list
        As it will be delivered.
    """

    number: int
    outgoing: Outgoing

    @property
    def kind(self) -> str:
        return self.outgoing.kind

    @property
    def sender(self) -> str:
        return self.outgoing.sender.name if self.outgoing.sender else ""

    @property
    def receiver(self) -> str:
        return self.outgoing.receiver.name

    @property
    def payload(self) -> Any:
        return self.outgoing.payload

    def __repr__(self) -> str:
        sender = self.sender or "server"
        return f"<{self.number} {self.kind} {sender} -> {self.receiver}>"


class Gate:
    """The queue of accepted messages.

    Parameters
    ----------
    paused : bool
        Whether it holds what comes in.
    """

    def __init__(self, paused: bool = False) -> None:
        self.paused = paused
        self._pending: dict[int, Message] = {}
        self._count = 0

    @property
    def pending(self) -> tuple[Message, ...]:
        """What waits, in order."""
        return tuple(self._pending.values())

    def accept(self, outgoing: Outgoing) -> Message:
        """Number a message and queue it."""
        self._count += 1
        message = Message(self._count, outgoing)
        self._pending[message.number] = message
        return message

    def take_next(self, is_reachable: Callable[[Message], bool]) -> Message | None:
        """The next message that can be delivered now; None when paused or none can."""
        if self.paused:
            return None
        ready = next(filter(is_reachable, self._pending.values()), None)
        return None if ready is None else self.take(ready)

    def take(self, message: Message | None = None) -> Message:
        """Take a message out, the next one if none is named, paused or not.

        Raises
        ------
        SteppingError
            When nothing is pending, or that message is not any more.
        """
        if message is None:
            if not self._pending:
                raise SteppingError(
                    "nothing is pending: no message waits to be delivered"
                    + ("" if self.paused else " (signaling is not paused)")
                )
            message = next(iter(self._pending.values()))
        self.check(message)
        return self._pending.pop(message.number)

    def replace(self, message: Message, payload: Any) -> Message:
        """Change what a pending message carries; it keeps its number and its turn.

        Raises
        ------
        SteppingError
            When that message is not pending.
        """
        current = self.check(message)
        changed = Message(
            current.number, dataclasses.replace(current.outgoing, payload=payload)
        )
        self._pending[current.number] = changed
        return changed

    def check(self, message: Message) -> Message:
        """The pending message as it is now.

        Raises
        ------
        SteppingError
            When it is not pending.
        """
        if not isinstance(message, Message):
            raise SteppingError(f"{message!r} is no message: take one of mesh.pending")
        if message.number not in self._pending:
            raise SteppingError(
                f"{message!r} is not pending any more: it was delivered or dropped"
            )
        return self._pending[message.number]
