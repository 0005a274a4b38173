"""What the signaling server takes from one connection, and why no more."""

from __future__ import annotations

MAX_NAME_LENGTH = 64
"""Characters of a participant's or a room's name: it has to fit on a tile."""

MAX_DESCRIPTION_LENGTH = 64 * 1024
"""Characters of an SDP. A browser's offer has about 7,000; one with every codec,
simulcast and 20 m-lines stays under this."""

MAX_CANDIDATE_LENGTH = 1024
"""Characters of a candidate attribute. RFC 8839's grammar needs about 200."""

MAX_PACKET_BYTES = 4 * 1024 * 1024
"""Bytes of one packet. Far more than any message may have, so that a message that is
too large gets an answer that says so; only beyond this is the connection cut."""

MAX_MESSAGES_PER_SECOND = 100
"""From one connection, sustained. A newcomer needs three messages a link."""

MAX_MESSAGE_BURST = 400
"""From one connection, at once: joining a room of 64 with six candidates a link."""

MAX_TEXT_PER_SECOND = 32 * 1024
"""Characters of descriptions and candidates from one connection, sustained: the log
keeps them. A browser's offers to four others."""

MAX_TEXT_BURST = 1024 * 1024
"""Characters at once: twice what a browser says when it joins a room of 64."""

MAX_UNREAD_PACKETS = 512
"""Packets that wait for one connection to read them; then it is cut. More than all that
the others say to a newcomer."""

MAX_ROOMS = 64
"""In one server. A call uses one; a stranger's rooms must not fill the memory."""

MAX_CONNECTIONS = 256
"""To one server, joined or not: below the common limit of 1024 descriptors."""

MAX_PAGES = 64
"""Pages that are peers of one call at once: as many as a room may hold."""

MAX_VIEWS = 128
"""WebSockets of views: pages that look at the call, four views each on 32 screens."""

MAX_VIEW_BYTES = 64 * 1024
"""Bytes of one message from a view: an edited description fits, a file does not."""

MAX_LINES = 512
"""TCP connections to one server, of all kinds."""

MAX_STRANGERS = 32
"""Connections that have not shown the secret yet, and sessions of such connections.
Friends do in their first or second packet."""

MAX_TOKEN_LENGTH = 512
"""Characters of a secret that the user chose: it has to fit into a header."""

MIN_TOKEN_LENGTH = 16
"""Characters. Tokens can be tried at the speed of the network."""

MAX_CONNECT_LENGTH = 1024
"""Characters of Socket.IO's CONNECT packet, the only one that a stranger may send."""

STRANGER_SECONDS = 5.0
"""How long one may stay without showing the secret, on a busy machine too."""

REJOIN_SECONDS = 0.5
"""How long a place is kept for a participant whose socket died, so that it can come
back without losing its connections; short, because the others see it as present."""


RETURN_SECONDS = 3.0
"""How long places are kept after the server was away: a client looks every second."""


class Budget:
    """A token bucket: how much one connection may still do.

    Parameters
    ----------
    now : float
        Seconds on any steady clock; the same clock as for :meth:`spend`.
    per_second : float
        What comes back.
    burst : float
        What it has at first, and at most.
    """

    def __init__(self, now: float, *, per_second: float, burst: float) -> None:
        self._per_second = per_second
        self._burst = burst
        self._left = burst
        self._then = now

    def spend(self, now: float, amount: float = 1) -> bool:
        """Take so much from the budget; false, and nothing is taken, if it is less."""
        refill = (now - self._then) * self._per_second
        self._left = min(self._burst, self._left + refill)
        self._then = now
        if self._left < amount:
            return False
        self._left -= amount
        return True


def message_budget(now: float) -> Budget:
    """Of messages, to the signaling server or from a page that looks."""
    return Budget(now, per_second=MAX_MESSAGES_PER_SECOND, burst=MAX_MESSAGE_BURST)


def text_budget(now: float) -> Budget:
    """Of characters in them."""
    return Budget(now, per_second=MAX_TEXT_PER_SECOND, burst=MAX_TEXT_BURST)
