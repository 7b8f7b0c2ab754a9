"""Section 13.1 to 13.3: reading frames strictly, and writing them."""

import json
import re
from collections.abc import Callable
from typing import Any

from .crypto import from_base64url, to_base64url
from .errors import NUMBERS, Refused

FROM_CLIENT_BYTES = 65_536
FROM_RELAY_BYTES = 1_048_576
DEPTH = 4
MEMBERS = 64
LONGEST_ROSTER = 256
INTEGERS = 2**53

Member = Callable[[Any], Any]  # gives the value, or raises Refused
Members = dict[str, Member]
Frame = dict[str, Any]  # what was read: bytes for what is base64url on the wire


def _refuse() -> Any:
    raise Refused("malformed_frame")


def _bytes(low: int, high: int | None = None) -> Member:
    def member(value: Any) -> bytes:
        raw = from_base64url(value) if isinstance(value, str) else _refuse()
        return raw if low <= len(raw) <= (high or low) else _refuse()

    return member


def _integer(below: int = INTEGERS) -> Member:
    return lambda value: value if type(value) is int and 0 <= value < below else _refuse()


def _word(*words: str) -> Member:
    return lambda value: value if isinstance(value, str) and value in words else _refuse()


def _string(longest: int | None = None) -> Member:
    def member(value: Any) -> str:
        return value if isinstance(value, str) and (longest is None or _utf8_length(value) <= longest) else _refuse()

    return member


def _code(value: Any) -> str:
    """The name of an error that relays know; any other is taken for `bad_request` (13.3)."""
    return value if 0 < NUMBERS.get(_string()(value), 0) < 600 else "bad_request"


def _boolean(value: Any) -> bool:
    return value if isinstance(value, bool) else _refuse()


def _object(members: Members) -> Member:
    return lambda value: _members(members, value) if isinstance(value, dict) else _refuse()


def _array(item: Member, longest: int) -> Member:
    return lambda value: [item(x) for x in value] if isinstance(value, list) and len(value) <= longest else _refuse()


def _nullable(member: Member) -> Member:
    return lambda value: None if value is None else member(value)


class Optional:
    """May be absent or null; then it takes its default, or is left out."""

    def __init__(self, member: Member, default: Any = None) -> None:
        self.member, self.default = member, default

    def __call__(self, value: Any) -> Any:
        return self.member(value)


_b12, _b16, _b32, _b40, _b64, _b65, _b157 = (_bytes(n) for n in (12, 16, 32, 40, 64, 65, 157))
_int, _bool, _role = _integer(), _boolean, _word("member", "creator")
_n = _integer(8_192)
_entry = _object(
    {"kem_pub": _b65, "sig_pub": _b65, "sealed_name": _b157, "join_proof": _b32, "role": _role, "number": _int}
)
_back = Optional(_object({"epoch": _b32, "wrapped": _b40}))
_envelope = {"epoch": _b32, "n": _n, "flags": _integer(256), "iv": _b12, "ciphertext": _bytes(80, 45_000), "sig": _b64}
_key = {"version": _int, "roster_hash": _b32, "prev": _b32, "commit": _b32, "sig": _b64}
_burn = _word("creator", "anyone")

FROM_CLIENT: dict[str, Members] = {
    "join": {
        "kem_pub": _b65, "sig_pub": _b65, "sealed_name": _b157, "join_proof": _b32,
        "ticket": Optional(_b16), "pin": Optional(_string(32)), "creator_token": Optional(_b32),
        "seat_token": Optional(_b32),
    },
    "resume": {"seat_token": _b32, "seq": _int},
    "session_key": {**_key, "wraps": _array(_object({"id": _b16, "wrapped": _b40}), 255), "back": _back},
    "key_declined": {"version": _int},
    "need_key": {"version": _int},
    "message": _envelope,
    "kick": {"id": _b16, "ticket_hash": Optional(_b32)},
    "lock": {"locked": _bool},
    "renew": {"ticket_hash": _b32},
    "extend": {"seconds": _int, "after": _int},
    "burn": {},
}  # fmt: skip

