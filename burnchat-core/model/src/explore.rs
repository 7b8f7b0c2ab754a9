//! Every state that can be reached, in order of the number of steps.

use std::mem;

use burnchat_sim::Rule;

use crate::between;
use crate::hash::{Digest, Map, Set, digest};
use crate::room::NAMES;
use crate::step::{Deed, Step};
use crate::world::{Broken, Machines, Scene, World};

/// How long a room that is left alone may take to come to rest, in ticks of a quarter of a second: somebody who is asked
/// for a key and does not answer has 2 s, twice, after a wait of 250 ms (spec section 7.1); a join that met its own
/// ghost tries again after 5 s (11.2).
const REST: u32 = 4 * 10;
/// More steps than a room that is left alone takes.
const CALM_STEPS: usize = 2_000;

/// Where exploring begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Nobody has come yet.
    Empty,
    /// Everybody is there, and has a key.
    Keyed,
}

/// A rule that did not hold, and the shortest way there.
#[derive(Clone, Debug)]
pub struct Counterexample {
    /// Which.
    pub rule: Rule,
    /// What was seen.
    pub what: String,
    /// The way there.
    pub steps: Vec<Step>,
}

/// What was explored.
#[derive(Clone, Debug, Default)]
pub struct Explored {
    /// Global states.
    pub states: usize,
    /// Steps between them.
    pub transitions: usize,
    /// Steps of the longest way.
    pub depth: usize,
    /// Whether there was nothing left to explore within the numbers of deeds and waits.
    pub complete: bool,
    /// States that a room left alone passed through on its way to rest, besides.
    pub calm: usize,
    /// States of the relay, and inputs that were worked out.
    pub relay: (usize, usize),
    /// States of clients, and inputs that were worked out.
    pub clients: (usize, usize),
    /// Different frames.
    pub frames: usize,
    /// The longest that a room left alone took to come to rest, seconds.
    pub longest_rest: f64,
}

/// How one state was reached.
#[derive(Clone, Copy)]
struct Trail {
    from: u32,
    step: Step,
}

/// The search.
pub(crate) struct Explorer {
    machines: Machines,
    seen: Set<Digest>,
    trails: Vec<Trail>,
    /// States that a calm network brings to rest, and when.
    rested: Map<Digest, u32>,
    transitions: usize,
    longest_rest: u32,
}

const NOWHERE: u32 = u32::MAX;

/// Explores a scene to a depth. `progress` is told the depth, the states so far, and those to go on from.
///
/// # Errors
/// The first rule that does not hold, by the number of steps; or what kept the room from being made.
pub fn explore(
    scene: Scene,
    start: Start,
    depth: usize,
    mut progress: impl FnMut(usize, usize, usize),
) -> Result<Result<Explored, Counterexample>, String> {
    let (machines, empty) = Machines::new(scene)?;
    let mut explorer = Explorer {
        machines,
        seen: Set::default(),
        trails: Vec::new(),
        rested: Map::default(),
        transitions: 0,
        longest_rest: 0,
    };
    let first = match start {
        Start::Empty => empty,
        Start::Keyed => explorer.machines.gather(&empty)?,
    };
    Ok(explorer.search(first, depth, &mut progress))
}

impl Explorer {
    fn search(
        &mut self,
        first: World,
        depth: usize,
        progress: &mut impl FnMut(usize, usize, usize),
    ) -> Result<Explored, Counterexample> {
        self.seen.insert(digest(&first));
        self.rest(&first, NOWHERE)?;
        let mut frontier = vec![(NOWHERE, first)];
        let mut reached = 0;
        while reached < depth && !frontier.is_empty() {
            let before = mem::take(&mut frontier);
            for (from, world) in before {
                for step in self.machines.next_steps(&world) {
                    self.transitions += 1;
                    let next = match self.machines.apply(&world, step) {
                        Ok(next) => next,
                        Err(broken) => return Err(self.counterexample(from, &[step], broken)),
                    };
                    if self.seen.insert(digest(&next)) {
                        let trail = u32::try_from(self.trails.len()).unwrap_or(NOWHERE);
                        self.trails.push(Trail { from, step });
                        self.rest(&next, trail)?;
                        frontier.push((trail, next));
                    }
                }
            }
            if !frontier.is_empty() {
                reached += 1;
            }
            self.machines.relays.drop_old();
            self.machines.people.drop_old();
            progress(reached, self.seen.len(), frontier.len());
        }
        let machines = &self.machines;
        Ok(Explored {
            states: self.seen.len(),
            transitions: self.transitions,
            depth: reached,
            complete: frontier.is_empty(),
            calm: self.rested.len(),
            relay: (machines.relays.len(), machines.relays.steps()),
            clients: (machines.people.len(), machines.people.steps()),
            frames: machines.frames.len(),
            longest_rest: f64::from(self.longest_rest) / 4.0,
        })
    }

