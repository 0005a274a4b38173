"""One directed link: from the one who sends to the one who receives.

What an application of the W3C's statistics makes of them itself is made here: rates
and fractions, of two readings of the connections at both ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from .reading import InboundCounts, Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkStats:
    """What one participant receives from another.

    Sections are those of webrtc-stats. None stands where a figure is not to be had: an
    end in a browser keeps its own books, and plain aiortc counts less.

    Attributes
    ----------
    sender, receiver : str
        Names.
    timestamp : float
        Seconds since the mesh was made, like the log's times.
    interval : float
        Seconds that rates and fractions are of.
    frames_per_second : float or None
        Pictures a second that are complete and could be decoded, whether or not anybody
        looked (8.6, ``framesPerSecond``). In a link's first second, those so far.
    bitrate : float or None
        Bits a second on the wire: the change of ``bytes_received``, or of the sender's
        ``bytes_sent`` where the receiver is a browser.
    latency : float or None
        Seconds from a picture's leaving its source to its being complete and in order
        at the receiver, before it is decoded (0.2 ms; with ``tuned=False`` after): the
        median of the last ten. Exact, by RTP's timestamps, where both ends live
        in this process, and None otherwise: other machines have other clocks.
    round_trip_time : float or None
        Seconds, of the last receiver report (8.3, ``roundTripTime``). It includes the
        time that a busy event loop lets packets wait.
    fraction_lost : float or None
        0 to 1: packets that were missing at first, of all that were expected in the
        interval (RFC 3550, section 6.4.1); a repair does not take it back. None while
        nothing comes at all: a receiver cannot tell what else was sent.
    jitter : float or None
        Seconds (RFC 3550, section 6.4.1): of video, or of sound when there is no video.
    frames_received, frames_decoded : int or None
        Pictures that came, and those that were decoded because somebody looked (8.6).
    frames_dropped : int or None
        Pictures that came and could not be decoded, as a part of them or one before
        them was lost (8.6). None with ``tuned=False``, where ``frames_received`` is
        without them.
    key_frames_received : int or None
        Pictures that can be decoded by themselves; None with ``tuned=False``.
    nack_count, pli_count, fir_count : int or None
        Packets that ask the sender to send again, or a keyframe (8.6 and 8.8).
    packets_received, packets_lost : int or None
        Media of both kinds, without repairs (8.1).
    retransmitted_packets_received, retransmitted_packets_sent : int or None
        Repairs (RFC 4588), at either end (8.6 and 8.8).
    packets_sent : int or None
        Without repairs (8.7).
    bytes_received, bytes_sent : int or None
        On this link's transport, repairs and RTCP included, without headers of UDP and
        IP (8.14). ``bytes_sent`` is what the link's sender sent on it.
    """

    sender: str
    receiver: str
    timestamp: float
    interval: float
    frames_per_second: float | None = None
    bitrate: float | None = None
    latency: float | None = None
    round_trip_time: float | None = None
    fraction_lost: float | None = None
    jitter: float | None = None
    frames_received: int | None = None
    frames_decoded: int | None = None
    frames_dropped: int | None = None
    key_frames_received: int | None = None
    nack_count: int | None = None
    pli_count: int | None = None
    fir_count: int | None = None
    packets_received: int | None = None
    packets_lost: int | None = None
    packets_sent: int | None = None
    retransmitted_packets_received: int | None = None
    retransmitted_packets_sent: int | None = None
    bytes_received: int | None = None
    bytes_sent: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The attributes by name, in the order above."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Span:
    """Two readings of one connection, one after the other."""

    before: Reading
    after: Reading

    @property
    def seconds(self) -> float:
        """What lies between them; 0 when they are the same."""
        return max(0.0, self.after.time - self.before.time)


def link_stats(
    sender: str, receiver: str, sending: Span | None, receiving: Span | None
) -> LinkStats:
    """What there is to say about a directed link.

    Parameters
    ----------
    sender, receiver : str
        Names.
    sending, receiving : Span or None
        Of the connections at either end; one of them at least.

    Raises
    ------
    ValueError
        When there is neither.
    """
    span = receiving or sending
    if span is None:
        raise ValueError(f"nothing was read at either end of {sender} -> {receiver}")
    figures: dict[str, Any] = {}
    if sending is not None:
        figures |= _of_sender(sending)
    if receiving is not None:
        figures |= _of_receiver(receiving)
    figures["round_trip_time"] = _round_trip(sending, receiving)
    return LinkStats(
        sender=sender,
        receiver=receiver,
        timestamp=span.after.time,
        interval=span.seconds,
        **figures,
    )


def _of_sender(span: Span) -> dict[str, Any]:
    """What the sender knows, from itself and from the receiver's reports."""
    sent = span.after.outbound
    reports = [each.remote for each in sent if each.remote is not None]
    return {
        "bitrate": _rate(span, span.after.bytes_sent, span.before.bytes_sent),
        "bytes_sent": span.after.bytes_sent,
        "packets_sent": _sum(each.packets_sent for each in sent),
        "retransmitted_packets_sent": _sum(
            each.retransmitted_packets_sent for each in sent
        ),
        "nack_count": _sum(each.nack_count for each in sent),
        "pli_count": _sum(each.pli_count for each in sent),
        "fir_count": _sum(each.fir_count for each in sent),
        "packets_lost": _sum(each.packets_lost for each in reports),
        "fraction_lost": max((each.fraction_lost for each in reports), default=None),
        "jitter": _main(
            (each.kind, None if each.remote is None else each.remote.jitter)
            for each in sent
        ),
    }


