"""The errors of section 15 that a client meets, by name."""

from typing import Any

NUMBERS: dict[str, int] = {
    "unreachable": 0,  # the shim's own
    "malformed_frame": 100, "frame_too_large": 101, "unknown_type": 102, "duplicate_key": 103,
    "unexpected_frame": 104, "bad_sequence": 105, "bad_request": 106, "origin_refused": 107, "unknown_path": 108,
    "unknown_method": 109,
    "room_not_found": 200, "link_expired": 201, "room_full": 202, "room_locked": 203, "wrong_pin": 204,
    "pin_locked": 205, "kicked": 206, "displaced": 207, "gap": 208, "bad_key": 209, "id_taken": 210,
    "joins_exhausted": 211, "room_exists": 212,
    "not_creator": 300, "unknown_participant": 301, "past_not_after": 302, "extend_conflict": 303,
    "stale_epoch": 400,
    "rate_limited": 500, "handshake_timeout": 501, "too_many_rooms": 502, "too_many_connections": 503,
    "relay_ending": 504,
    "link_not_a_link": 600, "link_no_fragment": 601, "link_bad_room_id": 602, "link_bad_encoding": 603,
    "link_bad_length": 604, "link_unsupported_version": 605, "link_mistyped": 606, "link_unknown_flags": 607,
    "nobody_here": 700, "text_too_long": 701, "text_empty": 702, "queue_full": 703, "not_joined": 704, "ended": 705,
    "name_too_long": 706, "name_not_allowed": 707, "no_such_message": 708, "invalid_parameter": 709,
    "crypto_failure": 710,
    "fork": 800, "replayed": 801, "ended_epoch": 802, "not_a_participant": 803, "history_mismatch": 804,
    "clock_skew": 805, "malformed_from_relay": 806, "unexpected_from_relay": 807, "history_unavailable": 808,
    "rekey_stalled": 809,
    "unverified_participant": 900, "bad_name": 901, "bad_envelope_signature": 902, "bad_envelope": 903,
    "unreadable": 904, "bad_wrap": 905, "count_repeated": 906, "bad_link": 907,
}  # fmt: skip


class Refused(Exception):
    """Something was refused, with an error of section 15. Carries names and numbers only, never a secret."""

    def __init__(self, name: str, **members: Any) -> None:
        super().__init__(name)
        self.name = name
        self.members = members
