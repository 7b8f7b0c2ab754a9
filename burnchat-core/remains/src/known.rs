//! What a test knows of a room: what was drawn for it, what was said on the wire, and so every key there was.

use std::collections::BTreeMap;

use crate::{Marks, Recorder};
use burnchat_core::crypto::{
    KemKeyPair, KemPublicKey, RoomKeys, Secret, SessionKey, SigningKeyPair, hmac_sha256_secret,
    labels, participant_id, sha256,
};
use burnchat_core::encoding::Fields;
use burnchat_core::ids::{EpochId, ParticipantId, RosterHash, TicketHash};
use burnchat_core::link::{Link, room_id_of_seed};
use burnchat_core::wire::{RelayFrame, RosterEntry};
use data_encoding::BASE64URL_NOPAD;

/// As many messages as anybody sends in one epoch here, and some more.
pub const MESSAGES: u64 = 12;

/// What was seen on the wire, and nothing that is secret.
#[derive(Debug, Default)]
pub struct Known {
    people: BTreeMap<ParticipantId, People>,
    epochs: Vec<Epoch>,
    tickets: Vec<TicketHash>,
}

#[derive(Debug)]
struct People {
    kem_pub: [u8; 65],
    sig_pub: [u8; 65],
}

#[derive(Clone, Copy, Debug)]
struct Epoch {
    id: EpochId,
    steward: ParticipantId,
    roster_hash: RosterHash,
    commit: [u8; 32],
}

impl Known {
    /// Takes note of what the relay says.
    ///
    /// # Panics
    /// If that is no frame.
    pub fn see(&mut self, frame: &[u8]) {
        match RelayFrame::parse(frame).unwrap() {
            Some(RelayFrame::Joined(joined)) => {
                joined
                    .participants
                    .iter()
                    .for_each(|entry| self.meet(entry));
                self.tickets.push(joined.ticket_hash);
            }
            Some(RelayFrame::ParticipantJoined(joined)) => self.meet(&joined.participant),
            Some(RelayFrame::Renewed(renewed)) => self.tickets.push(renewed.ticket_hash),
            Some(RelayFrame::SessionKey(frame)) => {
                let commit = frame.commit.0;
                let epoch = Epoch {
                    id: burnchat_core::crypto::epoch_id(&frame.prev, &frame.roster_hash, &commit),
                    steward: frame.steward,
                    roster_hash: frame.roster_hash,
                    commit,
                };
                if self.epochs.iter().all(|known| known.id != epoch.id) {
                    self.epochs.push(epoch);
                }
            }
            _ => {}
        }
    }

    fn meet(&mut self, entry: &RosterEntry) {
        let (kem_pub, sig_pub) = (entry.kem_pub.0, entry.sig_pub.0);
        let id = participant_id(&kem_pub, &sig_pub);
        self.people.insert(id, People { kem_pub, sig_pub });
    }

    fn newest_epoch(&self) -> Epoch {
        *self.epochs.last().expect("there was a key")
    }

    /// Everything secret that was drawn, and everything that follows from it.
    pub fn marks(&self, rng: &Recorder, link: &Link, marks: &mut Marks) {
        marks.add("the link's secret", link.secret().as_bytes());
        let keys = RoomKeys::derive(link);
        marks.add("a key of the link", keys.name_key().as_bytes());
        marks.add("a key of the link", keys.wrap_key().as_bytes());
        let info = Fields::bytes(labels::JOIN).put(&link.header()).finish();
        let join_key = burnchat_core::crypto::hkdf_sha256(
            link.room_id().as_bytes(),
            link.secret().as_bytes(),
            &info,
        );
        marks.add("a key of the link", join_key.as_bytes());
        add_hmac_key("a key of the link", &join_key, marks);

        // Of ids of messages, which are as long, the relay has seen no hash.
        rng.each::<16>(|drawn| {
            let hash = TicketHash(sha256(&[drawn.as_bytes()]));
            if self.tickets.contains(&hash) {
                add_with_text("a ticket", drawn.as_bytes(), marks);
            }
        });
        rng.each::<6>(|drawn| marks.add("what a PIN was made of", drawn.as_bytes()));
        rng.each::<32>(|drawn| self.mark_drawn(&drawn, &keys, link, marks));
    }

    fn mark_drawn(&self, drawn: &Secret<32>, keys: &RoomKeys, link: &Link, marks: &mut Marks) {
        if room_id_of_seed(drawn) == link.room_id() {
            return add_with_text("the seed of the room id", drawn.as_bytes(), marks);
        }
        if let Some(epoch) = self.epoch_of(drawn) {
            return self.mark_session_key(drawn, epoch, marks);
        }
        if let Ok(pair) = KemKeyPair::from_scalar_bytes(drawn) {
            let public = pair.public_key().as_bytes();
            if self.people.values().any(|one| one.kem_pub == *public) {
                marks.add_key("a private key", drawn.as_bytes());
                return self.mark_pairs(&pair, keys, marks);
            }
        }
        if let Ok(pair) = SigningKeyPair::from_scalar_bytes(drawn) {
            let public = pair.verifying_key().as_bytes();
            if self.people.values().any(|one| one.sig_pub == *public) {
                return marks.add_key("a private key", drawn.as_bytes());
            }
        }
        add_with_text("a token", drawn.as_bytes(), marks);
    }

    /// The epoch whose session key this is.
    fn epoch_of(&self, drawn: &Secret<32>) -> Option<&Epoch> {
        let key = SessionKey::from_secret(Secret::copy_of(drawn.as_bytes()));
        self.epochs
            .iter()
            .find(|epoch| key.matches(&epoch.commit, &epoch.roster_hash))
    }

