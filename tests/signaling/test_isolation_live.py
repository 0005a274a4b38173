"""Rooms that know nothing of each other, at the real server: everything by chance."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest

from meshwidget import Mesh
from meshwidget.events import TaskFailed

from .clients import SeedClient

STEPS = 4000

ROOMS = ("1234", "room:1234", "__proto__")
NAMES = ("alice", "bob")


@pytest.mark.parametrize("seed", [1, 2])
async def test_nobody_hears_of_another_room(seed: int) -> None:
    chance = random.Random(seed)
    with Mesh(max_peers=2) as mesh:
        clients = [await SeedClient().connect(mesh) for _ in range(8)]
        inside: dict[SeedClient, str] = {}
        may_hear: dict[SeedClient, set[str]] = defaultdict(set)
        """Ids of those with whom each has been in a room."""
        ids = [client.id for client in clients]
        relayed = refused = 0
        for _ in range(STEPS):
            one, other = chance.sample(clients, 2)
            match chance.randrange(6):
                case 0 if one in inside:
                    assert (await one.call("leave_room"))["ok"]
                    del inside[one]
                case 1 | 2 if one not in inside:
                    room, name = chance.choice(ROOMS), chance.choice(NAMES)
                    there = [each for each in inside if inside[each] == room]
                    answer = await one.join(name, room)
                    if answer["ok"]:
                        inside[one] = room
                        for each in there:
                            may_hear[each].add(one.id)
                            may_hear[one].add(each.id)
                case 3:
                    is_near = one in inside and inside[one] == inside.get(other)
                    answer = await one.send_offer(other, f"v=0 {one.id}")
                    assert answer["ok"] is is_near, (answer, inside)
                    relayed, refused = relayed + is_near, refused + (not is_near)
                case 4:  # a room's name, or everybody's, is no address
                    nobody = SeedClient()
                    nobody.id = chance.choice([*ROOMS, "*", "", "/"])
                    assert not (await one.send_candidate(nobody))["ok"]
                    await nobody.close()
        assert relayed > 5 < refused
        for client in clients:
            await client.close()
        offers = [e for client in clients for e, _ in client.heard if e == "getOffer"]
        assert len(offers) == relayed
        for client in clients:
            for event, arguments in client.heard:
                told = str(arguments)
                strangers = [
                    each
                    for each in ids
                    if each != client.id and each not in may_hear[client]
                ]
                assert not any(each in told for each in strangers), (event, told)
        assert mesh.log.of(TaskFailed) == []
