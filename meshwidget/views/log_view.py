"""The log in words, as a view that is filtered and rewound like the diagrams."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import traitlets

from ..events import Event, PeerJoined
from ..history.filters import chosen
from ..history.moment import Moment
from ..history.text import grouped
from .diagram_feed import Look
from .diagram_widget import Diagram

__all__ = ["LogView"]

SHOWN = 500
"""Events shown at most; ``print(mesh.log)`` has them all."""

STYLE = (
    "margin: 0; padding: 6px 8px; overflow-wrap: anywhere; white-space: pre-wrap; "
    "font-family: inherit; font-size: inherit; color: inherit"
)


class LogView(Diagram):
    """What has happened, the newest on top; under each step what followed from it."""

    kind = traitlets.Unicode("log", read_only=True).tag(sync=True)

    @staticmethod
    def draw(events: Sequence[Event], moment: Moment, look: Look) -> str:
        """Write the log as markup, a line an event."""
        names = [event.peer for event in events if isinstance(event, PeerJoined)]
        shown = chosen(
            events[-SHOWN:], peers=look.peers, pair=look.pair, kinds=look.kinds
        )
        lines: list[str] = []
        for group in reversed(grouped(shown, list(dict.fromkeys(names)))):
            if group.root is not None:
                lines.append(f"<b>{escape(str(group.root))}</b>")
            lines.extend(f"    {escape(str(event))}" for event in group.caused)
        if len(events) > SHOWN:
            lines.append(f"… {len(events) - SHOWN} earlier events")
        return "\n".join([f'<pre style="{STYLE}">', *lines, "</pre>"])

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle = super()._repr_mimebundle_(**options)
        if bundle is not None:
            del bundle[0]["image/svg+xml"]  # it is text
        return bundle
