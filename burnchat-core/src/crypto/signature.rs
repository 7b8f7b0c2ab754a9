//! ECDSA on P-256 with SHA-256: the key pair a participant speaks with.

use core::{fmt, hash};

use rand_core::CryptoRng;

use super::{
    CryptoError, PUBLIC_KEY_LEN, Secret,
    backend::{EcdsaPrivate, EcdsaPublic},
    point, scalar, sha256,
};

/// Length of a signature in bytes: r and s, 32 each, big-endian.
pub const SIGNATURE_LEN: usize = 64;

/// An ECDSA P-256 key pair. The private half is wiped when dropped.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub struct SigningKeyPair {
    private: EcdsaPrivate,
    public: VerifyingKey,
}

impl SigningKeyPair {
    /// Makes a key pair: 32 bytes of `rng` are the private scalar, big-endian, drawn again while
    /// they are not in `1..n`.
    ///
    /// # Errors
    /// [`CryptoError::BadRandomness`] if 64 draws were not.
    pub fn generate(rng: &mut impl CryptoRng) -> Result<Self, CryptoError> {
        Self::from_checked(&scalar::draw(rng)?)
    }

    /// The key pair of a private scalar, big-endian: for test vectors.
    ///
    /// # Errors
    /// [`CryptoError::BadPrivateKey`] outside `1..n`.
    pub fn from_scalar_bytes(scalar: &Secret<32>) -> Result<Self, CryptoError> {
        scalar::check(scalar)?;
        Self::from_checked(scalar)
    }

    /// The public half.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }

    /// Signs SHA-256 of the parts joined plainly.
    ///
    /// With RustCrypto the nonce is the deterministic one of RFC 6979, so the same message gets the
    /// same signature; AWS-LC draws it from the operating system, the only randomness in this
    /// crate that is not the caller's. Nothing may rely on either: compare what was signed, not
    /// signatures. `s` is not normalised.
    ///
    /// # Errors
    /// [`CryptoError::Backend`].
    pub fn sign(&self, parts: &[&[u8]]) -> Result<Signature, CryptoError> {
        self.private.sign(&sha256(parts)).map(Signature)
    }

    fn from_checked(scalar: &Secret<32>) -> Result<Self, CryptoError> {
        let private = EcdsaPrivate::from_scalar(scalar)?;
        let public = VerifyingKey::from_sec1(&private.public_key()?)?;
        Ok(Self { private, public })
    }
}

impl fmt::Debug for SigningKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKeyPair")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

/// An ECDSA P-256 public key: a point on the curve, and not the identity.
#[derive(Clone)]
pub struct VerifyingKey {
    encoded: [u8; PUBLIC_KEY_LEN],
    parsed: EcdsaPublic,
}

impl VerifyingKey {
    /// Reads a public key: 65 bytes, 0x04 first, a point on the curve.
    ///
    /// # Errors
    /// [`CryptoError::BadPublicKey`] for anything else.
    pub fn from_sec1(bytes: &[u8]) -> Result<Self, CryptoError> {
        let encoded = point::uncompressed(bytes)?;
        Ok(Self {
            encoded,
            parsed: EcdsaPublic::parse(&encoded)?,
        })
    }

    /// Checks a signature over SHA-256 of the parts joined plainly. Either `s` of a pair is
    /// accepted.
    ///
    /// # Errors
    /// [`CryptoError::BadSignature`].
    pub fn verify(&self, parts: &[&[u8]], signature: &Signature) -> Result<(), CryptoError> {
        self.parsed.verify(&sha256(parts), &signature.0)
    }

    /// The 65 bytes.
    pub fn as_bytes(&self) -> &[u8; PUBLIC_KEY_LEN] {
        &self.encoded
    }
}

impl PartialEq for VerifyingKey {
    fn eq(&self, other: &Self) -> bool {
        self.encoded == other.encoded
    }
}

impl Eq for VerifyingKey {}

impl hash::Hash for VerifyingKey {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.encoded.hash(state);
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        point::fmt_short("VerifyingKey", &self.encoded, f)
    }
}

/// A signature as it travels: r and s, 32 bytes each, big-endian. Any 64 bytes are one; whether it
/// is worth anything, [`VerifyingKey::verify`] says.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature([u8; SIGNATURE_LEN]);

