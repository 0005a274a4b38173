"""The five state machines of a connection, as tables.

Everything that says which state may follow which lives here, as data: the diagrams
shown to a learner are drawn from it and an illegal step is explained by it. The states
and what leads from one to the next are those of webrtc-pc, sections 4.3.1 to 4.3.4 and
5.5.1; where aiortc 1.16 differs, the table says so.

Pure: knows no connection, only what connections may do. :mod:`.negotiation` asks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Transition:
    """One arrow of a state diagram.

    Attributes
    ----------
    source, target : str
        States; the same one twice when the trigger is legal and changes nothing.
    trigger : str
        What leads from one to the other: a call with its argument, or what happened.
    missing : str
        Why aiortc never shows it, as a sentence; empty when it does.
    """

    source: str
    target: str
    trigger: str
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Machine:
    """One of the five.

    Attributes
    ----------
    name : str
        As in :class:`~meshwidget.events.StateChanged`, say ``"ice_gathering"``.
    attribute : str
        What the W3C calls it.
    section : str
        Where the W3C defines it.
    states : mapping
        What each state means; the first one is the initial state.
    transitions : tuple of Transition
        All that are legal.
    differences : tuple of str
        Where aiortc behaves otherwise than the W3C says, a sentence each.
    """

    name: str
    attribute: str
    section: str
    states: Mapping[str, str]
    transitions: tuple[Transition, ...]
    differences: tuple[str, ...]

    @property
    def title(self) -> str:
        """The name as it is written in a sentence."""
        return self.name.replace("_", " ").replace("ice", "ICE").replace("dtls", "DTLS")

    @property
    def initial(self) -> str:
        """The state in which a connection begins."""
        return next(iter(self.states))

    @property
    def triggers(self) -> tuple[str, ...]:
        """Everything that the machine reacts to."""
        return tuple(dict.fromkeys(each.trigger for each in self.transitions))

    @property
    def never_shown(self) -> tuple[str, ...]:
        """The states that aiortc never enters."""
        entered = {each.target for each in self.transitions if not each.missing}
        return tuple(
            state for state in self.states if state not in {self.initial, *entered}
        )


CLOSE = "close()"

PROVISIONAL = "aiortc has no provisional answers."
ROLLBACK = "aiortc has no rollback."
RESTART = "aiortc cannot restart ICE: close the connection and make another."
GLARE = (
    "Two offers have met (glare). The W3C takes the own one back by itself; aiortc "
    "cannot and raises InvalidStateError."
)
CONNECTED = "aiortc goes from checking straight to completed."
DISCONNECTED = "aiortc has no disconnected: a path that is lost for good is failed."
ONE_TRANSPORT = "All media share one transport here, made before the first offer."
ALERT = "aiortc takes an alert after the handshake for the end: closed."
EARLY_END = "aiortc takes it for a handshake that failed: failed."

Arrows = Mapping[str, Mapping[str, str]]
"""State to trigger to next state."""


def _machine_of(
    name: str,
    attribute: str,
    section: str,
    states: Mapping[str, str],
    arrows: Arrows,
    *,
    missing: Mapping[str, str],
    differences: tuple[str, ...],
) -> Machine:
    """Unfold the tables below; ``missing`` says why not by state, trigger or both."""

    def why_missing(source: str, trigger: str, target: str) -> str:
        for key in (f"{source}: {trigger}", trigger, source, target):
            if key in missing:
                return missing[key]
        return ""

    transitions = tuple(
        Transition(source, target, trigger, why_missing(source, trigger, target))
        for source, ways in arrows.items()
        for trigger, target in ways.items()
    )
    section = f"webrtc-pc, section {section}"
    return Machine(
        name, attribute, section, MappingProxyType(states), transitions, differences
    )


_SIGNALING = _machine_of(
    "signaling",
    "signalingState",
    "4.3.1",
    {
        "stable": "no offer is open; nothing was negotiated yet, or all of it was",
        "have-local-offer": "its own offer is applied; the answer is awaited",
        "have-remote-offer": "the other's offer is applied; it owes the answer",
        "have-local-pranswer": "its own provisional answer is applied, not the final",
        "have-remote-pranswer": "a provisional answer is applied, not the final",
        "closed": "the connection is over",
    },
    {
        "stable": {
            "setLocalDescription(offer)": "have-local-offer",
            "setRemoteDescription(offer)": "have-remote-offer",
            CLOSE: "closed",
        },
        "have-local-offer": {
            "setLocalDescription(offer)": "have-local-offer",
            "setRemoteDescription(answer)": "stable",
            "setRemoteDescription(pranswer)": "have-remote-pranswer",
            "setRemoteDescription(offer)": "have-remote-offer",
            "setLocalDescription(rollback)": "stable",
            CLOSE: "closed",
        },
        "have-remote-offer": {
            "setRemoteDescription(offer)": "have-remote-offer",
            "setLocalDescription(answer)": "stable",
            "setLocalDescription(pranswer)": "have-local-pranswer",
            "setRemoteDescription(rollback)": "stable",
            CLOSE: "closed",
        },
        "have-local-pranswer": {
            "setLocalDescription(pranswer)": "have-local-pranswer",
            "setLocalDescription(answer)": "stable",
            CLOSE: "closed",
        },
        "have-remote-pranswer": {
            "setRemoteDescription(pranswer)": "have-remote-pranswer",
            "setRemoteDescription(answer)": "stable",
            CLOSE: "closed",
        },
        "closed": {},
    },
    missing={
        "have-local-pranswer": PROVISIONAL,
        "have-remote-pranswer": PROVISIONAL,
        "setLocalDescription(rollback)": ROLLBACK,
        "setRemoteDescription(rollback)": ROLLBACK,
        "have-local-offer: setRemoteDescription(offer)": GLARE,
    },
    differences=(
        "aiortc has no provisional answers and no rollback.",
        "aiortc announces the other's tracks before the state changes; the W3C after.",
    ),
)

_ICE_GATHERING = _machine_of(
    "ice_gathering",
    "iceGatheringState",
    "4.3.2",
    {
        "new": "it has not been asked for its addresses yet",
        "gathering": "it is finding out where it can be reached: its candidates",
        "complete": "it knows all its candidates",
    },
    {
        "new": {"a local description is applied": "gathering"},
        "gathering": {"the last candidate is found": "complete"},
        "complete": {"ICE restart": "gathering", "a transport is added": "new"},
    },
    missing={"ICE restart": RESTART, "a transport is added": ONE_TRANSPORT},
    differences=(
        (
            "aiortc gathers inside setLocalDescription: it is complete before the "
            "description is sent, and the candidates follow one by one."
        ),
        "It has no closed: close() leaves it as it is.",
    ),
)

_ICE_CONNECTION = _machine_of(
    "ice_connection",
    "iceConnectionState",
    "4.3.4",
    {
        "new": "no pair of candidates is being checked yet",
        "checking": "pairs of candidates are tried; no path is found yet",
        "connected": "a path is found; others are still being tried",
        "completed": "a path is found and all trying is over",
        "disconnected": "the path is silent; it may come back by itself",
        "failed": "no path is left",
        "closed": "the connection is over",
    },
    {
        "new": {"a remote candidate arrives": "checking", CLOSE: "closed"},
        "checking": {
            "a path is found": "connected",
            "a path is found, nothing left to try": "completed",
            "checks fail for now": "disconnected",
            "every pair failed": "failed",
            CLOSE: "closed",
        },
        "connected": {
            "nothing is left to try": "completed",
            "the path is silent": "disconnected",
            CLOSE: "closed",
        },
        "completed": {
            "the path is silent": "disconnected",
            "the path is lost": "failed",
            "ICE restart": "connected",
            CLOSE: "closed",
        },
        "disconnected": {
            "the path is back": "connected",
            "ICE restart": "checking",
            "the path is lost": "failed",
            CLOSE: "closed",
        },
        "failed": {"ICE restart": "checking", CLOSE: "closed"},
        "closed": {},
    },
    missing={
        "ICE restart": RESTART,
        "disconnected": DISCONNECTED,
        "connected": CONNECTED,
    },
    differences=(
        (
            "aiortc goes from checking straight to completed: it has no connected "
            "and no disconnected."
        ),
        (
            "aiortc is checking once it has both descriptions; the W3C waits for a "
            "remote candidate."
        ),
        "A lost path is failed after four seconds, not thirty (RFC 7675).",
    ),
)

_DTLS = _machine_of(
    "dtls",
    "RTCDtlsTransport.state",
    "5.5.1",
    {
        "new": "the handshake has not begun; it needs a path first",
        "connecting": "keys are agreed on, and the fingerprint is compared",
        "connected": "both sides hold the keys for SRTP",
        "failed": "there was an alert, or the fingerprint is another",
        "closed": "the transport is over",
    },
    {
        "new": {"ICE has found a path": "connecting", CLOSE: "closed"},
        "connecting": {
            "keys agreed, fingerprint matches": "connected",
            "an alert, or a wrong fingerprint": "failed",
            "close_notify from the other side": "closed",
            CLOSE: "closed",
        },
        "connected": {
            "an error alert": "failed",
            "close_notify from the other side": "closed",
            CLOSE: "closed",
        },
        "failed": {CLOSE: "closed"},
        "closed": {},
    },
    missing={
        "connecting: close_notify from the other side": EARLY_END,
        "an error alert": ALERT,
    },
    differences=(
        (
            "aiortc says connection connected a moment before DTLS connected; in the "
            "W3C it follows from it."
        ),
    ),
)

_CONNECTION = _machine_of(
    "connection",
    "connectionState",
    "4.3.3",
    {
        "new": "neither ICE nor DTLS has begun",
        "connecting": "ICE is checking, or DTLS is agreeing on keys",
        "connected": "ICE has a path and DTLS has keys; media can flow",
        "disconnected": "ICE is disconnected; it may come back by itself",
        "failed": "ICE or DTLS has failed",
        "closed": "the connection is over",
    },
    {
        "new": {"ICE begins to check": "connecting", CLOSE: "closed"},
        "connecting": {
            "ICE and DTLS are done": "connected",
            "ICE is disconnected": "disconnected",
            "ICE or DTLS fails": "failed",
            CLOSE: "closed",
        },
        "connected": {
            "ICE is disconnected": "disconnected",
            "ICE or DTLS fails": "failed",
            "ICE restart": "connecting",
            CLOSE: "closed",
        },
        "disconnected": {
            "the path is back": "connected",
            "ICE restart": "connecting",
            "ICE or DTLS fails": "failed",
            CLOSE: "closed",
        },
        "failed": {"ICE restart": "connecting", CLOSE: "closed"},
        "closed": {},
    },
    missing={"ICE restart": RESTART, "disconnected": DISCONNECTED},
    differences=(
        "aiortc has no disconnected.",
        (
            "aiortc closes by itself when the other side's DTLS says close_notify; in "
            "the W3C only close() closes."
        ),
    ),
)

MACHINES: Mapping[str, Machine] = MappingProxyType(
    {
        machine.name: machine
        for machine in (
            _SIGNALING,
            _ICE_GATHERING,
            _ICE_CONNECTION,
            _DTLS,
            _CONNECTION,
        )
    }
)
"""By name, in the order in which they move when a connection is made."""
