//! A way through the states, told step by step.

use crate::explore::{Counterexample, Start};
use crate::room::NAMES;
use crate::step::{Deed, Step};
use crate::world::{Machines, Scene, World};

/// Takes these steps and tells what happens. Ends early where a step can't be taken, or a rule does not hold.
///
/// # Errors
/// What kept the room from being made.
pub fn tell(
    scene: Scene,
    start: Start,
    steps: &[Step],
) -> Result<(Vec<String>, Option<Counterexample>), String> {
    let endless = Scene {
        deeds: u8::MAX,
        waits: u8::MAX,
        ..scene
    };
    let (mut machines, empty) = Machines::new(endless)?;
    let mut world = match start {
        Start::Empty => empty,
        Start::Keyed => machines.gather(&empty)?,
    };
    let mut story = vec![match start {
        Start::Empty => "a room, and nobody in it".to_owned(),
        Start::Keyed => format!("{} are in a room and have a key", names(scene.people)),
    }];
    for (place, step) in steps.iter().enumerate() {
        story.push(format!(
            "{:>8.2} s  {:<6} {}",
            world.now.seconds(),
            step.to_string(),
            words(&machines, &world, *step)
        ));
        if !machines.can(&world, *step) {
            story.push("this can't happen here".into());
            break;
        }
        let outcome = machines.apply(&world, *step);
        let said = machines.said.iter().map(|line| format!("{:18} {line}", ""));
        story.extend(said);
        match outcome {
            Ok(next) => world = next,
            Err((rule, what)) => {
                let steps = steps.iter().take(place + 1).copied().collect();
                return Ok((story, Some(Counterexample { rule, what, steps })));
            }
        }
    }
    Ok((story, None))
}

fn names(people: usize) -> String {
    NAMES.get(..people).unwrap_or_default().join(", ")
}

fn name(node: u8) -> &'static str {
    NAMES.get(usize::from(node)).copied().unwrap_or("?")
}

fn words(machines: &Machines, world: &World, step: Step) -> String {
    let frame = || match world.next_frame(step) {
        Some(frame) => format!("`{}`", machines.frames.kind(frame)),
        None => "the close".to_owned(),
    };
    match step {
        Step::Deed(deed) => deed_words(deed),
        Step::Open(node) => format!("{} gets a connection", name(node)),
        Step::ToRelay(node, _) => format!("{} of {} reaches the relay", frame(), name(node)),
        Step::ToClient(node) => format!("{} reaches {}", frame(), name(node)),
        Step::RelayLearns(node, _) => {
            format!("the relay finds the connection of {} broken", name(node))
        }
        Step::ClientLearns(node) => format!("{} finds its connection broken", name(node)),
        Step::RelayTimer => "a timer of the relay fires".into(),
        Step::ClientTimer(node) => format!("a timer of {} fires", name(node)),
        Step::Wait => "time passes".into(),
    }
}

fn deed_words(deed: Deed) -> String {
    match deed {
        Deed::Join(who) => format!("{} opens the link", name(who)),
        Deed::Write(who) => format!("{} writes a text", name(who)),
        Deed::Leave(who) => format!("{} leaves", name(who)),
        Deed::Kick(who, place) => format!("{} removes number {place} on its roster", name(who)),
        Deed::Extend(who) => format!("{} moves the end", name(who)),
        Deed::Burn(who) => format!("{} burns the room", name(who)),
        Deed::Reload(who) => format!("{} loads its page again", name(who)),
        Deed::Return(who) => format!("{} opens the old link again", name(who)),
        Deed::Lose(who) => format!("the connection of {} breaks", name(who)),
        Deed::Spoil(who) => format!("a wrap in the key frame of {} is spoiled", name(who)),
        Deed::Stall => "the network is slow: time passes".into(),
        Deed::Nap => "everything sleeps for 31 s".into(),
        Deed::Sleep => "everything sleeps until the end of the room".into(),
    }
}
