//! Which states, transitions and inputs of the spec's tables (section 14) have been reached, over all runs.

use std::collections::BTreeMap;
use std::fmt;

use burnchat_core::client::{EndReason, Event, Status};
use burnchat_core::error::Code;
use burnchat_core::wire::{ClientFrame, RelayFrame};

use crate::node::Node;
use crate::observed::{self, Step};

/// How often each thing was reached.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    things: BTreeMap<(&'static str, &'static str), u64>,
    steps: BTreeMap<(&'static str, Step), u64>,
}

/// What must be reached, by table. What else is reached is counted, too.
const EXPECTED: &[(&str, &[&str])] = &[
    (
        PARTICIPATION,
        &[
            "Offline > Joining",
            "Offline > Ended",
            "Joining > Offline",
            "Joining > Joined",
            "Joining > Ended",
            "Joined > Offline",
            "Joined > Away",
            "Joined > Ended",
            "Away > Resuming",
            "Away > Ended",
            "Resuming > Offline",
            "Resuming > Joined",
            "Resuming > Away",
            "Resuming > Ended",
        ],
    ),
    (
        KEY,
        &[
            "Unkeyed > Keyed",
            "Unkeyed > Need key",
            "Unkeyed > Alone",
            "Keyed > Hold",
            "Keyed > Need key",
            "Keyed > Alone",
            "Hold > Keyed",
            "Hold > Need key",
            "Hold > Alone",
            "Need key > Keyed",
            "Need key > Hold",
            "Need key > Alone",
            "Alone > Unkeyed",
        ],
    ),
    (TEXT, &["Accepted", "Unsent", "Unknown"]),
    (
        END,
        &[
            "burned: expired",
            "burned: asked",
            "burned: shutdown",
            "local burn",
            "kicked",
            "left",
            "refused",
            "failed",
        ],
    ),
    (
        FROM_RELAY,
        &[
            "joined",
            "history_end",
            "resumed",
            "participant_joined",
            "participant_left",
            "rekey",
            "session_key",
            "epoch_end",
            "message",
            "locked",
            "extended",
            "renewed",
            "key_wanted",
            "countdown",
            "destroyed",
            "error",
        ],
    ),
    (
        FROM_CLIENT,
        &[
            "join",
            "resume",
            "session_key",
            "key_declined",
            "need_key",
            "message",
            "kick",
            "lock",
            "renew",
            "extend",
            "burn",
        ],
    ),
    (
        REFUSAL,
        &[
            "room_not_found",
            "link_expired",
            "room_locked",
            "room_full",
            "wrong_pin",
            "pin_locked",
            "id_taken",
            "kicked",
            "displaced",
            "gap",
            "stale_epoch",
            "bad_sequence",
            "bad_key",
            "bad_request",
            "handshake_timeout",
            "rate_limited",
            "not_creator",
            "unknown_participant",
            "extend_conflict",
            "past_not_after",
            "unexpected_frame",
            "unknown_type",
            "malformed_frame",
        ],
    ),
    (CLOSE, &["1000", "1008", "1013", "4001"]),
    (
        RELAYS,
        &[
            "died",
            "stood still",
            "handed over",
            "memory lost",
            "taken over",
            "fenced off",
            "ousted",
        ],
    ),
];

const PARTICIPATION: &str = "participation (14.1)";
const KEY: &str = "key (14.1)";
const TEXT: &str = "text (14.1)";
const END: &str = "end (12.4)";
const FROM_RELAY: &str = "frames of the relay (13.3)";
const FROM_CLIENT: &str = "frames of clients (13.2)";
const REFUSAL: &str = "refusals of the relay (15)";
const READ: &str = "read by a client (14.1)";
const FAULT: &str = "faults found (15)";
const EVENT: &str = "events";
const CLOSE: &str = "close codes (13.1)";
const RELAYS: &str = "several relays (13.6)";

impl Coverage {
    /// Adds what another run has reached.
    pub fn add(&mut self, other: &Self) {
        for (key, count) in &other.things {
            let here = self.things.entry(*key).or_default();
            *here = here.saturating_add(*count);
        }
        for (key, count) in &other.steps {
            let here = self.steps.entry(*key).or_default();
            *here = here.saturating_add(*count);
        }
    }

