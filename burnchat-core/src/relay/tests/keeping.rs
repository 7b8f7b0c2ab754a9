//! Being away, resuming, gaps and history (spec sections 6.3 and 9.1).

use super::world::{World, peer};
use crate::relay::{Limits, Rate};

const REFUSED: &str = "closed 1008";

#[test]
fn one_who_comes_back_is_sent_what_it_missed() {
    let mut world = World::new();
    world.keyed_pair();
    world.drop("ben");
    world.say("ana");
    world.lock("ana", true);
    world.lock("ana", false);
    world.join("cleo");
    world.pass(250);
    world.answer("ana");
    world.say("ana");
    world.leave("cleo");
    world.resume("ben");
    assert_eq!(
        world.hears("ben"),
        [
            "ana#0",
            "locked true",
            "locked false",
            "+cleo",
            "key 3 by ana",
            "ana#0",
            "-cleo left",
            "resumed"
        ]
    );
    world.answer("ana");
    assert_eq!(world.hears("ben"), ["key 4 by ana"]);
}

#[test]
fn away_for_half_a_minute_is_gone() {
    let mut world = World::new();
    world.keyed_pair();
    world.drop("ben");
    world.pass(29_999);
    assert!(world.hears_besides_ticks("ana").is_empty());
    world.pass(1);
    assert_eq!(world.hears_besides_ticks("ana"), ["-ben timeout"]);
    world.resume("ben");
    assert_eq!(world.hears("ben"), ["error gap", REFUSED]);
    world.rejoin("ben 2", "ben");
    assert_eq!(world.hears("ben 2"), ["joined as Member: ana ben 2"]);
}

#[test]
fn a_resume_ends_the_half_minute() {
    let mut world = World::new();
    world.keyed_pair();
    world.drop("ben");
    world.pass(29_000);
    world.resume("ben");
    world.pass(60_000);
    assert_eq!(world.hub.stats().participants, 2);
    world.drop("ben");
    world.pass(29_999);
    assert_eq!(world.hub.stats().participants, 2);
}

#[test]
fn a_half_open_connection_gives_way_to_a_resume() {
    let mut world = World::new();
    world.keyed_pair();
    let old = world.person("ben").connection;
    world.resume("ben");
    assert_eq!(world.hears("ben"), ["resumed"]);
    assert_eq!(world.hub.stats().connections, 2);
    // What comes of the old one no longer counts.
    world
        .hub
        .handle_disconnect(world.now, old, crate::relay::Disconnect::Clean);
    world.say("ana");
    assert_eq!(world.hears("ben"), ["ana#0"]);
}

#[test]
fn who_takes_over_from_a_half_open_connection_takes_nobody_elses() {
    let mut world = World::new();
    world.keyed_pair();
    world.join("cleo");
    world.resume("ben");
    world.forget_what_was_heard();
    world.lock("ana", true);
    for name in ["ana", "ben", "cleo"] {
        assert_eq!(world.hears(name), ["locked true"], "{name}");
    }
}

#[test]
fn nobody_resumes_before_its_own_join_or_after_the_end_of_the_log() {
    let mut world = World::new();
    world.keyed_pair();
    world.say("ana");
    let (own, newest) = (2, world.person("ben").seq);
    for seq in [0, own - 1, newest + 1, u64::MAX >> 11] {
        world.drop("ben");
        world.resume_from("ben", seq);
        assert_eq!(
            world.hears("ben").last_chunk().unwrap(),
            &["error gap", REFUSED]
        );
    }
}

#[test]
fn a_resume_needs_a_token_of_this_room() {
    let mut world = World::new();
    world.keyed_pair();
    world.drop("ben");
    world.person_mut("ben").seat_token = Some(crate::crypto::Secret::copy_of(&[9; 32]));
    world.resume("ben");
    assert_eq!(world.hears("ben"), ["error room_not_found", REFUSED]);
}

#[test]
fn one_whose_seat_was_taken_over_does_not_resume_into_it() {
    let mut world = World::new();
    world.keyed_pair();
    world.drop("ben");
    world.rejoin("ben 2", "ben");
    world.resume("ben");
    assert_eq!(world.hears("ben"), ["error displaced", REFUSED]);
}

#[test]
fn one_who_was_removed_while_away_is_told_so() {
    let mut world = World::new();
    world.keyed_pair();
    world.drop("ben");
    world.kick("ana", "ben", None);
    world.resume("ben");
    assert_eq!(world.hears("ben"), ["error kicked", REFUSED]);
}

#[test]
fn entries_are_kept_for_two_minutes() {
    // Only who still has a connection can have missed so much: half open, for instance.
    let mut world = World::new();
    world.keyed_pair();
    let before = world.person("ben").seq;
    world.lock("ana", true);
    world.pass(120_000);
    world.lock("ana", false);
    world.person_mut("ben").seq = before;
    world.resume("ben");
    assert_eq!(
        world.hears_besides_ticks("ben").last_chunk().unwrap(),
        &["locked true", "locked false", "resumed"]
    );
    world.pass(10_000);
    world.forget_what_was_heard();
    world.person_mut("ben").seq = before;
    world.resume("ben");
    assert_eq!(world.hears("ben"), ["error gap", REFUSED]);
}

