//! The relay tells another history than it told before: old key frames, other rosters, echoes that are none, lies in
//! `joined`. Whoever sees it refuses the frame and joins afresh, twice at most.

use burnchat_core::client::{EndReason, Event, RoomSettings, Status};
use burnchat_core::error::{Code, Error};
use serde_json::{Value, json};

use super::hostile::{lie, lie_to, newest, type_of};
use crate::harness::World;

const ANA: usize = 0;
const BEN: usize = 1;

fn rejoins(world: &World, node: usize) -> usize {
    let rejoining = |event: &&Event| matches!(event, Event::Rejoining { code: Code::Fork });
    world.nodes[node].events.iter().filter(rejoining).count()
}

/// Ben is back under a new id, and reads.
fn assert_ben_reads_again(world: &mut World) {
    world.stop_tampering();
    world.run_for(5_000);
    assert_eq!(rejoins(world, BEN), 1);
    assert_eq!(world.nodes[BEN].ids.len(), 2);
    world.send(ANA, "welcome back");
    world.run_for(1_000);
    assert_eq!(world.texts(BEN).last(), Some(&"welcome back"));
}

#[test]
fn an_old_key_frame_is_a_fork() {
    let mut world = World::new(300);
    let room = world.room_of(RoomSettings::default(), &["ana", "ben"]);
    let old = newest(&world, BEN, "session_key");
    assert!(world.has_event(BEN, |event| matches!(
        event,
        Event::Keyed { version: 2, .. }
    )));
    world.join(&room, "cleo");
    world.run_for(1_000);
    let head = world.nodes[BEN].client.head();

    let liar = lie(&mut world, |_, frame| vec![frame]);
    let refused = liar.slip_in(&mut world, BEN, old).unwrap_err();
    assert_eq!(refused.code(), Code::Fork);
    assert_ne!(world.nodes[BEN].client.status(), Status::Joined);
    assert_eq!(world.nodes[ANA].client.head(), head);
    assert_ben_reads_again(&mut world);
}

#[test]
fn a_relay_that_shows_two_rosters_gets_no_key_across() {
    let mut world = World::new(301);
    let room = world.room_of(RoomSettings::default(), &["ana", "ben"]);
    // Cleo is hidden from Ben: her join is shown to him as a rekey, so that every number fits.
    lie_to(&mut world, BEN, |mut frame| {
        if type_of(&frame) == "participant_joined" {
            frame = json!({"type": "rekey", "seq": frame["seq"], "version": frame["version"]});
        }
        if type_of(&frame) == "joined" {
            let entries = frame["participants"].as_array_mut().unwrap();
            entries.retain(|entry| entry["number"] != 3);
        }
        vec![frame]
    });
    world.join(&room, "cleo");
    world.run_for(200);
    assert_eq!(world.nodes[ANA].client.participants().len(), 3);
    assert_eq!(world.nodes[BEN].client.participants().len(), 2);
    assert_eq!(
        world.nodes[ANA].client.roster_version(),
        world.nodes[BEN].client.roster_version()
    );
    let hers = world.nodes[ANA].client.verification().unwrap();
    let his = world.nodes[BEN].client.verification().unwrap();
    assert_ne!(hers.safety_number(), his.safety_number());

    // The next key frame is for the roster Ana sees, and so is every other.
    world.run_for(10_000);
    assert_eq!(rejoins(&world, BEN), 2);
    assert_eq!(
        world.ended(BEN),
        Some(EndReason::Failed(Error::new(Code::Fork)))
    );
    assert!(!world.has_event(BEN, |event| matches!(
        event,
        Event::Keyed { version: 3.., .. }
    )));
    world.send(ANA, "for those I see");
    world.run_for(1_000);
    assert_eq!(world.texts(2), ["for those I see"]);
    assert!(world.texts(BEN).is_empty());
}

#[test]
fn a_roster_version_that_does_not_follow_is_a_fork() {
    let mut world = World::new(302);
    world.room_of(RoomSettings::default(), &["ana", "ben"]);
    let liar = lie(&mut world, |_, frame| vec![frame]);
    let rekey = |version: u64| json!({"type": "rekey", "seq": 0, "version": version});
    let follows = world.nodes[BEN].client.roster_version().unwrap() + 1;
    liar.slip_in(&mut world, BEN, rekey(follows)).unwrap();
    let refused = liar
        .slip_in(&mut world, BEN, rekey(follows + 7))
        .unwrap_err();
    assert_eq!(refused.code(), Code::Fork);
    assert_ben_reads_again(&mut world);
}

