//! Envelopes and the epochs that take them (spec sections 7.5 and 8.4).

use super::world::World;
use crate::ids::EpochId;
use crate::limits::REKEY_AT_N;
use crate::relay::{Limits, Rate};

#[test]
fn an_envelope_goes_to_everyone_and_back_to_its_sender() {
    let mut world = World::new();
    world.keyed_pair();
    world.say("ana");
    world.say("ben");
    world.say("ana");
    assert_eq!(world.hears("ana"), ["ana#0", "ben#0", "ana#1"]);
    assert_eq!(world.hears("ben"), ["ana#0", "ben#0", "ana#1"]);
}

#[test]
fn n_is_taken_in_order_and_once() {
    let mut world = World::new();
    world.keyed_pair();
    let epoch = world.person("ana").head;
    world.say_n("ana", epoch, 1);
    assert_eq!(world.hears("ana"), ["error bad_sequence #1"]);
    world.say_n("ana", epoch, 0);
    world.say_n("ana", epoch, 0);
    world.say_n("ana", epoch, 2);
    world.say_n("ana", epoch, 1);
    assert_eq!(
        world.hears("ana"),
        ["ana#0", "error bad_sequence #2", "ana#1"]
    );
    assert_eq!(world.hears("ben"), ["ana#0", "ana#1"]);
}

#[test]
fn an_epoch_nobody_knows_or_one_is_not_of_takes_nothing() {
    let mut world = World::new();
    world.keyed_pair();
    world.say_n("ana", EpochId([9; 32]), 0);
    world.say_n("ana", EpochId::NONE, 0);
    assert_eq!(
        world.hears("ana"),
        ["error stale_epoch #0", "error stale_epoch #0"]
    );
    world.join("cleo");
    world.hears("cleo");
    world.say("cleo");
    assert_eq!(world.hears("cleo"), ["error stale_epoch #0"]);
}

#[test]
fn while_a_departed_one_has_the_newest_key_nobody_speaks() {
    let mut world = World::new();
    world.keyed_pair();
    world.join("cleo");
    world.pass(250);
    world.answer("ana");
    world.leave("cleo");
    world.forget_what_was_heard();
    world.say("ben");
    assert_eq!(world.hears("ben"), ["error stale_epoch #0"]);
    let old = world.person("ben").head;
    world.answer("ana");
    assert_eq!(world.hears("ben"), ["key 4 by ana"]);
    world.say("ben");
    assert_eq!(world.hears("ana").last().unwrap(), "ben#0");
    // The epochs before it have ended, and without a word.
    world.say_n("ben", old, 1);
    assert_eq!(world.hears("ben"), ["ben#0", "error stale_epoch #1"]);
    world.pass(60_000);
    assert!(world.hears_besides_ticks("ben").is_empty());
}

#[test]
fn a_replaced_participant_is_a_departed_one() {
    let mut world = World::new();
    world.keyed_pair();
    world.rejoin("ben 2", "ben");
    world.forget_what_was_heard();
    world.say("ana");
    assert_eq!(world.hears("ana"), ["error stale_epoch #0"]);
}

#[test]
fn one_who_was_never_keyed_leaves_without_a_hold() {
    let mut world = World::new();
    world.keyed_pair();
    world.join("cleo");
    world.leave("cleo");
    world.forget_what_was_heard();
    world.say("ben");
    assert_eq!(world.hears("ben"), ["ben#0"]);
}

#[test]
fn an_older_epoch_goes_on_for_half_a_minute() {
    let mut world = World::new();
    world.keyed_pair();
    let old = world.person("ben").head;
    world.join("cleo");
    world.pass(250);
    world.answer("ana");
    world.forget_what_was_heard();
    world.pass(29_999);
    world.say_n("ben", old, 0);
    world.say("ben");
    world.pass(1);
    assert_eq!(
        world.hears_besides_ticks("ana"),
        ["ben#0", "ben#0", "end 2"]
    );
    world.say_n("ben", old, 1);
    assert_eq!(
        world.hears_besides_ticks("ben").last().unwrap(),
        "error stale_epoch #1"
    );
}

#[test]
fn too_many_open_epochs_end_the_oldest() {
    let limits = Limits {
        open_epochs: 3,
        ..Limits::default()
    };
    let mut world = World::with(limits, |_| {});
    world.keyed_pair();
    for name in ["cleo", "dan", "eve"] {
        world.join(name);
        world.pass(250);
        world.answer("ana");
    }
    let heard = world.hears("ben");
    assert_eq!(heard[heard.len() - 2..], ["key 5 by ana", "end 2"]);
    let ends: usize = heard.iter().filter(|line| line.starts_with("end")).count();
    assert_eq!(ends, 1);
}

#[test]
fn a_long_epoch_gets_a_new_key_without_a_hold() {
    let limits = Limits {
        connection_frames: Rate::new(1, 10_000),
        connection_bytes: Rate::new(1, u32::MAX),
        room_envelopes: Rate::new(1, 10_000),
        room_bytes: Rate::new(1, u32::MAX),
        ..Limits::default()
    };
    let mut world = World::with(limits, |_| {});
    world.keyed_pair();
    for _ in 0..REKEY_AT_N {
        world.say("ana");
    }
    assert!(!world.hears("ana").iter().any(|line| line == "rekey"));
    world.say("ana");
    assert_eq!(world.hears("ana"), ["ana#4096", "rekey", "wanted 3"]);
    // Once is enough.
    world.say("ana");
    assert_eq!(world.hears("ana"), ["ana#4097"]);
    world.answer("ana");
    world.say("ana");
    assert_eq!(world.hears("ben").last().unwrap(), "ana#0");
}

#[test]
fn an_empty_room_starts_anew_and_forgets_no_id() {
    let mut world = World::with_history();
    world.join("ana");
    world.pass(250);
    world.answer("ana");
    world.say("ana");
    let version = world.person("ana").version;
    let seq = world.person("ana").seq;
    world.leave("ana");
    world.pass(60_000);
    world.forget_what_was_heard();
    world.join("ben");
    assert_eq!(
        world.hears("ben"),
        ["joined as Member: ben", "history complete"]
    );
    assert_eq!(world.person("ben").head, EpochId::NONE);
    // A departure and a join.
    assert_eq!(world.person("ben").version, version + 2);
    assert_eq!(world.person("ben").seq, seq + 2);
    world.join("ana");
    assert_eq!(world.hears("ana").first().unwrap(), "error id_taken");
    world.pass(250);
    world.answer("ben");
    assert_eq!(
        world.hears_besides_ticks("ben").last().unwrap(),
        "key 3 by ben, bare"
    );
}
