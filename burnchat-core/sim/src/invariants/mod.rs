//! The rules, looked at after every event.
//!
//! What is true is kept beside the machines, from what goes over the wire and what applications are told: no rule asks a
//! machine whether it is right.

mod clock;
mod rest;
mod texts;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use burnchat_core::client::{EndReason, Event, Status};
use burnchat_core::crypto::epoch_id;
use burnchat_core::error::{Code, Error};
use burnchat_core::ids::{EpochId, MessageId, ParticipantId};
use burnchat_core::limits;
use burnchat_core::time::Timestamp;
use burnchat_core::wire::{ClientFrame, Departure, EncodedFrame, RelayFrame};

pub(crate) use self::clock::OwnClock;
pub(crate) use self::rest::{after_the_end, at_rest, is_quiet};
pub(crate) use self::texts::Text;

use crate::node::Told;
use crate::relays::DETOUR;
use crate::rule::Rule;
use crate::script::Hostility;
use crate::trace::Note;
use crate::world::{Down, World};

/// What one client may give out for one input, besides what it holds: texts in flight and held, commands, and as much
/// again for what it tells of them.
const CLIENT_OUTPUTS: usize = 2 * (limits::IN_FLIGHT + limits::HELD_TEXTS + 32);
/// What the hub may give out for one input: what a resume is owed (section 6.3) is the most.
const HUB_OUTPUTS: u64 = 20_000;
/// What one room may keep, bytes (section 16: four budgets of 20 MiB).
const ROOM_BYTES: usize = 80 << 20;
/// The longest that asking takes until everyone connected is asked, ms (section 7.1).
const ASKING: u64 = limits::JOIN_DEBOUNCE_MILLIS
    + limits::NOMINATION_MILLIS * limits::NOMINATIONS_BEFORE_ALL as u64;

/// Sender, epoch and n: what a message key is derived for.
type MessageKeyName = (ParticipantId, EpochId, u64);
/// A hash of IV and ciphertext.
type Sealed = u64;

/// What is true of the room.
#[derive(Default)]
pub(crate) struct Ledger {
    /// Of each roster version who is on it, and the transcript of its codes.
    rosters: BTreeMap<u64, (Vec<ParticipantId>, [u8; 32])>,
    /// The version of each epoch.
    epochs: BTreeMap<EpochId, u64>,
    /// Every text, and who wrote it.
    pub(crate) texts: BTreeMap<MessageId, Text>,
    keys_used: BTreeMap<MessageKeyName, Sealed>,
    kicked: BTreeSet<ParticipantId>,
    /// Ids the insider has had, and what it has said.
    pub(crate) insiders: BTreeSet<ParticipantId>,
    pub(crate) insider_said: BTreeSet<(MessageId, String)>,
    /// Whether the newest key is an outsider's: who got none complains, and is heard ever more rarely (section 7.6).
    outsider_keyed: bool,
    /// When the asking for a key last began anew, or may have: a new version, a key, a connection that the relay saw end.
    pub(crate) disturbed_at: Timestamp,
    /// The most by which anybody has read later than the network brings it, ms.
    pub(crate) slowest: u64,
    /// Whether the relay has burned the room.
    pub(crate) burned: bool,
    /// What stands at each place of the log.
    log: BTreeMap<u64, u64>,
}

/// The relay has encoded a frame.
pub(crate) fn on_hub_frame(world: &mut World, frame: &Down) {
    if frame.bytes.len() > limits::RELAY_FRAME_BYTES {
        world.broken(Rule::Bounded, "a frame of the relay is too large".into());
    }
    let Some(parsed) = &frame.parsed else {
        world.broken(Rule::Bounded, "a frame of the relay does not parse".into());
        return;
    };
    world.coverage.relay_frame(parsed);
    if let Some(seq) = parsed.seq() {
        let entry = entry_of(parsed, &frame.bytes);
        let earlier = *world.ledger.log.entry(seq).or_insert(entry);
        if earlier != entry {
            world.broken(Rule::Handed, format!("two entries have the place {seq}"));
            return;
        }
    }
    if !world.of_hub.said(parsed) {
        return;
    }
    match parsed {
        RelayFrame::ParticipantLeft(left) => {
            world.ledger.disturbed_at = world.now;
            if left.reason == Departure::Kicked {
                world.ledger.kicked.insert(left.id);
            }
        }
        RelayFrame::SessionKey(key) => {
            world.ledger.disturbed_at = world.now;
            world.ledger.outsider_keyed = is_outsider(world, &key.steward);
        }
        RelayFrame::ParticipantJoined(_) | RelayFrame::Rekey(_) | RelayFrame::Error(_) => {
            world.ledger.disturbed_at = world.now
        }
        _ => {}
    }
}

