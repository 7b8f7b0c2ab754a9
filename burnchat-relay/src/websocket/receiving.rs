//! What a client sends, taken apart (RFC 6455 section 5).
//!
//! Bytes are pushed in as they come, in pieces of any size; each is looked at once. Of a message that is not whole yet
//! only its own bytes are held, in memory that is wiped; between messages nothing is.

use std::io::Cursor;

use axum::body::Bytes;
use burnchat_core::crypto::SecretBytes;
use burnchat_core::limits::CLIENT_FRAME_BYTES;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

use super::LONGEST_CONTROL;

/// The longest header of a frame with a mask.
const LONGEST_HEAD: usize = 14;
/// A message that announces more than this gets memory as its bytes come.
const BELIEVED_BYTES: usize = 4_096;

/// Something whole has come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// A text message; whether it is UTF-8 has not been looked at.
    Text(Bytes),
    /// A message that is not to be read: nothing after it is reported but its close.
    Unreadable(Unreadable),
    /// A piece of a message, which was not its last.
    Piece,
    Ping(Bytes),
    Pong,
    /// A close, with its code.
    Close(Option<u16>),
}

/// Why a message is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    TooLarge,
    Binary,
}

/// It does not speak WebSocket as it must; what comes after it means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Violation;

/// Takes what comes on one connection apart.
///
/// What comes and goes is in boxes: a place that is empty for now would keep what was on the stack when it was emptied,
/// for as long as the connection.
#[derive(Default)]
pub(crate) struct Receiver {
    head: PartialHead,
    /// The frame whose head has come.
    payload: Option<Box<Payload>>,
    /// The message that has begun and not ended.
    message: Option<Box<SecretBytes>>,
    /// Messages are passed over.
    deaf: bool,
}

#[derive(Default)]
struct PartialHead {
    bytes: [u8; LONGEST_HEAD],
    len: usize,
}

struct Payload {
    of: Part,
    /// Turned so that its first byte is for the next byte that comes.
    mask: [u8; 4],
    left: usize,
}

/// What a frame's payload is part of.
enum Part {
    Message {
        is_last: bool,
    },
    /// Passed over: its length has no limit.
    Ignored {
        left: u64,
        is_last: bool,
    },
    Control {
        which: Control,
        bytes: SecretBytes,
    },
}

impl Receiver {
    /// Passes over all messages from here on, and what has come of one.
    pub(crate) fn close_ears(&mut self) {
        self.deaf = true;
        if let Some(message) = &mut self.message {
            **message = SecretBytes::with_capacity(0);
        }
        if let Some(payload) = &mut self.payload
            && let Part::Message { is_last } = payload.of
        {
            let left = payload.left as u64;
            payload.of = Part::Ignored { left, is_last };
        }
    }

    /// Takes bytes off the front of `bytes`, until something is whole; with nothing left of them, nothing is.
    ///
    /// # Errors
    /// If what comes is not WebSocket. This receiver is of no more use then.
    pub(crate) fn take(&mut self, bytes: &mut &[u8]) -> Result<Option<Received>, Violation> {
        loop {
            match &mut self.payload {
                None => match self.head.take(bytes)? {
                    Some((header, len)) => {
                        self.head = PartialHead::default();
                        if let Some(unreadable) = self.begin(&header, len)? {
                            return Ok(Some(Received::Unreadable(unreadable)));
                        }
                    }
                    None => return Ok(None),
                },
                Some(payload) => {
                    if !payload.take(bytes, &mut self.message) {
                        return Ok(None);
                    }
                    if let Some(received) = self.end()? {
                        return Ok(Some(received));
                    }
                }
            }
        }
    }

