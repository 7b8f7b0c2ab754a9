//! One encrypted message as it travels (spec section 8.2).

use alloc::vec::Vec;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::{
    CryptoError, IV_LEN, Identity, MessageKey, SecretBytes, Signature, VerifyingKey,
    aes256_gcm_open, aes256_gcm_seal, labels, sha256,
};
use crate::{
    encoding::Fields,
    ids::{EpochId, ParticipantId, RoomId},
    wire::{Bytes, Ciphertext, Envelope},
};

impl Envelope {
    /// Encrypts a padded plaintext under `key`, which is used up, and signs. Draws the IV from
    /// `rng`.
    ///
    /// # Errors
    /// [`CryptoError::Backend`], or [`CryptoError::TooLong`] for a plaintext no limit allows.
    pub fn seal(
        room_id: &RoomId,
        epoch: &EpochId,
        sender: &Identity,
        key: MessageKey,
        padded: SecretBytes,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, CryptoError> {
        let mut iv = [0; IV_LEN];
        rng.fill_bytes(&mut iv);
        let (n, flags) = (key.n(), 0);
        let context = Context {
            room_id,
            epoch,
            sender: &sender.id(),
            n,
            flags,
        };
        let ciphertext = aes256_gcm_seal(key.as_secret(), &iv, &context.aad(), padded)?;
        let sig = sender
            .signing()
            .sign(&[&context.signed(&iv, &ciphertext)])?;
        Ok(Self {
            epoch: *epoch,
            n,
            flags,
            iv: Bytes(iv),
            ciphertext: Ciphertext(ciphertext),
            sig: Bytes(*sig.as_bytes()),
        })
    }

    /// Checks the sender's signature.
    ///
    /// # Errors
    /// [`CryptoError::BadSignature`].
    pub fn verify(
        &self,
        room_id: &RoomId,
        sender: &ParticipantId,
        sender_key: &VerifyingKey,
    ) -> Result<(), CryptoError> {
        let signed = self
            .context(room_id, sender)
            .signed(&self.iv.0, &self.ciphertext.0);
        sender_key.verify(&[&signed], &Signature::from_bytes(self.sig.0))
    }

    /// Decrypts with the key of message n, after [`verify`](Self::verify). Gives the plaintext with
    /// its padding.
    ///
    /// # Errors
    /// [`CryptoError::Unauthentic`].
    pub fn open(
        &self,
        room_id: &RoomId,
        sender: &ParticipantId,
        key: &MessageKey,
    ) -> Result<SecretBytes, CryptoError> {
        let aad = self.context(room_id, sender).aad();
        aes256_gcm_open(key.as_secret(), &self.iv.0, &aad, &self.ciphertext.0)
    }

    fn context<'a>(&'a self, room_id: &'a RoomId, sender: &'a ParticipantId) -> Context<'a> {
        Context {
            room_id,
            epoch: &self.epoch,
            sender,
            n: self.n,
            flags: self.flags,
        }
    }
}

/// What the AAD and the signature of an envelope have in common.
struct Context<'a> {
    room_id: &'a RoomId,
    epoch: &'a EpochId,
    sender: &'a ParticipantId,
    n: u64,
    flags: u8,
}

