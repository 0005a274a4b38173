"""What a source is: the interface that everything in ``media`` meets at.

Every method runs on the mesh loop, and none may hold it up for more than about a
millisecond. This module knows nothing of where pictures and sound come from.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

import av

Frame = TypeVar("Frame", av.VideoFrame, av.AudioFrame)


class Source(ABC, Generic[Frame]):
    """Frames for one participant, at their own pace.

    One consumer at a time: :meth:`open`, then one iteration of :meth:`frames`, then
    :meth:`close`. A closed source may be opened again.
    """

    @abstractmethod
    async def open(self) -> None:
        """Make ready to give frames.

        Raises
        ------
        SourceError
            The source cannot be read. Nothing is left open, also when cancelled.
        """

    @abstractmethod
    def frames(self) -> AsyncIterator[Frame]:
        """Give each frame when it is due.

        Late ones are skipped rather than queued. The iteration ends when the source
        has ended or is closed; leaving it early closes nothing.

        Raises
        ------
        SourceError
            The source failed in the middle; chained from what it failed of.
        """

    @abstractmethod
    async def close(self) -> None:
        """Let go of everything. Idempotent, and never waits for the source."""


class VideoSource(Source[av.VideoFrame]):
    """Pictures: ``yuv420p`` (BT.601, limited range), 240x240.

    With a strictly increasing ``pts`` in 1/90000 s.
    """


class AudioSource(Source[av.AudioFrame]):
    """Sound: ``s16``, mono, 48000 Hz, 960 samples a frame, 20 ms.

    With a strictly increasing ``pts`` in 1/48000 s.
    """
