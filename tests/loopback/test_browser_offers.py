"""What a call makes of the offers of browsers that do not run here."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from meshwidget import Mesh
from meshwidget.events import MessageIgnored
from meshwidget.history.outline import Outline

from ..peer.browsers import FIREFOX, WITHOUT_CAMERA, safari
from ..signaling.clients import SeedClient


@pytest.fixture
async def browser(mesh: Mesh) -> AsyncIterator[SeedClient]:
    """In the room with Alice, and has made nothing of it yet."""
    await mesh.join_async("alice")
    client = await SeedClient().connect(mesh)
    assert (await client.join("browser"))["ok"]
    await client.hear("all_users")
    yield client
    await client.close()


async def offer(browser: SeedClient, mesh: Mesh, sdp: str) -> None:
    answer = await browser.call(
        "offer",
        {
            "sdp": {"type": "offer", "sdp": sdp},
            "offerSendID": browser.id,
            "offerSendEmail": "browser",
            "offerReceiveID": mesh.peers["alice"].id,
        },
    )
    assert answer == {"ok": True}


@pytest.mark.parametrize(
    ("sdp", "kinds", "numbers"),
    [
        (FIREFOX, ["audio", "video"], [["109"], ["120", "124"]]),
        (WITHOUT_CAMERA, ["audio", "video"], [["109"], ["120", "124"]]),
        (safari(), ["video", "audio", "application"], [["100", "101"], ["111"], []]),
    ],
    ids=["Firefox", "Firefox without a camera", "Safari"],
)
async def test_the_answer_has_what_both_know(
    mesh: Mesh, browser: SeedClient, sdp: str, kinds: list[str], numbers: list[object]
) -> None:
    await offer(browser, mesh, sdp)
    answered = await browser.hear("getAnswer")
    sections = Outline.of(answered["sdp"]["sdp"]).media
    assert [each.kind for each in sections] == kinds
    used = [each.formats for each in sections if each.kind != "application"]
    assert used == [each for each in numbers if each]
    assert mesh.log.of(MessageIgnored) == []


async def test_a_browser_without_vp8_is_told_why(
    mesh: Mesh, browser: SeedClient
) -> None:
    await offer(browser, mesh, safari(codecs=("H264", "H265")))
    while not (ignored := mesh.log.of(MessageIgnored)):
        await browser.call("candidate", _nothing(browser, mesh))
    assert "its video has no VP8" in str(ignored[0])
    why = " ".join(str(mesh.why("alice", "browser")).split())
    assert "✗ offer applied: alice could not use offer" in why
    assert "its video has no VP8" in why
    assert "RFC 7742, section 5" in why
    assert "H264, rtx, H265" in why


def _nothing(browser: SeedClient, mesh: Mesh) -> dict[str, object]:
    """No candidate: something that is handled after what came before it."""
    return {
        "candidate": {"candidate": "", "sdpMid": "0", "sdpMLineIndex": 0},
        "candidateSendID": browser.id,
        "candidateReceiveID": mesh.peers["alice"].id,
    }