    fn mark_session_key(&self, key: &Secret<32>, epoch: &Epoch, marks: &mut Marks) {
        marks.add("a session key", key.as_bytes());
        let extracted = hmac_sha256_secret(epoch.id.as_bytes(), &[key.as_bytes()]);
        marks.add("what chains begin with", extracted.as_bytes());
        add_hmac_key("what chains begin with", &extracted, marks);
        let info = Fields::bytes(labels::HISTORY).finish();
        let history = hmac_sha256_secret(extracted.as_bytes(), &[&info, &[1]]);
        marks.add("a key of the history", history.as_bytes());
        for sender in self.people.keys() {
            let mut chain = chain(&extracted, sender);
            for _ in 0..MESSAGES {
                marks.add("a chain", chain.as_bytes());
                marks.add("a message key", message_key(&chain).as_bytes());
                chain = successor(&chain);
            }
        }
    }

    /// What the holder of a private key has agreed on with everybody.
    fn mark_pairs(&self, pair: &KemKeyPair, keys: &RoomKeys, marks: &mut Marks) {
        for other in self.people.values() {
            let public = KemPublicKey::from_sec1(&other.kem_pub).unwrap();
            let shared = pair.agree(&public).unwrap();
            marks.add_key("an ECDH secret", shared.as_bytes());
            let extracted = hmac_sha256_secret(keys.wrap_key().as_bytes(), &[shared.as_bytes()]);
            marks.add("a pair's key", extracted.as_bytes());
            add_hmac_key("a pair's key", &extracted, marks);
            for epoch in &self.epochs {
                for recipient in self.people.keys() {
                    let info = Fields::bytes(labels::KEK)
                        .put(epoch.roster_hash.as_bytes())
                        .put(epoch.steward.as_bytes())
                        .put(recipient.as_bytes())
                        .finish();
                    let kek = hmac_sha256_secret(extracted.as_bytes(), &[&info, &[1]]);
                    marks.add("a key-encryption key", kek.as_bytes());
                }
            }
        }
    }

    /// The chain values and message keys of one sender in the newest epoch, message by message.
    ///
    /// # Panics
    /// If there was no key yet.
    pub fn chain_of(
        &self,
        rng: &Recorder,
        sender: &ParticipantId,
        mut look: impl FnMut(u64, &Secret<32>, &Secret<32>),
    ) {
        let epoch = self.newest_epoch();
        rng.each::<32>(|drawn| {
            if self
                .epoch_of(&drawn)
                .is_some_and(|found| found.id == epoch.id)
            {
                let extracted = hmac_sha256_secret(epoch.id.as_bytes(), &[drawn.as_bytes()]);
                let mut chain = chain(&extracted, sender);
                for n in 0..MESSAGES {
                    look(n, &chain, &message_key(&chain));
                    chain = successor(&chain);
                }
            }
        });
    }

    /// The newest session key, and what all chains come from.
    ///
    /// # Panics
    /// If there was no key yet.
    pub fn mark_newest_session_key(&self, rng: &Recorder, marks: &mut Marks) {
        let epoch = self.newest_epoch();
        rng.each::<32>(|drawn| {
            if self
                .epoch_of(&drawn)
                .is_some_and(|found| found.id == epoch.id)
            {
                marks.add("the session key", drawn.as_bytes());
                let extracted = hmac_sha256_secret(epoch.id.as_bytes(), &[drawn.as_bytes()]);
                marks.add("what chains begin with", extracted.as_bytes());
                add_hmac_key("what chains begin with", &extracted, marks);
            }
        });
    }
}

/// As it is, and as frames have it.
fn add_with_text(what: &'static str, secret: &[u8], marks: &mut Marks) {
    marks.add(what, secret);
    let mut text = zeroize::Zeroizing::new([0; 64]);
    let text = &mut text[..BASE64URL_NOPAD.encode_len(secret.len())];
    BASE64URL_NOPAD.encode_mut(secret, text);
    marks.add(what, text);
}

fn chain(extracted: &Secret<32>, sender: &ParticipantId) -> Secret<32> {
    let info = Fields::bytes(labels::CHAIN).put(sender.as_bytes()).finish();
    hmac_sha256_secret(extracted.as_bytes(), &[&info, &[1]])
}

fn message_key(chain: &Secret<32>) -> Secret<32> {
    hmac_sha256_secret(chain.as_bytes(), &[&[1]])
}

fn successor(chain: &Secret<32>) -> Secret<32> {
    hmac_sha256_secret(chain.as_bytes(), &[&[2]])
}

/// A key that HMAC has taken in is two states of SHA-256, and these are as good as the key.
fn add_hmac_key(what: &'static str, key: &Secret<32>, marks: &mut Marks) {
    for pad in [0x36, 0x5c] {
        let mut block = zeroize::Zeroizing::new([pad; 64]);
        for (byte, key) in block.iter_mut().zip(key.as_bytes()) {
            *byte ^= key;
        }
        let mut state = zeroize::Zeroizing::new(SHA256_START);
        sha2::block_api::compress256(&mut state, std::slice::from_ref(&block));
        let turned = state.iter().flat_map(|word| (!word).to_ne_bytes());
        marks.add_turned(what, turned.collect());
    }
}

/// The initial hash value of SHA-256 (FIPS 180-4, section 5.3.3).
const SHA256_START: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];
