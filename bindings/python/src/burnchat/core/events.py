"""What a client tells: plain values that own what they hold.

Texts, names and links are never in a ``repr``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Optional

from ._library import bytes_of, id_of, text_of
from .errors import code_name
from .numbers import UNSTATED, Departure, EndReason, EventType, ParticipantFlag, Role, WhyUnreadable


@dataclass(frozen=True)
class Participant:
    """Somebody in the room, as shown to people."""

    id: bytes
    #: Its join number.
    number: int
    role: Role
    #: Whether its entry passed every check (spec section 5.6). Only then it has a name.
    verified: bool
    #: Whether an earlier participant, present or gone, had the same name.
    name_clash: bool
    #: Whether it is this client itself.
    me: bool
    name: Optional[str] = field(repr=False)
    #: ``name·number·tag``: what to show (spec section 5.5).
    label: str = field(repr=False)


@dataclass(frozen=True)
class Event:
    """Something has happened in the room."""


@dataclass(frozen=True)
class Joined(Event):
    """The seat is taken."""

    id: bytes
    role: Role


@dataclass(frozen=True)
class Keyed(Event):
    """An epoch has been installed: what is sent now can be read by everyone verified."""

    epoch: bytes = field(repr=False)
    version: int


@dataclass(frozen=True)
class RekeyStalled(Event):
    """The newest roster has had no key for 10 s."""


@dataclass(frozen=True)
class ParticipantJoined(Event):
    """Somebody joined."""

    participant: Participant


@dataclass(frozen=True)
class ParticipantLeft(Event):
    """Somebody left."""

    participant: Participant
    reason: Departure


@dataclass(frozen=True)
class VerificationChanged(Event):
    """The verification codes are new: somebody joined or left."""


@dataclass(frozen=True)
class Message(Event):
    """A text."""

    id: bytes
    author: Participant
    text: str = field(repr=False)
    #: By its author's clock.
    sent_at_ms: int
    #: From reading to burning; 0 for when the room burns.
    burn_after_ms: int
    #: Whether it was there before this client could read.
    from_history: bool


@dataclass(frozen=True)
class Accepted(Event):
    """One's own text is in the log."""

    id: bytes


@dataclass(frozen=True)
class Unsent(Event):
    """One's own text was not sent and will not be: it is its author's again."""

    id: bytes
    text: str = field(repr=False)


@dataclass(frozen=True)
class Unknown(Event):
    """One's own text was sent, and whether it arrived can't be known."""

    id: bytes
    text: str = field(repr=False)


@dataclass(frozen=True)
class Read(Event):
    """Somebody has read a message."""

    by: bytes
    author: bytes
    id: bytes


@dataclass(frozen=True)
class Typing(Event):
    """Somebody is typing, or no longer."""

    sender: bytes
    typing: bool


@dataclass(frozen=True)
class MessageBurned(Event):
    """The time of one message is over: forget it."""

    author: bytes
    id: bytes


@dataclass(frozen=True)
class Unreadable(Event):
    """A message this client can't read."""

    sender: bytes
    reason: WhyUnreadable


@dataclass(frozen=True)
class Missed(Event):
    """Messages of somebody are missing."""

    sender: bytes
    count: int


@dataclass(frozen=True)
class Countdown(Event):
    """The relay's countdown, rounded up."""

    seconds_remaining: int


@dataclass(frozen=True)
class Locked(Event):
    """The room was locked or unlocked."""

    locked: bool


@dataclass(frozen=True)
class Extended(Event):
    """The end has moved."""

    seconds_remaining: int


@dataclass(frozen=True)
class LinkChanged(Event):
    """The link has a new ticket: show it in place of the old one."""


@dataclass(frozen=True)
class LinkExpired(Event):
    """The ticket was replaced, and this client has not got the new one yet."""


@dataclass(frozen=True)
class HistoryRead(Event):
    """The kept history has been read."""

    #: Whether all of it was there and could be opened.
    complete: bool


@dataclass(frozen=True)
class Reconnecting(Event):
    """The connection broke; the seat is kept for 30 s."""


@dataclass(frozen=True)
class Resumed(Event):
    """The seat is taken up again, nothing was missed."""


@dataclass(frozen=True)
class _Coded(Event):
    """An event with a number of the protocol's registry."""

    code: int

    @property
    def name(self) -> str:
        """The name of the code; empty for 0."""
        return code_name(self.code) if self.code else ""


