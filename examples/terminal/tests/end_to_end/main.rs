//! Real processes on real sockets: `burnchat --json` and the relay's program.

#[cfg(test)]
mod harness;
#[cfg(test)]
mod program;
#[cfg(test)]
mod rooms;
