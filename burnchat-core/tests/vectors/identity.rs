use burnchat_core::crypto::{
    PublicIdentity, RoomKeys, hkdf_sha256, hmac_sha256, labels, participant_id, sha256,
};
use burnchat_core::encoding::Fields;

use super::read::{Case, each, same};

#[test]
fn identity() {
    each(
        "identity",
        &[("room_keys", 4), ("identities", 5), ("join_proofs", 8)],
        |group, case| match group {
            "room_keys" => room_keys(case),
            "identities" => identities(case),
            _ => join_proofs(case),
        },
    );
}

fn room_keys(case: &Case) -> Result<(), String> {
    let link = case.link();
    let keys = RoomKeys::derive(&link);
    same("room_id", *keys.room_id().as_bytes(), case.array("room_id"))?;
    same("header", link.header(), case.array("header"))?;
    same(
        "name_key",
        *keys.name_key().as_bytes(),
        case.array("name_key"),
    )?;
    same(
        "wrap_key",
        *keys.wrap_key().as_bytes(),
        case.array("wrap_key"),
    )?;
    let info = Fields::bytes(labels::JOIN).put(&link.header()).finish();
    let join_key = hkdf_sha256(&case.bytes("room_id"), &case.bytes("secret"), &info);
    same("join_key", *join_key.as_bytes(), case.array("join_key"))?;
    // The core keeps the join key to itself; a proof shows which it is.
    let (key, sealed) = ([4; 65], [0; 157]);
    let proven = Fields::bytes(labels::JOIN)
        .put(&case.bytes("room_id"))
        .put(&key)
        .put(&key)
        .put(&sha256(&[&sealed]))
        .finish();
    let proof = hmac_sha256(&case.bytes("join_key"), &[&proven]);
    same("proof", keys.join_proof(&key, &key, &sealed), proof)
}

fn identities(case: &Case) -> Result<(), String> {
    let (kem_pub, sig_pub) = (case.array("kem_pub"), case.array("sig_pub"));
    let id = participant_id(&kem_pub, &sig_pub);
    same(
        "participant_id",
        *id.as_bytes(),
        case.array("participant_id"),
    )?;
    if case.get("kem_scalar").is_none() {
        return Ok(());
    }
    let identity = case.identity("kem_scalar", "sig_scalar");
    same("kem_pub", *identity.kem().public_key().as_bytes(), kem_pub)?;
    same(
        "sig_pub",
        *identity.signing().verifying_key().as_bytes(),
        sig_pub,
    )?;
    same("id", identity.id(), id)?;
    let listed = PublicIdentity::from_sec1(&kem_pub, &sig_pub).unwrap();
    same("listed", listed, identity.public())
}

fn join_proofs(case: &Case) -> Result<(), String> {
    let keys = RoomKeys::derive(&case.link());
    let (kem_pub, sig_pub) = (case.array("kem_pub"), case.array("sig_pub"));
    let (sealed, proof) = (case.array("sealed_name"), case.array("join_proof"));
    let right = keys.check_join_proof(&kem_pub, &sig_pub, &sealed, &proof);
    same("right", right, case.is_valid())?;
    if case.is_valid() {
        same("proof", keys.join_proof(&kem_pub, &sig_pub, &sealed), proof)?;
    }
    Ok(())
}
