"""Section 3: encodings and primitives, each one as the protocol uses it and no other way."""

import base64
import hmac as stdlib_hmac
import re
from collections.abc import Callable
from hashlib import sha256

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from .errors import Refused

CURVE = ec.SECP256R1()
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
SHA256 = hashes.SHA256()
TAG_BYTES = 16

Bytes = bytes | bytearray
Draw = Callable[[int], bytes]  # random bytes, so many
PrivateKey = ec.EllipticCurvePrivateKey
PublicKey = ec.EllipticCurvePublicKey


def u8(x: int) -> bytes:
    return x.to_bytes(1, "big")


def u32(x: int) -> bytes:
    return x.to_bytes(4, "big")


def u64(x: int) -> bytes:
    return x.to_bytes(8, "big")


def L(label: str, *fields: bytes) -> bytes:
    """The label encoding: no two different lists give the same bytes."""
    parts = [b"burnchat/1 " + label.encode("ascii"), *fields]
    return b"".join(u32(len(part)) + bytes(part) for part in parts)


def H(x: bytes) -> bytes:
    return sha256(x).digest()


def HMAC(key: Bytes, x: bytes) -> bytes:
    return stdlib_hmac.digest(bytes(key), x, "sha256")


def equal(a: Bytes, b: Bytes) -> bool:
    """In constant time (17.7)."""
    return stdlib_hmac.compare_digest(bytes(a), bytes(b))


def hkdf(salt: bytes, ikm: Bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256, length=32, salt=bytes(salt), info=info).derive(bytes(ikm))


def wrap(kek: bytes, key: Bytes) -> bytes:
    return aes_key_wrap(bytes(kek), bytes(key))


def unwrap(kek: bytes, wrapped: bytes) -> bytearray | None:
    try:
        return bytearray(aes_key_unwrap(bytes(kek), bytes(wrapped)))
    except InvalidUnwrap:
        return None


def seal(key: Bytes, iv: bytes, aad: bytes, plaintext: bytes) -> bytes:
    return AESGCM(bytes(key)).encrypt(iv, bytes(plaintext), aad)


def unseal(key: Bytes, iv: bytes, aad: bytes, ciphertext: bytes) -> bytearray | None:
    if len(ciphertext) < TAG_BYTES:
        return None
    try:
        return bytearray(AESGCM(bytes(key)).decrypt(iv, ciphertext, aad))
    except InvalidTag:
        return None


def private_key(scalar: bytes) -> PrivateKey | None:
    number = int.from_bytes(scalar, "big")
    return ec.derive_private_key(number, CURVE) if 0 < number < ORDER else None


def draw_key(draw: Draw) -> PrivateKey:
    while (key := private_key(draw(32))) is None:
        pass
    return key


def public_key(point: bytes) -> PublicKey | None:
    """The key of an uncompressed point, or None. The library takes compressed points, hence the check before it."""
    if len(point) != 65 or point[0] != 4:
        return None
    try:
        return PublicKey.from_encoded_point(CURVE, bytes(point))
    except ValueError:
        return None


def point(key: PrivateKey) -> bytes:
    numbers = key.public_key().public_numbers()
    return b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def scalar(key: PrivateKey) -> bytes:
    return key.private_numbers().private_value.to_bytes(32, "big")


def ecdh(key: PrivateKey, peer: PublicKey) -> bytes:
    return key.exchange(ec.ECDH(), peer)


def sign(key: PrivateKey, message: bytes) -> bytes:
    r, s = utils.decode_dss_signature(key.sign(message, ec.ECDSA(SHA256)))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def verifies(key: PublicKey | None, message: bytes, signature: bytes) -> bool:
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if key is None or len(signature) != 64 or not (0 < r < ORDER and 0 < s < ORDER):
        return False
    try:
        key.verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(SHA256))
    except InvalidSignature:
        return False
    return True


def to_base64url(x: Bytes) -> str:
    return base64.urlsafe_b64encode(x).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes:
    """Strict: the decoder ignores what it should refuse, so what it read is written again and compared (17.7)."""
    if re.fullmatch(r"[A-Za-z0-9_-]*", text, re.ASCII) is None or len(text) % 4 == 1:
        raise Refused("malformed_frame")
    x = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if to_base64url(x) != text:
        raise Refused("malformed_frame")
    return x


def wipe(*secrets: bytearray | None) -> None:
    """Best effort: Python and OpenSSL make copies of which nobody knows (17.7)."""
    for secret in secrets:
        if secret is not None:
            secret[:] = bytes(len(secret))
