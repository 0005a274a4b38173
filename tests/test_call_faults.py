"""The faults of every link, as a script sets them; with no call and no packets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from meshwidget.call_faults import CallFaults
from meshwidget.faults import LAYERS, Impairment
from meshwidget.log import EventLog
from meshwidget.peer.wire import Wire

ENDS = "alice", "bob"

Line = tuple[str, object]
"""One line of a script: what is done to the link, or a packet that is sent."""

impairments = st.builds(
    Impairment,
    loss=st.floats(0.1, 0.9),
    duplicate=st.floats(0, 0.5),
    seed=st.integers(0, 5),
)
faults = st.one_of(
    st.tuples(
        st.just("impair"), st.tuples(impairments, st.sampled_from([None, *ENDS]))
    ),
    st.tuples(st.sampled_from(["cut", "heal"]), st.none()),
    st.tuples(st.sampled_from(["hold", "release"]), st.sampled_from(LAYERS)),
)
packets = st.tuples(
    st.just("packet"),
    st.tuples(st.sampled_from(ENDS), st.sampled_from(LAYERS), st.integers(1, 1500)),
)
scripts = st.lists(st.one_of(packets, packets, faults), max_size=60)


def run(script: Iterable[Line], *, here: bool = True) -> list[int]:
    """How often each packet of a script arrives."""
    call = CallFaults(EventLog(lambda: 0.0), {}, lambda name: here)

    async def play() -> list[int]:
        arrivals = []
        for number, (kind, what) in enumerate(script):
            match kind, what:
                case "packet", (str(sender), str(layer), int(size)):
                    wire = wire_from(call, sender)
                    times = wire.send(float(number), layer, size) if wire else (0.0,)
                    arrivals.append(len(times))
                case "impair", (Impairment() as impairment, toward):
                    assert toward is None or isinstance(toward, str)
                    await call.impair(ENDS, impairment, toward)
                case "hold", str(layer):
                    await call.hold(ENDS, layer)
                case "release", str(layer):
                    await call.release(ENDS, layer)
                case _:
                    await getattr(call, kind)(ENDS)
        return arrivals

    return asyncio.run(play())


def wire_from(call: CallFaults, sender: str) -> Wire | None:
    (receiver,) = set(ENDS) - {sender}
    wires = call.wires(sender, receiver)
    return None if wires is None else wires[0]


@given(scripts)
def test_the_same_script_loses_the_same(script: list[Line]) -> None:
    assert run(script) == run(script)


@given(impairments, scripts, st.lists(packets, max_size=40))
def test_what_was_done_before_makes_no_difference_to_an_impairment(
    impairment: Impairment, earlier: list[Line], later: list[Line]
) -> None:
    """Before a call, at its beginning or in its middle: it counts from where it is."""
    impair: Line = ("impair", (impairment, None))
    fresh = run([impair, *later])
    seasoned = run([*earlier, ("heal", None), impair, *later])
    assert seasoned[len(seasoned) - len(later) :] == fresh


@given(impairments, st.lists(packets, max_size=40))
def test_a_cut_and_what_is_held_do_not_move_the_losses(
    impairment: Impairment, sent: list[Line]
) -> None:
    """Who holds a layer keeps its packets: they are sent, and counted, afterwards."""
    impair: Line = ("impair", (impairment, None))
    between: list[Line] = [("hold", "dtls"), ("release", "dtls")]
    half = len(sent) // 2
    assert run([impair, *sent]) == run([impair, *sent[:half], *between, *sent[half:]])


def test_a_browsers_end_has_both_wires_here() -> None:
    call = CallFaults(EventLog(lambda: 0.0), {}, lambda name: name == "alice")
    assert call.wires("alice", "browser") is None
    asyncio.run(call.cut(("browser", "alice")))
    wires = call.wires("alice", "browser")
    assert wires is not None
    assert all(wire is not None and wire.is_cut for wire in wires)
    asyncio.run(call.heal(("alice", "browser")))
    assert call.wires("alice", "browser") is None
