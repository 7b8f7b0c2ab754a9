//! Who a participant is: two key pairs, and the id made of them (spec section 5.2).

use rand_core::CryptoRng;

use super::{
    CryptoError, KemKeyPair, KemPublicKey, PUBLIC_KEY_LEN, SigningKeyPair, VerifyingKey, labels,
};
use crate::{encoding::Fields, ids::ParticipantId};

/// One's own identity: made for one participation, never stored, wiped when dropped.
#[derive(Debug)]
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub struct Identity {
    kem: KemKeyPair,
    signing: SigningKeyPair,
    id: ParticipantId,
}

impl Identity {
    /// Makes a new identity: the ECDH key pair is drawn first, the ECDSA key pair second.
    ///
    /// # Errors
    /// [`CryptoError::BadRandomness`] if `rng` is stuck.
    pub fn generate(rng: &mut impl CryptoRng) -> Result<Self, CryptoError> {
        let kem = KemKeyPair::generate(rng)?;
        let signing = SigningKeyPair::generate(rng)?;
        Ok(Self::from_key_pairs(kem, signing))
    }

    /// The identity of two key pairs: for test vectors.
    pub fn from_key_pairs(kem: KemKeyPair, signing: SigningKeyPair) -> Self {
        let id = participant_id(
            kem.public_key().as_bytes(),
            signing.verifying_key().as_bytes(),
        );
        Self { kem, signing, id }
    }

    /// The participant id.
    pub fn id(&self) -> ParticipantId {
        self.id
    }

    /// The ECDH key pair.
    pub fn kem(&self) -> &KemKeyPair {
        &self.kem
    }

    /// The ECDSA key pair.
    pub fn signing(&self) -> &SigningKeyPair {
        &self.signing
    }

    /// The public half, as others know it.
    pub fn public(&self) -> PublicIdentity {
        PublicIdentity {
            kem: self.kem.public_key().clone(),
            verifying: self.signing.verifying_key().clone(),
            id: self.id,
        }
    }
}

/// The public half of a participant's identity: two valid keys and the id made of them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub struct PublicIdentity {
    kem: KemPublicKey,
    verifying: VerifyingKey,
    id: ParticipantId,
}

impl PublicIdentity {
    /// Reads the two keys of a roster entry.
    ///
    /// # Errors
    /// [`CryptoError::BadPublicKey`] if one of them is not a valid point.
    pub fn from_sec1(kem_pub: &[u8], sig_pub: &[u8]) -> Result<Self, CryptoError> {
        let kem = KemPublicKey::from_sec1(kem_pub)?;
        let verifying = VerifyingKey::from_sec1(sig_pub)?;
        let id = participant_id(kem.as_bytes(), verifying.as_bytes());
        Ok(Self { kem, verifying, id })
    }

    /// The participant id.
    pub fn id(&self) -> ParticipantId {
        self.id
    }

    /// The ECDH key.
    pub fn kem(&self) -> &KemPublicKey {
        &self.kem
    }

    /// The ECDSA key.
    pub fn verifying(&self) -> &VerifyingKey {
        &self.verifying
    }
}

/// The id of a pair of encoded keys, valid or not: an entry with bad keys has an id as well.
pub fn participant_id(
    kem_pub: &[u8; PUBLIC_KEY_LEN],
    sig_pub: &[u8; PUBLIC_KEY_LEN],
) -> ParticipantId {
    ParticipantId(first_16(
        Fields::hash(labels::ID).put(kem_pub).put(sig_pub).finish(),
    ))
}

/// The first half of a digest.
pub(crate) fn first_16(digest: [u8; 32]) -> [u8; 16] {
    let mut first = [0; 16];
    for (to, from) in first.iter_mut().zip(digest) {
        *to = from;
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{sha256, test_rng::Seeded};

    #[test]
    fn everybody_computes_the_same_id() {
        let own = Identity::generate(&mut Seeded::new(1)).unwrap();
        let public = own.public();
        let seen =
            PublicIdentity::from_sec1(public.kem().as_bytes(), public.verifying().as_bytes())
                .unwrap();
        assert_eq!(seen, public);
        assert_eq!(seen.id(), own.id());
    }

    #[test]
    fn the_id_is_half_a_hash_over_both_keys() {
        let public = Identity::generate(&mut Seeded::new(1)).unwrap().public();
        let (kem, sig) = (public.kem().as_bytes(), public.verifying().as_bytes());
        let hash = sha256(&[
            b"\0\0\0\x0dburnchat/1 id",
            &[0, 0, 0, 65],
            kem,
            &[0, 0, 0, 65],
            sig,
        ]);
        assert_eq!(public.id().as_bytes(), &hash[..16]);
        assert_ne!(participant_id(sig, kem), public.id());
    }

    #[test]
    fn an_identity_with_one_bad_key_is_none() {
        let public = Identity::generate(&mut Seeded::new(1)).unwrap().public();
        let (kem, sig) = (public.kem().as_bytes(), public.verifying().as_bytes());
        assert_eq!(
            PublicIdentity::from_sec1(&[4; 65], sig),
            Err(CryptoError::BadPublicKey)
        );
        assert_eq!(
            PublicIdentity::from_sec1(kem, &[4; 65]),
            Err(CryptoError::BadPublicKey)
        );
    }
}
