use burnchat_core::crypto::{
    Identity, KemKeyPair, KemPublicKey, Secret, SecretBytes, Signature, SigningKeyPair,
    VerifyingKey, aes256_gcm_open, aes256_gcm_seal, aes256_kw_unwrap, aes256_kw_wrap, hkdf_sha256,
    hmac_sha256, sha256,
};

use super::read::{Case, Draws, each, hex, same, unhex};

#[test]
fn primitives() {
    each(
        "primitives",
        &[
            ("sha256", 4),
            ("hmac", 5),
            ("hkdf", 4),
            ("aes_kw", 6),
            ("aes_gcm", 11),
            ("public_keys", 17),
            ("private_keys", 7),
            ("key_draws", 2),
            ("ecdh", 3),
            ("ecdsa", 19),
        ],
        |group, case| match group {
            "sha256" => same(
                "digest",
                sha256(&[&case.bytes("input")]),
                case.array("digest"),
            ),
            "hmac" => {
                let tag = hmac_sha256(&case.bytes("key"), &[&case.bytes("input")]);
                same("tag", tag, case.array("tag"))
            }
            "hkdf" => {
                let (salt, ikm) = (case.bytes("salt"), case.bytes("ikm"));
                let okm = hkdf_sha256(&salt, &ikm, &case.bytes("info"));
                same("okm", *okm.as_bytes(), case.array("okm"))
            }
            "aes_kw" => aes_kw(case),
            "aes_gcm" => aes_gcm(case),
            "public_keys" => public_keys(case),
            "private_keys" => private_keys(case),
            "key_draws" => key_draws(case),
            "ecdh" => ecdh(case),
            _ => ecdsa(case),
        },
    );
}

fn aes_kw(case: &Case) -> Result<(), String> {
    let kek = case.secret("kek");
    let wrapped = case.bytes("wrapped");
    let unwrapped = <[u8; 40]>::try_from(wrapped.clone())
        .ok()
        .and_then(|wrapped| aes256_kw_unwrap(&kek, &wrapped).ok())
        .map(|key| *key.as_bytes());
    if !case.is_valid() {
        return same("unwrapped", unwrapped, None);
    }
    same("unwrapped", unwrapped, Some(case.array("key")))?;
    let again = aes256_kw_wrap(&kek, &case.secret("key"));
    same("wrapped", again.to_vec(), wrapped)
}

fn aes_gcm(case: &Case) -> Result<(), String> {
    let (key, iv) = (case.secret("key"), case.array("iv"));
    let (aad, ciphertext) = (case.bytes("aad"), case.bytes("ciphertext"));
    let opened = aes256_gcm_open(&key, &iv, &aad, &ciphertext)
        .ok()
        .map(|plaintext| plaintext.as_slice().to_vec());
    if !case.is_valid() {
        return same("opened", opened, None);
    }
    let plaintext = case.bytes("plaintext");
    let sealed = aes256_gcm_seal(&key, &iv, &aad, SecretBytes::copy_of(&plaintext)).unwrap();
    same("opened", opened, Some(plaintext))?;
    same("sealed", sealed, ciphertext)
}

fn public_keys(case: &Case) -> Result<(), String> {
    let bytes = case.bytes("public_key");
    let kem = KemPublicKey::from_sec1(&bytes).is_ok();
    let sig = VerifyingKey::from_sec1(&bytes).is_ok();
    same("taken", (kem, sig), (case.is_valid(), case.is_valid()))
}

fn private_keys(case: &Case) -> Result<(), String> {
    let scalar = case.secret("scalar");
    let kem = KemKeyPair::from_scalar_bytes(&scalar).ok();
    let sig = SigningKeyPair::from_scalar_bytes(&scalar).ok();
    let kem = kem.map(|pair| hex(pair.public_key().as_bytes()));
    let sig = sig.map(|pair| hex(pair.verifying_key().as_bytes()));
    let expected = case.is_valid().then(|| case.text("public_key").to_owned());
    same("kem", kem, expected.clone())?;
    same("sig", sig, expected)
}

fn key_draws(case: &Case) -> Result<(), String> {
    let draws: Vec<_> = case
        .list("draws")
        .iter()
        .map(|draw| unhex(draw.as_str().unwrap()))
        .collect();
    let draws: Vec<&[u8]> = draws.iter().map(Vec::as_slice).collect();
    let mut draws = Draws::new(&draws);
    let made = Identity::generate(&mut draws).unwrap();
    let expected = case.identity("kem_scalar", "sig_scalar");
    assert!(draws.all_taken());
    same("identity", made.public(), expected.public())?;
    same("id", *made.id().as_bytes(), case.array("participant_id"))
}

fn ecdh(case: &Case) -> Result<(), String> {
    let own = KemKeyPair::from_scalar_bytes(&case.secret("scalar")).unwrap();
    let peer = KemPublicKey::from_sec1(&case.bytes("peer_public_key")).unwrap();
    let shared: Secret<32> = own.agree(&peer).unwrap();
    same("shared", *shared.as_bytes(), case.array("shared"))
}

fn ecdsa(case: &Case) -> Result<(), String> {
    let key = VerifyingKey::from_sec1(&case.bytes("public_key")).unwrap();
    let verifies = <[u8; 64]>::try_from(case.bytes("signature")).is_ok_and(|signature| {
        let signature = Signature::from_bytes(signature);
        key.verify(&[&case.bytes("message")], &signature).is_ok()
    });
    same("verifies", verifies, case.is_valid())
}
