//! What those know who have made a room, been in it or seen its frames go by: enough to say the right thing to a relay, and
//! to notice that it does not.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use burnchat_core::crypto::{
    Identity, RosterKeys, Secret, epoch_id, participant_id, roster_hash, sha256, sign_key_frame,
};
use burnchat_core::ids::{EpochId, ParticipantId, RoomId, RosterHash, TicketHash};
use burnchat_core::limits::{
    PIN_FAILURES_PER_PEER, PIN_FAILURES_PER_ROOM, PIN_PEER_WINDOW_MILLIS, PIN_ROOM_WINDOW_MILLIS,
};
use burnchat_core::time::Timestamp;
use burnchat_core::wire::http::CreateRoom;
use burnchat_core::wire::{Bytes, Joined, RelayFrame, Role, RosterEntry, WhoMayBurn};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

/// So many key pairs of each sort: any two make a participant.
pub const PAIRS: usize = 8;

/// A seat, as who has it knows it.
#[derive(Clone, Copy)]
pub struct Seat {
    pub token: [u8; 32],
    pub id: ParticipantId,
    pub role: Role,
    /// Whose keys those are.
    pub who: u8,
}

/// A room as those in it know it.
pub struct RelayRoom {
    pub id: RoomId,
    pub history: bool,
    pub capacity: u16,
    pub burn: WhoMayBurn,
    /// It is over by then.
    pub not_after: Timestamp,
    pub creator_token: [u8; 32],
    pub pin: String,
    /// The newest last.
    pub tickets: Vec<[u8; 16]>,
    /// Those given, oldest first.
    pub seats: Vec<Seat>,
    /// Everybody who was ever in it.
    pub ids: Vec<ParticipantId>,
    /// The roster of the newest entry.
    pub roster: Vec<RosterEntry>,
    pub version: u64,
    pub heads: Vec<EpochId>,
    pub last_extended: u64,
    /// What everybody has been sent, by its place.
    log: BTreeMap<u64, String>,
    /// Up to where roster, version and head are known.
    known: u64,
    pin_failures: Vec<(Timestamp, u8)>,
}

impl RelayRoom {
    pub fn new(
        request: &CreateRoom,
        ticket: [u8; 16],
        id: RoomId,
        token: &Secret<32>,
        pin: &[u8],
    ) -> Self {
        Self {
            id,
            history: request.history,
            capacity: request.capacity,
            burn: request.burn,
            not_after: Timestamp::from_unix_minutes(request.not_after),
            creator_token: *token.as_bytes(),
            pin: String::from_utf8(pin.to_vec()).unwrap(),
            tickets: vec![ticket],
            seats: Vec::new(),
            ids: Vec::new(),
            roster: Vec::new(),
            version: 0,
            heads: vec![EpochId::NONE],
            last_extended: 0,
            log: BTreeMap::new(),
            known: 0,
            pin_failures: Vec::new(),
        }
    }

    pub fn ticket(&self) -> [u8; 16] {
        self.tickets.last().copied().unwrap_or_default()
    }

    pub fn head(&self) -> EpochId {
        self.heads.last().copied().unwrap_or(EpochId::NONE)
    }

    pub fn newest_seq(&self) -> u64 {
        self.log.last_key_value().map_or(0, |(seq, _)| *seq)
    }

    /// Everybody sees the same entry at the same place (section 6.1), but for the wrap that is each one's own.
    pub fn note_entry(&mut self, frame: &RelayFrame) {
        let Some(seq) = frame.seq() else { return };
        let text = match frame {
            RelayFrame::SessionKey(entry) => {
                let mut entry = entry.clone();
                entry.wrapped = None;
                RelayFrame::SessionKey(entry).encode()
            }
            frame => frame.encode(),
        };
        let first = self
            .log
            .entry(seq)
            .or_insert_with(|| text.as_str().to_owned());
        assert_eq!(first, text.as_str(), "two entries at one place");
        if seq > self.known {
            self.known = seq;
            self.follow(frame);
        }
    }

