//! SHA-256, HMAC-SHA256, and HKDF-SHA256 of one block.

use alloc::boxed::Box;
use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{
    Secret,
    backend::{self, Hmac},
};

/// Length of a SHA-256 digest and of an HMAC-SHA256 tag, in bytes.
pub const DIGEST_LEN: usize = 32;

/// Length of the blocks SHA-256 works on, in bytes.
const BLOCK_LEN: usize = 64;

/// SHA-256 over bytes given a piece at a time. The state is wiped when dropped.
#[derive(Clone, Default)]
pub struct Sha256(backend::Sha256);

impl Sha256 {
    /// A digest of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in the next `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of everything taken in.
    pub fn finish(self) -> [u8; DIGEST_LEN] {
        self.0.finish()
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sha256(..)")
    }
}

/// SHA-256 of the parts joined plainly: what separates them is the caller's to say.
pub fn sha256(parts: &[&[u8]]) -> [u8; DIGEST_LEN] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
    }
    digest.finish()
}

/// HMAC-SHA256 of the parts joined plainly, for tags that are shown. Compare them with [`ct_eq`].
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; DIGEST_LEN] {
    let mut tag = [0; DIGEST_LEN];
    hmac_into(key, parts, &mut tag);
    tag
}

/// HMAC-SHA256 of the parts joined plainly, for keys derived by it.
pub fn hmac_sha256_secret(key: &[u8], parts: &[&[u8]]) -> Secret<DIGEST_LEN> {
    Secret::fill_with(|out| hmac_into(key, parts, out))
}

/// HKDF-SHA256 (RFC 5869), extract and expand in one call, to 32 bytes.
pub fn hkdf_sha256(salt: &[u8], ikm: &[u8], info: &[u8]) -> Secret<DIGEST_LEN> {
    PseudorandomKey::extract(salt, ikm).expand(info)
}

/// What HKDF-SHA256 has extracted, ready to be expanded many times. Wiped when dropped.
///
/// One block of output makes each expansion one call of HMAC, and the key is taken in once for all
/// of them.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct PseudorandomKey(Box<Hmac>);

impl PseudorandomKey {
    pub(super) fn extract(salt: &[u8], ikm: &[u8]) -> Self {
        let key = hmac_sha256_secret(salt, &[ikm]);
        Self(Box::new(keyed(key.as_bytes())))
    }

    pub(super) fn expand(&self, info: &[u8]) -> Secret<DIGEST_LEN> {
        let mac = Hmac::clone(&self.0);
        Secret::fill_with(|out| finish(mac, &[info, &[1]], out))
    }
}

impl fmt::Debug for PseudorandomKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PseudorandomKey(..)")
    }
}

/// Whether two byte strings are equal, in time that depends on their lengths alone.
pub fn ct_eq(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

fn hmac_into(key: &[u8], parts: &[&[u8]], out: &mut [u8; DIGEST_LEN]) {
    finish(keyed(key), parts, out);
}

fn keyed(key: &[u8]) -> Hmac {
    Hmac::new(&one_block(key))
}

fn finish(mut mac: Hmac, parts: &[&[u8]], out: &mut [u8; DIGEST_LEN]) {
    for part in parts {
        mac.update(part);
    }
    mac.finish_into(out);
}

/// The key as HMAC takes it: padded with zeros to a block, hashed first if it is longer than one.
/// The crate would do the same on the stack, and not wipe it.
fn one_block(key: &[u8]) -> Zeroizing<[u8; BLOCK_LEN]> {
    let mut block = Zeroizing::new([0; BLOCK_LEN]);
    if let Some(start) = block.get_mut(..key.len()) {
        start.copy_from_slice(key);
    } else if let Some(start) = block.first_chunk_mut() {
        *start = sha256(&[key]);
    }
    block
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use hex_literal::hex;

    use super::*;

    #[test]
    fn debug_output_shows_nothing() {
        let shown = format!(
            "{:?} {:?}",
            Sha256::new(),
            PseudorandomKey::extract(b"salt", b"secret")
        );
        assert_eq!(shown, "Sha256(..) PseudorandomKey(..)");
    }

    #[test]
    fn sha256_is_the_one_of_fips_180() {
        let abc = hex!("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(sha256(&[b"abc"]), abc);
        assert_eq!(sha256(&[b"a", b"", b"bc"]), abc);
    }

    #[test]
    fn hmac_is_the_one_of_rfc_4231() {
        let tag = hex!("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert_eq!(
            hmac_sha256(b"Jefe", &[b"what do ya want for nothing?"]),
            tag
        );
        assert_eq!(
            hmac_sha256(b"Jefe", &[b"what do ya want ", b"for nothing?"]),
            tag
        );
        // Test case 6: a key longer than a block.
        assert_eq!(
            hmac_sha256(
                &[0xaa; 131],
                &[b"Test Using Larger Than Block-Size Key - Hash Key First"]
            ),
            hex!("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
        );
        let derived = hmac_sha256_secret(b"Jefe", &[b"what do ya want for nothing?"]);
        assert!(derived.ct_eq(&Secret::copy_of(&tag)));
    }

    #[test]
    fn hkdf_is_the_one_of_rfc_5869() {
        // Appendix A.1 and, without salt and info, A.3; the first 32 of their 42 bytes.
        let okm = hkdf_sha256(
            &hex!("000102030405060708090a0b0c"),
            &[0x0b; 22],
            &hex!("f0f1f2f3f4f5f6f7f8f9"),
        );
        assert_eq!(
            okm.as_bytes(),
            &hex!("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf")
        );
        assert_eq!(
            hkdf_sha256(b"", &[0x0b; 22], b"").as_bytes(),
            &hex!("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d")
        );
    }

    #[test]
    fn comparison_looks_at_length_and_every_byte() {
        assert!(ct_eq(b"same", b"same"));
        assert!(!ct_eq(b"same", b"sane"));
        assert!(!ct_eq(b"same", b"same "));
    }
}
