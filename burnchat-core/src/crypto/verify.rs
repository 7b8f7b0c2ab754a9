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
