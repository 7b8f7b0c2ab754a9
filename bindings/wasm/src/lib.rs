//! Burnchat for JavaScript: one participant's side of a room, as WebAssembly.
//!
//! A thin layer over `burnchat-core`'s client machine: what goes in and comes out is plain JavaScript. It has no sockets,
//! no clock and no threads; `js/room.js` beside it has those for browsers and Node. The README says how it is used, who
//! frees what, and what can't be wiped.
//!
//! Times are milliseconds since the Unix epoch, as JavaScript's numbers: they are whole and exact far beyond the
//! protocol's last minute. Ids are base64url, as on the wire. Nothing that a relay sends makes a call throw: what throws is
//! the caller's own mistake, with a code of the protocol's registry.

#![cfg_attr(target_family = "wasm", no_std)]

extern crate alloc;

mod client;
mod entropy;
mod event;
mod plain;
mod refusal;
mod room;
mod stack;
mod types;
#[cfg(feature = "vectors")]
mod vectors;

#[cfg(target_family = "wasm")]
mod platform {
    use dlmalloc::GlobalDlmalloc;
    use zeroizing_alloc::ZeroAlloc;

    /// Wipes whatever is freed. Texts and links cross the border through memory that wasm-bindgen takes and gives back;
    /// this is what reaches it.
    #[global_allocator]
    static ALLOCATOR: ZeroAlloc<GlobalDlmalloc> = ZeroAlloc(GlobalDlmalloc);

    /// A defect of the library: the instance traps, JavaScript sees a `RuntimeError`. What it was about is not told, as
    /// that may be somebody's words.
    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        core::arch::wasm32::unreachable()
    }
}
