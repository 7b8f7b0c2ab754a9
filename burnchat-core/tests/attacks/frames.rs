//! Frames that are none, to the relay and to a client: each is refused with its code, nothing moves, and people go on
//! talking.

use burnchat_core::client::{RoomSettings, Status};
use burnchat_core::error::Code;
use burnchat_core::limits;
use burnchat_core::relay::{CloseCode, PeerKey};
use burnchat_core::wire::RelayFrame;
use serde_json::json;

use super::hostile::{sent_by, sent_to};
use super::puppet::relay_frame;
use crate::harness::World;

const ANA: usize = 0;
const BEN: usize = 1;

/// A room with something in it to go on with.
fn talking(seed: u64) -> World {
    let mut world = World::new(seed);
    world.room_of(RoomSettings::default(), &["ana", "ben"]);
    world.send(BEN, "before");
    world.run_for(1_000);
    world
}

fn position(world: &World) -> String {
    let client = &world.nodes[ANA].client;
    format!(
        "{:?} {:?} {:?} {}",
        client.head(),
        client.roster_version(),
        client.participants(),
        client.is_locked()
    )
}

/// The relay refuses a frame from a newcomer and from a participant.
fn relay_refuses(world: &mut World, frame: &[u8], code: Code) {
    let before = position(world);
    let room = world.nodes[ANA].room;
    let connection = world.connect_stranger(room, PeerKey([7; 16]));
    world.send_as_stranger(connection, frame);
    let shown = String::from_utf8_lossy(&frame[..frame.len().min(200)]).into_owned();
    let told = world.told_stranger(connection);
    assert_eq!(told.len(), 1, "{shown}");
    let answer = relay_frame(&told[0]);
    assert!(
        matches!(answer, RelayFrame::Error(error) if error.code == code),
        "{shown}: {answer:?}"
    );
    assert_eq!(
        world.closed_on_stranger(connection),
        Some(CloseCode::Policy)
    );

    world.inject_to_hub(BEN, frame);
    let error = sent_to(world, BEN, "error").pop().unwrap();
    assert_eq!(error["code"], json!(code.name()), "{shown}");
    world.run_for(500);
    assert_eq!(
        world.nodes[BEN].client.status(),
        Status::Joined,
        "he resumes"
    );
    assert_eq!(position(world), before);
}

/// A client refuses a frame from the relay.
fn client_refuses(world: &mut World, frame: &[u8]) {
    let before = position(world);
    let shown = String::from_utf8_lossy(&frame[..frame.len().min(200)]).into_owned();
    let refused = world.inject_bytes(ANA, frame).unwrap_err();
    assert_eq!(refused.code(), Code::MalformedFromRelay, "{shown}");
    assert_eq!(world.nodes[ANA].client.status(), Status::Joined);
    assert_eq!(position(world), before);
}

fn assert_they_go_on(world: &mut World) {
    let heard = world.texts(ANA).len();
    world.send(BEN, "as before");
    world.send(ANA, "of course");
    world.run_for(1_000);
    assert_eq!(world.texts(ANA)[heard..], ["as before"]);
    assert_eq!(world.texts(BEN).last(), Some(&"of course"));
    assert_eq!(
        world.nodes[BEN].ids.len(),
        1,
        "and nobody had to join again"
    );
}

/// A frame of exactly this many bytes that says `inside` and pads it with a member nobody knows.
fn of_length(inside: &str, length: usize) -> Vec<u8> {
    let frame = format!("{{{inside},\"pad\":\"\"}}");
    let padding = "x".repeat(length - frame.len());
    format!("{{{inside},\"pad\":\"{padding}\"}}").into_bytes()
}

