//! The error registry and the limits, as tables (spec sections 15 and 16).

use burnchat_core::{
    error::{Blame, Code, Effect},
    limits,
};

use crate::{
    file::{Case, File, Group},
    json::Json,
};

pub(super) fn errors() -> File {
    let cases = Code::ALL.iter().map(|code| {
        let blame = match code.blame() {
            Blame::Malformed => "malformed",
            Blame::Peer => "peer",
            Blame::Relay => "relay",
            Blame::Caller => "caller",
            Blame::Api => "api",
            Blame::Crypto => "crypto",
            _ => unreachable!(),
        };
        let effect = match code.effect() {
            Effect::None => None,
            Effect::Closes => Some("closes"),
            Effect::Retry => Some("retry"),
            Effect::Refuses => Some("refuses"),
            Effect::Rejoins => Some("rejoins"),
            Effect::Ends => Some("ends"),
            _ => unreachable!(),
        };
        Case::valid(code.name(), code.meaning())
            .put("number", code.number())
            .put("name", code.name())
            .put("blame", blame)
            .put("effect", effect)
            .put("http", code.http_status())
    });
    File::new("errors", "section 15", "The error registry as data.").group(
        Group::new("errors", "`effect` and `http` are null where there is none").cases(cases),
    )
}

pub(super) fn limits() -> File {
    let one = |id: &str, comment: &str, unit: &str, value: u64| {
        Case::valid(id, comment)
            .put("unit", unit)
            .put("value", value)
    };
    let range = |id: &str, comment: &str, unit: &str, min: u64, max: u64| {
        Case::valid(id, comment)
            .put("unit", unit)
            .put("min", min)
            .put("max", max)
    };
    let ciphertext = limits::CIPHERTEXT_BYTES;
    File::new(
        "limits",
        "sections 5 to 13 and 16",
        "The limits and times that belong to the protocol, as data.",
    )
    .group(
        Group::new("fixed", "What no relay or client chooses")
            .given("two_to_the_53", Json::from(1_u64 << 53))
            .case(one(
                "client_frame",
                "frame from a client",
                "bytes",
                limits::CLIENT_FRAME_BYTES as u64,
            ))
            .case(one(
                "relay_frame",
                "frame from a relay",
                "bytes",
                limits::RELAY_FRAME_BYTES as u64,
            ))
            .case(one(
                "frame_depth",
                "nesting of objects and arrays",
                "levels",
                limits::FRAME_DEPTH as u64,
            ))
            .case(one(
                "frame_members",
                "members of an object",
                "members",
                limits::FRAME_MEMBERS as u64,
            ))
            .case(one(
                "frame_integer",
                "greatest integer in a frame",
                "",
                limits::FRAME_INTEGER_END - 1,
            ))
            .case(one(
                "link",
                "longest link",
                "bytes",
                limits::LINK_BYTES as u64,
            ))
            .case(range(
                "ttl",
                "room's life at creation",
                "s",
                *limits::TTL_SECONDS.start(),
                *limits::TTL_SECONDS.end(),
            ))
            .case(one(
                "not_after_slack",
                "not_after past the first end",
                "s",
                limits::NOT_AFTER_SLACK_SECONDS,
            ))
            .case(range(
                "extension",
                "one extension",
                "s",
                *limits::EXTENSION_SECONDS.start(),
                *limits::EXTENSION_SECONDS.end(),
            ))
            .case(range(
                "capacity",
                "seats",
                "seats",
                (*limits::CAPACITY.start()).into(),
                (*limits::CAPACITY.end()).into(),
            ))
            .case(one(
                "default_capacity",
                "seats where the creator does not say",
                "seats",
                limits::DEFAULT_CAPACITY.into(),
            ))
            .case(one(
                "away",
                "how long a seat is kept without a connection",
                "ms",
                limits::AWAY_MILLIS,
            ))
            .case(one(
                "join_wait",
                "how long a join waits for others before a key is asked for",
                "ms",
                limits::JOIN_DEBOUNCE_MILLIS,
            ))
            .case(one(
                "asking",
                "how long one participant is asked alone",
                "ms",
                limits::NOMINATION_MILLIS,
            ))
            .case(one(
                "askings",
                "time-outs until everyone is asked",
                "participants",
                limits::NOMINATIONS_BEFORE_ALL.into(),
            ))
            .case(one(
                "overlap",
                "how long an older epoch goes on when nobody has left",
                "ms",
                limits::EPOCH_OVERLAP_MILLIS,
            ))
            .case(one(
                "overlap_at_client",
                "when a client gives an older epoch up by itself",
                "ms",
                limits::EPOCH_OVERLAP_CEILING_MILLIS,
            ))
            .case(one(
                "need_key",
                "how often need_key is sent, and first counts again",
                "ms",
                limits::NEED_KEY_MILLIS,
            ))
            .case(one(
                "need_key_most",
                "the longest time until it counts again",
                "ms",
                limits::NEED_KEY_CEILING_MILLIS,
            ))
            .case(one(
                "rekey_stalled",
                "when rekey_stalled is reported",
                "ms",
                limits::REKEY_STALLED_MILLIS,
            ))
            .case(one(
                "unkeyed_versions",
                "versions since the last keyed one, at a client",
                "versions",
                limits::UNKEYED_VERSIONS as u64,
            ))
            .case(one(
                "departed_ids",
                "departures a client remembers",
                "ids",
                limits::DEPARTED_IDS as u64,
            ))
            .case(one(
                "rejoins",
                "fresh joins in a row after forks",
                "joins",
                limits::AUTOMATIC_REJOINS.into(),
            ))
            .case(one(
                "chain",
                "n in an epoch",
                "envelopes",
                limits::ENVELOPES_PER_EPOCH,
            ))
            .case(one(
                "rekey_at",
                "n that makes the relay log rekey",
                "envelopes",
                limits::REKEY_AT_N,
            ))
            .case(range("text", "text", "bytes", 1, limits::TEXT_BYTES as u64))
            .case(range("name", "name", "bytes", 1, limits::NAME_BYTES as u64))
            .case(range(
                "ciphertext",
                "ciphertext",
                "bytes",
                *ciphertext.start() as u64,
                *ciphertext.end() as u64,
            ))
            .case(one(
                "padded",
                "shortest padded plaintext",
                "bytes",
                limits::PADDED_BYTES_MIN as u64,
            ))
            .case(range(
                "read",
                "messages one read names",
                "messages",
                1,
                limits::READ_RECEIPTS as u64,
            ))
            .case(one(
                "in_flight",
                "envelopes sent and not accepted",
                "envelopes",
                limits::IN_FLIGHT as u64,
            ))
            .case(one(
                "waiting_texts",
                "texts waiting at a client",
                "texts",
                limits::HELD_TEXTS as u64,
            ))
            .case(one(
                "remembered_ids",
                "(sender, id) remembered for each sender",
                "ids",
                limits::REMEMBERED_IDS as u64,
            ))
            .case(one(
                "remembered_senders",
                "senders whose (sender, id) are remembered",
                "senders",
                limits::REMEMBERED_SENDERS as u64,
            ))
            .case(one(
                "pin_text",
                "PIN on the wire",
                "bytes",
                limits::PIN_TEXT_BYTES as u64,
            ))
            .case(one(
                "pin",
                "symbols of a PIN",
                "symbols",
                limits::PIN_SYMBOLS as u64,
            ))
            .case(one(
                "wraps",
                "wraps of a key frame",
                "wraps",
                limits::WRAPS as u64,
            ))
            .case(one(
                "ticket_patience",
                "until ticket_wanted is sent, and until others answer it",
                "ms",
                limits::TICKET_PATIENCE_MILLIS,
            ))
            .case(one(
                "ticket_renewal",
                "until a creator that still lacks the ticket renews",
                "ms",
                limits::TICKET_RENEWAL_MILLIS,
            ))
            .case(one(
                "pin_failures_peer",
                "PIN failures of one peer in one room",
                "failures",
                limits::PIN_FAILURES_PER_PEER as u64,
            ))
            .case(one(
                "pin_window_peer",
                "the time in which they count",
                "ms",
                limits::PIN_PEER_WINDOW_MILLIS,
            ))
            .case(one(
                "pin_failures_room",
                "PIN failures in one room",
                "failures",
                limits::PIN_FAILURES_PER_ROOM as u64,
            ))
            .case(one(
                "pin_window_room",
                "the time in which they count",
                "ms",
                limits::PIN_ROOM_WINDOW_MILLIS,
            ))
            .case(one(
                "countdown",
                "countdown every so often",
                "s",
                limits::COUNTDOWN_SECONDS.0,
            ))
            .case(one(
                "countdown_last",
                "and in the last minute",
                "s",
                limits::COUNTDOWN_SECONDS.1,
            ))
            .case(one(
                "last_minute",
                "which begins so long before the end",
                "s",
                limits::COUNTDOWN_LAST_SECONDS,
            )),
    )
}
