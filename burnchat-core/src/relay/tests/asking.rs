//! Whom the relay asks for a key, and when (spec sections 7.1, 7.3 and 7.6).

use alloc::string::String;
use alloc::vec::Vec;

use super::world::World;
use crate::relay::Limits;

#[test]
fn joins_wait_for_others_but_not_forever() {
    let mut world = World::new();
    world.join("ana");
    world.join("ben");
    world.pass(200);
    world.join("cleo");
    world.pass(49);
    assert_eq!(
        world.hears("ana"),
        ["joined as Member: ana", "+ben", "+cleo"]
    );
    world.pass(1);
    assert_eq!(world.hears("ana"), ["wanted 3"]);
    world.answer("ana");
    assert_eq!(world.hears("ana"), ["key 3 by ana, bare"]);
    assert_eq!(world.hears("ben").last().unwrap(), "key 3 by ana");
    world.pass(60_000);
    assert!(world.hears_besides_ticks("ana").is_empty());
}

#[test]
fn nobody_alone_is_asked_except_where_there_is_history() {
    let mut world = World::new();
    world.join("ana");
    world.pass(10_000);
    assert_eq!(world.hears_besides_ticks("ana"), ["joined as Member: ana"]);

    let mut world = World::with_history();
    world.join("ana");
    world.pass(250);
    assert_eq!(
        world.hears("ana"),
        ["joined as Member: ana", "history complete", "wanted 1"]
    );
    world.answer("ana");
    assert_eq!(world.hears("ana"), ["key 1 by ana, bare"]);
}

#[test]
fn a_departure_is_asked_for_at_once() {
    let mut world = World::new();
    world.keyed_pair();
    world.join("cleo");
    world.pass(250);
    world.answer("ana");
    world.forget_what_was_heard();
    world.leave("ben");
    assert_eq!(world.hears("ana"), ["-ben left", "wanted 4"]);
    // The asking covers a join that was waiting.
    world.join("dan");
    world.leave("cleo");
    assert_eq!(world.hears("ana"), ["+dan", "-cleo left"]);
    assert_eq!(
        world.hears("dan"),
        ["joined as Member: ana cleo dan", "-cleo left", "wanted 6"]
    );
}

#[test]
fn one_after_the_other_is_asked_and_then_everyone() {
    let mut world = World::new();
    for name in ["ana", "ben", "cleo", "dan"] {
        world.join(name);
    }
    world.forget_what_was_heard();
    world.pass(250);
    world.pass(1_999);
    assert_eq!(asked(&mut world), ["ana"]);
    world.pass(1);
    assert_eq!(asked(&mut world), ["ben"]);
    world.pass(2_000);
    assert_eq!(asked(&mut world), ["ana", "ben", "cleo", "dan"]);
    world.pass(9_999);
    assert!(asked(&mut world).is_empty());
    world.pass(1);
    assert_eq!(asked(&mut world), ["ana", "ben", "cleo", "dan"]);
    // Whoever was asked may answer, the first one is taken.
    let late = world.offer("ben");
    world.answer("dan");
    world.offer_key("ben", late);
    assert_eq!(world.hears_besides_ticks("ana"), ["key 4 by dan"]);
}

#[test]
fn who_declines_or_goes_away_is_passed_over_at_once() {
    let mut world = World::new();
    for name in ["ana", "ben", "cleo"] {
        world.join(name);
    }
    world.forget_what_was_heard();
    world.pass(250);
    assert_eq!(asked(&mut world), ["ana"]);
    world.decline("ana");
    assert_eq!(asked(&mut world), ["ben"]);
    world.drop("ben");
    assert_eq!(asked(&mut world), ["cleo"]);
    world.decline("cleo");
    // Nobody is left to ask alone.
    assert_eq!(asked(&mut world), ["ana", "cleo"]);
    world.resume("ben");
    assert_eq!(world.hears_besides_ticks("ben"), ["resumed", "wanted 3"]);
    world.answer("ben");
    assert_eq!(world.hears_besides_ticks("ana"), ["key 3 by ben"]);
}

#[test]
fn who_comes_back_is_asked_again() {
    let mut world = World::new();
    world.join("ana");
    world.join("ben");
    world.pass(250);
    world.drop("ana");
    world.forget_what_was_heard();
    world.resume("ana");
    assert_eq!(world.hears("ana"), ["resumed", "wanted 2"]);
    // Ben has been asked in the meantime and still has his time.
    world.pass(2_000);
    assert_eq!(
        asked(&mut world),
        ["ana", "ben"],
        "everyone: nobody is left to ask alone"
    );
}

#[test]
fn where_nobody_is_connected_the_first_who_comes_back_is_asked() {
    let mut world = World::new();
    world.join("ana");
    world.join("ben");
    world.drop("ana");
    world.drop("ben");
    world.pass(5_000);
    world.resume("ben");
    assert_eq!(
        world.hears("ben"),
        ["joined as Member: ana ben", "resumed", "wanted 2"]
    );
    world.resume("ana");
    assert_eq!(
        world.hears("ana"),
        ["joined as Member: ana", "+ben", "resumed"]
    );
    world.pass(2_000);
    assert_eq!(asked(&mut world), ["ana"]);
}

