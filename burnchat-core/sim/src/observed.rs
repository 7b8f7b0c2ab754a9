//! States that do not show at the machines' borders: the asking for a key and the seats at the relay, and where a client's
//! texts are (spec section 14). They are seen where the stand-in for the primitives is built in, and not elsewhere.

use std::collections::BTreeMap;

use burnchat_core::client::Client;
use burnchat_core::ids::{MessageId, RoomId};
use burnchat_core::relay::Hub;
use burnchat_core::wire::RelayFrame;

use crate::IS_FAST;
use crate::node::Fate;
use crate::rule::Rule;
use crate::world::World;

/// Row, state before, state after.
pub(crate) type Step = (&'static str, &'static str, &'static str);

/// What the hub was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Input {
    #[default]
    Other,
    Timer,
    Disconnect,
    KeyFrame,
    KeyDeclined,
}

impl Input {
    pub(crate) fn of_frame(frame: &[u8]) -> Self {
        let is = |start: &[u8]| frame.starts_with(start);
        match () {
            () if is(br#"{"type":"session_key""#) => Self::KeyFrame,
            () if is(br#"{"type":"key_declined""#) => Self::KeyDeclined,
            () => Self::Other,
        }
    }
}

/// What was seen of the hub when it was last looked at, and what it has said since.
#[derive(Default)]
pub(crate) struct OfHub {
    pub(crate) input: Input,
    asking: Option<&'static str>,
    seats: Vec<&'static str>,
    version: u64,
    /// The newest place in the log before this input: what stands there or earlier is sent again, to somebody who was not
    /// there.
    logged: u64,
    seq: u64,
    joined: bool,
    changed: bool,
    wanted: bool,
    resumed: bool,
    /// The version of a key frame.
    keyed: Option<u64>,
}

impl OfHub {
    /// The hub has encoded a frame. Whether it is no entry of the log, or a new one.
    pub(crate) fn said(&mut self, frame: &RelayFrame) -> bool {
        if let Some(seq) = frame.seq() {
            if seq <= self.logged {
                return false;
            }
            self.seq = seq;
        }
        match frame {
            RelayFrame::Joined(joined) => {
                self.version = joined.version;
                self.seq = joined.seq;
                self.joined = true;
            }
            RelayFrame::ParticipantJoined(entry) => {
                self.version = entry.version;
                self.joined |= entry.replaces.is_none();
                self.changed |= entry.replaces.is_some();
            }
            RelayFrame::ParticipantLeft(entry) => {
                self.version = entry.version;
                self.changed = true;
            }
            RelayFrame::Rekey(entry) => {
                self.version = entry.version;
                self.changed = true;
            }
            RelayFrame::SessionKey(frame) => self.keyed = Some(frame.version),
            RelayFrame::KeyWanted(_) => self.wanted = true,
            RelayFrame::Resumed(_) => self.resumed = true,
            _ => {}
        }
        true
    }

    /// What comes now is of the next input.
    fn turn(&mut self) {
        *self = Self {
            asking: self.asking,
            seats: std::mem::take(&mut self.seats),
            version: self.version,
            logged: self.seq,
            seq: self.seq,
            ..Self::default()
        };
    }

    /// What happened, as the table of the asking has it.
    fn row(&self, before: &str, moved: bool) -> Option<&'static str> {
        let acted = moved || self.wanted;
        Some(match (self.input, before) {
            _ if self.changed => CHANGE,
            _ if self.joined => JOIN,
            _ if self.keyed == Some(self.version) => NEWEST,
            _ if self.keyed.is_some() => OLDER,
            _ if self.resumed => RESUME,
            (Input::KeyFrame, _) => ANOTHER,
            (Input::KeyDeclined, "One") if acted => DECLINED,
            (Input::Disconnect, "One") if acted => AWAY,
            (Input::Timer, "Waiting") if acted => DEBOUNCED,
            (Input::Timer, "One") if acted => TIMED_OUT,
            (Input::Timer, "All") if acted => AGAIN,
            _ => return None,
        })
    }
}

const JOIN: &str = "a join";
const CHANGE: &str = "a departure, a replacement, rekey";
const DEBOUNCED: &str = "250 ms";
const NEWEST: &str = "a key for the newest version";
const OLDER: &str = "a key for an older version";
const ANOTHER: &str = "another key frame";
const DECLINED: &str = "key_declined";
const AWAY: &str = "who is asked is away";
const TIMED_OUT: &str = "2 s";
const AGAIN: &str = "10 s";
const RESUME: &str = "a resume";

const ASKING: &str = "asking (14.2)";
const SEAT: &str = "seat (14.2)";
const WHERE: &str = "text under way (14.1)";

/// What must be reached: table, row, before, after. The other cells of the tables do not occur, or change nothing.
const EXPECTED: &[(&str, Step)] = &[
    (ASKING, (JOIN, "Idle", "Idle")),
    (ASKING, (JOIN, "Idle", "Waiting")),
    (ASKING, (JOIN, "Waiting", "Waiting")),
    (ASKING, (JOIN, "One", "Waiting")),
    (ASKING, (JOIN, "All", "Waiting")),
    (ASKING, (JOIN, "Nobody", "Waiting")),
    (ASKING, (CHANGE, "Idle", "Idle")),
    (ASKING, (CHANGE, "Idle", "One")),
    (ASKING, (CHANGE, "Idle", "Nobody")),
    (ASKING, (CHANGE, "Waiting", "Idle")),
    (ASKING, (CHANGE, "Waiting", "One")),
    (ASKING, (CHANGE, "One", "Idle")),
    (ASKING, (CHANGE, "One", "One")),
    (ASKING, (CHANGE, "All", "Idle")),
    (ASKING, (CHANGE, "All", "One")),
    (ASKING, (CHANGE, "All", "Nobody")),
    (ASKING, (CHANGE, "Nobody", "Idle")),
    (ASKING, (CHANGE, "Nobody", "One")),
    (ASKING, (CHANGE, "Nobody", "Nobody")),
    (ASKING, (DEBOUNCED, "Waiting", "One")),
    (ASKING, (DEBOUNCED, "Waiting", "Nobody")),
    (ASKING, (NEWEST, "One", "Idle")),
    (ASKING, (NEWEST, "All", "Idle")),
    (ASKING, (OLDER, "Waiting", "Waiting")),
    (ASKING, (OLDER, "One", "One")),
    (ASKING, (OLDER, "All", "One")),
    (ASKING, (ANOTHER, "Idle", "Idle")),
    (ASKING, (ANOTHER, "Waiting", "Waiting")),
    (ASKING, (ANOTHER, "One", "One")),
    (ASKING, (ANOTHER, "All", "All")),
    (ASKING, (DECLINED, "One", "One")),
    (ASKING, (DECLINED, "One", "All")),
    (ASKING, (AWAY, "One", "One")),
    (ASKING, (AWAY, "One", "All")),
    (ASKING, (TIMED_OUT, "One", "One")),
    (ASKING, (TIMED_OUT, "One", "All")),
    (ASKING, (AGAIN, "All", "All")),
    (ASKING, (RESUME, "Idle", "Idle")),
    (ASKING, (RESUME, "Waiting", "Waiting")),
    (ASKING, (RESUME, "One", "One")),
    (ASKING, (RESUME, "All", "All")),
    (ASKING, (RESUME, "Nobody", "One")),
    (SEAT, ("", "—", "Here")),
    (SEAT, ("", "Here", "Away")),
    (SEAT, ("", "Here", "Left")),
    (SEAT, ("", "Here", "Kicked")),
    (SEAT, ("", "Away", "Here")),
    (SEAT, ("", "Away", "Left")),
    (SEAT, ("", "Away", "Kicked")),
    (SEAT, ("", "Left", "Here")),
    (SEAT, ("", "Left", "Void")),
    (SEAT, ("", "Left", "Kicked")),
    (SEAT, ("", "Void", "Kicked")),
    (WHERE, ("", "—", "Held")),
    (WHERE, ("", "—", "In flight")),
    (WHERE, ("", "Held", "In flight")),
    (WHERE, ("", "In flight", "Held")),
    (WHERE, ("", "Held", "Unsent")),
    (WHERE, ("", "In flight", "Accepted")),
    (WHERE, ("", "In flight", "Unsent")),
    (WHERE, ("", "In flight", "Unknown")),
    (WHERE, ("", "Held", "wiped")),
    (WHERE, ("", "In flight", "wiped")),
];

/// What must be reached, where it can be seen.
pub(crate) fn expected() -> &'static [(&'static str, Step)] {
    if IS_FAST { EXPECTED } else { &[] }
}

