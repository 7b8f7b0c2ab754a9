"""Section 8 of spec/shim.md: pure functions for the test vectors. Bytes are hex here, as in the vectors."""

import json
from collections.abc import Callable
from typing import Any, BinaryIO

from . import crypto, epochs, frames, link, names, roster
from .crypto import HMAC, H, L
from .errors import Refused

LINE_BYTES = 8 * 2**20

Output = dict[str, Any]


class Input:
    """The members of a call: `x.name` is one that is hex, `x["name"]` one that is not."""

    def __init__(self, members: dict[str, Any]) -> None:
        self._members = members

    def __getattr__(self, name: str) -> bytes:
        return bytes.fromhex(self._members[name])

    def __getitem__(self, name: str) -> Any:
        return self._members[name]

    def get(self, name: str, default: Any) -> Any:
        return self._members.get(name, default)

    def keys(self) -> link.RoomKeys:
        return link.room_keys(link.parse(self["link"]))

    def entries(self) -> list[dict[str, Any]]:
        return [
            e | {"kem_pub": bytes.fromhex(e["kem_pub"]), "sig_pub": bytes.fromhex(e["sig_pub"])}
            for e in self["entries"]
        ]


def call(name: str, members: dict[str, Any]) -> Output:
    """Raises `Refused` for input that is to be refused, and NotImplementedError."""
    if name not in FUNCTIONS:
        raise NotImplementedError(name)
    return {name: _hexed(value) for name, value in (FUNCTIONS[name](Input(members)) or {}).items()}


def compute(lines: BinaryIO, write: Callable[[Output], None]) -> None:
    while line := lines.readline(LINE_BYTES + 1):
        if not line.strip():
            continue
        request = json.loads(line)
        try:
            write({"event": "result", "output": call(request["call"], request["input"])})
        except Refused as refused:
            write({"event": "refused", **({"error": refused.name} if refused.name else {})})
        except NotImplementedError:
            write({"event": "not_implemented"})


