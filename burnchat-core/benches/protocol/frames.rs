//! Frames of 64 KiB that are refused: none may take a millisecond.

use std::time::Duration;

use burnchat_core::ids::RoomId;
use burnchat_core::limits::CLIENT_FRAME_BYTES;
use burnchat_core::link::Link;
use burnchat_core::relay::{Disconnect, Output};

use crate::measure::{Bench, Report, timed};
use crate::room::{Relay, is};

pub(crate) fn measure(report: &mut Report) {
    let mut relay = Relay::new();
    let link = Link::parse(&relay.create()).unwrap();
    for (name, frame) in hostile() {
        assert!(frame.len() > CLIENT_FRAME_BYTES * 9 / 10, "{name}");
        let bench = Bench::new(format!("refuse 64 KiB: {name}"), || {
            refuse(&mut relay, link.room_id(), &frame)
        });
        report.run(bench.at_most(Duration::from_millis(1)));
    }
}

/// As the first frame of a connection; it is the last as well.
fn refuse(relay: &mut Relay, room: RoomId, frame: &[u8]) -> Duration {
    let (connection, peer) = relay.next_connection();
    let Relay { hub, now, rng, .. } = relay;
    hub.handle_connect(*now, connection, peer, room);
    let ((), took) = timed(|| hub.handle_frame(*now, connection, frame, rng));
    let Some(Output::Send { frame, .. }) = hub.poll_output() else {
        panic!("it is not refused");
    };
    assert!(is(&frame, "error"));
    while hub.poll_output().is_some() {}
    hub.handle_disconnect(*now, connection, Disconnect::Broken);
    took
}

fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let mut not_text = message_with("\"x\":\"", "x", "\"}");
    *not_text.last_mut().unwrap() = 0xff;
    // 64 names of one byte in no order; a backslash would be an escape.
    let names = (0_u8..64)
        .map(|i| b'#' + i.wrapping_mul(27) % 64)
        .map(|byte| if byte < b'\\' { byte } else { byte + 1 });
    let members: Vec<String> = names
        .map(|byte| format!("\"{}\":0", char::from(byte)))
        .collect();
    let object = format!("{{{}}},", members.join(","));
    let last_bits = "A".repeat(59_999) + "B";
    let text = format!("\"ciphertext\":\"{last_bits}\",\"x\":\"");
    let wrap = format!(
        "{{\"id\":\"{}\",\"wrapped\":\"{}\"}},",
        "A".repeat(22),
        "A".repeat(54) + "A"
    );
    vec![
        ("one byte too many", vec![b' '; CLIENT_FRAME_BYTES + 1]),
        ("not UTF-8 at the end", not_text),
        ("brackets", vec![b'['; CLIENT_FRAME_BYTES]),
        ("brackets in a member", message_with("\"x\":", "[", "")),
        ("small numbers", message_with("\"x\":[0", ",0", "]}")),
        (
            "one number of many digits",
            message_with("\"x\":", "7", "}"),
        ),
        (
            "numbers with exponents",
            message_with("\"x\":[0", ",1e-300", "]}"),
        ),
        (
            "objects of 64 members",
            message_with("\"x\":[", &object, "0]}"),
        ),
        (
            "objects without members",
            message_with("\"x\":[0", ",{}", "]}"),
        ),
        (
            "escapes in a string",
            message_with("\"x\":\"", "\\u0041", "\"}"),
        ),
        (
            "escapes in a ciphertext",
            message_with("\"ciphertext\":\"", "\\u0041", "\"}"),
        ),
        (
            "a ciphertext with wrong last bits",
            message_with(&text, "x", "\"}"),
        ),
        (
            "wraps for too many",
            frame_with("session_key", "\"wraps\":[", &wrap, "0]}"),
        ),
        (
            "a key repeated behind a long string",
            message_with("\"x\":\"", "x", "\",\"x\":0}"),
        ),
    ]
}

fn message_with(start: &str, repeated: &str, end: &str) -> Vec<u8> {
    frame_with("message", start, repeated, end)
}

/// A frame of this type, as full of `repeated` as fits.
fn frame_with(frame_type: &str, start: &str, repeated: &str, end: &str) -> Vec<u8> {
    let mut frame = format!("{{\"type\":\"{frame_type}\",{start}");
    let times = (CLIENT_FRAME_BYTES - frame.len() - end.len()) / repeated.len();
    frame.push_str(&repeated.repeat(times));
    frame.push_str(end);
    frame.into_bytes()
}
