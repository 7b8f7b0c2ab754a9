//! What functions answer: 0, a number of the protocol's error registry, or a number below 0 of this ABI.

use burnchat_core::error::Code;

use crate::handle::guard;
use crate::values::{Slice, put};

/// It was done.
pub const BC_OK: i32 = 0;
/// A pointer that must point to something is NULL.
pub const BC_ERROR_NULL: i32 = -1;
/// The pointer is not a handle of the kind this function takes.
pub const BC_ERROR_HANDLE: i32 = -2;
/// The handle has been freed. Only answered shortly after; later such a call is undefined behaviour.
pub const BC_ERROR_FREED: i32 = -3;
/// The handle is in use by a call on another thread.
pub const BC_ERROR_BUSY: i32 = -4;
/// An earlier call on this handle answered BC_ERROR_PANIC: it can only be freed.
pub const BC_ERROR_POISONED: i32 = -5;
/// This call ran into a defect of the library, or the operating system gave no randomness. The handle is poisoned.
pub const BC_ERROR_PANIC: i32 = -6;
/// A text is not UTF-8.
pub const BC_ERROR_UTF8: i32 = -7;
/// A length, count or struct size is out of range.
pub const BC_ERROR_LENGTH: i32 = -8;
/// A buffer of the caller's is too small; the length it needs has been written.
pub const BC_ERROR_BUFFER: i32 = -9;
/// What was asked for does not exist now: there is no such value before the join, or after the end.
pub const BC_ERROR_NONE: i32 = -10;

// Numbers that were given once and taken back are listed here, and stay unused: none so far.

/// The name of a code: those of the protocol's registry as on the wire (`room_not_found`), those of this ABI in lower
/// case (`error_busy`), `ok` for 0. Empty if there is no such code. `name` is set to bytes that are valid for ever.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_code_name(code: i32, name: *mut Slice) -> i32 {
    // SAFETY: the caller vouches for the memory.
    guard(|| unsafe { put(name, Slice::of(texts_of(code).0.as_bytes())) })
}

/// What a code means, in English, for people. Empty if there is no such code. `meaning` is set to bytes that are valid
/// for ever.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_code_meaning(code: i32, meaning: *mut Slice) -> i32 {
    // SAFETY: the caller vouches for the memory.
    guard(|| unsafe { put(meaning, Slice::of(texts_of(code).1.as_bytes())) })
}

/// The number of a code of the registry.
pub(crate) fn number(code: Code) -> i32 {
    i32::from(code.number())
}

fn texts_of(code: i32) -> (&'static str, &'static str) {
    match code {
        BC_OK => ("ok", "it was done"),
        BC_ERROR_NULL => ("error_null", "a pointer is NULL"),
        BC_ERROR_HANDLE => ("error_handle", "not a handle of this kind"),
        BC_ERROR_FREED => ("error_freed", "the handle has been freed"),
        BC_ERROR_BUSY => ("error_busy", "the handle is in use on another thread"),
        BC_ERROR_POISONED => ("error_poisoned", "the handle can only be freed"),
        BC_ERROR_PANIC => ("error_panic", "a defect of the library, or no randomness"),
        BC_ERROR_UTF8 => ("error_utf8", "a text is not UTF-8"),
        BC_ERROR_LENGTH => ("error_length", "a length, count or size is out of range"),
        BC_ERROR_BUFFER => ("error_buffer", "a buffer is too small"),
        BC_ERROR_NONE => ("error_none", "there is no such value now"),
        code => Code::ALL
            .iter()
            .find(|known| number(**known) == code)
            .map_or(("", ""), |known| (known.name(), known.meaning())),
    }
}
