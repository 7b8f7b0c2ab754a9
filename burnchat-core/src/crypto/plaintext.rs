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
#[derive(PartialEq, Eq)]
pub struct Text(Zeroizing<String>);

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
