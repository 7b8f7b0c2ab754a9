//! What goes out: one JSON object a line.

use std::io::{self, Write};

use burnchat_client::{
    Code, Departure, Event, Participant, Role, Room, Unreadable, VerificationCode,
};
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use zeroize::{Zeroize, Zeroizing};

use super::problem::Problem;
use crate::stdin::LINE_BYTES;

/// One event (spec/shim.md).
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Out<'a> {
    Hello {
        shim: u32,
        client: &'a str,
    },
    Created {
        link: &'a str,
        pin: &'a str,
        expires_at: u64,
        seconds_remaining: u64,
    },
    Joined {
        id: String,
        role: &'static str,
        participants: &'a [Who],
        seconds_remaining: Option<u64>,
        locked: bool,
        capacity: Option<u16>,
    },
    Keyed {
        epoch: String,
        version: u64,
    },
    ParticipantJoined(&'a Who),
    ParticipantLeft {
        id: String,
        name: Option<&'a str>,
        label: String,
        reason: &'static str,
    },
    Participants {
        participants: &'a [Who],
    },
    Verification {
        short: String,
        emoji: String,
        emoji_names: Vec<&'static str>,
        number: String,
        qr: String,
    },
    Message {
        id: String,
        from: String,
        name: Option<&'a str>,
        label: String,
        text: &'a str,
        sent_at: u64,
        burn_after_ms: u32,
        history: bool,
        mine: bool,
    },
    Accepted {
        id: String,
    },
    Unsent {
        id: String,
        text: &'a str,
    },
    Unknown {
        id: String,
        text: &'a str,
    },
    Read {
        by: String,
        author: String,
        id: String,
    },
    Typing {
        from: String,
        typing: bool,
    },
    MessageBurned {
        id: String,
        author: String,
    },
    Unreadable {
        from: String,
        reason: &'static str,
    },
    Missed {
        from: String,
        count: u64,
    },
    Countdown {
        seconds_remaining: u64,
    },
    Locked {
        locked: bool,
    },
    Extended {
        seconds_remaining: u64,
    },
    Link {
        link: &'a str,
        current: bool,
    },
    LinkChanged {
        link: &'a str,
    },
    LinkExpired,
    HistoryRead {
        complete: bool,
    },
    Reconnecting,
    Resumed,
    Gap {
        code: u16,
        name: &'static str,
    },
    Error(Problem),
    Burned {
        reason: &'static str,
    },
    Ended {
        reason: &'static str,
    },
}

/// A participant.
#[derive(Serialize)]
pub(super) struct Who {
    id: String,
    name: Option<String>,
    label: String,
    number: u64,
    role: &'static str,
    name_clash: bool,
    me: bool,
}

impl Who {
    pub(super) fn all(room: &Room) -> Vec<Self> {
        room.participants().iter().map(Self::of).collect()
    }

    fn of(participant: &Participant) -> Self {
        Self {
            id: participant.id.to_base64(),
            name: participant
                .name
                .as_ref()
                .map(|name| name.as_str().to_owned()),
            label: participant.label(),
            number: participant.number,
            role: role(participant.role),
            name_clash: participant.name_clash,
            me: participant.me,
        }
    }
}

/// Prints events. The line it builds is wiped after each.
pub(super) struct Printer {
    line: Zeroizing<Vec<u8>>,
}

impl Default for Printer {
    fn default() -> Self {
        // A text has room in it, so that it does not grow and leave copies behind.
        let line = Zeroizing::new(Vec::with_capacity(LINE_BYTES));
        Self { line }
    }
}

impl Printer {
    pub(super) fn print(&mut self, event: &Out<'_>) -> io::Result<()> {
        let mut serializer = Serializer::with_formatter(&mut *self.line, HarmlessJson);
        event.serialize(&mut serializer)?;
        self.line.push(b'\n');
        let mut stdout = io::stdout().lock();
        let printed = stdout.write_all(&self.line).and_then(|()| stdout.flush());
        self.line.zeroize();
        printed
    }

    pub(super) fn verification(&mut self, code: &VerificationCode) -> io::Result<()> {
        let emoji = code.emoji();
        self.print(&Out::Verification {
            short: code.short_code(),
            emoji: emoji.iter().map(|emoji| emoji.symbol).collect(),
            emoji_names: emoji.iter().map(|emoji| emoji.name).collect(),
            number: code.safety_number(),
            qr: code.qr_text(),
        })
    }