FROM_RELAY: dict[str, Members] = {
    "joined": {
        "seq": _int, "version": _int, "head": _b32, "role": _role, "seat_token": _b32,
        "participants": _array(_entry, LONGEST_ROSTER),
        "seconds_remaining": _int, "history": _bool, "locked": _bool, "capacity": _int, "burn": _burn,
        "ticket_hash": _b32, "last_extended": _int,
    },
    "history_end": {"complete": _bool},
    "resumed": {"seq": _int, "seconds_remaining": _int},
    "participant_joined": {"seq": _int, "version": _int, "participant": _entry, "replaces": Optional(_b16)},
    "participant_left": {"seq": _int, "version": _int, "id": _b16, "reason": _word("left", "timeout", "kicked")},
    "rekey": {"seq": _int, "version": _int},
    "session_key": {"seq": _int, **_key, "steward": _b16, "wrapped": _nullable(_b40), "back": _back},
    "epoch_end": {"seq": _int, "version": _int},
    "message": {"seq": _int, "sender": _b16, **_envelope},
    "locked": {"seq": _int, "locked": _bool},
    "extended": {"seq": _int, "seconds_remaining": _int},
    "renewed": {"seq": _int, "ticket_hash": _b32},
    "key_wanted": {"version": _int, "head": _b32},
    "countdown": {"seconds_remaining": _int},
    "destroyed": {"reason": _word("expired", "burned", "shutdown")},
    "error": {
        "code": _code, "retry_after_ms": Optional(_int), "attempts_left": Optional(_int), "epoch": Optional(_b32),
        "n": Optional(_n),
    },
}  # fmt: skip

CREATE_REQUEST: Members = {
    "id_seed": _b32, "ticket_hash": _b32, "ttl_seconds": _int, "not_after": _integer(2**32),
    "capacity": Optional(_integer(2**16), 50), "history": Optional(_bool, False), "burn": Optional(_burn, "creator"),
}  # fmt: skip
CREATED: Members = {"room_id": _b16, "creator_token": _b32, "pin": _string(32), "seconds_remaining": _int}
PROBLEM: Members = {"code": _code, "retry_after_ms": Optional(_int), "attempts_left": Optional(_int)}


def read_from_relay(raw: bytes) -> Frame | None:
    """What a frame says, or None if its type is unknown: a client ignores it."""
    return _read(FROM_RELAY, raw, FROM_RELAY_BYTES)


def read_from_client(raw: bytes) -> Frame:
    frame = _read(FROM_CLIENT, raw, FROM_CLIENT_BYTES)
    if frame is None:
        raise Refused("unknown_type")
    return frame


def read_body(members: Members, raw: bytes) -> Frame:
    """A body of section 13.4: JSON by the same rules."""
    return _members(members, parse_object(raw, FROM_CLIENT_BYTES))


def write(kind: str, **members: Any) -> bytes:
    return write_body({"type": kind, **members})


def write_body(members: Frame) -> bytes:
    return json.dumps(_plain(members), separators=(",", ":")).encode()


def parse_object(raw: bytes, longest: int, depth: int = DEPTH) -> Frame:
    """Section 13.1, and section 2 of the shim: one JSON object, parsed once, with nothing doubtful in it."""
    if len(raw) > longest:
        raise Refused("frame_too_large")
    try:
        text = raw.decode("utf-8")
        _check_depth(text, depth)
        value = json.loads(
            text,
            object_pairs_hook=_pairs,
            parse_int=_number,
            parse_float=UnusualNumber,
            parse_constant=lambda _: _refuse(),
        )
    except (ValueError, RecursionError):
        raise Refused("malformed_frame") from None
    return value if isinstance(value, dict) else _refuse()


class UnusualNumber:
    """A number that JSON knows and the protocol does not. It may stand in members that nobody reads."""

    def __init__(self, text: str) -> None:
        self.is_integer = text.lstrip("-").isdigit()


def _number(text: str) -> Any:
    return int(text) if len(text) <= 16 and text.isdigit() else UnusualNumber(text)


def _pairs(pairs: list[tuple[str, Any]]) -> Frame:
    if len(pairs) > MEMBERS:
        _refuse()
    members = dict(pairs)
    if len(members) < len(pairs):
        raise Refused("duplicate_key")
    return members


def _check_depth(text: str, most: int) -> None:
    """Before the parser, which would follow any nesting."""
    depth = 0
    # Strings are passed over whole, with or without an end, so that no text makes this slow.
    for bracket in re.findall(r'"(?:[^"\\]+|\\.?)*"?|([\[\]{}])', text, re.DOTALL):
        if bracket:
            depth += 1 if bracket in "[{" else -1
        if depth > most:
            _refuse()


def _read(table: dict[str, Members], raw: bytes, longest: int) -> Frame | None:
    value = parse_object(raw, longest)
    kind = value.get("type")
    if not isinstance(kind, str):
        _refuse()
    if kind not in table:
        return None
    return {"type": kind, **_members(table[kind], value)}


def _members(members: Members, value: Frame) -> Frame:
    read = {}
    for name, member in members.items():
        if isinstance(member, Optional) and value.get(name) is None:
            if member.default is not None:
                read[name] = member.default
        elif name in value:
            read[name] = member(value[name])
        else:
            _refuse()
    return read


def _plain(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray)):
        return to_base64url(value)
    if isinstance(value, dict):
        return {name: _plain(x) for name, x in value.items() if x is not None}
    return [_plain(x) for x in value] if isinstance(value, list) else value


def _utf8_length(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
