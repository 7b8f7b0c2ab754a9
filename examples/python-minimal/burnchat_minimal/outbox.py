"""Sections 8.3, 8.4 and the third table of 14.1: what a client writes, from the keyboard to its place in the log."""

from collections import deque
from dataclasses import dataclass

from .crypto import Draw
from .epochs import CHAIN, TEXT, Epoch, Plaintext, seal_envelope
from .errors import Refused
from .frames import Frame
from .roster import Identity, Roster

MOST_HELD = 256
MOST_IN_FLIGHT = 64


@dataclass(repr=False)
class Draft:
    """A text as its author wrote it, or a control that is sent at once or not at all."""

    kind: int
    id: bytes
    written_at: int
    body: bytes
    burn_after: int = 0
    audience: frozenset[bytes] = frozenset()  # who was on the roster when it was written


@dataclass(repr=False, eq=False)
class InFlight:
    draft: Draft
    epoch: Epoch
    envelope: Frame


class Outbox:
    """Held and sent drafts of one participation. Everything in flight is in one epoch."""

    def __init__(self, room_id: bytes, me: Identity, draw: Draw) -> None:
        self.room_id, self.me, self.draw = room_id, me, draw
        self.held: deque[Draft] = deque()
        self.in_flight: deque[InFlight] = deque()
        self.accepted = 0  # envelopes in the log, over all epochs
        self.last_version = self.last_count = 0  # the epoch of the last of them, and how many it has
        self.retry_at: int | None = None

    def hold(self, draft: Draft) -> None:
        if len(self.held) >= MOST_HELD:
            raise Refused("queue_full")
        self.held.append(draft)

    def can_send(self, epoch: Epoch | None) -> bool:
        """Whether one more envelope may go out in this epoch, the newest that is installed and has not ended."""
        return (
            epoch is not None
            and epoch.chains is not None
            and not epoch.stale
            and epoch.chains[self.me.id].n < CHAIN
            and len(self.in_flight) < MOST_IN_FLIGHT
            and all(sent.epoch is epoch for sent in self.in_flight)
            and self.retry_at is None
        )

    def seal(self, epoch: Epoch, draft: Draft) -> Frame:
        """The envelope, from now on in flight. The same bytes are sent again; nothing is encrypted twice."""
        assert epoch.chains is not None
        chain = epoch.chains[self.me.id]
        plain = Plaintext(
            kind=draft.kind,
            id=draft.id,
            sent_at=draft.written_at,
            count=self.accepted + len(self.in_flight) + 1,
            burn_after=draft.burn_after,
            last_version=self.last_version,
            last_count=self.last_count,
            body=draft.body,
        )
        envelope = seal_envelope(
            self.room_id, epoch.id, self.me.id, self.me.sig, chain, plain.padded(chain.n), self.draw
        )
        self.in_flight.append(InFlight(draft, epoch, envelope))
        return envelope

    def next_text(self, roster: Roster) -> tuple[Draft, bool]:
        """The oldest held text, and whether it may go to everyone on this roster, verified or not (8.4)."""
        draft = self.held.popleft()
        return draft, all(entry.id in draft.audience for entry in roster)

    def echo(self, message: Frame) -> Draft | None:
        """The draft whose place in the log this is, or None: the relay contradicts what was sent."""
        if not self.in_flight:
            return None
        oldest = self.in_flight[0]
        if any(message[member] != value for member, value in oldest.envelope.items()):
            return None
        self.in_flight.popleft()
        self.accepted += 1
        self.last_version, self.last_count = oldest.epoch.version, message["n"] + 1
        return oldest.draft

    def refuse(self, epoch: Epoch | None = None, from_n: int = 0) -> list[Draft]:
        """What is in flight (in an epoch, from an n on) is refused: texts are held again, the rest is given back."""
        refused = [s for s in self.in_flight if epoch is None or (s.epoch is epoch and s.envelope["n"] >= from_n)]
        self.in_flight = deque(s for s in self.in_flight if s not in refused)
        self.held.extendleft(s.draft for s in reversed(refused) if s.draft.kind == TEXT)
        if not self.in_flight:
            self.retry_at = None
        return [s.draft for s in refused if s.draft.kind != TEXT]

    def take_all(self) -> tuple[list[Draft], list[Draft]]:
        """Texts in flight and texts held; nothing is left."""
        sent, held = [s.draft for s in self.in_flight if s.draft.kind == TEXT], list(self.held)
        self.in_flight.clear()
        self.held.clear()
        self.retry_at = None
        return sent, held
