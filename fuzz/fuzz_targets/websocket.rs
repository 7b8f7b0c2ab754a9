//! The relay's reader of WebSocket, which is its own: what it reads of a stream is what RFC 6455 says is in it, wherever
//! the bytes are cut, and with its ears closed from any byte on.
//!
//! The input: how many sizes of pieces there are and the sizes, from which byte on nothing is to be heard, the stream.

#![no_main]

use burnchat_core::limits::CLIENT_FRAME_BYTES;
use burnchat_fuzz::Tape;
use libfuzzer_sys::fuzz_target;

use receiving::{Received, Receiver, Unreadable, Violation};

#[path = "../../burnchat-relay/src/websocket/receiving.rs"]
mod receiving;

/// As the module round it has it.
const LONGEST_CONTROL: usize = 125;

fuzz_target!(|input: &[u8]| {
    let mut tape = Tape::new(input);
    let count = usize::from(tape.byte() % 16);
    let sizes: Vec<usize> = (0..count).map(|_| usize::from(tape.byte()) + 1).collect();
    let deaf_from = usize::from(tape.short());
    let stream = tape.rest();

    let whole = read(stream, &[usize::MAX], deaf_from);
    assert_eq!(whole, read(stream, &[1], deaf_from), "byte by byte");
    if !sizes.is_empty() {
        assert_eq!(whole, read(stream, &sizes, deaf_from), "{sizes:?}");
    }
    if deaf_from > stream.len() {
        assert_eq!(whole, Rfc::default().read(stream));
    } else {
        // It hears less, and is not told of anything else.
        let hearing = read(stream, &[usize::MAX], usize::MAX);
        assert!(whole.0.len() <= hearing.0.len());
        assert_eq!(whole.1.is_err(), hearing.1.is_err());
        let heard = |all: &[Received]| all.iter().filter(|one| is_text(one)).count();
        assert!(heard(&whole.0) <= heard(&hearing.0));
    }
});

fn is_text(received: &Received) -> bool {
    matches!(received, Received::Text(_))
}

type Heard = (Vec<Received>, Result<(), Violation>);

/// Reads a stream in pieces of these sizes, over and over.
fn read(stream: &[u8], sizes: &[usize], deaf_from: usize) -> Heard {
    let mut receiver = Receiver::default();
    let mut heard = Vec::new();
    let mut place = 0;
    let mut sizes = sizes.iter().cycle();
    if deaf_from == 0 {
        receiver.close_ears();
    }
    while place < stream.len() {
        let size = sizes.next().copied().unwrap_or(1);
        let mut end = place.saturating_add(size).min(stream.len());
        if place < deaf_from && deaf_from < end {
            end = deaf_from;
        }
        let mut piece = &stream[place..end];
        loop {
            match receiver.take(&mut piece) {
                Ok(Some(received)) => heard.push(received),
                Ok(None) => break,
                Err(violation) => return (heard, Err(violation)),
            }
        }
        assert!(piece.is_empty(), "bytes are left of which nothing came");
        place = end;
        if place == deaf_from {
            receiver.close_ears();
        }
    }
    (heard, Ok(()))
}

/// RFC 6455, read off its text, of a whole stream at once; and what the relay makes of it.
#[derive(Default)]
struct Rfc {
    message: Option<Vec<u8>>,
    deaf: bool,
}

impl Rfc {
    fn read(&mut self, mut stream: &[u8]) -> Heard {
        let mut heard = Vec::new();
        loop {
            match self.frame(&mut stream, &mut heard) {
                Ok(true) => {}
                Ok(false) => return (heard, Ok(())),
                Err(violation) => return (heard, Err(violation)),
            }
        }
    }

    /// Section 5.2. False if the stream ends before the frame does.
    fn frame(&mut self, stream: &mut &[u8], heard: &mut Vec<Received>) -> Result<bool, Violation> {
        let [first, second, rest @ ..] = *stream else {
            return Ok(false);
        };
        let (len, rest) = match second & 0x7f {
            126 => match rest.split_first_chunk() {
                Some((len, rest)) => (u64::from(u16::from_be_bytes(*len)), rest),
                None => return Ok(false),
            },
            127 => match rest.split_first_chunk() {
                Some((len, rest)) => (u64::from_be_bytes(*len), rest),
                None => return Ok(false),
            },
            short => (u64::from(short), rest),
        };
        let is_masked = second & 0x80 != 0;
        let (mask, rest) = match rest.split_first_chunk::<4>() {
            _ if !is_masked => ([0; 4], rest),
            Some((mask, rest)) => (*mask, rest),
            None => return Ok(false),
        };
        let shortest = match len {
            ..126 => second & 0x7f < 126,
            126..0x1_0000 => second & 0x7f == 126,
            _ => true,
        };
        let (is_last, opcode) = (first & 0x80 != 0, first & 0x0f);
        let is_control = opcode & 8 != 0;
        let reserved = first & 0x70 != 0 || matches!(opcode, 3..8 | 11..);
        if !is_masked || !shortest || reserved || is_control && (!is_last || len > 125) {
            return Err(Violation);
        }
        // Section 5.4: only what has begun goes on, and nothing begins before it has ended.
        if !is_control && (opcode == 0) != self.message.is_some() {
            return Err(Violation);
        }
        if !is_control {
            let message = self.message.get_or_insert_default();
            let too_large = len.saturating_add(message.len() as u64) > CLIENT_FRAME_BYTES as u64;
            if !self.deaf && (opcode == 2 || too_large) {
                self.deaf = true;
                heard.push(Received::Unreadable(match opcode {
                    2 => Unreadable::Binary,
                    _ => Unreadable::TooLarge,
                }));
            }
        }
        let Some((payload, rest)) = usize::try_from(len)
            .ok()
            .and_then(|len| rest.split_at_checked(len))
        else {
            return Ok(false);
        };
        *stream = rest;
        let masks = mask.iter().cycle();
        let payload = payload.iter().zip(masks).map(|(byte, mask)| byte ^ mask);
        heard.push(match opcode {
            8 => close(&payload.collect::<Vec<u8>>())?,
            9 => Received::Ping(payload.collect()),
            10 => Received::Pong,
            _ => {
                let mut message = self.message.take().unwrap_or_default();
                message.extend(payload);
                match (is_last, self.deaf) {
                    (true, false) => Received::Text(message.into()),
                    (true, true) => Received::Piece,
                    (false, _) => {
                        // What is not heard is not kept.
                        let kept = if self.deaf { Vec::new() } else { message };
                        self.message = Some(kept);
                        Received::Piece
                    }
                }
            }
        });
        Ok(true)
    }
}

/// Sections 5.5.1 and 7.4.
fn close(payload: &[u8]) -> Result<Received, Violation> {
    let (code, reason) = match payload {
        [] => return Ok(Received::Close(None)),
        [_] => return Err(Violation),
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
    };
    let may_be_sent = matches!(code, 1000..=1003 | 1007..=1013 | 3000..=4999);
    if may_be_sent && std::str::from_utf8(reason).is_ok() {
        Ok(Received::Close(Some(code)))
    } else {
        Err(Violation)
    }
}