@dataclass(frozen=True)
class Rejoining(_Coded):
    """What was missed is gone (``gap``), or the relay contradicted itself (``fork``): joining afresh."""


@dataclass(frozen=True)
class Fault(_Coded):
    """Something was found wrong, and refused."""

    #: The participant it is about, if it is about one.
    about: Optional[bytes]


@dataclass(frozen=True)
class Refused(_Coded):
    """The relay refused a command."""

    retry_after_ms: Optional[int]
    attempts_left: Optional[int]


@dataclass(frozen=True)
class Ended(_Coded):
    """It is over, everything has been wiped, and no event follows. ``code`` is 0 unless it was refused or failed."""

    reason: EndReason
    retry_after_ms: Optional[int]
    attempts_left: Optional[int]


def participant_of(it: Any) -> Participant:
    """Copies a ``bc_participant``."""
    flags = ParticipantFlag(it.flags)
    return Participant(
        id=id_of(it.id),
        number=it.number,
        role=Role(it.role),
        verified=ParticipantFlag.VERIFIED in flags,
        name_clash=ParticipantFlag.NAME_CLASH in flags,
        me=ParticipantFlag.ME in flags,
        name=text_of(it.name) if ParticipantFlag.VERIFIED in flags else None,
        label=text_of(it.label),
    )


def event_of(it: Any) -> Optional[Event]:
    """Copies a ``bc_event``; None for a number that a later version has added."""
    make = _EVENTS.get(it.type)
    return make(it) if make else None


def stated(number: int) -> Optional[int]:
    """A number that may not have been given."""
    return None if number == UNSTATED else number


_EVENTS: Dict[int, Callable[[Any], Event]] = {
    EventType.JOINED: lambda it: Joined(id_of(it.id), Role(it.role)),
    EventType.KEYED: lambda it: Keyed(bytes_of(it.epoch), it.number),
    EventType.REKEY_STALLED: lambda it: RekeyStalled(),
    EventType.PARTICIPANT_JOINED: lambda it: ParticipantJoined(participant_of(it.participant)),
    EventType.PARTICIPANT_LEFT: lambda it: ParticipantLeft(participant_of(it.participant), Departure(it.reason)),
    EventType.VERIFICATION_CHANGED: lambda it: VerificationChanged(),
    EventType.MESSAGE: lambda it: Message(
        id_of(it.id), participant_of(it.participant), text_of(it.text), it.time_ms, it.number, bool(it.flag)
    ),
    EventType.ACCEPTED: lambda it: Accepted(id_of(it.id)),
    EventType.UNSENT: lambda it: Unsent(id_of(it.id), text_of(it.text)),
    EventType.UNKNOWN: lambda it: Unknown(id_of(it.id), text_of(it.text)),
    # `from` is a word of Python's.
    EventType.READ: lambda it: Read(id_of(it.about), id_of(getattr(it, "from")), id_of(it.id)),
    EventType.TYPING: lambda it: Typing(id_of(getattr(it, "from")), bool(it.flag)),
    EventType.MESSAGE_BURNED: lambda it: MessageBurned(id_of(getattr(it, "from")), id_of(it.id)),
    EventType.UNREADABLE: lambda it: Unreadable(id_of(getattr(it, "from")), WhyUnreadable(it.reason)),
    EventType.MISSED: lambda it: Missed(id_of(getattr(it, "from")), it.number),
    EventType.COUNTDOWN: lambda it: Countdown(it.number),
    EventType.LOCKED: lambda it: Locked(bool(it.flag)),
    EventType.EXTENDED: lambda it: Extended(it.number),
    EventType.LINK_CHANGED: lambda it: LinkChanged(),
    EventType.LINK_EXPIRED: lambda it: LinkExpired(),
    EventType.HISTORY_READ: lambda it: HistoryRead(bool(it.flag)),
    EventType.RECONNECTING: lambda it: Reconnecting(),
    EventType.RESUMED: lambda it: Resumed(),
    EventType.REJOINING: lambda it: Rejoining(it.code),
    EventType.FAULT: lambda it: Fault(it.code, id_of(it.about) if it.flag else None),
    EventType.REFUSED: lambda it: Refused(it.code, stated(it.retry_after_ms), stated(it.attempts_left)),
    EventType.ENDED: lambda it: Ended(
        it.code, EndReason(it.reason), stated(it.retry_after_ms), stated(it.attempts_left)
    ),
}
