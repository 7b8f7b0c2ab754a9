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
    let lies: [(&str, Lie); 5] = [
        ("a key frame is not its steward's", |frame| {
            if type_of(frame) == "session_key" && frame["version"] == 2 {
                let other = frame["sig"].as_str().unwrap().chars().rev();
                frame["sig"] = format!("{}A", other.skip(1).collect::<String>()).into();
            }
            true
        }),
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

/// A history room in which Ben has said something and left; what a newcomer is told of it goes through `retell`, whole.
fn told_to_a_newcomer(retell: impl Fn(Vec<Value>) -> Vec<Value> + 'static) -> (World, usize) {
    let mut world = World::new(905);
    let settings = RoomSettings {
        history: true,
        ..RoomSettings::default()
    };
    let room = world.room_of(settings, &["ana", "ben"]);
    world.send(1, "ben was here");
    world.run_for(500);
    world.act(1, |client, now, _| client.leave(now));
    world.run_for(2_000);
    let mut past: Option<Vec<Value>> = None;
    world.tamper(move |node, frame| {
        let told: Value = serde_json::from_str(frame).unwrap();
        if node == CLEO && type_of(&told) == "joined" {
            past = Some(Vec::new());
            return vec![told.to_string()];
        }
        if node == CLEO && type_of(&told) == "history_end" {
            let mut frames = retell(past.take().unwrap());
            frames.push(told);
            return frames.iter().map(Value::to_string).collect();
        }
        match past.as_mut().filter(|_| node == CLEO) {
            Some(past) => past.push(told),
            None => return vec![told.to_string()],
        }
        Vec::new()
    });
    let cleo = world.join(&room, "cleo");
    world.run_for(2_000);
    (world, cleo)
}

#[test]
fn what_a_relay_shows_of_one_after_it_had_left_is_not_read() {
    let (honest, cleo) = told_to_a_newcomer(|past| past);
    assert_eq!(honest.texts(cleo), ["ben was here"]);
    assert!(says_complete(&honest));

    let (world, cleo) = told_to_a_newcomer(|mut past| {
        let said = past.iter().position(|frame| type_of(frame) == "message");
        let said = past.remove(said.unwrap());
        let left = past
            .iter()
            .position(|frame| type_of(frame) == "participant_left");
        past.insert(left.unwrap() + 1, said);
        past
    });
    assert_eq!(world.texts(cleo), [""; 0]);
    assert!(!says_complete(&world));
}

#[test]
fn what_a_relay_shows_of_an_epoch_after_its_end_is_not_read() {
    for (version, read) in [(2, 0), (77, 1)] {
        let (world, cleo) = told_to_a_newcomer(move |mut past| {
            let said = past.iter().position(|frame| type_of(frame) == "message");
            let end = serde_json::json!({"type": "epoch_end", "seq": 4, "version": version});
            past.insert(said.unwrap(), end);
            past
        });
        assert_eq!(world.texts(cleo).len(), read);
        assert_eq!(says_complete(&world), read == 1);
    }
}

#[test]
fn of_what_people_did_in_passing_the_history_tells_nothing() {
    let mut world = World::new(906);
    let settings = RoomSettings {
        history: true,
        ..RoomSettings::default()
    };
    let room = world.room_of(settings, &["ana", "ben"]);
    let id = world.send(ANA, "one");
    world.run_for(500);
    let ana = world.id(ANA);
    world.read(1, ana, id);
    world
        .act(ANA, |client, now, rng| client.set_typing(now, true, rng))
        .unwrap();
    world.run_for(500);
    let in_passing = |event: &Event| matches!(event, Event::Typing { .. } | Event::Read { .. });
    assert!(world.has_event(ANA, in_passing) && world.has_event(1, in_passing));
    world.join(&room, "cleo");
    world.run_for(2_000);
    assert_eq!(world.texts(CLEO), ["one"]);
    assert!(says_complete(&world));
    assert!(!world.has_event(CLEO, in_passing));
}

#[test]
fn what_was_shown_is_not_shown_again_after_a_fresh_join_though_its_author_has_left() {
    let mut world = World::new(907);
    let settings = RoomSettings {
        history: true,
        ..RoomSettings::default()
    };
    let room = world.room_of(settings, &["ana", "ben"]);
    world.send(1, "ben was here");
    world.run_for(500);
    let cleo = world.join(&room, "cleo");
    world.run_for(2_000);
    world.act(1, |client, now, _| client.leave(now));
    world.run_for(2_000);
    // The relay contradicts itself, and Cleo begins anew.
    let _ = world.inject(cleo, r#"{"type":"rekey","seq":999,"version":99}"#);
    world.run_for(3_000);
    assert_eq!(world.nodes[cleo].ids.len(), 2, "joined afresh");
    let read = |event: &&Event| matches!(event, Event::HistoryRead { complete: true });
    assert_eq!(world.nodes[cleo].events.iter().filter(read).count(), 2);
    assert_eq!(world.texts(cleo), ["ben was here"]);
}
