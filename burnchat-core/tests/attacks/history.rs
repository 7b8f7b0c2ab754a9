//! The relay tampers with what it kept for newcomers.

use burnchat_core::client::{Event, RoomSettings, Status};
use burnchat_core::error::Code;
use serde_json::Value;

use super::hostile::type_of;
use crate::harness::World;

const ANA: usize = 0;
const CLEO: usize = 2;

/// A history room in which Ana has said three things, and Cleo, whom the relay shows that past through `alter`.
fn newcomer(seed: u64, alter: impl Fn(&mut Value) -> bool + 'static) -> World {
    let mut world = World::new(seed);
    let settings = RoomSettings {
        history: true,
        ..RoomSettings::default()
    };
    let room = world.room_of(settings, &["ana", "ben"]);
    for text in ["one", "two", "three"] {
        world.send(ANA, text);
        world.run_for(500);
    }
    world.tamper(move |node, frame| {
        let mut told: Value = serde_json::from_str(frame).unwrap();
        let kept = node != CLEO || alter(&mut told);
        kept.then(|| told.to_string()).into_iter().collect()
    });
    world.join(&room, "cleo");
    world.run_for(2_000);
    world.stop_tampering();
    world.send(ANA, "four");
    world.run_for(1_000);
    assert_eq!(world.nodes[CLEO].client.status(), Status::Joined);
    assert_eq!(
        world.texts(CLEO).last(),
        Some(&"four"),
        "what comes next is untouched"
    );
    world
}

fn is_message(frame: &Value, n: u64) -> bool {
    type_of(frame) == "message" && frame["n"] == n
}

fn missed(world: &World) -> u64 {
    let missed = |event: &Event| match event {
        Event::Missed { count, .. } => *count,
        _ => 0,
    };
    world.nodes[CLEO].events.iter().map(missed).sum()
}

fn says_complete(world: &World) -> bool {
    world.has_event(CLEO, |event| {
        matches!(event, Event::HistoryRead { complete: true })
    })
}

#[test]
fn a_message_dropped_from_the_history_shows() {
    let honest = newcomer(900, |_| true);
    assert_eq!(honest.texts(CLEO), ["one", "two", "three", "four"]);
    assert_eq!((missed(&honest), says_complete(&honest)), (0, true));

    let in_the_middle = newcomer(901, |frame| !is_message(frame, 1));
    assert_eq!(in_the_middle.texts(CLEO), ["one", "three", "four"]);
    assert_eq!(missed(&in_the_middle), 1);

    let at_the_end = newcomer(902, |frame| !is_message(frame, 2));
    assert_eq!(at_the_end.texts(CLEO), ["one", "two", "four"]);
    assert_eq!(missed(&at_the_end), 1, "Ana's next tells of it");
}

#[test]
fn a_message_altered_in_the_history_is_refused() {
    let world = newcomer(903, |frame| {
        if is_message(frame, 1) {
            frame["flags"] = 1.into();
        }
        true
    });
    assert_eq!(world.texts(CLEO), ["one", "three", "four"]);
    assert!(world.has_fault(CLEO, Code::BadEnvelopeSignature));
    assert!(!says_complete(&world));
}

#[test]
fn a_history_with_another_roster_or_key_is_unavailable() {
    type Lie = fn(&mut Value) -> bool;
    let lies: [(&str, Lie); 4] = [
        ("somebody who was there is left out", |frame| {
            let bens = type_of(frame) == "participant_joined" && frame["version"] == 2;
            !bens
        }),
        ("a key frame is left out", |frame| {
            !(type_of(frame) == "session_key" && frame["version"] == 2)
        }),
        ("a key frame commits to another key", |frame| {
            if type_of(frame) == "session_key" && frame["version"] == 2 {
                frame["commit"] = "A".repeat(43).into();
            }
            true
        }),
        ("the way back leads nowhere", |frame| {
            if type_of(frame) == "session_key" && frame["version"] == 3 {
                frame["back"]["wrapped"] = "A".repeat(54).into();
            }
            true
        }),
    ];
    for (what, lie) in lies {
        let world = newcomer(904, lie);
        assert_eq!(world.texts(CLEO), ["four"], "{what}");
        assert!(world.has_fault(CLEO, Code::HistoryUnavailable), "{what}");
        assert!(!says_complete(&world), "{what}");
    }
}
