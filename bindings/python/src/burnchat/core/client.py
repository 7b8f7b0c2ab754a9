"""One participant in one room, without I/O."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Iterable, Optional, Tuple, Type, Union

from ._handle import Handle
from ._library import Bytes, bytes_of, ffi, id_of, lib, text_of, wipe
from .errors import INVALID_PARAMETER, BurnchatError, check, check_call, utf8
from .events import Event, Participant, event_of, participant_of
from .numbers import NEVER, OutputKind, Role, Status
from .rooms import fixed, given


@dataclass(frozen=True)
class Connect:
    """Open a connection to the room's relay, then call :meth:`Client.handle_connected`. After the first time, wait a
    little longer each time."""


@dataclass(frozen=True)
class Send:
    """Send this as a text message. The bytes are the caller's, to be overwritten when they have been sent."""

    frame: bytearray = field(repr=False)


@dataclass(frozen=True)
class Close:
    """Close the connection with this code; deliver nothing more from it, and do not report its end."""

    code: int


Output = Union[Connect, Send, Close, Event]


@dataclass(frozen=True)
class Verification:
    """The codes people compare (spec section 10)."""

    #: Six hex digits: they catch accidents, not attackers.
    short_code: str = field(repr=False)
    #: Sixty digits in groups of five.
    safety_number: str = field(repr=False)
    #: What a QR code of the safety number holds.
    qr_text: str = field(repr=False)
    #: Sixteen emoji, a code point each, and what to call them when reading aloud.
    emoji: Tuple[str, ...] = field(repr=False)
    emoji_names: Tuple[str, ...] = field(repr=False)


