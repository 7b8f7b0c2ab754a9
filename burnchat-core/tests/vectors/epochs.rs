use burnchat_core::{
    crypto::{
        KemKeyPair, KemPublicKey, KeyEncryptionKey, SessionKey, Signature, VerifyingKey, epoch_id,
        verify_key_frame,
    },
    ids::{EpochId, ParticipantId, RoomId, RosterHash},
};

use super::read::{Case, each, same};

#[test]
fn epochs() {
    each(
        "epochs",
        &[("wraps", 10), ("key_frames", 9), ("backs", 4)],
        |group, case| match group {
            "wraps" => wraps(case),
            "key_frames" => key_frames(case),
            _ => backs(case),
        },
    );
}

#[test]
fn chains() {
    each("chains", &[("chains", 4)], |_, case| {
        let epoch = EpochId(case.array("epoch_id"));
        let sender = ParticipantId(case.array("sender_id"));
        let key = SessionKey::from_secret(case.secret("session_key"));
        let mut chain = key.chain(&epoch, &sender);
        for expected in case.list("keys") {
            let n = expected["n"].as_u64().unwrap();
            let expected = expected["message_key"].as_str().unwrap();
            let (message_key, _) = key.chain(&epoch, &sender).look_ahead(n).unwrap();
            same("look_ahead", hex(&message_key), expected.into())?;
            while chain.next_n() < n {
                chain.take();
            }
            same(
                "take",
                chain.take().map(|key| hex(&key)),
                Some(expected.into()),
            )?;
        }
        let end = case.number("end");
        let past = key.chain(&epoch, &sender).look_ahead(end);
        same("end", past.is_none(), true)?;
        same(
            "after the last",
            chain.next_n() == end,
            chain.take().is_none(),
        )
    });
}

fn hex(key: &burnchat_core::crypto::MessageKey) -> String {
    super::read::hex(key.as_secret().as_bytes())
}

fn wraps(case: &Case) -> Result<(), String> {
    let wrap_key = case.secret("wrap_key");
    let roster_hash = RosterHash(case.array("roster_hash"));
    let steward = ParticipantId(case.array("steward_id"));
    let recipient = ParticipantId(case.array("recipient_id"));
    // Each side from its own half.
    let kek = |scalar: &str, public: &str| {
        let own = KemKeyPair::from_scalar_bytes(&case.secret(scalar)).unwrap();
        let peer = KemPublicKey::from_sec1(&case.bytes(public)).unwrap();
        let shared = own.agree(&peer).unwrap();
        let kek = KeyEncryptionKey::derive(&wrap_key, &roster_hash, &shared, &steward, &recipient);
        (kek, *shared.as_bytes())
    };
    let (at_recipient, shared) = kek("recipient_kem_scalar", "steward_kem_pub");
    let wrapped = case.array("wrapped");
    let unwrapped = at_recipient
        .unwrap(&wrapped)
        .ok()
        .map(|key| *key.as_secret().as_bytes());
    if !case.is_valid() {
        return same("unwrapped", unwrapped, None);
    }
    same("shared", shared, case.array("shared"))?;
    same("unwrapped", unwrapped, Some(case.array("session_key")))?;
    let (at_steward, _) = kek("steward_kem_scalar", "recipient_kem_pub");
    let key = SessionKey::from_secret(case.secret("session_key"));
    same("wrapped", at_steward.wrap(&key), wrapped)
}

fn key_frames(case: &Case) -> Result<(), String> {
    let room_id = RoomId(case.array("room_id"));
    let roster_hash = RosterHash(case.array("roster_hash"));
    let (prev, commit) = (EpochId(case.array("prev")), case.array("commit"));
    let epoch = epoch_id(&prev, &roster_hash, &commit);
    same("epoch_id", *epoch.as_bytes(), case.array("epoch_id"))?;
    let steward = VerifyingKey::from_sec1(&case.bytes("steward_sig_pub")).unwrap();
    let sig = Signature::from_bytes(case.array("sig"));
    let signed = verify_key_frame(&steward, &room_id, &epoch, &sig).is_ok();
    let key = SessionKey::from_secret(case.secret("session_key"));
    let matches = key.matches(&commit, &roster_hash);
    let error = match (signed, matches) {
        (false, _) => Some("fork"),
        (true, false) => Some("bad_wrap"),
        (true, true) => None,
    };
    let expected = (!case.is_valid()).then(|| case.text("error"));
    same("error", error, expected)?;
    if case.is_valid() {
        same("commit", key.commit(&roster_hash), commit)?;
    }
    Ok(())
}

fn backs(case: &Case) -> Result<(), String> {
    let epoch = EpochId(case.array("epoch_id"));
    let key = SessionKey::from_secret(case.secret("session_key"));
    let wrapped = case.array("wrapped");
    let commit = case.array("older_commit");
    let roster_hash = RosterHash(case.array("older_roster_hash"));
    let older = key
        .unwrap_back(&epoch, &wrapped)
        .ok()
        .filter(|older| older.matches(&commit, &roster_hash));
    if !case.is_valid() {
        return same("opened", older.is_some(), false);
    }
    let older = older.map(|older| *older.as_secret().as_bytes());
    same("opened", older, Some(case.array("older_session_key")))?;
    let older = SessionKey::from_secret(case.secret("older_session_key"));
    same("wrapped", key.wrap_back(&epoch, &older), wrapped)
}
