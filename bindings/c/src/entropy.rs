//! Where a handle's randomness comes from.

use std::convert::Infallible;

use chacha20::ChaCha20Rng;
use getrandom::SysRng;
use rand_core::{SeedableRng, TryCryptoRng, TryRng};

/// One handle's randomness.
pub(crate) enum Entropy {
    /// The operating system, asked each time.
    System,
    /// ChaCha20 from a seed of the caller's; wiped when dropped.
    Seeded(Box<ChaCha20Rng>),
}

impl Entropy {
    pub(crate) fn new(seed: Option<&[u8; 32]>) -> Self {
        match seed {
            None => Self::System,
            Some(seed) => Self::Seeded(Box::new(ChaCha20Rng::from_seed(*seed))),
        }
    }
}

impl TryRng for Entropy {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// # Panics
    /// Where the operating system has no randomness. The panic ends at the border: the handle is poisoned, and nothing
    /// was made of bytes that are not random.
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        match self {
            #[expect(
                clippy::panic,
                reason = "the one way to stop a machine that can't fail here"
            )]
            Self::System => {
                if SysRng.try_fill_bytes(bytes).is_err() {
                    panic!("the operating system gives no randomness");
                }
                Ok(())
            }
            Self::Seeded(generator) => generator.try_fill_bytes(bytes),
        }
    }
}

impl TryCryptoRng for Entropy {}
