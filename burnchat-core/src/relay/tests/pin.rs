//! The PIN and its budgets (spec section 11.4).

use alloc::format;
use alloc::vec::Vec;

use super::world::{World, peer};
use crate::crypto::test_rng::Seeded;
use crate::crypto::{SYMBOLS, Secret};
use crate::relay::hashes::random_pin;

const MINUTE: u64 = 60_000;
const REFUSED: &str = "closed 1008";
const WRONG: &[u8] = b"AAAAA2";

#[test]
fn the_pin_makes_a_creator_however_it_is_typed() {
    let mut world = World::new();
    assert_eq!(world.pin.len(), 6);
    let typed: Vec<u8> = world
        .pin
        .iter()
        .flat_map(|byte| [byte.to_ascii_lowercase(), b' ', b'-'])
        .collect();
    world.join_with_pin("ana", peer(1), &typed);
    assert_eq!(world.hears("ana"), ["joined as Creator: ana"]);
}

#[test]
fn three_failures_lock_a_peer_out_right_or_wrong() {
    let mut world = World::new();
    let pin = world.pin.clone();
    for left in [2, 1, 0] {
        world.join_with_pin("eve", peer(1), WRONG);
        assert_eq!(
            world.hears("eve"),
            [format!("error wrong_pin, left {left}").as_str(), REFUSED]
        );
        world.pass(MINUTE);
    }
    world.join_with_pin("eve", peer(1), &pin);
    assert_eq!(
        world.hears("eve"),
        ["error pin_locked, retry 420000", REFUSED]
    );
    // Another peer has its own budget, and the link alone still admits.
    world.join_with_pin("ana", peer(2), &pin);
    assert_eq!(world.hears("ana"), ["joined as Creator: ana"]);
    world.join("ben");
    assert_eq!(
        world.hears("ben").first().unwrap(),
        "joined as Member: ana ben"
    );
}

#[test]
fn a_peer_is_let_try_again_when_its_first_failure_is_ten_minutes_old() {
    let mut world = World::with(Default::default(), |room| {
        room.ttl_seconds = 7_200;
        room.not_after += 60;
    });
    let pin = world.pin.clone();
    for _ in 0..3 {
        world.join_with_pin("eve", peer(1), WRONG);
        world.pass(MINUTE);
    }
    world.pass(7 * MINUTE - 1);
    world.hears("eve");
    world.join_with_pin("eve", peer(1), &pin);
    assert_eq!(world.hears("eve"), ["error pin_locked, retry 1", REFUSED]);
    world.pass(1);
    world.join_with_pin("eve", peer(1), &pin);
    assert_eq!(world.hears("eve"), ["joined as Creator: eve"]);
}

#[test]
fn twenty_failures_of_many_lock_everyone_out() {
    let mut world = World::with(Default::default(), |room| {
        room.ttl_seconds = 7_200;
        room.not_after += 60;
    });
    let pin = world.pin.clone();
    for from in 0..20 {
        world.join_with_pin("eve", peer(from), WRONG);
        let left = 2.min(19 - from);
        assert_eq!(
            world.hears("eve")[0],
            format!("error wrong_pin, left {left}")
        );
    }
    world.join_with_pin("ana", peer(99), &pin);
    assert_eq!(
        world.hears("ana"),
        ["error pin_locked, retry 3600000", REFUSED]
    );
    world.pass(60 * MINUTE);
    world.join_with_pin("ana", peer(99), &pin);
    assert_eq!(world.hears("ana"), ["joined as Creator: ana"]);
}

#[test]
fn a_pin_is_looked_at_only_after_the_ticket() {
    let mut world = World::new();
    for _ in 0..4 {
        world.join_with("eve", |join, _| {
            join.ticket = Some(Secret::copy_of(&[9; 16]));
            join.pin = Some(crate::wire::PinText(WRONG.to_vec().into()));
        });
        assert_eq!(world.hears("eve"), ["error room_not_found", REFUSED]);
    }
    let pin = world.pin.clone();
    world.join_with_pin("eve", peer(1), &pin);
    assert_eq!(world.hears("eve"), ["joined as Creator: eve"]);
}

#[test]
fn who_comes_with_a_token_is_not_asked_for_the_pin() {
    let mut world = World::new();
    world.join_with("ana", |join, world| {
        join.creator_token = Some(Secret::copy_of(world.creator_token.as_bytes()));
        join.pin = Some(crate::wire::PinText(WRONG.to_vec().into()));
    });
    assert_eq!(world.hears("ana"), ["joined as Creator: ana"]);
}

#[test]
fn every_symbol_of_a_pin_is_drawn_from_all_32() {
    let mut seen = [[false; 32]; 6];
    for seed in 0..300 {
        let pin = random_pin(&mut Seeded::new(seed));
        assert_eq!(pin.0.len(), 6);
        for (place, symbol) in pin.0.as_slice().iter().enumerate() {
            let number = SYMBOLS.iter().position(|known| known == symbol).unwrap();
            seen[place][number] = true;
        }
    }
    assert_eq!(seen, [[true; 32]; 6]);
}

#[test]
fn a_failure_counts_for_ten_minutes_and_not_a_millisecond_more() {
    for (later, left) in [(10 * MINUTE - 1, 1), (10 * MINUTE, 2)] {
        let mut world = World::with(Default::default(), |room| {
            room.ttl_seconds = 7_200;
            room.not_after += 60;
        });
        world.join_with_pin("eve", peer(1), WRONG);
        world.pass(later);
        world.hears("eve");
        world.join_with_pin("eve", peer(1), WRONG);
        let told = format!("error wrong_pin, left {left}");
        assert_eq!(world.hears("eve"), [told.as_str(), REFUSED]);
    }
}
