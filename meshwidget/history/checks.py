"""The checks behind a "why": who is there, and what they told each other.

Signaling is here; what follows on it, from ICE to the picture, is in :mod:`.path`.
"""

from __future__ import annotations

from collections.abc import Iterator

from .moment import Moment
from .parts import Link, MessageState
from .path import Exchange, path_checks
from .purpose import presence_checks
from .step import Step, again, changed, delivery, flaw_of, lost, pending, quoted
from .words import listed, names_in


def checklist(moment: Moment, viewer: str, remote: str) -> Iterator[Step]:
    """Every step from joining to the first picture, in order."""
    for name in (viewer, remote):
        yield _presence(moment, name, remote if name == viewer else viewer)
    yield from presence_checks(moment, viewer, remote)
    link = moment.link(viewer, remote) or Link.between(viewer, remote)
    exchange = _exchange(moment, link)
    yield from _earlier_farewells(moment, link)
    earlier, newcomer = link.names
    yield _news_for_earlier(moment, earlier, newcomer)
    yield _news_for_newcomer(moment, earlier, newcomer, exchange)
    yield from _offer(moment, exchange)
    yield from _answer(moment, exchange)
    yield from path_checks(moment, exchange, viewer, remote)


def _exchange(moment: Moment, link: Link) -> Exchange:
    """The newest offer of a link, and the answer to it."""
    messages = moment.between(*link.names)
    offers = [message for message in messages if message.kind == "offer"]
    offer = offers[-1] if offers else None
    offerer = offer.sender if offer else link.names[1]
    answers = [
        message
        for message in messages
        if message.kind == "answer"
        and message.sender != offerer
        and (offer is None or message.number > offer.number)
    ]
    return Exchange(
        link=link,
        offerer=offerer,
        answerer=link.one(offerer).remote,
        offer=offer,
        answer=answers[-1] if answers else None,
        candidates=tuple(each for each in messages if each.kind == "candidate"),
    )


# Who is in the room -------------------------------------------------------------------


def _presence(moment: Moment, name: str, other: str) -> Step:
    title = f"{name} is in the room"
    if name in moment.members:
        return Step.done(title)
    if name in moment.refused:
        return Step.failed(title, f"{name} was not let in: {moment.refused[name]}")
    if name not in moment.departed:
        if moment.closed:
            return Step.failed(title, "the call is over, and it never came")
        return Step.waiting(title, f"{name} has not joined: mesh.join({quoted(name)})")
    how = "left" if moment.departed[name] == "left" else "vanished without a word"
    words = f"{name} {how}"
    farewell = _farewell(moment, name, other)
    number = None
    if farewell is not None and farewell.status != "delivered":
        number = farewell.number
        words += f"; {_untold(moment, farewell)}"
    return Step.failed(title, words, number)


def _farewell(moment: Moment, leaver: str, other: str) -> MessageState | None:
    told = [
        message
        for message in moment.between(leaver, other)
        if message.kind == "user_exit" and message.sender == leaver
    ]
    return told[-1] if told else None


def _untold(moment: Moment, farewell: MessageState) -> str:
    """What it means that somebody was not told that another left."""
    if farewell.is_pending:
        return pending(moment, farewell)
    told = lost(farewell)
    if farewell.reason != "dropped":
        return told
    side = moment.side(farewell.receiver, farewell.sender)
    if side.is_closed:
        return (
            f"{told}, but {side.peer}'s connection is closed all the same, because "
            f"DTLS said goodbye too (close_notify, RFC 5246, section 7.2.1)"
        )
    return (
        f"{told}, so {side.peer} keeps its connection until nobody answers its checks "
        f"of consent any more, about four seconds (RFC 7675, section 5.1)"
    )


def _earlier_farewells(moment: Moment, link: Link) -> Iterator[Step]:
    """Only what is missing of an earlier visit: most calls have none."""
    for number in link.farewells:
        farewell = moment.messages[number]
        if farewell.status == "delivered" or farewell.reason == "receiver left":
            continue
        name = f"{farewell.receiver} heard that {farewell.sender} left, earlier"
        rest = "its old connection may stay open; the new one does not mind"
        yield delivery(moment, name, farewell, rest).without_harm()


# Who knows of whom --------------------------------------------------------------------


def _news(moment: Moment, name: str) -> MessageState | None:
    member = moment.members.get(name)
    if member is not None:
        heard = member.all_users
        return None if heard is None else moment.messages[heard]
    # Who has left is no member any more, but had heard it all the same.
    news = [
        message
        for message in moment.messages.values()
        if message.kind == "all_users" and message.receiver == name
    ]
    return news[-1] if news else None


def _news_for_earlier(moment: Moment, earlier: str, newcomer: str) -> Step:
    """The one who was there first is told of others, not of the newcomer."""
    title = f"{earlier} heard who was there"
    message = _news(moment, earlier)
    if message is None:
        return Step.waiting(title).without_harm()
    harmless = f"{newcomer} came later and is not in it, so nothing is missing here"
    return delivery(moment, title, message, harmless).without_harm()


