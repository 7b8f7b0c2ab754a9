"""Making a room, and reading links and refusals: what belongs to no handle."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Iterator, Optional, Tuple

from ._library import Bytes, ffi, id_of, lib, wipe
from .errors import INVALID_PARAMETER, BurnchatError, check, utf8
from .events import stated
from .numbers import LINK_MAX, REQUEST_MAX, AbiError


def _default() -> Any:
    settings = ffi.new("bc_room_settings *")
    check(lib.bc_room_settings_default(settings))
    return settings


_DEFAULT = _default()


@dataclass(frozen=True)
class RoomSettings:
    """What a creator chooses."""

    #: How long the room lives: 30 s to 72 h.
    ttl_seconds: int = _DEFAULT.ttl_seconds
    #: How much longer it may be made to live: at most 24 h.
    extension_seconds: int = _DEFAULT.extension_seconds
    #: Seats: 2 to 256.
    capacity: int = _DEFAULT.capacity
    #: Whether those who join later can read what was said before.
    history: bool = bool(_DEFAULT.history)
    #: Whether every participant may burn the room.
    anyone_may_burn: bool = bool(_DEFAULT.anyone_may_burn)


@dataclass(frozen=True)
class PlannedRoom:
    """A room that the relay has not been asked for yet."""

    #: The body of ``POST /api/rooms``, JSON.
    request: bytes = field(repr=False)
    link: str = field(repr=False)


@dataclass(frozen=True)
class CreatedRoom:
    """A room that was just made. Nobody is in it yet."""

    #: What admits people: share it, and join with it.
    link: str = field(repr=False)
    #: What makes a creator of who joins with link and PIN: for the creator's other devices. It is given once.
    pin: str = field(repr=False)
    #: What makes a creator of the client that made the room: 32 bytes, to be overwritten by whoever has used them.
    creator_token: bytearray = field(repr=False)
    #: Until the room burns, rounded up.
    seconds_remaining: int


@dataclass(frozen=True)
class Problem:
    """What a relay refuses an HTTP request with."""

    code: int
    status: int
    retry_after_ms: Optional[int]
    attempts_left: Optional[int]


def plan_room(base: str, settings: RoomSettings, now_ms: int, *, seed: Optional[Bytes] = None) -> PlannedRoom:
    """Plans a room at the relay of this URL (``https://relay.example``).

    ``invalid_parameter`` for settings out of range, ``link_not_a_link`` for a ``base`` that is no URL.
    """
    try:
        chosen = ffi.new(
            "bc_room_settings *",
            {
                "ttl_seconds": settings.ttl_seconds,
                "extension_seconds": settings.extension_seconds,
                "capacity": settings.capacity,
                "history": settings.history,
                "anyone_may_burn": settings.anyone_may_burn,
            },
        )
    except OverflowError:
        raise BurnchatError(INVALID_PARAMETER) from None
    request, link = ffi.new("uint8_t[]", REQUEST_MAX), ffi.new("uint8_t[]", LINK_MAX)
    request_len, link_len = ffi.new("size_t *", REQUEST_MAX), ffi.new("size_t *", LINK_MAX)
    try:
        with given(base) as where, fixed(seed, 32) as random:
            check(lib.bc_room_plan(where.ptr, where.len, chosen, now_ms, random, request, request_len, link, link_len))
        return PlannedRoom(
            request=bytes(ffi.buffer(request, request_len[0])), link=str(ffi.buffer(link, link_len[0]), "utf-8")
        )
    finally:
        wipe(request)
        wipe(link)


def read_created(answer: Bytes, link: str) -> CreatedRoom:
    """Reads the relay's answer 201 to the request of a planned room.

    ``malformed_frame`` if it is none, ``malformed_from_relay`` if it is about another room.
    """
    created = ffi.new("bc_room_created_answer *")
    try:
        with given(link) as its_link:
            check(
                lib.bc_room_created(ffi.from_buffer("uint8_t[]", answer), len(answer), its_link.ptr, its_link.len, created)
            )
        return CreatedRoom(
            link=link,
            pin=str(ffi.buffer(created.pin, created.pin_len), "utf-8"),
            creator_token=bytearray(ffi.buffer(created.creator_token)),
            seconds_remaining=created.seconds_remaining,
        )
    finally:
        wipe(created)


def read_problem(answer: Bytes) -> Problem:
    """Reads a relay's refusal of an HTTP request. ``malformed_frame`` if it is none: then go by the HTTP status."""
    problem = ffi.new("bc_problem_answer *")
    check(lib.bc_problem(ffi.from_buffer("uint8_t[]", answer), len(answer), problem))
    return Problem(problem.code, problem.status, stated(problem.retry_after_ms), stated(problem.attempts_left))


def read_link(link: str) -> Tuple[str, bytes]:
    """A link's base (its relay's URL) and room id: for the WebSocket at ``<base>/api/rooms/<room id>/ws``.

    The codes 600 to 607 say what is wrong with a link.
    """
    base_len, room_id = ffi.new("size_t *"), ffi.new("bc_id *")
    with given(link) as bytes_of_link:
        check(lib.bc_link_check(bytes_of_link.ptr, bytes_of_link.len, base_len, room_id))
    # A link that has passed is ASCII.
    return link[: base_len[0]], id_of(room_id[0])


@contextmanager
def given(text: Optional[str]) -> Iterator[Any]:
    """A text as a ``bc_slice`` for one call; the copy is wiped after it. None is no text."""
    if text is None:
        yield ffi.new("bc_slice *")[0]
        return
    held = utf8(text)
    # The struct does not keep what it points to: `memory` does. One byte more, so that an empty text has an address.
    memory = ffi.new("uint8_t[]", len(held) + 1)
    ffi.memmove(memory, held, len(held))
    wipe(held)
    try:
        # As a pointer to a struct, which has to be kept as well.
        owner = ffi.new("bc_slice *", {"ptr": memory, "len": len(memory) - 1})
        yield owner[0]
    finally:
        wipe(memory)


@contextmanager
def fixed(value: Optional[Bytes], length: int) -> Iterator[Any]:
    """Bytes of a fixed number as a pointer for one call; the copy is wiped after it. None is NULL."""
    if value is None:
        yield ffi.NULL
        return
    if len(value) != length:
        raise BurnchatError(AbiError.LENGTH)
    memory = ffi.new("uint8_t[]", length)
    ffi.memmove(memory, value, length)
    try:
        yield memory
    finally:
        wipe(memory)
