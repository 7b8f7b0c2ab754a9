//! The label encoding `L(label, f1, f2, …)` (spec section 3): what every hash, MAC, signature and
//! key derivation is made over.
//!
//! Each field, the label being the first, is its length as a `u32` and its bytes. No two different
//! lists of fields give the same bytes.

use alloc::vec::Vec;
use core::mem;

use zeroize::Zeroizing;

use crate::crypto::{DIGEST_LEN, Label, Sha256};

/// A list of fields being written, into memory or straight into a hash.
#[must_use]
pub struct Fields<Sink>(Sink);

impl Fields<Zeroizing<Vec<u8>>> {
    /// Begins a list whose bytes are wanted: as AAD, or to be signed. They are wiped when dropped, as most name a room.
    pub fn bytes(label: Label) -> Self {
        // Most lists are a label, a room id, a participant id and a hash or two; the longest common one has two public
        // keys.
        Self(Zeroizing::new(Vec::with_capacity(256))).put(label.as_bytes())
    }

    /// Ends the list.
    pub fn finish(self) -> Zeroizing<Vec<u8>> {
        self.0
    }
}

impl Fields<Sha256> {
    /// Begins a list whose hash is wanted. Its fields may be secret.
    pub fn hash(label: Label) -> Self {
        Self(Sha256::new()).put(label.as_bytes())
    }

    /// Ends the list.
    pub fn finish(self) -> [u8; DIGEST_LEN] {
        self.0.finish()
    }
}

#[expect(private_bounds, reason = "there are these two sinks and no others")]
impl<Sink: Write> Fields<Sink> {
    /// The next field: a byte string.
    pub fn put(mut self, field: &[u8]) -> Self {
        // A field of 4 GiB does not exist: frames end at 1 MiB.
        let len = u32::try_from(field.len()).unwrap_or(u32::MAX);
        self.0.write(&len.to_be_bytes());
        self.0.write(field);
        self
    }

    /// The next field: an integer of 8 bytes.
    pub fn put_u64(self, field: u64) -> Self {
        self.put(&field.to_be_bytes())
    }

    /// The next field: an integer of one byte.
    pub fn put_u8(self, field: u8) -> Self {
        self.put(&[field])
    }
}

trait Write {
    fn write(&mut self, bytes: &[u8]);
}

impl Write for Zeroizing<Vec<u8>> {
    fn write(&mut self, bytes: &[u8]) {
        if self.capacity() - self.len() < bytes.len() {
            // A vector that grows by itself leaves what it held behind.
            let room = 2 * (self.len() + bytes.len());
            let short = mem::replace(self, Self::new(Vec::with_capacity(room)));
            self.extend_from_slice(&short);
        }
        self.extend_from_slice(bytes);
    }
}

impl Write for Sha256 {
    fn write(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{labels, sha256};

    #[test]
    fn a_list_is_its_fields_each_after_its_length() {
        let bytes = Fields::bytes(labels::MSG)
            .put(b"ab")
            .put(b"")
            .put_u64(7)
            .put_u8(1)
            .finish();
        let expected: &[&[u8]] = &[
            b"\0\0\0\x0eburnchat/1 msg",
            b"\0\0\0\x02ab",
            b"\0\0\0\0",
            b"\0\0\0\x08\0\0\0\0\0\0\0\x07",
            b"\0\0\0\x01\x01",
        ];
        assert_eq!(*bytes, expected.concat());
    }

    #[test]
    fn a_list_may_outgrow_what_most_need() {
        let long = [7; 300];
        let bytes = Fields::bytes(labels::MSG).put(&long).put(b"more").finish();
        let expected: &[&[u8]] = &[
            b"\0\0\0\x0eburnchat/1 msg",
            b"\0\0\x01\x2c",
            &long,
            b"\0\0\0\x04more",
        ];
        assert_eq!(*bytes, expected.concat());
    }

    #[test]
    fn moving_a_byte_between_fields_changes_the_bytes() {
        let one = Fields::bytes(labels::MSG).put(b"ab").put(b"c").finish();
        let other = Fields::bytes(labels::MSG).put(b"a").put(b"bc").finish();
        assert_ne!(one, other);
    }

    #[test]
    fn hashing_a_list_is_hashing_its_bytes() {
        let bytes = Fields::bytes(labels::ID)
            .put(b"some")
            .put(b"fields")
            .finish();
        let hash = Fields::hash(labels::ID)
            .put(b"some")
            .put(b"fields")
            .finish();
        assert_eq!(hash, sha256(&[&bytes]));
    }
}
