//! Burnchat in a terminal.

fn main() {}
