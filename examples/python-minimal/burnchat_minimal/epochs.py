"""Sections 7.2 and 8.1 to 8.3: key frames, chains, envelopes and what is in them."""

from dataclasses import dataclass, field

from .crypto import (
    HMAC,
    Bytes,
    Draw,
    H,
    L,
    PrivateKey,
    PublicKey,
    ecdh,
    hkdf,
    seal,
    sign,
    u8,
    u32,
    u64,
    unseal,
    verifies,
    wipe,
)
from .errors import Refused
from .frames import Frame
from .roster import Roster

CHAIN = 8_192  # envelopes of one sender in one epoch
LONGEST_TEXT = 32_768
TEXT, TYPING, READ, TICKET, TICKET_WANTED = 1, 2, 3, 4, 5


# Key frames (7.2).


def kek(wrap_key: bytes, shared: bytes, roster_hash: bytes, steward: bytes, recipient: bytes) -> bytes:
    return hkdf(wrap_key, shared, L("kek", roster_hash, steward, recipient))


def shared_kek(
    wrap_key: bytes, own: PrivateKey, peer: PublicKey, roster_hash: bytes, steward: bytes, recipient: bytes
) -> bytes:
    return kek(wrap_key, ecdh(own, peer), roster_hash, steward, recipient)


def commit_of(session_key: Bytes, roster_hash: bytes) -> bytes:
    return HMAC(session_key, L("commit", roster_hash))


def epoch_id_of(prev: bytes, roster_hash: bytes, commit: bytes) -> bytes:
    return H(L("epoch", prev, roster_hash, commit))


def signed_key_frame(room_id: bytes, epoch_id: bytes) -> bytes:
    return L("key", room_id, epoch_id)


# Chains (8.1).


class Chain:
    """What one sender's message keys in one epoch are made of."""

    def __init__(self, epoch_id: bytes, session_key: Bytes, sender: bytes) -> None:
        self.n = 0
        self.value = bytearray(hkdf(epoch_id, session_key, L("chain", sender)))

    def step(self) -> bytearray:
        """The key for n; the chain moves on before anything is done with the key."""
        if self.n >= CHAIN:
            raise IndexError("the chain has ended")
        key, next_value = bytearray(HMAC(self.value, b"\x01")), bytearray(HMAC(self.value, b"\x02"))
        wipe(self.value)
        self.value, self.n = next_value, self.n + 1
        return key

    def ahead(self, n: int) -> "tuple[Chain, bytearray]":
        """The key for n, and the chain after it; this one stays as it is until all checks have passed (8.5)."""
        chain = Chain.__new__(Chain)
        chain.n, chain.value = self.n, bytearray(self.value)
        while chain.n < n:
            wipe(chain.step())
        return chain, chain.step()

    def wipe(self) -> None:
        wipe(self.value)


@dataclass(repr=False, eq=False)
class Epoch:
    """An epoch a client knows of: by its key frame, or only by an envelope in it (then `version` is 0)."""

    id: bytes
    version: int = 0
    roster: Roster | None = None
    chains: dict[bytes, Chain] | None = None  # None where the client has no key
    next_n: dict[bytes, int] = field(default_factory=dict)  # of each sender heard in it
    ended: bool = False
    stale: bool = False  # the relay has refused something of ours in it (8.4)
    older_since: int | None = None

    def install(self, session_key: Bytes) -> None:
        self.chains = {e.id: Chain(self.id, session_key, e.id) for e in self.roster or () if e.verified}

    def end(self) -> None:
        self.ended = True
        self.forget_keys()

    def forget_keys(self) -> None:
        for chain in (self.chains or {}).values():
            chain.wipe()
        self.chains = None


# Envelopes (8.2).


def aad_of(room_id: bytes, epoch_id: bytes, sender: bytes, n: int, flags: int) -> bytes:
    return L("msg", room_id, epoch_id, sender, u64(n), u8(flags))


def signed_envelope(
    room_id: bytes, epoch_id: bytes, sender: bytes, n: int, flags: int, iv: bytes, ciphertext: bytes
) -> bytes:
    return L("msg", room_id, epoch_id, sender, u64(n), u8(flags), H(iv + ciphertext))