#[test]
fn who_did_not_answer_is_asked_last_until_it_does() {
    let mut world = World::new();
    world.keyed_pair();
    world.join("cleo");
    world.forget_what_was_heard();
    world.pass(250);
    let late = world.offer("ana");
    world.pass(2_000);
    world.answer("ben");
    world.forget_what_was_heard();

    // Ana let her time run out: ben goes first now.
    world.join("dan");
    world.pass(250);
    assert_eq!(asked(&mut world), ["ben"]);
    // A late frame on top of an older head is no good frame.
    world.offer_key("ana", late);
    world.answer("ben");
    world.forget_what_was_heard();
    world.join("eve");
    world.pass(250);
    assert_eq!(asked(&mut world), ["ben"]);
    for (declines, next) in [
        ("ben", "cleo"),
        ("cleo", "dan"),
        ("dan", "eve"),
        ("eve", "ana"),
    ] {
        world.decline(declines);
        assert_eq!(asked(&mut world), [next]);
    }
    world.answer("ana");
    world.forget_what_was_heard();
    world.join("fay");
    world.pass(250);
    assert_eq!(asked(&mut world), ["ana"]);
}

#[test]
fn a_change_of_the_roster_makes_unresponsive_too() {
    let mut world = World::new();
    for name in ["ana", "ben", "cleo"] {
        world.join(name);
    }
    world.pass(250);
    world.forget_what_was_heard();
    // Ana has been asked; a join comes first.
    world.join("dan");
    world.pass(250);
    assert_eq!(asked(&mut world), ["ben"]);
}

#[test]
fn a_frame_on_its_way_when_somebody_joins_still_counts() {
    let mut world = World::new();
    world.join("ana");
    world.join("ben");
    world.pass(250);
    let offer = world.offer("ana");
    world.join("cleo");
    world.forget_what_was_heard();
    world.offer_key("ana", offer);
    assert_eq!(world.hears("ana"), ["key 2 by ana, bare"]);
    assert_eq!(world.hears("ben"), ["key 2 by ana"]);
    assert_eq!(world.hears("cleo"), ["key 2 by ana, bare"]);
    world.pass(250);
    // She answered, so she is asked first.
    assert_eq!(asked(&mut world), ["ana"]);
}

#[test]
fn a_frame_for_an_older_version_starts_the_asking_anew() {
    let mut world = World::new();
    world.join("ana");
    world.join("ben");
    world.pass(250);
    let offer = world.offer("ana");
    world.join("cleo");
    world.pass(250);
    world.forget_what_was_heard();
    // Ben is asked for version 3 when the frame for 2 arrives: what he makes on the old head is no good.
    let outdated = world.offer("ben");
    world.offer_key("ana", offer);
    assert_eq!(world.hears("ana"), ["key 2 by ana, bare", "wanted 3"]);
    world.offer_key("ben", outdated);
    assert_eq!(world.hears("ben"), ["key 2 by ana"]);
    world.answer("ana");
    assert_eq!(world.hears("ben"), ["key 3 by ana"]);
}

#[test]
fn a_frame_for_a_roster_that_somebody_left_is_dropped() {
    let mut world = World::new();
    for name in ["ana", "ben", "cleo"] {
        world.join(name);
    }
    world.pass(250);
    let mut offer = world.offer("ana");
    // Not even one that leaves out who has left.
    offer.wraps.retain(|wrap| wrap.id != world.id("cleo"));
    world.leave("cleo");
    world.forget_what_was_heard();
    world.offer_key("ana", offer);
    assert!(world.hears("ben").is_empty());
    // Unresponsive for the first, she is asked last for the second.
    world.pass(2_000);
    assert_eq!(asked(&mut world), ["ana"]);
}

#[test]
fn only_the_newest_versions_asked_for_are_remembered() {
    let limits = Limits {
        asked_versions: 2,
        ..Limits::default()
    };
    let mut world = World::with(limits, |_| {});
    world.join("ana");
    world.join("ben");
    world.pass(250);
    let oldest = world.offer("ana");
    for name in ["cleo", "dan"] {
        world.join(name);
        world.pass(250);
    }
    world.forget_what_was_heard();
    world.offer_key("ana", oldest);
    assert!(world.hears("ana").is_empty());
}

