"""Which addresses a call offers; and that nobody else's aioice is touched."""

from __future__ import annotations

import asyncio
import ipaddress

import aioice
import aioice.ice
import pytest

from meshwidget.errors import NoAddressError
from meshwidget.peer import ice
from meshwidget.peer.ice import LOOPBACK, choose_addresses, host_addresses

OTHERS = ["192.0.2.7", "198.51.100.9"]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with two addresses of its own, all of which can be bound."""
    monkeypatch.setattr(ice, "_every_address", lambda use_ipv4, use_ipv6: OTHERS)
    monkeypatch.setattr(ice, "_can_bind", lambda address: True)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", ("127.0.0.1",)),
        ("localhost", ("127.0.0.1",)),
        ("127.0.0.2", ("127.0.0.2",)),
        ("::1", ("::1",)),
        ("192.0.2.7", ("192.0.2.7",)),
        ("0.0.0.0", (LOOPBACK, *OTHERS)),
        ("::", (LOOPBACK, *OTHERS)),
    ],
)
@pytest.mark.usefixtures("machine")
def test_the_host_says_which_addresses(host: str, expected: tuple[str, ...]) -> None:
    assert choose_addresses(host, has_ice_servers=False) == expected


@pytest.mark.usefixtures("machine")
def test_a_stun_server_needs_every_address() -> None:
    assert choose_addresses(LOOPBACK, has_ice_servers=True) == (LOOPBACK, *OTHERS)


@pytest.mark.parametrize("host", ["", "here", "999.1.1.1", "127.0.0.1:80", "[::1]"])
def test_what_is_no_address(host: str) -> None:
    with pytest.raises(NoAddressError, match="not an IP address") as caught:
        choose_addresses(host, has_ice_servers=False)
    assert repr(host) in str(caught.value)


def test_an_address_of_another_machine() -> None:
    with pytest.raises(NoAddressError, match=r"192\.0\.2\.7"):
        choose_addresses("192.0.2.7", has_ice_servers=False)


def test_what_cannot_be_bound_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ice, "_every_address", lambda use_ipv4, use_ipv6: OTHERS)
    assert choose_addresses("0.0.0.0", has_ice_servers=False) == (LOOPBACK,)


def test_no_address_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ice, "_can_bind", lambda address: False)
    with pytest.raises(NoAddressError, match="no address to offer"):
        choose_addresses(LOOPBACK, has_ice_servers=False)


def test_on_this_machine_the_loopback_address_is_enough() -> None:
    assert choose_addresses("127.0.0.1", has_ice_servers=False) == ("127.0.0.1",)


# The patch ----------------------------------------------------------------------------


def addresses(use_ipv4: bool = True, use_ipv6: bool = True) -> list[str]:
    """As aioice asks."""
    found: list[str] = aioice.ice.get_host_addresses(use_ipv4, use_ipv6)
    return found


def test_inside_the_chosen_ones_are_found() -> None:
    with host_addresses(["127.0.0.1", "::1"]):
        assert addresses() == ["127.0.0.1", "::1"]
        assert addresses(use_ipv6=False) == ["127.0.0.1"]
        assert addresses(use_ipv4=False) == ["::1"]
        assert addresses(use_ipv4=False, use_ipv6=False) == []


def test_outside_aioices_own_are_found() -> None:
    with host_addresses(["127.0.0.1"]):
        pass
    assert not any(ipaddress.ip_address(each).is_loopback for each in addresses())


def test_an_error_inside_does_not_leave_it_on() -> None:
    with pytest.raises(LookupError), host_addresses(["127.0.0.1"]):
        raise LookupError
    assert "127.0.0.1" not in addresses()


def test_nesting() -> None:
    with host_addresses(["127.0.0.1"]):
        with host_addresses(["127.0.0.2"]):
            assert addresses() == ["127.0.0.2"]
        assert addresses() == ["127.0.0.1"]


async def gathered() -> set[str]:
    """The host candidates of an ICE agent that is none of ours."""
    agent = aioice.Connection(ice_controlling=True)
    await agent.gather_candidates()
    found = {candidate.host for candidate in agent.local_candidates}
    await agent.close()
    return found


async def test_other_code_in_the_process_gathers_what_it_always_did() -> None:
    before = await gathered()
    with host_addresses(["127.0.0.1"]):
        task = asyncio.create_task(gathered())
    assert await gathered() == before
    assert await task == {"127.0.0.1"}
    assert "127.0.0.1" not in before


async def test_concurrent_gatherings_have_their_own() -> None:
    async def gather_on(address: str) -> set[str]:
        with host_addresses([address]):
            return await gathered()

    first, second = await asyncio.gather(gather_on("127.0.0.1"), gather_on("127.0.0.2"))
    assert (first, second) == ({"127.0.0.1"}, {"127.0.0.2"})


async def test_another_thread_is_not_affected() -> None:
    with host_addresses(["127.0.0.1"]):
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(None, addresses)
    assert "127.0.0.1" not in found
