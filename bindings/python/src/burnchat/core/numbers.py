"""The numbers of the C ABI. A test holds each of them to the header."""

from __future__ import annotations

from enum import IntEnum, IntFlag


class AbiError(IntEnum):
    """What the library answers that is no number of the protocol's registry: :attr:`BurnchatError.code` below 0."""

    NULL = -1
    HANDLE = -2
    FREED = -3
    BUSY = -4
    POISONED = -5
    PANIC = -6
    UTF8 = -7
    LENGTH = -8
    BUFFER = -9
    NONE = -10


class Role(IntEnum):
    """What a participant may do."""

    MEMBER = 0
    """Talk."""
    CREATOR = 1
    """Kick, lock, renew, extend and burn, too."""


class Status(IntEnum):
    """Where a client stands."""

    OFFLINE = 0
    """Not joined, and not connected."""
    JOINING = 1
    """Waiting for the relay's answer to the join."""
    JOINED = 2
    """Joined and connected."""
    AWAY = 3
    """Joined; the connection is broken."""
    RESUMING = 4
    """Joined; receiving what was missed."""
    ENDED = 5
    """Ended; everything is wiped."""


class Departure(IntEnum):
    """Why somebody left."""

    LEFT = 1
    """It closed its connection."""
    TIMEOUT = 2
    """It was away for too long."""
    KICKED = 3
    """A creator removed it."""
    REPLACED = 4
    """Its own fresh join took its seat over."""


class WhyUnreadable(IntEnum):
    """Why a message can't be read."""

    NOT_KEYED_YET = 1
    """This client does not hold the key."""
    UNPARSABLE = 2
    """It decrypted, and does not parse or is of no known kind."""


class EndReason(IntEnum):
    """Why it is over."""

    EXPIRED = 1
    """The room burned because its time was over."""
    BURNED = 2
    """The room burned because somebody entitled asked for it."""
    SHUTDOWN = 3
    """The room burned because the relay ended."""
    KICKED = 4
    """A creator removed this participant."""
    LEFT = 5
    """This client left."""
    REFUSED = 6
    """The relay would not let this client in, or not back in."""
    FAILED = 7
    """This client found something wrong that it can't go on with."""

    @property
    def room_burned(self) -> bool:
        """Whether the room is over for everybody."""
        return self in (EndReason.EXPIRED, EndReason.BURNED, EndReason.SHUTDOWN)


class ParticipantFlag(IntFlag):
    """What :class:`Participant` says with booleans."""

    VERIFIED = 1
    NAME_CLASH = 2
    ME = 4


class OutputKind(IntEnum):
    """What a client's output is."""

    NONE = 0
    CONNECT = 1
    SEND = 2
    CLOSE = 3
    EVENT = 4


class HubOutputKind(IntEnum):
    """What a hub's output is."""

    NONE = 0
    SEND = 1
    CLOSE = 2
    BURNED = 3


class EventType(IntEnum):
    """Which event it is."""

    JOINED = 1
    KEYED = 2
    REKEY_STALLED = 3
    PARTICIPANT_JOINED = 4
    PARTICIPANT_LEFT = 5
    VERIFICATION_CHANGED = 6
    MESSAGE = 7
    ACCEPTED = 8
    UNSENT = 9
    UNKNOWN = 10
    READ = 11
    TYPING = 12
    MESSAGE_BURNED = 13
    UNREADABLE = 14
    MISSED = 15
    COUNTDOWN = 16
    LOCKED = 17
    EXTENDED = 18
    LINK_CHANGED = 19
    LINK_EXPIRED = 20
    HISTORY_READ = 21
    RECONNECTING = 22
    RESUMED = 23
    REJOINING = 24
    FAULT = 25
    REFUSED = 26
    ENDED = 27


#: No time is named, or no number of attempts.
UNSTATED = 2**64 - 1
#: Nothing is due ever.
NEVER = 2**64 - 1
#: Buffers of so many bytes hold every link, request for a room, and PIN.
LINK_MAX = 2048
REQUEST_MAX = 1024
PIN_MAX = 32