/// One of several relays has said what it had to say: which states lie behind it is not looked at, as a hub that goes on
/// where another stopped has not come to its own by any step.
pub(crate) fn after_turn(world: &mut World) {
    world.of_hub.turn();
}

/// The hub has given out all it had to say.
pub(crate) fn after_hub(world: &mut World) {
    let seen = &mut world.of_hub;
    for (place, state) in seat_states(&world.hub, &world.room.id).enumerate() {
        match seen.seats.get_mut(place) {
            Some(earlier) if *earlier == state => {}
            Some(earlier) => {
                world.coverage.step(SEAT, ("", earlier, state));
                // Where nobody is connected, nobody is told.
                seen.changed |=
                    !matches!(*earlier, "Left" | "Void") && state != "Here" && state != "Away";
                *earlier = state;
            }
            None => {
                world.coverage.step(SEAT, ("", "—", state));
                seen.seats.push(state);
            }
        }
    }
    let before = seen.asking.unwrap_or("Idle");
    let after = asking_state(&world.hub, &world.room.id);
    let now = after.unwrap_or("Idle");
    if let (Some(row), Some(_)) = (seen.row(before, before != now), after) {
        world.coverage.step(ASKING, (row, before, now));
    }
    seen.asking = after;
    seen.turn();
}

