//! Padding, so that a ciphertext's length says little about its plaintext's (spec section 8.3).

use super::SecretBytes;
use crate::limits;

/// Marks the end of what is padded.
const END: u8 = 0x80;

/// Appends the end mark and zeros up to the padded length.
pub fn pad(plaintext: &mut SecretBytes) {
    plaintext.extend_from_slice(&[END]);
    plaintext.resize(padded_len(plaintext.len()), 0);
}

/// Finds the plaintext in a padded one. None if the padding is not the one [`pad`] makes.
pub fn unpad(padded: &[u8]) -> Option<&[u8]> {
    let end = padded.iter().rposition(|&byte| byte != 0)?;
    let (plaintext, padding) = padded.split_at_checked(end)?;
    let canonical = padding.first() == Some(&END) && padded.len() == padded_len(end + 1);
    canonical.then_some(plaintext)
}

/// The Padmé length of `len` bytes, end mark included, and at least 64: only the first
/// log2(log2(len)) + 1 bits after the highest may be set, so it grows by less than an eighth.
pub fn padded_len(len: usize) -> usize {
    let Some(exponent) = len
        .checked_ilog2()
        .filter(|_| len > limits::PADDED_BYTES_MIN)
    else {
        return limits::PADDED_BYTES_MIN;
    };
    let kept_bits = exponent.ilog2() + 1;
    let mask = (1 << (exponent - kept_bits)) - 1;
    (len + mask) & !mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_padme() {
        for (len, padded) in [
            (0, 64),
            (1, 64),
            (38, 64),
            (64, 64),
            (65, 72),
            (72, 72),
            (73, 80),
            (127, 128),
            (128, 128),
            (129, 144),
            (255, 256),
            (257, 272),
            (1_000, 1_024),
            (1_025, 1_088),
            (32_822, 34_816),
        ] {
            assert_eq!(padded_len(len), padded, "{len}");
        }
    }

    #[test]
    fn padding_never_adds_an_eighth_and_is_stable() {
        for len in 65..40_000 {
            let padded = padded_len(len);
            assert!(padded >= len && (padded - len) * 8 < len, "{len}");
            assert_eq!(padded_len(padded), padded);
        }
    }

    #[test]
    fn what_was_padded_comes_back() {
        for len in 0..400 {
            let mut bytes = SecretBytes::default();
            bytes.resize(len, END);
            pad(&mut bytes);
            assert_eq!(bytes.len(), padded_len(len + 1));
            assert_eq!(unpad(bytes.as_slice()).unwrap().len(), len);
        }
    }

    #[test]
    fn zeros_at_the_end_of_a_plaintext_survive() {
        let mut bytes = SecretBytes::copy_of(b"ends in zeros\0\0");
        pad(&mut bytes);
        assert_eq!(unpad(bytes.as_slice()), Some(&b"ends in zeros\0\0"[..]));
    }

    #[test]
    fn there_is_one_padding_for_each_plaintext() {
        let mut bytes = SecretBytes::copy_of(b"text");
        pad(&mut bytes);
        let good = bytes.as_slice().to_vec();
        assert_eq!(unpad(&good), Some(&b"text"[..]));

        assert_eq!(unpad(&good[..63]), None);
        assert_eq!(unpad(&[&good[..], &[0; 8]].concat()), None);
        let mut other_mark = good.clone();
        other_mark[4] = 0x81;
        assert_eq!(unpad(&other_mark), None);
        assert_eq!(unpad(&[0; 64]), None);
        assert_eq!(unpad(b""), None);
    }
}
