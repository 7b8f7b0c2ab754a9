//! A session key on its way from the steward to everyone else (spec sections 7.2 and 9.2).

use rand_core::CryptoRng;

use super::{
    Chain, CryptoError, DIGEST_LEN, Identity, Secret, Signature, VerifyingKey, WRAPPED_KEY_LEN,
    aes256_kw_unwrap, aes256_kw_wrap, ct_eq, hkdf_sha256, hmac_sha256, labels,
};
use crate::{
    encoding::Fields,
    ids::{EpochId, ParticipantId, RoomId, RosterHash},
};

/// The key of one epoch.
#[derive(Debug)]
pub struct SessionKey(Secret<32>);

impl SessionKey {
    /// Draws a session key.
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        Self(Secret::random(rng))
    }

    /// The session key of these bytes: for test vectors.
    pub fn from_secret(bytes: Secret<32>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn as_secret(&self) -> &Secret<32> {
        &self.0
    }

    /// What ties a key frame to one key: whoever unwraps checks it.
    pub fn commit(&self, roster_hash: &RosterHash) -> [u8; DIGEST_LEN] {
        let fields = Fields::bytes(labels::COMMIT)
            .put(roster_hash.as_bytes())
            .finish();
        hmac_sha256(self.0.as_bytes(), &[&fields])
    }

    /// Whether this is the key that `commit` ties its frame to, in constant time.
    pub fn matches(&self, commit: &[u8; DIGEST_LEN], roster_hash: &RosterHash) -> bool {
        ct_eq(&self.commit(roster_hash), commit)
    }

    /// The start of a sender's chain in the epoch of this key (section 8.1).
    pub fn chain(&self, epoch: &EpochId, sender: &ParticipantId) -> Chain {
        let info = Fields::bytes(labels::CHAIN).put(sender.as_bytes()).finish();
        Chain::starting_at(hkdf_sha256(epoch.as_bytes(), self.0.as_bytes(), &info))
    }

    /// Wraps the session key of an older epoch under this one, the key of `epoch`: the `wrapped` of
    /// `back` (section 9.2).
    pub fn wrap_back(&self, epoch: &EpochId, older: &Self) -> [u8; WRAPPED_KEY_LEN] {
        aes256_kw_wrap(&self.history_key(epoch), &older.0)
    }

    /// Opens what [`wrap_back`](Self::wrap_back) made. Whether it is the key of the epoch that
    /// `back` names, its commit says.
    ///
    /// # Errors
    /// [`CryptoError::BadWrap`].
    pub fn unwrap_back(
        &self,
        epoch: &EpochId,
        wrapped: &[u8; WRAPPED_KEY_LEN],
    ) -> Result<Self, CryptoError> {
        aes256_kw_unwrap(&self.history_key(epoch), wrapped).map(Self)
    }

    fn history_key(&self, epoch: &EpochId) -> Secret<32> {
        let info = Fields::bytes(labels::HISTORY).finish();
        hkdf_sha256(epoch.as_bytes(), self.0.as_bytes(), &info)
    }
}

/// The key the steward and one recipient share for one roster: who saw another roster, or other
/// keys, has another.
#[derive(Debug)]
pub struct KeyEncryptionKey(Secret<32>);

impl KeyEncryptionKey {
    /// From what the two have agreed on: `shared` is the ECDH secret of their key pairs, which
    /// either keeps while both are in the room.
    pub fn derive(
        room_id: &RoomId,
        roster_hash: &RosterHash,
        shared: &Secret<32>,
        steward: &ParticipantId,
        recipient: &ParticipantId,
    ) -> Self {
        let info = Fields::bytes(labels::KEK)
            .put(roster_hash.as_bytes())
            .put(steward.as_bytes())
            .put(recipient.as_bytes())
            .finish();
        Self(hkdf_sha256(room_id.as_bytes(), shared.as_bytes(), &info))
    }

    /// The `wrapped` of the recipient.
    pub fn wrap(&self, session_key: &SessionKey) -> [u8; WRAPPED_KEY_LEN] {
        aes256_kw_wrap(&self.0, &session_key.0)
    }

    /// Opens what [`wrap`](Self::wrap) made.
    ///
    /// # Errors
    /// [`CryptoError::BadWrap`].
    pub fn unwrap(&self, wrapped: &[u8; WRAPPED_KEY_LEN]) -> Result<SessionKey, CryptoError> {
        aes256_kw_unwrap(&self.0, wrapped).map(SessionKey)
    }
}

/// The id of the epoch a key frame starts, after the epoch `prev`.
pub fn epoch_id(prev: &EpochId, roster_hash: &RosterHash, commit: &[u8; DIGEST_LEN]) -> EpochId {
    let fields = Fields::hash(labels::EPOCH)
        .put(prev.as_bytes())
        .put(roster_hash.as_bytes())
        .put(commit);
    EpochId(fields.finish())
}

/// The steward's signature over a key frame.
///
/// # Errors
/// [`CryptoError::Backend`].
pub fn sign_key_frame(
    steward: &Identity,
    room_id: &RoomId,
    epoch: &EpochId,
) -> Result<Signature, CryptoError> {
    steward.signing().sign(&[&signed_fields(room_id, epoch)])
}

/// Checks the steward's signature over a key frame.
///
/// # Errors
/// [`CryptoError::BadSignature`].
pub fn verify_key_frame(
    steward: &VerifyingKey,
    room_id: &RoomId,
    epoch: &EpochId,
    signature: &Signature,
) -> Result<(), CryptoError> {
    steward.verify(&[&signed_fields(room_id, epoch)], signature)
}

fn signed_fields(room_id: &RoomId, epoch: &EpochId) -> alloc::vec::Vec<u8> {
    Fields::bytes(labels::KEY)
        .put(room_id.as_bytes())
        .put(epoch.as_bytes())
        .finish()
}
