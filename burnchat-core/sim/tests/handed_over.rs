//! Rooms that several relays share (spec section 13.6): every rule holds whatever befalls them, and what would be wrong
//! with the way they share them is found.

use burnchat_sim::{Fault, Hostility, Rule, Script, run};

/// Rooms of three relays and nobody whom one can't trust.
fn scripts(fault: Fault) -> impl Iterator<Item = Script> {
    let drawn = (1..).map(|seed| Script::draw(seed, Some(4)));
    let drawn = drawn.filter(|script| script.scene.hostility == Hostility::None);
    drawn.map(move |script| {
        let mut script = script.with_relays(3);
        script.scene.fault = fault;
        script
    })
}

/// The first rule that is broken in a room with this fault, of so many rooms.
fn first_broken(fault: Fault, rooms: usize) -> Option<Rule> {
    let mut outcomes = scripts(fault).take(rooms).map(|script| run(&script, false));
    outcomes.find_map(|outcome| Some(outcome.violation?.rule))
}

#[test]
fn every_rule_holds_whatever_befalls_the_relays() {
    for script in scripts(Fault::None).take(16) {
        let outcome = run(&script, false);
        assert_eq!(outcome.violation, None, "seed {}", script.seed);
    }
}

#[test]
fn an_owner_that_speaks_before_it_is_kept_is_found() {
    assert!(first_broken(Fault::SaysEarly, 400).is_some());
}

#[test]
fn an_owner_that_was_replaced_and_still_writes_is_found() {
    assert!(first_broken(Fault::NoFence, 400).is_some());
}

#[test]
fn a_memory_that_forgets_is_found() {
    assert!(first_broken(Fault::ForgetsWrites, 400).is_some());
}
