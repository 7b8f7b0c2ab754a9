//! The primitives themselves, through the core's own functions: the same backend, the same wiping.

use std::hint::black_box;
use std::time::Duration;

use burnchat_core::crypto::{
    IV_LEN, KemKeyPair, KemPublicKey, SEALED_NAME_LEN, Secret, SecretBytes, Signature,
    SigningKeyPair, TAG_LEN, VerifyingKey, WRAPPED_KEY_LEN, aes256_gcm_open, aes256_gcm_seal,
    aes256_kw_unwrap, aes256_kw_wrap, hmac_sha256_secret, padded_len, sha256,
};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use crate::measure::{Bench, Report, timed};

/// About as long as the label encodings that are signed, authenticated and hashed.
const FIELDS: [u8; 150] = [7; 150];

/// Some keys, and what was made with them.
pub(crate) struct Primitives {
    key: Secret<32>,
    kem: KemKeyPair,
    peer: KemPublicKey,
    signing: SigningKeyPair,
    signature: Signature,
    wrapped: [u8; WRAPPED_KEY_LEN],
}

pub(crate) fn measure(report: &mut Report) {
    let with = Primitives::new();
    for len in [200, 2_000] {
        let padded = padded_of_text(len);
        report.run(Bench::new(
            format!("AES-256-GCM, seal {padded} bytes"),
            || with.seal(padded),
        ));
    }
    let with = &with;
    let one = |name: &str, work: fn(&Primitives)| Bench::new(name, move || timed(|| work(with)).1);
    report.run(one("HMAC-SHA-256 of one block, 100 times", |with| {
        with.hmac(100)
    }));
    report.run(one("AES-KW, wrap, 100 times", |with| with.wrap(100)));
    report.run(one("ECDH", |with| with.agree(1)));
    report.run(one("ECDSA, sign", Primitives::sign));
    report.run(one("ECDSA, verify", Primitives::verify));
    report.run(one("two public keys, read", |with| with.read_keys(1)));
}

impl Primitives {
    pub(crate) fn new() -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let key = Secret::random(&mut rng);
        let kem = KemKeyPair::generate(&mut rng).unwrap();
        let peer = KemKeyPair::generate(&mut rng).unwrap();
        let signing = SigningKeyPair::generate(&mut rng).unwrap();
        Self {
            signature: signing.sign(&[&FIELDS]).unwrap(),
            wrapped: aes256_kw_wrap(&key, &key),
            peer: peer.public_key().clone(),
            key,
            kem,
            signing,
        }
    }

    /// A message encrypted and signed: AES-GCM, two HMAC, SHA-256 of the ciphertext, ECDSA.
    pub(crate) fn encrypt(&self, text_len: usize) -> Duration {
        let plaintext = plaintext(padded_of_text(text_len));
        timed(|| {
            self.hmac(2);
            let ciphertext = aes256_gcm_seal(&self.key, &[0; IV_LEN], &FIELDS, plaintext).unwrap();
            black_box(sha256(&[&ciphertext]));
            self.sign();
        })
        .1
    }

    /// And verified and decrypted.
    pub(crate) fn decrypt(&self, text_len: usize) -> Duration {
        let ciphertext = self.sealed(padded_of_text(text_len));
        timed(|| {
            black_box(sha256(&[&ciphertext]));
            self.verify();
            self.hmac(2);
            self.open(&ciphertext);
        })
        .1
    }

    /// Entries of a roster checked: keys read, join proof, name opened, its signature verified; the roster hashed.
    pub(crate) fn check_entries(&self, entries: usize, roster: usize) -> Duration {
        let sealed_name = self.sealed(SEALED_NAME_LEN - IV_LEN - TAG_LEN);
        let keys = vec![3; roster * 140];
        timed(|| {
            for _ in 0..entries {
                black_box(sha256(&[&FIELDS]));
                black_box(sha256(&[&sealed_name]));
                black_box(hmac_sha256_secret(
                    self.key.as_bytes(),
                    &[&FIELDS, &FIELDS[..80]],
                ));
                self.read_keys(1);
                self.open(&sealed_name);
                self.verify();
            }
            black_box(sha256(&[&keys]));
        })
        .1
    }

    /// A session key wrapped for so many who are known already, and signed.
    pub(crate) fn wrap_for(&self, recipients: usize) -> Duration {
        timed(|| {
            self.hmac(2 * recipients);
            self.wrap(recipients);
            self.sign();
        })
        .1
    }

    /// A session key verified and unwrapped, and a chain begun for everyone.
    pub(crate) fn apply(&self, members: usize) -> Duration {
        timed(|| {
            self.verify();
            self.hmac(3);
            black_box(aes256_kw_unwrap(&self.key, &self.wrapped).unwrap());
            // Extracting is done once for all chains, expanding once for each.
            self.hmac(1 + members);
        })
        .1
    }

    pub(crate) fn seal(&self, len: usize) -> Duration {
        let plaintext = plaintext(len);
        timed(|| aes256_gcm_seal(&self.key, &[0; IV_LEN], &FIELDS, plaintext).unwrap()).1
    }

    pub(crate) fn hmac(&self, times: usize) {
        for _ in 0..times {
            black_box(hmac_sha256_secret(self.key.as_bytes(), &[&FIELDS[..45]]));
        }
    }

    pub(crate) fn agree(&self, times: usize) {
        for _ in 0..times {
            black_box(self.kem.agree(&self.peer).unwrap());
        }
    }

    pub(crate) fn sign(&self) {
        black_box(self.signing.sign(&[&FIELDS]).unwrap());
    }

    pub(crate) fn verify(&self) {
        let key = self.signing.verifying_key();
        key.verify(&[&FIELDS], &self.signature).unwrap();
    }

    pub(crate) fn wrap(&self, times: usize) {
        for _ in 0..times {
            black_box(aes256_kw_wrap(&self.key, &self.key));
        }
    }

    pub(crate) fn read_keys(&self, times: usize) {
        for _ in 0..times {
            black_box(KemPublicKey::from_sec1(self.peer.as_bytes()).unwrap());
            let verifying = self.signing.verifying_key().as_bytes();
            black_box(VerifyingKey::from_sec1(verifying).unwrap());
        }
    }

    fn open(&self, ciphertext: &[u8]) {
        black_box(aes256_gcm_open(&self.key, &[0; IV_LEN], &FIELDS, ciphertext).unwrap());
    }

    fn sealed(&self, len: usize) -> Vec<u8> {
        aes256_gcm_seal(&self.key, &[0; IV_LEN], &FIELDS, plaintext(len)).unwrap()
    }
}

/// A plaintext with room for its tag.
fn plaintext(len: usize) -> SecretBytes {
    let mut plaintext = SecretBytes::with_capacity(len + TAG_LEN);
    plaintext.resize(len, 7);
    plaintext
}

/// The padded length of a text: 37 bytes of header, the text, the end mark.
fn padded_of_text(len: usize) -> usize {
    padded_len(37 + len + 1)
}
