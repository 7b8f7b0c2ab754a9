//! A client that is told a transcript.

use std::{collections::BTreeMap, convert::Infallible};

use burnchat_core::{
    client::{Client, Event, JoinOptions, Output, Participant, Status, Unreadable},
    crypto::{Name, RosterKeys, roster_hash},
    link::Link,
    time::Timestamp,
    wire::{ClientFrame, Departure, Join, RelayFrame, Role, RosterEntry},
};
use rand_core::{TryCryptoRng, TryRng};
use serde_json::{Map, Value, json};

pub(crate) struct Follower {
    client: Client,
    draws: Draws,
    link: Link,
    /// What its client showed of itself; with AWS-LC the signature in it is another than in the transcript.
    join: Option<Box<Join>>,
    roster: Vec<RosterEntry>,
    state: BTreeMap<String, Value>,
}

impl Follower {
    pub(crate) fn new(transcript: &Value) -> Self {
        let follower = &transcript["follower"];
        let mut draws: Vec<u8> = ["kem_scalar", "sig_scalar", "name_iv"]
            .into_iter()
            .flat_map(|key| unhex(follower[key].as_str().unwrap()))
            .collect();
        // Drawn from the end.
        draws.reverse();
        let mut draws = Draws(draws);
        let link = || Link::parse(transcript["link"].as_str().unwrap()).unwrap();
        let options = JoinOptions {
            name: Some(Name::new(follower["name"].as_str().unwrap()).unwrap()),
            ..JoinOptions::default()
        };
        let mut client = Client::new(link(), options, &mut draws);
        assert!(matches!(client.poll_output(), Some(Output::Connect)));
        Self {
            client,
            draws,
            link: link(),
            join: None,
            roster: Vec::new(),
            state: BTreeMap::new(),
        }
    }

    pub(crate) fn take(&mut self, step: &Value, place: &str) {
        let now = Timestamp(step["at"].as_u64().unwrap());
        let mut error = None;
        match step["input"].as_str().unwrap() {
            "connected" => self.client.handle_connected(now, &mut self.draws).unwrap(),
            "disconnected" => self.client.handle_disconnected(now),
            "timeout" => {
                assert!(
                    self.client.poll_timeout().is_some_and(|due| due <= now),
                    "{place}: no timer is due"
                );
                self.client.handle_timeout(now, &mut self.draws);
            }
            "frame" => {
                let frame = self.with_own_name(step["frame"].as_str().unwrap(), place);
                self.note(&frame);
                let outcome = self
                    .client
                    .handle_frame(now, frame.as_bytes(), &mut self.draws);
                error = outcome.err().map(|error| error.code().name());
            }
            other => panic!("{place}: {other} is no input"),
        }
        let (mut sends, mut events) = (Vec::new(), Vec::new());
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Send(frame) => {
                    let frame = ClientFrame::parse(frame.as_bytes()).unwrap();
                    sends.push(Value::from(frame.to_string()));
                    if let ClientFrame::Join(join) = frame {
                        self.join = Some(join);
                    }
                }
                Output::Event(event) => events.push(tell(&event)),
                _ => {}
            }
        }
        let written = |key: &str| step.get(key).cloned().unwrap_or(json!([]));
        assert_eq!(
            Value::from(sends),
            written("sends"),
            "{place}: what it sends"
        );
        assert_eq!(Value::from(events), written("events"), "{place}: events");
        assert_eq!(
            error,
            step.get("error").and_then(Value::as_str),
            "{place}: error"
        );
        if let Some(Value::Object(changed)) = step.get("state") {
            self.state.extend(
                changed
                    .iter()
                    .map(|(key, value)| (key.clone(), value.clone())),
            );
        }
        for (key, value) in self.client_state() {
            assert_eq!(Some(&value), self.state.get(&key), "{place}: {key}");
        }
    }

    /// It has drawn its keys and the IV of its name, and nothing else.
    pub(crate) fn assert_passive(&self) {
        assert!(self.draws.0.is_empty());
    }

    /// The frame, with the follower's own entry as its own client made it.
    fn with_own_name(&self, frame: &str, place: &str) -> String {
        let (Some(RelayFrame::Joined(mut joined)), Some(join)) =
            (RelayFrame::parse(frame.as_bytes()).unwrap(), &self.join)
        else {
            return frame.into();
        };
        let own = joined.participants.last_mut().unwrap();
        assert_eq!(
            (own.kem_pub, own.sig_pub),
            (join.kem_pub, join.sig_pub),
            "{place}"
        );
        if cfg!(not(feature = "aws-lc")) {
            assert_eq!(own.sealed_name, join.sealed_name, "{place}");
            assert_eq!(own.join_proof, join.join_proof, "{place}");
        }
        (own.sealed_name, own.join_proof) = (join.sealed_name, join.join_proof);
        RelayFrame::Joined(joined).encode().as_str().to_owned()
    }

    /// Keeps the roster, to hash it apart from the client.
    fn note(&mut self, frame: &str) {
        let id = |entry: &RosterEntry| {
            burnchat_core::crypto::participant_id(&entry.kem_pub.0, &entry.sig_pub.0)
        };
        // The history that follows `joined` is of the past.
        let past = |version: u64| {
            self.client
                .roster_version()
                .is_some_and(|present| version <= present)
        };
        match RelayFrame::parse(frame.as_bytes()).unwrap() {
            Some(RelayFrame::Joined(joined)) => self.roster = joined.participants,
            Some(RelayFrame::ParticipantJoined(joined)) if !past(joined.version) => {
                self.roster
                    .retain(|entry| Some(id(entry)) != joined.replaces);
                self.roster.push(joined.participant);
            }
            Some(RelayFrame::ParticipantLeft(left)) if !past(left.version) => {
                self.roster.retain(|entry| id(entry) != left.id);
            }
            _ => {}
        }
    }

    fn client_state(&self) -> Map<String, Value> {
        let client = &self.client;
        let status = match client.status() {
            Status::Offline => "offline",
            Status::Joining => "joining",
            Status::Joined => "joined",
            Status::Away => "away",
            Status::Resuming => "resuming",
            Status::Ended(_) => "ended",
        };
        let mut state = Map::from_iter([("status".into(), json!(status))]);
        let Some(code) = client.verification() else {
            return state;
        };
        let version = client.roster_version().unwrap();
        let entries = self.roster.iter().map(|entry| RosterKeys {
            kem_pub: &entry.kem_pub.0,
            sig_pub: &entry.sig_pub.0,
            role: entry.role,
        });
        let hash = roster_hash(&self.link.room_id(), version, entries);
        let participants = client.participants();
        let epoch = client
            .epoch()
            .map(|(version, id)| json!({ "version": version, "id": hex(id.as_bytes()) }));
        let emoji: String = code.emoji().map(|emoji| emoji.symbol).iter().collect();
        let all = json!({
            "version": version,
            "roster_hash": hex(hash.as_bytes()),
            "participants": participants.iter().map(participant).collect::<Vec<_>>(),
            "short_code": code.short_code(),
            "emoji": emoji,
            "safety_number": code.safety_number(),
            "head": hex(client.head().unwrap().as_bytes()),
            "epoch": epoch,
            "link": client.link().unwrap().to_url().as_str(),
            "link_is_current": client.link_is_current(),
            "locked": client.is_locked(),
            "ends_at": client.ends_at().unwrap().0,
        });
        state.extend(all.as_object().unwrap().clone());
        state
    }
}

