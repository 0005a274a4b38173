"""Links and the server, for hands that break them. On the caller's thread."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from .faults import LAYERS, Impairment, LinkFaults
from .signaling.protocol import check_name

if TYPE_CHECKING:
    from .call import Call
    from .loop import MeshLoop


class Link:
    """The wire between two participants; :meth:`meshwidget.Mesh.link` gives it.

    What is done to it stays until :meth:`heal`, also when one of the two leaves and
    comes back, and whether or not they are there yet. Every change is an event.

    Parameters
    ----------
    loop : MeshLoop
    call : Call
    one, other : str
        Names.
    is_present : callable
        Whether somebody of a name is in the room.
    """

    def __init__(
        self,
        loop: MeshLoop,
        call: Call,
        one: str,
        other: str,
        is_present: Callable[[str], bool],
    ) -> None:
        for name in (one, other):
            check_name(name)
        if one == other:
            raise ValueError(f"a link has two ends; {one} has none to itself")
        self.names = one, other
        self._loop = loop
        self._faults = call.faults
        self._is_present = is_present

    @property
    def faults(self) -> LinkFaults:
        """What is wrong with it on purpose; false when nothing is."""
        return self._faults.of(self.names)

    def impair(
        self,
        *,
        loss: float = 0.0,
        delay_ms: float = 0.0,
        jitter_ms: float = 0.0,
        kbps: float | None = None,
        duplicate: float = 0.0,
        reorder: float = 0.0,
        toward: str | None = None,
        seed: int = 0,
    ) -> None:
        """Carry badly, in place of any earlier impairment of that direction.

        Parameters
        ----------
        loss, duplicate, reorder : float
            Fractions of the packets, 0 to 1: lost, delivered twice, overtaken by
            others.
        delay_ms : float
            Milliseconds that every packet takes, one way.
        jitter_ms : float
            How far the delay strays to either side, uniformly. Packets keep their
            order.
        kbps : float, optional
            Kilobits a second that pass. What does not fit waits up to a quarter of a
            second, then is lost.
        toward : str, optional
            One of the two: only what is sent to that one is impaired.
        seed : int
            The same one loses the same packets: of each direction and layer (STUN,
            DTLS, SRTP), the first, the fifth and so on, counted from here.

        Raises
        ------
        ValueError
            Says which value cannot be, and what can.
        MeshClosedError
        """
        self._loop.run(
            self._impairing(
                toward,
                loss=loss,
                delay_ms=delay_ms,
                jitter_ms=jitter_ms,
                kbps=kbps,
                duplicate=duplicate,
                reorder=reorder,
                seed=seed,
            )
        )

    async def impair_async(
        self,
        *,
        loss: float = 0.0,
        delay_ms: float = 0.0,
        jitter_ms: float = 0.0,
        kbps: float | None = None,
        duplicate: float = 0.0,
        reorder: float = 0.0,
        toward: str | None = None,
        seed: int = 0,
    ) -> None:
        """:meth:`impair`, awaitable from any event loop."""
        await self._loop.run_async(
            self._impairing(
                toward,
                loss=loss,
                delay_ms=delay_ms,
                jitter_ms=jitter_ms,
                kbps=kbps,
                duplicate=duplicate,
                reorder=reorder,
                seed=seed,
            )
        )

    def cut(self) -> None:
        """Let nothing pass, both ways, as if the cable were out.

        After about four seconds nobody's consent to be sent to is left (RFC 7675), and
        the connection fails; one that is healed sooner goes on.

        Raises
        ------
        MeshClosedError
        """
        self._loop.run(self._faults.cut(self.names))

    async def cut_async(self) -> None:
        """:meth:`cut`, awaitable from any event loop."""
        await self._loop.run_async(self._faults.cut(self.names))

    def heal(self) -> None:
        """End everything that is wrong with it: cuts, impairments and what is held.

        What was on its way arrives at once. A connection that has failed meanwhile is
        made anew.

        Raises
        ------
        MeshClosedError
        """
        self._loop.run(self._faults.heal(self.names))

    async def heal_async(self) -> None:
        """:meth:`heal`, awaitable from any event loop."""
        await self._loop.run_async(self._faults.heal(self.names))

    def hold(self, layer: str) -> None:
        """Stop the packets of one protocol, both ways, to see a connection wait for it.

        Parameters
        ----------
        layer : str
            ``"stun"`` (ICE's checks), ``"dtls"`` (the handshake) or ``"srtp"`` (media
            and its reports). Checks and handshakes wait, the newest 64 packets of each
            side; media is lost.

        Raises
        ------
        ValueError
            When there is no such layer.
        MeshClosedError
        """
        self._loop.run(self._faults.hold(self.names, _checked_layer(layer)))

    async def hold_async(self, layer: str) -> None:
        """:meth:`hold`, awaitable from any event loop."""
        await self._loop.run_async(self._faults.hold(self.names, _checked_layer(layer)))

    def release(self, layer: str | None = None) -> None:
        """Let what is held pass again.

        Parameters
        ----------
        layer : str, optional
            One of :meth:`hold`'s; by default all of them.

        Raises
        ------
        ValueError
            When there is no such layer.
        MeshClosedError
        """
        self._loop.run(self._releasing(layer))

    async def release_async(self, layer: str | None = None) -> None:
        """:meth:`release`, awaitable from any event loop."""
        await self._loop.run_async(self._releasing(layer))

    def _releasing(self, layer: str | None) -> Coroutine[Any, Any, None]:
        if layer is not None:
            _checked_layer(layer)
        return self._faults.release(self.names, layer)

    def _impairing(
        self, toward: str | None, **values: Any
    ) -> Coroutine[Any, Any, None]:
        if toward is not None and toward not in self.names:
            one, other = self.names
            raise ValueError(
                f"toward is {toward!r}; this link leads to {one} and to {other}"
            )
        impairment = Impairment.checked(**values)
        return self._faults.impair(self.names, impairment, toward)

    def __repr__(self) -> str:
        one, other = self.names
        absent = [name for name in self.names if not self._is_present(name)]
        note = f" ({' and '.join(absent)} not in the room)" if absent else ""
        return f"<Link {one} - {other}: {self.faults}{note}>"


class Server:
    """The signaling server of a call; ``mesh.server`` gives it.

    Parameters
    ----------
    loop : MeshLoop
    call : Call
    """

    def __init__(self, loop: MeshLoop, call: Call) -> None:
        self._loop = loop
        self._call = call

    @property
    def url(self) -> str:
        """Where it listens, for socket.io clients; the same after every start."""
        return self._call.server.url

    @property
    def running(self) -> bool:
        """Whether it is there."""
        return self._call.server.running

    def stop(self) -> None:
        """Take it away: every line is cut without a word and its address is free.

        Media flows on without it: it is between peers. Nobody can join; who leaves is
        noticed by the others, but not by the server before it is back. Harmless when it
        is stopped.

        Raises
        ------
        MeshClosedError
        """
        self._loop.run(self._call.stop_server())

    async def stop_async(self) -> None:
        """:meth:`stop`, awaitable from any event loop."""
        await self._loop.run_async(self._call.stop_server())

    def start(self) -> None:
        """Bring it back at the same address.

        Peers find it by themselves within a second or two and take their places again,
        with their names, ids and connections. Who does not come back within three
        seconds has left. Messages that waited for somebody are delivered.

        Raises
        ------
        NoAddressError
            When another program listens at its address now.
        MeshClosedError
        """
        self._loop.run(self._call.start_server())

    async def start_async(self) -> None:
        """:meth:`start`, awaitable from any event loop."""
        await self._loop.run_async(self._call.start_server())

    def __repr__(self) -> str:
        state = "running" if self.running else "stopped"
        return f"<Server {self.url}: {state}>"


def _checked_layer(layer: str) -> str:
    if layer not in LAYERS:
        raise ValueError(
            f"there is no layer {layer!r}; a link has {', '.join(LAYERS)} (RFC 7983)"
        )
    return layer
