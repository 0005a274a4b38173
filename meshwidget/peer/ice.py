"""Which of the machine's addresses a call uses: the one patch of aioice.

ICE leaves the loopback address out on purpose (RFC 8445, section 5.1.1.1): between two
machines it leads nowhere. A call inside one kernel wants nothing else, and has to work
with the network cable out. aioice asks one module-level function for the addresses;
here it is wrapped so that whoever gathers inside :func:`host_addresses` gets the given
ones, and everybody else in the process what aioice always gave.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import aioice.ice
from aiortc import RTCIceServer

from ..errors import NoAddressError

LOOPBACK = "127.0.0.1"

_chosen: ContextVar[tuple[str, ...] | None] = ContextVar("_chosen", default=None)
_every_address = aioice.ice.get_host_addresses


def _get_host_addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
    chosen = _chosen.get()
    if chosen is None:
        return _every_address(use_ipv4, use_ipv6)
    wanted = {4: use_ipv4, 6: use_ipv6}
    return [
        address for address in chosen if wanted[ipaddress.ip_address(address).version]
    ]


aioice.ice.get_host_addresses = _get_host_addresses


@contextmanager
def host_addresses(addresses: Sequence[str]) -> Iterator[None]:
    """Gather these host candidates, in this context and the tasks it starts."""
    token = _chosen.set(tuple(addresses))
    try:
        yield
    finally:
        _chosen.reset(token)


def choose_addresses(host: str, has_ice_servers: bool) -> tuple[str, ...]:
    """The host candidates of a call.

    Parameters
    ----------
    host : str
        What the user gave to ``Mesh``: a loopback address keeps the call on this
        machine; another address of the machine is used as it is; ``"0.0.0.0"`` or
        ``"::"`` stand for all.
    has_ice_servers : bool
        A STUN or TURN server cannot be reached from the loopback address, so with one
        every address is used.

    Returns
    -------
    tuple of str
        Not empty.

    Raises
    ------
    NoAddressError
        When this machine has no such address.
    """
    try:
        given = ipaddress.ip_address(LOOPBACK if host == "localhost" else host)
    except ValueError:
        raise NoAddressError(
            f"host={host!r} is not an IP address: give one of this machine's, "
            f"or 0.0.0.0 for all of them"
        ) from None
    if given.is_unspecified or has_ice_servers:
        wanted = [LOOPBACK, *_every_address(True, False)]
    else:
        wanted = [str(given)]
    usable = tuple(dict.fromkeys(filter(_can_bind, wanted)))
    if not usable:
        raise NoAddressError(
            f"ICE has no address to offer: this machine cannot receive on "
            f"{', '.join(wanted)}"
        )
    return usable


def as_init(server: RTCIceServer) -> dict[str, Any]:
    """``RTCIceServer`` (webrtc-pc, section 4.2.2) as a browser takes it."""
    given = {
        "urls": server.urls,
        "username": server.username,
        "credential": server.credential,
    }
    return {name: value for name, value in given.items() if value is not None}


def _can_bind(address: str) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True
