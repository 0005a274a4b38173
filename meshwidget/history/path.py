"""The checks behind a "why" that follow on signaling: from candidates to a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .moment import Moment
from .outline import Outline, no_direction
from .parts import Link, MessageState, Side
from .purpose import wire_checks
from .step import Step, again, changed, flaw_of, lost, pending, quoted
from .words import listed


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """Offer, answer and candidates of a link: the newest, when there were more.

    Attributes
    ----------
    offerer, answerer : str
        Who they are from, or will be.
    """

    link: Link
    offerer: str
    answerer: str
    offer: MessageState | None
    answer: MessageState | None
    candidates: tuple[MessageState, ...]

    def of(self, sender: str) -> MessageState | None:
        """The description that one of them sent."""
        return self.offer if sender == self.offerer else self.answer

    @property
    def reporting(self) -> tuple[Side, ...]:
        """The sides whose states are in the log; a browser's are not."""
        return tuple(side for side in self.link.sides if side.reports)

    @property
    def has_path(self) -> bool:
        """Whether ICE found a path, as far as is known."""
        sides = self.reporting
        return bool(sides) and all(_found_path(side) for side in sides)

    @property
    def has_address(self) -> bool:
        """Whether one of the two was told a candidate, in whichever way."""
        return any(
            message.status == "delivered"
            for message in self.candidates
            if message.candidate
        ) or any(
            message.status == "delivered" and Outline.of(message.sdp or "").candidates
            for message in (self.offer, self.answer)
            if message is not None
        )

    @property
    def edited(self) -> tuple[MessageState, ...]:
        """What was changed by hand, in order."""
        messages = [self.offer, self.answer, *self.candidates]
        return tuple(each for each in messages if each is not None and each.edited)


def path_checks(
    moment: Moment, exchange: Exchange, viewer: str, remote: str
) -> Iterator[Step]:
    """Candidates, path, handshake, track, picture; and that it has not ended since."""
    for sender in (exchange.offerer, exchange.answerer):
        yield _candidates(moment, exchange, sender)
    yield from wire_checks(moment, exchange.reporting, viewer, remote)
    yield _path(exchange)
    yield _handshake(exchange)
    yield _track(exchange, viewer, remote)
    yield _picture(moment, exchange, viewer, remote)
    for side in exchange.reporting:
        if side.has_been("connection", "connected") and (
            side.state in ("closed", "failed")
        ):
            yield Step.failed(
                "connection kept",
                f"{side.peer}'s connection to {side.remote} was up and is {side.state}",
            )
            return


# The candidates -----------------------------------------------------------------------


def _candidates(moment: Moment, exchange: Exchange, sender: str) -> Step:
    """Whether all addresses of one reached the other; harmless once a path is found."""
    receiver = exchange.link.one(sender).remote
    title = f"{sender}'s candidates delivered"
    sent = [each for each in exchange.candidates if each.sender == sender]
    description = exchange.of(sender)
    inside = Outline.of(description.sdp or "").candidates if description else 0
    explain: dict[str, Callable[[MessageState], str]] = {
        "dropped": lambda message: (
            f"{lost(message)}, so {_survival(moment, exchange, message, inside)}"
        ),
        "held": lambda message: pending(moment, message),
        "in flight": lambda message: pending(moment, message),
    }
    for status, words in explain.items():
        for message in sent:
            if message.status == status:
                make = Step.failed if status == "dropped" else Step.waiting
                step = make(title, words(message), message.number)
                return step.without_harm(exchange.has_path or message.candidate == "")
    for ignored in exchange.link.one(receiver).ignored:
        if ignored.kind == "candidate":
            blamed = [each for each in sent if (each.delivered_seq or 0) < ignored.seq]
            words_of_it = blamed[-1].described if blamed else "a candidate"
            return Step.failed(
                title,
                f"{receiver} could not use {words_of_it}: {ignored.reason}",
                blamed[-1].number if blamed else None,
            ).without_harm(exchange.has_path)
    if sent:
        return Step.done(title, listed([_named(each) for each in sent]))
    if inside:
        assert description is not None
        return Step.done(title, f"{inside} inside {description.described}")
    words_so_far = f"none has come from {sender}" if description else ""
    return Step.waiting(title, words_so_far).without_harm(exchange.has_path)


def _named(message: MessageState) -> str:
    return f"candidate {message.number}{changed(message)}"


def _survival(
    moment: Moment, exchange: Exchange, message: MessageState, inside: int
) -> str:
    """What the loss of a candidate means for the link."""
    sender, receiver = message.sender, message.receiver
    others = [each for each in exchange.candidates if each.number != message.number]
    known = [each for each in others if each.status == "delivered"]
    if message.candidate == "":
        return f"{receiver} is not told that there are no more, and needs not be"
    if inside or any(each.sender == sender for each in known):
        return f"{receiver} has to reach {sender} at another of its candidates"
    prefix = f"{receiver} was not told where {sender} can be reached"
    reflexive = (
        f"{receiver} takes the address that {sender}'s own check comes from for a "
        f"peer-reflexive candidate (RFC 8445, section 7.3.1.3)"
    )
    if exchange.has_path:
        return f"{prefix}. The link came up all the same: {reflexive}"
    description = exchange.of(receiver)
    back = [each for each in others if each.sender == receiver]
    told = Outline.of((description and description.sdp) or "").candidates
    if told or any(each.status == "delivered" for each in back):
        return f"{prefix}. The link can come up all the same: {reflexive}"
    waiting = [each for each in back if each.is_pending]
    if waiting:
        return f"{prefix}. {waiting[0].described} can still save the link: {reflexive}"
    if back and all(each.status == "dropped" for each in back):
        return (
            f"{prefix}, and {lost(back[0])} too: neither knows where to send a check. "
            f"{again(exchange.offerer)}"
        )
    return prefix


