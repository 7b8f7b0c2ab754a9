//! SHA-256, HMAC-SHA256 and AES-KW from RustCrypto, whoever does P-256 and AES-GCM. What they hold
//! is wiped.

use aes_kw::{KwAes256, cipher::consts::U32};
use hmac::{KeyInit, Mac, digest::FixedOutput};
use sha2::Digest;

use crate::crypto::{CryptoError, DIGEST_LEN, Secret, WRAPPED_KEY_LEN};

#[derive(Clone, Default)]
pub(in crate::crypto) struct Sha256(sha2::Sha256);

impl Sha256 {
    pub(in crate::crypto) fn update(&mut self, bytes: &[u8]) {
        Digest::update(&mut self.0, bytes);
    }

    pub(in crate::crypto) fn finish(self) -> [u8; DIGEST_LEN] {
        self.0.finalize().into()
    }
}

#[derive(Clone)]
pub(in crate::crypto) struct Hmac(hmac::Hmac<sha2::Sha256>);

impl Hmac {
    pub(in crate::crypto) fn new(key: &[u8; 64]) -> Self {
        Self(<hmac::Hmac<sha2::Sha256> as KeyInit>::new(key.into()))
    }

    pub(in crate::crypto) fn update(&mut self, bytes: &[u8]) {
        Mac::update(&mut self.0, bytes);
    }

    pub(in crate::crypto) fn finish_into(self, out: &mut [u8; DIGEST_LEN]) {
        self.0.finalize_into(out.into());
    }
}

pub(in crate::crypto) fn kw_wrap(kek: &Secret<32>, key: &Secret<32>) -> [u8; WRAPPED_KEY_LEN] {
    KwAes256::new(kek.as_bytes().into())
        .wrap_fixed_key::<U32>(key.as_bytes().into())
        .into()
}

pub(in crate::crypto) fn kw_unwrap(
    kek: &Secret<32>,
    wrapped: &[u8; WRAPPED_KEY_LEN],
) -> Result<Secret<32>, CryptoError> {
    // The integrity check compares one 64-bit word, which is one instruction.
    Secret::try_fill_with(|key| {
        KwAes256::new(kek.as_bytes().into())
            .unwrap_key(wrapped, key)
            .map(|_| ())
            .map_err(|_| CryptoError::BadWrap)
    })
}