/// What is the same of an entry for everybody and at any time: the copies of a key are each for one, and how long the room
/// has left gets less.
fn entry_of(frame: &RelayFrame, bytes: &[u8]) -> u64 {
    let mut entry = DefaultHasher::new();
    match frame {
        RelayFrame::SessionKey(key) => (key.version, key.steward.0, &key.commit.0).hash(&mut entry),
        RelayFrame::Extended(extended) => extended.seq.hash(&mut entry),
        _ => bytes.hash(&mut entry),
    }
    entry.finish()
}

/// A client has encoded a frame.
pub(crate) fn on_client_frame(world: &mut World, index: usize, frame: &EncodedFrame) {
    if frame.as_bytes().len() > limits::CLIENT_FRAME_BYTES {
        world.broken(Rule::Bounded, "a frame of a client is too large".into());
    }
    let parsed = match ClientFrame::parse(frame.as_bytes()) {
        Ok(parsed) => parsed,
        Err(code) => {
            world.broken(Rule::Bounded, format!("a client sends what is {code}"));
            return;
        }
    };
    world.coverage.client_frame(&parsed);
    if let (ClientFrame::Join(_), Some(node)) = (&parsed, world.nodes.get_mut(index)) {
        node.join = Some(frame.as_bytes().to_vec());
    }
    let ClientFrame::Message(envelope) = parsed else {
        return;
    };
    let Some(node) = world.nodes.get(index) else {
        return;
    };
    let Some(me) = node.client.id() else {
        let what = format!("{} sends an envelope and is not joined", node.name);
        world.broken(Rule::Hold, what);
        return;
    };
    let told = &node.told;
    let version = told.epochs.get(&envelope.epoch);
    let members = version.and_then(|version| told.rosters.get(version));
    let newest = node.client.roster_version();
    let seen = newest.and_then(|version| told.rosters.get(&version));
    let listed = seen.map_or_else(|| Cow::Owned(node.roster()), Cow::Borrowed);
    let gone = members.and_then(|members| members.iter().find(|id| !listed.contains(id)));
    if let Some(gone) = gone {
        let what = format!(
            "{} sends under a key that {} holds, who has left",
            node.name,
            short(gone)
        );
        world.broken(Rule::Hold, what);
    }
    let key = (me, envelope.epoch, envelope.n);
    let mut used = DefaultHasher::new();
    (envelope.iv.0, envelope.ciphertext.0).hash(&mut used);
    let used = used.finish();
    let earlier = world.ledger.keys_used.insert(key, used);
    if earlier.is_some_and(|earlier| earlier != used) {
        let what = format!("{} encrypts twice with key {}", short(&me), envelope.n);
        world.broken(Rule::KeyOnce, what);
    }
}

/// A client has accepted a frame: what it must know by it.
pub(crate) fn learn(told: &mut Told, frame: &RelayFrame, own: Timestamp, not_after: Timestamp) {
    let until = |seconds: u64| own.plus_seconds(seconds).min(not_after);
    match frame {
        RelayFrame::Joined(joined) => {
            told.burn_by = Some(until(joined.seconds_remaining));
        }
        RelayFrame::Extended(extended) => told.burn_by = Some(until(extended.seconds_remaining)),
        RelayFrame::Countdown(countdown) => {
            told.burn_by = told
                .burn_by
                .map(|by| by.min(until(countdown.seconds_remaining)));
        }
        RelayFrame::Resumed(resumed) => {
            told.burn_by = told
                .burn_by
                .map(|by| by.min(until(resumed.seconds_remaining)));
        }
        RelayFrame::SessionKey(key) => {
            let id = epoch_id(&key.prev, &key.roster_hash, &key.commit.0);
            told.epochs.insert(id, key.version);
        }
        RelayFrame::ParticipantLeft(left) => {
            told.departed.insert(left.id);
        }
        RelayFrame::ParticipantJoined(joined) => told.departed.extend(joined.replaces),
        _ => {}
    }
}

