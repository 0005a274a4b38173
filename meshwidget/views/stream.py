"""Flow control of pictures: what may be sent to the pages that look, and when.

The contract:

- A *client* is one page. It says hello, says whether anybody can see it, and
  acknowledges each frames message once it has painted it.
- At most :data:`MAX_IN_FLIGHT` messages are on their way to the fastest visible client.
  Slower ones drop pictures on their own side instead of slowing the others down.
- A client for which a message has been outstanding for :data:`STALE_AFTER` seconds is
  dropped: its page was closed or is frozen. Its next message brings it back. One that
  has said goodbye stays away until it says hello, whatever it had on its way. A
  client for which nothing is outstanding is never stale, however quiet it is:
  without frames there are no acknowledgements.
- A picture is sent once. Whoever starts to look gets every picture afresh.
- A tile that no visible client has on its screen is not sent. Who scrolls it into view
  gets its picture afresh.

Pure: no clock (times are given, in seconds, and never run backwards), no event
loop and no idea of what a picture is. Two pictures of a tile are the same if their
versions, any hashable values, are equal.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping
from dataclasses import dataclass

MAX_IN_FLIGHT = 4
"""Frames messages on their way: enough to keep a page busy over a round trip of
100 ms at 30 messages a second, too few to become seconds of delay."""

STALE_AFTER = 5.0
"""Seconds that a message may be outstanding. Longer than a busy page ever takes."""

MAX_CLIENTS = 64
"""Pages remembered at once. A page that crashed while hidden never says goodbye."""


@dataclass(slots=True)
class _Client:
    visible: bool
    acknowledged: int
    hidden: frozenset[str] = frozenset()
    """Tiles that are not on its screen."""


class FrameStream:
    """One stream of numbered frames messages and the clients that look at it.

    Attributes
    ----------
    sequence : int
        The number of the newest message; 0 before the first.
    """

    def __init__(self) -> None:
        self.sequence = 0
        self._clients: dict[str, _Client] = {}
        # (sequence, time sent) of each message that a visible client still owes.
        self._outstanding: deque[tuple[int, float]] = deque()
        self._shown: dict[str, Hashable] = {}
        self._decoders: dict[str, bool] = {}
        """Who said hello and not goodbye, and whether they decode video; kept of those
        who are dropped and may come back."""

    @property
    def clients(self) -> tuple[str, ...]:
        """The clients that are remembered, the one heard from last at the end."""
        return tuple(self._clients)

    @property
    def watched(self) -> bool:
        """Whether any client can be seen by somebody."""
        return any(client.visible for client in self._clients.values())

    @property
    def decodes(self) -> bool:
        """Whether every visible client can decode video, and not only stills."""
        return self.watched and all(
            self._decoders.get(name, False)
            for name, client in self._clients.items()
            if client.visible
        )

    def on_screen(self, tile: str) -> bool:
        """Whether a visible client has that tile on its screen."""
        return any(
            client.visible and tile not in client.hidden
            for client in self._clients.values()
        )

    @property
    def in_flight(self) -> int:
        """Messages that the fastest visible client has not acknowledged yet."""
        acknowledged = self._visible_acknowledged()
        return self.sequence - max(acknowledged) if acknowledged else 0

    def hello(self, client: str, *, decodes: bool = False) -> None:
        """Take up a page that has just been opened; it is not visible yet."""
        self._decoders.pop(client, None)
        self._decoders[client] = decodes
        while len(self._decoders) > 2 * MAX_CLIENTS:
            del self._decoders[next(iter(self._decoders))]
        self._clients.pop(client, None)
        self._remember(client, visible=False)

    def set_visible(
        self, client: str, visible: bool, hidden: frozenset[str] = frozenset()
    ) -> frozenset[str] | None:
        """Note whether anybody can see the page of ``client``, and what of it.

        Parameters
        ----------
        client : str
        visible : bool
        hidden : frozenset[str]
            The tiles that are not on its screen.

        Returns
        -------
        frozenset[str] or None
            The tiles that have come onto its screen; None if these are all.
        """
        known = self._clients.get(client)
        if known is None or known.visible != visible:
            self._remember(client, visible=visible, hidden=hidden)
            return None if visible else frozenset()
        appeared = known.hidden - hidden
        known.hidden = hidden
        for tile in appeared:
            self._shown.pop(tile, None)
        return appeared

    def acknowledge(self, client: str, sequence: int) -> bool:
        """Note that ``client`` has painted all messages up to ``sequence``.

        The acknowledgement of a client that was dropped brings it back. One of a
        message that was never sent, or older than the last, changes nothing, nor does
        one that comes after a goodbye.

        Returns
        -------
        bool
            Whether it has come back, and needs all tiles afresh.
        """
        known = self._clients.get(client)
        if known is None:
            if client not in self._decoders:
                return False
            self._remember(client, visible=True)
            return True
        if known.acknowledged < sequence <= self.sequence:
            known.acknowledged = sequence
            self._forget_settled()
        return False

    def bye(self, client: str) -> None:
        """Forget a page that is being closed."""
        self._clients.pop(client, None)
        self._decoders.pop(client, None)
        self._forget_settled()

    def drop_stale(self, now: float) -> tuple[str, ...]:
        """Forget the visible clients that owe a message for too long; name them."""
        overdue = 0
        while self._outstanding and now - self._outstanding[0][1] >= STALE_AFTER:
            overdue, _ = self._outstanding.popleft()
        stale = tuple(
            name
            for name, client in self._clients.items()
            if client.visible and client.acknowledged < overdue
        )
        for name in stale:
            del self._clients[name]
        self._forget_settled()
        return stale

    def ready(self) -> bool:
        """Whether a message may be sent now."""
        return self.watched and self.in_flight < MAX_IN_FLIGHT

    def take(self, pictures: Mapping[str, Hashable], now: float) -> tuple[str, ...]:
        """Choose the tiles of the next message, which counts as sent at ``now``.

        Parameters
        ----------
        pictures : Mapping[str, Hashable]
            The version of the newest picture of every tile that has one.
        now : float
            The time, in seconds.

        Returns
        -------
        tuple[str, ...]
            The tiles whose pictures this stream has not sent yet, in the order
            given. Empty if there are none or the stream is not ``ready``; nothing is
            to be sent then, and ``sequence`` has not changed.
        """
        if not self.ready():
            return ()
        tiles = tuple(
            tile
            for tile, version in pictures.items()
            if tile not in self._shown or self._shown[tile] != version
        )
        if tiles:
            self._shown = dict(pictures)
            self.sequence += 1
            self._outstanding.append((self.sequence, now))
        return tiles

    def _remember(
        self, name: str, *, visible: bool, hidden: frozenset[str] = frozenset()
    ) -> None:
        self._clients.pop(name, None)
        self._clients[name] = _Client(visible, self.sequence, hidden)
        if len(self._clients) > MAX_CLIENTS:
            oldest = min(self._clients, key=lambda name: self._clients[name].visible)
            del self._clients[oldest]
        if visible:
            self._shown.clear()
        self._forget_settled()

    def _visible_acknowledged(self) -> list[int]:
        return [
            client.acknowledged for client in self._clients.values() if client.visible
        ]

    def _forget_settled(self) -> None:
        settled = min(self._visible_acknowledged(), default=self.sequence)
        while self._outstanding and self._outstanding[0][0] <= settled:
            self._outstanding.popleft()
