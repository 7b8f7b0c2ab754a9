// Our own functions: what burnchat-core answers. (burnchat-wasm includes this file, so its comment is not `//!`.)

use burnchat_core::crypto::{
    Body, Decoded, Header, KemKeyPair, KemPublicKey, KeyEncryptionKey, Label, LastEpoch, Name,
    Plaintext, PublicIdentity, ReadMessage, RoomKeys, RosterKeys, Secret, SecretBytes, SessionKey,
    Signature, Text, VerificationCode, VerificationEntry, VerifyingKey, aes256_gcm_open,
    aes256_gcm_seal, aes256_kw_unwrap, aes256_kw_wrap, epoch_id, hkdf_sha256, hmac_sha256, labels,
    open_name, pad, padded_len, participant_id, roster_hash, sha256, tag, unpad, verify_key_frame,
};
use burnchat_core::encoding::Fields;
use burnchat_core::error::Code;
use burnchat_core::ids::{EpochId, MessageId, ParticipantId, RoomId, RosterHash, TicketHash};
use burnchat_core::link::{Link, Ticket, room_id_of_seed};
use burnchat_core::time::Timestamp;
use burnchat_core::wire::http::CreateRoom;
use burnchat_core::wire::{Bytes, Ciphertext, ClientFrame, Envelope, RelayFrame, Role};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde_json::{Value, json};

use super::Answer;

/// Why there is no value.
enum Not {
    Refused(Option<Code>),
    Implemented,
}

type Given<V = Value> = Result<V, Not>;

impl From<Code> for Not {
    fn from(code: Code) -> Self {
        Self::Refused(Some(code))
    }
}

impl From<burnchat_core::crypto::CryptoError> for Not {
    fn from(_: burnchat_core::crypto::CryptoError) -> Self {
        Self::Refused(None)
    }
}

/// What a function answers.
pub(super) fn answer(name: &str, input: &Value) -> Answer {
    match compute(name, &In(input)) {
        Ok(output) => Answer::Output(output),
        Err(Not::Refused(code)) => Answer::Refused(code.map(|code| code.name().to_owned())),
        Err(Not::Implemented) => Answer::NotImplemented,
    }
}

/// The members of a call.
struct In<'a>(&'a Value);

impl In<'_> {
    fn text(&self, member: &str) -> &str {
        self.0[member].as_str().unwrap_or_default()
    }

    fn number(&self, member: &str) -> u64 {
        self.0[member].as_u64().unwrap_or_default()
    }

    fn bytes(&self, member: &str) -> Given<Vec<u8>> {
        unhex(self.text(member))
    }

    fn array<const N: usize>(&self, member: &str) -> Given<[u8; N]> {
        self.bytes(member)?
            .try_into()
            .map_err(|_| Not::Refused(None))
    }

    fn secret<const N: usize>(&self, member: &str) -> Given<Secret<N>> {
        Ok(Secret::copy_of(&self.array(member)?))
    }

    fn session_key(&self, member: &str) -> Given<SessionKey> {
        Ok(SessionKey::from_secret(self.secret(member)?))
    }

    fn link(&self) -> Given<Link> {
        Ok(Link::parse(self.text("link"))?)
    }

    fn list(&self, member: &str) -> &[Value] {
        self.0[member]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default()
    }
}

fn unhex(text: &str) -> Given<Vec<u8>> {
    HEXLOWER
        .decode(text.as_bytes())
        .map_err(|_| Not::Refused(None))
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}

fn compute(name: &str, c: &In<'_>) -> Given {
    let (file, _) = name.split_once('/').unwrap_or_default();
    match file {
        "encoding" | "primitives" => primitive(name, c),
        "link" | "identity" | "names" | "roster" => person(name, c),
        "epochs" | "chains" => epoch(name, c),
        "plaintexts" | "envelopes" => message(name, c),
        "verification" => codes(c),
        "frames" => frame(name, c),
        "errors" => error(c),
        _ => Err(Not::Implemented),
    }
}

