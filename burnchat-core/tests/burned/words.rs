//! Texts and names that stand nowhere in the program.

use std::hint::black_box;

use zeroize::Zeroizing;

/// A text of so many bytes, another one for each number.
pub(crate) fn text(number: u64, length: usize) -> Zeroizing<String> {
    letters(number.wrapping_mul(0x9e37_79b9).wrapping_add(77), length)
}

/// A name of 40 bytes.
pub(crate) fn whole_name(person: usize) -> Zeroizing<String> {
    letters(person as u64 + 0x1234_5678_9abc, 40)
}

fn letters(seed: u64, length: usize) -> Zeroizing<String> {
    let mut state = black_box(seed | 1);
    let mut letters = Zeroizing::new(String::with_capacity(length));
    for _ in 0..length {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        letters.push(char::from(b'a' + (state >> 58) as u8 % 26));
    }
    letters
}
