//! Who is in the room, as one client sees it (spec sections 5.6 and 6.2).

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::event::Participant;
use crate::crypto::{
    self, Name, PublicIdentity, RoomKeys, RosterKeys, Secret, VerificationCode, VerificationEntry,
    VerifyingKey, open_name, participant_id,
};
use crate::error::Code;
use crate::ids::{ParticipantId, RoomId, RosterHash};
use crate::limits;
use crate::wire::RosterEntry;

/// The roster and everyone who was ever on it.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct Roster {
    room_id: RoomId,
    version: u64,
    entries: Vec<Entry>,
    known: Known,
}

/// Whom a client has seen in a room; a fresh join does not make it forget.
#[derive(Clone, Default)]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub(super) struct Known {
    departed: BTreeSet<ParticipantId>,
    /// Of those there and those departed, oneself included.
    names: BTreeSet<Name>,
}

/// One participant.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct Entry {
    pub(super) id: ParticipantId,
    pub(super) listed: RosterEntry,
    /// Its keys, iff it is verified.
    pub(super) public: Option<PublicIdentity>,
    name: Option<Name>,
    name_clash: bool,
    /// The version it came with; 0 if that was before this client's own join.
    pub(super) joined_version: u64,
}

impl Entry {
    pub(super) fn is_verified(&self) -> bool {
        self.public.is_some()
    }

    /// The key it signs with, whether it is verified or not.
    pub(super) fn signing_key(&self) -> Option<VerifyingKey> {
        match &self.public {
            Some(public) => Some(public.verifying().clone()),
            None => VerifyingKey::from_sec1(&self.listed.sig_pub.0).ok(),
        }
    }

    pub(super) fn participant(&self, me: &ParticipantId) -> Participant {
        Participant {
            id: self.id,
            name: self.name.clone(),
            number: self.listed.number,
            role: self.listed.role,
            name_clash: self.name_clash,
            me: self.id == *me,
        }
    }
}

impl Roster {
    /// Nobody is on it yet; those `known` from before are no strangers.
    pub(super) fn empty(room_id: RoomId, version: u64, known: Known) -> Self {
        Self {
            room_id,
            version,
            entries: Vec::new(),
            known,
        }
    }

    /// Whom this client has seen.
    pub(super) fn into_known(self) -> Known {
        self.known
    }

    /// Adds an entry at the end. Returns what was wrong with it short of being refused: `unverified_participant` or
    /// `bad_name`.
    ///
    /// # Errors
    /// `fork` if its id is already there, or there are more than a room has seats.
    pub(super) fn add(
        &mut self,
        listed: RosterEntry,
        joined_version: u64,
        keys: &RoomKeys,
    ) -> Result<(ParticipantId, Option<Code>), Code> {
        let id = participant_id(&listed.kem_pub.0, &listed.sig_pub.0);
        if self.get(&id).is_some() || self.entries.len() >= usize::from(*limits::CAPACITY.end()) {
            return Err(Code::Fork);
        }
        let public = self.verify(&id, &listed, keys);
        let opened = public
            .as_ref()
            .map(|public| open_name(keys, public, &listed.sealed_name.0));
        let (name, fault) = match opened {
            None => (None, Some(Code::UnverifiedParticipant)),
            Some(Err(code)) => (Some(Name::fallback(&id)), Some(code)),
            Some(Ok(name)) => (Some(name), None),
        };
        let name_clash = name
            .as_ref()
            .is_some_and(|name| !self.known.names.insert(name.clone()));
        self.entries.push(Entry {
            id,
            listed,
            public,
            name,
            name_clash,
            joined_version,
        });
        Ok((id, fault))
    }

    /// Takes an entry off.
    ///
    /// # Errors
    /// `fork` if it is not there, or more have left than a client remembers.
    pub(super) fn remove(&mut self, id: &ParticipantId) -> Result<Entry, Code> {
        let place = self
            .entries
            .iter()
            .position(|entry| entry.id == *id)
            .ok_or(Code::Fork)?;
        if self.known.departed.len() >= limits::DEPARTED_IDS {
            return Err(Code::Fork);
        }
        let entry = self.entries.remove(place);
        self.known.departed.insert(entry.id);
        Ok(entry)
    }

    pub(super) fn set_version(&mut self, version: u64) {
        self.version = version;
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn get(&self, id: &ParticipantId) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == *id)
    }

    pub(super) fn verified(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.is_verified())
    }

    /// Those who were there at `version`, if none of them has left since.
    pub(super) fn members_at(&self, version: u64) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .filter(move |entry| entry.joined_version <= version)
    }

    pub(super) fn hash(&self) -> RosterHash {
        crypto::roster_hash(
            &self.room_id,
            self.version,
            self.entries.iter().map(|entry| RosterKeys {
                kem_pub: &entry.listed.kem_pub.0,
                sig_pub: &entry.listed.sig_pub.0,
                role: entry.listed.role,
            }),
        )
    }

    pub(super) fn verification(&self, secret: &Secret<16>) -> VerificationCode {
        let entries = self.entries.iter().map(|entry| VerificationEntry {
            id: entry.id,
            kem_pub: &entry.listed.kem_pub.0,
            sig_pub: &entry.listed.sig_pub.0,
        });
        VerificationCode::new(&self.room_id, secret, entries)
    }

    fn verify(
        &self,
        id: &ParticipantId,
        listed: &RosterEntry,
        keys: &RoomKeys,
    ) -> Option<PublicIdentity> {
        if self.known.departed.contains(id) {
            return None;
        }
        let proven = keys.check_join_proof(
            &listed.kem_pub.0,
            &listed.sig_pub.0,
            &listed.sealed_name.0,
            &listed.join_proof.0,
        );
        if !proven {
            return None;
        }
        PublicIdentity::from_sec1(&listed.kem_pub.0, &listed.sig_pub.0).ok()
    }
}
