"""SRTP in one buffer, held against pylibsrtp's own."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiortc.rtp import RtpPacket
from hypothesis import given
from hypothesis import strategies as st
from pylibsrtp import Error, Policy, Session

from meshwidget.peer.tuning import srtp
from meshwidget.peer.tuning.base import private
from meshwidget.peer.tuning.srtp import protector, unprotector


def session(kind: int) -> Session:
    return Session(Policy(key=bytes(range(30)), ssrc_type=kind))


def outbound() -> Session:
    return session(Policy.SSRC_ANY_OUTBOUND)


def inbound() -> Session:
    return session(Policy.SSRC_ANY_INBOUND)


def rtp(payload: bytes, sequence: int = 1) -> bytes:
    packet = RtpPacket(
        payload_type=97, sequence_number=sequence, ssrc=7, payload=payload
    )
    return packet.serialize()


@given(st.lists(st.binary(max_size=1300), min_size=1, max_size=5))
def test_what_one_protects_the_other_reads(payloads: list[bytes]) -> None:
    """Packet after packet through one buffer, and none has anything of another."""
    protect, plain = protector(outbound()), outbound()
    unprotect, plain_reader = unprotector(inbound()), inbound()
    for sequence, payload in enumerate(payloads):
        packet = rtp(payload, sequence)
        protected = protect(packet)
        assert protected == plain.protect(packet)
        assert unprotect(protected) == plain_reader.unprotect(protected) == packet


def test_what_is_forged_doubled_or_cut_is_refused() -> None:
    protected = protector(outbound())(rtp(b"payload"))
    unprotect = unprotector(inbound())
    forged = protected[:-1] + bytes((protected[-1] ^ 1,))
    for bad in (forged, protected[:-1], protected[:12], protected[:3], b""):
        with pytest.raises(Error):
            unprotect(bad)
    assert unprotect(protected) == rtp(b"payload")
    with pytest.raises(Error):
        unprotect(protected)


@pytest.mark.parametrize("make", [protector, unprotector])
@pytest.mark.parametrize("size", [1 << 14, 1 << 16])
def test_what_is_too_long_is_refused(
    make: Callable[[Session], srtp.Transform], size: int
) -> None:
    transform = make(outbound() if make is protector else inbound())
    with pytest.raises((Error, ValueError)):
        transform(rtp(bytes(size)))
    if make is protector:
        assert transform(rtp(b"short")) == outbound().protect(rtp(b"short"))


@pytest.mark.parametrize("name", ["_cdata", "_buffer", "_srtp"])
def test_a_session_that_is_another_is_used_as_it_is(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def changed(owner: object, looked_at: str, kind: Any = object) -> Any:
        return private(
            owner, f"{name}_renamed" if looked_at == name else looked_at, kind
        )

    monkeypatch.setattr(srtp, "private", changed)
    one, other = outbound(), inbound()
    assert protector(one) == one.protect
    assert unprotector(other) == other.unprotect


def test_a_library_that_is_another_is_used_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(srtp, "binding", SimpleNamespace())
    one = outbound()
    assert protector(one) == one.protect