def _hexed(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    if isinstance(value, dict):
        return {name: _hexed(x) for name, x in value.items()}
    return [_hexed(x) for x in value] if isinstance(value, list) else value


def _some(value: Any, error: str = "") -> Any:
    """Refuses what is missing or wrong; the protocol doesn't always have a name for that."""
    if value is None or value is False:
        raise Refused(error)
    return value


def _private(scalar: bytes) -> crypto.PrivateKey:
    key: crypto.PrivateKey = _some(crypto.private_key(scalar))
    return key


def _public(point: bytes) -> crypto.PublicKey:
    key: crypto.PublicKey = _some(crypto.public_key(point), "bad_key")
    return key


def _base64url_decode(x: Input) -> Output:
    try:
        return {"bytes": crypto.from_base64url(x["text"])}
    except Refused:
        raise Refused("") from None


def _link(x: Input) -> Output:
    read = link.parse(x["link"])
    fields = ("base", "room_id", "history", "not_after", "secret", "ticket", "header")
    return {name: getattr(read, name) for name in fields} | {"ticket_hash": H(read.ticket)}


def _room_keys(x: Input) -> Output:
    keys = x.keys()
    return {"join_key": keys.join_key, "name_key": keys.name_key, "wrap_key": keys.wrap_key}


def _name_seal(x: Input) -> Output:
    sealed = names.seal_name(x.keys(), x.participant_id, _private(x.sig_scalar), x["name"], lambda _: x.name_iv)
    return {"sealed_name": sealed}


def _name_open(x: Input) -> Output:
    name = names.open_name(x.keys(), x.participant_id, crypto.public_key(x.sig_pub), x.sealed_name)
    return {"name": _some(name, "bad_name")}


def _wrap(x: Input) -> Output:
    own, peer = _private(x.steward_kem_scalar), _public(x.recipient_kem_pub)
    kek = epochs.shared_kek(x.wrap_key, own, peer, x.roster_hash, x.steward_id, x.recipient_id)
    return {"wrapped": crypto.wrap(kek, x.session_key)}


def _unwrap(x: Input) -> Output:
    own, peer = _private(x.recipient_kem_scalar), _public(x.steward_kem_pub)
    kek = epochs.shared_kek(x.wrap_key, own, peer, x.roster_hash, x.steward_id, x.recipient_id)
    return {"session_key": _some(crypto.unwrap(kek, x.wrapped), "bad_wrap")}


def _key_frame_verify(x: Input) -> None:
    signed = epochs.signed_key_frame(x.room_id, x.epoch_id)
    _some(crypto.verifies(crypto.public_key(x.steward_sig_pub), signed, x.sig), "fork")


def _message_key(x: Input) -> Output:
    chain = epochs.Chain(x.epoch_id, x.session_key, x.sender_id)
    if not 0 <= x["n"] < epochs.CHAIN:
        raise Refused("")
    while chain.n < x["n"]:
        chain.step()
    return {"chain": bytes(chain.value), "message_key": chain.step()}


def _plaintext_encode(x: Input) -> Output:
    bodies: dict[int, Callable[[], bytes]] = {
        epochs.TEXT: lambda: x["text"].encode(),
        epochs.TYPING: lambda: bytes([x["typing"]]),
        epochs.READ: lambda: b"".join(bytes.fromhex(pair["sender"] + pair["id"]) for pair in x["read"]),
        epochs.TICKET: lambda: x.ticket,
        epochs.TICKET_WANTED: lambda: x.ticket_hash,
    }
    head = (x["kind"], x.message_id, x["sent_at"], int(x["count"]), x["burn_after"])
    plain = epochs.Plaintext(*head, x.get("last_version", 0), x.get("last_count", 0), bodies[x["kind"]]())
    return {"padded": plain.padded(x["n"])}


def _plaintext_decode(x: Input) -> Output:
    try:
        plain = epochs.parse_plaintext(x.padded, x["n"])
    except epochs.Unreadable as unreadable:
        return {"count": str(_some(unreadable.head, "unreadable").count)}
    head: Output = {"kind": plain.kind, "message_id": plain.id, "sent_at": plain.sent_at, "count": str(plain.count)}
    last = {"last_version": plain.last_version, "last_count": plain.last_count} if x["n"] == 0 else {}
    pairs = [plain.body[at : at + 32] for at in range(0, len(plain.body), 32)]
    bodies: dict[int, Callable[[], Output]] = {
        epochs.TEXT: lambda: {"text": plain.body.decode()},
        epochs.TYPING: lambda: {"typing": plain.body == b"\1"},
        epochs.READ: lambda: {"read": [{"sender": pair[:16], "id": pair[16:]} for pair in pairs]},
        epochs.TICKET: lambda: {"ticket": plain.body},
        epochs.TICKET_WANTED: lambda: {"ticket_hash": plain.body},
    }
    return head | {"burn_after": plain.burn_after} | last | bodies[plain.kind]()


def _envelope_seal(x: Input) -> Output:
    if x["flags"]:
        raise NotImplementedError("senders set no flags")
    chain = epochs.Chain(x.epoch_id, x.session_key, x.sender_id)
    while chain.n < x["n"]:
        chain.step()
    sig = _private(x.sender_sig_scalar)
    sealed = epochs.seal_envelope(x.room_id, x.epoch_id, x.sender_id, sig, chain, x.padded, lambda _: x.iv)
    return {"ciphertext": sealed["ciphertext"], "sig": sealed["sig"]}


def _envelope_open(x: Input) -> Output:
    parts = {"iv": x.iv, "ciphertext": x.ciphertext, "sig": x.sig}
    envelope = {"epoch": x.epoch_id, "n": x["n"], "flags": x["flags"], **parts}
    signed = epochs.envelope_is_signed(x.room_id, x.sender_id, crypto.public_key(x.sender_sig_pub), envelope)
    _some(signed, "bad_envelope_signature")
    _, key = epochs.Chain(x.epoch_id, x.session_key, x.sender_id).ahead(x["n"])
    return {"padded": _some(epochs.open_envelope(x.room_id, x.sender_id, key, envelope), "bad_envelope")}


def _codes(x: Input) -> Output:
    digest = roster.transcript(x.room_id, x.secret, ((e["kem_pub"], e["sig_pub"]) for e in x.entries()))
    codes = roster.codes_of(digest)
    pictures = {"emoji": codes.emoji, "emoji_names": codes.emoji_names}
    return {
        "transcript": digest,
        "short_code": codes.short,
        **pictures,
        "safety_number": codes.number,
        "qr_text": codes.qr,
    }


def _roster_hash(x: Input) -> Output:
    entries = ((e["kem_pub"], e["sig_pub"], e["role"] == 1) for e in x.entries())
    return {"roster_hash": roster.roster_hash(x.room_id, x["version"], entries)}


FUNCTIONS: dict[str, Callable[[Input], Output | None]] = {
    "encoding/label": lambda x: {"encoded": L(x["label"], *map(bytes.fromhex, x["fields"]))},
    "encoding/base64url_encode": lambda x: {"text": crypto.to_base64url(x.bytes)},
    "encoding/base64url_decode": _base64url_decode,
    "primitives/sha256": lambda x: {"digest": H(x.input)},
    "primitives/hmac": lambda x: {"tag": HMAC(x.key, x.input)},
    "primitives/hkdf": lambda x: {"okm": crypto.hkdf(x.salt, x.ikm, x.info)},
    "primitives/aes_kw_wrap": lambda x: {"wrapped": crypto.wrap(x.kek, x.key)},
    "primitives/aes_kw_unwrap": lambda x: {"key": _some(crypto.unwrap(x.kek, x.wrapped))},
    "primitives/aes_gcm_seal": lambda x: {"ciphertext": crypto.seal(x.key, x.iv, x.aad, x.plaintext)},
    "primitives/aes_gcm_open": lambda x: {"plaintext": _some(crypto.unseal(x.key, x.iv, x.aad, x.ciphertext))},
    "primitives/public_key": lambda x: {} if _public(x.public_key) else None,
    "primitives/private_key": lambda x: {"public_key": crypto.point(_private(x.scalar))},
    "primitives/ecdh": lambda x: {"shared": crypto.ecdh(_private(x.scalar), _public(x.peer_public_key))},
    "primitives/ecdsa_verify": lambda x: (
        _some(crypto.verifies(crypto.public_key(x.public_key), x.message, x.signature)) and None
    ),
    "link/room_id": lambda x: {"room_id": link.room_id_of(x.id_seed)},
    "link/parse": _link,
    "link/write": lambda x: {
        "link": str(link.Link(x["base"], x.room_id, x["history"], x["not_after"], x.secret, x.ticket))
    },
    "identity/room_keys": _room_keys,
    "identity/participant_id": lambda x: {"participant_id": roster.participant_id(x.kem_pub, x.sig_pub)},
    "identity/join_proof": lambda x: {"join_proof": roster.join_proof(x.keys(), x.kem_pub, x.sig_pub, x.sealed_name)},
    "names/seal": _name_seal,
    "names/open": _name_open,
    "names/own": lambda x: {"name": names.own_name(x["input"])},
    "names/fallback": lambda x: {"name": names.fallback(x.participant_id)},
    "names/anonymous": lambda x: {"name": names.invented(x.drawn)},
    "names/tag": lambda x: {"tag": names.tag(x.participant_id)},
    "names/shown": lambda x: {"shown": names.shown(x["name"], x["number"], x.participant_id)},
    "names/clash": lambda x: {"clash": names.normal(x["earlier"]) == names.normal(x["later"])},
    "roster/hash": _roster_hash,
    "epochs/wrap": _wrap,
    "epochs/unwrap": _unwrap,
    "epochs/commit": lambda x: {"commit": epochs.commit_of(x.session_key, x.roster_hash)},
    "epochs/epoch_id": lambda x: {"epoch_id": epochs.epoch_id_of(x.prev, x.roster_hash, x.commit)},
    "epochs/verify": _key_frame_verify,
    "chains/message_key": _message_key,
    "plaintexts/encode": _plaintext_encode,
    "plaintexts/decode": _plaintext_decode,
    "plaintexts/padded_length": lambda x: {"padded_length": epochs.padded_length(x["length"])},
    "plaintexts/pad": lambda x: {"padded": epochs.pad(x.plaintext)},
    "plaintexts/unpad": lambda x: {"plaintext": epochs.unpad(x.padded)},
    "envelopes/seal": _envelope_seal,
    "envelopes/open": _envelope_open,
    "verification/codes": _codes,
    "frames/client_frame": lambda x: {"members": frames.read_from_client(x.bytes)},
    "frames/relay_frame": lambda x: {"members": frames.read_from_relay(x.bytes)},
    "frames/request_body": lambda x: {"members": frames.read_body(frames.CREATE_REQUEST, x.bytes)},
}
