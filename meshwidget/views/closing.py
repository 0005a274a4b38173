"""What ipywidgets leaves open when a widget is closed.

Each widget has a layout, and some a style, which are widgets of their own: with a comm,
and in a list of the process that only their own ``close`` takes them off.
"""

from __future__ import annotations

import ipywidgets  # type: ignore[import-untyped]

__all__ = ["close_belongings"]


def close_belongings(*widgets: ipywidgets.Widget) -> None:
    """Close what was made with these widgets, which are closed themselves."""
    for widget in widgets:
        for name in ("layout", "style"):
            belonging = getattr(widget, name, None)
            if isinstance(belonging, ipywidgets.Widget):
                belonging.close()