/// A client tells its application something.
pub(crate) fn on_event(world: &mut World, index: usize, event: Event) {
    world.coverage.event(&event);
    let now = world.now;
    let tag = event.tag().to_be_bytes();
    world.trace.add(now, Note::Event, index as u64, &tag);
    let Some(node) = world.nodes.get_mut(index) else {
        return;
    };
    let name = node.name.clone();
    if node.told.ended.is_some() {
        world.broken(
            Rule::Wiped,
            format!("{name} has ended and tells of {event:?}"),
        );
        return;
    }
    match event {
        Event::Joined { id, role } => {
            node.told.ids.push(id);
            node.told.connected_at = now;
            node.told.unreadable.clear();
            node.told.missed = world.scene.history.then(Vec::new);
            let token = node.client.seat_token();
            node.told.seat_token =
                token.map(|token| burnchat_core::crypto::Secret::copy_of(token.as_bytes()));
            let line = format_args!("{name} has joined as {} ({role:?})", short(&id));
            world.trace.tell(now, line);
        }
        Event::Resumed => node.told.connected_at = now,
        Event::Message(message) => texts::shown(world, index, &message),
        Event::Accepted { id } => texts::fate(world, index, id, crate::node::Fate::Accepted),
        Event::Unsent { id, .. } => texts::fate(world, index, id, crate::node::Fate::Unsent),
        Event::Unknown { id, .. } => texts::fate(world, index, id, crate::node::Fate::Unknown),
        Event::Unreadable { from, .. } => {
            node.told.unreadable.insert(from);
        }
        Event::HistoryRead { complete } => {
            node.told.history_incomplete |= !complete;
            for (from, what) in node.told.missed.take().unwrap_or_default() {
                missed(world, index, from, what);
            }
        }
        Event::Missed { from, count } => {
            let what = format!("{name} misses {count} of {}", short(&from));
            world.trace.tell(now, format_args!("{what}"));
            // What it reads of the past may have holes if it is told so afterwards.
            match &mut node.told.missed {
                Some(so_far) => so_far.push((from, what)),
                None => missed(world, index, from, what),
            }
        }
        Event::Fault { error, .. } => {
            world
                .trace
                .tell(now, format_args!("{name} finds fault: {error}"));
            on_error(world, index, error);
        }
        Event::Rejoining { code } => {
            world
                .trace
                .tell(now, format_args!("{name} joins afresh: {code}"));
        }
        Event::Ended(reason) => ended(world, index, reason),
        Event::Keyed { epoch, version } => {
            let line = format_args!("{name} is keyed for version {version}: {epoch:?}");
            world.trace.tell(now, line);
        }
        Event::Refused(refusal) => {
            let line = format_args!("{name} is refused: {}", refusal.code);
            world.trace.tell(now, line);
        }
        Event::ParticipantLeft {
            participant,
            reason,
        } => {
            let who = short(&participant.id);
            let line = format_args!("{name} sees {who} leave: {reason:?}");
            world.trace.tell(now, line);
        }
        _ => {}
    }
}

/// A client has told its application of a loss, and whether its history is whole.
fn missed(world: &mut World, index: usize, from: ParticipantId, what: String) {
    let excused = world
        .nodes
        .get(index)
        .is_some_and(|node| node.told.history_incomplete);
    if !excused && !is_hostile(world, &from) {
        world.broken_at(index, Rule::NoLoss, what);
    }
}

