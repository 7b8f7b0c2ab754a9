//! Shows that `burnchat-core` needs no standard library.
//!
//! `#![no_std]` on a crate says nothing of its dependencies, and no target without std may be installed to try them
//! on. A program has one panic handler, though, and std brings its own: if anything below this crate links std, the
//! compiler refuses the handler here as a duplicate (E0152). Not seen: a dependency that the core's manifest names and
//! its code never mentions.

#![no_std]

extern crate burnchat_core as _;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
