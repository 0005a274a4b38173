"""What a source is: the two interfaces that everything in ``media`` meets at.

Every method runs on the mesh loop, and none may hold it up for more than about a
millisecond. This module knows nothing of where pictures and sound come from.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator

import av


class VideoSource(ABC):
    """Pictures for one participant, at their own pace.

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
    def frames(self) -> AsyncIterator[av.VideoFrame]:
        """Give each picture when it is due.

        Late pictures are skipped rather than queued. The iteration ends when the
        source has ended or is closed; leaving it early closes nothing.

        Yields
        ------
        av.VideoFrame
            ``yuv420p`` (BT.601, limited range), 240x240, with a strictly increasing
            ``pts`` in 1/90000 s.

        Raises
        ------
        SourceError
            The source failed in the middle; chained from what it failed of.
        """

    @abstractmethod
    async def close(self) -> None:
        """Let go of everything. Idempotent, and never waits for the source."""


class AudioSource(ABC):
    """Sound for one participant; the same contract as :class:`VideoSource`."""

    @abstractmethod
    async def open(self) -> None:
        """Make ready to give frames.

        Raises
        ------
        SourceError
            The source cannot be read. Nothing is left open, also when cancelled.
        """

    @abstractmethod
    def frames(self) -> AsyncIterator[av.AudioFrame]:
        """Give each 20 ms of sound when it is due.

        Yields
        ------
        av.AudioFrame
            ``s16``, mono, 48000 Hz, 960 samples, with a strictly increasing ``pts``
            in 1/48000 s.

        Raises
        ------
        SourceError
            The source failed in the middle; chained from what it failed of.
        """

    @abstractmethod
    async def close(self) -> None:
        """Let go of everything. Idempotent, and never waits for the source."""