    /// A frame begins.
    fn begin(&mut self, header: &FrameHeader, len: u64) -> Result<Option<Unreadable>, Violation> {
        let mask = header.mask.ok_or(Violation)?;
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(Violation);
        }
        let data = match header.opcode {
            OpCode::Control(which) => {
                let left = usize::try_from(len).map_err(|_| Violation)?;
                if !header.is_final || left > LONGEST_CONTROL {
                    return Err(Violation);
                }
                let bytes = SecretBytes::with_capacity(left);
                let of = Part::Control { which, bytes };
                self.payload = Some(Box::new(Payload { of, mask, left }));
                return Ok(None);
            }
            OpCode::Data(data) => data,
        };
        if (data == Data::Continue) != self.message.is_some() {
            return Err(Violation);
        }
        let message = self
            .message
            .get_or_insert_with(|| Box::new(SecretBytes::with_capacity(0)));
        let unreadable = if self.deaf {
            None
        } else if data == Data::Binary {
            Some(Unreadable::Binary)
        } else if len > (CLIENT_FRAME_BYTES - message.len().min(CLIENT_FRAME_BYTES)) as u64 {
            Some(Unreadable::TooLarge)
        } else {
            None
        };
        // Within the limit of a message, or passed over.
        let left = usize::try_from(len).unwrap_or(0);
        let is_last = header.is_final;
        if self.deaf || unreadable.is_some() {
            let of = Part::Ignored { left: len, is_last };
            self.payload = Some(Box::new(Payload { of, mask, left }));
            self.close_ears();
        } else {
            if message.is_empty() {
                **message = SecretBytes::with_capacity(left.min(BELIEVED_BYTES));
            }
            let of = Part::Message { is_last };
            self.payload = Some(Box::new(Payload { of, mask, left }));
        }
        Ok(unreadable)
    }

    /// A frame has come to its end.
    fn end(&mut self) -> Result<Option<Received>, Violation> {
        let Some(payload) = self.payload.take() else {
            return Ok(None);
        };
        Ok(match payload.of {
            Part::Message { is_last: true } => {
                let message = self.message.take();
                message.map(|bytes| Received::Text(wiped_when_dropped(*bytes)))
            }
            Part::Message { is_last: false } => Some(Received::Piece),
            Part::Ignored { is_last, .. } => {
                if is_last {
                    self.message = None;
                }
                Some(Received::Piece)
            }
            Part::Control { which, bytes } => match which {
                Control::Ping => Some(Received::Ping(wiped_when_dropped(bytes))),
                Control::Pong => Some(Received::Pong),
                Control::Close => Some(Received::Close(code_of_close(bytes.as_slice())?)),
                Control::Reserved(_) => return Err(Violation),
            },
        })
    }
}

impl PartialHead {
    /// Takes a header and nothing after it.
    fn take(&mut self, bytes: &mut &[u8]) -> Result<Option<(FrameHeader, u64)>, Violation> {
        let before = self.len;
        let free = self.bytes.get_mut(before..).unwrap_or_default();
        let count = free.len().min(bytes.len());
        for (place, byte) in free.iter_mut().zip(bytes.iter()) {
            *place = *byte;
        }
        self.len = before + count;
        let mut cursor = Cursor::new(self.bytes.get(..self.len).unwrap_or_default());
        let parsed = FrameHeader::parse(&mut cursor).map_err(|_| Violation)?;
        let used = match &parsed {
            Some((header, len)) => {
                let used = usize::try_from(cursor.position()).unwrap_or(LONGEST_HEAD);
                // A length is written in as few bytes as it takes (RFC 6455 section 5.2).
                if used != header.len(*len) {
                    return Err(Violation);
                }
                used - before.min(used)
            }
            None => count,
        };
        *bytes = bytes.get(used..).unwrap_or_default();
        Ok(parsed)
    }
}

impl Payload {
    /// Takes what there is of the payload. Says whether that was the rest of it.
    fn take(&mut self, bytes: &mut &[u8], message: &mut Option<Box<SecretBytes>>) -> bool {
        if let Part::Ignored { left, .. } = &mut self.of {
            let count = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
            *left -= count as u64;
            *bytes = bytes.get(count..).unwrap_or_default();
            return *left == 0;
        }
        let (mine, rest) = bytes.split_at(self.left.min(bytes.len()));
        *bytes = rest;
        self.left -= mine.len();
        let whole = match &mut self.of {
            Part::Control { bytes, .. } => Some(bytes),
            Part::Message { .. } => message.as_deref_mut(),
            Part::Ignored { .. } => None,
        };
        if let Some(whole) = whole {
            let start = whole.len();
            whole.extend_from_slice(mine);
            let unmasked = whole.as_mut_slice().get_mut(start..);
            unmask(unmasked.unwrap_or_default(), self.mask);
            self.mask.rotate_left(mine.len() % 4);
        }
        self.left == 0
    }
}

