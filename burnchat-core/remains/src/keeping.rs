//! An allocator that gives nothing back.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// An allocator that never uses memory twice: what is freed stays as it was left. For a test's `#[global_allocator]`.
///
/// A block that grows is copied and its old place kept, which is the worst an allocator may do.
#[derive(Debug, Default)]
pub struct Keeping {
    freed: AtomicUsize,
}

impl Keeping {
    /// The allocator.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            freed: AtomicUsize::new(0),
        }
    }

    /// How many bytes were freed, and are kept.
    #[must_use]
    pub fn freed(&self) -> usize {
        self.freed.load(Relaxed)
    }
}

// SAFETY: blocks come from the system's allocator and are never given back to it. `realloc` and `alloc_zeroed` are the
// trait's own: a new block, a copy, and a call of `dealloc`.
#[expect(unsafe_code, reason = "this is what an allocator is")]
unsafe impl GlobalAlloc for Keeping {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are the ones asked for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, _block: *mut u8, layout: Layout) {
        self.freed.fetch_add(layout.size(), Relaxed);
    }
}