    /// What must be reached and was not, with its table.
    pub fn missing(&self) -> impl Iterator<Item = (&'static str, String)> {
        let things = EXPECTED.iter().flat_map(|(table, names)| {
            names
                .iter()
                .map(|name| (*table, *name))
                .filter(|key| !self.things.contains_key(key))
                .map(|(table, name)| (table, name.to_owned()))
        });
        let steps = observed::expected()
            .iter()
            .filter(|key| !self.steps.contains_key(key))
            .map(|(table, step)| (*table, named(step)));
        things.chain(steps)
    }

    /// What has befallen relays that share the room, and what came of it.
    pub(crate) fn of_relays(&mut self, what: &'static str) {
        self.reached(RELAYS, what);
    }

    /// A step of one of the tables that only a simulation sees.
    pub(crate) fn step(&mut self, table: &'static str, step: Step) {
        let count = self.steps.entry((table, step)).or_default();
        *count = count.saturating_add(1);
    }

    pub(crate) fn participation(&mut self, from: Option<Status>, to: Status) {
        if let Some(from) = from {
            self.reached(PARTICIPATION, transition(status(from), status(to)));
        }
    }

    /// The state of a client's key, as far as it shows: what it was told, and what it holds.
    pub(crate) fn key_state(&mut self, node: &mut Node, history: bool) {
        let state = key_state(node, history);
        let before = std::mem::replace(&mut node.told.key_state, state);
        if let (Some(before), Some(state)) = (before, state)
            && before != state
        {
            self.reached(KEY, transition(before, state));
        }
    }

    pub(crate) fn read(&mut self, status_before: Status, frame: Option<&RelayFrame>, taken: bool) {
        let what = match (status_before, frame.is_some(), taken) {
            (_, false, true) => "ignored",
            (_, false, false) => "not a frame, refused",
            (Status::Offline, true, _) => "a frame when Offline",
            (Status::Joining, true, true) => "taken when Joining",
            (Status::Joining, true, false) => "refused when Joining",
            (Status::Joined, true, true) => "taken when Joined",
            (Status::Joined, true, false) => "refused when Joined",
            (Status::Resuming, true, true) => "taken when Resuming",
            (Status::Resuming, true, false) => "refused when Resuming",
            (Status::Away, true, _) => "a frame when Away",
            (Status::Ended(_), true, _) => "a frame when Ended",
        };
        self.reached(READ, what);
    }

    pub(crate) fn relay_frame(&mut self, frame: &RelayFrame) {
        let name = match frame {
            RelayFrame::Joined(_) => "joined",
            RelayFrame::HistoryEnd(_) => "history_end",
            RelayFrame::Resumed(_) => "resumed",
            RelayFrame::ParticipantJoined(_) => "participant_joined",
            RelayFrame::ParticipantLeft(_) => "participant_left",
            RelayFrame::Rekey(_) => "rekey",
            RelayFrame::SessionKey(_) => "session_key",
            RelayFrame::EpochEnd(_) => "epoch_end",
            RelayFrame::Message(_) => "message",
            RelayFrame::Locked(_) => "locked",
            RelayFrame::Extended(_) => "extended",
            RelayFrame::Renewed(_) => "renewed",
            RelayFrame::KeyWanted(_) => "key_wanted",
            RelayFrame::Countdown(_) => "countdown",
            RelayFrame::Destroyed(_) => "destroyed",
            RelayFrame::Error(error) => {
                self.reached(REFUSAL, error.code.name());
                "error"
            }
        };
        self.reached(FROM_RELAY, name);
    }

    pub(crate) fn client_frame(&mut self, frame: &ClientFrame) {
        let name = match frame {
            ClientFrame::Join(_) => "join",
            ClientFrame::Resume(_) => "resume",
            ClientFrame::SessionKey(_) => "session_key",
            ClientFrame::KeyDeclined(_) => "key_declined",
            ClientFrame::NeedKey(_) => "need_key",
            ClientFrame::Message(_) => "message",
            ClientFrame::Kick(_) => "kick",
            ClientFrame::Lock(_) => "lock",
            ClientFrame::Renew(_) => "renew",
            ClientFrame::Extend(_) => "extend",
            ClientFrame::Burn(_) => "burn",
        };
        self.reached(FROM_CLIENT, name);
    }

