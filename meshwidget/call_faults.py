"""What is wrong with a call on purpose, kept and applied. Mesh loop only.

Faults belong to two names, whether somebody of that name is there or not: a connection
that is made later, or made anew, has them from its first packet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .events import LayerHeld, LayerReleased, LinkCut, LinkHealed, LinkImpaired
from .faults import IMPAIRMENT_FIELDS, Impairment, LinkFaults
from .log import EventLog
from .peer.participant import Participant
from .peer.wire import Wire

Names = tuple[str, str]


class CallFaults:
    """The faults of every link.

    Parameters
    ----------
    log : EventLog
    participants : mapping
        Those who live here, by name, as it changes.
    is_here : callable
        Whether a participant lives here or is about to: its packets are then caught
        where it sends them, and those of a browser where they arrive.
    """

    def __init__(
        self,
        log: EventLog,
        participants: Mapping[str, Participant],
        is_here: Callable[[str], bool],
    ) -> None:
        self._log = log
        self._participants = participants
        self._is_here = is_here
        self._links: dict[frozenset[str], LinkFaults] = {}
        self._wires: dict[Names, Wire] = {}

    def of(self, names: Names) -> LinkFaults:
        """What is wrong with the link of these two."""
        return self._links.get(frozenset(names)) or LinkFaults(names=names)

    def wires(self, local: str, remote: str) -> tuple[Wire | None, Wire | None] | None:
        """What a connection sends and receives through; None when it has no faults."""
        outgoing = self._wires.get((local, remote))
        if outgoing is None:
            return None
        return outgoing, None if self._is_here(remote) else self._wires[remote, local]

    async def impair(
        self, names: Names, impairment: Impairment, toward: str | None
    ) -> None:
        """Carry badly in one direction, or in both."""
        self._set(names, self.of(names).impaired(impairment, toward))
        values = {name: getattr(impairment, name) for name in IMPAIRMENT_FIELDS}
        self._log.record(LinkImpaired, **_ends(names), toward=toward or "", **values)
        self._look_after(names)

    async def cut(self, names: Names) -> None:
        """Let nothing pass."""
        faults = self.of(names)
        if not faults.is_cut:
            self._set(names, faults.cutting())
            self._log.record(LinkCut, **_ends(names))

    async def heal(self, names: Names) -> None:
        """End all faults of the link."""
        faults = self.of(names)
        if not faults:
            return
        self._set(names, faults.healed())
        self._log.record(LinkHealed, **_ends(names))
        if faults.is_cut or faults.toward:  # what was held has come through by now
            for local, remote in (names, names[::-1]):
                participant = self._participants.get(local)
                if participant is not None:
                    participant.repair(remote)

    async def hold(self, names: Names, layer: str) -> None:
        """Stop the packets of a layer."""
        faults = self.of(names)
        if layer not in faults.held:
            self._set(names, faults.holding(layer))
            self._log.record(LayerHeld, **_ends(names), layer=layer)

    async def release(self, names: Names, layer: str | None) -> None:
        """Let the packets of a layer pass again, or those of all."""
        for each in self.of(names).held:
            if layer in (None, each):
                self._set(names, self.of(names).releasing(each))
                self._log.record(LayerReleased, **_ends(names), layer=each)
        self._look_after(names)

    def _look_after(self, names: Names) -> None:
        """Have a connection that a fault has stopped for too long made anew."""
        for local, remote in (names, names[::-1]):
            participant = self._participants.get(local)
            if participant is not None:
                participant.look_after(remote)

    def _set(self, names: Names, faults: LinkFaults) -> None:
        key = frozenset(names)
        directions = (names, names[::-1])
        if faults:
            self._links[key] = faults
            for direction in directions:
                wire = self._wires.get(direction)
                if wire is None:
                    wire = self._wires[direction] = Wire(*direction)
                wire.set(faults)
        else:
            self._links.pop(key, None)
            for direction in directions:
                self._wires.pop(direction, None)
        for local, remote in directions:
            participant = self._participants.get(local)
            link = participant and participant.connection_to(remote)
            if link:
                link.put_wires(self.wires(local, remote))


def _ends(names: Names) -> dict[str, str]:
    return {"peer": names[0], "remote": names[1]}