fn primitive(name: &str, c: &In<'_>) -> Given {
    Ok(match name {
        "encoding/label" => {
            let mut list = Fields::bytes(label(c.text("label")).ok_or(Not::Implemented)?);
            for field in c.list("fields") {
                list = list.put(&unhex(field.as_str().unwrap_or_default())?);
            }
            json!({"encoded": hex(list.finish())})
        }
        "encoding/base64url_encode" => json!({"text": BASE64URL_NOPAD.encode(&c.bytes("bytes")?)}),
        "encoding/base64url_decode" => {
            let decoded = BASE64URL_NOPAD.decode(c.text("text").as_bytes());
            json!({"bytes": hex(decoded.map_err(|_| Not::Refused(None))?)})
        }
        "primitives/sha256" => json!({"digest": hex(sha256(&[&c.bytes("input")?]))}),
        "primitives/hmac" => {
            json!({"tag": hex(hmac_sha256(&c.bytes("key")?, &[&c.bytes("input")?]))})
        }
        "primitives/hkdf" => {
            let okm = hkdf_sha256(&c.bytes("salt")?, &c.bytes("ikm")?, &c.bytes("info")?);
            json!({"okm": hex(okm.as_bytes())})
        }
        "primitives/aes_kw_wrap" => {
            json!({"wrapped": hex(aes256_kw_wrap(&c.secret("kek")?, &c.secret("key")?))})
        }
        "primitives/aes_kw_unwrap" => {
            let key = aes256_kw_unwrap(&c.secret("kek")?, &c.array("wrapped")?)?;
            json!({"key": hex(key.as_bytes())})
        }
        "primitives/aes_gcm_seal" => {
            let plaintext = SecretBytes::copy_of(&c.bytes("plaintext")?);
            let sealed = aes256_gcm_seal(
                &c.secret("key")?,
                &c.array("iv")?,
                &c.bytes("aad")?,
                plaintext,
            )?;
            json!({"ciphertext": hex(sealed)})
        }
        "primitives/aes_gcm_open" => {
            let opened = aes256_gcm_open(
                &c.secret("key")?,
                &c.array("iv")?,
                &c.bytes("aad")?,
                &c.bytes("ciphertext")?,
            )?;
            json!({"plaintext": hex(opened.as_slice())})
        }
        "primitives/public_key" => {
            KemPublicKey::from_sec1(&c.bytes("public_key")?)?;
            VerifyingKey::from_sec1(&c.bytes("public_key")?)?;
            json!({})
        }
        "primitives/private_key" => {
            let pair = KemKeyPair::from_scalar_bytes(&c.secret("scalar")?)?;
            json!({"public_key": hex(pair.public_key().as_bytes())})
        }
        "primitives/ecdh" => {
            let pair = KemKeyPair::from_scalar_bytes(&c.secret("scalar")?)?;
            let shared = pair.agree(&KemPublicKey::from_sec1(&c.bytes("peer_public_key")?)?)?;
            json!({"shared": hex(shared.as_bytes())})
        }
        "primitives/ecdsa_verify" => {
            let key = VerifyingKey::from_sec1(&c.bytes("public_key")?)?;
            key.verify(
                &[&c.bytes("message")?],
                &Signature::from_bytes(c.array("signature")?),
            )?;
            json!({})
        }
        _ => return Err(Not::Implemented),
    })
}

fn label(name: &str) -> Option<Label> {
    use labels::{
        CHAIN, COMMIT, DIGITS, EPOCH, HISTORY, ID, JOIN, KEK, KEY, LABEL, MSG, NAME, ROOM, ROSTER,
        VERIFY, WRAP,
    };
    let all = [
        ROOM, JOIN, NAME, WRAP, ID, LABEL, ROSTER, KEK, COMMIT, EPOCH, KEY, CHAIN, MSG, HISTORY,
        VERIFY, DIGITS,
    ];
    let text = format!("burnchat/1 {name}");
    all.into_iter()
        .find(|label| label.as_bytes() == text.as_bytes())
}

