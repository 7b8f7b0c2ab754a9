//! The primitives against Project Wycheproof's attack vectors.
//!
//! Each test counts what it ran and what it left out because the protocol has no such parameter,
//! and pins both numbers: a set that empties or a filter that eats too much fails.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail by panicking, and so may what it calls"
)]

use burnchat_core::crypto::{
    CryptoError, IV_LEN, KemKeyPair, KemPublicKey, SIGNATURE_LEN, Secret, SecretBytes, Signature,
    TAG_LEN, VerifyingKey, aes256_gcm_open, aes256_gcm_seal, aes256_kw_unwrap, aes256_kw_wrap,
    ct_eq, hkdf_sha256, hmac_sha256,
};
use wycheproof::{TestResult, aead, ecdh, ecdsa, hkdf, keywrap, mac};

/// How many vectors were judged, and how many are for parameters the protocol does not have.
#[derive(Debug, Default, PartialEq)]
struct Count {
    ran: usize,
    left_out: usize,
}

impl Count {
    fn of(ran: usize, left_out: usize) -> Self {
        Self { ran, left_out }
    }
}

/// 256-bit keys, 96-bit IVs and 128-bit tags.
#[test]
fn aes_gcm() {
    let mut count = Count::default();
    for group in aead::TestSet::load(aead::TestName::AesGcm)
        .unwrap()
        .test_groups
    {
        for test in group.tests {
            if (group.key_size, group.nonce_size, group.tag_size) != (256, 96, 128) {
                count.left_out += 1;
                continue;
            }
            count.ran += 1;
            let id = test.tc_id;
            let key = secret(&test.key);
            let iv: [u8; IV_LEN] = test.nonce[..].try_into().unwrap();
            let sealed = [&test.ct[..], &test.tag[..]].concat();
            let opened = aes256_gcm_open(&key, &iv, &test.aad, &sealed);
            if test.result.must_fail() {
                assert_eq!(opened.err(), Some(CryptoError::Unauthentic), "tcId {id}");
                continue;
            }
            assert_eq!(opened.unwrap().as_slice(), &test.pt[..], "tcId {id}");
            let plaintext = SecretBytes::copy_of(&test.pt);
            let again = aes256_gcm_seal(&key, &iv, &test.aad, plaintext).unwrap();
            assert_eq!(again, sealed, "tcId {id}");
            assert_eq!(again.len(), test.pt.len() + TAG_LEN);
        }
    }
    assert_eq!(count, Count::of(66, 250));
}

/// 256-bit KEKs and wraps of 40 bytes, the only length the type lets through. Other lengths cannot
/// be expressed, whatever they are worth.
#[test]
fn aes_kw() {
    let mut count = Count::default();
    for group in keywrap::TestSet::load(keywrap::TestName::AesKeyWrap)
        .unwrap()
        .test_groups
    {
        for test in group.tests {
            let (Ok(kek), Ok(wrapped)) = (test.key[..].try_into(), test.ct[..].try_into()) else {
                count.left_out += 1;
                continue;
            };
            count.ran += 1;
            let id = test.tc_id;
            let kek = Secret::copy_of(kek);
            let unwrapped = aes256_kw_unwrap(&kek, wrapped);
            if test.result.must_fail() {
                assert_eq!(unwrapped.err(), Some(CryptoError::BadWrap), "tcId {id}");
                continue;
            }
            assert_eq!(unwrapped.unwrap().as_bytes()[..], test.pt[..], "tcId {id}");
            assert_eq!(
                &aes256_kw_wrap(&kek, &secret(&test.pt)),
                wrapped,
                "tcId {id}"
            );
        }
    }
    assert_eq!(count, Count::of(16, 149));
}

/// Points as SEC1 writes them, among them points off the curve. What the set calls acceptable is a
/// compressed point; the protocol does not accept it.
#[test]
fn ecdh_of_encoded_points() {
    let mut count = Count::default();
    let set = ecdh::TestSet::load(ecdh::TestName::EcdhSecp256r1Ecpoint).unwrap();
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        count.ran += 1;
        let id = test.tc_id;
        let public = KemPublicKey::from_sec1(&test.public_key);
        if test.result != TestResult::Valid {
            assert_eq!(public.err(), Some(CryptoError::BadPublicKey), "tcId {id}");
            continue;
        }
        let agreed = pair(&test.private_key).agree(&public.unwrap()).unwrap();
        assert_eq!(agreed.as_bytes()[..], test.shared_secret[..], "tcId {id}");
    }
    assert_eq!(count, Count::of(355, 0));
}

