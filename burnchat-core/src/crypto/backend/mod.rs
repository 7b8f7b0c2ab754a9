//! Who does the arithmetic. Every backend offers the same names:
//!
//! - `gcm_seal`, `gcm_open`: AES-256-GCM in place, the tag apart.
//! - `EcdhPrivate`, `EcdhPublic`, `EcdsaPrivate`, `EcdsaPublic`: P-256. Private halves come from a
//!   scalar already checked to be in `1..n`, public halves from 65 bytes already checked to begin
//!   with 0x04; that the point is on the curve is the backend's to check.
//! - `Sha256`, `Hmac`, `kw_wrap`, `kw_unwrap`: SHA-256, HMAC with a key padded to a block, AES-KW.
//!
//! Neither a manifest nor a feature reaches `stand_in`, which is no cryptography: it takes its place
//! where whoever compiles passes `--cfg burnchat_sim` in `RUSTFLAGS`, as the simulation does. Its
//! tests are the only other build it is in.

#[cfg(all(burnchat_sim, feature = "aws-lc"))]
compile_error!("burnchat_sim replaces every primitive: it goes with no backend of its own");

#[cfg(all(not(burnchat_sim), feature = "aws-lc"))]
mod aws_lc;
#[cfg(all(not(burnchat_sim), any(not(feature = "aws-lc"), test)))]
mod rustcrypto;
#[cfg(any(burnchat_sim, test))]
#[cfg_attr(
    not(burnchat_sim),
    allow(dead_code, reason = "its tests use what they need")
)]
mod stand_in;
#[cfg(not(burnchat_sim))]
mod symmetric;

#[cfg(all(not(burnchat_sim), feature = "aws-lc"))]
pub(super) use aws_lc::{EcdhPrivate, EcdhPublic, EcdsaPrivate, EcdsaPublic, gcm_open, gcm_seal};
#[cfg(all(not(burnchat_sim), not(feature = "aws-lc")))]
pub(super) use rustcrypto::{
    EcdhPrivate, EcdhPublic, EcdsaPrivate, EcdsaPublic, gcm_open, gcm_seal,
};
#[cfg(burnchat_sim)]
pub(super) use stand_in::{
    EcdhPrivate, EcdhPublic, EcdsaPrivate, EcdsaPublic, Hmac, Sha256, gcm_open, gcm_seal,
    kw_unwrap, kw_wrap,
};
#[cfg(not(burnchat_sim))]
pub(super) use symmetric::{Hmac, Sha256, kw_unwrap, kw_wrap};

#[cfg(all(test, not(burnchat_sim), feature = "aws-lc"))]
mod tests {
    use super::{aws_lc, rustcrypto};
    use crate::crypto::{Secret, sha256, test_rng::Seeded};

    #[test]
    fn backends_agree_on_keys_secrets_and_ciphertexts() {
        let mut rng = Seeded::new(4);
        for _ in 0..32 {
            let scalar = Secret::random(&mut rng);
            let a = aws_lc::EcdhPrivate::from_scalar(&scalar).unwrap();
            let b = rustcrypto::EcdhPrivate::from_scalar(&scalar).unwrap();
            let point = a.public_key().unwrap();
            assert_eq!(point, b.public_key().unwrap());

            let peer = rustcrypto::EcdhPrivate::from_scalar(&Secret::random(&mut rng)).unwrap();
            let peer = peer.public_key().unwrap();
            let from_a = a.agree(&aws_lc::EcdhPublic::parse(&peer).unwrap()).unwrap();
            let from_b = b
                .agree(&rustcrypto::EcdhPublic::parse(&peer).unwrap())
                .unwrap();
            assert!(from_a.ct_eq(&from_b));

            let (mut in_a, mut in_b) = (*b"some plaintext", *b"some plaintext");
            let tag = aws_lc::gcm_seal(&scalar, &[1; 12], b"aad", &mut in_a).unwrap();
            let same = rustcrypto::gcm_seal(&scalar, &[1; 12], b"aad", &mut in_b).unwrap();
            assert_eq!((in_a, tag), (in_b, same));
            aws_lc::gcm_open(&scalar, &[1; 12], b"aad", &mut in_b, &tag).unwrap();
            rustcrypto::gcm_open(&scalar, &[1; 12], b"aad", &mut in_a, &tag).unwrap();
            assert_eq!((&in_a, &in_b), (b"some plaintext", b"some plaintext"));
        }
    }

    #[test]
    fn backends_verify_each_other() {
        let mut rng = Seeded::new(5);
        for message in 0_u8..16 {
            let digest = sha256(&[&[message]]);
            let scalar = Secret::random(&mut rng);
            let a = aws_lc::EcdsaPrivate::from_scalar(&scalar).unwrap();
            let b = rustcrypto::EcdsaPrivate::from_scalar(&scalar).unwrap();
            let point = a.public_key().unwrap();
            assert_eq!(point, b.public_key().unwrap());
            let by_a = a.sign(&digest).unwrap();
            let by_b = b.sign(&digest).unwrap();
            rustcrypto::EcdsaPublic::parse(&point)
                .unwrap()
                .verify(&digest, &by_a)
                .unwrap();
            aws_lc::EcdsaPublic::parse(&point)
                .unwrap()
                .verify(&digest, &by_b)
                .unwrap();
        }
    }
}
