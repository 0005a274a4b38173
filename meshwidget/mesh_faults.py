"""The part of :class:`~meshwidget.mesh.Mesh` that breaks a call on purpose."""

from __future__ import annotations

from .call import Call
from .links import Link, Server
from .loop import MeshLoop


class FaultMethods:
    """Links to cut, peers to freeze; each with its awaitable twin."""

    loop: MeshLoop
    _call: Call

    def link(self, one: str, other: str) -> Link:
        """The wire between two participants: to cut, to impair and to hold.

        Parameters
        ----------
        one, other : str
            Names, in either order; neither need have joined yet.

        Returns
        -------
        Link
            A handle; two for the same names are about the same wire.

        Raises
        ------
        InvalidNameError
            When one of them cannot be a name.
        ValueError
            When both are the same.
        """
        return Link(self.loop, self._call, one, other, self._is_present)

    @property
    def server(self) -> Server:
        """The signaling server: to be taken away and brought back."""
        return Server(self.loop, self._call)

    def freeze(self, name: str) -> None:
        """Let a peer be connected and silent, as a page that hangs.

        It sends no media and handles no signaling message; messages wait for it. Its
        sockets live on, as those of a browser do, which has them in another process:
        ICE answers the others' checks of consent (RFC 7675), DTLS stays up, and it
        goes on receiving. So every state still says ``connected``, while the others'
        pictures of it grow stale; what is wrong shows in no state of WebRTC.

        Parameters
        ----------
        name : str
            A peer that lives here.

        Raises
        ------
        UnknownPeerError, MeshClosedError
        """
        self.loop.run(self._call.freeze(name))

    async def freeze_async(self, name: str) -> None:
        """:meth:`freeze`, awaitable from any event loop."""
        await self.loop.run_async(self._call.freeze(name))

    def thaw(self, name: str) -> None:
        """Let a frozen peer go on: with the messages that waited, then with media.

        Parameters
        ----------
        name : str
            A peer that lives here.

        Raises
        ------
        UnknownPeerError, MeshClosedError
        """
        self.loop.run(self._call.thaw(name))

    async def thaw_async(self, name: str) -> None:
        """:meth:`thaw`, awaitable from any event loop."""
        await self.loop.run_async(self._call.thaw(name))

    def _is_present(self, name: str) -> bool:
        members = self._call.switchboard.rooms.members(self._call.room)
        return any(member.name == name for member in members)