fn person(name: &str, c: &In<'_>) -> Given {
    let id = || -> Given<ParticipantId> { Ok(ParticipantId(c.array("participant_id")?)) };
    Ok(match name {
        "link/room_id" => {
            json!({"room_id": hex(room_id_of_seed(&c.secret("id_seed")?).as_bytes())})
        }
        "link/parse" => {
            let link = c.link()?;
            json!({
                "base": link.base(),
                "room_id": hex(link.room_id().as_bytes()),
                "history": link.history(),
                "not_after": link.not_after().0 / 60_000,
                "secret": hex(link.secret().as_bytes()),
                "ticket": hex(link.ticket().as_secret().as_bytes()),
                "header": hex(link.header()),
                "ticket_hash": hex(link.ticket().hash().as_bytes()),
            })
        }
        "link/write" => {
            let not_after = u32::try_from(c.number("not_after")).map_err(|_| Not::Refused(None))?;
            let link = Link::new(
                c.text("base"),
                RoomId(c.array("room_id")?),
                c.0["history"] == true,
                not_after,
                c.secret("secret")?,
                Ticket::copy_of(&c.array("ticket")?),
            );
            json!({"link": link?.to_url().as_str()})
        }
        "identity/room_keys" => {
            let keys = RoomKeys::derive(&c.link()?);
            json!({"name_key": hex(keys.name_key().as_bytes()), "wrap_key": hex(keys.wrap_key().as_bytes())})
        }
        "identity/participant_id" => {
            json!({"participant_id": hex(participant_id(&c.array("kem_pub")?, &c.array("sig_pub")?).as_bytes())})
        }
        "identity/join_proof" => {
            let keys = RoomKeys::derive(&c.link()?);
            let proof = keys.join_proof(
                &c.array("kem_pub")?,
                &c.array("sig_pub")?,
                &c.array("sealed_name")?,
            );
            json!({"join_proof": hex(proof)})
        }
        "names/own" => json!({"name": Name::new(c.text("input"))?.as_str()}),
        "names/fallback" => json!({"name": Name::fallback(&id()?).as_str()}),
        "names/tag" => json!({"tag": tag(&id()?)}),
        "names/shown" => {
            json!({"shown": Name::new(c.text("name"))?.shown(c.number("number"), &id()?)})
        }
        "names/clash" => {
            let (earlier, later) = (Name::new(c.text("earlier"))?, Name::new(c.text("later"))?);
            json!({"clash": later.clashes_with(&earlier)})
        }
        "roster/hash" => {
            let mut entries = Vec::new();
            for entry in c.list("entries") {
                let entry = In(entry);
                let role = if entry.number("role") == 1 {
                    Role::Creator
                } else {
                    Role::Member
                };
                entries.push((entry.array("kem_pub")?, entry.array("sig_pub")?, role));
            }
            let keys = entries.iter().map(|(kem_pub, sig_pub, role)| RosterKeys {
                kem_pub,
                sig_pub,
                role: *role,
            });
            let hash = roster_hash(&RoomId(c.array("room_id")?), c.number("version"), keys);
            json!({"roster_hash": hex(hash.as_bytes())})
        }
        // Its keys are points, or it would not be shown: what is sealed is opened with the identity of the vector's link.
        "names/open" => {
            let keys = RoomKeys::derive(&c.link()?);
            let kem = c.array::<65>("kem_pub").or_else(|_| c.array("sig_pub"))?;
            let who = PublicIdentity::from_sec1(&kem, &c.array::<65>("sig_pub")?)?;
            if who.id() != id()? {
                return Err(Not::Implemented);
            }
            json!({"name": open_name(&keys, &who, &c.array("sealed_name")?).map_err(|_| Not::Refused(None))?.as_str()})
        }
        _ => return Err(Not::Implemented),
    })
}

fn epoch(name: &str, c: &In<'_>) -> Given {
    let hash = || -> Given<RosterHash> { Ok(RosterHash(c.array("roster_hash")?)) };
    let kek = |own: &str, peer: &str| -> Given<KeyEncryptionKey> {
        let own = KemKeyPair::from_scalar_bytes(&c.secret(own)?)?;
        let shared = own.agree(&KemPublicKey::from_sec1(&c.bytes(peer)?)?)?;
        let (steward, recipient) = (
            ParticipantId(c.array("steward_id")?),
            ParticipantId(c.array("recipient_id")?),
        );
        Ok(KeyEncryptionKey::derive(
            &c.secret("wrap_key")?,
            &hash()?,
            &shared,
            &steward,
            &recipient,
        ))
    };
    Ok(match name {
        "epochs/wrap" => {
            let kek = kek("steward_kem_scalar", "recipient_kem_pub")?;
            json!({"wrapped": hex(kek.wrap(&c.session_key("session_key")?))})
        }
        "epochs/unwrap" => {
            let kek = kek("recipient_kem_scalar", "steward_kem_pub")?;
            json!({"session_key": hex(kek.unwrap(&c.array("wrapped")?)?.as_secret().as_bytes())})
        }
        "epochs/commit" => json!({"commit": hex(c.session_key("session_key")?.commit(&hash()?))}),
        "epochs/epoch_id" => {
            let id = epoch_id(&EpochId(c.array("prev")?), &hash()?, &c.array("commit")?);
            json!({"epoch_id": hex(id.as_bytes())})
        }
        "epochs/verify" => {
            let key = VerifyingKey::from_sec1(&c.bytes("steward_sig_pub")?)?;
            let (room, epoch) = (RoomId(c.array("room_id")?), EpochId(c.array("epoch_id")?));
            verify_key_frame(&key, &room, &epoch, &Signature::from_bytes(c.array("sig")?))?;
            json!({})
        }
        "epochs/wrap_back" => {
            let (key, older) = (
                c.session_key("session_key")?,
                c.session_key("older_session_key")?,
            );
            json!({"wrapped": hex(key.wrap_back(&EpochId(c.array("epoch_id")?), &older))})
        }
        "epochs/unwrap_back" => {
            let key = c.session_key("session_key")?;
            let older = key.unwrap_back(&EpochId(c.array("epoch_id")?), &c.array("wrapped")?)?;
            json!({"older_session_key": hex(older.as_secret().as_bytes())})
        }
        "chains/message_key" => {
            let chain = c.session_key("session_key")?.chain(
                &EpochId(c.array("epoch_id")?),
                &ParticipantId(c.array("sender_id")?),
            );
            let (key, _) = chain.look_ahead(c.number("n")).ok_or(Not::Refused(None))?;
            json!({"message_key": hex(key.as_secret().as_bytes())})
        }
        _ => return Err(Not::Implemented),
    })
}

