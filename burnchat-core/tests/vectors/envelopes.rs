use burnchat_core::{
    crypto::{SessionKey, VerifyingKey},
    ids::{EpochId, ParticipantId, RoomId},
    wire::{Bytes, Ciphertext, Envelope},
};

use super::read::{Case, each, hex, same};

#[test]
fn envelopes() {
    each("envelopes", &[("envelopes", 27)], |_, case| {
        let room_id = RoomId(case.array("room_id"));
        let sender = ParticipantId(case.array("sender_id"));
        let sender_key = VerifyingKey::from_sec1(&case.bytes("sender_sig_pub")).unwrap();
        let envelope = Envelope {
            epoch: EpochId(case.array("epoch_id")),
            n: case.number("n"),
            flags: u8::try_from(case.number("flags")).unwrap(),
            iv: Bytes(case.array("iv")),
            ciphertext: Ciphertext(case.bytes("ciphertext")),
            sig: Bytes(case.array("sig")),
        };
        let session_key = SessionKey::from_secret(case.secret("session_key"));
        let chain = session_key.chain(&envelope.epoch, &sender);
        let (key, _) = chain.look_ahead(envelope.n).unwrap();
        let opened = envelope
            .verify(&room_id, &sender, &sender_key)
            .map_err(|_| "bad_envelope_signature")
            .and_then(|()| {
                envelope
                    .open(&room_id, &sender, &key)
                    .map_err(|_| "bad_envelope")
            })
            .map(|padded| hex(padded.as_slice()));
        if !case.is_valid() {
            return same("opened", opened, Err(case.text("error")));
        }
        let message_key = hex(key.as_secret().as_bytes());
        same("key", message_key.as_str(), case.text("message_key"))?;
        same("opened", opened.as_deref(), Ok(case.text("padded")))?;
        seals_the_same(case, &envelope)
    });
}

/// AWS-LC signs otherwise each time.
#[cfg(feature = "aws-lc")]
fn seals_the_same(_: &Case, _: &Envelope) -> Result<(), String> {
    Ok(())
}

#[cfg(not(feature = "aws-lc"))]
fn seals_the_same(case: &Case, envelope: &Envelope) -> Result<(), String> {
    use burnchat_core::crypto::{Identity, KemKeyPair, SecretBytes, SigningKeyPair};

    // The core sets no flags; and what seals must be the sender, whose ECDH key is only in its id.
    if envelope.flags != 0 {
        return Ok(());
    }
    let sender = Identity::from_key_pairs(
        KemKeyPair::from_scalar_bytes(&case.secret("sender_kem_scalar")).unwrap(),
        SigningKeyPair::from_scalar_bytes(&case.secret("sender_sig_scalar")).unwrap(),
    );
    same("sender", *sender.id().as_bytes(), case.array("sender_id"))?;
    let session_key = SessionKey::from_secret(case.secret("session_key"));
    let chain = session_key.chain(&envelope.epoch, &sender.id());
    let (key, _) = chain.look_ahead(envelope.n).unwrap();
    let mut draws = super::read::Draws::new(&[&case.bytes("iv")]);
    let again = Envelope::seal(
        &RoomId(case.array("room_id")),
        &envelope.epoch,
        &sender,
        key,
        SecretBytes::copy_of(&case.bytes("padded")),
        &mut draws,
    );
    same("sealed", again.as_ref().ok(), Some(envelope))
}
