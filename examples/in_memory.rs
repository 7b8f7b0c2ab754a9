//! Two clients and a hub in one process: no socket, no runtime, no clock but the one it is given.

fn main() {}
