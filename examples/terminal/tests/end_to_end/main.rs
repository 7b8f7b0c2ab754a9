//! Real processes on real sockets: `burnchat --json` and the relay's program.

#[cfg(test)]
mod harness;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod memory;
#[cfg(test)]
mod program;
#[cfg(test)]
mod rooms;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod tess;