class Client:
    """One participant: it is told what happened and when, and says what to do.

    Call :meth:`poll` after every other call until it gives None, and :meth:`handle_timeout` when :meth:`poll_timeout`
    says so. ``now_ms`` is milliseconds since the Unix epoch, from a clock that never steps and goes on while the
    machine sleeps.

    A client may be used by any thread, by one at a time. Closing it (it is a context manager, too) wipes all that it
    holds and tells nobody: call :meth:`leave` before. After that every call raises ``error_freed``.
    """

    def __init__(
        self,
        link: str,
        *,
        name: Optional[str] = None,
        pin: Optional[str] = None,
        creator_token: Optional[Bytes] = None,
        seat_token: Optional[Bytes] = None,
        seed: Optional[Bytes] = None,
    ) -> None:
        """For the room of a link: 600 to 607 for a link that is none, ``name_too_long``, ``name_not_allowed``.

        Without a name one is invented. ``pin`` or ``creator_token`` join as creator, ``seat_token`` takes a seat over.
        ``seed``, 32 random bytes that nobody has used before, takes the place of the system's randomness: in tests.
        """
        made = ffi.new("bc_client **")
        with ExitStack() as lent:
            # The struct does not keep what it points to, `lent` does.
            options = ffi.new("bc_join_options *")
            options.link = lent.enter_context(given(link))
            options.name = lent.enter_context(given(name))
            options.pin = lent.enter_context(given(pin))
            options.creator_token = lent.enter_context(fixed(creator_token, 32))
            options.seat_token = lent.enter_context(fixed(seat_token, 32))
            options.seed = lent.enter_context(fixed(seed, 32))
            check(lib.bc_client_new(options, made))
        self._handle = Handle(made[0], lib.bc_client_free)
        self._output = ffi.new("bc_output *")

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def close(self) -> None:
        """Frees the client, and wipes all it holds."""
        self._handle.close()

    # What has happened.

    def handle_connected(self, now_ms: int) -> None:
        """A connection to the relay is open: the subprotocol has been agreed on."""
        self._call(lib.bc_client_handle_connected, now_ms)

    def handle_disconnected(self, now_ms: int) -> None:
        """The connection broke, or could not be opened, and :class:`Close` was not the reason."""
        self._call(lib.bc_client_handle_disconnected, now_ms)

    def handle_frame(self, now_ms: int, frame: Union[str, Bytes]) -> int:
        """A text message came from the relay. For a binary one pass no bytes.

        What is returned is 0, or the registry's number for what was wrong with the frame. The client has refused it
        and goes on, or says by its outputs that it can't: poll, whatever is returned.
        """
        held = utf8(frame) if isinstance(frame, str) else None
        given_bytes = frame if held is None else held
        try:
            with self._handle as client:
                memory = ffi.from_buffer("uint8_t[]", given_bytes)
                return check_call(lib.bc_client_handle_frame(client, now_ms, memory, len(memory)))
        finally:
            if held is not None:
                wipe(held)

    def handle_timeout(self, now_ms: int) -> None:
        """It is so late."""
        self._call(lib.bc_client_handle_timeout, now_ms)

    # Commands.

    def send_text(self, now_ms: int, text: str, *, burn_after_ms: int = 0) -> bytes:
        """Writes a text, and returns its id. :class:`Accepted` says when it is in the log.

        ``text_empty``, ``text_too_long`` (32,768 bytes), ``queue_full``, ``nobody_here``, ``not_joined``, ``ended``.
        """
        message = ffi.new("bc_id *")
        with given(text) as words:
            self._call(lib.bc_client_send_text, now_ms, words.ptr, words.len, burn_after_ms, message)
        return id_of(message[0])

    def set_typing(self, now_ms: int, typing: bool) -> None:
        """Says that the user is typing, or no longer. ``not_joined``, ``ended``."""
        self._call(lib.bc_client_set_typing, now_ms, typing)

    def mark_read(self, now_ms: int, messages: Iterable[Tuple[bytes, bytes]]) -> None:
        """Says that messages, each as author and id, have been read: their own time begins to run, and their authors
        are told. At most 4,096 at once. ``invalid_parameter``, ``not_joined``, ``ended``."""
        read = [((_sixteen(author),), (_sixteen(message),)) for author, message in messages]
        self._call(lib.bc_client_mark_read, now_ms, ffi.new("bc_read[]", read), len(read))

    def kick(self, now_ms: int, participant: bytes, *, renew_ticket: bool = True) -> None:
        """Removes a participant. With ``renew_ticket`` the link it holds stops admitting.

        ``not_creator``, ``invalid_parameter`` for oneself, ``queue_full``, ``not_joined``, ``ended``.
        """
        self._call(lib.bc_client_kick, now_ms, ffi.new("bc_id *", (_sixteen(participant),)), renew_ticket)

    def lock(self, now_ms: int, locked: bool = True) -> None:
        """Locks the room for newcomers, or opens it. ``not_creator``, ``queue_full``, ``not_joined``, ``ended``."""
        self._call(lib.bc_client_lock, now_ms, locked)

    def renew(self, now_ms: int) -> None:
        """Replaces the link's ticket. ``not_creator``, ``queue_full``, ``not_joined``, ``ended``."""
        self._call(lib.bc_client_renew, now_ms)

    def extend(self, now_ms: int, seconds: int) -> None:
        """Moves the end by 1 to 1,800 seconds.

        ``not_creator``, ``invalid_parameter``, ``queue_full``, ``not_joined``, ``ended``.
        """
        self._call(lib.bc_client_extend, now_ms, seconds)

    def burn(self, now_ms: int) -> None:
        """Burns the room for everyone, now. ``not_creator``, ``queue_full``, ``not_joined``, ``ended``."""
        self._call(lib.bc_client_burn, now_ms)

    def leave(self, now_ms: int) -> None:
        """Leaves, and wipes everything. The outputs that follow close the connection."""
        self._call(lib.bc_client_leave, now_ms)

    # What to do next.

    def poll(self) -> Optional[Output]:
        """The next thing to do or to know; None for nothing more for now."""
        while True:
            with self._handle as client:
                output = self._output
                check(lib.bc_client_poll(client, output, ffi.sizeof("bc_output")))
                if output.kind == OutputKind.NONE:
                    return None
                if output.kind == OutputKind.CONNECT:
                    return Connect()
                if output.kind == OutputKind.SEND:
                    return Send(bytearray(ffi.buffer(output.frame.ptr, output.frame.len)))
                if output.kind == OutputKind.CLOSE:
                    return Close(output.close_code)
                # What this version has no name for is not needed.
                event = event_of(output.event) if output.kind == OutputKind.EVENT else None
            if event is not None:
                return event

    def poll_timeout(self) -> Optional[int]:
        """When to call :meth:`handle_timeout`, in the time the caller gives; None for never."""
        at = ffi.new("uint64_t *")
        self._call(lib.bc_client_poll_timeout, at)
        return None if at[0] == NEVER else int(at[0])

    # How things stand. What does not exist now raises `error_none`.

    @property
    def status(self) -> Status:
        """Where the client stands."""
        status = ffi.new("uint32_t *")
        self._call(lib.bc_client_status, status)
        return Status(status[0])

    @property
    def link(self) -> str:
        """The link to share, with the newest ticket this client knows. None exists after the end."""
        with self._handle as client:
            link = ffi.new("bc_slice *")
            check(lib.bc_client_link(client, link, ffi.NULL))
            return text_of(link[0])

    @property
    def link_is_current(self) -> bool:
        """Whether the link admits."""
        link, current = ffi.new("bc_slice *"), ffi.new("uint32_t *")
        self._call(lib.bc_client_link, link, current)
        return bool(current[0])

    @property
    def id(self) -> bytes:
        """One's own id. None exists while not joined."""
        mine = ffi.new("bc_id *")
        self._call(lib.bc_client_me, mine, ffi.NULL)
        return id_of(mine[0])

    @property
    def role(self) -> Role:
        """One's own role. None exists while not joined."""
        mine, role = ffi.new("bc_id *"), ffi.new("uint32_t *")
        self._call(lib.bc_client_me, mine, role)
        return Role(role[0])

    @property
    def participants(self) -> Tuple[Participant, ...]:
        """Who is in the room, in join order."""
        with self._handle as client:
            people, count = ffi.new("bc_participant **"), ffi.new("size_t *")
            check(lib.bc_client_participants(client, people, count))
            return tuple(participant_of(people[0][i]) for i in range(count[0]))

    @property
    def verification(self) -> Verification:
        """The codes people compare. None exist while not joined."""
        with self._handle as client:
            codes = ffi.new("bc_verification *")
            check(lib.bc_client_verification(client, codes, ffi.sizeof("bc_verification")))
            return Verification(
                short_code=text_of(codes.short_code),
                safety_number=text_of(codes.safety_number),
                qr_text=text_of(codes.qr_text),
                emoji=tuple(map(text_of, codes.emoji)),
                emoji_names=tuple(map(text_of, codes.emoji_names)),
            )

    @property
    def epoch(self) -> Tuple[int, bytes]:
        """The version of the newest epoch whose key this client holds, and its id. None exists without a key."""
        version, epoch = ffi.new("uint64_t *"), ffi.new("uint8_t[32]")
        self._call(lib.bc_client_epoch, version, epoch)
        return int(version[0]), bytes_of(epoch)

    @property
    def capacity(self) -> int:
        """Seats. None exist while not joined."""
        return self._room()[0]

    @property
    def anyone_may_burn(self) -> bool:
        """Whether every participant may burn the room. Not known while not joined."""
        return bool(self._room()[1])

    @property
    def locked(self) -> bool:
        """Whether the room is locked for newcomers. Not known while not joined."""
        return bool(self._room()[2])

    @property
    def ends_at_ms(self) -> int:
        """When this client's own clock ends the room, in the time the caller gives. None exists before the join."""
        at = ffi.new("uint64_t *")
        self._call(lib.bc_client_ends_at, at)
        return int(at[0])

    def seat_token(self) -> bytearray:
        """The token that takes this client's seat over after a restart of the program: a secret, 32 bytes, to be kept
        nowhere but in the memory of one who means to come back."""
        token = ffi.new("uint8_t[32]")
        try:
            self._call(lib.bc_client_seat_token, token)
            return bytearray(ffi.buffer(token))
        finally:
            wipe(token)

    def _room(self) -> Tuple[int, int, int]:
        values = ffi.new("uint32_t[3]")
        self._call(lib.bc_client_room, values, values + 1, values + 2)
        return values[0], values[1], values[2]

    def _call(self, function: Any, *arguments: Any) -> None:
        with self._handle as client:
            try:
                code = function(client, *arguments)
            except OverflowError:
                # A number that C's type can't hold is out of any range.
                raise BurnchatError(INVALID_PARAMETER) from None
            check(code)


def _sixteen(value: bytes) -> bytes:
    if len(value) != 16:
        raise ValueError("an id has 16 bytes")
    return value