#[test]
fn oversized_frames_are_refused() {
    let mut world = talking(800);
    let need_key = r#""type":"need_key","version":1"#;
    let largest = of_length(need_key, limits::CLIENT_FRAME_BYTES);
    let errors = sent_to(&world, BEN, "error").len();
    world.inject_to_hub(BEN, &largest);
    assert_eq!(
        sent_to(&world, BEN, "error").len(),
        errors,
        "the largest is none too large"
    );
    let larger = of_length(need_key, limits::CLIENT_FRAME_BYTES + 1);
    relay_refuses(&mut world, &larger, Code::FrameTooLarge);

    let countdown = r#""type":"countdown","seconds_remaining":500"#;
    world
        .inject_bytes(ANA, &of_length(countdown, limits::RELAY_FRAME_BYTES))
        .unwrap();
    client_refuses(
        &mut world,
        &of_length(countdown, limits::RELAY_FRAME_BYTES + 1),
    );
    assert_they_go_on(&mut world);
}

#[test]
fn truncated_frames_are_refused() {
    let mut world = talking(801);
    let whole = sent_by(&world, BEN, "message").pop().unwrap().to_string();
    for cut in (0..whole.len()).step_by(37).chain([whole.len() - 1]) {
        relay_refuses(&mut world, &whole.as_bytes()[..cut], Code::MalformedFrame);
    }
    for frame in world.nodes[ANA].frames.clone() {
        for cut in 0..frame.len() {
            client_refuses(&mut world, &frame.as_bytes()[..cut]);
        }
    }
    assert_they_go_on(&mut world);
}

#[test]
fn frames_with_a_repeated_key_are_refused() {
    let mut world = talking(802);
    for frame in [
        r#"{"type":"lock","locked":true,"locked":false}"#,
        r#"{"type":"lock","type":"burn","locked":true}"#,
        r#"{"type":"burn","\u0074ype":"burn"}"#,
        r#"{"type":"need_key","version":1,"unknown":1,"unknown":1}"#,
        r#"{"type":"need_key","version":1,"unknown":{"a":[{"b":1,"b":1}]}}"#,
    ] {
        relay_refuses(&mut world, frame.as_bytes(), Code::DuplicateKey);
    }
    for frame in [
        r#"{"type":"countdown","seconds_remaining":500,"seconds_remaining":5}"#,
        r#"{"type":"countdown","type":"destroyed","reason":"burned","seconds_remaining":5}"#,
        r#"{"type":"destroyed","reason":"burned","reason":"burned"}"#,
        r#"{"type":"countdown","seconds_remaining":5,"unknown":{"a":1,"a":1}}"#,
    ] {
        client_refuses(&mut world, frame.as_bytes());
    }
    assert_they_go_on(&mut world);
}

