"""Encoded media that are decoded only while somebody looks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import PictureType

from meshwidget.media import received
from meshwidget.media.audio_broadcast import opus_encoder
from meshwidget.media.decoder import EncodedFrame, VideoDecoder
from meshwidget.media.formats import (
    AUDIO_FRAME_SAMPLES,
    AUDIO_SAMPLE_RATE,
    AUDIO_TIME_BASE,
    VIDEO_TIME_BASE,
)
from meshwidget.media.received import (
    ATTENTION_SECONDS,
    KEYFRAME_AGAIN_SECONDS,
    PATIENCE_SECONDS,
    ReceivedAudio,
    ReceivedVideo,
)
from meshwidget.media.sinks import SILENCE
from meshwidget.media.video_broadcast import vp8_encoder

TICKS = 3000


class Clock:
    """What ``time.monotonic`` gives to the sinks; it stands still between steps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(received, "time", clock)
    return clock


class Sender:
    """Pictures that the encoder of a call makes, keyframes when they are asked for."""

    def __init__(self) -> None:
        self.wishes = 0
        self._encoder = vp8_encoder(300_000)
        self._index = 0
        self._answered = 0

    def ask_keyframe(self) -> None:
        self.wishes += 1

    def next(self, *, is_keyframe: bool | None = None) -> EncodedFrame:
        """The next picture; a keyframe at the beginning and when it is asked for."""
        if is_keyframe is None:
            is_keyframe = self.wishes > self._answered
        self._answered = self.wishes
        pixels = np.full((240, 240, 3), self._index * 8 % 256, np.uint8)
        frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = self._index * TICKS, VIDEO_TIME_BASE
        frame.pict_type = PictureType.I if is_keyframe else PictureType.NONE
        self._index += 1
        (packet,) = self._encoder.encode(frame)
        return EncodedFrame(bytes(packet), frame.pts, packet.is_keyframe)


class Link:
    """A sink, and a sender that it is connected to."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.sender = Sender()
        self.frames: list[av.VideoFrame] = []
        self.is_followed = False
        self.video = ReceivedVideo(self.frames.append, lambda: self.is_followed)
        self.video.ask_keyframe = self.sender.ask_keyframe

    def come(self, count: int = 1, **picture: Any) -> None:
        """That many pictures come, a thirtieth of a second apart."""
        for _ in range(count):
            self.clock.now += 1 / 30
            self.video.push_encoded(self.sender.next(**picture))

    def fall_asleep(self) -> None:
        """Nobody has looked for long."""
        self.clock.now += ATTENTION_SECONDS
        decoded = len(self.frames)
        self.come()
        assert len(self.frames) == decoded


@pytest.fixture
def link(clock: Clock) -> Link:
    return Link(clock)


# Video --------------------------------------------------------------------------------


def test_a_new_link_is_decoded_for_a_while(link: Link) -> None:
    link.come(10)
    assert len(link.frames) == link.video.count == 10
    assert link.sender.wishes == 0
    link.fall_asleep()
    link.come(10)
    assert len(link.frames) == 10
    assert link.video.count == 21
    assert link.video.frame is link.frames[-1]
    assert link.sender.wishes == 0


def test_a_look_wakes_it_within_one_keyframe(link: Link) -> None:
    link.come()
    link.fall_asleep()
    link.come(5)
    link.video.look()
    link.come()
    assert link.sender.wishes == 1
    assert len(link.frames) == 1
    link.come()
    assert len(link.frames) == 2
    assert link.frames[-1].pts == (link.video.count - 1) * TICKS


def test_who_looks_again_and_again_costs_no_keyframe(link: Link) -> None:
    link.come()
    for _ in range(100):
        link.video.look()
        link.come(10)
    assert len(link.frames) == 1001
    assert link.sender.wishes == 0


def test_a_keyframe_that_does_not_come_is_asked_for_again(link: Link) -> None:
    link.come()
    link.fall_asleep()
    link.video.look()
    seconds = 1.0
    link.come(int(30 * seconds), is_keyframe=False)
    assert 2 <= link.sender.wishes <= seconds / KEYFRAME_AGAIN_SECONDS + 1
    assert len(link.frames) == 1


def test_after_a_keyframe_the_next_is_asked_for_at_once(link: Link) -> None:
    link.come()
    link.fall_asleep()
    link.video.look()
    link.come(2)
    assert link.sender.wishes == 1
    link.video.push_encoded(EncodedFrame(b"\x11junk", 99 * TICKS, False))
    assert link.sender.wishes == 2


def test_who_follows_keeps_it_awake(link: Link) -> None:
    link.is_followed = True
    link.come()
    link.clock.now += 10 * ATTENTION_SECONDS
    link.come(10)
    assert len(link.frames) == 11


def test_who_begins_to_follow_wakes_it(link: Link) -> None:
    link.come()
    link.fall_asleep()
    link.is_followed = True
    link.come(3)
    assert link.sender.wishes == 1
    assert len(link.frames) == 1 + 2


@pytest.mark.parametrize("data", [b"\x11junk", b"\x10", b"\x10\x00\x00no start code"])
def test_what_cannot_be_decoded_needs_a_keyframe(link: Link, data: bytes) -> None:
    link.come(3)
    link.video.push_encoded(EncodedFrame(data, 3 * TICKS, not data[0] & 1))
    link.come(1, is_keyframe=False)
    assert link.sender.wishes == 1
    decoded = len(link.frames)
    assert decoded == 3
    link.come(2, is_keyframe=None)
    link.come(1, is_keyframe=True)
    assert len(link.frames) > decoded


def test_a_look_on_the_loops_own_thread_waits_for_nothing(clock: Clock) -> None:
    link = Link(clock)
    link.come()
    link.fall_asleep()
    started = time.monotonic()
    link.video.look()
    assert link.video.rgb() is not None
    assert link.video.jpeg() is not None
    assert time.monotonic() - started < PATIENCE_SECONDS


@pytest.fixture
def real_link() -> Link:
    """A link by the real clock, which sleeps."""
    link = Link(Clock())
    link.come()
    link.video._attention._looked -= ATTENTION_SECONDS
    link.come()
    return link


def elsewhere(act: Callable[[], object]) -> threading.Thread:
    """A thread, that is not the loop's, in which it is done."""
    thread = threading.Thread(target=act)
    thread.start()
    return thread


