//! Whole rooms, as one of the people in them sees them.
//!
//! The rooms are real: a hub and clients in memory. One of the people only listens; what it receives, and what its
//! client makes of it, is the transcript.

mod record;
mod stories;
mod tell;
mod world;

pub(crate) use stories::files;
