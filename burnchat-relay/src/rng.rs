//! The one source of randomness of this crate.

#[expect(clippy::disallowed_types, reason = "the others ask here")]
use getrandom::SysRng;
use rand_core::{CryptoRng, UnwrapErr};

/// The operating system's randomness. It panics if there is none: a relay that can't draw a token must not go on, and
/// what a panic does is said in the [crate's documentation](crate).
pub(crate) fn system() -> impl CryptoRng {
    UnwrapErr(SysRng)
}
