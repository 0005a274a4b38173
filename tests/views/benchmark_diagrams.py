"""How long the diagrams take to draw. Run it; nothing is asserted.

python -m tests.views.benchmark_diagrams
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from meshwidget.history.moment import Moment
from meshwidget.views.sequence import sequence_svg
from meshwidget.views.statechart import states_svg
from meshwidget.views.topology import topology_svg

from ..history.simulator import SimulatedCall

ROUNDS = 30


def call_of(count: int) -> SimulatedCall:
    """So many participants who are all connected."""
    call = SimulatedCall(paused=False)
    for number in range(count):
        call.join(f"peer {number}")
        call.deliver_all()
    return call


def measure(what: str, draw: Callable[[], str]) -> str:
    """Milliseconds of CPU, best and median, and the size."""
    times = []
    for _ in range(ROUNDS):
        start = time.thread_time()
        markup = draw()
        times.append(1e3 * (time.thread_time() - start))
    best, median = min(times), statistics.median(times)
    return f"{what:44} {best:6.1f} {median:6.1f} ms {len(markup) / 1e3:7.1f} kB"


def main() -> list[str]:
    """Return a line a case."""
    six, twelve = call_of(6).events, call_of(12).events
    call = call_of(5)
    while len(call.events) < 500:
        call.leave(call.present[0])
        call.join(f"guest {len(call.events)}")
        call.deliver_all()
    events = call.events[:500]
    moment = Moment.of(twelve)
    return [
        measure("sequence, 500 events", lambda: sequence_svg(events)),
        measure(
            "sequence, 500 events, unfolded", lambda: sequence_svg(events, limit=None)
        ),
        measure(f"sequence, 6 peers, {len(six)} events", lambda: sequence_svg(six)),
        measure(
            f"sequence, 12 peers, {len(twelve)} events", lambda: sequence_svg(twelve)
        ),
        measure("topology, 12 peers", lambda: topology_svg(moment)),
        measure("states", lambda: states_svg(moment, "peer 1", "peer 2")),
    ]


if __name__ == "__main__":
    print("\n".join(main()))  # noqa: T201 - what it is for
