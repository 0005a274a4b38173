"""What can be wrong with a link on purpose: the values, their limits and their words.

Pure, and below the events, which tell of it. How packets fare under a fault is the
business of :mod:`meshwidget.peer.wire`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

__all__ = ["LAYERS", "Impairment", "LinkFaults"]

LAYERS = ("stun", "dtls", "srtp")
"""The protocols that share a link's one socket, in the order in which they begin
(RFC 7983): connectivity checks, the handshake, and media with its reports."""

MAX_DELAY_MS = 10_000
MAX_KBPS = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Impairment:
    """How badly one direction of a link carries.

    Attributes
    ----------
    loss, duplicate, reorder : float
        Fractions of the packets, 0 to 1: lost, delivered twice, overtaken by others.
    delay_ms : float
        Milliseconds that every packet takes.
    jitter_ms : float
        How far the delay strays to either side, uniformly. Packets keep their order.
    kbps : float or None
        Kilobits a second that pass; what does not fit waits a moment, then is lost.
        None is no limit.
    seed : int
        The same one makes the same choices.
    """

    loss: float = 0.0
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    kbps: float | None = None
    duplicate: float = 0.0
    reorder: float = 0.0
    seed: int = 0

    @classmethod
    def checked(cls, **values: Any) -> Self:
        """An impairment of values that somebody typed.

        Raises
        ------
        ValueError
            Says which value cannot be, and what can.
        """
        for name in ("loss", "duplicate", "reorder"):
            _check(name, values[name], 1, "a fraction of the packets, 0 to 1")
        for name in ("delay_ms", "jitter_ms"):
            what = f"milliseconds, 0 to {MAX_DELAY_MS}"
            _check(name, values[name], MAX_DELAY_MS, what)
        if values["kbps"] is not None:
            what = f"kilobits a second, more than 0 and at most {MAX_KBPS}, or None"
            _check("kbps", values["kbps"], MAX_KBPS, what)
            if values["kbps"] == 0:
                raise ValueError(f"kbps is 0; it can be {what}. cut() lets nothing by")
        if not isinstance(values["seed"], int) or isinstance(values["seed"], bool):
            raise ValueError(f"seed is a whole number, not {values['seed']!r}")
        return cls(**values)

    @property
    def is_nothing(self) -> bool:
        """Whether the direction carries as it should."""
        return self == type(self)(seed=self.seed)

    @property
    def words(self) -> str:
        """What it does to packets, for instance ``"loses 10 %, delays by 80 ms"``."""
        told = []
        if self.loss:
            told.append(f"loses {_percent(self.loss)}")
        if self.delay_ms or self.jitter_ms:
            stray = f" ± {self.jitter_ms:g} ms" if self.jitter_ms else ""
            told.append(f"delays by {self.delay_ms:g} ms{stray}")
        if self.kbps is not None:
            told.append(f"carries {self.kbps:g} kbit/s")
        if self.duplicate:
            told.append(f"doubles {_percent(self.duplicate)}")
        if self.reorder:
            told.append(f"reorders {_percent(self.reorder)}")
        return ", ".join(told) or "carries everything"


def _check(name: str, value: object, most: float, what: str) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError(f"{name} is a number, not {value!r}: {what}")
    if not 0 <= value <= most:
        raise ValueError(f"{name} is {value}; it can be {what}")


def _percent(fraction: float) -> str:
    return f"{fraction * 100:g} %"


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkFaults:
    """All that is wrong with one link on purpose; ``str()`` says it.

    Attributes
    ----------
    names : (str, str)
        The two ends.
    is_cut : bool
        Whether nothing passes.
    held : tuple of str
        Those of :data:`LAYERS` that are stopped.
    toward : mapping
        The impairment of each direction that has one, by the name it leads to.
    """

    names: tuple[str, str]
    is_cut: bool = False
    held: tuple[str, ...] = ()
    toward: Mapping[str, Impairment] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.is_cut or bool(self.held) or bool(self.toward)

    def impaired(self, impairment: Impairment, toward: str | None) -> Self:
        """The same with this impairment, in one direction or in both."""
        changed = dict(self.toward)
        for name in self.names if toward is None else (toward,):
            changed.pop(name, None)
            if not impairment.is_nothing:
                changed[name] = impairment
        return replace(self, toward=changed)

    def cutting(self) -> Self:
        """The same, and nothing passes."""
        return replace(self, is_cut=True)

    def holding(self, layer: str) -> Self:
        """The same with one more layer held."""
        held = {*self.held, layer}
        return replace(self, held=tuple(each for each in LAYERS if each in held))

    def releasing(self, layer: str) -> Self:
        """The same with one layer less held."""
        return replace(self, held=tuple(each for each in self.held if each != layer))

    def healed(self) -> Self:
        """The same link, with nothing wrong."""
        return type(self)(names=self.names)

    @property
    def words(self) -> tuple[str, ...]:
        """Each fault in a few words, the worst first."""
        return tuple(self._tell())

    def _tell(self) -> Iterator[str]:
        if self.is_cut:
            yield "cut"
        for layer in self.held:
            yield f"{layer.upper()} held"
        directions = list(self.toward.items())
        if len(directions) == 2 and directions[0][1] == directions[1][1]:
            yield directions[0][1].words
            return
        for name in self.names:
            if name in self.toward:
                yield f"toward {name}: {self.toward[name].words}"

    def __str__(self) -> str:
        return "; ".join(self.words) or "no faults"


IMPAIRMENT_FIELDS = tuple(each.name for each in fields(Impairment))
"""What an event repeats of an impairment."""
