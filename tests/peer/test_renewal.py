"""Who makes a failed connection anew, and when; with no connection."""

from __future__ import annotations

import asyncio

import pytest

from meshwidget.peer import renewal
from meshwidget.peer.renewal import Renewals

Call = tuple[str, str, bool]


class Renewer:
    """Notes what it is asked for, and is done with it or not."""

    def __init__(self) -> None:
        self.calls: asyncio.Queue[Call] = asyncio.Queue()
        self.can = True
        self.renewals = Renewals(self.renew)

    async def renew(self, remote_id: str, reason: str, gives_way: bool) -> bool:
        self.calls.put_nowait((remote_id, reason, gives_way))
        return self.can

    async def next(self) -> Call:
        return await asyncio.wait_for(self.calls.get(), 5)


@pytest.fixture
def renewer(monkeypatch: pytest.MonkeyPatch) -> Renewer:
    monkeypatch.setattr(renewal, "PATIENCE_SECONDS", 0.01)
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