def test_a_look_from_another_thread_waits_until_it_is_awake(real_link: Link) -> None:
    seen: list[Any] = []
    thread = elsewhere(lambda: seen.append(real_link.video.rgb()))
    while thread.is_alive():
        if real_link.video._attention.holds(time.monotonic()):  # it has looked
            real_link.come()
    thread.join()
    (picture,) = seen
    assert abs(int(picture.mean()) - 8) > 4, "it is the picture from before the sleep"


def test_a_look_from_another_thread_waits_for_a_moment_at_most(
    real_link: Link,
) -> None:
    spent: list[float] = []

    def look() -> None:
        started = time.monotonic()
        real_link.video.look()
        spent.append(time.monotonic() - started)

    elsewhere(look).join()
    assert PATIENCE_SECONDS * 0.9 < spent[0] < PATIENCE_SECONDS + 5


def test_nobody_waits_where_nothing_comes(real_link: Link) -> None:
    real_link.video._arrivals[-1] -= PATIENCE_SECONDS
    waited: list[float | None] = []
    attention = real_link.video._attention
    attention._awake.wait = waited.append  # type: ignore[assignment, method-assign]
    elsewhere(real_link.video.look).join()
    assert waited == []


def test_nobody_waits_for_what_aiortc_decodes() -> None:
    """Where nothing encoded comes, there is nothing to wake."""
    link = Link(Clock())
    link.video.ask_keyframe = None
    waited: list[float | None] = []
    attention = link.video._attention
    attention._awake.wait = waited.append  # type: ignore[assignment, method-assign]
    frame = av.VideoFrame(240, 240, "yuv420p")
    link.video.push(frame)
    seen: list[Any] = []
    elsewhere(lambda: seen.append(link.video.rgb())).join()
    assert waited == []
    assert seen[0].shape == (240, 240, 3)


# Taps ---------------------------------------------------------------------------------


def test_a_tap_hears_a_keyframe_first_and_then_everything(link: Link) -> None:
    link.come(3)
    heard: list[EncodedFrame] = []
    release = link.video.tap(heard.append)
    assert release is not None
    assert link.sender.wishes == 1
    link.come(4)
    assert [each.is_keyframe for each in heard] == [True, False, False, False]
    release()
    release()
    link.come(3)
    assert len(heard) == 4