#[test]
fn a_key_frame_that_is_not_right_is_dropped_without_an_answer() {
    let mut world = World::new();
    for name in ["ana", "ben", "cleo"] {
        world.join(name);
    }
    world.pass(250);
    world.forget_what_was_heard();
    let good = world.offer("ana");

    world.answer("ben");
    let mut wrong = good.clone();
    wrong.sig.0[5] ^= 1;
    world.offer_key("ana", wrong);
    let mut wrong = good.clone();
    wrong.commit.0[5] ^= 1;
    world.offer_key("ana", wrong);
    let mut wrong = good.clone();
    wrong.roster_hash.0[5] ^= 1;
    world.offer_key("ana", wrong);
    let mut wrong = good.clone();
    wrong.prev.0[5] ^= 1;
    world.offer_key("ana", wrong);
    let mut wrong = good.clone();
    wrong.version += 1;
    world.offer_key("ana", wrong);
    let mut twice = good.clone();
    twice.wraps.push(twice.wraps[0].clone());
    world.offer_key("ana", twice);
    let mut to_self = good.clone();
    to_self.wraps[0].id = world.id("ana");
    world.offer_key("ana", to_self);
    let mut to_stranger = good.clone();
    to_stranger.wraps[0].id.0[0] ^= 1;
    world.offer_key("ana", to_stranger);
    for name in ["ana", "ben", "cleo"] {
        assert!(world.hears(name).is_empty(), "{name}");
    }

    // Fewer wraps are the steward's business: who got none complains.
    let mut good = good;
    good.wraps.remove(0);
    world.offer_key("ana", good.clone());
    assert_eq!(world.hears("ben"), ["key 3 by ana, bare"]);
    assert_eq!(world.hears("cleo"), ["key 3 by ana"]);
    world.offer_key("ana", good);
    assert!(world.hears("cleo").is_empty());
}

#[test]
fn in_history_rooms_those_who_hold_a_key_are_asked_first() {
    let mut world = World::with_history();
    world.join("ana");
    world.join("ben");
    world.join("cleo");
    world.pass(250);
    let mut offer = world.offer("ana");
    offer.wraps.retain(|wrap| wrap.id == world.id("cleo"));
    world.offer_key("ana", offer);
    world.forget_what_was_heard();
    world.leave("ana");
    assert_eq!(asked(&mut world), ["cleo"]);
    world.decline("cleo");
    assert_eq!(asked(&mut world), ["ben"]);
}

#[test]
fn a_complaint_brings_a_new_key_from_somebody_else() {
    let mut world = World::new();
    world.keyed_pair();
    world.join("cleo");
    world.pass(250);
    let mut offer = world.offer("ana");
    offer.wraps.retain(|wrap| wrap.id != world.id("cleo"));
    world.offer_key("ana", offer);
    world.forget_what_was_heard();
    world.need_key("cleo", 3);
    assert_eq!(world.hears("cleo"), ["rekey"]);
    assert_eq!(world.hears("ben"), ["rekey", "wanted 4"]);
    // No hold: the people are the same.
    world.say("ana");
    assert_eq!(world.hears("cleo"), ["ana#0"]);
    world.answer("ben");
    assert_eq!(world.hears("cleo"), ["key 4 by ben"]);
    // From now on ana is asked last.
    world.forget_what_was_heard();
    world.join("dan");
    world.pass(250);
    assert_eq!(asked(&mut world), ["ben"]);
    world.pass(2_000);
    assert_eq!(asked(&mut world), ["cleo"]);
}

#[test]
fn only_those_concerned_complain_and_only_of_the_last_key() {
    let mut world = World::new();
    world.keyed_pair();
    world.join("cleo");
    world.forget_what_was_heard();
    world.need_key("cleo", 2);
    world.need_key("ben", 1);
    world.need_key("ben", 3);
    assert!(world.hears("ana").is_empty());
    // While a key is awaited, a complaint counts and makes no other version.
    world.need_key("ben", 2);
    assert!(world.hears("ana").is_empty());
    world.pass(250);
    assert_eq!(asked(&mut world), ["ben"]);
}

#[test]
fn the_same_complaint_counts_ever_more_slowly() {
    let mut world = World::new();
    world.keyed_pair();
    let mut counted: Vec<u64> = Vec::new();
    let start = world.now;
    for _ in 0..170 {
        let version = world.person("ben").version;
        world.need_key("ben", version);
        if world
            .hears_besides_ticks("ben")
            .contains(&String::from("rekey"))
        {
            counted.push(world.now.millis_since(start) / 1_000);
            // Ben is away for a moment, so that it is ana who is asked again.
            world.drop("ben");
            world.answer("ana");
            world.resume("ben");
        }
        world.pass(1_000);
    }
    assert_eq!(counted, [0, 5, 15, 35, 75, 155]);
}

/// Who was asked since the last time, by name.
fn asked(world: &mut World) -> Vec<&'static str> {
    let names = ["ana", "ben", "cleo", "dan", "eve", "fay"];
    names
        .into_iter()
        .filter(|name| {
            world.knows(name)
                && world
                    .hears_besides_ticks(name)
                    .iter()
                    .any(|line| line.starts_with("wanted"))
        })
        .collect()
}

#[test]
fn a_complaint_about_another_version_than_the_last_keyed_one_is_nothing() {
    let mut world = World::new();
    world.keyed_pair();
    let keyed = world.person("ben").version;
    world.need_key("ben", keyed - 1);
    world.need_key("ben", keyed + 1);
    assert_eq!(world.hears("ana"), [""; 0]);
    // Nor does it make the next one count less.
    world.need_key("ben", keyed);
    assert_eq!(world.hears("ana").first().unwrap(), "rekey");
}