    pub(crate) fn event(&mut self, event: &Event) {
        let name = match event {
            Event::Accepted { .. } => {
                self.reached(TEXT, "Accepted");
                return;
            }
            Event::Unsent { .. } => {
                self.reached(TEXT, "Unsent");
                return;
            }
            Event::Unknown { .. } => {
                self.reached(TEXT, "Unknown");
                return;
            }
            Event::RekeyStalled => "rekey stalled",
            Event::Message(_) => "message",
            Event::Read { .. } => "read",
            Event::Typing { .. } => "typing",
            Event::MessageBurned { .. } => "message burned",
            Event::Unreadable { .. } => "unreadable",
            Event::Missed { .. } => "missed",
            Event::LinkChanged => "link changed",
            Event::LinkExpired => "link expired",
            Event::HistoryRead { .. } => "history read",
            Event::Resumed => "resumed",
            Event::Rejoining { .. } => "rejoining",
            Event::Refused(_) => "refused",
            _ => return,
        };
        self.reached(EVENT, name);
    }

    pub(crate) fn error(&mut self, code: Code) {
        self.reached(FAULT, code.name());
    }

    pub(crate) fn ended(&mut self, reason: &EndReason) {
        use burnchat_core::client::BurnKind;
        let name = match reason {
            EndReason::Burned(BurnKind::Expired) => "burned: expired",
            EndReason::Burned(BurnKind::Asked) => "burned: asked",
            EndReason::Burned(BurnKind::Shutdown) => "burned: shutdown",
            EndReason::LocalBurn => "local burn",
            EndReason::Kicked => "kicked",
            EndReason::Left => "left",
            EndReason::Refused(_) => "refused",
            EndReason::Failed(_) => "failed",
            _ => "another",
        };
        self.reached(END, name);
    }

    pub(crate) fn close(&mut self, code: u16) {
        let name = match code {
            1000 => "1000",
            1008 => "1008",
            1013 => "1013",
            4001 => "4001",
            4002 => "4002",
            _ => "another",
        };
        self.reached(CLOSE, name);
    }

    fn reached(&mut self, table: &'static str, name: &'static str) {
        let count = self.things.entry((table, name)).or_default();
        *count = count.saturating_add(1);
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = "";
        for ((of, name), count) in &self.things {
            if *of != table {
                table = of;
                let expected = EXPECTED.iter().find(|(of, _)| *of == table);
                let names = expected.map_or(&[][..], |(_, names)| names);
                let reached = names
                    .iter()
                    .filter(|name| self.things.contains_key(&(table, **name)))
                    .count();
                match names.len() {
                    0 => writeln!(f, "{table}")?,
                    all => writeln!(f, "{table}: {reached} of {all}")?,
                }
            }
            writeln!(f, "  {count:>10}  {name}")?;
        }
        let mut table = "";
        for ((of, step), count) in &self.steps {
            if *of != table {
                table = of;
                let expected = observed::expected().iter().filter(|(of, _)| *of == table);
                let reached = expected
                    .clone()
                    .filter(|key| self.steps.contains_key(key))
                    .count();
                writeln!(f, "{table}: {reached} of {}", expected.count())?;
            }
            writeln!(f, "  {count:>10}  {}", named(step))?;
        }
        for (table, name) in self.missing() {
            writeln!(f, "not reached, {table}: {name}")?;
        }
        Ok(())
    }
}

fn named((row, before, after): &Step) -> String {
    match *row {
        "" => format!("{before} > {after}"),
        row => format!("{before} > {after}, {row}"),
    }
}

fn key_state(node: &Node, history: bool) -> Option<&'static str> {
    let (client, told) = (&node.client, &node.told);
    let head = client.head()?;
    if told.others_verified == 0 && !history {
        return Some("Alone");
    }
    let newest = told.epochs.get(&head);
    if let Some(members) = newest.and_then(|version| told.rosters.get(version)) {
        let now = told
            .looked_at
            .and_then(|version| told.rosters.get(&version));
        let gone = |id| now.is_some_and(|now| !now.contains(id));
        if members.iter().any(gone) {
            return Some("Hold");
        }
    }
    Some(match (client.epoch(), newest) {
        (Some((_, held)), _) if held == head => "Keyed",
        (_, Some(version)) if told.rosters.contains_key(version) => "Need key",
        _ => "Unkeyed",
    })
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Offline => "Offline",
        Status::Joining => "Joining",
        Status::Joined => "Joined",
        Status::Away => "Away",
        Status::Resuming => "Resuming",
        Status::Ended(_) => "Ended",
    }
}

/// The name of a transition: one of those expected, or another.
fn transition(from: &str, to: &str) -> &'static str {
    EXPECTED
        .iter()
        .flat_map(|(_, names)| names.iter().copied())
        .find(|name| name.split_once(" > ") == Some((from, to)))
        .unwrap_or("another transition")
}
