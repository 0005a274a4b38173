"""What the live widgets have in common: pages over the comm, and over WebSockets.

All pages that use the comm share one end in the kernel, ``_session``; each that comes
over a WebSocket has one of its own. Above that the two differ in nothing.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import anywidget
import traitlets

from ..mesh_views import ViewMethods
from .channel import Channel
from .closing import close_belongings
from .socket import PageEnd, Send, type_of

if TYPE_CHECKING:
    from ..mesh import Mesh

End = TypeVar("End", bound=PageEnd)

_SETTING = threading.RLock()
"""Held by a page that sets traits: of all widgets, because they are linked."""


class LiveWidget(anywidget.AnyWidget, Generic[End]):
    """A widget whose pages talk with the kernel.

    Parameters
    ----------
    source : Mesh or Session
        Only a mesh can be reached over a WebSocket.
    **traits
        As the subclass has them.

    Attributes
    ----------
    address : str
        Where a page finds the WebSocket, below ``{base_url}meshwidget/`` of the Jupyter
        server; empty when there is none, or none any more.
    """

    address = traitlets.Unicode("", read_only=True).tag(sync=True)

    _SETS: frozenset[str] = frozenset()
    """Types of the messages that set traits, which somebody may observe."""

    def __init_subclass__(cls, **arguments: Any) -> None:
        # As text: anywidget follows the changes of a file for each widget that has it,
        # for as long as the process lives, and so keeps the widget and its call.
        for key in ("_esm", "_css"):
            path = cls.__dict__.get(key)
            if isinstance(path, Path):
                setattr(cls, key, path.read_text("utf-8"))
        super().__init_subclass__(**arguments)

    def __init__(self, source: object, **traits: Any) -> None:
        self._sending = threading.Lock()
        self._channel: Channel[End] | None = None
        if isinstance(source, ViewMethods):
            mesh = cast("Mesh", source)
            self._channel = Channel(
                mesh, self._open_end, self._hear, self._SETS, self._channel_ended
            )
        super().__init__(**traits)
        self._session = self._open_end(self._send_to_pages)
        self.on_msg(self._receive)

    def close(self) -> None:
        """Take the view off every page; the call goes on."""
        if not hasattr(self, "_session"):
            return  # it was never finished, and is collected now
        if self._channel is not None:
            self._channel.close()
        self._session.close()
        with self._sending:
            super().close()
        close_belongings(self)

    def _open_end(self, send: Send) -> End:
        """Make the kernel's end for the pages that ``send`` reaches."""
        raise NotImplementedError

    def _take(self, content: object, end: End) -> None:
        """Take what a page said to that end, on whatever thread."""
        end.receive(content)

    def _hear(self, content: object, end: End) -> None:
        """Take it; what sets traits one after the other, as they are not for threads.

        Links between views find them changed under their hands otherwise.
        """
        with _SETTING if type_of(content) in self._SETS else contextlib.nullcontext():
            self._take(content, end)

    @property
    def _ends(self) -> tuple[End, ...]:
        """All that feed pages now; none before the widget is finished."""
        if not hasattr(self, "_session"):
            return ()
        return (self._session, *(self._channel.ends if self._channel else ()))

    @traitlets.default("address")
    def _default_address(self) -> str:
        return self._channel.address if self._channel else ""

    def _channel_ended(self) -> None:
        self.set_trait("address", "")

    def _receive(self, widget: object, content: object, buffers: object) -> None:
        """Take a message of the comm."""
        self._hear(content, self._session)

    def _send_to_pages(
        self, content: dict[str, Any], buffers: Sequence[bytes] = ()
    ) -> None:
        with self._sending:
            if self.comm is not None:  # closed on another thread
                self.send(content, list(buffers))
