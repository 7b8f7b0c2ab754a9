//! One encrypted message as it travels (spec section 8.2).

use alloc::vec::Vec;

use rand_core::CryptoRng;

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
    fn aad(&self) -> Vec<u8> {
        self.fields().finish()
    }

    fn signed(&self, iv: &[u8; IV_LEN], ciphertext: &[u8]) -> Vec<u8> {
        self.fields().put(&sha256(&[iv, ciphertext])).finish()
    }

    fn fields(&self) -> Fields<Vec<u8>> {
        Fields::bytes(labels::MSG)
            .put(self.room_id.as_bytes())
            .put(self.epoch.as_bytes())
            .put(self.sender.as_bytes())
            .put_u64(self.n)
            .put_u8(self.flags)
    }
}
