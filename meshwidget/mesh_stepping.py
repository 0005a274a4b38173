"""The part of :class:`~meshwidget.mesh.Mesh` that holds a call still and steps it."""

from __future__ import annotations

from .call import Call
from .loop import MeshLoop
from .readable import Happened, Pending
from .signaling.gate import Message


class SteppingMethods:
    """Pause, step, drop, edit; each with its awaitable twin."""

    loop: MeshLoop
    _call: Call

    @property
    def paused(self) -> bool:
        """Whether signaling messages are held at the server."""
        return self._call.gate.paused

    @property
    def pending(self) -> Pending:
        """The messages that wait to be delivered, the next one first."""
        return Pending(self._call.gate.pending)

    def pause(self) -> None:
        """Hold every signaling message at the server from now on.

        Media that flows goes on flowing. Joining and exiting are not held; what the
        server tells the others because of them is.
        """
        self.loop.run(self._call.stepper.pause())

    async def pause_async(self) -> None:
        """:meth:`pause`, awaitable from any event loop."""
        await self.loop.run_async(self._call.stepper.pause())

    def resume(self) -> None:
        """Deliver everything that is held, in order, and hold nothing any more."""
        self.loop.run(self._call.stepper.resume())

    async def resume_async(self) -> None:
        """:meth:`resume`, awaitable from any event loop."""
        await self.loop.run_async(self._call.stepper.resume())

    def step(self, which: Message | int | None = None) -> Happened:
        """Deliver the next message and return once what it caused has settled.

        Parameters
        ----------
        which : Message, int or None
            One of :attr:`pending`, out of order; or how many; or the next one.

        Returns
        -------
        Happened
            The events that it caused, in order.

        Raises
        ------
        SteppingError
            When nothing is pending, or that message is not any more.
        """
        events = self.loop.run(self._call.stepper.step(which))
        return Happened(events, list(self._call.peers))

    async def step_async(self, which: Message | int | None = None) -> Happened:
        """:meth:`step`, awaitable from any event loop."""
        events = await self.loop.run_async(self._call.stepper.step(which))
        return Happened(events, list(self._call.peers))

    def drop(self, message: Message) -> None:
        """Lose a pending message: it is never delivered.

        Parameters
        ----------
        message : Message
            One of :attr:`pending`.

        Raises
        ------
        SteppingError
            When it is not pending.
        """
        self.loop.run(self._call.stepper.drop(message))

    async def drop_async(self, message: Message) -> None:
        """:meth:`drop`, awaitable from any event loop."""
        await self.loop.run_async(self._call.stepper.drop(message))

    def edit(
        self,
        message: Message,
        *,
        without: str | None = None,
        replace: tuple[str, str] | None = None,
        sdp: str | None = None,
        candidate: str | None = None,
    ) -> Message:
        """Change what a pending message carries; it keeps its number and its turn.

        Parameters
        ----------
        message : Message
            A description or a candidate, one of :attr:`pending`.
        without : str, optional
            Takes out every SDP line that begins with this: ``"a=fingerprint"``.
        replace : (str, str), optional
            Puts the second text for the first, in the SDP or the candidate.
        sdp, candidate : str, optional
            The whole new text.

        Returns
        -------
        Message
            As it will be delivered.

        Raises
        ------
        SteppingError
            When it is not pending.
        EditError
            When the message cannot be changed like that, or would be no SDP or no
            candidate any more.
        """
        change = self._call.stepper.edit(
            message, without=without, replace=replace, sdp=sdp, candidate=candidate
        )
        return self.loop.run(change)

    async def edit_async(
        self,
        message: Message,
        *,
        without: str | None = None,
        replace: tuple[str, str] | None = None,
        sdp: str | None = None,
        candidate: str | None = None,
    ) -> Message:
        """:meth:`edit`, awaitable from any event loop."""
        change = self._call.stepper.edit(
            message, without=without, replace=replace, sdp=sdp, candidate=candidate
        )
        return await self.loop.run_async(change)

    def break_on(
        self,
        kind: str | None = None,
        *,
        sender: str | None = None,
        to: str | None = None,
        timeout: float = 10,
    ) -> Message:
        """Step until such a message is about to be delivered, and stay paused there.

        Parameters
        ----------
        kind : str, optional
            ``"all_users"``, ``"offer"``, ``"answer"``, ``"candidate"`` or
            ``"user_exit"``.
        sender, to : str, optional
            Names.
        timeout : float
            Seconds.

        Returns
        -------
        Message
            The next one to be delivered.

        Raises
        ------
        SteppingError
            When there is no such kind.
        MeshTimeoutError
            When none came.
        """
        search = self._call.stepper.break_on(
            kind, sender=sender, to=to, timeout=timeout
        )
        return self.loop.run(search)

    async def break_on_async(
        self,
        kind: str | None = None,
        *,
        sender: str | None = None,
        to: str | None = None,
        timeout: float = 10,
    ) -> Message:
        """:meth:`break_on`, awaitable from any event loop."""
        search = self._call.stepper.break_on(
            kind, sender=sender, to=to, timeout=timeout
        )
        return await self.loop.run_async(search)
