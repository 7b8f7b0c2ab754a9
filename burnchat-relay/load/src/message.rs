//! The messages that are sent: envelopes as a client writes them for a text of about a hundred characters.
//!
//! A relay checks the form, the epoch, the sender and n, and these are right. It cannot check ciphertext and signature:
//! here they are random bytes of the right length, but for a stamp at the beginning of the ciphertext, twelve digits
//! (which are base64url), by which a receiver knows the message.

use std::io::Write;

use burnchat_core::ids::{EpochId, ParticipantId};
use data_encoding::BASE64URL_NOPAD;
use memchr::memmem::Finder;
use rand_core::Rng;

use crate::rooms::rng;

/// A text of a hundred characters has a plaintext of 138 bytes, padded to 144, and a tag (spec section 8.3).
const CIPHERTEXT_BYTES: usize = 160;
const STAMP_DIGITS: usize = 12;
/// Different ciphertexts that are used in turn.
const VARIANTS: usize = 64;

/// Writes messages.
pub(crate) struct Writer {
    /// What follows n, in two parts: before and after the stamp.
    variants: Vec<(String, String)>,
    /// Broadcasts send what they get. So that the same bytes arrive as from a relay, which adds number and sender, they
    /// are given those too.
    addition: String,
    with_addition: bool,
}

impl Writer {
    pub(crate) fn new(for_broadcast: bool) -> Self {
        let mut rng = rng();
        let mut random = |length| {
            let mut bytes = vec![0; length];
            rng.fill_bytes(&mut bytes);
            BASE64URL_NOPAD.encode(&bytes)
        };
        let variants = (0..VARIANTS).map(|_| {
            let (iv, ciphertext, sig) = (random(12), random(CIPHERTEXT_BYTES), random(64));
            let unstamped = ciphertext.get(STAMP_DIGITS..).unwrap_or_default();
            (
                format!(r#","flags":0,"iv":"{iv}","ciphertext":""#),
                format!(r#"{unstamped}","sig":"{sig}"}}"#),
            )
        });
        Self {
            variants: variants.collect(),
            addition: format!(
                r#""seq":1000,"sender":"{}","#,
                ParticipantId([7; 16]).to_base64()
            ),
            with_addition: for_broadcast,
        }
    }

    /// An epoch for where nobody asks.
    pub(crate) fn any_epoch() -> String {
        EpochId([7; 32]).to_base64()
    }

    pub(crate) fn write(&self, to: &mut Vec<u8>, epoch: &str, n: u64, stamp: usize) {
        let addition = if self.with_addition {
            &self.addition
        } else {
            ""
        };
        if let Some((before, after)) = self.variants.get(stamp % VARIANTS) {
            // Writing to a vector does not fail.
            let _ = write!(
                to,
                r#"{{"type":"message",{addition}"epoch":"{epoch}","n":{n}{before}{stamp:0width$}{after}"#,
                width = STAMP_DIGITS
            );
        }
    }
}

/// What a frame that arrived is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Arrived {
    /// A message with this stamp.
    Message(usize),
    Error,
    Other,
}

/// Reads stamps.
pub(crate) struct Reader {
    ciphertext: Finder<'static>,
}

impl Reader {
    pub(crate) fn new() -> Self {
        Self {
            ciphertext: Finder::new(br#""ciphertext":""#),
        }
    }

    pub(crate) fn read(&self, frame: &[u8]) -> Arrived {
        if !frame.starts_with(br#"{"type":"message""#) {
            return if frame.starts_with(br#"{"type":"error""#) {
                Arrived::Error
            } else {
                Arrived::Other
            };
        }
        let start = self
            .ciphertext
            .find(frame)
            .map(|at| at + self.ciphertext.needle().len());
        let digits = start.and_then(|start| frame.get(start..start + STAMP_DIGITS));
        let stamp = digits.and_then(|digits| {
            digits.iter().try_fold(0, |number: usize, digit| {
                digit
                    .is_ascii_digit()
                    .then(|| number * 10 + usize::from(digit - b'0'))
            })
        });
        stamp.map_or(Arrived::Error, Arrived::Message)
    }
}

#[cfg(test)]
mod tests {
    use burnchat_core::wire::ClientFrame;

    use super::*;

    #[test]
    fn a_message_is_a_frame_the_core_takes_and_its_stamp_is_read_again() {
        let writer = Writer::new(false);
        let mut text = Vec::new();
        writer.write(&mut text, &Writer::any_epoch(), 17, 123_456);
        let frame = ClientFrame::parse(&text).unwrap();
        let ClientFrame::Message(envelope) = frame else {
            panic!("{frame:?}");
        };
        assert_eq!(envelope.n, 17);
        assert_eq!(Reader::new().read(&text), Arrived::Message(123_456));
    }

    #[test]
    fn errors_and_other_frames_are_told_apart() {
        let reader = Reader::new();
        let error = br#"{"type":"error","code":"rate_limited"}"#;
        assert_eq!(reader.read(error), Arrived::Error);
        assert_eq!(
            reader.read(br#"{"type":"countdown","seconds_remaining":9}"#),
            Arrived::Other
        );
    }
}
