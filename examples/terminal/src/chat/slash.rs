//! What a typed line means.

use std::time::Duration;

use burnchat_client::burnchat_core::crypto::tag;
use burnchat_client::{Participant, ParticipantId};

use crate::args::duration;

/// A typed line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed<'a> {
    /// A text for everybody, and how long after reading it burns.
    Say(&'a str, Duration),
    Who,
    Verify,
    Link,
    Kick(&'a str),
    Lock(bool),
    Extend(u64),
    Burn,
    Leave,
    Help,
    /// Not understood; what would be.
    Wrong(&'static str),
}

/// What `/help` says.
pub(super) const HELP: &[&str] = &[
    "/who              who is here",
    "/verify           the safety number: compare it with the others, on another way than this",
    "/link             the link and its QR code, to bring somebody in",
    "/fuse TIME TEXT   say something that burns so long after it was read, such as 30s",
    "/leave            leave the room (Ctrl-C or Ctrl-D as well)",
    "For creators:",
    "/kick WHO         remove somebody (number, tag or name); the link is replaced",
    "/lock, /unlock    let nobody new in, or let people in again",
    "/extend TIME      make the room live longer, at most 30m at once",
    "/burn             burn the room for everyone, now",
    "A line that begins with two slashes is sent with one.",
];

impl<'a> Typed<'a> {
    pub(super) fn read(line: &'a str) -> Self {
        let Some(command) = line.strip_prefix('/') else {
            return Self::Say(line, Duration::ZERO);
        };
        if command.starts_with('/') {
            return Self::Say(command, Duration::ZERO);
        }
        let (command, rest) = command
            .split_once(char::is_whitespace)
            .unwrap_or((command, ""));
        let rest = rest.trim();
        match command {
            "who" => Self::Who,
            "verify" => Self::Verify,
            "link" => Self::Link,
            "kick" if rest.is_empty() => Self::Wrong("/kick WHO"),
            "kick" => Self::Kick(rest),
            "lock" => Self::Lock(true),
            "unlock" => Self::Lock(false),
            "extend" => match duration(rest) {
                Ok(time) => Self::Extend(time.as_secs()),
                Err(_) => Self::Wrong("/extend TIME, such as 10m"),
            },
            "fuse" => match rest.split_once(char::is_whitespace) {
                Some((time, text)) if !text.trim().is_empty() => match duration(time) {
                    Ok(time) => Self::Say(text.trim_start(), time),
                    Err(_) => Self::Wrong("/fuse TIME TEXT, such as /fuse 30s hello"),
                },
                _ => Self::Wrong("/fuse TIME TEXT, such as /fuse 30s hello"),
            },
            "burn" => Self::Burn,
            "leave" | "quit" | "exit" => Self::Leave,
            "help" | "?" => Self::Help,
            _ => Self::Wrong("/help lists the commands"),
        }
    }
}

/// The one participant that is meant by a join number, a tag, a label or a name; none if there are several.
pub(super) fn find(who: &str, participants: &[Participant]) -> Option<ParticipantId> {
    let number = who.parse::<u64>().ok();
    let is_meant = |participant: &&Participant| {
        number == Some(participant.number)
            || participant.label() == who
            || tag(&participant.id).eq_ignore_ascii_case(who)
            || participant
                .name
                .as_ref()
                .is_some_and(|name| name.as_str() == who)
    };
    let mut meant = participants.iter().filter(is_meant);
    let first = meant.next()?;
    meant.next().is_none().then_some(first.id)
}

#[cfg(test)]
mod tests {
    use burnchat_client::{Name, Role};

    use super::*;

    fn participant(byte: u8, number: u64, name: &str) -> Participant {
        Participant {
            id: ParticipantId([byte; 16]),
            name: Some(Name::new(name).unwrap()),
            number,
            role: Role::Member,
            name_clash: false,
            me: false,
        }
    }

    #[test]
    fn lines_are_words_or_commands() {
        assert_eq!(
            Typed::read("hello /who"),
            Typed::Say("hello /who", Duration::ZERO)
        );
        assert_eq!(Typed::read("//who"), Typed::Say("/who", Duration::ZERO));
        assert_eq!(Typed::read("/kick  wolf "), Typed::Kick("wolf"));
        assert_eq!(Typed::read("/extend 10m"), Typed::Extend(600));
        let fuse = Typed::Say("look here", Duration::from_secs(30));
        assert_eq!(Typed::read("/fuse 30s look here"), fuse);
        assert!(matches!(Typed::read("/kick"), Typed::Wrong(_)));
        assert!(matches!(Typed::read("/dance"), Typed::Wrong(_)));
    }

    #[test]
    fn who_is_meant_must_be_clear() {
        let all = [
            participant(1, 1, "ana"),
            participant(2, 2, "ben"),
            participant(3, 3, "ben"),
        ];
        assert_eq!(find("ana", &all), Some(ParticipantId([1; 16])));
        assert_eq!(find("ben", &all), None);
        assert_eq!(find("3", &all), Some(ParticipantId([3; 16])));
        let tag = tag(&ParticipantId([2; 16])).to_lowercase();
        assert_eq!(find(&tag, &all), Some(ParticipantId([2; 16])));
    }
}