#[test]
fn frames_of_a_wrong_type_are_refused() {
    let mut world = talking(803);
    let id = world.id(ANA).to_base64();
    let good = sent_by(&world, BEN, "message").pop().unwrap();
    let with = |member: &str, value: serde_json::Value| {
        let mut frame = good.clone();
        frame[member] = value;
        frame.to_string()
    };
    let mut frames: Vec<String> = [
        "null",
        "7",
        "\"burn\"",
        "[]",
        "{}",
        "[{\"type\":\"burn\"}]",
        "burn",
        "{\"type\":\"burn\"}x",
        r#"{"type":7}"#,
        r#"{"type":null}"#,
        r#"{"type":["burn"]}"#,
        r#"{"type":"lock"}"#,
        r#"{"type":"lock","locked":1}"#,
        r#"{"type":"lock","locked":"true"}"#,
        r#"{"type":"lock","locked":null}"#,
        r#"{"type":"need_key","version":-1}"#,
        r#"{"type":"need_key","version":1.0}"#,
        r#"{"type":"need_key","version":1e0}"#,
        r#"{"type":"need_key","version":"1"}"#,
        r#"{"type":"need_key","version":9007199254740992}"#,
        r#"{"type":"need_key","version":99999999999999999999999}"#,
        r#"{"type":"need_key","version":01}"#,
        r#"{"type":"need_key","version":NaN}"#,
        r#"{"type":"kick","id":5}"#,
        r#"{"type":"kick","id":""}"#,
    ]
    .map(str::to_owned)
    .to_vec();
    frames.extend([
        format!(r#"{{"type":"kick","id":"{id}=="}}"#),
        format!(r#"{{"type":"kick","id":"{id}A"}}"#),
        format!(r#"{{"type":"kick","id":" {id}"}}"#),
        // The last two bits of 16 bytes are not there to be set.
        format!(r#"{{"type":"kick","id":"{}B"}}"#, &id[..21]),
        format!(r#"{{"type":"kick","id":"{}+"}}"#, &id[..21]),
        with("n", json!(8_192)),
        with("n", json!(null)),
        with("flags", json!(256)),
        with("flags", json!(-1)),
        with("iv", json!("AAAA")),
        with("sig", json!([])),
        with("epoch", json!({})),
        with("ciphertext", json!("AAAA")),
        with("ciphertext", json!("A".repeat(60_004))),
        r#"{"type":"session_key","version":1,"wraps":{}}"#.to_owned(),
    ]);
    for frame in &frames {
        relay_refuses(&mut world, frame.as_bytes(), Code::MalformedFrame);
    }
    relay_refuses(&mut world, br#"{"type":"joined"}"#, Code::UnknownType);
    relay_refuses(&mut world, br#"{"type":"Burn"}"#, Code::UnknownType);

    let message = sent_to(&world, ANA, "message").pop().unwrap();
    for (member, value) in [
        ("seq", json!("5")),
        ("seq", json!(-1)),
        ("seq", json!(9_007_199_254_740_992_u64)),
        ("sender", json!(1)),
        ("sender", json!(null)),
        ("n", json!(8_192)),
        ("ciphertext", json!("")),
        ("sig", json!("A".repeat(85))),
    ] {
        let mut frame = message.clone();
        frame[member] = value;
        client_refuses(&mut world, frame.to_string().as_bytes());
    }
    for frame in [
        r#"{"type":"destroyed","reason":"boredom"}"#,
        r#"{"type":"destroyed"}"#,
        r#"{"type":"error","code":5}"#,
        r#"{"type":"countdown","seconds_remaining":5.0}"#,
        "[]",
        "destroyed",
    ] {
        client_refuses(&mut world, frame.as_bytes());
    }
    // What a later relay may say is not an error.
    world.inject(ANA, r#"{"type":"confetti"}"#).unwrap();
    assert_they_go_on(&mut world);
}

#[test]
fn deeply_nested_frames_are_refused() {
    let mut world = talking(804);
    let nested = |inside: &str, depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        format!("{{{inside},\"unknown\":{open}{close}}}")
    };
    let members = |inside: &str, count: usize| {
        let more: String = (0..count).map(|place| format!(",\"m{place}\":0")).collect();
        format!("{{{inside}{more}}}")
    };
    let (up, down) = (
        r#""type":"need_key","version":1"#,
        r#""type":"countdown","seconds_remaining":500"#,
    );
    let errors = sent_to(&world, BEN, "error").len();
    for good in [nested(up, 3), members(up, 62)] {
        world.inject_to_hub(BEN, good.as_bytes());
    }
    assert_eq!(sent_to(&world, BEN, "error").len(), errors);
    for bad in [
        nested(up, 4),
        nested(up, 30_000),
        members(up, 63),
        "[".repeat(60_000),
    ] {
        relay_refuses(&mut world, bad.as_bytes(), Code::MalformedFrame);
    }
    for good in [nested(down, 3), members(down, 62)] {
        world.inject(ANA, &good).unwrap();
    }
    for bad in [
        nested(down, 4),
        nested(down, 500_000),
        members(down, 63),
        "[".repeat(1_000_000),
    ] {
        client_refuses(&mut world, bad.as_bytes());
    }
    assert_they_go_on(&mut world);
}

#[test]
fn frames_that_are_not_utf8_are_refused() {
    let mut world = talking(805);
    let bad: [&[u8]; 6] = [
        b"\xff",
        b"\xef\xbb\xbf\xff",
        b"{\"type\":\"burn\xff\"}",
        b"{\"type\":\"burn\",\"x\":\"\xc0\xaf\"}",
        b"{\"type\":\"burn\",\"x\":\"\xed\xa0\x80\"}",
        // How a driver hands in a binary message.
        b"",
    ];
    for frame in bad {
        relay_refuses(&mut world, frame, Code::MalformedFrame);
        client_refuses(&mut world, frame);
    }
    assert_they_go_on(&mut world);
}
