"""The room as one participation sees it from `joined` on: the log, the roster, epochs and envelopes (sections 6 to 8).

A fresh join begins with a new one. Whatever contradicts the log raises `Fork` before anything has moved (17.7).
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from . import epochs
from .crypto import Draw, equal, sign, unwrap, verifies, wipe, wrap
from .epochs import READ, TEXT, TICKET, TICKET_WANTED, TYPING, Epoch, Plaintext
from .errors import Refused
from .frames import LONGEST_ROSTER, Frame
from .inbox import Inbox
from .link import RoomKeys
from .outbox import Draft, Outbox
from .roster import Entry, Identity, Roster, checked_entry
from .tickets import Tickets

OLDER_EPOCH_MS = 300_000
NEED_KEY_MS = 5_000
STALLED_MS = 10_000
UNKEYED_VERSIONS = 4_096
EPOCHS_REMEMBERED = 256


class Fork(Exception):
    """The relay contradicts the log this client has seen (7.7)."""


def require(holds: bool) -> None:
    if not holds:
        raise Fork


class Application(Protocol):
    """What a room needs of the client it belongs to; all this outlives a fresh join."""

    now: int
    keys: RoomKeys
    draw: Draw
    inbox: Inbox
    tickets: Tickets
    is_creator: bool
    departed: set[bytes]
    known_somebody: bool

    def event(self, name: str, /, **members: Any) -> None: ...
    def error(self, name: str, /, **members: Any) -> None: ...
    def send_frame(self, kind: str, /, **members: Any) -> None: ...
    def end(self, reason: str, /) -> None: ...
    def departs(self, entry_id: bytes) -> None: ...
    def meet(self, entry: Entry) -> None: ...
    def keyed(self) -> None: ...
    def start_burning(self, author: bytes, message_id: bytes) -> None: ...


@dataclass(repr=False)
class Offer:
    """A key frame this client has made (7.2)."""

    frame: Frame
    session_key: bytearray
    roster: Roster


class Room:
    def __init__(self, app: Application, me: Identity, joined: Frame) -> None:
        """Raises `Fork` for a `joined` that is wrong in itself (6.2)."""
        entries = [checked_entry(app.keys, listed, app.departed) for listed in joined["participants"]]
        require(len({entry.id for entry in entries}) == len(entries) > 0)
        last, listed = entries[-1], joined["participants"][-1]
        require(last.id == me.id and last.sealed_name == me.sealed_name and last.role == joined["role"])
        require(equal(listed["join_proof"], me.join_proof))
        self.app, self.me = app, me
        self.seq: int = joined["seq"]
        self.head: bytes = joined["head"]
        self.roster = Roster(app.keys, joined["version"], entries)
        self.joined_version = self.roster.version
        self.version_at = app.now
        self.stalled_version = 0
        self.outbox = Outbox(app.keys.room_id, me, app.draw)
        # Rosters of the versions since the last keyed one, and that one: None if it was before this client's time.
        self.rosters = {self.roster.version: self.roster}
        self.keyed_version = 0
        self.keyed_roster: Roster | None = None
        self.keyed_at = 0
        self.epochs: OrderedDict[bytes, Epoch] = OrderedDict()  # in the order they were heard of
        self.earlier_ended = False  # an epoch that is not among them has ended
        self.offers: dict[tuple[int, bytes], Offer] = {}
        self.asked = False  # for the newest version, under the present head
        self.need_key_at: int | None = None

    # What is true now.

    @property
    def others(self) -> list[Entry]:
        return [entry for entry in self.roster if entry.id != self.me.id]

    @property
    def alone(self) -> bool:
        return not any(entry.verified for entry in self.others)

    @property
    def on_hold(self) -> bool:
        return self.keyed_roster is not None and not self.keyed_roster.all_in(self.roster)

    @property
    def epoch(self) -> Epoch | None:
        """The newest that is installed and has not ended."""
        return next((e for e in reversed(self.epochs.values()) if e.chains is not None and not e.ended), None)

    @property
    def sendable(self) -> bool:
        return not self.on_hold and self.outbox.can_send(self.epoch)

    # The log (6.1). The client has checked `seq`.

    def participant_joined(self, frame: Frame) -> None:
        entry = checked_entry(self.app.keys, frame["participant"], self.app.departed)
        require(self.roster.get(entry.id) is None)
        replaced = None
        if "replaces" in frame:
            replaced = self._removable(frame["replaces"])
        remaining = [e for e in self.roster if e is not replaced]
        require(len(remaining) < LONGEST_ROSTER)
        self._new_version(frame["version"], [*remaining, entry])
        if replaced:
            self.app.departs(replaced.id)
            self.app.event("participant_left", entry=replaced, reason="replaced")
        self.app.inbox.joined(entry.id)
        self.app.event("participant_joined", entry=entry)
        self.app.meet(entry)
        self._after_change(replaced)

    def participant_left(self, frame: Frame) -> None:
        left = self._removable(frame["id"])
        self._new_version(frame["version"], [e for e in self.roster if e is not left])
        self.app.departs(left.id)
        self.app.event("participant_left", entry=left, reason=frame["reason"])
        self._after_change(left)

    def rekey(self, frame: Frame) -> None:
        self._new_version(frame["version"], self.roster)

    def _removable(self, entry_id: bytes) -> Entry:
        entry = self.roster.get(entry_id)
        if entry is None or entry_id == self.me.id:
            raise Fork
        return entry

    def _new_version(self, version: int, entries: Iterable[Entry]) -> None:
        require(version == self.roster.version + 1 and len(self.rosters) <= UNKEYED_VERSIONS)
        self.roster = Roster(self.app.keys, version, entries)
        self.rosters[version] = self.roster
        self.version_at = self.app.now
        self.asked = False

    def _after_change(self, left: Entry | None) -> None:
        self.app.event("verification_changed")
        if left is not None:
            if self.keyed_roster is not None and self.keyed_roster.get(left.id):
                self._refused(self.outbox.refuse())  # the hold begins
            for place, offer in list(self.offers.items()):
                if offer.roster.get(left.id):
                    wipe(self.offers.pop(place).session_key)
        if not self.app.known_somebody and len(self.others) >= 2:
            self.app.end("bad_link")
        elif self.alone:
            self.leave_epochs()

    def leave_epochs(self) -> None:
        """Alone (7.8)."""
        for epoch in self.epochs.values():
            epoch.forget_keys()
        self._refused(self.outbox.refuse())
        self._drop_offers()
        self.need_key_at = None
        for draft in self.outbox.take_all()[1]:
            self.app.event("unsent", id=draft.id, text=draft.body)

    # Key frames (7.2, 7.4).

    def key_wanted(self, frame: Frame) -> None:
        version, head = frame["version"], frame["head"]
        require(version == self.roster.version and equal(head, self.head) and version > self.keyed_version)
        if self.alone:
            self.app.send_frame("key_declined", version=version)
            return
        self.asked = True
        if (version, head) not in self.offers:
            self.offers[version, head] = self._make_offer()
        self.send_offer()

    def send_offer(self) -> None:
        offer = self.offers.get((self.roster.version, self.head))
        if self.asked and offer is not None:
            self.app.send_frame("session_key", **offer.frame)

    def _make_offer(self) -> Offer:
        session_key, roster, me = bytearray(self.app.draw(32)), self.roster, self.me
        wraps = []
        for entry in self.others:
            if entry.verified and entry.kem is not None:
                kek = epochs.shared_kek(self.app.keys.wrap_key, me.kem, entry.kem, roster.hash, me.id, entry.id)
                wraps.append({"id": entry.id, "wrapped": wrap(kek, session_key)})
        commit = epochs.commit_of(session_key, roster.hash)
        epoch_id = epochs.epoch_id_of(self.head, roster.hash, commit)
        frame = {
            "version": roster.version, "roster_hash": roster.hash, "prev": self.head, "commit": commit,
            "sig": sign(me.sig, epochs.signed_key_frame(self.app.keys.room_id, epoch_id)), "wraps": wraps,
        }  # fmt: skip
        return Offer(frame, session_key, roster)

    def session_key(self, frame: Frame) -> None:
        version = frame["version"]
        require(equal(frame["prev"], self.head) and self.keyed_version < version <= self.roster.version)
        epoch = Epoch(epochs.epoch_id_of(frame["prev"], frame["roster_hash"], frame["commit"]), version)
        if version < self.joined_version:
            self.head, self.keyed_version = epoch.id, version
            self._remember(epoch)
            return
        roster = epoch.roster = self.rosters[version]
        steward = roster.get(frame["steward"])
        signed = epochs.signed_key_frame(self.app.keys.room_id, epoch.id)
        if steward is None:
            raise Fork
        require(equal(frame["roster_hash"], roster.hash) and roster.all_in(self.roster))
        require(verifies(steward.sig, signed, frame["sig"]))
        session_key = self._session_key_of(frame, roster, steward)  # before the head moves: it may be a fork

        self.head, self.keyed_version = epoch.id, version
        self._end_older(roster)
        self.keyed_roster = roster
        self.rosters = {v: r for v, r in self.rosters.items() if v > version}
        self._drop_offers()
        self._remember(epoch)
        if session_key is None:
            self.app.error("bad_wrap", about=steward.id)
            self.need_key_at = self.app.now
            return
        epoch.install(session_key)
        wipe(session_key)
        self.need_key_at, self.keyed_at = None, self.app.now
        self.app.keyed()
        self.app.event("keyed", epoch=epoch.id, version=version)

    def _session_key_of(self, frame: Frame, roster: Roster, steward: Entry) -> bytearray | None:
        if steward.id == self.me.id:
            offer = self.offers.get((frame["version"], frame["prev"]))
            if offer is None or not equal(offer.frame["commit"], frame["commit"]):
                raise Fork
            return bytearray(offer.session_key)
        if not steward.verified or steward.kem is None or frame["wrapped"] is None:
            return None
        kek = epochs.shared_kek(self.app.keys.wrap_key, self.me.kem, steward.kem, roster.hash, steward.id, self.me.id)
        session_key = unwrap(kek, frame["wrapped"])
        if session_key is not None and not equal(epochs.commit_of(session_key, roster.hash), frame["commit"]):
            wipe(session_key)
            return None
        return session_key

    def _end_older(self, roster: Roster) -> None:
        """Section 7.5."""
        if self.keyed_roster is not None and not self.keyed_roster.all_in(roster):
            self.earlier_ended = True
            for epoch in self.epochs.values():
                self._end(epoch)
        for epoch in self.epochs.values():
            epoch.older_since = self.app.now if epoch.older_since is None else epoch.older_since

    def _end(self, epoch: Epoch) -> None:
        if not epoch.ended:
            epoch.end()
            self._refused(self.outbox.refuse(epoch))

    def epoch_end(self, frame: Frame) -> None:
        for epoch in self.epochs.values():
            if epoch.version == frame["version"]:
                self._end(epoch)

    def _remember(self, epoch: Epoch) -> None:
        self.epochs[epoch.id] = epoch
        if len(self.epochs) > EPOCHS_REMEMBERED:
            unnamed = (e.id for e in self.epochs.values() if not e.version)
            self._end(self.epochs.pop(next(unnamed, next(iter(self.epochs)))))
            self.earlier_ended = True

    def _drop_offers(self) -> None:
        for offer in self.offers.values():
            wipe(offer.session_key)
        self.offers.clear()

    # Envelopes (8.5): state moves only when all checks have passed.

    def message(self, frame: Frame) -> None:
        sender = self.roster.get(frame["sender"])
        if sender is None:
            return self.app.error("not_a_participant", about=frame["sender"])
        if sender.id == self.me.id:
            return self._echo(frame)
        if not sender.verified:
            return None
        epoch = self.epochs.get(frame["epoch"])
        if epoch.ended if epoch else self.earlier_ended:
            return self.app.error("ended_epoch", about=sender.id)
        if epoch and epoch.roster and not epoch.roster.get(sender.id):
            return self.app.error("not_a_participant", about=sender.id)
        expected = epoch.next_n.get(sender.id, 0) if epoch else 0
        if frame["n"] < expected:
            return self.app.error("replayed", about=sender.id)
        if not epochs.envelope_is_signed(self.app.keys.room_id, sender.id, sender.sig, frame):
            return self.app.error("bad_envelope_signature", about=sender.id)
        padded = None
        if epoch and epoch.chains is not None:
            chain, key = epoch.chains[sender.id].ahead(frame["n"])
            padded = epochs.open_envelope(self.app.keys.room_id, sender.id, key, frame)
            wipe(key)
            if padded is None:
                chain.wipe()
                return self.app.error("bad_envelope", about=sender.id)
            epoch.chains[sender.id].wipe()
            epoch.chains[sender.id] = chain
        if epoch is None:
            epoch = Epoch(frame["epoch"])
            self._remember(epoch)
        # Of an epoch that began before this client came, the first n it sees is the one expected.
        skipped = frame["n"] - expected if epoch.version or sender.id in epoch.next_n else 0
        epoch.next_n[sender.id] = frame["n"] + 1
        if padded is None:
            self.app.inbox.passed_over(sender.id, skipped)
            self._missed(sender, skipped)
            return self.app.event("unreadable", sender=sender, reason="not_keyed_yet")
        self._opened(sender, frame["n"], padded, skipped)
        wipe(padded)
        return None

    def _opened(self, sender: Entry, n: int, padded: bytearray, skipped: int) -> None:
        inbox = self.app.inbox
        plain: Plaintext | None
        try:
            plain, readable = epochs.parse_plaintext(padded, n), True
        except epochs.Unreadable as found:
            plain, readable = found.head, False
        if plain is None:
            inbox.passed_over(sender.id, skipped)
            self._missed(sender, skipped)
            return self.app.event("unreadable", sender=sender, reason="unparsable")
        earlier = next((e for e in self.epochs.values() if n == 0 and 0 < e.version == plain.last_version), None)
        missing, repeated = inbox.count(sender.id, plain, skipped, earlier)
        self._missed(sender, missing)
        if repeated:
            self.app.error("count_repeated", about=sender.id)
        if not readable:
            return self.app.event("unreadable", sender=sender, reason="unparsable")
        return self._read(sender, plain)

    def _missed(self, sender: Entry, count: int) -> None:
        if count:
            self.app.event("missed", sender=sender, count=count)

    def _read(self, sender: Entry, plain: Plaintext) -> None:
        app, body = self.app, plain.body
        if plain.kind == TEXT and app.inbox.show(sender.id, plain.id, plain.burn_after):
            members = {"id": plain.id, "sent_at": plain.sent_at, "burn_after_ms": plain.burn_after, "text": body}
            app.event("message", sender=sender, **members)
        elif plain.kind == TYPING:
            app.event("typing", sender=sender, typing=body == b"\1")
        elif plain.kind == READ:
            for at in range(0, len(body), 32):
                app.event("read", by=sender.id, author=body[at : at + 16], id=body[at + 16 : at + 32])
        elif plain.kind == TICKET and app.tickets.received(body):
            app.event("link_changed")
        elif plain.kind == TICKET_WANTED:
            places_before = list(self.roster.entries).index(self.me.id)
            app.tickets.wanted(app.now, body, app.is_creator, places_before)

    def _echo(self, frame: Frame) -> None:
        draft = self.outbox.echo(frame)
        if draft is None:
            raise Fork
        if draft.kind == TEXT:
            self.app.event("accepted", id=draft.id)
            if draft.burn_after:
                self.app.start_burning(self.me.id, draft.id)

    # Sending (8.4).

    def stale_epoch(self, epoch_id: bytes, n: int) -> None:
        epoch = self.epochs.get(epoch_id)
        if epoch is not None:
            epoch.stale = True
            self._refused(self.outbox.refuse(epoch, n))

    def _refused(self, controls: list[Draft]) -> None:
        """`typing` and `read` are dropped; tickets are made anew if still called for."""
        for draft in controls:
            if draft.kind == TICKET:
                self.app.tickets.due = True
            elif draft.kind == TICKET_WANTED:
                self.app.tickets.ask_again()

    def write(self, draft: Draft) -> None:
        if self.alone:
            raise Refused("nobody_here")
        draft.audience = frozenset(self.roster.entries)
        self.outbox.hold(draft)

    def send_control(self, kind: int, body: bytes) -> bool:
        """At once or not at all."""
        epoch = self.epoch
        if not self.sendable or epoch is None:
            return False
        self._send(epoch, Draft(kind, self.app.draw(16), self.app.now, body))
        return True

    def _send(self, epoch: Epoch, draft: Draft) -> None:
        self.app.send_frame("message", **self.outbox.seal(epoch, draft))

    def resend(self) -> None:
        """The same bytes, in order."""
        self.outbox.retry_at = None
        for sent in self.outbox.in_flight:
            self.app.send_frame("message", **sent.envelope)

    def pump(self) -> None:
        """What can be sent now is sent. Only while joined."""
        now = self.app.now
        if self.need_key_at is not None and self.need_key_at <= now:
            self.app.send_frame("need_key", version=self.keyed_version)
            self.need_key_at = now + NEED_KEY_MS
        if self.outbox.retry_at is not None and self.outbox.retry_at <= now:
            self.resend()
        self._pump_tickets(now)
        while self.outbox.held and self.sendable:
            epoch = self.epoch
            assert epoch is not None and epoch.roster is not None
            draft, welcome = self.outbox.next_text(epoch.roster)
            if welcome:
                self._send(epoch, draft)
            else:
                self.app.event("unsent", id=draft.id, text=draft.body)

    def _pump_tickets(self, now: int) -> None:
        tickets, epoch = self.app.tickets, self.epoch
        if tickets.answer_at is not None and tickets.answer_at <= now:
            tickets.answer_at, tickets.due = None, True
        if tickets.due and self.send_control(TICKET, tickets.link.ticket):
            tickets.due = False
        ask_at = tickets.ask_at(epoch.id, self.keyed_at) if epoch else None
        if epoch and ask_at is not None and ask_at <= now and self.send_control(TICKET_WANTED, tickets.newest):
            tickets.asked(now, epoch.id, self.app.is_creator)

    # Time.

    def expire(self) -> None:
        """Timers that send nothing."""
        for epoch in self.epochs.values():
            if not epoch.ended and epoch.older_since is not None and epoch.older_since + OLDER_EPOCH_MS <= self.app.now:
                self._end(epoch)
        at = self._stalls_at()
        if at is not None and at <= self.app.now:
            self.stalled_version = self.roster.version
            self.app.error("rekey_stalled")

    def _stalls_at(self) -> int | None:
        newest = self.epoch
        keyed = newest is not None and newest.version == self.roster.version
        if keyed or self.alone or self.stalled_version == self.roster.version:
            return None
        return self.version_at + STALLED_MS

    def deadlines(self, connected: bool) -> Iterable[int | None]:
        yield from (
            e.older_since + OLDER_EPOCH_MS for e in self.epochs.values() if not e.ended and e.older_since is not None
        )
        yield self._stalls_at()
        if connected:
            tickets, epoch = self.app.tickets, self.epoch
            yield self.need_key_at
            yield self.outbox.retry_at
            if self.sendable and epoch is not None:
                yield tickets.answer_at
                yield tickets.ask_at(epoch.id, self.keyed_at)

    def wipe(self) -> None:
        for epoch in self.epochs.values():
            epoch.forget_keys()
        self._drop_offers()
        self.outbox.take_all()