def _of_receiver(span: Span) -> dict[str, Any]:
    """What the receiver counted itself."""
    received, pictures = span.after.inbound, span.after.pictures
    figures: dict[str, Any] = {
        "bitrate": _rate(span, span.after.bytes_received, span.before.bytes_received),
        "bytes_received": span.after.bytes_received,
        "packets_received": _sum(each.packets_received for each in received),
        "packets_lost": _sum(each.packets_lost for each in received),
        "fraction_lost": _fraction_lost(span.before.inbound, received),
        "retransmitted_packets_received": _sum(
            each.retransmitted_packets_received for each in received
        ),
        "jitter": _main((each.kind, each.jitter) for each in received),
    }
    # The receiver knows what it asked for; what the sender heard may be less.
    for name in ("nack_count", "pli_count"):
        count = _sum(getattr(each, name) for each in received)
        if count is not None:
            figures[name] = count
    if pictures is not None:
        figures |= {
            "frames_per_second": pictures.frames_per_second,
            "latency": pictures.latency,
            "frames_received": pictures.frames_received,
            "frames_decoded": pictures.frames_decoded,
            "frames_dropped": pictures.frames_dropped,
            "key_frames_received": pictures.key_frames_received,
        }
    return figures


def _round_trip(sending: Span | None, receiving: Span | None) -> float | None:
    """Measured by whoever sends: on this link, or else on the one that comes back."""
    for span in (sending, receiving):
        if span is None:
            continue
        measured = _main(
            (each.kind, None if each.remote is None else each.remote.round_trip_time)
            for each in span.after.outbound
        )
        if measured is not None:
            return measured
    return None


def _fraction_lost(
    before: tuple[InboundCounts, ...], after: tuple[InboundCounts, ...]
) -> float | None:
    if not after:
        return None
    earlier = {each.ssrc: each for each in before}
    lost = expected = came = 0
    for now in after:
        then = earlier.get(now.ssrc)
        new = now.packets_received - (then.packets_received if then else 0)
        missing = now.packets_lost - (then.packets_lost if then else 0)
        came += new
        lost += missing
        expected += new + missing
    if not came and not lost:
        # Nobody can tell what was lost after the last one that came.
        return None
    # What came late makes the loss of an interval negative (RFC 3550, appendix A.3).
    return min(1.0, max(0.0, lost / expected)) if expected > 0 else 0.0


def _rate(span: Span, after: int, before: int) -> float | None:
    """Bits a second; None where no time has passed."""
    return 8 * max(0, after - before) / span.seconds if span.seconds > 0 else None


def _sum(counts: Iterable[int | None]) -> int | None:
    """None when nobody counted."""
    known = [each for each in counts if each is not None]
    return sum(known) if known else None


def _main(values: Iterable[tuple[str, float | None]]) -> float | None:
    """The one of video, or else of sound."""
    known = {kind: value for kind, value in values if value is not None}
    return known.get("video", known.get("audio"))