    fn follow(&mut self, frame: &RelayFrame) {
        match frame {
            RelayFrame::ParticipantJoined(entry) => {
                self.roster.retain(|one| Some(id_of(one)) != entry.replaces);
                self.ids.push(id_of(&entry.participant));
                self.roster.push(entry.participant.clone());
                self.version = entry.version;
            }
            RelayFrame::ParticipantLeft(entry) => {
                self.roster.retain(|one| id_of(one) != entry.id);
                self.version = entry.version;
            }
            RelayFrame::Rekey(entry) => self.version = entry.version,
            RelayFrame::SessionKey(entry) => {
                let id = epoch_id(&entry.prev, &entry.roster_hash, &entry.commit.0);
                self.heads.push(id);
            }
            RelayFrame::Extended(entry) => self.last_extended = entry.seq,
            _ => {}
        }
    }

    /// The snapshot that one who joins is given.
    pub fn note_joined(&mut self, frame: &Joined) {
        assert!(
            frame.participants.len() <= usize::from(self.capacity),
            "more than there are seats"
        );
        assert!(
            frame.seq >= self.newest_seq(),
            "a join that is older than the log"
        );
        self.known = frame.seq;
        self.roster.clone_from(&frame.participants);
        self.version = frame.version;
        if self.head() != frame.head {
            self.heads.push(frame.head);
        }
        self.last_extended = frame.last_extended;
        let own = frame
            .participants
            .last()
            .expect("a join without its own entry");
        self.ids.push(id_of(own));
        self.seats.push(Seat {
            token: *frame.seat_token.as_bytes(),
            id: id_of(own),
            role: frame.role,
            who: own.join_proof.0[0],
        });
    }

    /// What a key frame for the newest roster agrees with (section 6.2).
    pub fn roster_hash(&self) -> RosterHash {
        let entries = self.roster.iter().map(|entry| RosterKeys {
            kem_pub: &entry.kem_pub.0,
            sig_pub: &entry.sig_pub.0,
            role: entry.role,
        });
        roster_hash(&self.id, self.version, entries)
    }

    /// Section 11.4: whether everybody's, or this one's, tries are used up.
    pub fn pin_is_locked(&self, now: Timestamp, peer: u8) -> bool {
        let of = |window: u64, whose: Option<u8>| {
            let recent = self.pin_failures.iter().filter(|(at, who)| {
                now.millis_since(*at) < window && whose.is_none_or(|peer| peer == *who)
            });
            recent.count()
        };
        of(PIN_PEER_WINDOW_MILLIS, Some(peer)) >= PIN_FAILURES_PER_PEER
            || of(PIN_ROOM_WINDOW_MILLIS, None) >= PIN_FAILURES_PER_ROOM
    }

    pub fn note_wrong_pin(&mut self, now: Timestamp, peer: u8) {
        self.pin_failures.push((now, peer));
    }
}

fn id_of(entry: &RosterEntry) -> ParticipantId {
    participant_id(&entry.kem_pub.0, &entry.sig_pub.0)
}

/// What a relay keeps of a ticket.
pub fn hash_of(ticket: &[u8; 16]) -> TicketHash {
    TicketHash(sha256(&[ticket]))
}

fn identities() -> &'static [Identity] {
    static IDENTITIES: OnceLock<Vec<Identity>> = OnceLock::new();
    IDENTITIES.get_or_init(|| {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let made = (0..PAIRS).map(|_| Identity::generate(&mut rng).unwrap());
        made.collect()
    })
}

/// The public keys of the participant of this number.
pub fn public_keys(number: u8) -> (Bytes<65>, Bytes<65>) {
    let identities = identities();
    let (kem, sig) = (
        usize::from(number) % PAIRS,
        usize::from(number) / PAIRS % PAIRS,
    );
    (
        Bytes(*identities[kem].kem().public_key().as_bytes()),
        Bytes(*identities[sig].signing().verifying_key().as_bytes()),
    )
}

/// The signature of the participant of this number over a key frame.
pub fn key_frame_signature(number: u8, room: &RoomId, epoch: &EpochId) -> Bytes<64> {
    let signer = &identities()[usize::from(number) / PAIRS % PAIRS];
    Bytes(*sign_key_frame(signer, room, epoch).unwrap().as_bytes())
}
