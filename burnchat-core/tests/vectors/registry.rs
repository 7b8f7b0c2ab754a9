use burnchat_core::{error::Code, limits};

use super::read::{each, same};

#[test]
fn errors() {
    let mut seen = 0;
    each("errors", &[("errors", 70)], |_, case| {
        let code = Code::from_name(case.text("name")).ok_or("no such code")?;
        seen += 1;
        same("number", u64::from(code.number()), case.number("number"))?;
        let blame = format!("{:?}", code.blame()).to_lowercase();
        same("blame", blame.as_str(), case.text("blame"))?;
        let effect = format!("{:?}", code.effect()).to_lowercase();
        same(
            "effect",
            effect.as_str(),
            case.value("effect").as_str().unwrap_or("none"),
        )?;
        let http = case.value("http").as_u64();
        same("http", code.http_status().map(u64::from), http)
    });
    assert_eq!(seen, Code::ALL.len());
}

#[test]
fn fixed_limits() {
    each("limits", &[("fixed", 46)], |_, case| {
        let id = case.text("id").rsplit('/').next().unwrap();
        let (min, max) = limit(id).ok_or("no such limit")?;
        match case.get("value") {
            Some(value) => same("value", (min, Some(max)), (None, value.as_u64())),
            None => {
                let written = (Some(case.number("min")), case.number("max"));
                same("range", (min, max), written)
            }
        }
    });
}

/// The limit of this id: its least value, if it has one, and its greatest.
fn limit(id: &str) -> Option<(Option<u64>, u64)> {
    let bytes = |value: usize| (None, value as u64);
    let one = |value: u64| (None, value);
    Some(match id {
        "client_frame" => bytes(limits::CLIENT_FRAME_BYTES),
        "relay_frame" => bytes(limits::RELAY_FRAME_BYTES),
        "frame_depth" => bytes(limits::FRAME_DEPTH),
        "frame_members" => bytes(limits::FRAME_MEMBERS),
        "frame_integer" => one(limits::FRAME_INTEGER_END - 1),
        "link" => bytes(limits::LINK_BYTES),
        "ttl" => (
            Some(*limits::TTL_SECONDS.start()),
            *limits::TTL_SECONDS.end(),
        ),
        "not_after_slack" => one(limits::NOT_AFTER_SLACK_SECONDS),
        "extension" => (
            Some(*limits::EXTENSION_SECONDS.start()),
            *limits::EXTENSION_SECONDS.end(),
        ),
        "capacity" => (
            Some((*limits::CAPACITY.start()).into()),
            (*limits::CAPACITY.end()).into(),
        ),
        "default_capacity" => one(limits::DEFAULT_CAPACITY.into()),
        "away" => one(limits::AWAY_MILLIS),
        "join_wait" => one(limits::JOIN_DEBOUNCE_MILLIS),
        "asking" => one(limits::NOMINATION_MILLIS),
        "askings" => one(limits::NOMINATIONS_BEFORE_ALL.into()),
        "overlap" => one(limits::EPOCH_OVERLAP_MILLIS),
        "overlap_at_client" => one(limits::EPOCH_OVERLAP_CEILING_MILLIS),
        "need_key" => one(limits::NEED_KEY_MILLIS),
        "need_key_most" => one(limits::NEED_KEY_CEILING_MILLIS),
        "rekey_stalled" => one(limits::REKEY_STALLED_MILLIS),
        "unkeyed_versions" => bytes(limits::UNKEYED_VERSIONS),
        "departed_ids" => bytes(limits::DEPARTED_IDS),
        "rejoins" => one(limits::AUTOMATIC_REJOINS.into()),
        "chain" => one(limits::ENVELOPES_PER_EPOCH),
        "rekey_at" => one(limits::REKEY_AT_N),
        "text" => (Some(1), limits::TEXT_BYTES as u64),
        "name" => (Some(1), limits::NAME_BYTES as u64),
        "ciphertext" => (
            Some(*limits::CIPHERTEXT_BYTES.start() as u64),
            *limits::CIPHERTEXT_BYTES.end() as u64,
        ),
        "padded" => bytes(limits::PADDED_BYTES_MIN),
        "read" => (Some(1), limits::READ_RECEIPTS as u64),
        "in_flight" => bytes(limits::IN_FLIGHT),
        "waiting_texts" => bytes(limits::HELD_TEXTS),
        "remembered_ids" => bytes(limits::REMEMBERED_IDS),
        "remembered_senders" => bytes(limits::REMEMBERED_SENDERS),
        "pin_text" => bytes(limits::PIN_TEXT_BYTES),
        "pin" => bytes(limits::PIN_SYMBOLS),
        "wraps" => bytes(limits::WRAPS),
        "ticket_patience" => one(limits::TICKET_PATIENCE_MILLIS),
        "ticket_renewal" => one(limits::TICKET_RENEWAL_MILLIS),
        "pin_failures_peer" => bytes(limits::PIN_FAILURES_PER_PEER),
        "pin_window_peer" => one(limits::PIN_PEER_WINDOW_MILLIS),
        "pin_failures_room" => bytes(limits::PIN_FAILURES_PER_ROOM),
        "pin_window_room" => one(limits::PIN_ROOM_WINDOW_MILLIS),
        "countdown" => one(limits::COUNTDOWN_SECONDS.0),
        "countdown_last" => one(limits::COUNTDOWN_SECONDS.1),
        "last_minute" => one(limits::COUNTDOWN_LAST_SECONDS),
        _ => return None,
    })
}
