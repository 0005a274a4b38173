"""A media file as one endless stream of fitted pictures and 20 ms pieces of sound.

No clock and no thread: :meth:`MediaReader.frames` is a plain generator that reads,
decodes and fits as it is asked for more. Who asks decides how fast.
"""

from __future__ import annotations

import heapq
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av
import av.container

from ..errors import SourceError
from .fit import fit
from .formats import AUDIO_SAMPLE_RATE
from .pace import SlotFilter
from .soundtrack import Soundtrack
from .threaded import describe

LOOKAHEAD = 2.0
"""Seconds to read ahead in search of the other stream, in a file whose sound is stored
far from its picture: 60 fitted pictures, 5 MB."""
LARGEST_STEP = 10.0
"""Seconds. Timestamps that jump farther, or backwards, are taken for damage."""
ONE = Fraction(1)
USUAL_FRAME_RATE = 25
"""For files that do not say theirs."""


@dataclass(frozen=True, slots=True, order=True)
class TimedFrame:
    """A frame and its place on the endless timeline; sorts by time."""

    seconds: float
    order: int
    frame: av.VideoFrame | av.AudioFrame = field(compare=False)


class MediaReader:
    """Reads one file, over and over.

    Opening it may take time; so may each frame.

    Parameters
    ----------
    path : pathlib.Path
    video : bool
        Whether to give pictures. The file has to have some.
    audio : bool
        Whether to give sound, if the file has any: see :attr:`has_audio`.
    stopping : callable
        Asked once a packet; the generator ends when it says so.

    Raises
    ------
    SourceError
        There is no such file, or it is no media file, or has no picture.
    """

    def __init__(
        self, path: Path, *, video: bool, audio: bool, stopping: Callable[[], bool]
    ) -> None:
        self._path = path
        self._stopping = stopping
        self._file = _open_file(path)
        try:
            with self._open_container() as container:
                has_sound = bool(container.streams.audio)
                has_picture = bool(container.streams.video)
                if not has_sound and not has_picture:
                    message = f'"{path}" has neither picture nor sound.'
                    raise SourceError(f"{message} Try another file.")
                if video and not has_picture:
                    message = f'"{path}" has no picture. Give it as audio=, not video=.'
                    raise SourceError(message)
        except BaseException:
            self._file.close()
            raise
        self.has_audio = audio and has_sound
        """Whether sound is given."""
        self._video = video
        self._order = 0
        self._slots = SlotFilter()
        self._soundtrack = Soundtrack()

    def close(self) -> None:
        """Close the file. Idempotent."""
        self._file.close()

    def frames(self) -> Iterator[TimedFrame]:
        """Give the frames in order of time; the file's end joins on to its beginning.

        A picture file ends after its one frame. Sound pieces have their ``pts``.

        Raises
        ------
        SourceError
            Nothing in the file can be decoded.
        """
        waiting: list[TimedFrame] = []
        pictures = pieces = 0
        newest = 0.0
        for timed in self._passes():
            heapq.heappush(waiting, timed)
            newest = max(newest, timed.seconds)
            if isinstance(timed.frame, av.VideoFrame):
                pictures += 1
            else:
                pieces += 1
            while waiting and (
                newest - waiting[0].seconds > LOOKAHEAD
                or ((pictures or not self._video) and (pieces or not self.has_audio))
            ):
                first = heapq.heappop(waiting)
                if isinstance(first.frame, av.VideoFrame):
                    pictures -= 1
                else:
                    pieces -= 1
                yield first
        yield from sorted(waiting)

    def _passes(self) -> Iterator[TimedFrame]:
        """Give the frames of pass after pass, each stream in order of time."""
        offset = 0.0
        while not self._stopping():
            one = _Pass(offset)
            self._file.seek(0)
            with self._open_container() as container:
                yield from self._one_pass(container, one)
            if self._stopping():
                return
            if self._video and not one.pictures:
                raise SourceError(self._undecodable("picture"))
            if self.has_audio and not one.sounds:
                raise SourceError(self._undecodable("sound"))
            if one.pictures == 1 and not self.has_audio:
                return
            offset = one.end

    def _one_pass(
        self, container: av.container.InputContainer, one: _Pass
    ) -> Iterator[TimedFrame]:
        wanted = []
        if self._video:
            wanted.append(container.streams.best("video"))
        if self.has_audio:
            wanted.append(container.streams.best("audio"))
        streams = [stream for stream in wanted if stream is not None]
        if container.start_time is not None:
            one.origin = container.start_time / av.time_base
        for packet in _until_damage(container.demux(*streams)):
            if self._stopping():
                return
            try:
                decoded: Sequence[object] = packet.decode()
            except av.error.FFmpegError:
                # One damaged packet; what comes after it may be whole.
                continue
            for frame in decoded:
                if isinstance(frame, av.VideoFrame):
                    yield from self._picture(frame, packet.stream, one)
                elif isinstance(frame, av.AudioFrame):
                    yield from self._sound(frame, one)
        yield from self._pieces(self._soundtrack.flush())

    def _picture(
        self, frame: av.VideoFrame, stream: object, one: _Pass
    ) -> Iterator[TimedFrame]:
        assert isinstance(stream, av.VideoStream)
        rate = stream.average_rate or stream.guessed_rate or USUAL_FRAME_RATE
        seconds = one.place_picture(frame.time, 1 / float(rate))
        if self._slots.accepts(seconds):
            yield self._timed(seconds, fit(frame, stream.sample_aspect_ratio or ONE))

    def _sound(self, frame: av.AudioFrame, one: _Pass) -> Iterator[TimedFrame]:
        seconds = one.place_sound(frame.time, frame.samples / frame.sample_rate)
        yield from self._pieces(self._soundtrack.add(frame, seconds))

    def _pieces(self, pieces: Iterator[av.AudioFrame]) -> Iterator[TimedFrame]:
        for piece in pieces:
            assert piece.pts is not None
            yield self._timed(piece.pts / AUDIO_SAMPLE_RATE, piece)

    def _timed(
        self, seconds: float, frame: av.VideoFrame | av.AudioFrame
    ) -> TimedFrame:
        self._order += 1
        return TimedFrame(seconds, self._order, frame)

    def _open_container(self) -> av.container.InputContainer:
        try:
            # Opened anew for each pass: not every format can seek to its start.
            return av.open(self._file, mode="r")
        except (av.error.FFmpegError, ValueError) as error:
            message = (
                f'"{self._path}" is not a video or sound file that can be read '
                f"({describe(error)}). Try another file, or convert it to MP4."
            )
            raise SourceError(message) from error

    def _undecodable(self, what: str) -> str:
        return (
            f'No {what} in "{self._path}" can be decoded: the file is damaged or cut '
            "off. Try another file."
        )


