//! Events as the transcripts write them.

use burnchat_core::{
    client::{Event, Participant, Unreadable},
    wire::{Departure, Role},
};

use crate::json::{Json, hex};

/// An event, or None for what is no more than a hint to look again.
pub(crate) fn event(event: &Event) -> Json {
    let of = |name: &str| Json::object().with("event", name);
    match event {
        Event::Joined { id, role } => of("joined")
            .with("id", hex(id.as_bytes()))
            .with("role", role_of(*role)),
        Event::Keyed { epoch, version } => of("keyed")
            .with("epoch", hex(epoch.as_bytes()))
            .with("version", *version),
        Event::ParticipantJoined(who) => {
            of("participant_joined").with("participant", participant(who))
        }
        Event::ParticipantLeft {
            participant: who,
            reason,
        } => of("participant_left")
            .with("id", hex(who.id.as_bytes()))
            .with(
                "reason",
                reason.map(|reason| match reason {
                    Departure::Left => "left",
                    Departure::Timeout => "timeout",
                    Departure::Kicked => "kicked",
                }),
            ),
        Event::VerificationChanged => of("verification_changed"),
        Event::Message(message) => of("message")
            .with("id", hex(message.id.as_bytes()))
            .with("from", hex(message.author.id.as_bytes()))
            .with("text", message.text.as_str())
            .with("sent_at", message.sent_at.0)
            .with("burn_after_ms", message.burn_after_ms)
            .with("from_history", message.from_history),
        Event::Typing { from, typing } => of("typing")
            .with("from", hex(from.as_bytes()))
            .with("typing", *typing),
        Event::Read { by, author, id } => of("read")
            .with("by", hex(by.as_bytes()))
            .with("author", hex(author.as_bytes()))
            .with("id", hex(id.as_bytes())),
        Event::Unreadable { from, reason } => {
            of("unreadable").with("from", hex(from.as_bytes())).with(
                "reason",
                match reason {
                    Unreadable::NotKeyedYet => "not_keyed_yet",
                    _ => "unparsable",
                },
            )
        }
        Event::Missed { from, count } => of("missed")
            .with("from", hex(from.as_bytes()))
            .with("count", *count),
        Event::Countdown { seconds_remaining } => {
            of("countdown").with("seconds_remaining", *seconds_remaining)
        }
        Event::Locked { locked } => of("locked").with("locked", *locked),
        Event::Extended { seconds_remaining } => {
            of("extended").with("seconds_remaining", *seconds_remaining)
        }
        Event::LinkChanged => of("link_changed"),
        Event::LinkExpired => of("link_expired"),
        Event::HistoryRead { complete } => of("history_read").with("complete", *complete),
        Event::Reconnecting => of("reconnecting"),
        Event::Resumed => of("resumed"),
        Event::Fault { error, about } => of("fault")
            .with("code", error.code().name())
            .with("about", about.map(|id| hex(id.as_bytes()))),
        Event::Ended(reason) => of("ended").with("reason", reason.to_string()),
        other => unreachable!("no story has {other:?}"),
    }
}

/// A participant as the application sees it.
pub(crate) fn participant(who: &Participant) -> Json {
    Json::object()
        .with("id", hex(who.id.as_bytes()))
        .with("label", who.label())
        .with("role", role_of(who.role))
        .with("name_clash", who.name_clash)
        .with("me", who.me)
}

fn role_of(role: Role) -> &'static str {
    match role {
        Role::Member => "member",
        Role::Creator => "creator",
    }
}
