//! The key that the relays of a cluster share.
//!
//! From it come the key of the hubs' hashes, that of the peers', and those under which everything is sealed that leaves
//! the relay: values in the shared memory, each for its place, and notes from one relay to another, which may carry
//! tickets, tokens and PINs.

use burnchat_core::crypto::{
    IV_LEN, Secret, SecretBytes, aes256_gcm_open, aes256_gcm_seal, hmac_sha256,
};
use burnchat_core::ids::RoomId;

use super::seam::{Member, Tag};
use crate::rng;

/// What the relays share, and what follows from it.
pub(crate) struct ClusterKey {
    root: Secret<32>,
    notes: Secret<32>,
}

/// Seals what is kept of one room.
pub(crate) struct RoomKey {
    key: Secret<32>,
    tag: Tag,
}

/// Where in a room a value belongs: no value can be put in place of another.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    State,
    People,
    Seats,
    Entry(u64),
}

impl ClusterKey {
    pub(crate) fn new(root: &Secret<32>) -> Self {
        Self {
            root: Secret::copy_of(root.as_bytes()),
            notes: derive(root, b"notes", &[]),
        }
    }

    /// What tells whether another relay has the same key, and nothing else.
    pub(crate) fn check_value(&self) -> [u8; 32] {
        hmac_sha256(self.root.as_bytes(), &[b"burnchat cluster check"])
    }

    /// For the hashes of tokens and PINs.
    pub(crate) fn of_hub(&self) -> Secret<32> {
        derive(&self.root, b"hub", &[])
    }

    /// For the keys of peers.
    pub(crate) fn of_peers(&self) -> Secret<32> {
        derive(&self.root, b"peers", &[])
    }

    /// What a room is called in the shared memory. Without the key it says nothing of the room's id.
    pub(crate) fn tag(&self, room: RoomId) -> Tag {
        let tag = derive(&self.root, b"tag", room.as_bytes());
        Tag(tag.as_bytes().first_chunk().copied().unwrap_or_default())
    }

    pub(crate) fn of_room(&self, room: RoomId) -> RoomKey {
        RoomKey {
            key: derive(&self.root, b"room", room.as_bytes()),
            tag: self.tag(room),
        }
    }

    /// Seals a note to a member.
    pub(crate) fn seal_note(&self, to: Member, note: SecretBytes) -> Vec<u8> {
        seal(&self.notes, &to.to_be_bytes(), note)
    }

    pub(crate) fn open_note(&self, to: Member, sealed: &[u8]) -> Option<SecretBytes> {
        open(&self.notes, &to.to_be_bytes(), sealed)
    }
}

impl RoomKey {
    pub(crate) fn seal(&self, place: Place, value: SecretBytes) -> Vec<u8> {
        seal(&self.key, &self.aad(place), value)
    }

    pub(crate) fn open(&self, place: Place, sealed: &[u8]) -> Option<SecretBytes> {
        open(&self.key, &self.aad(place), sealed)
    }

    fn aad(&self, place: Place) -> Vec<u8> {
        let (kind, seq) = match place {
            Place::State => (0, 0),
            Place::People => (1, 0),
            Place::Seats => (2, 0),
            Place::Entry(seq) => (3, seq),
        };
        let mut aad = self.tag.0.to_vec();
        aad.push(kind);
        aad.extend_from_slice(&seq.to_be_bytes());
        aad
    }
}

fn derive(root: &Secret<32>, what: &[u8], of: &[u8]) -> Secret<32> {
    let mut bytes = hmac_sha256(root.as_bytes(), &[b"burnchat cluster ", what, &[0], of]);
    let key = Secret::copy_of(&bytes);
    zeroize::Zeroize::zeroize(&mut bytes);
    key
}

/// A fresh random IV in front. A room's key seals some thousands of values in the room's life, and that of the notes is
/// for as long as the cluster: with 96 random bits two are the same among 2^32 with a chance of one in 2^33.
fn seal(key: &Secret<32>, aad: &[u8], value: SecretBytes) -> Vec<u8> {
    let iv = Secret::<IV_LEN>::random(&mut rng::system());
    let mut sealed = iv.as_bytes().to_vec();
    // It fails past 64 GiB.
    let rest = aes256_gcm_seal(key, iv.as_bytes(), aad, value).unwrap_or_default();
    sealed.extend_from_slice(&rest);
    sealed
}

fn open(key: &Secret<32>, aad: &[u8], sealed: &[u8]) -> Option<SecretBytes> {
    let (iv, rest) = sealed.split_first_chunk::<IV_LEN>()?;
    aes256_gcm_open(key, iv, aad, rest).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> ClusterKey {
        ClusterKey::new(&Secret::copy_of(&[byte; 32]))
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_and_nowhere_else() {
        let room = key(1).of_room(RoomId([3; 16]));
        let value = || SecretBytes::copy_of(b"what was said");
        let sealed = room.seal(Place::Entry(7), value());
        let opened = room.open(Place::Entry(7), &sealed).unwrap();
        assert_eq!(opened.as_slice(), b"what was said");
        assert!(room.open(Place::Entry(8), &sealed).is_none());
        assert!(room.open(Place::State, &sealed).is_none());
        let other = key(1).of_room(RoomId([4; 16]));
        assert!(other.open(Place::Entry(7), &sealed).is_none());
        let other = key(2).of_room(RoomId([3; 16]));
        assert!(other.open(Place::Entry(7), &sealed).is_none());
        assert!(room.open(Place::Entry(7), &sealed[..11]).is_none());
        assert_ne!(sealed, room.seal(Place::Entry(7), value()));
    }

    #[test]
    fn a_note_is_for_one_member() {
        let sealed = key(1).seal_note(5, SecretBytes::copy_of(b"hello"));
        assert!(key(1).open_note(5, &sealed).is_some());
        assert!(key(1).open_note(6, &sealed).is_none());
        assert!(key(2).open_note(5, &sealed).is_none());
    }

    #[test]
    fn different_keys_give_different_check_values_and_tags() {
        assert_ne!(key(1).check_value(), key(2).check_value());
        assert_ne!(key(1).tag(RoomId([1; 16])), key(2).tag(RoomId([1; 16])));
        assert_eq!(key(1).tag(RoomId([1; 16])), key(1).tag(RoomId([1; 16])));
    }
}
