//! Machines by number.
//!
//! A machine is deterministic, its randomness included, so what it has become is a function of what has come to it. The
//! states of one machine form a tree of its inputs; each input is worked out once, and every global state in which the
//! machine stands there shares the outcome.

use std::rc::Rc;

use crate::frames::Frames;
use crate::hash::{Digest, Map};

/// A deterministic machine with what is written down about it.
pub(crate) trait Machine: Clone {
    type Input: Clone + Eq + std::hash::Hash;
    type Output;
    /// What the explorer needs to know without the machine at hand.
    type Facts;

    fn step(&mut self, input: &Self::Input, frames: &mut Frames) -> Self::Output;
    fn facts(&self) -> Self::Facts;
    /// Equal for machines that will go on alike.
    fn digest(&self) -> Digest;
}

/// The number of a machine's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place(u32);

/// Every state that machines of one kind have been in.
pub(crate) struct Arena<M: Machine> {
    states: Vec<State<M>>,
    by_digest: Map<Digest, Place>,
    next: Map<(Place, M::Input), (Place, Rc<M::Output>)>,
    generation: u32,
}

struct State<M: Machine> {
    /// Dropped when it has not been needed for long: it can be made again.
    machine: Option<M>,
    facts: Rc<M::Facts>,
    from: Option<(Place, M::Input)>,
    needed: u32,
}

impl<M: Machine> Arena<M> {
    pub(crate) fn new() -> Self {
        Self {
            states: Vec::new(),
            by_digest: Map::default(),
            next: Map::default(),
            generation: 0,
        }
    }

    /// A state without a past.
    pub(crate) fn add(&mut self, machine: M) -> Place {
        self.keep(machine, None)
    }

    /// What becomes of a state by an input, and what it says.
    pub(crate) fn step(
        &mut self,
        from: Place,
        input: M::Input,
        frames: &mut Frames,
    ) -> (Place, Rc<M::Output>) {
        let key = (from, input);
        if let Some((to, output)) = self.next.get(&key) {
            return (*to, Rc::clone(output));
        }
        let mut machine = self.machine(from, frames);
        let output = Rc::new(machine.step(&key.1, frames));
        let to = self.keep(machine, Some(key.clone()));
        self.next.insert(key, (to, Rc::clone(&output)));
        (to, output)
    }

    pub(crate) fn facts(&self, Place(number): Place) -> &Rc<M::Facts> {
        &self.states[number as usize].facts
    }

    /// How many states there are.
    pub(crate) fn len(&self) -> usize {
        self.states.len()
    }

    /// How many inputs were worked out.
    pub(crate) fn steps(&self) -> usize {
        self.next.len()
    }

    /// Drops the machines that were not needed since the last call but one.
    pub(crate) fn drop_old(&mut self) {
        let oldest = self.generation;
        self.generation = oldest.saturating_add(1);
        for state in &mut self.states {
            if state.needed < oldest && state.from.is_some() {
                state.machine = None;
            }
        }
    }

    fn keep(&mut self, machine: M, from: Option<(Place, M::Input)>) -> Place {
        let number = u32::try_from(self.states.len()).unwrap_or(u32::MAX);
        let place = *self
            .by_digest
            .entry(machine.digest())
            .or_insert(Place(number));
        if place == Place(number) {
            self.states.push(State {
                facts: Rc::new(machine.facts()),
                machine: Some(machine),
                from,
                needed: self.generation,
            });
        }
        place
    }

    /// A copy of the machine, made again from its past if need be.
    fn machine(&mut self, Place(number): Place, frames: &mut Frames) -> M {
        let mut past = Vec::new();
        let mut at = number as usize;
        let mut machine = loop {
            let state = &mut self.states[at];
            state.needed = self.generation;
            match (&state.machine, &state.from) {
                (Some(machine), _) => break machine.clone(),
                (None, Some((Place(before), input))) => {
                    past.push(input.clone());
                    at = *before as usize;
                }
                (None, None) => unreachable!("a state without a past keeps its machine"),
            }
        };
        for input in past.iter().rev() {
            machine.step(input, frames);
        }
        machine
    }
}
