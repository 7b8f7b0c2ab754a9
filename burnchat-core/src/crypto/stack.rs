//! What calls that have ended leave behind on a thread's stack.

use core::hint::black_box;

/// As deep as calls go here, and then some.
const DEPTH: usize = 64 << 10;

/// Overwrites what calls that have ended have left on the stack below the caller, 64 KiB deep.
///
/// Secrets live on the heap and are wiped there ([`Secret`](super::Secret)), but compilers and the primitives' crates keep
/// copies on the stack while they work, and nobody wipes those when they are done. Drivers call this after they have called
/// a machine, on the same thread; it takes one or two microseconds.
#[inline(never)]
pub fn wipe_stack() {
    let mut below = [0_u8; DEPTH];
    // The compiler must think that somebody looks.
    black_box(&mut below);
}
