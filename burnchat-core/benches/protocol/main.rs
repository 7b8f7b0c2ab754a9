//! What a step costs, next to the primitives it can't do without: `cargo bench -p burnchat-core --features aws-lc`.
//!
//! Criterion measures and compares with the run before; at the end stands a table with the ratio of each step to its
//! primitives, which are the core's own, measured in turn with it. Without `--bench` (so does `cargo test --benches`)
//! everything runs once.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark may fail by panicking, and prints what it finds"
)]

mod frames;
mod hub;
mod joining;
mod keying;
mod measure;
mod memory;
mod messages;
mod primitives;
mod room;

use measure::Report;

fn main() {
    let mut report = Report::new();
    // First, while the process has asked for little memory that it could use again.
    memory::measure(&mut report);
    primitives::measure(&mut report);
    messages::measure(&mut report);
    joining::measure(&mut report);
    keying::measure(&mut report);
    hub::measure(&mut report);
    frames::measure(&mut report);
    report.print();
}
