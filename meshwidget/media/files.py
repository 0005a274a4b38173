"""Files as sources: looping, at their own pace, picture and sound from one thread."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import av

from ..errors import SourceError
from .base import AudioSource, VideoSource
from .demux import MediaReader
from .formats import (
    AUDIO_SAMPLE_RATE,
    VIDEO_CLOCK_RATE,
    VIDEO_FRAME_RATE,
    VIDEO_TIME_BASE,
)
from .planes import Planes
from .threaded import AUDIO_CAPACITY, VIDEO_CAPACITY, Outlet, SourceThread

REPEAT_INTERVAL = 0.2
"""Seconds after which a picture is given again, while the file has no new one: to who
has just joined, a photo and a slide are pictures like any other."""
LARGEST_LATENESS = 0.5
"""Seconds. A file that is later than that (the machine slept, or is too slow for it)
goes on from where it is instead of running after the clock."""


class MediaFile:
    """One file, and its picture and sound as two sources that stay in step.

    One thread reads the file. It runs from when the first of the two sources is opened
    until the last open one is closed.

    Parameters
    ----------
    path : str or pathlib.Path
        ``~`` is the home directory.
    video, audio : bool
        Which of the two sources will be used.
    """

    def __init__(self, path: str | Path, *, video: bool, audio: bool) -> None:
        self.path = Path(path).expanduser()
        self.video_outlet: Outlet[av.VideoFrame] | None = None
        self.audio_outlet: Outlet[av.AudioFrame] | None = None
        self.has_audio = False
        """Whether sound is wanted and there is some; known once open."""
        self._wants_video = video
        self._wants_audio = audio
        self._thread: SourceThread | None = None
        self._users: set[VideoSource | AudioSource] = set()

    async def attach(self, user: VideoSource | AudioSource) -> None:
        """Have the file open for one more source, and wait until it is."""
        if user in self._users:
            message = (
                f'The source for "{self.path}" is in use by another participant; '
                "give each a source of its own."
            )
            raise SourceError(message)
        self._users.add(user)
        if self._thread is None:
            self._thread = self._start()
        try:
            await self._thread.opened()
        except BaseException:
            self.detach(user)
            raise

    def detach(self, user: VideoSource | AudioSource) -> None:
        """Have the file open for one source fewer. Idempotent; waits for nothing."""
        self._users.discard(user)
        if not self._users and self._thread is not None:
            self._thread.stop()
            self._thread = self.video_outlet = self.audio_outlet = None

    def _start(self) -> SourceThread:
        video: Outlet[av.VideoFrame] = Outlet(VIDEO_CAPACITY)
        audio: Outlet[av.AudioFrame] = Outlet(AUDIO_CAPACITY)

        def work(thread: SourceThread) -> None:
            reader = MediaReader(
                self.path,
                video=self._wants_video,
                audio=self._wants_audio,
                stopping=lambda: thread.stopping,
            )
            try:
                self.has_audio = reader.has_audio
                play(reader, thread, video, audio)
            finally:
                reader.close()

        thread = SourceThread(f'The file "{self.path}"', work)
        thread.tie(video)
        thread.tie(audio)
        thread.start()
        self.video_outlet, self.audio_outlet = video, audio
        return thread


class FileVideo(VideoSource):
    """The picture of a file, over and over.

    Parameters
    ----------
    file : MediaFile
    """

    def __init__(self, file: MediaFile) -> None:
        self._file = file

    async def open(self) -> None:
        """Open the file and decode its first picture."""
        await self._file.attach(self)

    async def frames(self) -> AsyncIterator[av.VideoFrame]:
        """Give the pictures; see :meth:`VideoSource.frames`."""
        if self._file.video_outlet is not None:
            async for frame in self._file.video_outlet.items():
                yield frame

    async def close(self) -> None:
        """Close the file, unless its sound is still open."""
        self._file.detach(self)


class FileAudio(AudioSource):
    """The sound of a file, over and over.

    Parameters
    ----------
    file : MediaFile
    required : bool
        Whether a file without sound is an error; otherwise it gives no frames.
    """

    def __init__(self, file: MediaFile, *, required: bool) -> None:
        self._file = file
        self._required = required

    @property
    def is_silent(self) -> bool:
        """Whether the file has no sound; known once open."""
        return not self._file.has_audio

    async def open(self) -> None:
        """Open the file and decode its first sound."""
        await self._file.attach(self)
        if self.is_silent and self._required:
            self._file.detach(self)
            message = (
                f'"{self._file.path}" has no sound. '
                "Give audio=None, or a file that has some."
            )
            raise SourceError(message)

    async def frames(self) -> AsyncIterator[av.AudioFrame]:
        """Give the sound; see :meth:`AudioSource.frames`."""
        if self._file.audio_outlet is not None and not self.is_silent:
            async for frame in self._file.audio_outlet.items():
                yield frame

    async def close(self) -> None:
        """Close the file, unless its picture is still open."""
        self._file.detach(self)


def play(
    reader: MediaReader,
    thread: SourceThread,
    video: Outlet[av.VideoFrame],
    audio: Outlet[av.AudioFrame],
) -> None:
    """Put each frame into its outlet when it is due, until the thread has to end."""
    frames = reader.frames()
    timed = next(frames, None)
    thread.report_open()
    started = time.monotonic()
    begin = started
    projector = Projector(video, thread, started)
    while timed is not None:
        if not projector.wait_until(begin + timed.seconds):
            return
        lateness = time.monotonic() - (begin + timed.seconds)
        if lateness > LARGEST_LATENESS:
            begin += lateness
        frame = timed.frame
        if isinstance(frame, av.VideoFrame):
            projector.show(frame, begin + timed.seconds)
        else:
            assert frame.pts is not None
            frame.pts += round((begin - started) * AUDIO_SAMPLE_RATE)
            audio.put(frame)
        timed = next(frames, None)
    # A photo: it has no end.
    while projector.wait_until(time.monotonic() + 1):
        pass


class Projector:
    """Puts pictures into an outlet, and the last one again while no other comes."""

    def __init__(
        self, outlet: Outlet[av.VideoFrame], thread: SourceThread, started: float
    ) -> None:
        self._outlet = outlet
        self._thread = thread
        self._started = started
        self._newest: Planes | None = None
        self._newest_at = started

    def show(self, frame: av.VideoFrame, moment: float) -> None:
        """Put a picture that is due at ``moment``, seconds of ``time.monotonic``."""
        self._newest = Planes.from_frame(frame)
        self._put(frame, moment)

    def wait_until(self, due: float) -> bool:
        """Sleep, repeating the picture meanwhile; False if the work has to end."""
        while self._newest is not None:
            moment = max(self._newest_at + REPEAT_INTERVAL, time.monotonic())
            # A picture that is due right then needs no repetition before it.
            if due <= moment + 1 / VIDEO_FRAME_RATE:
                break
            if not self._thread.wait_until(moment):
                return False
            self._put(self._newest.to_frame(), moment)
        return self._thread.wait_until(due)

    def _put(self, frame: av.VideoFrame, moment: float) -> None:
        self._newest_at = moment
        frame.pts = round((moment - self._started) * VIDEO_CLOCK_RATE)
        frame.time_base = VIDEO_TIME_BASE
        self._outlet.put(frame)