/// Where the texts of a node were when it was last looked at.
pub(crate) type Texts = BTreeMap<MessageId, &'static str>;

/// A client has given out all it had to say.
pub(crate) fn after_client(world: &mut World, index: usize) {
    too_much(world, index);
    let Some(node) = world.nodes.get_mut(index) else {
        return;
    };
    let (held, in_flight) = texts_under_way(&node.client);
    if held.is_empty() && in_flight.is_empty() && node.told.texts.is_empty() {
        return;
    }
    let mut now = Texts::new();
    now.extend(held.into_iter().map(|id| (id, "Held")));
    now.extend(in_flight.into_iter().map(|id| (id, "In flight")));
    for (id, state) in &now {
        let before = node.told.texts.get(id).copied().unwrap_or("—");
        if before != *state {
            world.coverage.step(WHERE, ("", before, state));
        }
    }
    for (id, before) in &node.told.texts {
        if now.contains_key(id) {
            continue;
        }
        let after = match node.told.fates.get(id) {
            Some(Fate::Accepted) => "Accepted",
            Some(Fate::Unsent) => "Unsent",
            Some(Fate::Unknown) => "Unknown",
            None => "wiped",
        };
        world.coverage.step(WHERE, ("", before, after));
    }
    node.told.texts = now;
}

/// Section 16: what a client keeps is bounded, whatever comes.
fn too_much(world: &mut World, index: usize) {
    let Some(node) = world.nodes.get(index) else {
        return;
    };
    let over = kept(&node.client).find(|(_, count, bound)| count > bound);
    if let Some((what, count, bound)) = over {
        let what = format!("{} keeps {count} {what}, {bound} at most", node.name);
        world.broken(Rule::Bounded, what);
    }
}

#[cfg(burnchat_sim)]
fn asking_state(hub: &Hub, room: &RoomId) -> Option<&'static str> {
    hub.asking_state(room)
}

#[cfg(not(burnchat_sim))]
fn asking_state(_: &Hub, _: &RoomId) -> Option<&'static str> {
    None
}

#[cfg(burnchat_sim)]
fn seat_states(hub: &Hub, room: &RoomId) -> impl Iterator<Item = &'static str> {
    hub.seat_states(room)
}

#[cfg(not(burnchat_sim))]
fn seat_states(_: &Hub, _: &RoomId) -> impl Iterator<Item = &'static str> {
    std::iter::empty()
}

#[cfg(burnchat_sim)]
fn texts_under_way(client: &Client) -> (Vec<MessageId>, Vec<MessageId>) {
    client.texts_under_way()
}

#[cfg(not(burnchat_sim))]
fn texts_under_way(_: &Client) -> (Vec<MessageId>, Vec<MessageId>) {
    (Vec::new(), Vec::new())
}

#[cfg(burnchat_sim)]
fn kept(client: &Client) -> impl Iterator<Item = (&'static str, usize, usize)> {
    client.kept().into_iter().flatten()
}

#[cfg(not(burnchat_sim))]
fn kept(_: &Client) -> impl Iterator<Item = (&'static str, usize, usize)> {
    std::iter::empty()
}
