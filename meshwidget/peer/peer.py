"""A participant as its user sees it. Everything here may be used from any thread."""

from __future__ import annotations

from collections.abc import Callable

import av
import numpy as np
from numpy.typing import NDArray

from ..media.sinks import AudioSink, VideoSink
from .connection import Connection
from .participant import Participant


class Peer:
    """One participant of a call; :meth:`meshwidget.Mesh.join` gives it.

    Attributes
    ----------
    name : str
        The label, unique in the room.
    """

    def __init__(self, participant: Participant) -> None:
        self.name = participant.name
        self._participant = participant

    @property
    def id(self) -> str:
        """The socket id that the others call it by."""
        return self._participant.id

    @property
    def connections(self) -> dict[str, Connection]:
        """The connections to all others, by their names, in order of meeting."""
        connections = list(self._participant.connections.values())
        return {each.remote: each for each in connections}

    def frame(self, name: str) -> NDArray[np.uint8] | None:
        """The newest picture received from that participant.

        Parameters
        ----------
        name : str
            This peer's own name gives its local picture, before encoding.

        Returns
        -------
        ndarray or None
            Shape (H, W, 3), uint8, RGB; None before the first one.
        """
        sink = self.video(name)
        return None if sink is None else sink.rgb()

    def audio_level(self, name: str) -> float | None:
        """How loud that participant is here.

        Parameters
        ----------
        name : str
            This peer's own name gives its own sound, before encoding.

        Returns
        -------
        float or None
            dBov: 0 is the loudest, -127 silence (RFC 6464, section 3). None when no
            sound comes from there.
        """
        sink = self._audio(name)
        return None if sink is None else sink.level

    def on_frame(
        self, name: str, callback: Callable[[av.VideoFrame], None]
    ) -> Callable[[], None]:
        """Call back with every frame decoded from that participant.

        Parameters
        ----------
        name : str
            It need not have joined yet.
        callback : callable
            Takes an ``av.VideoFrame``, on the mesh's thread, so it must be quick. An
            exception in it ends this subscription and is an event in the log.

        Returns
        -------
        callable
            Ends the subscription.
        """
        return self._participant.subscribe(name, callback)

    def video(self, name: str) -> VideoSink | None:
        """Where that participant's pictures end here, for views and measurements.

        Parameters
        ----------
        name : str
            This peer's own name gives its local picture, before encoding.

        Returns
        -------
        VideoSink or None
            None when no video comes from there.
        """
        if name == self.name:
            broadcast = self._participant.video
            return None if broadcast is None else broadcast.local
        connection = self._participant.connection_to(name)
        if connection is None or not connection.receives_video:
            return None
        return connection.video

    @property
    def sends_video(self) -> bool:
        """Whether it has a source of pictures, working or not."""
        return self._participant.video is not None

    @property
    def sends_audio(self) -> bool:
        """Whether it has a source of sound, working or not."""
        return self._participant.audio is not None

    @property
    def source_failures(self) -> dict[str, str]:
        """Why a source of its own stopped, by kind: ``"video"``, ``"audio"``."""
        return dict(self._participant.source_failures)

    def _audio(self, name: str) -> AudioSink | None:
        if name == self.name:
            broadcast = self._participant.audio
            return None if broadcast is None else broadcast.local
        connection = self._participant.connection_to(name)
        if connection is None or not connection.receives_audio:
            return None
        return connection.audio

    def __repr__(self) -> str:
        connections = self.connections.values()
        connected = sum(each.connection_state == "connected" for each in connections)
        return f"<Peer {self.name}: {connected} of {len(connections)} connected>"
