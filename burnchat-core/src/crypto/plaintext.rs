//! What an envelope carries (spec section 8.3): a fixed binary layout, so that nobody can read it
//! two ways.

use alloc::{string::String, vec::Vec};
use core::fmt;

use zeroize::Zeroizing;

use super::{SecretBytes, padding};
use crate::{
    error::Code,
    ids::{MessageId, ParticipantId, TicketHash},
    limits,
    link::Ticket,
    time::Timestamp,
};

const TEXT: u8 = 1;
const TYPING: u8 = 2;
const READ: u8 = 3;
const TICKET: u8 = 4;
const TICKET_WANTED: u8 = 5;

/// A message as its author means it.
#[derive(Debug)]
pub struct Plaintext {
    /// What every message begins with.
    pub header: Header,
    /// What it says.
    pub body: Body,
}

/// What every message begins with, whatever its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The message's id: the same when it is encrypted again.
    pub id: MessageId,
    /// The sender's clock.
    pub sent_at: Timestamp,
    /// How many envelopes of this sender the log holds with this one, over all epochs.
    pub count: u64,
    /// With n = 0, and only then: what the sender had sent before.
    pub last: Option<LastEpoch>,
}

/// The epoch a sender last had an envelope accepted in; zeros if there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub struct LastEpoch {
    /// The version of its roster.
    pub version: u64,
    /// How many envelopes of this sender were accepted there.
    pub count: u64,
}

/// What a message says.
#[derive(Debug)]
#[non_exhaustive]
pub enum Body {
    /// Words, for people.
    Text {
        /// The words.
        text: Text,
        /// Milliseconds from reading to burning, 0 for none.
        burn_after: u32,
    },
    /// Whether the sender is typing.
    Typing(bool),
    /// What the sender has read: 1 to 64 messages.
    Read(Vec<ReadMessage>),
    /// The room's new ticket.
    Ticket(Ticket),
    /// The hash of the ticket the sender lacks.
    TicketWanted(TicketHash),
}

/// One message that has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub struct ReadMessage {
    /// Who wrote it.
    pub sender: ParticipantId,
    /// Its id.
    pub id: MessageId,
}

/// A message that was decrypted.
#[derive(Debug)]
pub struct Decoded {
    /// What every message begins with.
    pub header: Header,
    /// What it says; None if it is of no kind known here, or does not parse.
    pub body: Option<Body>,
}

impl Plaintext {
    /// The bytes, padded, for the envelope `n`. The header's `last` is written iff n is 0.
    pub fn encode(&self, n: u64) -> SecretBytes {
        let mut bytes = SecretBytes::with_capacity(padding::padded_len(self.body.len() + 64));
        bytes.extend_from_slice(&[self.body.kind()]);
        bytes.extend_from_slice(self.header.id.as_bytes());
        bytes.extend_from_slice(&self.header.sent_at.0.to_be_bytes());
        bytes.extend_from_slice(&self.header.count.to_be_bytes());
        bytes.extend_from_slice(&self.body.burn_after().to_be_bytes());
        if n == 0 {
            let last = self.header.last.unwrap_or_default();
            bytes.extend_from_slice(&last.version.to_be_bytes());
            bytes.extend_from_slice(&last.count.to_be_bytes());
        }
        self.body.write(&mut bytes);
        padding::pad(&mut bytes);
        bytes
    }
}

impl Decoded {
    /// Reads the padded plaintext of the envelope `n`. None if not even its header can be read.
    pub fn from_padded(n: u64, padded: &SecretBytes) -> Option<Self> {
        let mut rest = Reader(padding::unpad(padded.as_slice())?);
        let [kind] = rest.take()?;
        let id = MessageId(rest.take()?);
        let sent_at = Timestamp(rest.take_u64()?);
        let count = rest.take_u64()?;
        let burn_after = u32::from_be_bytes(rest.take()?);
        let last = match n {
            0 => Some(LastEpoch {
                version: rest.take_u64()?,
                count: rest.take_u64()?,
            }),
            _ => None,
        };
        let header = Header {
            id,
            sent_at,
            count,
            last,
        };
        Some(Self {
            header,
            body: Body::read(kind, burn_after, rest.0),
        })
    }
}

impl Body {
    fn read(kind: u8, burn_after: u32, bytes: &[u8]) -> Option<Self> {
        if kind == TEXT {
            let text = Text::new(core::str::from_utf8(bytes).ok()?).ok()?;
            return Some(Self::Text { text, burn_after });
        }
        if burn_after != 0 {
            return None;
        }
        match (kind, bytes) {
            (TYPING, [0]) => Some(Self::Typing(false)),
            (TYPING, [1]) => Some(Self::Typing(true)),
            (READ, _) => read_messages(bytes).map(Self::Read),
            (TICKET, _) => Some(Self::Ticket(Ticket::copy_of(bytes.try_into().ok()?))),
            (TICKET_WANTED, _) => Some(Self::TicketWanted(TicketHash(bytes.try_into().ok()?))),
            _ => None,
        }
    }