fn message(name: &str, c: &In<'_>) -> Given {
    Ok(match name {
        "plaintexts/encode" => {
            json!({"padded": hex(plaintext(c)?.encode(c.number("n")).as_slice())})
        }
        "plaintexts/decode" => decoded(c.number("n"), &c.bytes("padded")?)?,
        "plaintexts/padded_length" => {
            let length = usize::try_from(c.number("length")).map_err(|_| Not::Refused(None))?;
            json!({"padded_length": padded_len(length)})
        }
        "plaintexts/pad" => {
            let mut padded = SecretBytes::copy_of(&c.bytes("plaintext")?);
            pad(&mut padded);
            json!({"padded": hex(padded.as_slice())})
        }
        "plaintexts/unpad" => {
            json!({"plaintext": hex(unpad(&c.bytes("padded")?).ok_or(Not::Refused(None))?)})
        }
        "envelopes/open" => {
            let room = RoomId(c.array("room_id")?);
            let (epoch, sender) = (
                EpochId(c.array("epoch_id")?),
                ParticipantId(c.array("sender_id")?),
            );
            let envelope = Envelope {
                epoch,
                n: c.number("n"),
                flags: u8::try_from(c.number("flags")).map_err(|_| Not::Refused(None))?,
                iv: Bytes(c.array("iv")?),
                ciphertext: Ciphertext(c.bytes("ciphertext")?),
                sig: Bytes(c.array("sig")?),
            };
            let key = VerifyingKey::from_sec1(&c.bytes("sender_sig_pub")?)?;
            envelope
                .verify(&room, &sender, &key)
                .map_err(|_| Code::BadEnvelopeSignature)?;
            let chain = c.session_key("session_key")?.chain(&epoch, &sender);
            let (key, _) = chain.look_ahead(envelope.n).ok_or(Not::Refused(None))?;
            let padded = envelope
                .open(&room, &sender, &key)
                .map_err(|_| Code::BadEnvelope)?;
            json!({"padded": hex(padded.as_slice())})
        }
        _ => return Err(Not::Implemented),
    })
}

fn plaintext(c: &In<'_>) -> Given<Plaintext> {
    let body = match c.number("kind") {
        1 => Body::Text {
            text: Text::new(c.text("text"))?,
            burn_after: u32::try_from(c.number("burn_after")).map_err(|_| Not::Refused(None))?,
        },
        2 => Body::Typing(c.0["typing"] == true),
        3 => {
            let mut read = Vec::new();
            for pair in c.list("read") {
                let pair = In(pair);
                read.push(ReadMessage {
                    sender: ParticipantId(pair.array("sender")?),
                    id: MessageId(pair.array("id")?),
                });
            }
            Body::Read(read)
        }
        4 => Body::Ticket(Ticket::copy_of(&c.array("ticket")?)),
        5 => Body::TicketWanted(TicketHash(c.array("ticket_hash")?)),
        _ => return Err(Not::Refused(None)),
    };
    let header = Header {
        id: MessageId(c.array("message_id")?),
        sent_at: Timestamp(c.number("sent_at")),
        count: c.text("count").parse().map_err(|_| Not::Refused(None))?,
        last: (c.number("n") == 0).then(|| LastEpoch {
            version: c.number("last_version"),
            count: c.number("last_count"),
        }),
    };
    Ok(Plaintext { header, body })
}