    /// Prints what has happened in the room.
    pub(super) fn event(&mut self, event: Event, room: &Room) -> io::Result<()> {
        let out = match &event {
            Event::Joined { id, role: as_role } => {
                let time_left = room.time_left();
                return self.print(&Out::Joined {
                    id: id.to_base64(),
                    role: role(*as_role),
                    participants: &Who::all(room),
                    seconds_remaining: time_left
                        .map(|left| left.as_millis().div_ceil(1_000) as u64),
                    locked: room.is_locked(),
                    capacity: room.settings().map(|(capacity, _)| capacity),
                });
            }
            Event::VerificationChanged => {
                return match room.verification() {
                    Some(code) => self.verification(&code),
                    None => Ok(()),
                };
            }
            Event::LinkChanged => {
                return match room.link() {
                    Some(link) => self.print(&Out::LinkChanged { link: &link }),
                    None => Ok(()),
                };
            }
            Event::ParticipantJoined(who) => {
                return self.print(&Out::ParticipantJoined(&Who::of(who)));
            }
            Event::Keyed { epoch, version } => Out::Keyed {
                epoch: epoch.to_base64(),
                version: *version,
            },
            Event::ParticipantLeft {
                participant,
                reason,
            } => Out::ParticipantLeft {
                id: participant.id.to_base64(),
                name: participant.name.as_ref().map(|name| name.as_str()),
                label: participant.label(),
                reason: match reason {
                    Some(Departure::Left) => "left",
                    Some(Departure::Timeout) => "timeout",
                    Some(Departure::Kicked) => "kicked",
                    None => "replaced",
                },
            },
            Event::Message(message) => Out::Message {
                id: message.id.to_base64(),
                from: message.author.id.to_base64(),
                name: message.author.name.as_ref().map(|name| name.as_str()),
                label: message.author.label(),
                text: message.text.as_str(),
                sent_at: message.sent_at.0,
                burn_after_ms: message.burn_after_ms,
                history: message.from_history,
                mine: message.author.me,
            },
            Event::Accepted { id } => Out::Accepted { id: id.to_base64() },
            Event::Unsent { id, text } => Out::Unsent {
                id: id.to_base64(),
                text: text.as_str(),
            },
            Event::Unknown { id, text } => Out::Unknown {
                id: id.to_base64(),
                text: text.as_str(),
            },
            Event::Read { by, author, id } => Out::Read {
                by: by.to_base64(),
                author: author.to_base64(),
                id: id.to_base64(),
            },
            Event::Typing { from, typing } => Out::Typing {
                from: from.to_base64(),
                typing: *typing,
            },
            Event::MessageBurned { author, id } => Out::MessageBurned {
                id: id.to_base64(),
                author: author.to_base64(),
            },
            Event::Unreadable { from, reason } => Out::Unreadable {
                from: from.to_base64(),
                reason: match reason {
                    Unreadable::NotKeyedYet => "not_keyed_yet",
                    _ => "unparsable",
                },
            },
            Event::Missed { from, count } => Out::Missed {
                from: from.to_base64(),
                count: *count,
            },
            Event::Countdown { seconds_remaining } => Out::Countdown {
                seconds_remaining: *seconds_remaining,
            },
            Event::Locked { locked } => Out::Locked { locked: *locked },
            Event::Extended { seconds_remaining } => Out::Extended {
                seconds_remaining: *seconds_remaining,
            },
            Event::LinkExpired => Out::LinkExpired,
            Event::HistoryRead { complete } => Out::HistoryRead {
                complete: *complete,
            },
            Event::Reconnecting => Out::Reconnecting,
            Event::Resumed => Out::Resumed,
            Event::Rejoining { code } => Out::Gap {
                code: code.number(),
                name: code.name(),
            },
            Event::Fault { error, about } => {
                Out::Error(Problem::of_code(error.code()).about(*about))
            }
            Event::RekeyStalled => Out::Error(Problem::of_code(Code::RekeyStalled)),
            Event::Refused(refusal) => Out::Error(Problem::of_refusal(*refusal)),
            // The end is told by whoever runs the shim; what later versions of the core say is not in this version.
            _ => return Ok(()),
        };
        self.print(&out)
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Member => "member",
        Role::Creator => "creator",
    }
}

/// JSON without DEL and the C1 control characters: should it be shown on a terminal, it does nothing to it.
struct HarmlessJson;

impl Formatter for HarmlessJson {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(place) = rest.find(|c: char| c.is_control()) {
            let (harmless, after) = rest.split_at(place);
            writer.write_all(harmless.as_bytes())?;
            let mut after = after.chars();
            if let Some(control) = after.next() {
                write!(writer, "\\u{:04x}", u32::from(control))?;
            }
            rest = after.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_character_is_printed_as_it_is() {
        let mut line = Vec::new();
        let event = Out::Unsent {
            id: String::new(),
            text: "a\u{1b}[2J\u{7f}\u{9b}2Jé",
        };
        event
            .serialize(&mut Serializer::with_formatter(&mut line, HarmlessJson))
            .unwrap();
        let text = String::from_utf8(line).unwrap();
        assert_eq!(
            text,
            r#"{"event":"unsent","id":"","text":"a\u001b[2J\u007f\u009b2Jé"}"#
        );
        let back: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(back["text"], "a\u{1b}[2J\u{7f}\u{9b}2Jé");
    }
}
