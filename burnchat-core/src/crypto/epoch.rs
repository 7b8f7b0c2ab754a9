//! A session key on its way from the steward to everyone else (spec sections 7.2 and 9.2).

use alloc::vec::Vec;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::{
    Chain, CryptoError, DIGEST_LEN, Identity, Secret, Signature, VerifyingKey, WRAPPED_KEY_LEN,
    aes256_kw_unwrap, aes256_kw_wrap, ct_eq, hash::PseudorandomKey, hkdf_sha256, hmac_sha256,
    labels,
};
use crate::{
    encoding::Fields,
    ids::{EpochId, ParticipantId, RoomId, RosterHash},
};

/// The key of one epoch.
#[derive(Debug)]
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
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
        self.chains(epoch).of(sender)
    }

    /// The same for many senders.
    pub fn chains(&self, epoch: &EpochId) -> Chains {
        Chains(PseudorandomKey::extract(
            epoch.as_bytes(),
            self.0.as_bytes(),
        ))
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

/// What all chains of one epoch are derived from: to be dropped when they are.
#[derive(Debug)]
pub struct Chains(PseudorandomKey);

impl Chains {
    /// The start of a sender's chain.
    pub fn of(&self, sender: &ParticipantId) -> Chain {
        let info = Fields::bytes(labels::CHAIN).put(sender.as_bytes()).finish();
        Chain::starting_at(self.0.expand(&info))
    }
}

/// What two participants have agreed on for one room. Either keeps it while both are in the room:
/// the key of every roster comes from it.
#[derive(Debug)]
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub struct PairKey(PseudorandomKey);

impl PairKey {
    /// From the ECDH secret of their key pairs, and the room's
    /// [`wrap_key`](super::RoomKeys::wrap_key).
    pub fn new(wrap_key: &Secret<32>, shared: &Secret<32>) -> Self {
        Self(PseudorandomKey::extract(
            wrap_key.as_bytes(),
            shared.as_bytes(),
        ))
    }

    /// The key for one roster.
    pub fn kek(
        &self,
        roster_hash: &RosterHash,
        steward: &ParticipantId,
        recipient: &ParticipantId,
    ) -> KeyEncryptionKey {
        let info = Fields::bytes(labels::KEK)
            .put(roster_hash.as_bytes())
            .put(steward.as_bytes())
            .put(recipient.as_bytes())
            .finish();
        KeyEncryptionKey(self.0.expand(&info))
    }
}

/// The key the steward and one recipient share for one roster: who saw another roster, or other
/// keys, has another.
#[derive(Debug)]
pub struct KeyEncryptionKey(Secret<32>);

impl KeyEncryptionKey {
    /// From the ECDH secret of their key pairs, and the room's
    /// [`wrap_key`](super::RoomKeys::wrap_key). Whoever derives more than one of the same pair goes
    /// by [`PairKey`].
    pub fn derive(
        wrap_key: &Secret<32>,
        roster_hash: &RosterHash,
        shared: &Secret<32>,
        steward: &ParticipantId,
        recipient: &ParticipantId,
    ) -> Self {
        PairKey::new(wrap_key, shared).kek(roster_hash, steward, recipient)
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

fn signed_fields(room_id: &RoomId, epoch: &EpochId) -> Zeroizing<Vec<u8>> {
    Fields::bytes(labels::KEY)
        .put(room_id.as_bytes())
        .put(epoch.as_bytes())
        .finish()
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;
    use crate::crypto::test_rng::Seeded;

    const ROOM: RoomId = RoomId(hex!("000102030405060708090a0b0c0d0e0f"));
    const ROSTER: RosterHash = RosterHash(hex!(
        "82d725da144430a13fdb5e75300ec7e57ac24e6c2514d65031fb14f6ef5ce7f2"
    ));
    const EPOCH: EpochId = EpochId(hex!(
        "16ba2c8646d2ec342702a7851f71dc35ccf46733adeec056ab3f857f8387f9bf"
    ));
    const ANA: ParticipantId = ParticipantId(hex!("bffdb5a334fac8d3c439e7baae77d33a"));
    const BEN: ParticipantId = ParticipantId(hex!("49ecced954be48ba496a6b18a3b85dea"));

    /// The values were computed apart from this code.
    #[test]
    fn the_key_schedule_gives_the_bytes_of_the_spec() {
        let key = SessionKey(Secret::copy_of(&[6; 32]));
        let commit = key.commit(&ROSTER);
        assert_eq!(
            commit,
            hex!("48d28da004408f78a4fe342e1a3429b0c0ea1eccaec66b97f8e8ff02f12a08da")
        );
        assert_eq!(epoch_id(&EpochId::NONE, &ROSTER, &commit), EPOCH);
        let mut chain = key.chain(&EPOCH, &ANA);
        assert_eq!(
            chain.take().unwrap().as_secret().as_bytes(),
            &hex!("8948e5d406ef5f133b7a72e59445d962ff3f936fbfb60b17a49b0c415addb440")
        );
        assert_eq!(
            chain.look_ahead(2).unwrap().0.as_secret().as_bytes(),
            &hex!("c082bdaba44cf919460d89f2a02edf97f19b14f2408d8d28882af58db01eee62")
        );
        assert_eq!(
            key.history_key(&EPOCH).as_bytes(),
            &hex!("63ffb77dc596e225528b4ce51c1d5ed70f9e95ed04e67829f058fc8f180c16bb")
        );
        let kek =
            KeyEncryptionKey::derive(&wrap_key(), &ROSTER, &Secret::copy_of(&[8; 32]), &ANA, &BEN);
        assert_eq!(
            kek.0.as_bytes(),
            &hex!("1a5afea9c06ef372f733376c2d376b67e77bcd6e6d9471e09fe07ad120a00e94")
        );
    }

    #[test]
    fn the_recipient_unwraps_what_the_steward_wrapped() {
        let (ana, ben) = (identity(1), identity(2));
        let key = SessionKey::random(&mut Seeded::new(3));
        let wrapped = from(&ana, &ben, &ROSTER).wrap(&key);
        let unwrapped = to(&ben, &ana, &ROSTER).unwrap(&wrapped).unwrap();
        assert!(unwrapped.0.ct_eq(&key.0));
        assert!(unwrapped.matches(&key.commit(&ROSTER), &ROSTER));
    }

    #[test]
    fn who_saw_another_roster_cannot_unwrap() {
        let (ana, ben) = (identity(1), identity(2));
        let key = SessionKey::random(&mut Seeded::new(3));
        let wrapped = from(&ana, &ben, &ROSTER).wrap(&key);
        assert_bad_wrap(to(&ben, &ana, &RosterHash([0; 32])).unwrap(&wrapped));
    }

    #[test]
    fn nobody_else_can_unwrap() {
        let (ana, ben, eve) = (identity(1), identity(2), identity(3));
        let key = SessionKey::random(&mut Seeded::new(3));
        let wrapped = from(&ana, &ben, &ROSTER).wrap(&key);
        assert_bad_wrap(to(&eve, &ana, &ROSTER).unwrap(&wrapped));
        assert_bad_wrap(to(&ben, &eve, &ROSTER).unwrap(&wrapped));
        // A wrap sent back does not pass for one of Ben's.
        assert_bad_wrap(to(&ana, &ben, &ROSTER).unwrap(&wrapped));
    }

    #[test]
    fn a_commit_ties_a_frame_to_one_key_and_one_roster() {
        let key = SessionKey::random(&mut Seeded::new(3));
        let other = SessionKey::random(&mut Seeded::new(4));
        let commit = key.commit(&ROSTER);
        assert!(!other.matches(&commit, &ROSTER));
        assert!(!key.matches(&commit, &RosterHash([0; 32])));
    }

    #[test]
    fn an_epoch_id_follows_from_everything_before_it() {
        let commit = [1; 32];
        let id = epoch_id(&EPOCH, &ROSTER, &commit);
        assert_ne!(id, epoch_id(&EpochId::NONE, &ROSTER, &commit));
        assert_ne!(id, epoch_id(&EPOCH, &RosterHash([0; 32]), &commit));
        assert_ne!(id, epoch_id(&EPOCH, &ROSTER, &[2; 32]));
    }

    #[test]
    fn a_key_frame_is_signed_for_one_room_and_epoch() {
        let ana = identity(1);
        let signature = sign_key_frame(&ana, &ROOM, &EPOCH).unwrap();
        let check = |room, epoch| {
            verify_key_frame(ana.signing().verifying_key(), &room, &epoch, &signature)
        };
        assert_eq!(check(ROOM, EPOCH), Ok(()));
        assert_eq!(
            check(RoomId([0; 16]), EPOCH),
            Err(CryptoError::BadSignature)
        );
        assert_eq!(check(ROOM, EpochId::NONE), Err(CryptoError::BadSignature));
    }

    #[test]
    fn history_is_walked_back_key_by_key() {
        let (older, newer) = (
            SessionKey::random(&mut Seeded::new(3)),
            SessionKey::random(&mut Seeded::new(4)),
        );
        let back = newer.wrap_back(&EPOCH, &older);
        assert!(newer.unwrap_back(&EPOCH, &back).unwrap().0.ct_eq(&older.0));
        assert_bad_wrap(newer.unwrap_back(&EpochId::NONE, &back));
        assert_bad_wrap(older.unwrap_back(&EPOCH, &back));
    }

    #[test]
    fn the_curve_alone_opens_no_wrap() {
        let (ana, ben) = (identity(1), identity(2));
        let key = SessionKey::random(&mut Seeded::new(3));
        let wrapped = from(&ana, &ben, &ROSTER).wrap(&key);
        // Somebody has computed the two participants' secret from what the relay saw.
        let shared = ben.kem().agree(ana.kem().public_key()).unwrap();
        let without_the_link = Secret::copy_of(&[0; 32]);
        let kek =
            KeyEncryptionKey::derive(&without_the_link, &ROSTER, &shared, &ana.id(), &ben.id());
        assert_bad_wrap(kek.unwrap(&wrapped));
    }

    fn wrap_key() -> Secret<32> {
        Secret::copy_of(&[9; 32])
    }

    fn identity(seed: u64) -> Identity {
        Identity::generate(&mut Seeded::new(seed)).unwrap()
    }

    fn from(steward: &Identity, recipient: &Identity, roster: &RosterHash) -> KeyEncryptionKey {
        let shared = steward.kem().agree(recipient.kem().public_key()).unwrap();
        KeyEncryptionKey::derive(&wrap_key(), roster, &shared, &steward.id(), &recipient.id())
    }

    fn to(recipient: &Identity, steward: &Identity, roster: &RosterHash) -> KeyEncryptionKey {
        let shared = recipient.kem().agree(steward.kem().public_key()).unwrap();
        KeyEncryptionKey::derive(&wrap_key(), roster, &shared, &steward.id(), &recipient.id())
    }

    fn assert_bad_wrap(unwrapped: Result<SessionKey, CryptoError>) {
        assert_eq!(unwrapped.err(), Some(CryptoError::BadWrap));
    }
}