def _news_for_newcomer(
    moment: Moment, earlier: str, newcomer: str, exchange: Exchange
) -> Step:
    title = f"{newcomer} heard who was there"
    message = _news(moment, newcomer)
    if message is None:
        return Step.waiting(title)
    rest = (
        f"{newcomer} does not know that {earlier} is there, and makes no offer. "
        f"{again(newcomer)}"
    )
    step = delivery(moment, title, message, rest)
    names = names_in(message.payload)
    if step.state == "done" and names is not None and earlier not in names:
        whom = listed(names) if names else "nobody"
        step = Step.failed(
            title,
            f"{message.described}{changed(message)} names {whom}, not {earlier}",
            message.number,
        )
    return step.without_harm(exchange.offer is not None)


# The descriptions ---------------------------------------------------------------------


def _offer(moment: Moment, exchange: Exchange) -> Iterator[Step]:
    offerer, answerer, offer = exchange.offerer, exchange.answerer, exchange.offer
    if offer is None:
        yield _unsent(moment, exchange, "offer", offerer, "all_users")
        yield Step.waiting("offer delivered")
        yield Step.waiting("offer applied")
        return
    yield Step.done("offer sent", offer.described)
    rest = (
        f"{answerer} never hears of {offerer}'s offer, and {offerer} stays in "
        f"have-local-offer. {again(offerer)}"
    )
    yield delivery(moment, "offer delivered", offer, rest)
    side = exchange.link.one(answerer)
    is_applied = side.has_been("signaling", "have-remote-offer")
    words = f"{answerer}: stable -> have-remote-offer"
    yield _application(
        moment, exchange, offer, is_applied or exchange.answer is not None, words
    )


def _answer(moment: Moment, exchange: Exchange) -> Iterator[Step]:
    offerer, answerer, answer = exchange.offerer, exchange.answerer, exchange.answer
    if answer is None:
        is_due = exchange.link.one(answerer).has_been("signaling", "have-remote-offer")
        if is_due:
            yield _unsent(moment, exchange, "answer", answerer, "offer")
        else:
            yield Step.waiting("answer sent")
        yield Step.waiting("answer delivered")
        yield Step.waiting("answer applied")
        return
    yield Step.done("answer sent", answer.described)
    rest = (
        f"{offerer} stays in have-local-offer and learns neither {answerer}'s ICE "
        f"credentials nor its fingerprint. {again(offerer)}"
    )
    yield delivery(moment, "answer delivered", answer, rest)
    side = exchange.link.one(offerer)
    is_applied = side.has_been("signaling", "stable") or not side.reports
    words = f"{offerer}: have-local-offer -> stable"
    yield _application(moment, exchange, answer, is_applied, words)


def _unsent(
    moment: Moment, exchange: Exchange, kind: str, sender: str, cause: str
) -> Step:
    """An offer or answer that has not come to the server."""
    title = f"{kind} sent"
    prior = exchange.offer if kind == "answer" else _news(moment, sender)
    if prior is None or prior.delivered_seq is None:
        return Step.waiting(title)
    trouble = _trouble(moment, f"{sender} handling {cause} failed: ", prior)
    if trouble is not None:
        return _unusable(exchange, title, prior, trouble)
    for name, refused, reason in moment.rejected:
        if (name, refused) == (sender, kind):
            return Step.failed(title, f"the server refused {sender}'s {kind}: {reason}")
    return Step.waiting(title, f"{sender} has {prior.described} and no {kind} came yet")


def _application(
    moment: Moment,
    exchange: Exchange,
    message: MessageState,
    is_applied: bool,
    words: str,
) -> Step:
    """The step that a delivered description is set as the remote one."""
    title = f"{message.kind} applied"
    if is_applied and message.status == "delivered":
        return Step.done(title, words)
    if message.delivered_seq is None:
        return Step.waiting(title)
    receiver = message.receiver
    side = exchange.link.one(receiver)
    for ignored in side.ignored:
        if ignored.kind == message.kind and ignored.seq > message.delivered_seq:
            return _unusable(exchange, title, message, ignored.reason)
    trouble = _trouble(moment, f"{receiver} handling {message.kind} failed: ", message)
    if trouble is not None:
        return _unusable(exchange, title, message, trouble)
    return Step.waiting(title, f"{receiver} has {message.described} and is at work")


def _unusable(
    exchange: Exchange, title: str, message: MessageState, reason: str
) -> Step:
    """A description that arrived and was not taken: what it lacks, or the error."""
    return Step.failed(
        title,
        f"{message.receiver} could not use {message.described}{changed(message)}: "
        f"{flaw_of(message) or reason}. {again(exchange.offerer)}",
        message.number,
    )


def _trouble(moment: Moment, start: str, message: MessageState) -> str | None:
    """The error in the log that a participant ran into with a message, if any."""
    assert message.delivered_seq is not None
    return next(
        (
            sentence.removeprefix(start)
            for seq, sentence in moment.problems
            if seq > message.delivered_seq and sentence.startswith(start)
        ),
        None,
    )