#[test]
fn a_hole_in_the_log_is_a_fork() {
    let mut world = World::new(303);
    world.room_of(RoomSettings::default(), &["ana", "ben"]);
    // Dropped without numbering anew.
    let mut lied = false;
    world.tamper(move |node, frame| {
        let drop = node == BEN && frame.contains("\"type\":\"message\"");
        let drop = drop && !std::mem::replace(&mut lied, true);
        (!drop).then(|| frame.to_owned()).into_iter().collect()
    });
    world.send(ANA, "dropped");
    world.send(ANA, "next");
    world.run_for(1_000);
    assert!(world.texts(BEN).is_empty());
    assert_ben_reads_again(&mut world);
}

/// A relay that goes on contradicting itself: Ben joins afresh twice, and then gives up.
#[test]
fn two_histories_of_one_room_are_a_fork() {
    let mut world = World::new(304);
    let room = world.room_of(RoomSettings::default(), &["ana", "ben"]);
    // Whatever key frame Ben is shown, it follows another than the one he saw last.
    lie_to(&mut world, BEN, |mut frame| match type_of(&frame) {
        "message" => vec![],
        "session_key" => {
            frame["prev"] = altered(&frame["prev"]);
            vec![frame]
        }
        _ => vec![frame],
    });
    let sent = world.send(BEN, "on its way");
    world.run_for(200);
    world.join(&room, "cleo");
    world.run_for(30_000);
    assert_eq!(rejoins(&world, BEN), 2);
    assert_eq!(
        world.ended(BEN),
        Some(EndReason::Failed(Error::new(Code::Fork)))
    );
    assert_eq!(
        world.nodes[BEN].unknown,
        [sent],
        "he is told that it may have arrived"
    );
    assert!(world.nodes[BEN].client.link().is_none());
    assert_eq!(
        world.nodes[ANA].client.status(),
        Status::Joined,
        "nobody else minds"
    );
}

#[test]
fn a_relay_that_alters_an_echo_is_a_fork() {
    for member in ["iv", "ciphertext", "sig", "flags"] {
        let mut world = World::new(305);
        world.room_of(RoomSettings::default(), &["ana", "ben"]);
        let mut lied = false;
        lie_to(&mut world, BEN, move |mut frame| {
            if type_of(&frame) == "message" && !std::mem::replace(&mut lied, true) {
                frame[member] = altered(&frame[member]);
            }
            vec![frame]
        });
        let sent = world.send(BEN, "is this what you have?");
        world.run_for(1_000);
        assert_eq!(world.nodes[BEN].unknown, [sent], "{member}");
        assert!(world.nodes[BEN].accepted.is_empty());
        assert_ben_reads_again(&mut world);
    }
}

/// Another value of the same shape.
fn altered(value: &Value) -> Value {
    match value {
        Value::String(text) => {
            let first = if text.starts_with('A') { "B" } else { "A" };
            json!(format!("{first}{}", &text[1..]))
        }
        _ => json!(1),
    }
}

#[test]
fn an_envelope_in_ones_own_name_that_one_did_not_send_is_a_fork() {
    let mut world = World::new(306);
    world.room_of(RoomSettings::default(), &["ana", "ben"]);
    world.send(BEN, "once");
    world.run_for(1_000);
    assert_eq!(world.nodes[BEN].accepted.len(), 1);
    let liar = lie(&mut world, |_, frame| vec![frame]);
    let echo = newest(&world, BEN, "message");
    let refused = liar.slip_in(&mut world, BEN, echo).unwrap_err();
    assert_eq!(refused.code(), Code::Fork);
    assert_ben_reads_again(&mut world);
}

#[test]
fn a_refusal_of_an_envelope_that_was_logged_is_a_fork() {
    let mut world = World::new(307);
    world.room_of(RoomSettings::default(), &["ana", "ben"]);
    lie_to(&mut world, BEN, |frame| {
        if type_of(&frame) == "message" {
            let refusal = json!({
                "type": "error", "code": "stale_epoch", "epoch": frame["epoch"], "n": frame["n"],
            });
            vec![refusal, frame]
        } else {
            vec![frame]
        }
    });
    world.send(BEN, "did it arrive?");
    world.run_for(300);
    assert_eq!(world.texts(ANA), ["did it arrive?"]);
    assert!(world.nodes[BEN].accepted.is_empty());
    assert_ben_reads_again(&mut world);
    assert_eq!(
        world.texts(ANA),
        ["did it arrive?"],
        "and nothing is doubled"
    );
}

