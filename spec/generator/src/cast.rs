//! Who appears in the vectors: a few people, a room, and their keys.

use burnchat_core::{
    crypto::{
        IV_LEN, Identity, KemKeyPair, Label, PUBLIC_KEY_LEN, RoomKeys, SEALED_NAME_LEN,
        SIGNATURE_LEN, Secret, SecretBytes, SigningKeyPair, aes256_gcm_seal, labels,
    },
    encoding::Fields,
    ids::{ParticipantId, RoomId},
    link::{Link, Ticket, room_id_of_seed},
};
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};

use crate::named::named;

/// The hard end of the rooms: some day in 2026, in minutes since the Unix epoch.
pub(crate) const NOT_AFTER: u32 = 29_834_000;

/// One participant and all its secrets.
#[derive(Debug)]
pub(crate) struct Person {
    /// The private scalar of its ECDH key.
    pub(crate) kem_scalar: [u8; 32],
    /// The private scalar of its ECDSA key.
    pub(crate) sig_scalar: [u8; 32],
    /// Both key pairs.
    pub(crate) identity: Identity,
}

impl Person {
    /// The person of this name.
    #[must_use]
    pub(crate) fn new(name: &str) -> Self {
        Self::of_scalars(
            named(&format!("{name}: kem scalar")),
            named(&format!("{name}: sig scalar")),
        )
    }

    /// The person of these scalars.
    #[must_use]
    pub(crate) fn of_scalars(kem_scalar: [u8; 32], sig_scalar: [u8; 32]) -> Self {
        let kem = KemKeyPair::from_scalar_bytes(&Secret::copy_of(&kem_scalar)).unwrap();
        let sig = SigningKeyPair::from_scalar_bytes(&Secret::copy_of(&sig_scalar)).unwrap();
        Self {
            kem_scalar,
            sig_scalar,
            identity: Identity::from_key_pairs(kem, sig),
        }
    }

    /// The participant id.
    #[must_use]
    pub(crate) fn id(&self) -> ParticipantId {
        self.identity.id()
    }

    /// The public ECDH key.
    #[must_use]
    pub(crate) fn kem_pub(&self) -> &[u8; PUBLIC_KEY_LEN] {
        self.identity.kem().public_key().as_bytes()
    }

    /// The public ECDSA key.
    #[must_use]
    pub(crate) fn sig_pub(&self) -> &[u8; PUBLIC_KEY_LEN] {
        self.identity.signing().verifying_key().as_bytes()
    }

    /// A signature, the same each time whatever signs in the core.
    #[must_use]
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LEN] {
        let key = SigningKey::from_slice(&self.sig_scalar).unwrap();
        let signature: Signature = key.sign(message);
        signature.to_bytes().into()
    }

    /// The plaintext of a sealed name: `declared` is the length byte, `field` what stands in the 64 bytes after it.
    #[must_use]
    pub(crate) fn name_plaintext(
        declared: u8,
        field: &[u8],
        signature: &[u8; SIGNATURE_LEN],
    ) -> [u8; 129] {
        let mut plaintext = [0; 129];
        plaintext[0] = declared;
        plaintext[1..=field.len()].copy_from_slice(field);
        plaintext[65..].copy_from_slice(signature);
        plaintext
    }

    /// What is signed to bind a name to this person.
    #[must_use]
    pub(crate) fn name_signed(&self, room_id: &RoomId, name: &[u8]) -> Vec<u8> {
        Fields::bytes(labels::NAME)
            .put(room_id.as_bytes())
            .put(self.id().as_bytes())
            .put(name)
            .finish()
            .to_vec()
    }

    /// The sealed name as an honest client makes it.
    #[must_use]
    pub(crate) fn sealed_name(
        &self,
        room: &Room,
        name: &str,
        iv: &[u8; IV_LEN],
    ) -> [u8; SEALED_NAME_LEN] {
        let signature = self.sign(&self.name_signed(&room.id(), name.as_bytes()));
        let plaintext = Self::name_plaintext(name.len() as u8, name.as_bytes(), &signature);
        seal_plaintext(room.keys().name_key(), iv, &self.id(), &plaintext)
    }
}

/// `iv + AES-GCM(…)`: a sealed name of any plaintext.
#[must_use]
pub(crate) fn seal_plaintext(
    name_key: &Secret<32>,
    iv: &[u8; IV_LEN],
    id: &ParticipantId,
    plaintext: &[u8; 129],
) -> [u8; SEALED_NAME_LEN] {
    let plaintext = SecretBytes::copy_of(plaintext);
    let ciphertext = aes256_gcm_seal(name_key, iv, id.as_bytes(), plaintext).unwrap();
    [iv.as_slice(), &ciphertext].concat().try_into().unwrap()
}

/// A room as its link describes it.
#[derive(Debug)]
pub(crate) struct Room {
    /// The URL of the relay.
    pub(crate) base: String,
    /// What the room id is made of.
    pub(crate) id_seed: [u8; 32],
    /// Bit 0 of the flags.
    pub(crate) history: bool,
    /// Minutes since the Unix epoch.
    pub(crate) not_after: u32,
    /// The end-to-end half of the link.
    pub(crate) secret: [u8; 16],
    /// The relay's half.
    pub(crate) ticket: [u8; 16],
}

impl Room {
    /// The room of this name.
    #[must_use]
    pub(crate) fn new(name: &str, history: bool) -> Self {
        Self {
            base: "https://relay.example".into(),
            id_seed: named(&format!("{name}: id_seed")),
            history,
            not_after: NOT_AFTER,
            secret: named(&format!("{name}: secret")),
            ticket: named(&format!("{name}: ticket")),
        }
    }

    /// The room id.
    #[must_use]
    pub(crate) fn id(&self) -> RoomId {
        room_id_of_seed(&Secret::copy_of(&self.id_seed))
    }

    /// The link.
    #[must_use]
    pub(crate) fn link(&self) -> Link {
        Link::new(
            &self.base,
            self.id(),
            self.history,
            self.not_after,
            Secret::copy_of(&self.secret),
            Ticket::copy_of(&self.ticket),
        )
        .unwrap()
    }

    /// The link's text.
    #[must_use]
    pub(crate) fn url(&self) -> String {
        self.link().to_url().to_string()
    }

    /// What everyone with the link derives.
    #[must_use]
    pub(crate) fn keys(&self) -> RoomKeys {
        RoomKeys::derive(&self.link())
    }
}

/// `HKDF(room_id, secret, L(label, header))`.
#[must_use]
pub(crate) fn room_key(room: &Room, label: Label) -> Secret<32> {
    let link = room.link();
    let info = Fields::bytes(label).put(&link.header()).finish();
    burnchat_core::crypto::hkdf_sha256(room.id().as_bytes(), &room.secret, &info)
}

/// The same bytes with one bit of one byte turned.
#[must_use]
pub(crate) fn altered<const N: usize>(bytes: &[u8; N], at: usize) -> [u8; N] {
    let mut altered = *bytes;
    altered[at] ^= 1;
    altered
}
