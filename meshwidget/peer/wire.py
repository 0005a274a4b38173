"""The wire between two participants, one direction of it: what arrives, and when.

Pure: packets are a layer and a size, time is a number, and chance comes from a seed.
Which packets of a layer are lost depends on the seed and on their place among that
layer's packets only, so that a busy machine cannot change it.
"""

from __future__ import annotations

from random import Random

from ..faults import Impairment, LinkFaults

QUEUE_SECONDS = 0.25
"""How long a packet may wait where the bitrate is limited; what would wait longer is
lost, as at the full queue of a router."""

OVERTAKING_SECONDS = 0.02
"""How much later a packet comes that others overtake: a frame's time is 33 ms."""


def layer_of(datagram: bytes | memoryview) -> str:
    """Which protocol a datagram belongs to, by its first byte (RFC 7983, section 7).

    Returns
    -------
    str
        ``"stun"``, ``"dtls"``, ``"srtp"`` (SRTCP included), or ``"other"``.
    """
    if not datagram:
        return "other"
    first = datagram[0]
    if first <= 3:
        return "stun"
    if 20 <= first <= 63:
        return "dtls"
    if 128 <= first <= 191:
        return "srtp"
    return "other"


class Wire:
    """One direction.

    Parameters
    ----------
    sender, receiver : str
        Names: each direction makes choices of its own.
    """

    def __init__(self, sender: str, receiver: str) -> None:
        self.is_cut = False
        self.held: frozenset[str] = frozenset()
        """Layers that are stopped; whoever owns the packets keeps or loses them."""
        self._direction = f"{sender}>{receiver}"
        self._receiver = receiver
        self._impairment: Impairment | None = None
        self._chances: dict[str, Random] = {}
        self._free_at = 0.0
        self._latest = 0.0

    @property
    def keeps_apart(self) -> bool:
        """Whether no connection can come about through it."""
        return self.is_cut or bool(self.held & {"stun", "dtls"})

    def set(self, faults: LinkFaults) -> None:
        """Take these faults of the link from here on; a new impairment starts anew."""
        self.is_cut = faults.is_cut
        self.held = frozenset(faults.held)
        impairment = faults.toward.get(self._receiver)
        if impairment is not self._impairment:
            self._impairment = impairment
            self._chances.clear()
            self._free_at = self._latest = 0.0

    def send(self, now: float, layer: str, size: int) -> tuple[float, ...]:
        """When a packet arrives.

        Parameters
        ----------
        now : float
            Seconds, on a clock that does not go back.
        layer : str
            As :func:`layer_of` says.
        size : int
            Bytes.

        Returns
        -------
        tuple of float
            Times of arrival on the same clock: none when it is lost, two when it is
            doubled.
        """
        if self.is_cut:
            return ()
        impairment = self._impairment
        if impairment is None:
            return (now,)
        # All of a packet's chances are drawn, also where one of them makes the others
        # useless: the next packet's must not depend on it.
        draw = self._chance(layer, impairment.seed).random
        is_lost = draw() < impairment.loss
        is_doubled = draw() < impairment.duplicate
        is_overtaken = draw() < impairment.reorder
        stray = 2 * draw() - 1
        leaves = None if is_lost else self._leave(now, size, impairment.kbps)
        if leaves is None:
            return ()
        delay = impairment.delay_ms + stray * impairment.jitter_ms
        arrives = leaves + max(delay, 0.0) / 1000
        if is_overtaken:
            arrives += OVERTAKING_SECONDS
        else:
            arrives = self._latest = max(arrives, self._latest)
        return (arrives, arrives) if is_doubled else (arrives,)

    def _leave(self, now: float, size: int, kbps: float | None) -> float | None:
        """When the last bit is through the bottleneck; None when the queue is full."""
        if kbps is None:
            return now
        begins = max(now, self._free_at)
        if begins - now > QUEUE_SECONDS:
            return None
        self._free_at = begins + size * 8 / (kbps * 1000)
        return self._free_at

    def _chance(self, layer: str, seed: int) -> Random:
        chance = self._chances.get(layer)
        if chance is None:
            chance = self._chances[layer] = Random(f"{seed} {self._direction} {layer}")
        return chance
