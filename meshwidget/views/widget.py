"""The views as widgets: the tiles alone, and the panel.

Both show the same front end, ``panel.js``; a trait says whether it has controls. The
traits are few and never hold a picture: those would end in the saved notebook.
Everything else goes through the :class:`ViewSession`, over custom messages of the comm.
"""

from __future__ import annotations

import base64
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from .reading import read_call
from .session import ViewSession
from .snapshot import snapshot

if TYPE_CHECKING:
    from ..mesh import Mesh

HERE = Path(__file__).parent


class MeshGrid(anywidget.AnyWidget):
    """The live tiles of what one participant receives.

    Parameters
    ----------
    mesh : Mesh
        The call to look at. The grid can be closed without closing the call.
    viewer : str, optional
        Whose view it is, see the trait.

    Attributes
    ----------
    viewer : str or None
        The participant whose received pictures are shown; its own tile is local.
        None follows the first in the room, ``"*"`` shows a row for everyone.
    mesh : Mesh
        The call.
    """

    _esm = HERE / "panel.js"
    _css = HERE / "panel.css"

    controls = traitlets.Bool(False, read_only=True).tag(sync=True)
    viewer = traitlets.Unicode(None, allow_none=True)

    def __init__(self, mesh: Mesh, viewer: str | None = None) -> None:
        self.mesh = mesh
        self._sending = threading.Lock()
        super().__init__(viewer=viewer)
        self._session = ViewSession(mesh, self._send_to_pages, viewer)
        self.on_msg(self._receive)

    def close(self) -> None:
        """Take the view off every page; the call goes on."""
        if not hasattr(self, "_session"):
            return  # it was never finished, and is collected now
        self._session.close()
        with self._sending:
            super().close()

    def snapshot(self) -> bytes:
        """Return the tiles as they are now, as a PNG file."""
        reading = read_call(self.mesh, self.viewer, time.monotonic())
        return snapshot(reading, heading=self.controls)

    def __repr__(self) -> str:
        viewer = "" if self.viewer is None else f", viewer={self.viewer!r}"
        return f"<{type(self).__name__} of room {self.mesh.room}{viewer}>"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle = super()._repr_mimebundle_(**options)
        if bundle is None:
            return None
        data, metadata = bundle
        data["image/png"] = base64.b64encode(self.snapshot()).decode("ascii")
        return data, metadata

    @traitlets.observe("viewer")
    def _viewer_changed(self, change: Any) -> None:
        if hasattr(self, "_session"):
            self._session.look_as(change["new"])

    def _receive(self, widget: object, content: object, buffers: object) -> None:
        """Hand a page's message on; on whatever thread the kernel takes it."""
        match content:
            case {"type": "view", "viewer": str(viewer)}:
                self.viewer = viewer
            case _:
                self._session.receive(content)

    def _send_to_pages(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        with self._sending:
            if self.comm is not None:  # closed on the other thread
                self.send(content, buffers)


class MeshWidget(MeshGrid):
    """The panel: the tiles, and who joins and leaves by hand.

    Parameters
    ----------
    mesh : Mesh, optional
        The call. Without one the panel starts its own, and closes it when the panel
        is closed.
    **mesh_arguments
        For that call: what ``Mesh`` takes.

    Attributes
    ----------
    viewer : str or None
        As in :class:`MeshGrid`; "View as" on the page sets it too.
    mesh : Mesh
        The call.
    """

    controls = traitlets.Bool(True, read_only=True).tag(sync=True)

    def __init__(self, mesh: Mesh | None = None, **mesh_arguments: Any) -> None:
        owned = mesh is None
        if mesh is None:
            # Not above: the call imports the views when it is displayed.
            from ..mesh import Mesh

            mesh = Mesh(**mesh_arguments)
        elif mesh_arguments:
            names = ", ".join(mesh_arguments)
            raise TypeError(f"{names}: only for a mesh that the panel starts itself")
        self._owned = owned
        super().__init__(mesh)

    def close(self) -> None:
        """Take the panel off every page; a call of its own ends."""
        super().close()
        if getattr(self, "_owned", False):
            self.mesh.close()
