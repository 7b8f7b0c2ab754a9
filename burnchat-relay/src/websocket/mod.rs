//! The relay's half of WebSocket (RFC 6455), as far as it costs anything.
//!
//! Headers are read and written by tungstenite. What is round them is here, because it decides what a delivery costs and
//! what stays in memory: a frame to many is encoded once and shared ([`frame`]), several go out in one write
//! ([`sending`]), and what comes in is unmasked straight into memory that is wiped, without a buffer in between
//! ([`receiving`]).

pub(crate) mod frame;
pub(crate) mod receiving;
pub(crate) mod sending;

/// The longest payload of a ping, a pong or a close (RFC 6455 section 5.5).
const LONGEST_CONTROL: usize = 125;
