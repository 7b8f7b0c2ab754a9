//! The reference Burnchat relay, as a program.

fn main() {}
