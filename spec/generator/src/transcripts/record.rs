//! What the follower receives, and what is true after each step.

use std::collections::BTreeMap;

use burnchat_core::{
    client::{Client, Output, Status},
    crypto::{
        KemPublicKey, KeyEncryptionKey, RoomKeys, RosterKeys, Secret, SessionKey, epoch_id,
        participant_id, roster_hash,
    },
    error::Error,
    ids::{EpochId, ParticipantId, RosterHash},
    link::Link,
    time::Timestamp,
    wire::{ClientFrame, KeyFrame, RelayFrame, Role, RosterEntry},
};

use super::{tell, world::Stream};
use crate::{
    cast::Person,
    json::{Json, hex},
};

/// A transcript being written.
pub(crate) struct Record {
    link: String,
    name: String,
    me: Person,
    name_iv: [u8; 12],
    room: Room,
    steps: Vec<Json>,
    state: BTreeMap<&'static str, Json>,
    withhold: bool,
    withheld: u64,
}

impl Record {
    /// `draws` is what the follower's client will draw from.
    pub(crate) fn new(link: &str, name: &str, mut draws: Stream) -> Self {
        Self {
            link: link.into(),
            name: name.into(),
            me: Person::of_scalars(draws.draw(), draws.draw()),
            name_iv: draws.draw(),
            room: Room::new(link),
            steps: Vec::new(),
            state: BTreeMap::new(),
            withhold: false,
            withheld: 0,
        }
    }

    pub(crate) fn withhold_next_message(&mut self) {
        self.withhold = true;
    }

    /// What the relay shows the follower of a frame: nothing, if it keeps it back; numbered as if it had not.
    pub(crate) fn shown(&mut self, frame: String) -> Option<String> {
        let parsed = RelayFrame::parse(frame.as_bytes()).unwrap().unwrap();
        if self.withhold && matches!(parsed, RelayFrame::Message(_)) {
            self.withhold = false;
            self.withheld += 1;
            return None;
        }
        let Some(seq) = parsed.seq() else {
            return Some(frame);
        };
        let shown = seq - self.withheld;
        Some(frame.replacen(&format!("\"seq\":{seq}"), &format!("\"seq\":{shown}"), 1))
    }

    /// One input, what came out, and what is true after it.
    pub(crate) fn step(
        &mut self,
        now: Timestamp,
        input: &str,
        frame: Option<String>,
        error: Option<Error>,
        outputs: &[Output],
        client: &Client,
    ) {
        let mut step = Json::object().with("at", now.0).with("input", input);
        if let Some(frame) = frame {
            self.room.follow(&self.me, &frame);
            step = step.with("frame", frame);
        }
        let sent = outputs.iter().filter_map(|output| match output {
            Output::Send(frame) => Some(ClientFrame::parse(frame.as_bytes()).unwrap().to_string()),
            _ => None,
        });
        let sent = Json::list(sent);
        if sent != Json::List(Vec::new()) {
            step = step.with("sends", sent);
        }
        let events = Json::list(outputs.iter().filter_map(|output| match output {
            Output::Event(event) => Some(tell::event(event)),
            _ => None,
        }));
        if events != Json::List(Vec::new()) {
            step = step.with("events", events);
        }
        if let Some(error) = error {
            step = step.with("error", error.code().name());
        }
        let changed = self.changes(client);
        if changed != Json::object() {
            step = step.with("state", changed);
        }
        self.steps.push(step);
    }

    /// The file.
    pub(crate) fn into_json(self, description: &str) -> Json {
        let follower = Json::object()
            .with("name", self.name.as_str())
            .with("kem_scalar", hex(self.me.kem_scalar))
            .with("sig_scalar", hex(self.me.sig_scalar))
            .with("name_iv", hex(self.name_iv));
        Json::object()
            .with("description", description)
            .with("spec", "burnchat-1.md, sections 4 to 12")
            .with(
                "generated_by",
                "cargo run -p burnchat-spec-generator -- --write",
            )
            .with("link", self.link)
            .with("follower", follower)
            .with("session_keys", self.room.session_keys())
            .with("steps", self.steps)
    }

    /// What of the state is no longer as it was.
    fn changes(&mut self, client: &Client) -> Json {
        let mut changed = Json::object();
        for (key, value) in self.room.state(client) {
            if self.state.get(key) != Some(&value) {
                changed = changed.with(key, value.clone());
                self.state.insert(key, value);
            }
        }
        changed
    }
}

/// What anybody with the link and one private key can work out from the frames, apart from the client.
struct Room {
    link: Link,
    version: u64,
    roster: Vec<RosterEntry>,
    /// Rosters by version, for the wraps.
    hashes: BTreeMap<u64, RosterHash>,
    kem_pubs: BTreeMap<ParticipantId, [u8; 65]>,
    frames: Vec<(EpochId, KeyFrame)>,
    keys: BTreeMap<EpochId, Secret<32>>,
    in_history: bool,
}

impl Room {
    fn new(link: &str) -> Self {
        Self {
            link: Link::parse(link).unwrap(),
            version: 0,
            roster: Vec::new(),
            hashes: BTreeMap::new(),
            kem_pubs: BTreeMap::new(),
            frames: Vec::new(),
            keys: BTreeMap::new(),
            in_history: false,
        }
    }