fn unmask(bytes: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

/// The code of a close (RFC 6455 sections 5.5.1 and 7.4).
fn code_of_close(payload: &[u8]) -> Result<Option<u16>, Violation> {
    match payload {
        [] => Ok(None),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            let may_be_sent = CloseCode::from(code).is_allowed();
            if !may_be_sent || std::str::from_utf8(reason).is_err() {
                return Err(Violation);
            }
            Ok(Some(code))
        }
        [_] => Err(Violation),
    }
}

fn wiped_when_dropped(bytes: SecretBytes) -> Bytes {
    struct Wiped(SecretBytes);

    impl AsRef<[u8]> for Wiped {
        fn as_ref(&self) -> &[u8] {
            self.0.as_slice()
        }
    }

    if bytes.is_empty() {
        return Bytes::new();
    }
    Bytes::from_owner(Wiped(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASK: [u8; 4] = [0xa1, 0xb2, 0xc3, 0xd4];

    /// A frame as a client sends it.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![first];
        match payload.len() {
            len @ ..126 => bytes.push(0x80 | len as u8),
            len @ ..0x1_0000 => {
                bytes.push(0xfe);
                bytes.extend((len as u16).to_be_bytes());
            }
            len => {
                bytes.push(0xff);
                bytes.extend((len as u64).to_be_bytes());
            }
        }
        bytes.extend(MASK);
        let masked = payload.iter().zip(MASK.iter().cycle());
        bytes.extend(masked.map(|(byte, mask)| byte ^ mask));
        bytes
    }

    fn text(payload: &[u8]) -> Vec<u8> {
        frame(0x81, payload)
    }

    /// Everything that is whole in these bytes, and how it ends.
    fn all(receiver: &mut Receiver, mut bytes: &[u8]) -> (Vec<Received>, Result<(), Violation>) {
        let mut received = Vec::new();
        loop {
            match receiver.take(&mut bytes) {
                Ok(Some(whole)) => received.push(whole),
                Ok(None) => {
                    assert!(bytes.is_empty());
                    return (received, Ok(()));
                }
                Err(violation) => return (received, Err(violation)),
            }
        }
    }

    fn read(bytes: &[u8]) -> Vec<Received> {
        let (received, end) = all(&mut Receiver::default(), bytes);
        assert_eq!(end, Ok(()));
        received
    }

    fn is_violation(bytes: &[u8]) -> bool {
        let (received, end) = all(&mut Receiver::default(), bytes);
        received.is_empty() && end == Err(Violation)
    }

    fn said(text: &[u8]) -> Received {
        Received::Text(Bytes::copy_from_slice(text))
    }

    #[test]
    fn messages_come_out_as_they_went_in() {
        for len in [0, 1, 7, 8, 9, 125, 126, 127, 65_535, CLIENT_FRAME_BYTES] {
            let payload: Vec<u8> = (0..len).map(|place| (place % 251) as u8).collect();
            assert_eq!(read(&text(&payload)), [said(&payload)], "{len} bytes");
        }
    }

    #[test]
    fn it_does_not_matter_where_the_bytes_are_cut() {
        let long = vec![b'-'; 300];
        let stream = [
            text(b"hello"),
            frame(0x01, b"in "),
            frame(0x89, b"here?"),
            frame(0x00, &long),
            frame(0x80, b"pieces"),
            frame(0x8a, b""),
            text(b""),
            frame(0x88, b"\x03\xe8bye"),
        ]
        .concat();
        let expected = [
            said(b"hello"),
            Received::Piece,
            Received::Ping(Bytes::from_static(b"here?")),
            Received::Piece,
            said(&[b"in ".as_slice(), &long, b"pieces"].concat()),
            Received::Pong,
            said(b""),
            Received::Close(Some(1000)),
        ];
        for size in 1..stream.len() {
            let mut receiver = Receiver::default();
            let mut received = Vec::new();
            for chunk in stream.chunks(size) {
                let (more, end) = all(&mut receiver, chunk);
                assert_eq!(end, Ok(()));
                received.extend(more);
            }
            assert_eq!(received, expected, "{size} bytes at a time");
        }
    }

    #[test]
    fn what_breaks_the_rules_of_websocket_is_a_violation() {
        let unmasked = [0x81, 1, b'a'];
        let reserved_bit = frame(0xc1, b"a");
        let reserved_opcodes = [frame(0x83, b"a"), frame(0x8b, b"")];
        let continues_nothing = frame(0x80, b"a");
        let ping_in_pieces = frame(0x09, b"a");
        let long_ping = frame(0x89, &[0; 126]);
        let long_length = [&[0x81, 0xfe, 0, 1], MASK.as_slice(), b"a"].concat();
        let close_of_one_byte = frame(0x88, b"a");
        let close_without_meaning = frame(0x88, &1005_u16.to_be_bytes());
        let close_that_is_not_utf_8 = frame(0x88, b"\x03\xe8\xff");
        for bytes in [
            unmasked.to_vec(),
            reserved_bit,
            continues_nothing,
            ping_in_pieces,
            long_ping,
            long_length,
            close_of_one_byte,
            close_without_meaning,
            close_that_is_not_utf_8,
        ]
        .iter()
        .chain(&reserved_opcodes)
        {
            assert!(is_violation(bytes), "{bytes:x?}");
        }
        let (received, end) = all(
            &mut Receiver::default(),
            &[frame(0x01, b"a"), text(b"b")].concat(),
        );
        assert_eq!((received, end), (vec![Received::Piece], Err(Violation)));
    }

    #[test]
    fn a_close_may_say_nothing() {
        assert_eq!(read(&frame(0x88, b"")), [Received::Close(None)]);
    }

    #[test]
    fn what_is_too_large_is_known_by_its_header() {
        let announced = [
            &[0x81, 0xff],
            0x10_0000_0000_u64.to_be_bytes().as_slice(),
            &MASK,
        ]
        .concat();
        let too_large = Received::Unreadable(Unreadable::TooLarge);
        assert_eq!(read(&announced), [too_large]);

        let piece = frame(0x01, &vec![b'-'; CLIENT_FRAME_BYTES]);
        let more = frame(0x80, b"!");
        let too_large = Received::Unreadable(Unreadable::TooLarge);
        let first_of_it = [piece, more[..6].to_vec()].concat();
        assert_eq!(read(&first_of_it), [Received::Piece, too_large]);
    }

    #[test]
    fn after_what_is_not_read_only_the_close_counts() {
        let stream = [
            frame(0x02, b"binary"),
            frame(0x00, b"more"),
            frame(0x80, b"end"),
            text(b"too late"),
            frame(0x88, b""),
        ]
        .concat();
        assert_eq!(
            read(&stream),
            [
                Received::Unreadable(Unreadable::Binary),
                Received::Piece,
                Received::Piece,
                Received::Piece,
                Received::Piece,
                Received::Close(None),
            ]
        );
    }

    #[test]
    fn ears_can_be_closed_in_the_middle_of_a_message() {
        let stream = [text(b"a message"), text(b"another"), frame(0x88, b"")].concat();
        for cut in 0..stream.len() - 6 {
            let mut receiver = Receiver::default();
            let (before, rest) = stream.split_at(cut);
            all(&mut receiver, before).1.unwrap();
            receiver.close_ears();
            let (received, end) = all(&mut receiver, rest);
            assert_eq!(end, Ok(()));
            assert_eq!(received.last(), Some(&Received::Close(None)));
            assert!(!received.iter().any(|r| matches!(r, Received::Text(_))));
        }
    }
}
