//! Stories of rooms, told through the hub's own interface.

mod admission;
mod asking;
mod commands;
mod epochs;
mod handed_over;
mod handover;
mod hostile;
mod keeping;
mod limits;
mod pin;
mod time;
mod tokens;
mod world;

/// Whether each room is handed over after every step.
const HANDED_OVER: bool = false;
