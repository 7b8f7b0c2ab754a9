"""Section 4: the room link, and the keys of section 5.1 that follow from it."""

import ipaddress
import re
from dataclasses import dataclass, replace

from .crypto import H, L, equal, from_base64url, hkdf, to_base64url, u8, u32
from .errors import Refused

VERSION = 1
HISTORY = 1
FRAGMENT_BYTES = 42
LONGEST = 2_048

_SHAPE = re.compile(
    r"(?P<base>https?://"
    r"(?:[A-Za-z0-9._-]+|\[(?P<ipv6>[0-9A-Fa-f:.]+)\])"
    r"(?::(?P<port>[0-9]+))?"
    r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*[A-Za-z0-9._~!$&'()*+,;=:@%-])?)"
    r"/r/(?P<room_id>[^/?#]*)",
    re.ASCII,
)


@dataclass(frozen=True)
class Link:
    base: str
    room_id: bytes
    history: bool
    not_after: int  # minutes since the Unix epoch
    secret: bytes
    ticket: bytes

    @property
    def header(self) -> bytes:
        return u8(VERSION) + u8(HISTORY if self.history else 0) + u32(self.not_after)

    @property
    def not_after_ms(self) -> int:
        return self.not_after * 60_000

    def with_ticket(self, ticket: bytes) -> "Link":
        return replace(self, ticket=ticket)

    def __str__(self) -> str:
        body = self.header + self.secret + self.ticket
        fragment = body + H(self.room_id + body)[:4]
        return f"{self.base}/r/{to_base64url(self.room_id)}#{to_base64url(fragment)}"

    def __repr__(self) -> str:
        return "Link(…)"  # a link is a secret


def parse(text: str) -> Link:
    """Strict and total; what is wrong is found in the order of the table of section 4."""
    if len(text.encode("utf-8", "surrogatepass")) > LONGEST:
        raise Refused("link_not_a_link")
    url, _, fragment = text.partition("#")
    shape = _SHAPE.fullmatch(url)
    if shape is None or not is_base(shape["base"]):
        raise Refused("link_not_a_link")
    if not fragment:
        raise Refused("link_no_fragment")
    room_id = _decode(shape["room_id"], "link_bad_room_id")
    if len(room_id) != 16:
        raise Refused("link_bad_room_id")
    raw = _decode(fragment, "link_bad_encoding")
    if len(raw) != FRAGMENT_BYTES:
        raise Refused("link_bad_length")
    if raw[0] != VERSION:
        raise Refused("link_unsupported_version")
    if not equal(H(room_id + raw[:38])[:4], raw[38:]):
        raise Refused("link_mistyped")
    if raw[1] & ~HISTORY:
        raise Refused("link_unknown_flags")
    return Link(
        base=shape["base"],
        room_id=room_id,
        history=bool(raw[1]),
        not_after=int.from_bytes(raw[2:6], "big"),
        secret=raw[6:22],
        ticket=raw[22:38],
    )


def is_base(text: str) -> bool:
    shape = _SHAPE.fullmatch(text + "/r/")
    if shape is None or shape["base"] != text or int(shape["port"] or 0) > 65_535:
        return False
    try:
        if shape["ipv6"] is not None:
            ipaddress.IPv6Address(shape["ipv6"])
    except ValueError:
        return False
    return True


def room_id_of(id_seed: bytes) -> bytes:
    return H(L("room", id_seed))[:16]


@dataclass(frozen=True, repr=False)
class RoomKeys:
    """Section 5.1."""

    room_id: bytes
    join_key: bytes
    name_key: bytes
    wrap_key: bytes


def room_keys(link: Link) -> RoomKeys:
    return RoomKeys(
        link.room_id, *(hkdf(link.room_id, link.secret, L(label, link.header)) for label in ("join", "name", "wrap"))
    )


def _decode(text: str, error: str) -> bytes:
    try:
        return from_base64url(text)
    except Refused:
        raise Refused(error) from None
