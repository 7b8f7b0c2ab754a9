//! Where a client's randomness comes from.

use alloc::boxed::Box;
use core::convert::Infallible;

use chacha20::ChaCha20Rng;
use getrandom::SysRng;
use rand_core::{SeedableRng, TryCryptoRng, TryRng, UnwrapErr};
use wasm_bindgen::JsValue;

use crate::plain::exactly;

/// One client's randomness.
pub(crate) enum Entropy {
    /// `crypto.getRandomValues`, asked each time. Where there is none the instance traps, and nothing is made of bytes
    /// that are not random.
    System(UnwrapErr<SysRng>),
    /// ChaCha20 from a seed of the caller's; wiped when dropped.
    Seeded(Box<ChaCha20Rng>),
}

impl Entropy {
    /// From nothing, or from 32 bytes.
    pub(crate) fn new(seed: &JsValue) -> Result<Self, JsValue> {
        if seed.is_undefined() || seed.is_null() {
            return Ok(Self::System(UnwrapErr(SysRng)));
        }
        let seed = exactly::<32>(seed)?;
        Ok(Self::Seeded(Box::new(ChaCha20Rng::from_seed(
            *seed.as_bytes(),
        ))))
    }
}

impl TryRng for Entropy {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        match self {
            Self::System(system) => system.try_next_u32(),
            Self::Seeded(generator) => generator.try_next_u32(),
        }
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        match self {
            Self::System(system) => system.try_next_u64(),
            Self::Seeded(generator) => generator.try_next_u64(),
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        match self {
            Self::System(system) => system.try_fill_bytes(bytes),
            Self::Seeded(generator) => generator.try_fill_bytes(bytes),
        }
    }
}

impl TryCryptoRng for Entropy {}
