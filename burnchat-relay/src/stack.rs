//! When what calls have left behind on a thread's stack is wiped.

use std::cell::Cell;

use burnchat_core::crypto::wipe_stack;

thread_local! {
    static USED: Cell<bool> = const { Cell::new(false) };
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