    /// Leaves a state alone, and sees that it comes to rest.
    fn rest(&mut self, world: &World, trail: u32) -> Result<(), Counterexample> {
        let mut at = world.uncounted();
        let mut steps = Vec::new();
        let mut way = Vec::new();
        let at_rest = loop {
            let here = digest(&at);
            if let Some(at_rest) = self.rested.get(&here) {
                break *at_rest;
            }
            way.push(here);
            match self
                .machines
                .calm_step(&at, world.now.0 + REST, steps.len())
            {
                Ok(Some(step)) => {
                    steps.push(step);
                    match self.machines.apply(&at, step) {
                        Ok(next) => at = next.uncounted(),
                        Err(broken) => return Err(self.counterexample(trail, &steps, broken)),
                    }
                }
                Ok(None) => break at.now.0,
                Err(broken) => return Err(self.counterexample(trail, &steps, broken)),
            }
        };
        let took = at_rest.saturating_sub(world.now.0);
        if took > REST {
            let what = format!(
                "left alone, the room takes {} s to come to rest",
                f64::from(took) / 4.0
            );
            return Err(self.counterexample(trail, &steps, (Rule::Progress, what)));
        }
        self.longest_rest = self.longest_rest.max(took);
        self.rested
            .extend(way.into_iter().map(|here| (here, at_rest)));
        Ok(())
    }

    fn counterexample(&self, mut trail: u32, last: &[Step], broken: Broken) -> Counterexample {
        let mut steps: Vec<Step> = last.iter().rev().copied().collect();
        while let Some(Trail { from, step }) = self.trails.get(trail as usize) {
            steps.push(*step);
            trail = *from;
        }
        steps.reverse();
        let (rule, what) = broken;
        Counterexample { rule, what, steps }
    }
}

impl Machines {
    /// What can happen next.
    pub(crate) fn next_steps(&self, world: &World) -> Vec<Step> {
        let mut steps = self.moves(world);
        let is_timer = |step: &Step| matches!(step, Step::RelayTimer | Step::ClientTimer(_));
        let timers_due = steps.iter().any(is_timer);
        let under_way = !steps.iter().all(is_timer);
        let deeds = self.deeds(world, timers_due, under_way);
        if deeds.is_empty() {
            // Nobody will do anything, and time does not pass while something is under way: what a client does with
            // what has come to it touches nothing that anybody else can. One order of such steps stands for all.
            let alone = self.everybody().find(|node| world.is_by_itself(*node));
            if let Some(node) = alone.and_then(|node| u8::try_from(node).ok()) {
                steps.retain(|step| {
                    [
                        Step::ToClient(node),
                        Step::ClientLearns(node),
                        Step::ClientTimer(node),
                    ]
                    .contains(step)
                });
            }
        }
        if steps.is_empty() && world.waits < self.scene.waits && self.next_due(world).is_some() {
            steps.push(Step::Wait);
        }
        steps.extend(deeds.into_iter().map(Step::Deed));
        steps
    }

    /// Whether this can happen, be it explored or not.
    pub(crate) fn can(&self, world: &World, step: Step) -> bool {
        let moves = self.moves(world);
        match step {
            Step::Deed(deed) => self.deeds(world, false, true).contains(&deed),
            Step::Wait => moves.is_empty() && self.next_due(world).is_some(),
            _ => moves.contains(&step),
        }
    }

    /// What a calm network does next with a room that is left alone; nothing if it has come to rest.
    fn calm_step(&self, world: &World, until: u32, taken: usize) -> Result<Option<Step>, Broken> {
        if let Some(step) = self.moves(world).first() {
            if taken > CALM_STEPS {
                let what = "the machines do not fall silent".into();
                return Err((Rule::Bounded, what));
            }
            return Ok(Some(*step));
        }
        let Some(lacking) = between::unsettled(self, world) else {
            return between::at_rest(self, world).map(|()| None);
        };
        match self.next_due(world) {
            Some(next) if next.0 <= until => Ok(Some(Step::Wait)),
            _ => {
                let seconds = f64::from(REST) / 4.0;
                let what = format!("left alone for {seconds} s, {lacking}");
                Err((Rule::Progress, what))
            }
        }
    }

    /// Lets everybody come one after the other, and waits until all have a key.
    pub(crate) fn gather(&mut self, empty: &World) -> Result<World, String> {
        let mut world = empty.clone();
        for node in self.everybody() {
            let come = Step::Deed(Deed::Join(crate::world::number(node)));
            let mut next = Some(come);
            while let Some(step) = next {
                world = self
                    .apply(&world, step)
                    .map_err(|(rule, what)| format!("{} comes: {rule:?}: {what}", NAMES[node]))?;
                next = self
                    .calm_step(&world, u32::MAX, 0)
                    .map_err(|(rule, what)| format!("{} comes: {rule:?}: {what}", NAMES[node]))?;
            }
        }
        Ok(world.uncounted())
    }
}
