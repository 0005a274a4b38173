"""A camera of the machine as a source."""

import sys
import time
from collections.abc import AsyncIterator

import av
import av.container
from av.device import enumerate_input_devices

from ..errors import SourceError
from .base import VideoSource
from .fit import fit
from .formats import VIDEO_CLOCK_RATE, VIDEO_TIME_BASE
from .pace import SlotFilter
from .threaded import (
    VIDEO_CAPACITY,
    Outlet,
    SourceThread,
    ThreadStream,
    describe,
)

PLATFORM_FORMATS = {"linux": "v4l2", "darwin": "avfoundation", "win32": "dshow"}
"""FFmpeg's name for each system's cameras."""
PLATFORM_OPTIONS = {"avfoundation": {"framerate": "30"}}
"""What cannot be left out: macOS refuses the rate that FFmpeg asks for by itself."""


class Camera(VideoSource):
    """A camera, at up to 30 frames a second.

    A camera can be in one call at a time, and most in one program at a time.

    Parameters
    ----------
    device : str, optional
        ``"/dev/video2"`` on Linux, ``"1"`` on macOS, ``"video=NAME"`` on Windows. The
        first camera if not given.
    format : str, optional
        FFmpeg's name of the kind of device. The system's own kind if not given.
    options : dict of str, optional
        For FFmpeg, for instance ``{"video_size": "640x480"}``.
    """

    def __init__(
        self,
        device: str | None = None,
        *,
        format: str | None = None,
        options: dict[str, str] | None = None,
    ) -> None:
        self.device = device
        self.format = format
        self.options = options
        subject = f"The camera {device}" if device else "The camera"
        self._stream = ThreadStream(subject, self._work, VIDEO_CAPACITY)

    async def open(self) -> None:
        """Switch the camera on and wait for its first picture."""
        await self._stream.open()

    def frames(self) -> AsyncIterator[av.VideoFrame]:
        """Give the pictures; see :meth:`VideoSource.frames`."""
        return self._stream.items()

    async def close(self) -> None:
        """Switch the camera off, as soon as it has given the picture it is at."""
        self._stream.close()

    def _work(self, thread: SourceThread, outlet: Outlet[av.VideoFrame]) -> None:
        format_ = self.format or PLATFORM_FORMATS.get(sys.platform)
        if format_ is None:
            message = (
                f"Cameras on {sys.platform} need Camera(device, format=...), with "
                "FFmpeg's name of the format. Or join with video=None."
            )
            raise SourceError(message)
        device = self.device or _first_device(format_)
        with _open_device(device, format_, self.options) as container:
            try:
                _film(container, device, thread, outlet)
            except av.error.FFmpegError as error:
                message = (
                    f"The camera {device} stopped ({describe(error)}). "
                    "Check that it is plugged in, then join again."
                )
                raise SourceError(message) from error


def _film(
    container: av.container.InputContainer,
    device: str,
    thread: SourceThread,
    outlet: Outlet[av.VideoFrame],
) -> None:
    slots = SlotFilter()
    started: float | None = None
    for frame in container.decode(video=0):
        if thread.stopping:
            return
        now = time.monotonic()
        if started is None:
            started = now
            thread.report_open()
        # By the clock of arrival: what cameras write into their pictures differs.
        if slots.accepts(now - started):
            fitted = fit(frame)
            fitted.pts = round((now - started) * VIDEO_CLOCK_RATE)
            fitted.time_base = VIDEO_TIME_BASE
            outlet.put(fitted)
    if started is None:
        raise SourceError(f"The camera {device} gives no picture.")


def _first_device(format_: str) -> str:
    if format_ == "avfoundation":
        return "default:none"
    try:
        devices = enumerate_input_devices(format_)
    except (av.error.FFmpegError, ValueError, NotImplementedError):
        devices = []
    names = [each.name for each in devices if "video" in each.media_types]
    if format_ == "dshow" and names:
        return f"video={names[0]}"
    if names:
        return names[0]
    if format_ == "v4l2":
        return "/dev/video0"
    message = (
        "There is no camera on this machine. Plug one in, or name one with "
        "Camera(device), or join with video=None."
    )
    raise SourceError(message)


def _open_device(
    device: str, format_: str, options: dict[str, str] | None
) -> av.container.InputContainer:
    options = PLATFORM_OPTIONS.get(format_, {}) | (options or {})
    try:
        return av.open(device, mode="r", format=format_, options=options)
    except FileNotFoundError as error:
        message = (
            f"There is no camera at {device}. Plug one in, or name another with "
            "Camera(device), or join with video=None."
        )
        raise SourceError(message) from error
    except PermissionError as error:
        message = (
            f"The camera {device} may not be used ({describe(error)}). "
            "Allow it for this program in the system's settings."
        )
        raise SourceError(message) from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        message = (
            f"The camera {device} cannot be opened ({describe(error)}). Check that no "
            "other program uses it, or name another with Camera(device)."
        )
        raise SourceError(message) from error
