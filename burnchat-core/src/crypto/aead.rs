//! AES-256-GCM with a 12-byte IV and a 16-byte tag.

use alloc::vec::Vec;

use super::{CryptoError, Secret, SecretBytes, backend};

/// Length of an initialisation vector in bytes.
pub const IV_LEN: usize = 12;

/// Length of the tag at the end of a ciphertext, in bytes.
pub const TAG_LEN: usize = 16;

/// Seals `plaintext`, encrypting it where it lies: gives the ciphertext with its tag appended.
///
/// An `iv` must never be used twice with the same key.
///
/// # Errors
/// [`CryptoError::TooLong`] past 64 GiB.
pub fn aes256_gcm_seal(
    key: &Secret<32>,
    iv: &[u8; IV_LEN],
    aad: &[u8],
    mut plaintext: SecretBytes,
) -> Result<Vec<u8>, CryptoError> {
    let tag = backend::gcm_seal(key, iv, aad, plaintext.as_mut_slice())?;
    let mut ciphertext = plaintext.into_vec();
    ciphertext.extend_from_slice(&tag);
    Ok(ciphertext)
}

/// Opens what [`aes256_gcm_seal`] made.
///
/// # Errors
/// [`CryptoError::Unauthentic`] if anything differs from what was sealed; no plaintext is given out.
pub fn aes256_gcm_open(
    key: &Secret<32>,
    iv: &[u8; IV_LEN],
    aad: &[u8],
    ciphertext: &[u8],
) -> Result<SecretBytes, CryptoError> {
    let (body, tag) = ciphertext
        .split_last_chunk()
        .ok_or(CryptoError::Unauthentic)?;
    let mut plaintext = SecretBytes::copy_of(body);
    backend::gcm_open(key, iv, aad, plaintext.as_mut_slice(), tag)?;
    Ok(plaintext)
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    const KEY: [u8; 32] = hex!("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
    const IV: [u8; IV_LEN] = hex!("cafebabefacedbaddecaf888");
    const AAD: [u8; 20] = hex!("feedfacedeadbeeffeedfacedeadbeefabaddad2");

    /// Test case 16 of the GCM specification (McGrew and Viega).
    #[test]
    fn sealing_gives_the_published_bytes() {
        let plaintext = hex!(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
            "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
        );
        let sealed = aes256_gcm_seal(
            &Secret::copy_of(&KEY),
            &IV,
            &AAD,
            SecretBytes::copy_of(&plaintext),
        )
        .unwrap();
        assert_eq!(
            sealed,
            hex!(
                "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
                "76fc6ece0f4e1768cddf8853bb2d551b"
            )
        );
        let opened = aes256_gcm_open(&Secret::copy_of(&KEY), &IV, &AAD, &sealed).unwrap();
        assert_eq!(opened.as_slice(), plaintext);
    }

    #[test]
    fn one_changed_bit_anywhere_and_nothing_opens() {
        let key = Secret::copy_of(&KEY);
        let sealed =
            aes256_gcm_seal(&key, &IV, &AAD, SecretBytes::copy_of(b"attack at dawn")).unwrap();
        for byte in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[byte] ^= 1;
            assert_refused(aes256_gcm_open(&key, &IV, &AAD, &altered));
        }
        assert_refused(aes256_gcm_open(&key, &[0; IV_LEN], &AAD, &sealed));
        assert_refused(aes256_gcm_open(&key, &IV, b"", &sealed));
        assert_refused(aes256_gcm_open(
            &Secret::copy_of(&[0; 32]),
            &IV,
            &AAD,
            &sealed,
        ));
    }

    #[test]
    fn less_than_a_tag_is_refused() {
        let key = Secret::copy_of(&KEY);
        assert_refused(aes256_gcm_open(&key, &IV, &AAD, b""));
        assert_refused(aes256_gcm_open(&key, &IV, &AAD, &[0; TAG_LEN - 1]));
    }

    fn assert_refused(opened: Result<SecretBytes, CryptoError>) {
        assert_eq!(opened.err(), Some(CryptoError::Unauthentic));
    }
}
