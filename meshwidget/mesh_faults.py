"""The part of :class:`~meshwidget.mesh.Mesh` that breaks a call on purpose."""

from __future__ import annotations

from .call import Call
from .links import Link
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

    def _is_present(self, name: str) -> bool:
        members = self._call.switchboard.rooms.members(self._call.room)
        return any(member.name == name for member in members)
