//! Which ABI this is.

use std::ffi::{CStr, c_char};

/// The version of this ABI that a header describes: the upper 16 bits change when programs have to be compiled again, the
/// lower when something has been added.
pub const BC_ABI_VERSION: u32 = 0x0001_0000;

/// The `BC_ABI_VERSION` of the library that is running. A program whose header has other upper 16 bits, or higher lower
/// ones, must not go on.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported symbol")]
pub extern "C" fn bc_abi_version() -> u32 {
    BC_ABI_VERSION
}

/// The library's own version, as `0.1.0`: ended by a zero, valid for ever.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported symbol")]
pub extern "C" fn bc_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => c"",
        };
    VERSION.as_ptr()
}
