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
mod animals;
mod backend;
mod chain;
mod emoji;
mod envelope;
mod epoch;
mod error;
mod hash;
mod identity;
mod kem;
mod keywrap;
pub mod labels;
mod name;
mod padding;
mod plaintext;
mod point;
mod room_keys;
mod roster;
mod scalar;
mod secret;
mod signature;
mod stack;
mod verify;

pub use aead::{IV_LEN, TAG_LEN, aes256_gcm_open, aes256_gcm_seal};
pub use chain::{Chain, MessageKey};
pub use epoch::{
    Chains, KeyEncryptionKey, PairKey, SessionKey, epoch_id, sign_key_frame, verify_key_frame,
};
pub use error::CryptoError;
pub use hash::{DIGEST_LEN, Sha256, ct_eq, hkdf_sha256, hmac_sha256, hmac_sha256_secret, sha256};
pub(crate) use identity::first_16;
pub use identity::{Identity, PublicIdentity, participant_id};
pub use kem::{KemKeyPair, KemPublicKey};
pub use keywrap::{WRAPPED_KEY_LEN, aes256_kw_unwrap, aes256_kw_wrap};
pub use labels::Label;
pub use name::{Name, SEALED_NAME_LEN, SYMBOLS, open_name, seal_name, tag};
pub use padding::{pad, padded_len, unpad};
pub use plaintext::{Body, Decoded, Header, LastEpoch, Plaintext, ReadMessage, Text};
pub use point::PUBLIC_KEY_LEN;
pub use room_keys::RoomKeys;
pub use roster::{RosterKeys, roster_hash};
pub use secret::{Secret, SecretBytes};
pub use signature::{SIGNATURE_LEN, Signature, SigningKeyPair, VerifyingKey};
pub use stack::wipe_stack;
pub use verify::{Emoji, VerificationCode, VerificationEntry};

#[cfg(test)]
pub(crate) mod test_rng;
