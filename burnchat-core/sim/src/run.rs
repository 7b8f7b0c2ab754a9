//! One life of a room, from its creation to after its end.

use std::panic::{AssertUnwindSafe, catch_unwind};

use burnchat_core::crypto::SigningKeyPair;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::coverage::Coverage;
use crate::invariants;
use crate::people;
use crate::rule::{Rule, Violation};
use crate::script::Script;
use crate::world::{START, World};

/// How a run went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The rule that did not hold, if one did not. A run ends there.
    pub violation: Option<Violation>,
    /// The hash of everything that happened.
    pub trace_hash: String,
    /// What happened, for people; empty unless it was asked for.
    pub story: Vec<String>,
    /// Which states and transitions were reached.
    pub coverage: Coverage,
    /// How many events there were: frames, timers, what people did.
    pub events: u64,
}

/// Whether the same script is the same run, byte for byte: not where another package of the same build asks the core for
/// AWS-LC, which draws the nonces of signatures itself. A build of this package alone is repeatable.
#[must_use]
pub fn is_repeatable() -> bool {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let Ok(key) = SigningKeyPair::generate(&mut rng) else {
        return false;
    };
    let sign = || key.sign(&[b"twice"]);
    matches!((sign(), sign()), (Ok(first), Ok(second)) if first.as_bytes() == second.as_bytes())
}

/// Runs a script. `story` is whether to keep what happened for people to read.
#[must_use]
pub fn run(script: &Script, story: bool) -> Outcome {
    // A machine that panics takes its world with it: what is left is the script.
    catch_unwind(AssertUnwindSafe(|| live(script, story))).unwrap_or_else(|payload| {
        let words = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied())
            .unwrap_or("without words");
        failed(Rule::NoPanic, format!("a machine panicked: {words}"))
    })
}

fn live(script: &Script, story: bool) -> Outcome {
    let mut world = match World::new(script.seed, script.scene, story) {
        Ok(world) => world,
        Err(error) => return failed(Rule::NoFalseBlame, format!("no room: {error}")),
    };
    let scene = format!("{:?}", script.scene);
    world.trace.tell(START, format_args!("{scene}"));
    for step in &script.steps {
        world.run_for(step.pause);
        if world.violation.is_some() {
            break;
        }
        people::perform(&mut world, step);
    }
    if world.violation.is_none() {
        people::rest(&mut world);
    }
    if world.violation.is_none() {
        // Past the hard end by everybody's clock, steps included, and by the relay's.
        let left = world.room.not_after.millis_since(world.now);
        world.run_for(left.saturating_add(1_000_000));
        invariants::after_the_end(&mut world);
    }
    let World {
        violation,
        trace,
        coverage,
        ..
    } = world;
    let events = trace.events();
    let (trace_hash, story) = trace.finish();
    Outcome {
        violation,
        trace_hash,
        story,
        coverage,
        events,
    }
}

fn failed(rule: Rule, what: String) -> Outcome {
    Outcome {
        violation: Some(Violation {
            rule,
            at: START,
            what,
        }),
        trace_hash: String::new(),
        story: Vec::new(),
        coverage: Coverage::default(),
        events: 0,
    }
}
