"""The door to a call: what a notebook, a script or a test holds.

:class:`Mesh` runs on the caller's thread and has nothing of a call in it but the way to
it: its :class:`~meshwidget.call.Call` lives on the loop thread and never refers back,
so that a mesh nobody refers to any more is collected, and closed.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from aiortc import RTCIceServer

from .auditing import note_call
from .call import Call
from .cells import current_run, replace_earlier
from .errors import MeshClosedError
from .events import PortOpened, TaskFailed
from .log import EventLog
from .logs import forwarded
from .loop import MeshLoop
from .media.inputs import AudioInput, VideoInput
from .mesh_access import AccessMethods, choose_token, is_loopback, register
from .mesh_faults import FaultMethods
from .mesh_stats import StatsMethods
from .mesh_stepping import SteppingMethods
from .mesh_views import ViewMethods
from .peer.connection import is_aftermath
from .peer.ice import choose_addresses
from .peer.peer import Peer
from .peer.settings import LinkSettings
from .readings import LogReadings
from .signaling.pages import Pages
from .signaling.protocol import check_name

if TYPE_CHECKING:
    from .views.widget import MeshWidget

_CLOSE_SECONDS = 1.6
_THREAD_SECONDS = 0.3


class Mesh(
    SteppingMethods,
    FaultMethods,
    StatsMethods,
    LogReadings,
    ViewMethods,
    AccessMethods,
):
    """A WebRTC call among peers that live in this process.

    Making one starts a signaling server; peers then join and connect each to each.
    Shown as the last line of a notebook's cell it is a live panel.

    Parameters
    ----------
    room : str
        Name of the room, 1 to 64 characters.
    max_peers : int
        How many participants the room holds, browsers included.
    paused : bool
        Whether signaling messages are held from the start, to be stepped through.
    trickle : bool
        Whether candidates travel in messages of their own (RFC 8838), or inside the
        descriptions.
    ice_servers : sequence
        STUN and TURN servers: URLs, or dictionaries as ``RTCIceServer``'s (webrtc-pc,
        section 4.2.2). None by default, so that nothing leaves the machine.
    host : str
        The address to listen on and to offer as host candidate. One that others than
        this machine can reach opens the signaling server to them, if they have the
        token.
    port : int
        0 takes a free one.
    token : str, optional
        The secret that lets a client in, 16 characters or more; a new one by default.
        Has to be given when ``host`` is no loopback address.
    tuned : bool
        False leaves aiortc as it is: each link encodes for itself and decodes on
        threads. For comparisons.

    Attributes
    ----------
    log : EventLog
        Every event since the start, in order.
    loop : MeshLoop
        Where the call lives; for the views.

    Raises
    ------
    NoAddressError
        When ``host`` cannot be listened on or offers ICE no address.
    InvalidNameError
        When ``room`` cannot be a name.
    ValueError
        When a number is out of range, or a token is missing or too short.

    Examples
    --------
    >>> with Mesh() as mesh:
    ...     alice, bob = mesh.join("alice"), mesh.join("bob")
    ...     mesh.wait_connected()
    ...     bob.frame("alice").shape
    (240, 240, 3)
    """

    def __init__(
        self,
        room: str = "1234",
        max_peers: int = 4,
        *,
        paused: bool = False,
        trickle: bool = True,
        ice_servers: Sequence[str | dict[str, Any] | RTCIceServer] = (),
        host: str = "127.0.0.1",
        port: int = 0,
        token: str | None = None,
        tuned: bool = True,
    ) -> None:
        check_name(room)
        _check_range("max_peers", max_peers, 1, 64)
        _check_range("port", port, 0, 65535)
        servers = [_ice_server(each) for each in ice_servers]
        settings = LinkSettings(
            addresses=choose_addresses(host, bool(servers)),
            ice_servers=servers,
            trickle=trickle,
            tuned=tuned,
        )
        token = choose_token(host, token)
        replace_earlier(self, current_run())
        started = time.monotonic()
        self.log = EventLog(lambda: time.monotonic() - started)
        self._display_panel: MeshWidget | None = None
        record = _recorder(self.log)
        self.loop = MeshLoop(on_error=record)
        forwarding = contextlib.ExitStack()
        try:
            forwarding.enter_context(forwarded(self.loop.thread, record))
            self._call = self.loop.run(
                _open(
                    self.log,
                    room,
                    max_peers,
                    settings,
                    token=token,
                    paused=paused,
                    host=host,
                    port=port,
                )
            )
            self._finalizer = weakref.finalize(
                self, _end, self.loop, self._call, forwarding
            )
            note_call(self.loop, self._call)
        except BaseException:
            forwarding.close()
            self.loop.close(_THREAD_SECONDS)
            raise
        if not is_loopback(host):
            self.log.record(PortOpened, address=self.url.rpartition("://")[2])
        self._open_page_channels()
        forwarding.callback(register(self._call))

    # What it is -----------------------------------------------------------------------

    @property
    def room(self) -> str:
        """Name of the room."""
        return self._call.room

    @property
    def max_peers(self) -> int:
        """How many participants the room holds."""
        return self._call.max_peers

    @property
    def url(self) -> str:
        """Where the signaling server listens, for socket.io clients."""
        return self._call.server.url

    @property
    def peers(self) -> dict[str, Peer]:
        """The peers that live here, by name, in order of joining."""
        return dict(self._call.peers)

    @property
    def pages(self) -> Pages:
        """Where browsers come in over a view's own line; for the views."""
        return self._call.pages

    @property
    def closed(self) -> bool:
        """Whether the call is over."""
        return self._call.closed or self.loop.closed

    # Who is in it ---------------------------------------------------------------------

    def join(
        self,
        name: str,
        *,
        video: VideoInput = ...,
        audio: AudioInput = ...,
        timeout: float = 10,
    ) -> Peer:
        """Let one more peer in. Returns once the server has; connecting goes on.

        Parameters
        ----------
        name : str
            Its label, 1 to 64 characters, not in the room yet.
        video : optional
            What it sends: by default a test pattern of its own colour; a path of any
            file that PyAV reads, looping; a function ``draw(t)`` of the time in
            seconds that returns shape (H, W, 3), uint8, RGB; a
            :class:`~meshwidget.Camera`; an aiortc track; None for no picture.
        audio : optional
            By default the file's sound, or else a tone of its own pitch; a path; a
            function of an array of times in seconds that returns as many samples
            between -1 and 1; an aiortc track; None for silence.
        timeout : float
            Seconds.

        Returns
        -------
        Peer

        Raises
        ------
        RoomFullError, DuplicateNameError, InvalidNameError
            The server's reasons.
        SourceError
            A file, camera or track that cannot be read.
        MeshTimeoutError
            The server has not answered in time; nobody has joined.
        MeshClosedError
        """
        return self.loop.run(self._call.join(name, video, audio, timeout))

    async def join_async(
        self,
        name: str,
        *,
        video: VideoInput = ...,
        audio: AudioInput = ...,
        timeout: float = 10,
    ) -> Peer:
        """:meth:`join`, awaitable from any event loop."""
        return await self.loop.run_async(self._call.join(name, video, audio, timeout))

    def exit(self, name: str) -> None:
        """Let a peer leave politely: it says goodbye to everybody.

        Parameters
        ----------
        name : str
            A peer that lives here.

        Raises
        ------
        UnknownPeerError, MeshClosedError
        """
        self.loop.run(self._call.exit(name))

    async def exit_async(self, name: str) -> None:
        """:meth:`exit`, awaitable from any event loop."""
        await self.loop.run_async(self._call.exit(name))

    def crash(self, name: str) -> None:
        """Let a peer vanish without a word, its sockets cut.

        Returns when the server has given its place up, half a second later: so long it
        waits for one who may only have lost the line.

        Parameters
        ----------
        name : str
            A peer that lives here.

        Raises
        ------
        UnknownPeerError, MeshClosedError
        """
        self.loop.run(self._call.crash(name))

    async def crash_async(self, name: str) -> None:
        """:meth:`crash`, awaitable from any event loop."""
        await self.loop.run_async(self._call.crash(name))

    def wait_connected(self, timeout: float = 10) -> None:
        """Wait until every pair is connected and every picture was seen.

        Parameters
        ----------
        timeout : float
            Seconds.

        Raises
        ------
        MeshTimeoutError
            Names the pairs that are not, and the states they are in.
        MeshClosedError
        """
        self.loop.run(self._call.wait_connected(timeout))

    async def wait_connected_async(
        self,
        timeout: float = 10,
    ) -> None:
        """:meth:`wait_connected`, awaitable from any event loop."""
        await self.loop.run_async(self._call.wait_connected(timeout))

    # The end --------------------------------------------------------------------------

    def close(self) -> None:
        """End the call: everybody leaves, the server stops, the thread ends.

        Takes two seconds at most. Harmless when it has ended. Happens by itself when
        the mesh is collected, when its cell runs again and at the interpreter's exit.
        """
        self._finalizer()

    async def close_async(self) -> None:
        """:meth:`close`, awaitable from any event loop."""
        with contextlib.suppress(MeshClosedError):
            await self.loop.run_async(self._call.close())
        self._finalizer()

    def add_closer(self, closer: Callable[[], None]) -> None:
        """Call back on the mesh loop when the call ends; at once if it has.

        Parameters
        ----------
        closer : callable
            Takes nothing. Must be quick: the call's end waits for it.
        """
        if self.closed:
            closer()
        else:
            self.loop.call_soon(self._call.add_closer, closer)

    def remove_closer(self, closer: Callable[[], None]) -> None:
        """Do not call back when the call ends; harmless if it has.

        Parameters
        ----------
        closer : callable
            As it was given to :meth:`add_closer`.
        """
        self.loop.call_soon(self._call.remove_closer, closer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close_async()

    # How it is shown -----------------------------------------------------------------

    def _repr_mimebundle_(self, **arguments: Any) -> Any:
        """Shown by Jupyter: the panel, one for all displays of this mesh."""
        if self._display_panel is None or self._display_panel.comm is None:
            self._display_panel = self.panel()  # the first one, or after its close()
        return self._display_panel._repr_mimebundle_(**arguments)

    def __repr__(self) -> str:
        if self.closed:
            return f"<Mesh room {self.room}: closed>"
        here = ", ".join(self.peers) or "nobody"
        return (
            f"<Mesh room {self.room}: {here} ({len(self.peers)} of {self.max_peers})>"
        )


async def _open(
    log: EventLog,
    room: str,
    max_peers: int,
    settings: LinkSettings,
    *,
    token: str,
    paused: bool,
    host: str,
    port: int,
) -> Call:
    call = Call(log, room, max_peers, settings, token=token, paused=paused)
    await call.open(host, port)
    return call


def _end(loop: MeshLoop, call: Call, forwarding: contextlib.ExitStack) -> None:
    """Close the call and its loop, from whichever thread the end comes on."""
    if threading.current_thread() is loop.thread:
        # Collected while the loop was running something: it cannot wait for itself.
        def stop(closing: concurrent.futures.Future[None]) -> None:
            forwarding.close()
            loop.stop()

        loop.submit(call.close()).add_done_callback(stop)
        return
    deadline = time.monotonic() + _CLOSE_SECONDS + _THREAD_SECONDS
    try:
        loop.submit(call.close()).result(_CLOSE_SECONDS)
    except (
        concurrent.futures.TimeoutError,
        concurrent.futures.CancelledError,
        MeshClosedError,
    ):
        pass  # what is left is cancelled with the loop
    finally:
        forwarding.close()
        # What the goodbyes did not need of the time is the thread's.
        loop.close(max(_THREAD_SECONDS, deadline - time.monotonic()))


def _recorder(log: EventLog) -> Callable[[str, BaseException | str], None]:
    def record(where: str, error: BaseException | str) -> None:
        if is_aftermath(error):
            return
        if isinstance(error, BaseException):
            error = f"{type(error).__name__}: {error}"
        log.record(TaskFailed, where=where, message=error)

    return record


def _check_range(name: str, value: object, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name} is a whole number, not {value!r}")
    if not low <= value <= high:
        raise ValueError(f"{name} is {value}; it can be {low} to {high}")


def _ice_server(given: object) -> RTCIceServer:
    """An RTCIceServer from a URL, a dictionary of the W3C's fields, or itself."""
    if isinstance(given, RTCIceServer):
        return given
    if isinstance(given, str):
        return RTCIceServer(urls=given)
    if isinstance(given, dict) and "urls" in given:
        known = {"urls", "username", "credential", "credentialType"}
        if set(given) <= known:
            return RTCIceServer(**given)
    raise ValueError(
        f"ice_servers has {given!r}: give a URL such as 'stun:host:3478', or a "
        f"dictionary with urls, username and credential (webrtc-pc, section 4.2.2)"
    )