/// A client has refused what the relay sent, or found fault with it.
pub(crate) fn on_error(world: &mut World, index: usize, error: Error) {
    world.coverage.error(error.code());
    let Some(node) = world.nodes.get(index) else {
        return;
    };
    let name = node.name.clone();
    let excused = match error.code() {
        // No key for long, or a connection that broke within the history: nobody's fault, and said so.
        Code::RekeyStalled | Code::HistoryUnavailable => true,
        // Somebody came with another secret.
        Code::UnverifiedParticipant => world.nodes.iter().any(|node| node.stranger),
        Code::BadWrap => {
            let steward = node.told.reading_key_of;
            steward.is_some_and(|steward| is_outsider(world, &steward))
        }
        // A relay that has stood still looks at its clock before it reads what has come meanwhile.
        Code::HandshakeTimeout => world.relays.is_some(),
        Code::ClockSkew => world.scene.skew > 0 || node.ahead != 0,
        _ => false,
    };
    let participant = matches!(
        world.scene.hostility,
        Hostility::Participant | Hostility::Insider
    );
    let blamed = match error {
        Error::RelayMisbehaved(_) => !world.is_apart(index),
        Error::PeerMisbehaved(_) => !participant,
        Error::Malformed(_) => !participant,
        _ => false,
    };
    if blamed && !excused {
        world.broken_at(index, Rule::NoFalseBlame, format!("{name} says {error}"));
    }
}

fn ended(world: &mut World, index: usize, reason: EndReason) {
    let now = world.now;
    let Some(node) = world.nodes.get_mut(index) else {
        return;
    };
    node.told.ended = Some(reason);
    node.told.ended_at = Some(now);
    let client = &node.client;
    let kept = client.link().is_some()
        || client.seat_token().is_some()
        || client.verification().is_some()
        || client.id().is_some()
        || client.epoch().is_some()
        || client.poll_timeout().is_some()
        || !client.participants().is_empty();
    let name = node.name.clone();
    world.coverage.ended(&reason);
    world
        .trace
        .tell(now, format_args!("{name} has ended: {reason}"));
    if kept {
        world.broken(Rule::Wiped, format!("{name} has ended and is not empty"));
    }
}

/// Something has come to a client, or time has passed for it, and it has said all it had to say.
pub(crate) fn after_input(world: &mut World, index: usize) {
    let Some(node) = world.nodes.get_mut(index) else {
        return;
    };
    let status = node.client.status();
    let before = node.told.status.replace(status);
    if before != Some(status) {
        world.coverage.participation(before, status);
    }
    let roster = node.client.roster_version() != node.told.looked_at;
    let (held, head) = (node.client.epoch(), node.client.head());
    let keys = (held, head) != (node.told.held, node.told.head);
    if !roster && !keys {
        return;
    }
    (node.told.held, node.told.head) = (held, head);
    if roster {
        roster_agreement(world, index);
    }
    epoch_agreement(world, index);
    let history = world.scene.history;
    if let Some(node) = world.nodes.get_mut(index) {
        world.coverage.key_state(node, history);
    }
}

/// Section 6.2: a version has one roster, and section 10: a roster has one code.
fn roster_agreement(world: &mut World, index: usize) {
    let Some(node) = world.nodes.get_mut(index) else {
        return;
    };
    let version = node.client.roster_version();
    node.told.looked_at = version;
    let (Some(version), Some(codes)) = (version, node.client.verification()) else {
        node.told.others_verified = 0;
        return;
    };
    if node.stranger {
        return;
    }
    let listed = node.client.participants();
    node.told.others_verified = listed
        .iter()
        .filter(|participant| !participant.me && participant.is_verified())
        .count();
    let ids: Vec<_> = listed.iter().map(|participant| participant.id).collect();
    node.told.rosters.insert(version, ids.clone());
    let seen = (ids, *codes.transcript());
    let name = node.name.clone();
    let agreed = world
        .ledger
        .rosters
        .entry(version)
        .or_insert_with(|| seen.clone());
    if *agreed != seen {
        let what = format!("{name} shows another roster of version {version}");
        world.broken_at(index, Rule::RosterAgreement, what);
    }
}

