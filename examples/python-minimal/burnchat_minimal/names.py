"""Sections 5.4 and 5.5: sealed names, and how they are shown."""

import unicodedata

from .crypto import Draw, H, L, PrivateKey, PublicKey, seal, sign, u8, unseal, verifies
from .errors import Refused
from .link import RoomKeys
from .words import ANIMALS

SYMBOLS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
LONGEST = 64
IV_BYTES = 12

_FORBIDDEN = {
    0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180E, 0x200B, 0x200E, 0x200F, 0x2028, 0x2029,
    *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0x3164, 0xFEFF, 0xFFA0, *range(0xE0000, 0xE0080),
}  # fmt: skip


def seal_name(keys: RoomKeys, participant_id: bytes, sig: PrivateKey, name: str, draw: Draw) -> bytes:
    text = name.encode()
    signature = sign(sig, _signed(keys, participant_id, text))
    plaintext = u8(len(text)) + text.ljust(LONGEST, b"\0") + signature
    iv = draw(IV_BYTES)
    return iv + seal(keys.name_key, iv, participant_id, plaintext)


def open_name(keys: RoomKeys, participant_id: bytes, sig_pub: PublicKey | None, sealed: bytes) -> str | None:
    """The name, or None where it is bad."""
    plaintext = unseal(keys.name_key, sealed[:IV_BYTES], participant_id, sealed[IV_BYTES:])
    if plaintext is None or len(plaintext) != 1 + LONGEST + 64 or not 1 <= plaintext[0] <= LONGEST:
        return None
    text, padding = bytes(plaintext[1 : 1 + plaintext[0]]), plaintext[1 + plaintext[0] : 1 + LONGEST]
    if any(padding) or not verifies(sig_pub, _signed(keys, participant_id, text), bytes(plaintext[1 + LONGEST :])):
        return None
    try:
        name = text.decode()
    except UnicodeDecodeError:
        return None
    return name if _allowed(name) else None


def own_name(name: str) -> str:
    """A user's own name in form C, or refused. A receiver does not check the form."""
    name = normal(name)
    if len(name.encode("utf-8", "surrogatepass")) > LONGEST:
        raise Refused("name_too_long")
    if not _allowed(name):
        raise Refused("name_not_allowed")
    return name


def invented(drawn: bytes) -> str:
    """The form of fallback and anonymous names, of 6 bytes or more."""
    return f"anonymous-{ANIMALS[drawn[0] % 64]}-" + "".join(SYMBOLS[x % 32] for x in drawn[1:6]).lower()


def fallback(participant_id: bytes) -> str:
    return invented(H(L("label", participant_id)))


def tag(participant_id: bytes) -> str:
    bits = int.from_bytes(participant_id[:3], "big") >> 4
    return "".join(SYMBOLS[bits >> shift & 31] for shift in (15, 10, 5, 0))


def shown(name: str, number: int, participant_id: bytes) -> str:
    return f"{name}·{number}·{tag(participant_id)}"


def normal(name: str) -> str:
    """What names are compared in."""
    return unicodedata.normalize("NFC", name)


def _signed(keys: RoomKeys, participant_id: bytes, text: bytes) -> bytes:
    return L("name", keys.room_id, participant_id, text)


def _allowed(name: str) -> bool:
    # `isspace` differs from the property White_Space in control characters only, which are not allowed anyway.
    return not (name == "" or name.isspace()) and not any(
        ord(c) in _FORBIDDEN or unicodedata.category(c) in ("Cc", "Cs") for c in name
    )
