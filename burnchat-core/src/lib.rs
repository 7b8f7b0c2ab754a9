//! The Burnchat protocol without I/O: no sockets, no clock, no operating-system randomness.

#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;

#[cfg(any(test, feature = "std"))]
extern crate std;

pub mod client;
pub mod crypto;
pub mod encoding;
pub mod error;
pub mod ids;
pub mod limits;
pub mod link;
pub mod relay;
pub mod time;
pub mod wire;
