//! AES-256-KW (RFC 3394) of 32-byte keys.

use super::{CryptoError, Secret, backend};

/// Length of a wrapped 32-byte key, in bytes.
pub const WRAPPED_KEY_LEN: usize = 40;

/// Wraps `key` under `kek`.
pub fn aes256_kw_wrap(kek: &Secret<32>, key: &Secret<32>) -> [u8; WRAPPED_KEY_LEN] {
    backend::kw_wrap(kek, key)
}

/// Opens what [`aes256_kw_wrap`] made.
///
/// # Errors
/// [`CryptoError::BadWrap`] if it was altered, or wrapped under another key.
pub fn aes256_kw_unwrap(
    kek: &Secret<32>,
    wrapped: &[u8; WRAPPED_KEY_LEN],
) -> Result<Secret<32>, CryptoError> {
    backend::kw_unwrap(kek, wrapped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_key_opens_under_the_same_key() {
        let (kek, key) = (Secret::copy_of(&[1; 32]), Secret::copy_of(&[2; 32]));
        let wrapped = aes256_kw_wrap(&kek, &key);
        assert!(aes256_kw_unwrap(&kek, &wrapped).unwrap().ct_eq(&key));
    }

    #[test]
    fn one_changed_bit_anywhere_and_nothing_opens() {
        let (kek, key) = (Secret::copy_of(&[1; 32]), Secret::copy_of(&[2; 32]));
        let wrapped = aes256_kw_wrap(&kek, &key);
        for byte in 0..WRAPPED_KEY_LEN {
            let mut altered = wrapped;
            altered[byte] ^= 0x80;
            assert_eq!(
                aes256_kw_unwrap(&kek, &altered).err(),
                Some(CryptoError::BadWrap)
            );
        }
        assert_eq!(
            aes256_kw_unwrap(&key, &wrapped).err(),
            Some(CryptoError::BadWrap)
        );
    }
}