    fn write(&self, out: &mut SecretBytes) {
        match self {
            Self::Text { text, .. } => out.extend_from_slice(text.as_str().as_bytes()),
            Self::Typing(typing) => out.extend_from_slice(&[u8::from(*typing)]),
            Self::Read(messages) => {
                for message in messages {
                    out.extend_from_slice(message.sender.as_bytes());
                    out.extend_from_slice(message.id.as_bytes());
                }
            }
            Self::Ticket(ticket) => out.extend_from_slice(ticket.as_secret().as_bytes()),
            Self::TicketWanted(hash) => out.extend_from_slice(hash.as_bytes()),
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Text { .. } => TEXT,
            Self::Typing(_) => TYPING,
            Self::Read(_) => READ,
            Self::Ticket(_) => TICKET,
            Self::TicketWanted(_) => TICKET_WANTED,
        }
    }

    fn burn_after(&self) -> u32 {
        match self {
            Self::Text { burn_after, .. } => *burn_after,
            _ => 0,
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Text { text, .. } => text.as_str().len(),
            Self::Typing(_) => 1,
            Self::Read(messages) => messages.len() * 32,
            Self::Ticket(_) => 16,
            Self::TicketWanted(_) => 32,
        }
    }
}

fn read_messages(bytes: &[u8]) -> Option<Vec<ReadMessage>> {
    let (pairs, rest) = bytes.as_chunks::<32>();
    if !rest.is_empty() || pairs.is_empty() || pairs.len() > limits::READ_RECEIPTS {
        return None;
    }
    pairs
        .iter()
        .map(|pair| {
            let mut pair = Reader(pair);
            Some(ReadMessage {
                sender: ParticipantId(pair.take()?),
                id: MessageId(pair.take()?),
            })
        })
        .collect()
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    fn take_u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }
}

/// The words of a text: 1 to 32,768 bytes of UTF-8. Wiped when dropped, never printed.
#[cfg_attr(burnchat_sim, derive(Clone))]
pub struct Text(Zeroizing<String>);

#[cfg(burnchat_sim)]
impl core::hash::Hash for Text {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Text {
    /// Takes `text` as it is.
    ///
    /// # Errors
    /// [`Code::TextEmpty`] and [`Code::TextTooLong`].
    pub fn new(text: &str) -> Result<Self, Code> {
        match text.len() {
            0 => Err(Code::TextEmpty),
            1..=limits::TEXT_BYTES => Ok(Self(Zeroizing::new(text.into()))),
            _ => Err(Code::TextTooLong),
        }
    }

    /// The words.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Text(..)")
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, vec};

    use super::*;
    use crate::crypto::pad;

    const HEADER: Header = Header {
        id: MessageId([7; 16]),
        sent_at: Timestamp(0x0102),
        count: 0x0304,
        last: None,
    };
    const LAST: LastEpoch = LastEpoch {
        version: 0x0506,
        count: 0x0708,
    };

    #[test]
    fn a_text_is_laid_out_as_the_spec_says() {
        let text = Body::Text {
            text: Text::new("hé").unwrap(),
            burn_after: 0x090a,
        };
        let encoded = Plaintext {
            header: HEADER,
            body: text,
        }
        .encode(5);
        let expected: &[&[u8]] = &[
            &[1],
            &[7; 16],
            &[0, 0, 0, 0, 0, 0, 1, 2],
            &[0, 0, 0, 0, 0, 0, 3, 4],
            &[0, 0, 9, 10],
            "hé".as_bytes(),
            &[0x80],
            &[0; 23],
        ];
        assert_eq!(encoded.as_slice(), expected.concat());
    }

    #[test]
    fn the_first_envelope_of_an_epoch_tells_of_the_last() {
        let header = Header {
            last: Some(LAST),
            ..HEADER
        };
        let encoded = Plaintext {
            header,
            body: Body::Typing(true),
        }
        .encode(0);
        assert_eq!(
            encoded.as_slice()[37..55],
            [0, 0, 0, 0, 0, 0, 5, 6, 0, 0, 0, 0, 0, 0, 7, 8, 1, 0x80]
        );
        let decoded = Decoded::from_padded(0, &encoded).unwrap();
        assert_eq!(decoded.header, header);
        assert!(matches!(decoded.body, Some(Body::Typing(true))));
        // Read as any other envelope, its numbers would be its body.
        let decoded = Decoded::from_padded(1, &encoded).unwrap();
        assert_eq!((decoded.header, decoded.body.is_none()), (HEADER, true));
    }

