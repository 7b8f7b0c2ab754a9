"""All rooms of a relay, without I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Callable, Optional, Tuple, Type, Union

from ._handle import Handle
from ._library import Bytes, bytes_of, ffi, id_of, lib, wipe
from .client import _sixteen
from .errors import check, check_call, utf8
from .numbers import NEVER, EndReason, HubOutputKind
from .rooms import fixed, read_problem


@dataclass(frozen=True)
class HubSend:
    """Send a text message to these connections."""

    to: Tuple[int, ...]
    frame: bytes = field(repr=False)


@dataclass(frozen=True)
class HubClose:
    """Close a connection, after all that was sent to it. Its end need not be reported."""

    connection: int
    code: int


@dataclass(frozen=True)
class HubBurned:
    """A room has burned, and all in it have been told."""

    reason: EndReason
    late_ms: int
    #: The peer that made it.
    owner: bytes = field(repr=False)


HubOutput = Union[HubSend, HubClose, HubBurned]


@dataclass(frozen=True)
class HttpAnswer:
    """What to answer to an HTTP request."""

    status: int
    body: bytes = field(repr=False)
    #: 0, or the registry's number: then the body is a problem (``application/problem+json``).
    code: int


@dataclass(frozen=True)
class HubStats:
    """Counts, for monitoring."""

    rooms: int
    connections: int
    participants: int
    kept_bytes: int


def _default() -> Any:
    limits = ffi.new("bc_hub_limits *")
    check(lib.bc_hub_limits_default(limits))
    return limits


_DEFAULT = _default()


@dataclass(frozen=True)
class HubLimits:
    """A hub's limits that embedders change; the others are the spec's (section 16)."""

    rooms: int = _DEFAULT.rooms
    rooms_of_peer: int = _DEFAULT.rooms_of_peer
    connections: int = _DEFAULT.connections
    connections_of_peer: int = _DEFAULT.connections_of_peer
    #: From a connection to its join or resume.
    handshake_ms: int = _DEFAULT.handshake_ms
    #: Envelope bytes kept in a history room, and in another.
    history_bytes: int = _DEFAULT.history_bytes
    kept_bytes: int = _DEFAULT.kept_bytes


class Hub:
    """A relay's rooms: driven as :class:`Client` is, by one thread at a time, and wiped by :meth:`close`.

    Connections are numbers that the driver gives out and never uses again; peers any 16 bytes that stand for an address
    (spec section 11.4).
    """

    def __init__(self, limits: Optional[HubLimits] = None, *, seed: Optional[Bytes] = None) -> None:
        """A hub without rooms. ``seed`` as for :class:`Client`."""
        made = ffi.new("bc_hub **")
        chosen = ffi.NULL if limits is None else ffi.new("bc_hub_limits *", vars(limits))
        with fixed(seed, 32) as random:
            check(lib.bc_hub_new(chosen, random, made))
        self._handle = Handle(made[0], lib.bc_hub_free)
        self._output = ffi.new("bc_hub_output *")

    def __enter__(self) -> Hub:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def close(self) -> None:
        """Frees the hub, and wipes all it holds. Nobody is told: call :meth:`shutdown` before."""
        self._handle.close()

    def create(self, now_ms: int, peer: bytes, body: Bytes) -> HttpAnswer:
        """Answers ``POST /api/rooms``."""
        memory = ffi.from_buffer("uint8_t[]", body)
        return self._answer(201, lib.bc_hub_create, now_ms, _id(peer), memory, len(memory))

    def info(self, now_ms: int, room: bytes, ticket: Bytes) -> HttpAnswer:
        """Answers ``GET /api/rooms/<room id>`` with the header ``Burnchat-Ticket``."""
        with fixed(ticket, 16) as shown:
            return self._answer(200, lib.bc_hub_info, now_ms, _id(room), shown)

    def burn(self, now_ms: int, room: bytes, creator_token: Bytes) -> HttpAnswer:
        """Answers ``DELETE /api/rooms/<room id>`` with the header ``Burnchat-Creator``."""
        with fixed(creator_token, 32) as shown:
            return self._answer(204, lib.bc_hub_burn, now_ms, _id(room), shown)

    def take_down(self, now_ms: int, room: bytes) -> None:
        """Burns a room because whoever runs the relay wants it gone. ``room_not_found`` if there is none."""
        self._call(lib.bc_hub_take_down, now_ms, _id(room))

    def leave(self, now_ms: int, room: bytes, seat_token: Bytes) -> HttpAnswer:
        """Lets the participant leave whose seat token is shown, as the plain-HTTP transport's clean end does (spec
        section 13.5)."""
        with fixed(seat_token, 32) as shown:
            return self._answer(204, lib.bc_hub_leave, now_ms, _id(room), shown)

    def handle_connect(self, now_ms: int, connection: int, peer: bytes, room: bytes) -> None:
        """A WebSocket is open for a room, whether or not there is one."""
        self._call(lib.bc_hub_handle_connect, now_ms, connection, _id(peer), _id(room))

    def handle_frame(self, now_ms: int, connection: int, frame: Union[str, Bytes]) -> None:
        """A text message came on a connection. For a binary one pass no bytes. What is wrong with it is told to its
        sender, by the outputs."""
        held = utf8(frame) if isinstance(frame, str) else None
        given_bytes = frame if held is None else held
        try:
            memory = ffi.from_buffer("uint8_t[]", given_bytes)
            self._call(lib.bc_hub_handle_frame, now_ms, connection, memory, len(memory))
        finally:
            if held is not None:
                wipe(held)

    def handle_disconnect(self, now_ms: int, connection: int, *, clean: bool) -> None:
        """A connection has ended; ``clean`` if its client closed it with 1000 or 1001."""
        self._call(lib.bc_hub_handle_disconnect, now_ms, connection, clean)

    def handle_timeout(self, now_ms: int) -> None:
        """It is so late."""
        self._call(lib.bc_hub_handle_timeout, now_ms)

    def shutdown(self, now_ms: int) -> None:
        """Burns every room: the relay is about to end."""
        self._call(lib.bc_hub_shutdown, now_ms)

    def set_memory_full(self, full: bool) -> None:
        """Whether there is no memory for more than is kept: while there is none, rooms drop their oldest log entries for
        new ones. A program with a budget for all rooms says so, going by :attr:`stats`."""
        self._call(lib.bc_hub_set_memory_full, full)

    def poll(self) -> Optional[HubOutput]:
        """The next thing to do; None for nothing more for now."""
        while True:
            with self._handle as hub:
                output = self._output
                check(lib.bc_hub_poll(hub, output, ffi.sizeof("bc_hub_output")))
                if output.kind == HubOutputKind.NONE:
                    return None
                if output.kind == HubOutputKind.SEND:
                    return HubSend(tuple(ffi.unpack(output.to, output.to_len)), bytes_of(output.frame))
                if output.kind == HubOutputKind.CLOSE:
                    return HubClose(output.connection, output.close_code)
                if output.kind == HubOutputKind.BURNED:
                    return HubBurned(EndReason(output.reason), output.late_ms, id_of(output.owner))

    def poll_timeout(self) -> Optional[int]:
        """When to call :meth:`handle_timeout`, in the time the caller gives; None for never."""
        at = ffi.new("uint64_t *")
        self._call(lib.bc_hub_poll_timeout, at)
        return None if at[0] == NEVER else int(at[0])

    @property
    def stats(self) -> HubStats:
        """How much there is."""
        stats = ffi.new("bc_hub_stats *")
        self._call(lib.bc_hub_get_stats, stats, ffi.sizeof("bc_hub_stats"))
        return HubStats(stats.rooms, stats.connections, stats.participants, stats.kept_bytes)

    def _answer(self, status: int, function: Callable[..., int], *arguments: Any) -> HttpAnswer:
        with self._handle as hub:
            answer = ffi.new("bc_slice *")
            code = check_call(function(hub, *arguments, answer))
            body = bytes_of(answer[0])
        return HttpAnswer(read_problem(body).status if code else status, body, code)

    def _call(self, function: Any, *arguments: Any) -> None:
        with self._handle as hub:
            check(function(hub, *arguments))


def _id(value: bytes) -> Any:
    return ffi.new("bc_id *", (_sixteen(value),))
