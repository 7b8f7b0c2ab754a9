"""The client machine of section 14.1, without sockets or clock.

It is told of connections, frames, its user's wishes and the time (ms since the Unix epoch), and answers with
`outputs`: `("connect", delay_ms)`, `("send", frame)`, `("close", code)` and `("event", {...})`. Once it has ended it
answers nothing more.
"""

import os
from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from . import names
from .crypto import Draw
from .epochs import LONGEST_TEXT, READ, TEXT, TYPING
from .errors import Refused
from .frames import Frame, read_from_relay, write
from .inbox import Inbox
from .link import Link, room_keys
from .outbox import Draft
from .room import Fork, Room, require
from .roster import CREATOR, Codes, Entry, Identity, codes, new_identity
from .tickets import Tickets

ROOM_FULL_PATIENCE_MS, ROOM_FULL_RETRY_MS = 40_000, 5_000
RETRY_MS = 1_000
REJOINS = 2
DEPARTED_IDS = 65_536
LEAVES, REJOINS_LATER = 1000, 4001  # close codes (13.1)

LOG = {
    "participant_joined", "participant_left", "rekey", "session_key", "epoch_end", "message",
    "locked", "extended", "renewed",
}  # fmt: skip
IN_THE_ROOM = LOG | {"resumed", "key_wanted", "countdown"}
FATAL = {"kicked", "room_not_found", "link_expired", "displaced"}
# Which commands an error can be the answer to, where the error says so.
ANSWERED = {"unknown_participant": {"kick"}, "past_not_after": {"extend"}, "extend_conflict": {"extend"}}
REFUSALS = {"not_creator", "bad_request", *ANSWERED}


class Status(Enum):
    OFFLINE, JOINING, JOINED, AWAY, RESUMING, ENDED = (auto() for _ in range(6))


@dataclass(repr=False, eq=False)
class Command:
    """One whose entry has not been seen: it is sent again after a resume (11.5)."""

    cmd: str
    members: dict[str, Any]