impl Signature {
    /// Takes 64 bytes to be a signature.
    pub const fn from_bytes(bytes: [u8; SIGNATURE_LEN]) -> Self {
        Self(bytes)
    }

    /// The 64 bytes.
    pub const fn as_bytes(&self) -> &[u8; SIGNATURE_LEN] {
        &self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(..)")
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use hex_literal::hex;

    use super::*;
    use crate::crypto::test_rng::Seeded;

    /// Hashes the same way every time.
    type Fixed = hash::BuildHasherDefault<std::hash::DefaultHasher>;

    /// RFC 6979, section A.2.5: the key, and the message "sample" with SHA-256.
    const SCALAR: [u8; 32] =
        hex!("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721");
    const SAMPLE: [u8; SIGNATURE_LEN] = hex!(
        "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
        "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"
    );
    /// SAMPLE's s, negated.
    const LOW_S: [u8; 32] =
        hex!("0834E36AD29A83BF2BC9385E491D6099C8FDF9D1ED67AA7EA5F51F93782857A9");

    #[test]
    fn the_published_signature_verifies_and_so_does_its_twin() {
        let key = pair().verifying_key().clone();
        key.verify(&[b"sample"], &Signature(SAMPLE)).unwrap();
        let mut twin = SAMPLE;
        twin[32..].copy_from_slice(&LOW_S);
        key.verify(&[b"sample"], &Signature(twin)).unwrap();
    }

    #[cfg(not(feature = "aws-lc"))]
    #[test]
    fn signing_is_deterministic_as_published() {
        assert_eq!(pair().sign(&[b"sam", b"ple"]).unwrap().as_bytes(), &SAMPLE);
    }

    #[test]
    fn a_signature_is_for_one_message_and_one_key() {
        let (mine, other) = (
            pair(),
            SigningKeyPair::generate(&mut Seeded::new(2)).unwrap(),
        );
        let signature = mine.sign(&[b"to ", b"everyone"]).unwrap();
        mine.verifying_key()
            .verify(&[b"to everyone"], &signature)
            .unwrap();
        assert_refused(mine.verifying_key(), b"to someone", signature);
        assert_refused(other.verifying_key(), b"to everyone", signature);
        for byte in 0..SIGNATURE_LEN {
            let mut altered = signature;
            altered.0[byte] ^= 1;
            assert_refused(mine.verifying_key(), b"to everyone", altered);
        }
    }

    #[test]
    fn zero_and_unreduced_numbers_are_no_signature() {
        let order = hex!("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
        let key = pair().verifying_key().clone();
        for half in [[0; 32], order, [0xff; 32]] {
            for place in [0..32, 32..64] {
                let mut bytes = SAMPLE;
                bytes[place].copy_from_slice(&half);
                assert_refused(&key, b"sample", Signature(bytes));
            }
        }
    }

    #[test]
    fn keys_are_equal_and_hash_equal_that_are_the_same_bytes() {
        let hashed = |key: &VerifyingKey| std::hash::BuildHasher::hash_one(&Fixed::default(), key);
        let [one, same, other] = [1, 1, 2].map(|seed| {
            let pair = SigningKeyPair::generate(&mut Seeded::new(seed)).unwrap();
            pair.verifying_key().clone()
        });
        assert_eq!((&one, hashed(&one)), (&same, hashed(&same)));
        assert_ne!(one, other);
        assert_ne!(hashed(&one), hashed(&other));
    }

    #[test]
    fn debug_output_shows_no_private_half() {
        assert_eq!(format!("{:?}", Signature(SAMPLE)), "Signature(..)");
        let shown = format!("{:?}", pair());
        assert_eq!(
            shown,
            "SigningKeyPair { public: VerifyingKey(60fed4ba..), .. }"
        );
    }

    fn pair() -> SigningKeyPair {
        SigningKeyPair::from_scalar_bytes(&Secret::copy_of(&SCALAR)).unwrap()
    }

    fn assert_refused(key: &VerifyingKey, message: &[u8], signature: Signature) {
        assert_eq!(
            key.verify(&[message], &signature),
            Err(CryptoError::BadSignature)
        );
    }
}
