"""What all connections of a call have in common. Knows no connection."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from aiortc import RTCIceServer


@dataclass(frozen=True, kw_only=True)
class LinkSettings:
    """What all connections of a call have in common.

    Attributes
    ----------
    addresses : sequence of str
        Host candidates.
    ice_servers : sequence of RTCIceServer
    trickle : bool
        Whether candidates travel on their own.
    tuned : bool
        Whether :mod:`~meshwidget.peer.tuning` may be used.
    """

    addresses: Sequence[str]
    ice_servers: Sequence[RTCIceServer] = ()
    trickle: bool = True
    tuned: bool = True

    @property
    def is_local(self) -> bool:
        """Whether nothing of the call leaves this machine."""
        return not self.ice_servers and all(
            ipaddress.ip_address(address).is_loopback for address in self.addresses
        )
