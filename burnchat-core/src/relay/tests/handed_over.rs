//! The same stories, with every room written down and read again after every step: nobody notices.

#![allow(
    clippy::duplicate_mod,
    reason = "each of them is told in another world"
)]

#[path = "admission.rs"]
mod admission;
#[path = "asking.rs"]
mod asking;
#[path = "commands.rs"]
mod commands;
#[path = "epochs.rs"]
mod epochs;
#[path = "keeping.rs"]
mod keeping;
#[path = "pin.rs"]
mod pin;
#[path = "time.rs"]
mod time;
#[path = "tokens.rs"]
mod tokens;
#[allow(dead_code, reason = "some of it is for other stories")]
#[path = "world.rs"]
mod world;

const HANDED_OVER: bool = true;
