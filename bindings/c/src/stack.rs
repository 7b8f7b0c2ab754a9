//! The stack, which no destructor reaches.

use std::hint::black_box;

use zeroize::Zeroizing;

/// More than the calls of this crate go down.
const DEPTH: usize = 64 * 1024;

/// Writes zeros over what calls that are over have left on this thread's stack: below the caller's frame, where theirs
/// were.
#[inline(never)]
pub(crate) fn wipe_below() {
    let mut below = Zeroizing::new([0_u8; DEPTH]);
    black_box(&mut below);
}
