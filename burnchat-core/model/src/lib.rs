//! Every interleaving of small rooms of Burnchat, with the real machines, held to the spec.
//!
//! Two or three people, one hub, and every order in which frames arrive, timers fire, connections break and people act,
//! within a number of deeds: `explore` goes through all states that can be reached, breadth first, and ends at the
//! first [`burnchat_sim::Rule`] that does not hold. `tell` takes a way of `Step`s again and says what happens.
//!
//! The machines are those of `burnchat-core`, copied at every step, which they can be in builds with
//! `--cfg burnchat_sim` alone. Without it this crate is empty.

#![cfg_attr(
    burnchat_sim,
    expect(
        clippy::indexing_slicing,
        reason = "a number that names nothing is a mistake of the search, which must not go on"
    )
)]

#[cfg(burnchat_sim)]
mod arena;
#[cfg(burnchat_sim)]
mod between;
#[cfg(burnchat_sim)]
mod explore;
#[cfg(burnchat_sim)]
mod frames;
#[cfg(burnchat_sim)]
mod hash;
#[cfg(burnchat_sim)]
mod person;
#[cfg(burnchat_sim)]
mod relay;
#[cfg(burnchat_sim)]
mod room;
#[cfg(burnchat_sim)]
mod step;
#[cfg(burnchat_sim)]
mod story;
#[cfg(burnchat_sim)]
mod world;

#[cfg(burnchat_sim)]
pub use explore::{Counterexample, Explored, Start, explore};
#[cfg(burnchat_sim)]
pub use step::{Deed, NoStep, Step};
#[cfg(burnchat_sim)]
pub use story::tell;
#[cfg(burnchat_sim)]
pub use world::Scene;
