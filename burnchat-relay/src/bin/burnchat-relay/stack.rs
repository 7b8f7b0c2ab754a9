//! What calls that have ended leave behind on a thread's stack.

use std::hint::black_box;

/// As deep as calls go here, and then some.
const DEPTH: usize = 64 << 10;

/// Overwrites what calls that have ended have left below the caller: called where a thread is about to sleep, it leaves
/// nothing of what the thread did before.
#[inline(never)]
pub(crate) fn wipe_below() {
    let mut below = [0_u8; DEPTH];
    // The compiler must think that somebody looks.
    black_box(&mut below);
}
