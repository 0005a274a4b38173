"""Changing a held message by hand: pure functions from payload to payload."""

from __future__ import annotations

import copy
import re
from typing import Any

from ..errors import EditError
from .limits import MAX_CANDIDATE_LENGTH, MAX_DESCRIPTION_LENGTH

_BRIEF = 24

_LINE = re.compile(r"[a-z]=\S.*")
"""A line of SDP: a letter, an equals sign, a value (RFC 8866, section 5)."""

_CANDIDATE = re.compile(r"candidate:\S{1,32} \d+ \S+ \d+ \S+ \d{1,5} typ \S+.*")
"""RFC 8839, section 5.1, as far as every candidate has it."""


def edit_payload(
    kind: str,
    payload: Any,
    *,
    without: str | None,
    replace: tuple[str, str] | None,
    sdp: str | None,
    candidate: str | None,
) -> tuple[Any, str]:
    """Change the SDP or the candidate that a message carries.

    Parameters
    ----------
    kind : str
        ``"offer"``, ``"answer"`` or ``"candidate"``; the others carry neither.
    payload : dict
        Left as it is.
    without : str or None
        Takes out every SDP line that begins with this.
    replace : (str, str) or None
        Puts the second text for the first, everywhere.
    sdp, candidate : str or None
        The whole new text.

    Returns
    -------
    payload, change
        The new one, and what was done to it in words.

    Raises
    ------
    EditError
        When the message has nothing like that, nothing would change, or the result is
        no SDP or no candidate.
    """
    if sum(each is not None for each in (without, replace, sdp, candidate)) != 1:
        raise EditError(
            "say one thing to change: without=, replace=, sdp= or candidate="
        )
    if kind not in ("offer", "answer", "candidate"):
        raise EditError(f"{kind} carries no SDP and no candidate; it can be dropped")
    is_candidate = kind == "candidate"
    if is_candidate and (sdp is not None or without is not None):
        raise EditError("a candidate has no SDP lines; use candidate= or replace=")
    if not is_candidate and candidate is not None:
        raise EditError(f"an {kind} is changed with sdp=, without= or replace=")

    old = payload["candidate"]["candidate"] if is_candidate else payload["sdp"]["sdp"]
    new, change = _changed(old, without, replace, candidate if is_candidate else sdp)
    if new == old:
        raise EditError(f"nothing changes: {change} does not apply to this {kind}")
    changed = copy.deepcopy(payload)
    if is_candidate:
        _check_candidate(new)
        changed["candidate"]["candidate"] = new
    else:
        _check_sdp(new)
        changed["sdp"]["sdp"] = new
    return changed, change


def _changed(
    old: str, without: str | None, replace: tuple[str, str] | None, whole: str | None
) -> tuple[str, str]:
    if without is not None:
        kept = [line for line in old.splitlines() if not line.startswith(without)]
        return "".join(f"{line}\r\n" for line in kept), f"lines {without} taken out"
    if replace is not None:
        before, after = replace
        if not before:
            raise EditError("replace=(before, after): the text to look for is empty")
        return old.replace(
            before, after
        ), f"{_brief(before)} replaced by {_brief(after)}"
    assert whole is not None
    return whole, "rewritten"


def _brief(text: str) -> str:
    """Enough of a text to know it by; a long value may be another one in every run."""
    line = text.splitlines()[0] if text.strip() else ""
    name, separator, value = line.partition(":")
    if separator and len(value) > _BRIEF:
        return f"{name}:…"
    return line if len(line) <= _BRIEF else f"{line[:_BRIEF]}…"


def _check_sdp(sdp: str) -> None:
    if len(sdp) > MAX_DESCRIPTION_LENGTH:
        raise EditError(
            f"the SDP has {len(sdp)} characters; {MAX_DESCRIPTION_LENGTH} is the limit"
        )
    lines = sdp.splitlines()
    for number, line in enumerate(lines, 1):
        if not _LINE.fullmatch(line):
            raise EditError(
                f"that is no SDP any more: line {number} is {line[:60]!r}, and a line "
                f"is a letter, an equals sign and a value (RFC 8866, section 5)"
            )
    starts = "".join(line[0] for line in lines)
    if not re.match(r"vos.*t", starts) or "m" not in starts:
        raise EditError(
            "that is no SDP any more: it needs v=, o=, s=, t= and at least one m= "
            "line, in this order (RFC 8866, section 5)"
        )


def _check_candidate(candidate: str) -> None:
    if candidate == "":
        return  # says that there are no more (RFC 8838, section 13)
    if len(candidate) > MAX_CANDIDATE_LENGTH or not _CANDIDATE.fullmatch(candidate):
        raise EditError(
            f"{candidate[:80]!r} is no candidate: it has to be candidate:foundation "
            f"component protocol priority address port typ type (RFC 8839, section 5.1)"
        )