class _Pass:
    """Where the frames of one pass through the file go on the endless timeline."""

    def __init__(self, offset: float) -> None:
        self.origin = 0.0
        """The file's own time at which the pass begins, in seconds."""
        self.end = offset
        """Where the next pass begins, in seconds of the endless timeline."""
        self.pictures = 0
        self.sounds = 0
        self._offset = offset
        self._next_picture = offset
        self._newest_picture: float | None = None
        self._next_sound = offset

    def place_picture(self, time: float | None, duration: float) -> float:
        """Return where a picture goes, from its own time in seconds if it has one."""
        seconds = self._place(time, self._next_picture)
        if self._newest_picture is not None and seconds <= self._newest_picture:
            seconds = self._next_picture
        self._newest_picture = seconds
        self._next_picture = seconds + duration
        self.pictures += 1
        self.end = max(self.end, self._next_picture)
        return seconds

    def place_sound(self, time: float | None, duration: float) -> float:
        """Return where a piece of sound goes: never over what was placed before."""
        seconds = max(self._next_sound, self._place(time, self._next_sound))
        self._next_sound = seconds + duration
        self.sounds += 1
        self.end = max(self.end, self._next_sound)
        return seconds

    def _place(self, time: float | None, expected: float) -> float:
        if time is None:
            return expected
        seconds = self._offset + max(0.0, time - self.origin)
        return seconds if abs(seconds - expected) <= LARGEST_STEP else expected


def _open_file(path: Path) -> BinaryIO:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise SourceError(f'"{path}" is a folder. Name a file in it.')
        if not stat.S_ISREG(status.st_mode):
            message = (
                f'"{path}" is no ordinary file. For a camera, give '
                f'video=Camera("{path}").'
            )
            raise SourceError(message)
        if status.st_size == 0:
            raise SourceError(f'"{path}" is empty: nothing was ever written to it.')
        return path.open("rb")
    except FileNotFoundError as error:
        message = (
            f'There is no file "{path}" (looked in {Path.cwd()}). '
            "Check its name, or give the whole path."
        )
        raise SourceError(message) from error
    except (OSError, ValueError) as error:
        raise SourceError(f'"{path}" cannot be opened: {describe(error)}.') from error


def _until_damage(packets: Iterator[av.Packet[Any]]) -> Iterator[av.Packet[Any]]:
    """Give packets up to the file's end, or to where it is cut off."""
    try:
        yield from packets
    except av.error.FFmpegError:
        return