/// What the relay may say in `joined` about the one who joins.
#[test]
fn a_joined_that_lists_another_in_ones_place_is_a_fork() {
    type Lie = fn(&mut Value, &Value);
    let lies: [(&str, Lie); 5] = [
        ("another's keys", |own, other| {
            own["kem_pub"] = other["kem_pub"].clone();
        }),
        ("another's signing key", |own, other| {
            own["sig_pub"] = other["sig_pub"].clone();
        }),
        ("another's name", |own, other| {
            own["sealed_name"] = other["sealed_name"].clone();
        }),
        ("another's proof", |own, other| {
            own["join_proof"] = other["join_proof"].clone();
        }),
        ("another's role", |own, other| {
            own["role"] = other["role"].clone();
        }),
    ];
    for (what, lie_about) in lies {
        let mut world = World::new(308);
        let room = world.create_plain();
        world.join_as_creator(&room, "ana");
        world.run_for(1_000);
        let mut lied = false;
        lie_to(&mut world, BEN, move |mut frame| {
            if type_of(&frame) == "joined" && !std::mem::replace(&mut lied, true) {
                let other = frame["participants"][0].clone();
                lie_about(&mut frame["participants"][1], &other);
            }
            vec![frame]
        });
        world.join(&room, "ben");
        world.run_for(300);
        assert_eq!(rejoins(&world, BEN), 1, "{what}");
        world.stop_tampering();
        world.run_for(3_000);
        assert_eq!(world.nodes[BEN].client.status(), Status::Joined, "{what}");
        world.assert_agreement();
    }
}

/// Told consistently that he is a creator, Ben believes it, and has another roster hash than everyone else.
#[test]
fn a_role_given_by_the_relay_alone_leaves_one_without_a_key() {
    let mut world = World::new(309);
    let room = world.create_plain();
    world.join_as_creator(&room, "ana");
    world.run_for(1_000);
    lie_to(&mut world, BEN, |mut frame| {
        if type_of(&frame) == "joined" {
            let own = frame["participants"]
                .as_array_mut()
                .unwrap()
                .last_mut()
                .unwrap();
            own["role"] = json!("creator");
            frame["role"] = json!("creator");
        }
        vec![frame]
    });
    let ben = world.join(&room, "ben");
    world.run_for(200);
    assert!(world.is_creator(ben));
    world.run_for(5_000);
    assert_eq!(
        world.ended(ben),
        Some(EndReason::Failed(Error::new(Code::Fork))),
        "every key frame contradicts him"
    );
    assert!(
        world.nodes[ben]
            .events
            .iter()
            .all(|event| !matches!(event, Event::Keyed { .. }))
    );
}

#[test]
fn a_relay_that_lies_about_history_is_refused() {
    for history in [false, true] {
        let mut world = World::new(310);
        let room = world.create(RoomSettings {
            history,
            ..RoomSettings::default()
        });
        lie(&mut world, move |_, mut frame| {
            if type_of(&frame) == "joined" {
                frame["history"] = json!(!history);
            }
            vec![frame]
        });
        let ana = world.join_as_creator(&room, "ana");
        world.run_for(1_000);
        assert_eq!(
            world.ended(ana),
            Some(EndReason::Failed(Error::new(Code::HistoryMismatch)))
        );
    }
}

#[test]
fn a_fork_makes_no_text_come_twice_and_none_outlive_its_time() {
    let mut world = World::new(309);
    let settings = RoomSettings {
        history: true,
        ..RoomSettings::default()
    };
    world.room_of(settings, &["ana", "ben"]);
    let ana = world.id(ANA);
    world.send(ANA, "stays");
    let id = world.try_send(ANA, "burns", 20_000).unwrap();
    world.send(BEN, "his own");
    world.run_for(1_000);
    world.read(BEN, ana, id);

    let liar = lie(&mut world, |_, frame| vec![frame]);
    let old = newest(&world, BEN, "session_key");
    liar.slip_in(&mut world, BEN, old).unwrap_err();
    // The history comes again, and with it everything that was said.
    assert_ben_reads_again(&mut world);
    assert_eq!(world.texts(BEN), ["stays", "burns", "welcome back"]);

    let burned = |event: &Event| matches!(event, Event::MessageBurned { author, id: burned } if (*author, *burned) == (ana, id));
    assert!(!world.has_event(BEN, burned));
    world.run_for(20_000);
    assert!(world.has_event(BEN, burned));
    assert_eq!(world.texts(BEN), ["stays", "burns", "welcome back"]);
}

