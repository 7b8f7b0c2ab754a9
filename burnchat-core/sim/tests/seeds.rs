//! The simulation, as far as every run of the tests has time for it.

use burnchat_sim::{Rule, Script, is_repeatable, run, shrink};

#[test]
fn every_rule_holds_in_the_first_rooms() {
    for seed in 1..=24 {
        let outcome = run(&Script::draw(seed, Some(5)), false);
        assert_eq!(outcome.violation, None, "seed {seed}");
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    if !is_repeatable() {
        // A build with AWS-LC, as of the whole workspace: `cargo test -p burnchat-sim` has something to compare.
        return;
    }
    for seed in 100..106 {
        let script = Script::draw(seed, Some(4));
        let (first, second) = (run(&script, false), run(&script, true));
        assert_eq!(first.trace_hash, second.trace_hash, "seed {seed}");
        assert_eq!(first.events, second.events);
        let other = run(&Script::draw(seed + 1_000, Some(4)), false);
        assert_ne!(first.trace_hash, other.trace_hash);
    }
}

#[test]
fn a_script_that_does_not_fail_is_not_made_shorter() {
    let script = Script::draw(7, Some(2)).only(|number| number < 4);
    assert_eq!(shrink(&script, Rule::NoLoss).steps, script.steps);
}
