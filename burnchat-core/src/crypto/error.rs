//! Why a cryptographic operation failed, and no more than that.

use core::fmt;

/// A failed cryptographic operation.
///
/// Deliberately coarse: a caller may pass the variant on to whoever sent the bytes without telling
/// them anything about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CryptoError {
    /// Not 65 bytes of uncompressed SEC1, not on the curve, or the identity.
    BadPublicKey,
    /// A private scalar outside `1..n`.
    BadPrivateKey,
    /// A signature that is malformed, or is not by this key over these bytes.
    BadSignature,
    /// A sealed message that was altered, or was sealed under another key, IV or associated data.
    Unauthentic,
    /// A wrapped key that was altered, or was wrapped under another key.
    BadWrap,
    /// The randomness given cannot be random: 64 draws in a row were not a private scalar.
    BadRandomness,
    /// A plaintext or associated data longer than AES-GCM can take.
    TooLong,
    /// The implementation underneath failed for its own reasons, such as a lack of memory.
    Backend,
}

impl fmt::Display for CryptoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadPublicKey => "not a valid public key",
            Self::BadPrivateKey => "not a valid private key",
            Self::BadSignature => "the signature does not verify",
            Self::Unauthentic => "the sealed bytes do not authenticate",
            Self::BadWrap => "the wrapped key does not open",
            Self::BadRandomness => "the randomness given is not random",
            Self::TooLong => "too long to seal",
            Self::Backend => "the cryptographic implementation failed",
        })
    }
}

impl core::error::Error for CryptoError {}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn every_error_says_something_of_its_own() {
        let all = [
            CryptoError::BadPublicKey,
            CryptoError::BadPrivateKey,
            CryptoError::BadSignature,
            CryptoError::Unauthentic,
            CryptoError::BadWrap,
            CryptoError::BadRandomness,
            CryptoError::TooLong,
            CryptoError::Backend,
        ];
        let said: BTreeSet<_> = all.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), all.len());
        assert!(said.iter().all(|text| !text.is_empty()));
    }
}