#[test]
fn envelopes_are_kept_up_to_a_limit() {
    let limits = Limits {
        kept_bytes: 2_000,
        ..Limits::default()
    };
    let mut world = World::with(limits, |_| {});
    world.keyed_pair();
    let before = world.person("ben").seq;
    for _ in 0..3 {
        world.say("ana");
    }
    world.forget_what_was_heard();
    world.person_mut("ben").seq = before;
    world.resume("ben");
    assert_eq!(world.hears("ben"), ["ana#0", "ana#1", "ana#2", "resumed"]);
    for _ in 0..5 {
        world.say("ana");
    }
    world.forget_what_was_heard();
    world.person_mut("ben").seq = before;
    world.resume("ben");
    assert_eq!(world.hears("ben"), ["error gap", REFUSED]);
}

#[test]
fn what_is_not_an_envelope_is_kept_up_to_the_same_limit() {
    for history in [false, true] {
        let limits = Limits {
            kept_bytes: 2_000,
            ..Limits::default()
        };
        let mut world = World::with(limits, |room| room.history = history);
        world.keyed_pair();
        let before = world.person("ben").seq;
        let behind = |world: &mut World| {
            world.forget_what_was_heard();
            world.person_mut("ben").seq = before;
            world.resume("ben");
            world.hears("ben").last().unwrap().clone()
        };
        world.lock("ana", true);
        assert_eq!(behind(&mut world), "resumed");
        for _ in 0..30 {
            world.lock("ana", false);
            world.lock("ana", true);
        }
        assert_eq!(behind(&mut world), REFUSED, "history: {history}");
    }
}

#[test]
fn wraps_are_kept_up_to_the_limit() {
    for history in [false, true] {
        // One wrap of 48 bytes in each key frame.
        let limits = Limits {
            kept_bytes: if history { 47 } else { 400 },
            ..Limits::default()
        };
        let mut world = World::with(limits, |room| room.history = history);
        world.join("ana");
        world.join("ben");
        world.pass(250);
        let before = world.person("ben").seq;
        world.answer("ana");
        world.need_key("ben", 2);
        world.person_mut("ben").seq = before;
        world.forget_what_was_heard();
        world.resume("ben");
        assert_eq!(world.hears("ben")[0], "error gap", "history: {history}");
    }
}

#[test]
fn what_is_kept_covers_35_seconds_at_the_highest_rate() {
    let limits = Limits::default();
    let Rate { per_second, burst } = limits.room_bytes;
    // What the relay adds to each envelope: a place and a sender.
    let added = 70 * (35 * limits.room_envelopes.per_second + limits.room_envelopes.burst);
    let most = 35 * per_second + burst + added;
    assert!(limits.kept_bytes >= usize::try_from(most).unwrap());
}

#[test]
fn a_newcomer_is_sent_what_was_said_where_there_is_history() {
    let mut world = World::with_history();
    world.join_creator("ana");
    world.pass(250);
    world.answer("ana");
    world.say("ana");
    world.lock("ana", true);
    world.lock("ana", false);
    world.join("ben");
    world.pass(250);
    world.answer("ana");
    world.say("ben");
    world.leave("ben");
    world.answer("ana");
    world.join("cleo");
    assert_eq!(
        world.hears("cleo"),
        [
            "joined as Member: ana cleo",
            "+ana",
            "key 1 by ana, bare",
            "ana#0",
            "+ben",
            "key 2 by ana, bare",
            "ben#0",
            "-ben left",
            "key 3 by ana, bare",
            "history complete",
        ]
    );
}

#[test]
fn a_room_without_history_sends_none() {
    let mut world = World::new();
    world.keyed_pair();
    world.say("ana");
    world.join("cleo");
    assert_eq!(world.hears("cleo"), ["joined as Member: ana ben cleo"]);
}

#[test]
fn old_history_loses_envelopes_and_nothing_else() {
    let limits = Limits {
        history_bytes: 1_000,
        ..Limits::default()
    };
    let mut world = World::with(limits, |room| room.history = true);
    world.join("ana");
    world.pass(250);
    world.answer("ana");
    for _ in 0..4 {
        world.say("ana");
    }
    world.join("ben");
    assert_eq!(
        world.hears("ben"),
        [
            "joined as Member: ana ben",
            "+ana",
            "key 1 by ana, bare",
            "ana#2",
            "ana#3",
            "history partial"
        ]
    );
}

#[test]
fn too_many_changes_leave_no_history() {
    let limits = Limits {
        history_changes: 3,
        ..Limits::default()
    };
    let mut world = World::with(limits, |room| room.history = true);
    world.join("ana");
    world.join("ben");
    world.pass(250);
    world.answer("ana");
    world.say("ana");
    world.join("cleo");
    assert_eq!(world.hears("cleo").last().unwrap(), "history complete");
    world.join("dan");
    assert_eq!(
        world.hears("dan"),
        ["joined as Member: ana ben cleo dan", "history partial"]
    );
    // Who was there can resume all the same.
    world.drop("ben");
    world.say("ana");
    world.forget_what_was_heard();
    world.resume("ben");
    assert_eq!(world.hears("ben"), ["ana#1", "resumed"]);
}

