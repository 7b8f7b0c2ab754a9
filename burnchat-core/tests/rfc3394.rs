//! AES-KW against RFC 3394, section 4.6: 256 bits of key data under a 256-bit KEK.

use burnchat_core::crypto::{CryptoError, Secret, aes256_kw_unwrap, aes256_kw_wrap};
use hex_literal::hex;

const KEK: [u8; 32] = hex!("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F");
const KEY: [u8; 32] = hex!("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F");
const WRAPPED: [u8; 40] = hex!(
    "28C9F404C4B810F4 CBCCB35CFB87F826 3F5786E2D80ED326
     CBC7F0E71A99F43B FB988B9B7A02DD21"
);

#[test]
fn wrapping_gives_the_published_bytes() {
    let wrapped = aes256_kw_wrap(&Secret::copy_of(&KEK), &Secret::copy_of(&KEY));
    assert_eq!(wrapped, WRAPPED);
}

#[test]
fn unwrapping_gives_the_published_key() {
    let key = aes256_kw_unwrap(&Secret::copy_of(&KEK), &WRAPPED).unwrap();
    assert_eq!(key.as_bytes(), &KEY);
}

#[test]
fn an_altered_wrap_gives_nothing() {
    let mut altered = WRAPPED;
    altered[39] ^= 1;
    let refused = aes256_kw_unwrap(&Secret::copy_of(&KEK), &altered);
    assert_eq!(refused.err(), Some(CryptoError::BadWrap));
}
