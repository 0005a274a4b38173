"""The other side's ICE candidates, which may come before they can be added.

Trickle ICE (RFC 8838). Mesh loop only. Knows nothing of who sent them, nor of the log.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiortc import RTCPeerConnection
from aiortc.sdp import candidate_from_sdp

MALFORMED = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
)
"""What aiortc's parsers raise for a text that is not what it should be."""

_MDNS_REASON = (
    "its address is an mDNS name; looking that up would ask the network, which this "
    "call does not leave the machine for; its owner's own checks tell the address"
)


class RemoteCandidates:
    """Those of one connection.

    Parameters
    ----------
    peer_connection : RTCPeerConnection
    is_local : bool
        Whether nothing of the call leaves this machine.
    ignore : callable
        ``ignore(reason)``: told of each that is not added.
    """

    def __init__(
        self,
        peer_connection: RTCPeerConnection,
        *,
        is_local: bool,
        ignore: Callable[[str], None],
    ) -> None:
        self._peer_connection = peer_connection
        self._is_local = is_local
        self._ignore = ignore
        self._early: list[dict[str, Any]] = []
        self._is_described = False
        self._hides_addresses = False
        """Whether there was an mDNS name that was not looked up."""

    async def take(self, init: dict[str, Any]) -> None:
        """Add one, or keep it until there is a remote description.

        Parameters
        ----------
        init : dict
            An ``RTCIceCandidateInit`` (webrtc-pc, section 4.8.1.1).
        """
        if self._is_described:
            await self._add(init)
        else:
            self._early.append(init)

    async def release(self) -> None:
        """Add those that were kept: there is a remote description now."""
        self._is_described = True
        early, self._early = self._early, []
        for init in early:
            await self._add(init)

    async def _add(self, init: dict[str, Any]) -> None:
        text = init["candidate"]
        if self._peer_connection.signalingState == "closed":
            self._ignore("the connection is closed")
            return
        if not text and self._hides_addresses:
            return  # there is one more: where the other side's own checks come from
        try:
            candidate = None
            if text:  # an empty one says that there are no more (RFC 8838, section 13)
                candidate = candidate_from_sdp(text.removeprefix("candidate:"))
                candidate.sdpMid = init.get("sdpMid")
                candidate.sdpMLineIndex = init.get("sdpMLineIndex")
                if candidate.ip.endswith(".local") and self._is_local:
                    self._hides_addresses = True
                    self._ignore(_MDNS_REASON)
                    return
            await self._peer_connection.addIceCandidate(candidate)
        except MALFORMED as error:
            self._ignore(f"it cannot be added: {in_words(error)}")


def in_words(error: BaseException) -> str:
    """What an error says, or else what it is."""
    return str(error) or type(error).__name__