#[test]
fn wraps_of_old_key_frames_are_forgotten() {
    for history in [false, true] {
        let mut world = World::with(Limits::default(), |room| room.history = history);
        world.keyed_pair();
        let before = world.person("ben").seq - 1;
        let behind = |world: &mut World| {
            world.person_mut("ben").seq = before;
            world.person_mut("ben").head = crate::ids::EpochId::NONE;
            world.forget_what_was_heard();
            world.resume("ben");
            world.hears("ben")
        };
        world.pass(120_000);
        assert_eq!(behind(&mut world), ["key 2 by ana", "resumed"]);
        world.pass(10_000);
        assert_eq!(behind(&mut world), ["error gap", REFUSED]);
    }
}

#[test]
fn a_younger_key_frame_keeps_its_wraps_when_an_older_one_goes() {
    let mut world = World::new();
    world.join_creator("ana");
    world.join("ben");
    world.pass(250);
    let older = world.offer("ana");
    world.join("cleo");
    world.offer_key("ana", older);
    let before = world.person("ben").seq;
    world.pass(1_500);
    world.answer("ana");
    // Now the older is kept no longer, and the younger, the next entry of its kind, just so.
    world.pass(119_500);
    world.lock("ana", true);
    world.forget_what_was_heard();
    let ben = world.person_mut("ben");
    ben.seq = before;
    ben.head = ben.epochs()[0];
    world.resume("ben");
    let heard = world.hears("ben");
    assert_eq!(heard, ["key 3 by ana", "end 2", "locked true", "resumed"]);
}

#[test]
fn what_is_kept_is_counted_until_it_burns() {
    let mut world = World::new();
    world.keyed_pair();
    let before = world.hub.stats().kept_bytes;
    assert!(before > 0);
    world.say("ana");
    assert!(world.hub.stats().kept_bytes > before + 80);
    world.burn("ana");
    assert_eq!(world.hub.stats().kept_bytes, 0);
}

#[test]
fn a_room_counts_from_when_it_is_made_and_everyone_who_joins_it_does() {
    let mut world = World::new();
    let empty = world.hub.stats().kept_bytes;
    assert!(empty > 256, "{empty}");
    world.join_creator("ana");
    let with_ana = world.hub.stats().kept_bytes;
    assert!(with_ana > 2 * empty, "{with_ana}");
    // Who has left is remembered by the seat.
    world.leave("ana");
    let without = world.hub.stats().kept_bytes;
    assert!((empty + 1..with_ana).contains(&without), "{without}");
    let request = world.request(2);
    world.create(peer(0), &request).unwrap();
    assert_eq!(world.hub.stats().kept_bytes, without + empty);
}

#[test]
fn where_memory_is_full_commands_are_kept_for_older_ones_too() {
    for history in [false, true] {
        let mut world = World::with(Limits::default(), |room| room.history = history);
        world.keyed_pair();
        for locked in [true, false, true] {
            world.lock("ana", locked);
        }
        world.say("ana");
        let full = world.hub.stats().kept_bytes;
        world.hub.set_memory_full(true);
        for locked in [false, true].repeat(50) {
            world.lock("ana", locked);
        }
        let still = world.hub.stats().kept_bytes;
        assert!(still <= full, "{still} > {full}");
        // Where there is history, what it needs besides envelopes stays.
        world.lock("ana", false);
        world.join("cleo");
        let heard = world.hears("cleo");
        let told = heard.iter().filter(|line| line.starts_with('+')).count();
        assert_eq!(told, if history { 2 } else { 0 }, "{heard:?}");
    }
}

#[test]
fn where_memory_is_full_the_newest_is_kept_for_the_oldest() {
    if super::HANDED_OVER {
        // What was read again takes a little less memory than what was said here.
        return;
    }
    let mut world = World::new();
    world.keyed_pair();
    for _ in 0..3 {
        world.say("ana");
    }
    let full = world.hub.stats().kept_bytes;
    world.hub.set_memory_full(true);
    world.drop("ben");
    for _ in 0..2 {
        world.say("ana");
    }
    assert!(world.hub.stats().kept_bytes <= full);
    // What came while he was away is still there.
    world.resume("ben");
    assert_eq!(world.hears("ben").last().unwrap(), "resumed");

    world.drop("ben");
    for _ in 0..4 {
        world.say("ana");
    }
    world.resume("ben");
    assert_eq!(world.hears("ben"), ["error gap", REFUSED]);
    let still = world.hub.stats().kept_bytes;
    assert!(still <= full);
    world.hub.set_memory_full(false);
    world.say("ana");
    assert!(world.hub.stats().kept_bytes > still);
}