fn decoded(n: u64, padded: &[u8]) -> Given {
    let Decoded { header, body, .. } =
        Decoded::from_padded(n, &SecretBytes::copy_of(padded)).ok_or(Not::Refused(None))?;
    let count = header.count.to_string();
    let Some(body) = body else {
        return Ok(json!({"count": count}));
    };
    let mut output = match body {
        Body::Text { text, burn_after } => {
            json!({"kind": 1, "text": text.as_str(), "burn_after": burn_after})
        }
        Body::Typing(typing) => json!({"kind": 2, "typing": typing, "burn_after": 0}),
        Body::Read(read) => {
            let read: Vec<Value> = read
                .iter()
                .map(|read| json!({"sender": hex(read.sender.as_bytes()), "id": hex(read.id.as_bytes())}))
                .collect();
            json!({"kind": 3, "read": read, "burn_after": 0})
        }
        Body::Ticket(ticket) => {
            json!({"kind": 4, "ticket": hex(ticket.as_secret().as_bytes()), "burn_after": 0})
        }
        Body::TicketWanted(hash) => {
            json!({"kind": 5, "ticket_hash": hex(hash.as_bytes()), "burn_after": 0})
        }
        _ => return Err(Not::Implemented),
    };
    output["message_id"] = hex(header.id.as_bytes()).into();
    output["sent_at"] = header.sent_at.0.into();
    output["count"] = count.into();
    if let Some(last) = header.last {
        output["last_version"] = last.version.into();
        output["last_count"] = last.count.into();
    }
    Ok(output)
}

fn codes(c: &In<'_>) -> Given {
    let mut entries = Vec::new();
    for entry in c.list("entries") {
        let entry = In(entry);
        let (kem_pub, sig_pub) = (entry.array("kem_pub")?, entry.array("sig_pub")?);
        entries.push((participant_id(&kem_pub, &sig_pub), kem_pub, sig_pub));
    }
    let shown = entries
        .iter()
        .map(|(id, kem_pub, sig_pub)| VerificationEntry {
            id: *id,
            kem_pub,
            sig_pub,
        });
    let code = VerificationCode::new(&RoomId(c.array("room_id")?), &c.secret("secret")?, shown);
    let emoji = code.emoji();
    Ok(json!({
        "transcript": hex(code.transcript()),
        "short_code": code.short_code(),
        "emoji": emoji.iter().map(|emoji| emoji.symbol).collect::<String>(),
        "emoji_names": emoji.iter().map(|emoji| emoji.name).collect::<Vec<_>>(),
        "safety_number": code.safety_number(),
        "qr_text": code.qr_text(),
    }))
}

fn frame(name: &str, c: &In<'_>) -> Given {
    let bytes = c.bytes("bytes")?;
    let written = match name {
        "frames/client_frame" => Some(ClientFrame::parse(&bytes)?.encode()),
        "frames/relay_frame" => RelayFrame::parse(&bytes)?.map(|frame| frame.encode()),
        "frames/request_body" => Some(CreateRoom::parse(&bytes)?.encode()),
        _ => return Err(Not::Implemented),
    };
    let Some(written) = written else {
        return Ok(json!({"members": null}));
    };
    let value: Value = serde_json::from_str(written.as_str()).map_err(|_| Not::Refused(None))?;
    Ok(json!({"members": in_hex("", &value)}))
}

/// Members whose text is a word, and not bytes.
const WORDS: [&str; 6] = ["type", "role", "reason", "code", "burn", "pin"];

/// A frame as the vectors write it.
fn in_hex(key: &str, value: &Value) -> Value {
    match value {
        Value::String(text) if !WORDS.contains(&key) => BASE64URL_NOPAD
            .decode(text.as_bytes())
            .map(hex)
            .unwrap_or_default()
            .into(),
        Value::Array(items) => items.iter().map(|item| in_hex("", item)).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(key, value)| (key.clone(), in_hex(key, value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

fn error(c: &In<'_>) -> Given {
    let code = Code::from_name(c.text("name")).ok_or(Not::Refused(None))?;
    let effect = format!("{:?}", code.effect()).to_lowercase();
    Ok(json!({
        "number": code.number(),
        "blame": format!("{:?}", code.blame()).to_lowercase(),
        "effect": if effect == "none" { Value::Null } else { effect.into() },
        "http": code.http_status(),
    }))
}