    fn follow(&mut self, me: &Person, frame: &str) {
        let Some(frame) = RelayFrame::parse(frame.as_bytes()).unwrap() else {
            return;
        };
        match frame {
            RelayFrame::Joined(joined) => {
                self.version = joined.version;
                self.in_history = joined.history;
                for entry in &joined.participants {
                    self.kem_pubs.insert(id_of(entry), entry.kem_pub.0);
                }
                self.roster = joined.participants;
            }
            RelayFrame::HistoryEnd(_) => self.in_history = false,
            RelayFrame::ParticipantJoined(joined) => {
                let id = id_of(&joined.participant);
                self.kem_pubs.insert(id, joined.participant.kem_pub.0);
                if !self.in_history {
                    self.version = joined.version;
                    self.roster
                        .retain(|entry| Some(id_of(entry)) != joined.replaces);
                    self.roster.push(joined.participant);
                }
            }
            RelayFrame::ParticipantLeft(left) if !self.in_history => {
                self.version = left.version;
                self.roster.retain(|entry| id_of(entry) != left.id);
            }
            RelayFrame::Rekey(rekey) if !self.in_history => self.version = rekey.version,
            RelayFrame::SessionKey(key_frame) => self.unwrap(me, *key_frame),
            _ => {}
        }
        self.hashes.insert(self.version, self.hash());
    }

    fn unwrap(&mut self, me: &Person, frame: KeyFrame) {
        let epoch = epoch_id(&frame.prev, &frame.roster_hash, &frame.commit.0);
        if let Some(wrapped) = frame.wrapped {
            let steward = KemPublicKey::from_sec1(&self.kem_pubs[&frame.steward]).unwrap();
            let shared = me.identity.kem().agree(&steward).unwrap();
            let kek = KeyEncryptionKey::derive(
                RoomKeys::derive(&self.link).wrap_key(),
                &frame.roster_hash,
                &shared,
                &frame.steward,
                &me.id(),
            );
            let key = kek.unwrap(&wrapped.0).unwrap();
            self.keys
                .insert(epoch, Secret::copy_of(key.as_secret().as_bytes()));
        }
        self.frames.push((epoch, frame));
        // From the newest back: each key opens the one before it.
        let walk: Vec<_> = self.frames.iter().rev().cloned().collect();
        for (epoch, frame) in walk {
            let (Some(key), Some(back)) = (self.keys.get(&epoch), &frame.back) else {
                continue;
            };
            let key = SessionKey::from_secret(Secret::copy_of(key.as_bytes()));
            let older = key.unwrap_back(&epoch, &back.wrapped.0).unwrap();
            self.keys
                .insert(back.epoch, Secret::copy_of(older.as_secret().as_bytes()));
        }
    }

    fn hash(&self) -> RosterHash {
        let entries = self.roster.iter().map(|entry| RosterKeys {
            kem_pub: &entry.kem_pub.0,
            sig_pub: &entry.sig_pub.0,
            role: entry.role,
        });
        roster_hash(&self.link.room_id(), self.version, entries)
    }

    fn session_keys(&self) -> Json {
        Json::list(self.frames.iter().map(|(epoch, frame)| {
            Json::object()
                .with("version", frame.version)
                .with("epoch", hex(epoch.as_bytes()))
                .with(
                    "session_key",
                    self.keys.get(epoch).map(|key| hex(key.as_bytes())),
                )
        }))
    }

    /// What the client says of itself, and the roster hash, which it does not say.
    fn state(&self, client: &Client) -> Vec<(&'static str, Json)> {
        let status = match client.status() {
            Status::Offline => "offline",
            Status::Joining => "joining",
            Status::Joined => "joined",
            Status::Away => "away",
            Status::Resuming => "resuming",
            Status::Ended(_) => "ended",
        };
        let mut state = vec![("status", status.into())];
        let Some(code) = client.verification() else {
            return state;
        };
        let epoch = client.epoch().map(|(version, id)| {
            Json::object()
                .with("version", version)
                .with("id", hex(id.as_bytes()))
        });
        assert_eq!(client.roster_version(), Some(self.version));
        let participants = client.participants();
        assert!(
            participants
                .iter()
                .all(|who| self.roster.iter().any(|entry| id_of(entry) == who.id))
        );
        assert_eq!(participants.len(), self.roster.len());
        assert!(
            self.roster
                .iter()
                .filter(|entry| entry.role == Role::Creator)
                .count()
                <= 1
        );
        state.extend([
            ("version", self.version.into()),
            ("roster_hash", hex(self.hash().as_bytes()).into()),
            (
                "participants",
                Json::list(participants.iter().map(tell::participant)),
            ),
            ("short_code", code.short_code().into()),
            (
                "emoji",
                code.emoji()
                    .map(|emoji| emoji.symbol)
                    .iter()
                    .collect::<String>()
                    .into(),
            ),
            ("safety_number", code.safety_number().into()),
            ("head", hex(client.head().unwrap().as_bytes()).into()),
            ("epoch", epoch.into()),
            ("link", client.link().unwrap().to_url().as_str().into()),
            ("link_is_current", client.link_is_current().into()),
            ("locked", client.is_locked().into()),
            ("ends_at", client.ends_at().unwrap().0.into()),
        ]);
        state
    }
}

fn id_of(entry: &RosterEntry) -> ParticipantId {
    participant_id(&entry.kem_pub.0, &entry.sig_pub.0)
}
