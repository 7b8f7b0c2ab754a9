//! The two types secrets live in: [`Secret`] for keys, [`SecretBytes`] for plaintexts.

use alloc::{boxed::Box, vec::Vec};
use core::{fmt, mem};

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// `N` secret bytes.
///
/// They are wiped when dropped, never printed, and never copied by accident: there is no `Clone`,
/// and because the bytes live on the heap a move of the `Secret` moves a pointer and leaves nothing
/// behind on the stack. The constructors fill the bytes where they will stay.
///
/// ```compile_fail,E0599
/// use burnchat_core::crypto::Secret;
///
/// let secret = Secret::copy_of(&[7; 32]);
/// secret.clone();
/// ```
///
/// (A simulation, which has no secrets, copies whole machines: there, and there only, it is `Clone`.)
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub struct Secret<const N: usize>(Box<[u8; N]>);

impl<const N: usize> Secret<N> {
    /// Lets `fill` write the bytes in place; they start out as zeros.
    pub fn fill_with(fill: impl FnOnce(&mut [u8; N])) -> Self {
        let mut secret = Self(Box::new([0; N]));
        fill(&mut secret.0);
        secret
    }

    /// Like [`fill_with`](Self::fill_with), for a `fill` that can fail.
    ///
    /// # Errors
    /// What `fill` returned; what it had written by then is wiped.
    pub fn try_fill_with<E>(fill: impl FnOnce(&mut [u8; N]) -> Result<(), E>) -> Result<Self, E> {
        let mut secret = Self(Box::new([0; N]));
        fill(&mut secret.0)?;
        Ok(secret)
    }

    /// Draws the bytes from `rng`.
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        Self::fill_with(|bytes| rng.fill_bytes(bytes))
    }

    /// Copies `bytes`, which remain the caller's to wipe.
    pub fn copy_of(bytes: &[u8; N]) -> Self {
        Self::fill_with(|secret| *secret = *bytes)
    }

    /// The bytes, for handing them to a primitive.
    pub fn as_bytes(&self) -> &[u8; N] {
        &self.0
    }

    /// Whether the bytes are equal, in time that depends on `N` alone.
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Secret bytes of any number, for plaintexts.
///
/// Wiped when dropped, spare capacity included, and never printed. Growing past the capacity moves
/// the bytes to a new allocation and wipes the old one.
#[derive(Default)]
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// No bytes yet, and room for `capacity` of them.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// Copies `bytes`, which remain the caller's to wipe.
    pub fn copy_of(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// Appends `bytes`.
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// Appends `byte` until there are `len` bytes, or wipes and cuts what is past `len`.
    pub fn resize(&mut self, len: usize, byte: u8) {
        if let Some(tail) = self.0.get_mut(len..) {
            tail.zeroize();
            self.0.truncate(len);
        } else {
            self.reserve(len.saturating_sub(self.0.len()));
            self.0.resize(len, byte);
        }
    }

    /// The bytes, for overwriting them in place.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes it has memory for.
    pub(crate) fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives up the bytes without wiping them: for what is no longer secret, such as a plaintext
    /// that was encrypted in place.
    pub fn into_vec(mut self) -> Vec<u8> {
        mem::take(&mut self.0)
    }

    /// Makes room for `additional` bytes without leaving a copy behind.
    fn reserve(&mut self, additional: usize) {
        let needed = self.0.len().saturating_add(additional);
        if needed > self.0.capacity() {
            let mut grown = Vec::with_capacity(needed.max(self.0.capacity().saturating_mul(2)));
            grown.extend_from_slice(&self.0);
            mem::swap(&mut self.0, &mut grown);
            grown.zeroize();
        }
    }
}

impl From<Vec<u8>> for SecretBytes {
    /// Takes the allocation over as it is.
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes(..)")
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, vec};

    use super::*;

    #[test]
    fn debug_output_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::copy_of(b"hunter2")), "Secret(..)");
        assert_eq!(
            format!("{:#?}", SecretBytes::copy_of(b"hunter2")),
            "SecretBytes(..)"
        );
    }

    #[test]
    fn moving_a_secret_does_not_move_its_bytes() {
        let secret = Secret::copy_of(&[7; 32]);
        let before: *const u8 = secret.as_bytes().as_ptr();
        let moved = Box::new(secret);
        assert_eq!(before, moved.as_bytes().as_ptr());
    }

    #[test]
    fn equality_is_of_all_the_bytes() {
        let a = Secret::copy_of(&[1, 2, 3]);
        assert!(a.ct_eq(&Secret::copy_of(&[1, 2, 3])));
        assert!(!a.ct_eq(&Secret::copy_of(&[1, 2, 4])));
        assert!(!a.ct_eq(&Secret::copy_of(&[0, 2, 3])));
    }

    #[test]
    fn a_failed_fill_gives_no_secret() {
        let failed = Secret::<4>::try_fill_with(|bytes| {
            bytes.fill(9);
            Err("no")
        });
        assert_eq!(failed.err(), Some("no"));
    }

    #[test]
    fn growing_keeps_the_bytes_and_moves_them_once_full() {
        let mut bytes = SecretBytes::with_capacity(4);
        bytes.extend_from_slice(b"ab");
        bytes.extend_from_slice(b"cdefgh");
        bytes.resize(10, b'.');
        assert_eq!(bytes.as_slice(), b"abcdefgh..");
        bytes.resize(3, b'.');
        assert_eq!(bytes.as_slice(), b"abc");
        assert_eq!((bytes.len(), bytes.is_empty()), (3, false));
    }

    #[test]
    fn bytes_stay_where_they_are_as_long_as_there_is_room() {
        let mut bytes = SecretBytes::with_capacity(10);
        assert!(bytes.is_empty());
        assert_eq!(bytes.capacity(), 10);
        bytes.extend_from_slice(b"a");
        let address = bytes.as_slice().as_ptr();
        bytes.extend_from_slice(b"bcdefghij");
        assert_eq!(bytes.len(), bytes.capacity());
        assert_eq!(bytes.as_slice().as_ptr(), address);
    }

    #[test]
    fn growing_is_not_left_to_the_vector_which_would_wipe_nothing() {
        let mut bytes = SecretBytes::with_capacity(2);
        bytes.extend_from_slice(b"abc");
        // Twice as much: a vector of its own accord takes eight at least.
        assert_eq!(bytes.capacity(), 4);
        bytes.resize(5, b'.');
        assert_eq!(bytes.capacity(), 8);
        assert_eq!(bytes.as_slice(), b"abc..");
    }

    #[test]
    fn giving_up_the_bytes_does_not_copy_them() {
        let vec = vec![1, 2, 3];
        let address = vec.as_ptr();
        let given_up = SecretBytes::from(vec).into_vec();
        assert_eq!(given_up.as_ptr(), address);
    }
}