# The connection -----------------------------------------------------------------------


def _found_path(side: Side) -> bool:
    return side.has_been("ice_connection", "connected", "completed") or side.has_been(
        "connection", "connected"
    )


def _is_secured(side: Side) -> bool:
    return side.has_been("dtls", "connected") or side.has_been(
        "connection", "connected"
    )


def _path(exchange: Exchange) -> Step:
    title = "ICE found a path"
    sides = exchange.reporting
    if exchange.has_path:
        return Step.done(title)
    if not sides:
        silent = " and ".join(exchange.link.names)
        words = f"{silent} run elsewhere, and do not tell their states"
        return Step.waiting(title, words if exchange.answer else "")
    for side in sides:
        if side.states["ice_connection"] == "failed":
            suspect, number = _suspicion(exchange)
            words = f"none of {side.peer}'s checks was answered until it gave up"
            return Step.failed(title, words + suspect, number)
        if side.is_closed and not _found_path(side):
            words = f"{side.peer}'s connection was closed before a path was found"
            return Step.failed(title, words)
    checking = [
        side.peer for side in sides if side.states["ice_connection"] == "checking"
    ]
    if not checking:
        return Step.waiting(title)
    if exchange.answer is None or exchange.answer.status != "delivered":
        return Step.waiting(
            title,
            f"{exchange.offerer}, who chooses the path (RFC 8445, section 8.1.1), "
            f"cannot check any before it has {exchange.answerer}'s description",
        )
    if not exchange.has_address:
        words = "neither side knows an address of the other to check"
        return Step.waiting(title, words)
    suspect, number = _suspicion(exchange)
    verb = "sends" if len(checking) == 1 else "send"
    return Step.waiting(
        title,
        f"{' and '.join(checking)} {verb} connectivity checks (STUN Binding requests, "
        f"RFC 8445, section 7) and no answer has come yet{suspect}",
        number,
    )


def _suspicion(exchange: Exchange) -> tuple[str, int | None]:
    """The first message that was changed by hand, if any, as the likely cause."""
    if not exchange.edited:
        return "", None
    message = exchange.edited[0]
    changes = "; ".join(message.edited)
    return f"; {message.described} was changed by hand: {changes}", message.number


def _handshake(exchange: Exchange) -> Step:
    title = "DTLS handshake"
    sides = exchange.reporting
    if sides and all(_is_secured(side) for side in sides):
        return Step.done(title, "each certificate has the fingerprint that was told")
    if not exchange.has_path:
        return Step.waiting(title)
    for message in (exchange.offer, exchange.answer):
        if message and message.sdp and Outline.of(message.sdp).lacks("fingerprint"):
            return Step.failed(
                title,
                f"{message.described}{changed(message)}: {flaw_of(message)}, so "
                f"{message.receiver} must not go on (RFC 8827, section 6.5). "
                f"{again(exchange.offerer)}",
                message.number,
            )
    if any(side.states["dtls"] == "failed" for side in sides):
        suspect, number = _suspicion(exchange)
        return Step.failed(
            title,
            f"a certificate has another fingerprint than its SDP said, or the "
            f"handshake broke off (RFC 8122, section 5){suspect}",
            number,
        )
    suspect, number = _suspicion(exchange)
    return Step.waiting(title, f"under way on the path that ICE found{suspect}", number)


def _track(exchange: Exchange, viewer: str, remote: str) -> Step:
    title = f"{remote}'s video announced"
    side = exchange.link.one(viewer)
    if "video" in side.tracks:
        return Step.done(title)
    message = exchange.of(remote)
    if message is None or message.status != "delivered" or not side.reports:
        return Step.waiting(title)
    video = Outline.of(message.sdp or "").of_kind("video")
    if video is None or video.port == "0":
        flaw = f"has no section for video, or refuses it: {_without_video(remote)}"
    elif not video.sends:
        flaw = f"says a={video.direction} for video: {_without_video(remote)}"
    elif video.direction is None:
        flaw = f"has {no_direction('video')}"
    else:
        return Step.waiting(title)
    number = message.number if message.edited else None
    return Step.failed(title, f"{message.described}{changed(message)} {flaw}", number)


def _without_video(remote: str) -> str:
    name = quoted(remote)
    return f"mesh.exit({name}), then mesh.join({name}) with a video, gives it one"


def _picture(moment: Moment, exchange: Exchange, viewer: str, remote: str) -> Step:
    title = "first frame decoded"
    side = exchange.link.one(viewer)
    if side.saw_frame:
        return Step.done(title)
    failure = moment.sources_failed.get(remote, {}).get("video")
    if failure is not None:
        return Step.failed(title, f"{remote}'s source of video stopped: {failure}")
    if side.reports and _is_secured(side) and "video" in side.tracks:
        asked = exchange.of(viewer)
        video = Outline.of((asked and asked.sdp) or "").of_kind("video")
        if asked is not None and video is not None and not video.receives:
            flaw = f"has {no_direction('video')}"
            if video.direction is not None:
                flaw = f"says a={video.direction} for video, so {remote} sends none"
            words = f"{asked.described}{changed(asked)} {flaw}"
            return Step.failed(title, words, asked.number if asked.edited else None)
        return Step.waiting(
            title, f"{viewer} waits for a keyframe: a picture that needs no earlier one"
        )
    if exchange.answer is not None and not side.reports:
        return Step.waiting(title, f"{viewer} runs elsewhere, and does not tell")
    return Step.waiting(title)
