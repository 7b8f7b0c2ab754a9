//! Random values that are not: each is made of a name, so that all of them can be made again.

use burnchat_core::crypto::sha256;

/// The bytes of this name: SHA-256 of the name and a block number, as many blocks as it takes.
#[must_use]
pub(crate) fn named<const N: usize>(name: &str) -> [u8; N] {
    let mut bytes = [0; N];
    for (number, chunk) in (0_u32..).zip(bytes.chunks_mut(32)) {
        let block = sha256(&[b"burnchat vectors ", name.as_bytes(), &number.to_be_bytes()]);
        for (to, from) in chunk.iter_mut().zip(block) {
            *to = from;
        }
    }
    bytes
}
