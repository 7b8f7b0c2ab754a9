//! Whole rooms of Burnchat in one thread under a virtual clock, held to the spec after every event.
//!
//! A [`Script`] is drawn from a seed: a room, a network, clocks, and what people do. [`run`] lives it with the real
//! machines and the real primitives and ends at the first [`Rule`] that does not hold. The same seed gives the same run,
//! byte for byte, and the same hash of its trace. What fails is made short by [`shrink`].

mod coverage;
mod hostile;
mod insider;
mod invariants;
mod node;
mod outputs;
mod people;
mod rule;
mod run;
mod script;
mod shrink;
mod trace;
mod withhold;
mod world;

pub use coverage::Coverage;
pub use rule::{Rule, Violation};
pub use run::{Outcome, is_repeatable, run};
pub use script::{Deed, Hostility, Scene, Script, Step};
pub use shrink::{kept, parse_kept, shrink};
pub use trace::{Note, Trace};
