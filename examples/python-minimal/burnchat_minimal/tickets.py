"""Section 11.5, new tickets: who has the room's newest ticket, who asks for it and who answers."""

from .crypto import Draw, H, equal
from .link import Link

PATIENCE_MS = 2_000
RENEWAL_MS = 5_000
PLACE_MS = 100


class Tickets:
    def __init__(self, link: Link, draw: Draw) -> None:
        self.link = link
        self.newest = H(link.ticket)
        self.due = False  # the ticket is to be sent to the room as soon as may be
        self.answer_at: int | None = None  # when somebody's `ticket_wanted` is answered
        self._draw = draw
        self._candidates: dict[bytes, bytes] = {}  # of our own renewals, by hash, until one is seen or refused
        self._renewed_at = 0
        self._asked: set[tuple[bytes, bytes]] = set()  # (epoch, hash)
        self._last_asked = (b"", b"")
        self._renew_at: int | None = None  # when a creator stops waiting

    @property
    def current(self) -> bool:
        return equal(H(self.link.ticket), self.newest)

    def draw(self) -> bytes:
        """The hash of a new ticket, a candidate from now on."""
        ticket = self._draw(16)
        self._candidates[H(ticket)] = ticket
        return H(ticket)

    def refused(self, ticket_hash: bytes | None) -> None:
        self._candidates.pop(ticket_hash or b"", None)

    def renewed(self, now: int, ticket_hash: bytes) -> str | None:
        """The room has this ticket now, as `joined` or `renewed` says. Gives the event there is to tell, if any."""
        was_current, self.newest, self._renewed_at = self.current, ticket_hash, now
        self.answer_at = self._renew_at = None
        self.due = False
        own = self._candidates.pop(ticket_hash, None)
        if own is not None:
            self.link, self.due = self.link.with_ticket(own), True
            return "link_changed"
        return "link_expired" if was_current and not self.current else None

    def received(self, body: bytes) -> bool:
        """A `ticket` counts, whoever sent it, iff it hashes to the newest hash. True if the link has changed."""
        if not equal(H(body), self.newest):
            return False
        self.answer_at = None
        if self.current:
            return False
        self.link, self._renew_at = self.link.with_ticket(body), None
        return True

    def wanted(self, now: int, ticket_hash: bytes, creator: bool, places_before: int) -> None:
        if self.current and equal(ticket_hash, self.newest):
            at = now if creator else now + PATIENCE_MS + PLACE_MS * places_before
            self.answer_at = at if self.answer_at is None else min(at, self.answer_at)

    def ask_at(self, epoch_id: bytes, keyed_at: int) -> int | None:
        if self.current or (epoch_id, self.newest) in self._asked:
            return None
        return max(keyed_at, self._renewed_at) + PATIENCE_MS

    def asked(self, now: int, epoch_id: bytes, creator: bool) -> None:
        self._last_asked = (epoch_id, self.newest)
        self._asked.add(self._last_asked)
        if creator and self._renew_at is None:
            self._renew_at = now + RENEWAL_MS

    def ask_again(self) -> None:
        """What was asked last has been refused."""
        self._asked.discard(self._last_asked)

    @property
    def renew_at(self) -> int | None:
        return None if self.current else self._renew_at

    def given_up(self) -> None:
        self._renew_at = None
