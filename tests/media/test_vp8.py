"""VP8's payload format, held against aiortc's own."""

from __future__ import annotations

from typing import Any

import pytest
from aiortc.codecs.vpx import Vp8Encoder, VpxPayloadDescriptor, vp8_depayload
from hypothesis import given
from hypothesis import strategies as st

from meshwidget.media.vp8 import (
    MAX_PAYLOAD,
    PICTURE_IDS,
    descriptor_length,
    is_first,
    is_keyframe,
    packetize,
)

picture_ids = st.integers(0, PICTURE_IDS - 1)
sizes = st.one_of(st.integers(1, 5000), st.sampled_from([1196, 1197, 2392, 2393]))


@given(sizes, picture_ids)
def test_payloads_hold_the_picture_and_fit_a_path(size: int, number: int) -> None:
    data = bytes(index % 251 for index in range(size))
    payloads = packetize(data, number)
    assert b"".join(map(vp8_depayload, payloads)) == data
    assert max(map(len, payloads)) <= MAX_PAYLOAD
    assert [is_first(each) for each in payloads] == [True] + [False] * (
        len(payloads) - 1
    )
    for payload in payloads:
        descriptor, rest = VpxPayloadDescriptor.parse(payload)
        assert descriptor.picture_id == number
        assert descriptor.partition_id == 0
        assert payload[descriptor_length(payload) :] == rest
        assert rest


@given(sizes, picture_ids)
def test_what_aiortc_sends_is_understood(size: int, number: int) -> None:
    data = bytes(index % 251 for index in range(size))
    payloads = Vp8Encoder._packetize(data, number)
    assert b"".join(each[descriptor_length(each) :] for each in payloads) == data
    assert is_first(payloads[0])
    assert not any(map(is_first, payloads[1:]))


@given(
    st.builds(
        VpxPayloadDescriptor,
        partition_start=st.integers(0, 1),
        partition_id=st.integers(0, 7),
        picture_id=st.one_of(st.none(), picture_ids),
        tl0picidx=st.one_of(st.none(), st.integers(0, 255)),
        tid=st.one_of(st.none(), st.tuples(st.integers(0, 3), st.integers(0, 1))),
        keyidx=st.one_of(st.none(), st.integers(0, 31)),
    ),
    st.binary(max_size=5),
)
def test_descriptors_of_every_shape(
    descriptor: VpxPayloadDescriptor, data: bytes
) -> None:
    beginning = bytes(descriptor)
    assert descriptor_length(beginning + data) == len(beginning)
    assert is_first(beginning) == (
        descriptor.partition_start == 1 and descriptor.partition_id == 0
    )
    for length in range(len(beginning)):
        with pytest.raises(ValueError, match="cut short"):
            descriptor_length(beginning[:length])


@given(st.binary(max_size=8))
def test_any_bytes_are_read_as_aiortc_reads_them(payload: bytes) -> None:
    try:
        expected: Any = len(payload) - len(vp8_depayload(payload))
    except ValueError:
        expected = None
    try:
        length: Any = descriptor_length(payload)
    except ValueError:
        length = None
    assert length == expected


def test_a_short_picture_number_is_understood() -> None:
    """7 bits (RFC 7741, section 4.2), which libwebrtc does not send but others do."""
    assert descriptor_length(b"\x90\x80\x05data") == 3


@pytest.mark.parametrize(
    ("data", "expected"), [(b"", False), (b"\x10", True), (b"\x11", False)]
)
def test_a_keyframe_is_told_by_a_bit(data: bytes, expected: bool) -> None:
    assert is_keyframe(data) is expected
