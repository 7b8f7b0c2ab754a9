"""Sections 5.2, 5.3, 5.6, 6.2 and 10: who is in the room, and the codes people compare."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from . import names
from .crypto import HMAC, Draw, H, L, PrivateKey, PublicKey, draw_key, equal, point, public_key, u8, u64
from .frames import Frame
from .link import Link, RoomKeys
from .words import EMOJI

CREATOR = "creator"


@dataclass(frozen=True, repr=False)
class Identity:
    """Section 5.2: made at the join, never stored."""

    id: bytes
    kem: PrivateKey
    sig: PrivateKey
    kem_pub: bytes
    sig_pub: bytes
    sealed_name: bytes
    join_proof: bytes


def new_identity(keys: RoomKeys, name: str, draw: Draw) -> Identity:
    kem, sig = draw_key(draw), draw_key(draw)
    kem_pub, sig_pub = point(kem), point(sig)
    me = participant_id(kem_pub, sig_pub)
    sealed_name = names.seal_name(keys, me, sig, name, draw)
    return Identity(me, kem, sig, kem_pub, sig_pub, sealed_name, join_proof(keys, kem_pub, sig_pub, sealed_name))


def participant_id(kem_pub: bytes, sig_pub: bytes) -> bytes:
    return H(L("id", kem_pub, sig_pub))[:16]


def join_proof(keys: RoomKeys, kem_pub: bytes, sig_pub: bytes, sealed_name: bytes) -> bytes:
    return HMAC(keys.join_key, L("join", keys.room_id, kem_pub, sig_pub, H(sealed_name)))


@dataclass(frozen=True)
class Entry:
    """One participant, as listed and as checked."""

    id: bytes
    kem_pub: bytes
    sig_pub: bytes
    sealed_name: bytes
    role: str
    number: int
    kem: PublicKey | None  # None where it is no point
    sig: PublicKey | None
    verified: bool
    name: str | None  # None where the entry is not verified
    bad_name: bool  # then `name` is the fallback

    @property
    def label(self) -> str:
        return names.shown(self.name or "unverified", self.number, self.id)


def checked_entry(keys: RoomKeys, listed: Frame, departed: set[bytes]) -> Entry:
    """Section 5.6. `listed` is an entry of a frame."""
    kem_pub, sig_pub, sealed_name = listed["kem_pub"], listed["sig_pub"], listed["sealed_name"]
    entry_id = participant_id(kem_pub, sig_pub)
    kem, sig = public_key(kem_pub), public_key(sig_pub)
    proof = join_proof(keys, kem_pub, sig_pub, sealed_name)
    verified = None not in (kem, sig) and entry_id not in departed and equal(proof, listed["join_proof"])
    name = names.open_name(keys, entry_id, sig, sealed_name) if verified else None
    return Entry(
        id=entry_id,
        kem_pub=kem_pub,
        sig_pub=sig_pub,
        sealed_name=sealed_name,
        role=listed["role"],
        number=listed["number"],
        kem=kem,
        sig=sig,
        verified=verified,
        name=(name or names.fallback(entry_id)) if verified else None,
        bad_name=verified and name is None,
    )


class Roster:
    """One version of the roster. It never changes; a change makes the next version."""

    def __init__(self, keys: RoomKeys, version: int, entries: Iterable[Entry]) -> None:
        self.version = version
        self.entries = {entry.id: entry for entry in entries}  # in join order
        self.hash = roster_hash(keys.room_id, version, ((e.kem_pub, e.sig_pub, e.role == CREATOR) for e in self))

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries.values())

    def __len__(self) -> int:
        return len(self.entries)

    def get(self, entry_id: bytes) -> Entry | None:
        return self.entries.get(entry_id)

    def all_in(self, other: "Roster") -> bool:
        """Nobody has left since: ids never come back, so it is enough to look who is still there."""
        return self.entries.keys() <= other.entries.keys()


def roster_hash(room_id: bytes, version: int, entries: Iterable[tuple[bytes, bytes, bool]]) -> bytes:
    fields = [field for kem_pub, sig_pub, creator in entries for field in (kem_pub, sig_pub, u8(creator))]
    return H(L("roster", room_id, u64(version), *fields))


@dataclass(frozen=True)
class Codes:
    """Section 10."""

    short: str
    emoji: str
    emoji_names: list[str]
    number: str

    @property
    def qr(self) -> str:
        return "burnchat-verify:1:" + self.number.replace(" ", "")


def transcript(room_id: bytes, secret: bytes, entries: Iterable[tuple[bytes, bytes]]) -> bytes:
    ordered = sorted(entries, key=lambda keys: participant_id(*keys))
    return H(L("verify", room_id, secret, *(key for keys in ordered for key in keys)))


def codes_of(digest: bytes) -> Codes:
    bits = int.from_bytes(digest[:12], "big")
    emoji = [EMOJI[bits >> shift & 63] for shift in range(90, -1, -6)]
    digits = b"".join(H(L("digits", digest, u8(half))) for half in (0, 1))[:60]
    groups = [int.from_bytes(digits[at : at + 5], "big") % 100_000 for at in range(0, 60, 5)]
    return Codes(
        short=digest[:3].hex(),
        emoji="".join(picture for picture, _ in emoji),
        emoji_names=[name for _, name in emoji],
        number=" ".join(f"{group:05}" for group in groups),
    )


def codes(link: Link, roster: Roster) -> Codes:
    return codes_of(transcript(link.room_id, link.secret, ((e.kem_pub, e.sig_pub) for e in roster)))
