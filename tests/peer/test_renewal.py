"""Who makes a failed connection anew, and when; with no connection."""

from __future__ import annotations

import asyncio

import pytest

from meshwidget.peer import renewal
from meshwidget.peer.renewal import STUCK, Progress, Renewals

Call = tuple[str, str, bool]


class Renewer:
    """Notes what it is asked for, and is done with it or not."""

    def __init__(self) -> None:
        self.calls: asyncio.Queue[Call] = asyncio.Queue()
        self.can = True
        self.progress: Progress = "done"
        self.looks: asyncio.Queue[str] = asyncio.Queue()
        self.renewals = Renewals(self.renew, self.look)

    async def renew(self, remote_id: str, reason: str, gives_way: bool) -> bool:
        self.calls.put_nowait((remote_id, reason, gives_way))
        return self.can

    def look(self, remote_id: str) -> Progress:
        self.looks.put_nowait(remote_id)
        return self.progress

    async def look_times(self, times: int) -> None:
        """Wait until it was asked so often how a connection does."""
        for _ in range(times):
            await asyncio.wait_for(self.looks.get(), 5)

    async def next(self) -> Call:
        return await asyncio.wait_for(self.calls.get(), 5)


@pytest.fixture
def renewer(monkeypatch: pytest.MonkeyPatch) -> Renewer:
    monkeypatch.setattr(renewal, "PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr(renewal, "AGAIN_SECONDS", (0.01, 0.02))
    return Renewer()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_the_one_who_offered_offers_at_once(renewer: Renewer) -> None:
    renewer.renewals.want("bob", "lost", offers=True)
    await settle()
    assert renewer.calls.get_nowait() == ("bob", "lost", False)


async def test_the_other_one_waits_and_gives_way(renewer: Renewer) -> None:
    renewer.renewals.want("bob", "lost", offers=False)
    await settle()
    assert renewer.calls.empty()
    assert await renewer.next() == ("bob", "lost", True)


async def test_an_offer_that_comes_makes_it_needless(renewer: Renewer) -> None:
    renewer.renewals.want("bob", "lost", offers=False)
    await settle()
    renewer.renewals.forget("bob")
    renewer.renewals.want("carol", "lost", offers=False)
    assert (await renewer.next())[0] == "carol"
    assert renewer.calls.empty()


async def test_what_could_not_be_done_is_tried_again_when_told(
    renewer: Renewer,
) -> None:
    renewer.can = False
    renewer.renewals.want("bob", "lost", offers=True)
    await renewer.next()
    await settle()
    renewer.can = True
    renewer.renewals.retry()
    assert await renewer.next() == ("bob", "lost", False)
    await renewer.look_times(1)
    await settle()
    renewer.renewals.retry()
    await settle()
    assert renewer.calls.empty(), "it was done"


async def test_a_new_wish_is_in_place_of_the_old(renewer: Renewer) -> None:
    renewer.renewals.want("bob", "lost", offers=False)
    renewer.renewals.want("bob", "healed", offers=True)
    assert await renewer.next() == ("bob", "healed", False)
    await renewer.renewals.stop()
    assert renewer.calls.empty()


async def test_an_end_leaves_no_task(renewer: Renewer) -> None:
    before = asyncio.all_tasks()
    for name in ("bob", "carol"):
        renewer.renewals.want(name, "lost", offers=False)
    await settle()
    await renewer.renewals.stop()
    assert asyncio.all_tasks() == before
    renewer.renewals.retry()
    await settle()
    assert renewer.calls.empty()


# Connections that are stuck again -----------------------------------------------------


async def test_one_that_is_stuck_is_made_anew_until_it_is_there(
    renewer: Renewer,
) -> None:
    renewer.progress = "stuck"
    renewer.renewals.want("bob", "lost", offers=True)
    assert await renewer.next() == ("bob", "lost", False)
    for _ in range(3):
        assert await renewer.next() == ("bob", STUCK, False)
    renewer.progress = "done"
    await renewer.look_times(4)
    await settle()
    assert renewer.calls.empty()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_the_pauses_grow(
    renewer: Renewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        slept.append(seconds)
        await sleep(0)

    monkeypatch.setattr(renewal, "AGAIN_SECONDS", (5.0, 10.0, 20.0))
    renewer.progress = "stuck"
    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "sleep", note)
        renewer.renewals.want("bob", "lost", offers=True)
        for _ in range(5):
            await renewer.next()
        await renewer.renewals.stop()
    assert slept[:5] == [5.0, 10.0, 20.0, 20.0, 20.0]


async def test_nothing_is_done_while_it_waits_for_somebodys_hand(
    renewer: Renewer,
) -> None:
    renewer.progress = "waiting"
    renewer.renewals.want("bob", "lost", offers=True)
    await renewer.next()
    await renewer.look_times(5)
    assert renewer.calls.empty()
    renewer.progress = "stuck"
    assert await renewer.next() == ("bob", STUCK, False)
    await renewer.renewals.stop()


async def test_one_that_was_never_lost_can_be_looked_after(renewer: Renewer) -> None:
    renewer.progress = "stuck"
    renewer.renewals.look_after("bob")
    renewer.renewals.look_after("bob")
    await settle()
    assert renewer.calls.empty(), "it is given its time first"
    assert await renewer.next() == ("bob", STUCK, False)
    await renewer.renewals.stop()


async def test_an_offer_of_the_other_ends_that(renewer: Renewer) -> None:
    renewer.progress = "stuck"
    renewer.renewals.want("bob", "lost", offers=False)
    assert await renewer.next() == ("bob", "lost", True)
    assert await renewer.next() == ("bob", STUCK, True), "it still gives way"
    renewer.renewals.forget("bob")
    await settle()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_without_a_line_it_ends_and_goes_on_with_one(renewer: Renewer) -> None:
    renewer.progress = "stuck"
    renewer.renewals.want("bob", "lost", offers=True)
    await renewer.next()
    renewer.can = False
    assert await renewer.next() == ("bob", STUCK, False)
    await settle()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    renewer.can, renewer.progress = True, "done"
    renewer.renewals.retry()
    assert await renewer.next() == ("bob", "lost", False)
    await renewer.renewals.stop()
