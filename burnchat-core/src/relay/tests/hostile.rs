//! What no client sends.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use rand_core::Rng;

use super::world::{World, peer};
use crate::crypto::test_rng::Seeded;
use crate::relay::{ConnectionId, Disconnect};

const REFUSED: &str = "closed 1008";

#[test]
fn bytes_that_are_no_frame_close_the_connection_and_keep_the_seat() {
    let deep = format!(r#"{{"type":"burn","x":{}}}"#, "[".repeat(60_000));
    let long = " ".repeat(65_537);
    for (bytes, code) in [
        (&b""[..], "malformed_frame"),
        (b"\xff\xfe", "malformed_frame"),
        (b"null", "malformed_frame"),
        (b"{}", "malformed_frame"),
        (br#"{"type":"dance"}"#, "unknown_type"),
        (br#"{"type":"lock"}"#, "malformed_frame"),
        (br#"{"type":"lock","locked":1}"#, "malformed_frame"),
        (
            br#"{"type":"lock","locked":true,"locked":true}"#,
            "duplicate_key",
        ),
        (
            br#"{"type":"extend","seconds":1e3,"after":0}"#,
            "malformed_frame",
        ),
        (
            br#"{"type":"extend","seconds":9007199254740992,"after":0}"#,
            "malformed_frame",
        ),
        (
            br#"{"type":"key_declined","version":-1}"#,
            "malformed_frame",
        ),
        (
            br#"{"type":"resume","seat_token":"AA","seq":0}"#,
            "malformed_frame",
        ),
        (deep.as_bytes(), "malformed_frame"),
        (long.as_bytes(), "frame_too_large"),
    ] {
        let mut world = World::new();
        world.keyed_pair();
        world.send_bytes("ben", bytes);
        assert_eq!(world.hears("ben"), [&format!("error {code}"), REFUSED]);
        assert_eq!(world.hub.stats().participants, 2);
        world.resume("ben");
        assert_eq!(world.hears("ben"), ["resumed"]);
        assert!(world.hears("ana").is_empty());
    }
}

#[test]
fn a_connection_begins_with_a_join_or_a_resume_and_has_one() {
    let mut world = World::new();
    world.keyed_pair();
    world.connect("cleo");
    world.lock("cleo", true);
    assert_eq!(world.hears("cleo"), ["error unexpected_frame", REFUSED]);
    let frame = crate::wire::ClientFrame::Resume(crate::wire::Resume {
        seat_token: world.token("ben"),
        seq: 0,
    });
    world.send("ben", &frame);
    assert_eq!(world.hears("ben"), ["error unexpected_frame", REFUSED]);
    world.pass(20_000);
    assert_eq!(world.hub.stats().connections, 1);
}

#[test]
fn connections_the_hub_does_not_know_are_ignored() {
    let mut world = World::new();
    world.keyed_pair();
    let stranger = ConnectionId(99);
    world
        .hub
        .handle_disconnect(world.now, stranger, Disconnect::Clean);
    world
        .hub
        .handle_frame(world.now, stranger, b"{}", &mut Seeded::new(1));
    assert!(world.hub.poll_output().is_none());
    // A number used twice: the connection that had it is broken.
    let ben = world.person("ben").connection;
    world
        .hub
        .handle_connect(world.now, ben, peer(1), world.room);
    world.pass(30_000);
    assert_eq!(world.hears_besides_ticks("ana"), ["-ben timeout"]);
}

#[test]
fn answers_nobody_asked_for_change_nothing() {
    let mut world = World::new();
    world.keyed_pair();
    let version = world.person("ben").version;
    world.decline("ben");
    world.answer("ben");
    for version in [0, version + 1, u64::MAX >> 11] {
        world.send_bytes(
            "ben",
            format!(r#"{{"type":"key_declined","version":{version}}}"#).as_bytes(),
        );
        world.need_key("ben", version);
    }
    assert!(world.hears("ben").is_empty());
    assert!(world.hears("ana").is_empty());
}

/// Frames made of the pieces of good ones, thrown at the hub by those with and without a seat.
#[test]
fn noise_never_panics_and_never_reaches_the_others() {
    let pieces = [
        r#"{"type":"message","epoch":"#,
        r#"{"type":"kick","id":"#,
        r#"{"type":"session_key","wraps":"#,
        r#""AAAAAAAAAAAAAAAAAAAAAA""#,
        r#""A""#,
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "null",
        "0",
        "-1",
        "1e9",
        r#""n":8192"#,
        r#""version":18446744073709551615"#,
        "\u{0}",
        "\u{fffd}",
        " ",
        r#""type":"burn""#,
    ];
    let mut rng = Seeded::new(7);
    let mut world = World::new();
    world.keyed_pair();
    for _ in 0..300 {
        let count = 1 + rng.next_u32() % 12;
        let text: String = (0..count)
            .map(|_| pieces[rng.next_u32() as usize % pieces.len()])
            .collect();
        let mut bytes = text.into_bytes();
        if rng.next_u32().is_multiple_of(4) {
            let place = rng.next_u32() as usize % bytes.len();
            bytes[place] = 0xff;
        }
        world.connect("eve");
        world.send_bytes("eve", &bytes);
        world.send_bytes("ben", &bytes);
        world.resume("ben");
        world.pass(100);
    }
    let heard = world.hears_besides_ticks("ana");
    assert_eq!(heard, Vec::<String>::new());
}

#[test]
fn a_large_hostile_frame_is_refused_quickly() {
    // A test of order, not of a machine: as many objects as fit cost a few passes over 64 KiB.
    let objects = vec![r#"{"a":0}"#; 8_000].join(",");
    let members: Vec<_> = (0..5_000).map(|i| format!(r#""m{i}":0"#)).collect();
    let mut world = World::new();
    for text in [
        format!(r#"{{"type":"session_key","wraps":[{objects}]}}"#),
        format!(r#"{{{}}}"#, members.join(",")),
        format!(r#"{{"type":"{}"}}"#, "x".repeat(65_000)),
    ] {
        world.connect("eve");
        world.send_bytes("eve", text.as_bytes());
        assert_eq!(world.hears("eve").last().unwrap(), REFUSED);
    }
}

#[test]
fn a_hub_goes_where_its_driver_goes() {
    fn is_send<T: Send + 'static>(_: &T) {}
    is_send(&World::new().hub);
}

#[test]
fn nothing_that_names_anything_is_printed() {
    let world = World::new();
    let kept = world.hub.stats().kept_bytes;
    assert_eq!(
        format!("{:?}", world.hub),
        format!("Hub(Stats {{ rooms: 1, connections: 0, participants: 0, kept_bytes: {kept} }})")
    );
    assert_eq!(format!("{:?}", peer(7)), "PeerKey(..)");
}
