"""The five state machines of one connection, recorded when they change."""

from __future__ import annotations

from functools import partial
from typing import Any

from aiortc import RTCPeerConnection

from ..events import StateChanged
from ..log import EventLog

_ATTRIBUTES = {
    "signaling": "signalingState",
    "ice_gathering": "iceGatheringState",
    "ice_connection": "iceConnectionState",
    "connection": "connectionState",
}


class ConnectionStates:
    """Where each machine is, as the W3C names it.

    Parameters
    ----------
    local, remote : str
        Whose connection, and to whom.
    log : EventLog
    """

    def __init__(self, local: str, remote: str, log: EventLog) -> None:
        self.signaling = "stable"
        self.ice_gathering = "new"
        self.ice_connection = "new"
        self.dtls = "new"
        self.connection = "new"
        self._local = local
        self._remote = remote
        self._log = log
        self._is_ending = False

    def watch(self, connection: RTCPeerConnection) -> None:
        """Follow the four machines that the connection tells of."""
        for machine, attribute in _ATTRIBUTES.items():
            connection.on(
                attribute.lower() + "change",
                partial(self._read, connection, machine, attribute),
            )

    def watch_transport(self, connection: RTCPeerConnection) -> None:
        """Follow DTLS, once there is a transceiver; all of them share one transport."""
        for transceiver in connection.getTransceivers()[:1]:
            transport = transceiver.sender.transport
            transport.on("statechange", partial(self._read, transport, "dtls", "state"))

    def end(self) -> None:
        """The connection is being closed.

        When ICE is stopped while it checks, aiortc begins the handshake that was to
        follow, which then fails. Nobody has refused anything: DTLS was not begun.
        """
        self._is_ending = True

    def note(self, machine: str, new: str) -> None:
        """The one place where a state changes."""
        old = getattr(self, machine)
        if new == old:
            return
        setattr(self, machine, new)
        self._log.record(
            StateChanged,
            peer=self._local,
            remote=self._remote,
            machine=machine,
            old=old,
            new=new,
        )

    def _read(self, owner: Any, machine: str, attribute: str) -> None:
        new = getattr(owner, attribute)
        if not (self._is_ending and machine == "dtls" and new != "closed"):
            self.note(machine, new)
