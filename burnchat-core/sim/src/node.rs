//! One client, and what is known of it from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use burnchat_core::client::{Client, EndReason, Status};
use burnchat_core::crypto::Secret;
use burnchat_core::ids::{EpochId, MessageId, ParticipantId};
use burnchat_core::relay::PeerKey;
use burnchat_core::time::Timestamp;

use crate::invariants::OwnClock;
use crate::observed::Texts;

/// One client, its network and its clock, and everything it has told.
pub(crate) struct Node {
    pub(crate) client: Client,
    pub(crate) name: Rc<str>,
    pub(crate) peer: PeerKey,
    /// How far its clock is ahead of the world's, ms.
    pub(crate) ahead: i64,
    pub(crate) online: bool,
    /// The process has died: nothing is delivered to it, and nothing asked of it.
    pub(crate) crashed: bool,
    /// Its link holds another secret: the others cannot verify it, nor it them (spec section 5.6).
    pub(crate) stranger: bool,
    /// The last `join` it sent.
    pub(crate) join: Option<Vec<u8>>,
    /// How much later it reads, ms.
    pub(crate) slow: u64,
    pub(crate) wants_connection: bool,
    pub(crate) connection: Option<u64>,
    /// What its machine said when it was last asked for its timer.
    timer: Option<Timestamp>,
    pub(crate) told: Told,
}

/// What a node has said and shown, and what follows from it.
#[derive(Default)]
pub(crate) struct Told {
    /// Ids it has had, newest last.
    pub(crate) ids: Vec<ParticipantId>,
    /// The token of its newest seat: what an application keeps to come back after a restart.
    pub(crate) seat_token: Option<Secret<32>>,
    /// When it last joined or resumed.
    pub(crate) connected_at: Timestamp,
    pub(crate) clock: OwnClock,
    /// When its own clock must have ended it, in the machine's time.
    pub(crate) burn_by: Option<Timestamp>,
    pub(crate) ended: Option<EndReason>,
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) status: Option<Status>,
    pub(crate) key_state: Option<&'static str>,
    /// The version that was looked at last, and how many others were verified on it.
    pub(crate) looked_at: Option<u64>,
    /// The newest epoch it was seen to hold, and the one at the head.
    pub(crate) held: Option<(u64, EpochId)>,
    pub(crate) head: Option<EpochId>,
    pub(crate) others_verified: usize,
    /// Who was on the roster of each version, as this node saw it.
    pub(crate) rosters: BTreeMap<u64, Vec<ParticipantId>>,
    /// The version of each epoch, as this node saw it.
    pub(crate) epochs: BTreeMap<EpochId, u64>,
    pub(crate) departed: BTreeSet<ParticipantId>,
    /// The epoch of the envelope that is being read.
    pub(crate) reading: Option<EpochId>,
    /// The steward of the key frame that is being read.
    pub(crate) reading_key_of: Option<ParticipantId>,
    pub(crate) written: Vec<MessageId>,
    /// Where its texts were when it was last looked at.
    pub(crate) texts: Texts,
    pub(crate) fates: BTreeMap<MessageId, Fate>,
    pub(crate) shown: BTreeSet<(ParticipantId, MessageId)>,
    /// The number of the newest text of each author it has been shown.
    pub(crate) newest: BTreeMap<ParticipantId, usize>,
    pub(crate) unread: Vec<(ParticipantId, MessageId)>,
    /// Authors of whom it was told that it cannot read something.
    pub(crate) unreadable: BTreeSet<ParticipantId>,
    pub(crate) history_incomplete: bool,
    /// What it has been told it misses, and of whom, while it does not know yet whether its history is whole.
    pub(crate) missed: Option<Vec<(ParticipantId, String)>>,
}

/// What became of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Accepted,
    Unsent,
    Unknown,
}

impl Node {
    pub(crate) fn new(client: Client, name: &str, number: u64, ahead: i64) -> Self {
        let mut peer = [0; 16];
        for (to, from) in peer.iter_mut().zip(number.saturating_add(1).to_be_bytes()) {
            *to = from;
        }
        Self {
            client,
            name: name.into(),
            peer: PeerKey(peer),
            ahead,
            online: true,
            crashed: false,
            stranger: false,
            join: None,
            slow: 0,
            wants_connection: false,
            connection: None,
            timer: None,
            told: Told::default(),
        }
    }

    /// The time its driver sees.
    pub(crate) fn clock(&self, now: Timestamp) -> Timestamp {
        Timestamp(now.0.saturating_add_signed(self.ahead))
    }

    /// The world's time of a deadline by its clock.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        if self.crashed {
            return None;
        }
        let at = self.timer?;
        Some(Timestamp(
            at.0.saturating_add_signed(self.ahead.saturating_neg()),
        ))
    }

    /// The machine has been used: asks it for its timer.
    pub(crate) fn note_timer(&mut self) {
        self.timer = self.client.poll_timeout();
    }

    pub(crate) fn is_joined(&self) -> bool {
        !self.crashed && self.client.status() == Status::Joined
    }

    /// Ids of everyone on its roster.
    pub(crate) fn roster(&self) -> Vec<ParticipantId> {
        let listed = self.client.participants();
        listed.iter().map(|participant| participant.id).collect()
    }
}
