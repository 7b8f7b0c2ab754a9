//! What comes out of the machine, as plain objects with a tag.

use alloc::string::ToString;

use burnchat_core::client::{BurnKind, EndReason, Event, Output, Participant, Refusal, Unreadable};
use burnchat_core::crypto::{VerificationCode, tag};
use burnchat_core::wire::{Departure, Role, WhoMayBurn};
use js_sys::{Array, Object};
use wasm_bindgen::JsValue;

use crate::plain::{Plain, number};

/// `Output` of the types.
pub(crate) fn output(output: Output) -> Object {
    match output {
        Output::Connect => Plain::tagged("connect"),
        Output::Send(frame) => Plain::tagged("send").put("frame", frame.as_str()),
        Output::Close(code) => Plain::tagged("close").put("code", code),
        Output::Event(event) => Plain::tagged("event").put("event", told(&event)),
        // What a newer machine asks for and this package can't say.
        _ => Plain::tagged("event").put("event", Plain::tagged("other")),
    }
    .into()
}

/// `Event` of the types.
fn told(event: &Event) -> Plain {
    match event {
        Event::Joined { id, role: mine } => Plain::tagged("joined")
            .put("id", id.to_base64())
            .put("role", role(*mine)),
        Event::Keyed { epoch, version } => Plain::tagged("keyed")
            .put("epoch", epoch.to_base64())
            .put("version", number(*version)),
        Event::RekeyStalled => Plain::tagged("rekeyStalled"),
        Event::ParticipantJoined(who) => {
            Plain::tagged("participantJoined").put("participant", participant(who))
        }
        Event::ParticipantLeft {
            participant: who,
            reason,
        } => Plain::tagged("participantLeft")
            .put("participant", participant(who))
            .put("reason", departure(*reason)),
        Event::VerificationChanged => Plain::tagged("verificationChanged"),
        Event::Message(message) => Plain::tagged("message")
            .put("id", message.id.to_base64())
            .put("author", participant(&message.author))
            .put("text", message.text.as_str())
            .put("sentAtMs", number(message.sent_at.0))
            .put("burnAfterMs", message.burn_after_ms)
            .put("history", message.from_history),
        Event::Accepted { id } => Plain::tagged("accepted").put("id", id.to_base64()),
        Event::Unsent { id, text } => Plain::tagged("unsent")
            .put("id", id.to_base64())
            .put("text", text.as_str()),
        Event::Unknown { id, text } => Plain::tagged("unknown")
            .put("id", id.to_base64())
            .put("text", text.as_str()),
        Event::Read { by, author, id } => Plain::tagged("read")
            .put("by", by.to_base64())
            .put("author", author.to_base64())
            .put("id", id.to_base64()),
        Event::Typing { from, typing } => Plain::tagged("typing")
            .put("from", from.to_base64())
            .put("typing", *typing),
        Event::MessageBurned { author, id } => Plain::tagged("messageBurned")
            .put("author", author.to_base64())
            .put("id", id.to_base64()),
        Event::Unreadable { from, reason } => Plain::tagged("unreadable")
            .put("from", from.to_base64())
            .put("reason", unreadable(*reason)),
        Event::Missed { from, count } => Plain::tagged("missed")
            .put("from", from.to_base64())
            .put("count", number(*count)),
        _ => told_of_the_room(event),
    }
}

/// Those that are not about people and their texts.
fn told_of_the_room(event: &Event) -> Plain {
    match event {
        Event::Countdown { seconds_remaining } => {
            Plain::tagged("countdown").put("secondsRemaining", number(*seconds_remaining))
        }
        Event::Locked { locked } => Plain::tagged("locked").put("locked", *locked),
        Event::Extended { seconds_remaining } => {
            Plain::tagged("extended").put("secondsRemaining", number(*seconds_remaining))
        }
        Event::LinkChanged => Plain::tagged("linkChanged"),
        Event::LinkExpired => Plain::tagged("linkExpired"),
        Event::HistoryRead { complete } => Plain::tagged("historyRead").put("complete", *complete),
        Event::Reconnecting => Plain::tagged("reconnecting"),
        Event::Resumed => Plain::tagged("resumed"),
        Event::Rejoining { code } => Plain::tagged("rejoining").code(*code),
        Event::Fault { error, about } => Plain::tagged("fault").code(error.code()).put(
            "about",
            about.map_or(JsValue::NULL, |id| id.to_base64().into()),
        ),
        Event::Refused(refusal) => refused(Plain::tagged("refused"), refusal),
        Event::Ended(reason) => ended(reason),
        // An event that this package has no words for yet.
        _ => Plain::tagged("other"),
    }
}

fn refused(plain: Plain, refusal: &Refusal) -> Plain {
    plain
        .code(refusal.code)
        .number_or_null("retryAfterMs", refusal.retry_after_ms)
        .number_or_null("attemptsLeft", refusal.attempts_left)
}

fn ended(reason: &EndReason) -> Plain {
    let plain = Plain::tagged("ended").put("reason", end_reason(reason));
    match reason {
        EndReason::Refused(refusal) => refused(plain, refusal),
        EndReason::Failed(error) => plain.code(error.code()),
        _ => plain,
    }
}

/// Why it ended, in a word.
pub(crate) fn end_reason(reason: &EndReason) -> &'static str {
    match reason {
        EndReason::Burned(BurnKind::Expired) | EndReason::LocalBurn => "expired",
        EndReason::Burned(BurnKind::Asked) => "burned",
        EndReason::Burned(BurnKind::Shutdown) => "shutdown",
        EndReason::Kicked => "kicked",
        EndReason::Left => "left",
        EndReason::Refused(_) => "refused",
        _ => "failed",
    }
}

/// `Participant` of the types.
pub(crate) fn participant(who: &Participant) -> Plain {
    let name = who.name.as_ref();
    Plain::default()
        .put("id", who.id.to_base64())
        .put(
            "name",
            name.map_or(JsValue::NULL, |name| name.as_str().into()),
        )
        .put("number", number(who.number))
        .put("tag", tag(&who.id))
        .put("label", who.label())
        .put("role", role(who.role))
        .put("verified", who.is_verified())
        .put("clash", who.name_clash)
        .put("self", who.me)
}

/// `Verification` of the types.
pub(crate) fn verification(codes: &VerificationCode) -> Object {
    let emoji: Array = codes
        .emoji()
        .iter()
        .map(|emoji| {
            let shown = Plain::default().put("symbol", emoji.symbol.to_string());
            JsValue::from(shown.put("name", emoji.name))
        })
        .collect();
    Plain::default()
        .put("shortCode", codes.short_code())
        .put("emoji", emoji)
        .put("safetyNumber", codes.safety_number())
        .put("qrText", codes.qr_text())
        .into()
}

pub(crate) fn role(role: Role) -> &'static str {
    match role {
        Role::Member => "member",
        Role::Creator => "creator",
    }
}

pub(crate) fn who_may_burn(who: WhoMayBurn) -> &'static str {
    match who {
        WhoMayBurn::Creator => "creator",
        WhoMayBurn::Anyone => "anyone",
    }
}

fn departure(reason: Option<Departure>) -> &'static str {
    match reason {
        Some(Departure::Left) => "left",
        Some(Departure::Timeout) => "timeout",
        Some(Departure::Kicked) => "kicked",
        None => "replaced",
    }
}

fn unreadable(reason: Unreadable) -> &'static str {
    match reason {
        Unreadable::NotKeyedYet => "notKeyedYet",
        // The enum may grow; what it grows by does not parse for whoever uses this version.
        _ => "unparsable",
    }
}