/// Section 7.2: an epoch is of one version, and a version is keyed once.
fn epoch_agreement(world: &mut World, index: usize) {
    let Some(node) = world.nodes.get(index) else {
        return;
    };
    let (Some((version, epoch)), Some(me)) = (node.client.epoch(), node.client.id()) else {
        return;
    };
    let name = &node.name;
    let of = world.ledger.epochs.entry(epoch).or_insert(version);
    if *of != version {
        let what = format!("{name} takes an epoch of version {of} for one of {version}");
        world.broken_at(index, Rule::EpochAgreement, what);
        return;
    }
    let others = world.nodes.iter().filter(|other| !other.crashed);
    let other = others
        .filter_map(|other| Some((other, other.client.epoch()?)))
        .find(|(_, (of, id))| *of == version && *id != epoch);
    if let Some((other, _)) = other
        && world.scene.hostility != Hostility::Relay
    {
        let what = format!(
            "{name} and {} hold two epochs of version {version}",
            other.name
        );
        world.broken_at(index, Rule::EpochAgreement, what);
        return;
    }
    let roster = world.ledger.rosters.get(&version);
    if roster.is_some_and(|(ids, _)| !ids.contains(&me)) {
        let what = format!("{name} holds the key of version {version} and was not on it");
        world.broken_at(index, Rule::KeyEntitled, what);
    }
}

/// A client has given out all it had to say.
pub(crate) fn after_client(world: &mut World, index: usize, outputs: u64) {
    let written = world.ledger.texts.len();
    let bound = CLIENT_OUTPUTS.saturating_add(written.saturating_mul(2)) as u64;
    if outputs > bound {
        let name = world.nodes.get(index).map(|node| node.name.clone());
        let what = format!("{name:?} says {outputs} things at once");
        world.broken(Rule::Bounded, what);
    }
}

/// The hub has given out all it had to say.
pub(crate) fn after_hub(world: &mut World, outputs: u64) {
    let kept = world.hub.stats().kept_bytes;
    if outputs > HUB_OUTPUTS || kept > ROOM_BYTES {
        let what = format!("the relay says {outputs} things at once and keeps {kept} bytes");
        world.broken(Rule::Bounded, what);
    }
}

/// Nothing more is due now: what must have happened by now has.
pub(crate) fn before_time_moves(world: &mut World) {
    world.note_unsettled();
    clock::burned_in_time(world);
    keyed_in_time(world);
}

/// Section 7.1: who is asked alone has its time, then everyone is asked; whoever is connected answers.
fn keyed_in_time(world: &mut World) {
    if world.scene.hostility == Hostility::Relay || world.ledger.outsider_keyed {
        return;
    }
    let way = world
        .scene
        .delay
        .saturating_add(world.scene.jitter)
        .saturating_add(world.ledger.slowest)
        .saturating_add(world.relays.as_ref().map_or(0, |_| DETOUR));
    // To who is asked, back, and to everyone; and once more for who was asked while the frame before was on its way.
    let allowed = ASKING
        .saturating_add(way.saturating_mul(6))
        .saturating_add(100);
    let over = |since| world.now.millis_since(since) > allowed;
    if !over(world.ledger.disturbed_at) {
        return;
    }
    let late = world.nodes.iter().enumerate().find(|(index, node)| {
        let client = &node.client;
        node.is_joined()
            && over(node.told.connected_at)
            && !world.is_apart(*index)
            && world.is_connected(node)
            && (node.told.others_verified > 0 || world.scene.history)
            && client
                .epoch()
                .map(|(version, id)| (Some(version), Some(id)))
                != Some((client.roster_version(), client.head()))
    });
    if let Some((_, node)) = late {
        let what = format!(
            "{} has no key for version {:?} after {allowed} ms of quiet",
            node.name,
            node.client.roster_version()
        );
        world.broken(Rule::Progress, what);
    }
}

/// Whether keys of this id open nothing for honest people: the insider's, and those of who came with another secret and
/// knows no better.
fn is_outsider(world: &World, id: &ParticipantId) -> bool {
    let mut nodes = world.nodes.iter();
    world.ledger.insiders.contains(id)
        || nodes.any(|node| node.stranger && node.told.ids.contains(id))
}

/// Whether an id is, or was, the hostile participant's.
fn is_hostile(world: &World, id: &ParticipantId) -> bool {
    let mut nodes = world.nodes.iter().enumerate();
    world.ledger.insiders.contains(id)
        || nodes.any(|(index, node)| world.is_apart(index) && node.told.ids.contains(id))
}

/// Whether a status is one of a client that is in the room.
pub(crate) fn is_seated(status: Status) -> bool {
    matches!(status, Status::Joined | Status::Away | Status::Resuming)
}

/// The first symbols of an id, for people.
pub(crate) fn short(id: &ParticipantId) -> String {
    burnchat_core::crypto::tag(id).to_string()
}