def seal_envelope(
    room_id: bytes, epoch_id: bytes, sender: bytes, sig: PrivateKey, chain: Chain, padded: bytes, draw: Draw
) -> Frame:
    n, key, iv = chain.n, chain.step(), draw(12)
    ciphertext = seal(key, iv, aad_of(room_id, epoch_id, sender, n, 0), padded)
    wipe(key)
    signature = sign(sig, signed_envelope(room_id, epoch_id, sender, n, 0, iv, ciphertext))
    return {"epoch": epoch_id, "n": n, "flags": 0, "iv": iv, "ciphertext": ciphertext, "sig": signature}


def envelope_is_signed(room_id: bytes, sender: bytes, sig: PublicKey | None, envelope: Frame) -> bool:
    place = (envelope["epoch"], sender, envelope["n"], envelope["flags"])
    return verifies(sig, signed_envelope(room_id, *place, envelope["iv"], envelope["ciphertext"]), envelope["sig"])


def open_envelope(room_id: bytes, sender: bytes, key: Bytes, envelope: Frame) -> bytearray | None:
    aad = aad_of(room_id, envelope["epoch"], sender, envelope["n"], envelope["flags"])
    return unseal(key, envelope["iv"], aad, envelope["ciphertext"])


# Plaintexts (8.3).


@dataclass(repr=False)
class Plaintext:
    kind: int
    id: bytes
    sent_at: int
    count: int
    burn_after: int = 0
    last_version: int = 0  # these two are on the wire only if n is 0
    last_count: int = 0
    body: bytes = b""

    def padded(self, n: int) -> bytes:
        head = u8(self.kind) + self.id + u64(self.sent_at) + u64(self.count) + u32(self.burn_after)
        if n == 0:
            head += u64(self.last_version) + u64(self.last_count)
        return pad(head + self.body)


class Unreadable(Exception):
    """A plaintext that decrypts and does not parse; `head` is what could be read of it."""

    def __init__(self, head: Plaintext | None) -> None:
        super().__init__("unreadable")
        self.head = head


def parse_plaintext(padded: Bytes, n: int) -> Plaintext:
    try:
        raw = unpad(bytes(padded))
    except Refused:
        raise Unreadable(None) from None
    fixed = 37 + (16 if n == 0 else 0)
    if len(raw) < fixed:
        raise Unreadable(None)

    def number(at: int, width: int) -> int:
        return int.from_bytes(raw[at : at + width], "big")

    plain = Plaintext(raw[0], raw[1:17], number(17, 8), number(25, 8), number(33, 4), body=raw[fixed:])
    if n == 0:
        plain.last_version, plain.last_count = number(37, 8), number(45, 8)
    if not _body_is_good(plain):
        raise Unreadable(plain)
    return plain


def _body_is_good(plain: Plaintext) -> bool:
    body = plain.body
    if plain.kind == TEXT:
        try:
            body.decode()
        except UnicodeDecodeError:
            return False
        return 1 <= len(body) <= LONGEST_TEXT
    if plain.burn_after != 0:
        return False
    return (
        (plain.kind == TYPING and body in (b"\0", b"\1"))
        or (plain.kind == READ and len(body) % 32 == 0 and 1 <= len(body) // 32 <= 64)
        or (plain.kind == TICKET and len(body) == 16)
        or (plain.kind == TICKET_WANTED and len(body) == 32)
    )


def padded_length(m: int) -> int:
    if m <= 64:
        return 64
    e = m.bit_length() - 1
    s = e.bit_length()  # floor(log2 e) + 1
    mask = (1 << (e - s)) - 1
    return (m + mask) & ~mask


def pad(plaintext: bytes) -> bytes:
    return (plaintext + b"\x80").ljust(padded_length(len(plaintext) + 1), b"\0")


def unpad(padded: bytes) -> bytes:
    with_mark = padded.rstrip(b"\0")
    if not with_mark.endswith(b"\x80") or len(padded) != padded_length(len(with_mark)):
        raise Refused("unreadable")
    return with_mark[:-1]
