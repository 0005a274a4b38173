"""How often threads take turns in the interpreter while calls run.

A cell that computes keeps the interpreter to itself for as long as Python lets it, 5 ms
by default. A loop that hands out packets has to wait so long at each turn, and a call
falls to a few pictures a second. While there is a mesh loop the turns are shorter.

The setting is the process's, so it is put back with the last loop, unless somebody
else has changed it meanwhile.
"""

from __future__ import annotations

import sys
import threading

SWITCH_SECONDS = 1e-4

_lock = threading.Lock()
_holders = 0
_before = 0.0
_ours = 0.0


def hold_short_turns() -> None:
    """Have threads take short turns until :func:`release_short_turns`."""
    global _holders, _before, _ours
    with _lock:
        _holders += 1
        if _holders == 1:
            _before = sys.getswitchinterval()
            if _before > SWITCH_SECONDS:
                sys.setswitchinterval(SWITCH_SECONDS)
            _ours = sys.getswitchinterval()  # the interpreter rounds it


def release_short_turns() -> None:
    """Need them no more; the last one to say so puts the setting back."""
    global _holders
    with _lock:
        _holders -= 1
        if _holders == 0 and sys.getswitchinterval() == _ours:
            sys.setswitchinterval(_before)
