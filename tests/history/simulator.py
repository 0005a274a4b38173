"""A call played by the protocol, without a network.

:class:`SimulatedCall` records what a real call records when it is stepped through, in
the order that aiortc has; what two connections do at once it records one after the
other. It decides nothing by itself: a test delivers, drops and edits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from meshwidget.events import (
    Event,
    FrameReceived,
    MeshOpened,
    MessageAccepted,
    MessageDelivered,
    MessageDropped,
    MessageEdited,
    MessageIgnored,
    PeerJoined,
    PeerLeft,
    SignalingPaused,
    StateChanged,
    TrackReceived,
)

SDP = (Path(__file__).parent / "sdp" / "aiortc.sdp").read_text()
CANDIDATE = "candidate:1 1 udp 2130706431 127.0.0.1 40000 typ host"

INITIAL = {"signaling": "stable"}


@dataclass
class End:
    """One participant's connection to another."""

    states: dict[str, str] = field(default_factory=INITIAL.copy)
    applied: bool = False
    knows_address: bool = False
    early: bool = False
    sdp: str = ""
    """Of the other side, as it was applied."""


class SimulatedCall:
    """A paused call; ``events`` is its log."""

    def __init__(self, *, trickle: bool = True, paused: bool = True) -> None:
        self.events: list[Event] = []
        self.pending: dict[int, dict[str, Any]] = {}
        self.present: list[str] = []
        self.ends: dict[tuple[str, str], End] = {}
        self.trickle = trickle
        self.count = 0
        self.record(MeshOpened, room="1234", max_peers=4)
        if paused:
            self.record(SignalingPaused)

    def record(self, event: type[Event], **fields: Any) -> None:
        seq = len(self.events)
        self.events.append(event(seq=seq, time=seq / 1000, **fields))

    # What the test does -------------------------------------------------------------

    def join(self, *names: str) -> None:
        for name in names:
            self.record(PeerJoined, peer=name, room="1234")
            users = [{"id": f"id-{other}", "email": other} for other in self.present]
            self.present.append(name)
            self.accept("all_users", "", name, users)

    def leave(self, name: str, reason: str = "left") -> None:
        """Politely, so that others hear it from DTLS too; or without a word."""
        others = [other for other in self.present if other != name]
        for other in others:
            self.close(name, other)
            if reason == "left":
                self.close(other, name)
        self.present.remove(name)
        self.record(PeerLeft, peer=name, room="1234", reason=reason)
        for number in [n for n, m in self.pending.items() if m["receiver"] == name]:
            self.drop(number, reason="receiver left")
        for other in others:
            self.accept("user_exit", name, other, {"id": f"id-{name}"})

    def deliver(self, number: int) -> None:
        message = self.pending.pop(number)
        payload = message.pop("payload")
        self.record(MessageDelivered, **message)
        receiver, sender = message["receiver"], message["sender"]
        match message["kind"]:
            case "all_users":
                for user in payload:
                    self.offer(receiver, user["email"])
            case "offer":
                self.take_offer(receiver, sender, payload["sdp"]["sdp"])
            case "answer":
                self.take_answer(receiver, sender, payload["sdp"]["sdp"])
            case "candidate":
                self.take_candidate(receiver, sender)
            case "user_exit":
                self.close(receiver, sender)

    def deliver_all(self, *, but: Iterable[int] = ()) -> None:
        """In order, also what comes of it; those others stay held."""
        while waiting := [number for number in self.pending if number not in but]:
            self.deliver(waiting[0])

    def drop(self, number: int, reason: str = "dropped") -> None:
        message = self.pending.pop(number)
        del message["payload"]
        self.record(MessageDropped, **message, reason=reason)

    def edit(self, number: int, change: str, before: str, after: str = "") -> None:
        message = self.pending[number]
        old = message["payload"]["sdp"]
        message["payload"] = {"sdp": {**old, "sdp": old["sdp"].replace(before, after)}}
        self.record(MessageEdited, **message, change=change)

    # What the participants do -------------------------------------------------------

    def accept(self, kind: str, sender: str, receiver: str, payload: Any) -> None:
        self.count += 1
        message = {
            "number": self.count,
            "kind": kind,
            "sender": sender,
            "receiver": receiver,
            "payload": payload,
        }
        self.pending[self.count] = message
        self.record(MessageAccepted, **message)

    def end(self, peer: str, remote: str) -> End:
        return self.ends.setdefault((peer, remote), End())

    def move(self, peer: str, remote: str, machine: str, *states: str) -> None:
        current = self.end(peer, remote).states
        for new in states:
            old = current.get(machine, "new")
            current[machine] = new
            self.record(
                StateChanged,
                peer=peer,
                remote=remote,
                machine=machine,
                old=old,
                new=new,
            )

    def describe(self, kind: str, peer: str, remote: str) -> None:
        self.move(peer, remote, "ice_gathering", "gathering", "complete")
        inside = "" if self.trickle else f"a={CANDIDATE}\r\n"
        self.end(remote, peer)
        if kind == "answer":
            self.start_checks(peer, remote)
        self.accept(kind, peer, remote, {"sdp": {"type": kind, "sdp": SDP + inside}})
        if self.trickle:
            init = {"candidate": CANDIDATE, "sdpMid": "0", "sdpMLineIndex": 0}
            self.accept("candidate", peer, remote, {"candidate": init})

    def offer(self, peer: str, remote: str) -> None:
        self.ends[peer, remote] = End()
        self.move(peer, remote, "signaling", "have-local-offer")
        self.describe("offer", peer, remote)

    def take_offer(self, peer: str, remote: str, sdp: str) -> None:
        if "a=ice-pwd" not in sdp:
            reason = "it cannot be applied: a password is missing"
            self.ignore(peer, remote, "offer", reason)
            return
        early = self.end(peer, remote).early
        self.ends[peer, remote] = End(applied=True, knows_address=early, sdp=sdp)
        self.take_tracks(peer, remote, sdp)
        self.move(peer, remote, "signaling", "have-remote-offer", "stable")
        self.describe("answer", peer, remote)
        self.check(peer, remote)

    def take_answer(self, peer: str, remote: str, sdp: str) -> None:
        end = self.end(peer, remote)
        if end.states["signaling"] != "have-local-offer":
            self.ignore(peer, remote, "answer", "there is no offer to answer")
            return
        end.applied, end.sdp = True, sdp
        end.knows_address |= end.early
        self.take_tracks(peer, remote, sdp)
        self.move(peer, remote, "signaling", "stable")
        self.start_checks(peer, remote)
        self.check(peer, remote)

    def take_tracks(self, peer: str, remote: str, sdp: str) -> None:
        for kind in ("video", "audio"):
            if f"m={kind}" in sdp:
                self.record(TrackReceived, peer=peer, remote=remote, kind=kind)

    def take_candidate(self, peer: str, remote: str) -> None:
        end = self.end(peer, remote)
        if end.applied:
            end.knows_address = True
            self.check(peer, remote)
        else:
            end.early = True

    def ignore(self, peer: str, remote: str, kind: str, reason: str) -> None:
        self.record(MessageIgnored, peer=peer, remote=remote, kind=kind, reason=reason)

    def start_checks(self, peer: str, remote: str) -> None:
        self.move(peer, remote, "ice_connection", "checking")
        self.move(peer, remote, "connection", "connecting")

    def check(self, peer: str, remote: str) -> None:
        """A path is found when both can check and either knows where to."""
        ends = (self.end(peer, remote), self.end(remote, peer))
        told = not self.trickle or any(end.knows_address for end in ends)
        if not told or not all(end.applied for end in ends):
            return
        if ends[0].states["ice_connection"] != "checking":
            return
        secure = all("a=fingerprint" in end.sdp for end in ends)
        for one, other in ((peer, remote), (remote, peer)):
            self.move(one, other, "ice_connection", "completed")
            self.move(one, other, "dtls", "connecting")
            if secure:
                self.move(one, other, "connection", "connected")
                self.move(one, other, "dtls", "connected")
                self.record(FrameReceived, peer=one, remote=other)

    def close(self, peer: str, remote: str) -> None:
        states = self.end(peer, remote).states
        for machine in ("signaling", "ice_connection", "connection", "dtls"):
            if (peer, remote) in self.ends and states.get(machine) != "closed":
                self.move(peer, remote, machine, "closed")
