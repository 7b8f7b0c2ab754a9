//! A generator that remembers what it gave out, and is no copy of it.

use std::convert::Infallible;

use burnchat_core::crypto::Secret;
use rand_core::{TryCryptoRng, TryRng, utils};

/// SplitMix64: nothing of what it gives out stands in it. What was drawn is kept with every bit turned over.
#[derive(Debug)]
pub struct Recorder {
    state: u64,
    /// Only what is drawn while this is so is remembered.
    pub records: bool,
    drawn: Vec<Vec<u8>>,
}

impl Recorder {
    /// A generator that always gives out the same, and remembers nothing yet.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            state: seed,
            records: false,
            drawn: Vec::new(),
        }
    }

    /// Everything of `N` bytes that was drawn, each for as long as `look` looks at it.
    pub fn each<const N: usize>(&self, mut look: impl FnMut(Secret<N>)) {
        for turned in self.drawn.iter().filter(|turned| turned.len() == N) {
            look(Secret::fill_with(|bytes| {
                for (byte, turned) in bytes.iter_mut().zip(turned) {
                    *byte = !turned;
                }
            }));
        }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
}

impl TryRng for Recorder {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            let word = self.next().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        if self.records {
            self.drawn.push(bytes.iter().map(|byte| !byte).collect());
        }
        Ok(())
    }
}

impl TryCryptoRng for Recorder {}
