//! Stories of rooms, told through the hub's own interface.

mod admission;
mod asking;
mod commands;
mod epochs;
mod hostile;
mod keeping;
mod limits;
mod pin;
mod time;
mod tokens;
mod world;