#[test]
fn a_relay_that_asks_for_a_key_that_is_not_due_is_refused() {
    for case in 0..3 {
        let mut world = World::new(320);
        let room = world.room_of(RoomSettings::default(), &["ana", "ben"]);
        // The newest version has no key yet, and so far it is right to ask for one.
        world.tamper_up(|_, frame| match frame.contains("\"session_key\"") {
            true => vec![],
            false => vec![frame.to_owned()],
        });
        if case != 0 {
            world.join(&room, "cleo");
            world.run_for(400);
        }
        let version = world.nodes[BEN].client.roster_version().unwrap();
        let head = world.nodes[BEN].client.head().unwrap();
        let (version, head) = match case {
            0 => (version, head),
            1 => (version + 1, head),
            _ => (version, burnchat_core::ids::EpochId([7; 32])),
        };
        let wanted = json!({"type": "key_wanted", "version": version, "head": head});
        let refused = world.inject(BEN, &wanted.to_string()).unwrap_err();
        assert_eq!(refused.code(), Code::Fork, "{case}");
    }
}

#[test]
fn a_key_frame_on_top_of_a_head_that_has_moved_is_a_fork() {
    let mut world = World::new(321);
    let room = world.room_of(RoomSettings::default(), &["ana", "ben"]);
    let offers = std::rc::Rc::new(std::cell::RefCell::new(Vec::<(usize, Value)>::new()));
    let kept = std::rc::Rc::clone(&offers);
    world.tamper_up(move |node, frame| {
        let value: Value = serde_json::from_str(frame).unwrap();
        if type_of(&value) != "session_key" {
            return vec![frame.to_owned()];
        }
        kept.borrow_mut().push((node, value));
        vec![]
    });
    // Two versions, and for each a good frame by Ana, both on top of the same head.
    for name in ["cleo", "dora"] {
        world.join(&room, name);
        world.run_for(8_000);
    }
    let id = serde_json::to_value(world.id(BEN)).unwrap();
    let ana = serde_json::to_value(world.id(ANA)).unwrap();
    let logged = |version: u64| {
        let offers = offers.borrow();
        let made = |offer: &&(usize, Value)| offer.0 == ANA && offer.1["version"] == version;
        let mut frame = offers.iter().find(made).unwrap().1.clone();
        let wraps = frame["wraps"].take();
        let own = wraps
            .as_array()
            .unwrap()
            .iter()
            .find(|wrap| wrap["id"] == id);
        frame["wrapped"] = own.unwrap()["wrapped"].clone();
        frame.as_object_mut().unwrap().remove("wraps");
        frame["steward"] = ana.clone();
        frame["seq"] = 0.into();
        frame
    };
    let liar = lie(&mut world, |_, frame| vec![frame]);
    liar.slip_in(&mut world, BEN, logged(3)).unwrap();
    assert!(world.has_event(BEN, |event| matches!(
        event,
        Event::Keyed { version: 3, .. }
    )));
    let refused = liar.slip_in(&mut world, BEN, logged(4)).unwrap_err();
    assert_eq!(refused.code(), Code::Fork);
}

#[test]
fn somebody_who_is_there_does_not_join_once_more() {
    let mut world = World::new(322);
    world.room_of(RoomSettings::default(), &["ana", "ben"]);
    let mut again = newest(&world, ANA, "participant_joined");
    again["version"] = (world.nodes[ANA].client.roster_version().unwrap() + 1).into();
    let liar = lie(&mut world, |_, frame| vec![frame]);
    let refused = liar.slip_in(&mut world, ANA, again).unwrap_err();
    assert_eq!(refused.code(), Code::Fork);
}

#[test]
fn a_refusal_takes_back_the_envelope_it_names_and_those_after_it_alone() {
    let mut world = World::new(323);
    world.room_of(RoomSettings::default(), &["ana", "ben"]);
    let first = world.send(ANA, "one");
    let second = world.send(ANA, "two");
    let sent: Value = serde_json::from_str(world.envelopes_sent.last().unwrap()).unwrap();
    assert_eq!(sent["n"], 1);
    // The relay took the first and not the second.
    world.tamper_up(|_, _| vec![]);
    let other = burnchat_core::ids::EpochId([7; 32]);
    for (epoch, n) in [(json!(other), 0), (sent["epoch"].clone(), 1)] {
        let refusal = json!({"type": "error", "code": "stale_epoch", "epoch": epoch, "n": n});
        world.inject(ANA, &refusal.to_string()).unwrap();
    }
    let mut echo: Value =
        serde_json::from_str(&world.envelopes_sent[world.envelopes_sent.len() - 2]).unwrap();
    echo["type"] = "message".into();
    echo["sender"] = serde_json::to_value(world.id(ANA)).unwrap();
    echo["seq"] = 0.into();
    let liar = lie(&mut world, |_, frame| vec![frame]);
    liar.slip_in(&mut world, ANA, echo).unwrap();
    assert_eq!(world.nodes[ANA].accepted, [first]);
    assert!(!world.nodes[ANA].accepted.contains(&second));
    assert_eq!(rejoins(&world, ANA), 0);
}
