//! Texts and names that stand nowhere in the program.

use std::hint::black_box;

use zeroize::Zeroizing;

/// A text of so many bytes, another one for each number of each story: others are told in the same process at the same
/// time.
pub(crate) fn text(story: u64, number: u64, length: usize) -> Zeroizing<String> {
    letters((story << 32) + number, length)
}

/// A name of 40 bytes, another one for each person of each story.
pub(crate) fn whole_name(story: u64, person: usize) -> Zeroizing<String> {
    letters((story << 32) + (1 << 31) + person as u64, 40)
}

fn letters(seed: u64, length: usize) -> Zeroizing<String> {
    let mut state = black_box(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut letters = Zeroizing::new(String::with_capacity(length));
    for _ in 0..length {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        letters.push(char::from(b'a' + (state >> 58) as u8 % 26));
    }
    letters
}
