//! Whole rooms of Burnchat in one thread under a virtual clock, held to the spec after every event.
//!
//! A [`Script`] is drawn from a seed: a room, a network, clocks, and what people do. [`run`] lives it with the real
//! machines and ends at the first [`Rule`] that does not hold. The same seed gives the same run, byte for byte, and the
//! same hash of its trace. What fails is made short by [`shrink`].
//!
//! The primitives are the real ones, or, in a build with `--cfg burnchat_sim` in `RUSTFLAGS`, a stand-in for them that is
//! some twenty times as fast and protects nothing ([`IS_FAST`]).

mod coverage;
mod hostile;
mod insider;
mod invariants;
mod network;
mod node;
mod observed;
mod outputs;
mod people;
mod relays;
mod rule;
mod run;
mod script;
mod shrink;
mod trace;
mod withhold;
mod world;

/// Whether this build has the stand-in for the primitives.
pub const IS_FAST: bool = cfg!(burnchat_sim);

pub use coverage::Coverage;
pub use rule::{Rule, Violation};
pub use run::{Outcome, is_repeatable, run};
pub use script::{Deed, Fault, Hostility, Scene, Script, Step};
pub use shrink::{kept, parse_kept, shrink};
pub use trace::{Note, Trace};