def test_a_tap_does_not_decode(link: Link) -> None:
    link.come()
    link.fall_asleep()
    heard: list[EncodedFrame] = []
    link.video.tap(heard.append)
    link.come(5)
    assert len(heard) == 5
    assert len(link.frames) == 1


def test_what_a_tap_hears_can_be_decoded_by_itself(link: Link) -> None:
    link.come(3)
    heard: list[EncodedFrame] = []
    link.video.tap(heard.append)
    link.come(5)
    decoder = VideoDecoder()
    frames = [frame for each in heard for frame in decoder.decode(each)]
    assert [frame.pts for frame in frames] == [each.timestamp for each in heard]


def test_a_tap_that_gets_no_keyframe_asks_again(link: Link) -> None:
    link.come()
    heard: list[EncodedFrame] = []
    link.video.tap(heard.append)
    link.come(30, is_keyframe=False)
    assert heard == []
    assert 2 <= link.sender.wishes <= 1 / KEYFRAME_AGAIN_SECONDS + 1


def test_two_taps_are_two(link: Link) -> None:
    link.come()
    one: list[EncodedFrame] = []
    other: list[EncodedFrame] = []
    release = link.video.tap(one.append)
    assert release is not None
    link.come(2)
    link.video.tap(other.append)
    link.come(2)
    release()
    link.come(2)
    assert (len(one), len(other)) == (4, 4)
    assert other[0].is_keyframe


def test_a_tap_may_release_itself(link: Link) -> None:
    link.come()
    heard: list[EncodedFrame] = []

    def hear(encoded: EncodedFrame) -> None:
        heard.append(encoded)
        assert release is not None
        release()

    release = link.video.tap(hear)
    link.come(3)
    assert len(heard) == 1


def test_where_nothing_encoded_comes_there_is_nothing_to_tap(link: Link) -> None:
    link.video.ask_keyframe = None
    assert link.video.tap(lambda encoded: None) is None
    link.video.request_keyframe()  # and nobody to ask


# Audio --------------------------------------------------------------------------------


@pytest.fixture
def sound() -> Callable[[], tuple[bytes, int]]:
    """Gives 20 ms of a loud tone, as they come over the wire."""
    encoder = opus_encoder()
    wave = np.sin(np.arange(AUDIO_FRAME_SAMPLES) * 2 * np.pi * 20 / AUDIO_FRAME_SAMPLES)
    samples = (wave * 30_000).astype(np.int16).reshape(1, -1)
    timestamp = 0

    def make() -> tuple[bytes, int]:
        nonlocal timestamp
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = AUDIO_SAMPLE_RATE
        frame.pts, frame.time_base = timestamp, AUDIO_TIME_BASE
        timestamp += AUDIO_FRAME_SAMPLES
        (packet,) = encoder.encode(frame)
        return bytes(packet), timestamp

    return make


def test_sound_is_decoded_for_a_while_and_then_counted(
    clock: Clock, sound: Callable[[], tuple[bytes, int]]
) -> None:
    audio = ReceivedAudio()
    for _ in range(5):
        audio.push_encoded(*sound())
    decoded = audio._frame
    assert decoded is not None
    clock.now += ATTENTION_SECONDS
    audio.push_encoded(*sound())
    assert audio._frame is decoded
    assert audio.count == 6


def test_a_look_at_the_level_is_heard_at_once(
    clock: Clock, sound: Callable[[], tuple[bytes, int]]
) -> None:
    audio = ReceivedAudio()
    audio.push_encoded(*sound())
    clock.now += ATTENTION_SECONDS
    audio.push_encoded(*sound())
    audio.look()
    for _ in range(5):
        audio.push_encoded(*sound())
    audio._arrived = time.monotonic()  # the level's own clock
    assert audio.level > -10


def test_sound_that_is_none_is_left_out(
    clock: Clock, sound: Callable[[], tuple[bytes, int]]
) -> None:
    audio = ReceivedAudio()
    assert audio.level == SILENCE
    audio.push_encoded(b"\xff" * 20, 0)
    assert audio.level == SILENCE
    for _ in range(5):
        audio.push_encoded(*sound())
    assert audio._frame is not None
    assert audio.count == 6
