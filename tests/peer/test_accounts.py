"""What the books of a connection say when nothing comes any more."""

from __future__ import annotations

import time

import av
import pytest
from aiortc import RTCPeerConnection

from meshwidget.log import EventLog
from meshwidget.peer.accounts import Accounts
from meshwidget.peer.reception import Reception


@pytest.mark.parametrize(
    ("age", "expected"),
    [(0.5, (1.0, 0.002)), (1.5, (0.0, None))],
    ids=["within the last second", "left it while the latency was measured"],
)
async def test_a_latency_is_of_pictures_that_the_rate_counts(
    age: float, expected: tuple[float, float | None]
) -> None:
    log = EventLog(time.monotonic)
    reception = Reception(
        "bob",
        "alice",
        tuned=False,
        on_frame=lambda remote, frame: None,
        is_followed=lambda remote: True,
        log=log,
    )
    reception.kinds.add("video")
    reception.video.push(av.VideoFrame(16, 16, "yuv420p"))
    reception.video._arrivals[-1] -= age
    connection = RTCPeerConnection()
    accounts = Accounts("bob", "alice", connection, reception, log)
    reading = await accounts.read(1, 2.0, latency=0.002)
    await connection.close()
    pictures = reading.pictures
    assert pictures is not None
    assert (pictures.frames_per_second, pictures.latency) == expected
