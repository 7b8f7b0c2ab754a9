//! Primitives and everything built on them.
//!
//! The primitives stand behind one boundary, so that the implementation underneath can be
//! exchanged without the protocol noticing: the default is RustCrypto, the feature `aws-lc` takes
//! P-256 and AES-GCM from AWS-LC. Both accept and refuse the same inputs and derive the same
//! keys from the same randomness; they differ in speed and in how ECDSA draws its nonce
//! (see [`SigningKeyPair::sign`]).
//!
//! Nothing in here draws randomness on its own: what needs it takes a generator.

mod aead;
mod backend;
mod error;
mod hash;
mod kem;
mod keywrap;
mod point;
mod scalar;
mod secret;
mod signature;

pub use aead::{IV_LEN, TAG_LEN, aes256_gcm_open, aes256_gcm_seal};
pub use error::CryptoError;
pub use hash::{DIGEST_LEN, Sha256, ct_eq, hkdf_sha256, hmac_sha256, hmac_sha256_secret, sha256};
pub use kem::{KemKeyPair, KemPublicKey};
pub use keywrap::{WRAPPED_KEY_LEN, aes256_kw_unwrap, aes256_kw_wrap};
pub use point::PUBLIC_KEY_LEN;
pub use secret::{Secret, SecretBytes};
pub use signature::{SIGNATURE_LEN, Signature, SigningKeyPair, VerifyingKey};

#[cfg(test)]
pub(crate) mod test_rng;
