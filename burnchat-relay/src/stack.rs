//! What calls that have ended leave behind on a thread's stack.

use std::cell::Cell;
use std::hint::black_box;

/// As deep as calls go here, and then some.
const DEPTH: usize = 64 << 10;

thread_local! {
    static USED: Cell<bool> = const { Cell::new(false) };
}

/// Overwrites what calls that have ended have left on the stack below the caller, 64 KiB deep. Where a thread is about to
/// sleep, it then keeps nothing there of what it did before.
///
/// A worker does it by itself. The runtime on which a relay's requests are answered may see secrets in them, too: give
/// this to its [`on_thread_park`](tokio::runtime::Builder::on_thread_park), as the program `burnchat-relay` does.
#[inline(never)]
pub fn wipe_stack() {
    let mut below = [0_u8; DEPTH];
    // The compiler must think that somebody looks.
    black_box(&mut below);
}

/// Something was done on this thread of which nothing may be left.
pub(crate) fn set_used() {
    USED.set(true);
}

/// Wipes if that is so. Frames come by the thousand, and sleeping between them would cost as much as they do: what they
/// leave is overwritten by the next ones, and wiped when their room burns or somebody goes.
pub(crate) fn wipe_if_used() {
    if USED.replace(false) {
        wipe_stack();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_wipes_once_for_all_that_was_done_on_it() {
        set_used();
        set_used();
        wipe_if_used();
        assert!(!USED.get());
    }
}
