//! What people compare to know that nobody is between them (spec section 10).

use alloc::{format, string::String, vec::Vec};

pub use super::emoji::Emoji;
use super::{PUBLIC_KEY_LEN, Secret, Sha256, emoji::EMOJI, labels};
use crate::{
    encoding::Fields,
    ids::{ParticipantId, RoomId},
};

/// Groups of the safety number.
const GROUPS: usize = 12;

/// What the verification code is made of, for each entry of the roster, verified or not.
#[derive(Clone, Copy, Debug)]
pub struct VerificationEntry<'a> {
    /// The participant id.
    pub id: ParticipantId,
    /// The ECDH public key as listed.
    pub kem_pub: &'a [u8; PUBLIC_KEY_LEN],
    /// The ECDSA public key as listed.
    pub sig_pub: &'a [u8; PUBLIC_KEY_LEN],
}

/// The verification transcript of a roster, and its three forms. The same on every screen that
/// shows the same roster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerificationCode {
    transcript: [u8; 32],
}

impl VerificationCode {
    /// Computes the transcript over all entries, in any order.
    pub fn new<'a>(
        room_id: &RoomId,
        secret: &Secret<16>,
        entries: impl IntoIterator<Item = VerificationEntry<'a>>,
    ) -> Self {
        let mut sorted: Vec<_> = entries.into_iter().collect();
        sorted.sort_by_key(|entry| entry.id);
        let start: Fields<Sha256> = Fields::hash(labels::VERIFY)
            .put(room_id.as_bytes())
            .put(secret.as_bytes());
        let all = sorted.iter().fold(start, |fields, entry| {
            fields.put(entry.kem_pub).put(entry.sig_pub)
        });
        Self {
            transcript: all.finish(),
        }
    }

    /// The transcript: 32 bytes.
    pub fn transcript(&self) -> &[u8; 32] {
        &self.transcript
    }

    /// Six hex digits. They catch accidents, not attackers.
    pub fn short_code(&self) -> String {
        let [a, b, c, ..] = self.transcript;
        format!("{a:02x}{b:02x}{c:02x}")
    }

    /// Sixteen emoji, six bits each.
    pub fn emoji(&self) -> [Emoji; 16] {
        let (triples, _) = self.transcript.as_chunks::<3>();
        let mut shown = [Emoji::default(); 16];
        let sextets = triples.iter().flat_map(|&[a, b, c]| {
            let bits = u32::from_be_bytes([0, a, b, c]);
            [18, 12, 6, 0].map(|shift| (bits >> shift) & 63)
        });
        for (place, index) in shown.iter_mut().zip(sextets) {
            *place = EMOJI.get(index as usize).copied().unwrap_or_default();
        }
        shown
    }

    /// Sixty digits in twelve groups of five, separated by spaces.
    pub fn safety_number(&self) -> String {
        self.groups().join(" ")
    }

    /// The safety number as the text of a QR code.
    pub fn qr_text(&self) -> String {
        format!("burnchat-verify:1:{}", self.groups().concat())
    }

    fn groups(&self) -> Vec<String> {
        let half = |index| {
            Fields::hash(labels::DIGITS)
                .put(&self.transcript)
                .put_u8(index)
                .finish()
        };
        let digits = [half(0), half(1)].concat();
        let (groups, _) = digits.as_chunks::<5>();
        groups
            .iter()
            .take(GROUPS)
            .map(|&[a, b, c, d, e]| {
                let number = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]);
                format!("{:05}", number % 100_000)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;

    use hex_literal::hex;

    use super::*;
    use crate::crypto::animals::ANIMALS;

    const APPENDICES: &str = include_str!("../../../spec/burnchat-1.md");
    const ROOM: RoomId = RoomId(hex!("000102030405060708090a0b0c0d0e0f"));
    const SECRET: [u8; 16] = hex!("101112131415161718191a1b1c1d1e1f");
    const ANA: VerificationEntry<'_> = VerificationEntry {
        id: ParticipantId(hex!("bffdb5a334fac8d3c439e7baae77d33a")),
        kem_pub: &[1; 65],
        sig_pub: &[2; 65],
    };
    const BEN: VerificationEntry<'_> = VerificationEntry {
        id: ParticipantId(hex!("49ecced954be48ba496a6b18a3b85dea")),
        kem_pub: &[3; 65],
        sig_pub: &[4; 65],
    };

    /// The values were computed apart from this code.
    #[test]
    fn the_three_forms_are_those_of_the_spec() {
        let code = code(&[ANA, BEN]);
        assert_eq!(
            code.transcript(),
            &hex!("14bc0df62ebd54b91d480b4e01b801e7c7b05a81536c0ed0100f58844fcf72ab")
        );
        assert_eq!(code.short_code(), "14bc0d");
        assert_eq!(
            code.emoji().map(|emoji| emoji.name).join(" "),
            "panda monkey corn penguin key mushroom train key \
             turtle monkey moon camel bee dog grapes owl"
        );
        let symbols: String = code.emoji().iter().map(|emoji| emoji.symbol).collect();
        assert_eq!(symbols, "🐼🐵🌽🐧🔑🍄🚂🔑🐢🐵🌙🐪🐝🐶🍇🦉");
        let number = "32968 95560 50709 86625 92212 26060 07340 64050 23361 35866 70038 46291";
        assert_eq!(code.safety_number(), number);
        assert_eq!(
            code.qr_text(),
            "burnchat-verify:1:".to_owned() + &number.replace(' ', "")
        );
    }

    #[test]
    fn every_screen_shows_the_same_whatever_the_order() {
        assert_eq!(code(&[ANA, BEN]), code(&[BEN, ANA]));
    }

    #[test]
    fn a_swapped_key_a_newcomer_and_another_link_show() {
        let all = code(&[ANA, BEN]);
        assert_ne!(all, code(&[ANA]));
        assert_ne!(
            all,
            code(&[
                ANA,
                VerificationEntry {
                    kem_pub: &[5; 65],
                    ..BEN
                }
            ])
        );
        assert_ne!(
            all,
            code(&[
                ANA,
                VerificationEntry {
                    sig_pub: &[5; 65],
                    ..BEN
                }
            ])
        );
        let other_room = RoomId([0; 16]);
        assert_ne!(
            all,
            VerificationCode::new(&other_room, &secret(), [ANA, BEN])
        );
        let other_secret = Secret::copy_of(&[0; 16]);
        assert_ne!(all, VerificationCode::new(&ROOM, &other_secret, [ANA, BEN]));
    }

    #[test]
    fn the_emoji_are_those_of_the_appendix() {
        let rows = APPENDICES.split_once("## Appendix B").unwrap().1;
        for (index, emoji) in EMOJI.iter().enumerate() {
            let cells = format!("| {index} | {} | {} |", emoji.symbol, emoji.name);
            assert!(rows.contains(&cells), "{cells}");
        }
    }

    #[test]
    fn the_animals_are_those_of_the_appendix() {
        let (_, appendix) = APPENDICES.split_once("## Appendix A").unwrap();
        let (appendix, _) = appendix.split_once("## Appendix B").unwrap();
        let quoted = appendix.split('`').skip(1).step_by(2);
        assert!(quoted.flat_map(str::split_whitespace).eq(ANIMALS));
    }

    fn code(entries: &[VerificationEntry<'_>]) -> VerificationCode {
        VerificationCode::new(&ROOM, &secret(), entries.iter().copied())
    }

    fn secret() -> Secret<16> {
        Secret::copy_of(&SECRET)
    }
}
