//! ECDH on P-256: the key pair session keys are wrapped to.

use core::{fmt, hash};

use rand_core::CryptoRng;

use super::{
    CryptoError, PUBLIC_KEY_LEN, Secret,
    backend::{EcdhPrivate, EcdhPublic},
    point, scalar,
};

/// An ECDH P-256 key pair. The private half is wiped when dropped.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub struct KemKeyPair {
    private: EcdhPrivate,
    public: KemPublicKey,
}

impl KemKeyPair {
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
    pub fn public_key(&self) -> &KemPublicKey {
        &self.public
    }

    /// The x coordinate of the point both sides arrive at.
    ///
    /// # Errors
    /// [`CryptoError::Backend`].
    pub fn agree(&self, peer: &KemPublicKey) -> Result<Secret<32>, CryptoError> {
        self.private.agree(&peer.parsed)
    }

    fn from_checked(scalar: &Secret<32>) -> Result<Self, CryptoError> {
        let private = EcdhPrivate::from_scalar(scalar)?;
        let public = KemPublicKey::from_sec1(&private.public_key()?)?;
        Ok(Self { private, public })
    }
}

impl fmt::Debug for KemKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KemKeyPair")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

/// An ECDH P-256 public key: a point on the curve, and not the identity.
#[derive(Clone)]
pub struct KemPublicKey {
    encoded: [u8; PUBLIC_KEY_LEN],
    parsed: EcdhPublic,
}

impl KemPublicKey {
    /// Reads a public key: 65 bytes, 0x04 first, a point on the curve.
    ///
    /// # Errors
    /// [`CryptoError::BadPublicKey`] for anything else.
    pub fn from_sec1(bytes: &[u8]) -> Result<Self, CryptoError> {
        let encoded = point::uncompressed(bytes)?;
        Ok(Self {
            encoded,
            parsed: EcdhPublic::parse(&encoded)?,
        })
    }

    /// The 65 bytes.
    pub fn as_bytes(&self) -> &[u8; PUBLIC_KEY_LEN] {
        &self.encoded
    }
}

impl PartialEq for KemPublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.encoded == other.encoded
    }
}

impl Eq for KemPublicKey {}

impl hash::Hash for KemPublicKey {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.encoded.hash(state);
    }
}

impl fmt::Debug for KemPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        point::fmt_short("KemPublicKey", &self.encoded, f)
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

    /// RFC 5903, section 8.1.
    #[test]
    fn both_sides_arrive_at_the_published_secret() {
        let initiator = pair(&hex!(
            "C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433"
        ));
        let responder = pair(&hex!(
            "C6EF9C5D78AE012A011164ACB397CE2088685D8F06BF9BE0B283AB46476BEE53"
        ));
        assert_eq!(
            initiator.public_key().as_bytes(),
            &hex!(
                "04"
                "DAD0B65394221CF9B051E1FECA5787D098DFE637FC90B9EF945D0C3772581180"
                "5271A0461CDB8252D61F1C456FA3E59AB1F45B33ACCF5F58389E0577B8990BB3"
            )
        );
        let secret = hex!("D6840F6B42F6EDAFD13116E0E12565202FEF8E9ECE7DCE03812464D04B9442DE");
        assert_eq!(
            initiator.agree(responder.public_key()).unwrap().as_bytes(),
            &secret
        );
        assert_eq!(
            responder.agree(initiator.public_key()).unwrap().as_bytes(),
            &secret
        );
    }

    #[test]
    fn the_randomness_given_is_the_private_key() {
        let generated = KemKeyPair::generate(&mut Seeded::new(9)).unwrap();
        let scalar = Secret::random(&mut Seeded::new(9));
        let named = KemKeyPair::from_scalar_bytes(&scalar).unwrap();
        assert_eq!(generated.public_key(), named.public_key());
    }

    #[test]
    fn only_65_uncompressed_bytes_of_a_point_on_the_curve_are_a_key() {
        let good = *pair(&[3; 32]).public_key().as_bytes();
        assert_eq!(KemPublicKey::from_sec1(&good).unwrap().as_bytes(), &good);

        let mut compressed = good[..33].to_vec();
        compressed[0] = 0x02 | (good[64] & 1);
        assert_refused(&compressed);

        let mut hybrid = good;
        hybrid[0] = 0x06 | (good[64] & 1);
        assert_refused(&hybrid);

        let mut off_curve = good;
        off_curve[64] ^= 1;
        assert_refused(&off_curve);

        let mut origin = [0; PUBLIC_KEY_LEN];
        origin[0] = 0x04;
        assert_refused(&origin);

        assert_refused(b"");
        assert_refused(&[0]);
        assert_refused(&[0; PUBLIC_KEY_LEN]);
        assert_refused(&good[..64]);
        assert_refused(&[&good[..], &[0]].concat());
    }

    #[test]
    fn a_coordinate_not_reduced_is_refused() {
        // The point with x = 5, and x + p in its place: the same point to a lax reader.
        let mut lax = hex!(
            "04"
            "0000000000000000000000000000000000000000000000000000000000000005"
            "459243b9aa581806fe913bce99817ade11ca503c64d9a3c533415c083248fbcc"
        );
        assert!(KemPublicKey::from_sec1(&lax).is_ok());
        lax[1..33].copy_from_slice(&hex!(
            "ffffffff00000001000000000000000000000001000000000000000000000004"
        ));
        assert_refused(&lax);
    }

    #[test]
    fn keys_are_equal_and_hash_equal_that_are_the_same_bytes() {
        let hashed = |key: &KemPublicKey| std::hash::BuildHasher::hash_one(&Fixed::default(), key);
        let [one, same, other] = [3, 3, 4].map(|byte| pair(&[byte; 32]).public_key().clone());
        assert_eq!((&one, hashed(&one)), (&same, hashed(&same)));
        assert_ne!(one, other);
        assert_ne!(hashed(&one), hashed(&other));
    }

    #[test]
    fn scalars_out_of_range_are_refused() {
        for scalar in [[0; 32], [0xff; 32]] {
            let refused = KemKeyPair::from_scalar_bytes(&Secret::copy_of(&scalar));
            assert_eq!(refused.err(), Some(CryptoError::BadPrivateKey));
        }
    }

    #[test]
    fn debug_output_shows_no_private_half() {
        let shown = format!("{:?}", pair(&[3; 32]));
        assert!(
            shown.starts_with("KemKeyPair { public: KemPublicKey("),
            "{shown}"
        );
        assert!(!shown.contains("0303"), "{shown}");
    }

    fn pair(scalar: &[u8; 32]) -> KemKeyPair {
        KemKeyPair::from_scalar_bytes(&Secret::copy_of(scalar)).unwrap()
    }

    fn assert_refused(bytes: &[u8]) {
        assert_eq!(
            KemPublicKey::from_sec1(bytes).err(),
            Some(CryptoError::BadPublicKey)
        );
    }
}