/// The larger set, whose points are wrapped in X.509: those with the one well-formed header for
/// P-256 are taken out of it; the protocol has nothing that could read the others. What the set calls
/// acceptable is a damaged wrapping; none of it is a point.
#[test]
fn ecdh_of_points_taken_from_x509() {
    /// SubjectPublicKeyInfo up to the point: id-ecPublicKey, secp256r1, a bit string of 66 bytes.
    const HEADER: [u8; 26] =
        hex_literal::hex!("3059301306072a8648ce3d020106082a8648ce3d030107034200");
    let mut count = Count::default();
    let set = ecdh::TestSet::load(ecdh::TestName::EcdhSecp256r1).unwrap();
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        let Some(point) = test.public_key.strip_prefix(&HEADER) else {
            count.left_out += 1;
            continue;
        };
        count.ran += 1;
        let id = test.tc_id;
        let public = KemPublicKey::from_sec1(point);
        if test.result != TestResult::Valid {
            assert_eq!(public.err(), Some(CryptoError::BadPublicKey), "tcId {id}");
            continue;
        }
        let agreed = pair(&test.private_key).agree(&public.unwrap()).unwrap();
        assert_eq!(agreed.as_bytes()[..], test.shared_secret[..], "tcId {id}");
    }
    assert_eq!(count, Count::of(350, 262));
}

/// Signatures as r || s. Those that are not 64 bytes cannot be expressed.
#[test]
fn ecdsa_p256_sha256() {
    let mut count = Count::default();
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    for group in set.test_groups {
        let key = VerifyingKey::from_sec1(&group.key.key).unwrap();
        for test in group.tests {
            let Ok(signature) = <[u8; SIGNATURE_LEN]>::try_from(&test.sig[..]) else {
                assert!(test.result.must_fail());
                count.left_out += 1;
                continue;
            };
            count.ran += 1;
            let id = test.tc_id;
            let verified = key.verify(&[&test.msg], &Signature::from_bytes(signature));
            let expected = match test.result {
                TestResult::Invalid => Err(CryptoError::BadSignature),
                TestResult::Valid | TestResult::Acceptable => Ok(()),
            };
            assert_eq!(verified, expected, "tcId {id}");
        }
    }
    assert_eq!(count, Count::of(241, 21));
}

/// HKDF gives 32 bytes here: shorter outputs are compared as far as they go, longer ones by their
/// first 32 bytes, which do not depend on the length. Left out are outputs too long for HKDF.
#[test]
fn hkdf_of_one_block() {
    let mut count = Count::default();
    let set = hkdf::TestSet::load(hkdf::TestName::HkdfSha256).unwrap();
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        if test.result.must_fail() {
            count.left_out += 1;
            continue;
        }
        count.ran += 1;
        let id = test.tc_id;
        let okm = hkdf_sha256(&test.salt, &test.ikm, &test.info);
        let compared = test.okm.len().min(32);
        assert_eq!(
            okm.as_bytes()[..compared],
            test.okm[..compared],
            "tcId {id}"
        );
    }
    assert_eq!(count, Count::of(83, 3));
}

/// Full tags; the protocol has no truncated ones.
#[test]
fn hmac() {
    let mut count = Count::default();
    for group in mac::TestSet::load(mac::TestName::HmacSha256)
        .unwrap()
        .test_groups
    {
        for test in group.tests {
            if group.tag_size != 256 {
                count.left_out += 1;
                continue;
            }
            count.ran += 1;
            let id = test.tc_id;
            let tag = hmac_sha256(&test.key, &[&test.msg]);
            assert_eq!(
                ct_eq(&tag, &test.tag),
                !test.result.must_fail(),
                "tcId {id}"
            );
        }
    }
    assert_eq!(count, Count::of(87, 87));
}

fn secret(bytes: &[u8]) -> Secret<32> {
    Secret::copy_of(bytes.try_into().unwrap())
}

/// The private key as the vectors write it: an integer with or without leading zeros.
fn pair(scalar: &[u8]) -> KemKeyPair {
    let significant = &scalar[scalar.iter().take_while(|&&byte| byte == 0).count()..];
    let mut padded = [0; 32];
    padded[32 - significant.len()..].copy_from_slice(significant);
    KemKeyPair::from_scalar_bytes(&Secret::copy_of(&padded)).unwrap()
}