    #[test]
    fn a_plaintext_is_written_where_it_stays_and_never_moved() {
        let read = |count| {
            Body::Read(vec![
                ReadMessage {
                    sender: ParticipantId([1; 16]),
                    id: MessageId([2; 16])
                };
                count
            ])
        };
        let text = |len: usize| Body::Text {
            text: Text::new(&"x".repeat(len)).unwrap(),
            burn_after: 1,
        };
        for (body, len) in [
            (text(1), 1),
            (text(1_000), 1_000),
            (text(limits::TEXT_BYTES), limits::TEXT_BYTES),
            (read(1), 32),
            (read(64), 64 * 32),
            (Body::Typing(true), 1),
            (Body::Ticket(Ticket::copy_of(&[3; 16])), 16),
            (Body::TicketWanted(TicketHash([4; 32])), 32),
        ] {
            let encoded = Plaintext {
                header: HEADER,
                body,
            }
            .encode(0);
            // With the longest header and the end mark there are 54 bytes beside the body.
            assert_eq!(encoded.capacity(), padding::padded_len(len + 64));
        }
    }

    #[test]
    fn every_kind_comes_back_as_it_went() {
        let read = vec![
            ReadMessage {
                sender: ParticipantId([1; 16]),
                id: MessageId([2; 16])
            };
            64
        ];
        for body in [
            Body::Text {
                text: Text::new(&"x".repeat(limits::TEXT_BYTES)).unwrap(),
                burn_after: 1,
            },
            Body::Typing(false),
            Body::Read(read),
            Body::Ticket(Ticket::copy_of(&[3; 16])),
            Body::TicketWanted(TicketHash([4; 32])),
        ] {
            let encoded = Plaintext {
                header: HEADER,
                body,
            }
            .encode(1);
            assert!(limits::CIPHERTEXT_BYTES.contains(&(encoded.len() + 16)));
            let decoded = Decoded::from_padded(1, &encoded).unwrap();
            assert_eq!(decoded.header, HEADER);
            let again = Plaintext {
                header: HEADER,
                body: decoded.body.unwrap(),
            }
            .encode(1);
            assert_eq!(again.as_slice(), encoded.as_slice());
        }
    }

    #[test]
    fn a_body_that_does_not_parse_leaves_a_header_that_counts() {
        for (kind, burn_after, body) in [
            (TEXT, 0, &b""[..]),
            (TEXT, 0, b"\xff"),
            (TEXT, 0, &[b'x'; limits::TEXT_BYTES + 1]),
            (TYPING, 0, b""),
            (TYPING, 0, b"\x02"),
            (TYPING, 0, b"\x01\x01"),
            (TYPING, 1, b"\x01"),
            (READ, 0, b""),
            (READ, 0, &[0; 31]),
            (READ, 0, &[0; 65 * 32]),
            (READ, 1, &[0; 32]),
            (TICKET, 0, &[0; 15]),
            (TICKET, 0, &[0; 17]),
            (TICKET_WANTED, 0, &[0; 31]),
            (0, 0, b"x"),
            (6, 0, b"x"),
            (255, 0, b""),
        ] {
            let decoded = Decoded::from_padded(1, &raw(kind, burn_after, body)).unwrap();
            assert_eq!(decoded.header, HEADER);
            assert!(decoded.body.is_none(), "{kind} {burn_after} {body:02x?}");
        }
    }

    #[test]
    fn without_a_whole_header_there_is_nothing() {
        for len in 0..37 {
            let mut short = SecretBytes::copy_of(&vec![1; len]);
            pad(&mut short);
            assert!(Decoded::from_padded(1, &short).is_none());
        }
        let mut no_numbers = SecretBytes::copy_of(&[1; 52]);
        pad(&mut no_numbers);
        assert!(Decoded::from_padded(0, &no_numbers).is_none());
        assert!(Decoded::from_padded(1, &no_numbers).is_some());
        assert!(Decoded::from_padded(1, &SecretBytes::default()).is_none());
    }

    #[test]
    fn a_text_has_a_byte_and_no_more_than_its_limit() {
        assert_eq!(Text::new("").err(), Some(Code::TextEmpty));
        assert_eq!(
            Text::new(&"x".repeat(32_769)).err(),
            Some(Code::TextTooLong)
        );
        assert_eq!(
            Text::new(&"x".repeat(32_768)).unwrap().as_str().len(),
            32_768
        );
    }

    #[test]
    fn debug_output_shows_no_words() {
        let body = Body::Text {
            text: Text::new("hunter2").unwrap(),
            burn_after: 0,
        };
        let shown = format!(
            "{:?}",
            Plaintext {
                header: HEADER,
                body
            }
        );
        assert!(
            shown.contains("Text(..)") && !shown.contains("hunter2"),
            "{shown}"
        );
    }

    fn raw(kind: u8, burn_after: u32, body: &[u8]) -> SecretBytes {
        let mut bytes = SecretBytes::copy_of(&[kind]);
        bytes.extend_from_slice(HEADER.id.as_bytes());
        bytes.extend_from_slice(&HEADER.sent_at.0.to_be_bytes());
        bytes.extend_from_slice(&HEADER.count.to_be_bytes());
        bytes.extend_from_slice(&burn_after.to_be_bytes());
        bytes.extend_from_slice(body);
        pad(&mut bytes);
        bytes
    }
}