impl Context<'_> {
    fn aad(&self) -> Zeroizing<Vec<u8>> {
        self.fields().finish()
    }

    fn signed(&self, iv: &[u8; IV_LEN], ciphertext: &[u8]) -> Zeroizing<Vec<u8>> {
        self.fields().put(&sha256(&[iv, ciphertext])).finish()
    }

    fn fields(&self) -> Fields<Zeroizing<Vec<u8>>> {
        Fields::bytes(labels::MSG)
            .put(self.room_id.as_bytes())
            .put(self.epoch.as_bytes())
            .put(self.sender.as_bytes())
            .put_u64(self.n)
            .put_u8(self.flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Chain, Secret, test_rng::Seeded};

    const ROOM: RoomId = RoomId([9; 16]);
    const EPOCH: EpochId = EpochId([8; 32]);

    #[test]
    fn what_ana_seals_ben_opens() {
        let ana = identity(1);
        let (mut hers, mut his) = (chain(), chain());
        for text in ["first", "second"] {
            let sealed = seal(&ana, &mut hers, text);
            sealed
                .verify(&ROOM, &ana.id(), ana.signing().verifying_key())
                .unwrap();
            let key = his.take().unwrap();
            let opened = sealed.open(&ROOM, &ana.id(), &key).unwrap();
            assert_eq!(opened.as_slice(), text.as_bytes());
        }
    }

    #[test]
    fn an_insider_cannot_speak_as_another() {
        // Ben knows Ana's chain, as everyone in the room does, and not her signing key.
        let (ana, ben) = (identity(1), identity(2));
        let key = chain().take().unwrap();
        let context = Context {
            room_id: &ROOM,
            epoch: &EPOCH,
            sender: &ana.id(),
            n: 0,
            flags: 0,
        };
        let plaintext = SecretBytes::copy_of(b"I quit");
        let iv = [0; IV_LEN];
        let ciphertext = aes256_gcm_seal(key.as_secret(), &iv, &context.aad(), plaintext).unwrap();
        let sig = ben
            .signing()
            .sign(&[&context.signed(&iv, &ciphertext)])
            .unwrap();
        let forged = Envelope {
            epoch: EPOCH,
            n: 0,
            flags: 0,
            iv: Bytes(iv),
            ciphertext: Ciphertext(ciphertext),
            sig: Bytes(*sig.as_bytes()),
        };
        assert!(forged.open(&ROOM, &ana.id(), &key).is_ok());
        assert_unsigned(&forged, &ROOM, &ana);
    }

    #[test]
    fn an_envelope_is_good_in_one_place_only() {
        let (ana, ben) = (identity(1), identity(2));
        let sealed = seal(&ana, &mut chain(), "hello");
        let key = chain().take().unwrap();

        assert_unsigned(&sealed, &RoomId([0; 16]), &ana);
        assert_unsigned(&sealed, &ROOM, &ben);
        let altered: [fn(&mut Envelope); 6] = [
            |envelope| envelope.epoch = EpochId([0; 32]),
            |envelope| envelope.n = 1,
            |envelope| envelope.flags = 1,
            |envelope| envelope.iv.0[11] ^= 1,
            |envelope| envelope.ciphertext.0[0] ^= 1,
            |envelope| envelope.ciphertext.0.truncate(20),
        ];
        for alter in altered {
            let mut envelope = sealed.clone();
            alter(&mut envelope);
            assert_unsigned(&envelope, &ROOM, &ana);
            let opened = envelope.open(&ROOM, &ana.id(), &key);
            assert_eq!(opened.err(), Some(CryptoError::Unauthentic));
        }
    }

    #[test]
    fn the_same_words_never_look_the_same() {
        let ana = identity(1);
        let mut rng = Seeded::new(7);
        let mut seal = || {
            let words = SecretBytes::copy_of(b"again");
            let key = chain().take().unwrap();
            Envelope::seal(&ROOM, &EPOCH, &ana, key, words, &mut rng).unwrap()
        };
        let (one, other) = (seal(), seal());
        assert_ne!(one.iv, other.iv);
        assert_ne!(one.ciphertext, other.ciphertext);
    }

    fn seal(sender: &Identity, chain: &mut Chain, text: &str) -> Envelope {
        let (key, plaintext) = (chain.take().unwrap(), SecretBytes::copy_of(text.as_bytes()));
        Envelope::seal(&ROOM, &EPOCH, sender, key, plaintext, &mut Seeded::new(7)).unwrap()
    }

    fn assert_unsigned(envelope: &Envelope, room_id: &RoomId, sender: &Identity) {
        let verified = envelope.verify(room_id, &sender.id(), sender.signing().verifying_key());
        assert_eq!(verified, Err(CryptoError::BadSignature));
    }

    fn identity(seed: u64) -> Identity {
        Identity::generate(&mut Seeded::new(seed)).unwrap()
    }

    fn chain() -> Chain {
        Chain::starting_at(Secret::copy_of(&[5; 32]))
    }
}
