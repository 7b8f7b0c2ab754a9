//! Generators for tests: the same bytes every time.

use alloc::vec::Vec;
use core::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng, utils};

use super::sha256;

/// SHA-256 of a seed and a counter.
pub(crate) struct Seeded {
    seed: u64,
    blocks: u64,
}

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, blocks: 0 }
    }
}

impl TryRng for Seeded {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(32) {
            let block = sha256(&[&self.seed.to_be_bytes(), &self.blocks.to_be_bytes()]);
            self.blocks += 1;
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Seeded {}

/// Bytes named by the test. Running out of them fails it.
pub(crate) struct Replay {
    bytes: Vec<u8>,
    taken: usize,
}

impl Replay {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, taken: 0 }
    }
}

impl TryRng for Replay {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        let next = self.taken + bytes.len();
        bytes.copy_from_slice(&self.bytes[self.taken..next]);
        self.taken = next;
        Ok(())
    }
}

impl TryCryptoRng for Replay {}
