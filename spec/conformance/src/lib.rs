//! The conformance suite of the Burnchat protocol: does an implementation, in whatever language, do what
//! `spec/burnchat-1.md` says?
//!
//! A suite is a list of [`case::Case`]s, each for one statement of the spec. [`run::run`] runs them against a target, a
//! relay or a client, and gives each a [`case::Verdict`]; [`report`] writes verdicts for people and for programs.
//! [`requirements`] is the catalogue of what the spec demands, [`coverage`] the table of which cases show what of it.
//!
//! - [`relay`]: plays clients, good and hostile, against a relay.
//! - [`client`]: plays a relay, good and hostile, against a client behind the shim of `spec/shim.md`.
//! - [`vectors`]: the test vectors against a shim of pure functions.
//! - [`hostile`]: a relay that attacks whoever joins it, one scenario for each attack of the threat model.

#![forbid(unsafe_code)]

pub mod case;
pub mod cli;
pub mod client;
pub mod context;
pub mod coverage;
pub mod hostile;
pub mod relay;
pub mod report;
pub mod requirements;
pub mod run;
pub mod vectors;
