"""Cameras, played by FFmpeg's own test source where there is none."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import av
import pytest

from meshwidget.errors import SourceError
from meshwidget.media import camera
from meshwidget.media.camera import Camera

LeakCheck = Callable[..., AbstractContextManager[None]]

STEADY = "testsrc=size=320x240:rate=30,realtime"
SHORT = "testsrc=size=320x240:rate=30:duration=0.2,realtime"


async def take(source: Camera, count: int) -> list[av.VideoFrame]:
    frames = []
    async for frame in source.frames():
        frames.append(frame)
        if len(frames) == count:
            break
    return frames


def test_a_camera_gives_pictures(leaks: LeakCheck) -> None:
    async def main() -> list[av.VideoFrame]:
        source = Camera(STEADY, format="lavfi")
        await source.open()
        try:
            return await take(source, 6)
        finally:
            await source.close()

    with leaks():
        frames = asyncio.run(main())
    previous = -1
    for frame in frames:
        assert (frame.width, frame.height, frame.format.name) == (240, 240, "yuv420p")
        assert frame.pts is not None
        assert frame.pts > previous
        previous = frame.pts
    assert frames[-1].to_ndarray().std() > 10


def test_options_reach_the_device(leaks: LeakCheck) -> None:
    async def main() -> None:
        source = Camera("ignored", format="lavfi", options={"graph": STEADY})
        await source.open()
        assert await take(source, 1)
        await source.close()

    with leaks():
        asyncio.run(main())


def test_a_camera_that_ends(leaks: LeakCheck) -> None:
    async def main() -> int:
        source = Camera(SHORT, format="lavfi")
        await source.open()
        frames = await take(source, 100)
        await source.close()
        return len(frames)

    with leaks():
        assert 1 <= asyncio.run(main()) <= 6


def test_one_participant_at_a_time(leaks: LeakCheck) -> None:
    async def main() -> None:
        source = Camera(STEADY, format="lavfi")
        await source.open()
        with pytest.raises(SourceError, match="in use by another participant"):
            await source.open()
        await source.close()
        await source.open()
        await source.close()

    with leaks():
        asyncio.run(main())


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (av.error.FileNotFoundError(2, "No such file"), "There is no camera at"),
        (av.error.PermissionError(13, "Permission denied"), "may not be used"),
        (av.error.OSError(16, "Device or resource busy"), "no other program uses it"),
        (ValueError("no container format 'v4l2'"), "cannot be opened"),
    ],
)
def test_a_camera_that_does_not_open(
    monkeypatch: pytest.MonkeyPatch, error: Exception, said: str, leaks: LeakCheck
) -> None:
    def refuse(*arguments: Any, **keywords: Any) -> Any:
        raise error

    monkeypatch.setattr(av, "open", refuse)
    with leaks(), pytest.raises(SourceError, match=said) as caught:
        asyncio.run(Camera("/dev/video9", format="v4l2").open())
    assert "/dev/video9" in str(caught.value)
    assert caught.value.__cause__ is error


def test_a_source_that_is_no_device(leaks: LeakCheck) -> None:
    with leaks(), pytest.raises(SourceError, match="nonsense cannot be opened"):
        asyncio.run(Camera("nonsense", format="lavfi").open())


class Device:
    """As PyAV lists it."""

    def __init__(self, name: str, *media_types: str) -> None:
        self.name = name
        self.media_types = media_types


@pytest.mark.parametrize(
    ("platform", "devices", "expected"),
    [
        ("linux", [], ("/dev/video0", "v4l2")),
        ("linux", [Device("/dev/video2", "video")], ("/dev/video2", "v4l2")),
        ("darwin", [], ("default:none", "avfoundation")),
        (
            "win32",
            [Device("Mic", "audio"), Device("Integrated Camera", "video")],
            ("video=Integrated Camera", "dshow"),
        ),
    ],
)
def test_the_first_camera_of_each_system(
    monkeypatch: pytest.MonkeyPatch,
    platform: str,
    devices: list[Device],
    expected: tuple[str, str],
) -> None:
    asked: list[tuple[str, str]] = []

    def refuse(device: str, *, format: str, **keywords: Any) -> Any:
        asked.append((device, format))
        raise av.error.FileNotFoundError(2, "No such file")

    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(camera, "enumerate_input_devices", lambda format: devices)
    monkeypatch.setattr(av, "open", refuse)
    with pytest.raises(SourceError, match="There is no camera at"):
        asyncio.run(Camera().open())
    assert asked == [expected]


def test_windows_without_a_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(camera, "enumerate_input_devices", lambda format: [])
    with pytest.raises(SourceError, match="There is no camera on this machine"):
        asyncio.run(Camera().open())


def test_a_system_that_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "plan9")
    with pytest.raises(SourceError, match="Cameras on plan9 need"):
        asyncio.run(Camera().open())