fn tell(event: &Event) -> Value {
    match event {
        Event::Joined { id, role } => {
            json!({ "event": "joined", "id": hex(id.as_bytes()), "role": role_of(*role) })
        }
        Event::Keyed { epoch, version } => {
            json!({ "event": "keyed", "epoch": hex(epoch.as_bytes()), "version": version })
        }
        Event::ParticipantJoined(who) => {
            json!({ "event": "participant_joined", "participant": participant(who) })
        }
        Event::ParticipantLeft {
            participant: who,
            reason,
        } => {
            let reason = reason.map(|reason| match reason {
                Departure::Left => "left",
                Departure::Timeout => "timeout",
                Departure::Kicked => "kicked",
            });
            json!({ "event": "participant_left", "id": hex(who.id.as_bytes()), "reason": reason })
        }
        Event::VerificationChanged => json!({ "event": "verification_changed" }),
        Event::Message(message) => json!({
            "event": "message",
            "id": hex(message.id.as_bytes()),
            "from": hex(message.author.id.as_bytes()),
            "text": message.text.as_str(),
            "sent_at": message.sent_at.0,
            "burn_after_ms": message.burn_after_ms,
            "from_history": message.from_history,
        }),
        Event::Typing { from, typing } => {
            json!({ "event": "typing", "from": hex(from.as_bytes()), "typing": typing })
        }
        Event::Unreadable { from, reason } => {
            let reason = match reason {
                Unreadable::NotKeyedYet => "not_keyed_yet",
                _ => "unparsable",
            };
            json!({ "event": "unreadable", "from": hex(from.as_bytes()), "reason": reason })
        }
        Event::Missed { from, count } => {
            json!({ "event": "missed", "from": hex(from.as_bytes()), "count": count })
        }
        Event::Countdown { seconds_remaining } => {
            json!({ "event": "countdown", "seconds_remaining": seconds_remaining })
        }
        Event::Locked { locked } => json!({ "event": "locked", "locked": locked }),
        Event::Extended { seconds_remaining } => {
            json!({ "event": "extended", "seconds_remaining": seconds_remaining })
        }
        Event::LinkChanged => json!({ "event": "link_changed" }),
        Event::LinkExpired => json!({ "event": "link_expired" }),
        Event::HistoryRead { complete } => json!({ "event": "history_read", "complete": complete }),
        Event::Reconnecting => json!({ "event": "reconnecting" }),
        Event::Resumed => json!({ "event": "resumed" }),
        Event::Fault { error, about } => json!({
            "event": "fault",
            "code": error.code().name(),
            "about": about.map(|id| hex(id.as_bytes())),
        }),
        Event::Ended(reason) => json!({ "event": "ended", "reason": reason.to_string() }),
        other => panic!("no transcript has {other:?}"),
    }
}

fn participant(who: &Participant) -> Value {
    json!({
        "id": hex(who.id.as_bytes()),
        "label": who.label(),
        "role": role_of(who.role),
        "name_clash": who.name_clash,
        "me": who.me,
    })
}

fn role_of(role: Role) -> &'static str {
    match role {
        Role::Member => "member",
        Role::Creator => "creator",
    }
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The random values of the transcript, last first. Who draws more is not passive, and fails.
struct Draws(Vec<u8>);

impl TryRng for Draws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for byte in bytes {
            *byte = self.0.pop().unwrap();
        }
        Ok(())
    }
}

impl TryCryptoRng for Draws {}