class Client:
    def __init__(
        self,
        link: Link,
        *,
        name: str | None = None,
        pin: str | None = None,
        creator_token: bytes | None = None,
        draw: Draw = os.urandom,
    ) -> None:
        if link.history:
            raise NotImplementedError("history")
        self.now = 0
        self.status = Status.OFFLINE
        self.outputs: deque[tuple[str, Any]] = deque([("connect", 0)])
        self.keys = room_keys(link)
        self.draw = draw
        self.name = names.own_name(name) if name is not None else names.invented(draw(6))
        self.room: Room | None = None
        self.inbox = Inbox()
        self.tickets = Tickets(link, draw)
        self.departed: set[bytes] = set()
        self.known_somebody = False  # another entry has been verified (5.6)
        self.is_creator = self.anyone_may_burn = self.locked = False
        self.capacity = 0
        self.ends_at: int | None = None
        self._names: dict[str, bytes] = {}  # who was seen with it first
        self._clashes: set[bytes] = set()
        self._me: Identity | None = None
        self._secrets: dict[str, Any] = {"creator_token": creator_token, "pin": pin, "seat_token": None}
        self._commands: list[Command] = []
        self._commands_at: int | None = None  # when they are sent again, after `rate_limited`
        self._last_extended = 0
        self._rejoins = 0
        self._join_lost_at: int | None = None
        self._burning: dict[tuple[bytes, bytes], int] = {}  # single messages that burn (8.6): author and id, and when

    # What a driver tells it.

    def connected(self, now: int) -> None:
        if not self._at(now):
            return
        if self.status is Status.OFFLINE:
            me = self._me = new_identity(self.keys, self.name, self.draw)
            self.status = Status.JOINING
            proof = {
                "kem_pub": me.kem_pub,
                "sig_pub": me.sig_pub,
                "sealed_name": me.sealed_name,
                "join_proof": me.join_proof,
            }
            self.send_frame("join", **proof, ticket=self.tickets.link.ticket, **self._secrets)
        elif self.status is Status.AWAY and self.room:
            self.status = Status.RESUMING
            self.send_frame("resume", seat_token=self._secrets["seat_token"], seq=self.room.seq)

    def disconnected(self, now: int) -> None:
        if not self._at(now) or self.status in (Status.OFFLINE, Status.AWAY):
            return
        if self.status is Status.JOINING:
            self.status, self._join_lost_at = Status.OFFLINE, self.now
        else:
            if self.status is Status.JOINED:
                self.event("reconnecting")
            self.status = Status.AWAY
        self.outputs.append(("connect", 0))

    def frame(self, now: int, raw: bytes) -> None:
        if not self._at(now) or self.status in (Status.OFFLINE, Status.AWAY):
            return
        try:
            frame = read_from_relay(raw)
        except Refused:
            return self.error("malformed_from_relay")
        if frame is None:
            return None
        try:
            self._frame(frame)
        except Fork:
            return self._rejoin("fork")
        return self._pump()

    def timeout(self, now: int) -> None:
        if self._at(now):
            self._pump()

    def next_timeout(self) -> int | None:
        """When `timeout` is to be called, if nothing happens before."""
        if self.status is Status.ENDED:
            return None
        joined = self.status is Status.JOINED
        times = [self.ends_at, *self._burning.values()]
        if joined:
            times += [self._commands_at, self.tickets.renew_at if self.is_creator else None]
        if self.room:
            times += self.room.deadlines(connected=joined)
        return min((at for at in times if at is not None), default=None)

    # What its user wants. Raises `Refused` for what can't be.

    def send(self, now: int, text: str, burn_after_ms: int = 0) -> bytes:
        room, body = self._room(now), text.encode()
        if not body:
            raise Refused("text_empty")
        if len(body) > LONGEST_TEXT:
            raise Refused("text_too_long")
        draft = Draft(TEXT, self.draw(16), self.now, body, burn_after_ms)
        room.write(draft)
        self.inbox.show(room.me.id, draft.id, burn_after_ms)
        written = {"id": draft.id, "text": body, "sent_at": self.now, "burn_after_ms": burn_after_ms}
        self.event("written", sender=room.roster.get(room.me.id), **written)
        self._pump()
        return draft.id

    def typing(self, now: int, typing: bool) -> None:
        self._control(self._room(now), TYPING, bytes([typing]))

    def read(self, now: int, author: bytes, message_id: bytes) -> None:
        room = self._room(now)
        burn_after = self.inbox.burn_after(author, message_id)
        if burn_after is None:
            raise Refused("no_such_message")
        if burn_after and author != room.me.id:
            self.start_burning(author, message_id)
        self._control(room, READ, author + message_id)

    def kick(self, now: int, target: bytes, renew: bool = True) -> None:
        if target == self._room(now).me.id:
            raise Refused("invalid_parameter")
        self._command(now, "kick", new_ticket=renew, id=target, ticket_hash=None)

    def lock(self, now: int, locked: bool) -> None:
        self._command(now, "lock", locked=locked)

    def renew(self, now: int) -> None:
        self._command(now, "renew", new_ticket=True)

    def extend(self, now: int, seconds: int) -> None:
        self._command(now, "extend", seconds=seconds, after=self._last_extended)

    def burn(self, now: int) -> None:
        self._command(now, "burn")

    def leave(self, now: int) -> None:
        if self._at(now):
            self.end("left")

    @property
    def codes(self) -> Codes | None:
        return codes(self.tickets.link, self.room.roster) if self.room else None

    def clashes(self, entry: Entry) -> bool:
        return entry.id in self._clashes

    def is_me(self, entry: Entry) -> bool:
        return self._me is not None and entry.id == self._me.id

    # What the room tells it (`Application`).

    def event(self, name: str, /, **members: Any) -> None:
        self.outputs.append(("event", {"event": name, **members}))

    def error(self, name: str, /, **members: Any) -> None:
        self.event("error", name=name, **members)

    def send_frame(self, kind: str, /, **members: Any) -> None:
        self.outputs.append(("send", write(kind, **members)))

    def departs(self, entry_id: bytes) -> None:
        require(len(self.departed) < DEPARTED_IDS)
        self.departed.add(entry_id)
        for command in self._commands:
            if command.cmd == "kick" and command.members["id"] == entry_id and command.members["ticket_hash"] is None:
                self._commands.remove(command)
                break

    def meet(self, entry: Entry) -> None:
        """Tells what is wrong with an entry, once, and whether its name was another's before (5.5)."""
        if not entry.verified:
            return self.error("unverified_participant", about=entry.id)
        self.known_somebody |= not self.is_me(entry)
        if entry.bad_name:
            self.error("bad_name", about=entry.id)
        if self._names.setdefault(names.normal(entry.name or ""), entry.id) != entry.id:
            self._clashes.add(entry.id)
        return None

    def keyed(self) -> None:
        self._rejoins = 0

    def start_burning(self, author: bytes, message_id: bytes) -> None:
        burn_after = self.inbox.burn_after(author, message_id)
        if burn_after:
            self._burning.setdefault((author, message_id), self.now + burn_after)

    def end(self, reason: str, /, **members: Any) -> None:
        """Ended is final: everything is wiped, as far as Python lets us (12.4)."""
        if self.status is Status.ENDED:
            return
        if self.status in (Status.JOINING, Status.JOINED, Status.RESUMING):
            self.outputs.append(("close", LEAVES))
        self.status = Status.ENDED
        if self.room:
            self.room.wipe()
        self.inbox.wipe()
        self._secrets.clear()
        for kept in (self._names, self._clashes, self._commands, self._burning, self.departed):
            kept.clear()
        self.name = ""
        # The link, and with it the secret, is only ours to let go of.
        del self.tickets, self.keys
        self.room = self._me = None
        self.event("ended", reason=reason, **members)

    # Frames.

    def _frame(self, frame: Frame) -> None:
        kind, room = frame["type"], self.room
        if kind == "error":
            return self._error_frame(frame)
        if kind == "destroyed":
            return self.end(frame["reason"])
        if kind == "joined" and self.status is Status.JOINING:
            return self._joined(frame)
        if room is None or self.status not in (Status.JOINED, Status.RESUMING) or kind not in IN_THE_ROOM:
            return self.error("unexpected_from_relay")
        if kind in LOG:
            require(frame["seq"] == room.seq + 1)
            room.seq = frame["seq"]
            (getattr(self, f"_{kind}", None) or getattr(room, kind))(frame)
            return None
        if kind == "key_wanted":
            return room.key_wanted(frame)
        if kind == "countdown":
            self._ends_within(frame["seconds_remaining"])
            return self.event("countdown", seconds_remaining=frame["seconds_remaining"])
        return self._resumed(frame) if self.status is Status.RESUMING else self.error("unexpected_from_relay")

    def _joined(self, frame: Frame) -> None:
        link = self.tickets.link
        if self.now >= link.not_after_ms:
            return self.end("clock_skew")
        if frame["history"] != link.history:
            return self.end("history_mismatch")
        assert self._me is not None
        room = Room(self, self._me, frame)  # or `Fork`: then nothing of it counts
        if room.others and room.alone:
            return self.end("bad_link")
        self._secrets |= {"seat_token": frame["seat_token"], "pin": None}  # a seat keeps its role
        self.room, self.status, self._join_lost_at = room, Status.JOINED, None
        self.is_creator = frame["role"] == CREATOR
        self.anyone_may_burn = frame["burn"] == "anyone"
        self.locked, self.capacity, self._last_extended = frame["locked"], frame["capacity"], frame["last_extended"]
        self.ends_at = min(self.now + frame["seconds_remaining"] * 1_000, link.not_after_ms)
        self.inbox.start_over()
        if not room.others:
            self._rejoins = 0
        self.event("joined", id=self._me.id, role=frame["role"], seconds_remaining=frame["seconds_remaining"])
        reports = len(self.outputs)
        for entry in room.roster:
            self.meet(entry)
        self.outputs.insert(reports, ("event", {"event": "verification_changed"}))
        if self.locked:
            self.event("locked", locked=True)
        self._tell_ticket(self.tickets.renewed(self.now, frame["ticket_hash"]))
        return None

    def _resumed(self, frame: Frame) -> None:
        room = self.room
        require(room is not None and frame["seq"] == room.seq)
        assert room is not None
        self.status = Status.JOINED
        self._ends_within(frame["seconds_remaining"])
        self.event("resumed")
        self._send_commands()
        if room.need_key_at is not None:
            room.need_key_at = self.now
        room.resend()

    def _locked(self, frame: Frame) -> None:
        self.locked = frame["locked"]
        self._answered("lock", locked=self.locked)
        self.event("locked", locked=self.locked)

    def _extended(self, frame: Frame) -> None:
        self._last_extended = frame["seq"]
        self.ends_at = min(self.now + frame["seconds_remaining"] * 1_000, self.tickets.link.not_after_ms)
        self._answered("extend")
        self.event("extended", seconds_remaining=frame["seconds_remaining"])

    def _renewed(self, frame: Frame) -> None:
        for cmd in ("kick", "renew"):
            self._answered(cmd, ticket_hash=frame["ticket_hash"])
        self._tell_ticket(self.tickets.renewed(self.now, frame["ticket_hash"]))

    def _participant_joined(self, frame: Frame) -> None:
        assert self.room is not None
        self.room.participant_joined(frame)
        if "replaces" in frame and self.room:
            for command in self._commands:
                if command.members.get("id") == frame["replaces"]:
                    command.members["id"] = next(reversed(self.room.roster.entries))

    def _tell_ticket(self, event: str | None) -> None:
        if event:
            self.event(event)

    def _error_frame(self, frame: Frame) -> None:
        code, members = frame["code"], {k: frame[k] for k in ("retry_after_ms", "attempts_left") if k in frame}
        retry_at = self.now + frame.get("retry_after_ms", RETRY_MS)
        room = self.room
        if self.status is Status.JOINING or room is None:
            lost, self._join_lost_at = self._join_lost_at, None
            if code == "room_full" and lost is not None and self.now < lost + ROOM_FULL_PATIENCE_MS:
                self._join_lost_at, self.status = lost, Status.OFFLINE
                self.outputs += [("close", REJOINS_LATER), ("connect", ROOM_FULL_RETRY_MS)]
                return
            self.end(code, **members)
        elif code == "gap":
            self._rejoin("gap")
        elif code == "room_not_found" and self.status is Status.RESUMING:
            self.end("expired")  # the room is gone, and its relay says no more than that (6.3)
        elif code in FATAL:
            self.end(code, **members)
        elif code == "stale_epoch" and "epoch" in frame and "n" in frame:
            room.stale_epoch(frame["epoch"], frame["n"])
        elif code in ("rate_limited", "bad_sequence") and "epoch" in frame:
            if room.outbox.in_flight:
                room.outbox.retry_at = max(retry_at, room.outbox.retry_at or 0)
        elif code == "rate_limited":
            self._commands_at = retry_at
        else:
            command = self._refused_command(code) if code in REFUSALS else None
            self.error(code, **members, **({"cmd": command.cmd} if command else {}))

    def _refused_command(self, code: str) -> Command | None:
        for command in self._commands:
            if command.cmd in ANSWERED.get(code, {command.cmd}):
                self._commands.remove(command)
                self.tickets.refused(command.members.get("ticket_hash"))
                return command
        return None

    def _rejoin(self, code: str) -> None:
        """Section 7.7: everything of this participation but the room's end is given up."""
        if self._rejoins >= REJOINS:
            return self.end(code)
        self._rejoins += 1
        if self.room:
            sent, held = self.room.outbox.take_all()
            for name, drafts in (("unknown", sent), ("unsent", held)):
                for draft in drafts:
                    self.event(name, id=draft.id, text=draft.body)
            self.room.wipe()
        for command in self._commands:
            self.error(code, cmd=command.cmd)
        self._commands.clear()
        self.event("gap", name=code)
        self.room, self._me, self._commands_at, self.status = None, None, None, Status.OFFLINE
        self.outputs += [("close", REJOINS_LATER), ("connect", 0)]
        return None

    # Commands (11.5).

    def _command(self, now: int, cmd: str, new_ticket: bool = False, **members: Any) -> None:
        self._room(now)
        if not self.is_creator and not (cmd == "burn" and self.anyone_may_burn):
            raise Refused("not_creator")
        if cmd == "lock" and members["locked"] == self._lock_under_way():
            return  # repeated: nothing, and no entry would say so
        if new_ticket:
            members["ticket_hash"] = self.tickets.draw()
        command = Command(cmd, members)
        if not (cmd == "kick" and members["ticket_hash"] is None and members["id"] in self.departed):
            self._commands.append(command)
        if self.status is Status.JOINED:
            self.send_frame(cmd, **members)

    def _lock_under_way(self) -> bool:
        return next((c.members["locked"] for c in reversed(self._commands) if c.cmd == "lock"), self.locked)

    def _answered(self, cmd: str, **members: Any) -> None:
        for command in self._commands:
            if command.cmd == cmd and members.items() <= command.members.items():
                return self._commands.remove(command)
        return None

    def _send_commands(self) -> None:
        self._commands_at = None
        for command in self._commands:
            self.send_frame(command.cmd, **command.members)

    def _control(self, room: Room, kind: int, body: bytes) -> None:
        if self.status is Status.JOINED:
            room.send_control(kind, body)

    def _room(self, now: int) -> Room:
        self._at(now)
        if self.status is Status.ENDED:
            raise Refused("ended")
        if self.room is None:
            raise Refused("not_joined")
        return self.room

    # Time.

    def _at(self, now: int) -> bool:
        """False once the machine has ended. Where time steps back it goes on from where it was (12.2)."""
        self.now = max(self.now, now)
        if self.status is not Status.ENDED and self.ends_at is not None and self.now >= self.ends_at:
            self.end("expired")
        if self.status is Status.ENDED:
            return False
        for place, at in list(self._burning.items()):
            if at <= self.now:
                del self._burning[place]
                self.event("message_burned", author=place[0], id=place[1])
        if self.room:
            self.room.expire()
        return True

    def _ends_within(self, seconds: int) -> None:
        """The end comes nearer, and is never put off (12.4)."""
        if self.ends_at is not None:
            self.ends_at = min(self.ends_at, self.now + seconds * 1_000)

    def _pump(self) -> None:
        if self.status is not Status.JOINED or self.room is None:
            return
        if self._commands_at is not None and self._commands_at <= self.now:
            self._send_commands()
            self.room.send_offer()
        if self.is_creator and self.tickets.renew_at is not None and self.tickets.renew_at <= self.now:
            self.tickets.given_up()
            self.renew(self.now)
        self.room.pump()
