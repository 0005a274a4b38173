"""Between the server's decision to send a message and its delivery.

Pure. Running and stepping are one path: messages are queued in order and taken out one
by one; a paused gate gives out only what is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import MeshError
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
        MeshError
            When nothing is pending, or that message is not any more.
        """
        if message is None:
            if not self._pending:
                raise MeshError("no message is pending: nothing waits to be delivered")
            message = next(iter(self._pending.values()))
        if message.number not in self._pending:
            raise MeshError(
                f"message {message.number} is not pending: it was delivered or dropped"
            )
        return self._pending.pop(message.number)
