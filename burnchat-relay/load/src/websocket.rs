//! Just enough of RFC 6455 to count frames quickly: no extensions, no messages in pieces.

const FINAL: u8 = 0x80;
const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;
const MASKED: u8 = 0x80;

/// Any key will do: masking protects proxies, and here is none. Not zeros, which a server might skip.
const MASK: [u8; 4] = [0x5a, 0xc3, 0x17, 0x8e];

/// A frame of a server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    Text(&'a [u8]),
    Ping(&'a [u8]),
    /// With its code, 1005 where there is none.
    Close(u16),
    Other,
}

/// Takes the first frame off `bytes`. `None`: there is no whole one yet.
pub(crate) fn take_frame<'a>(bytes: &mut &'a [u8]) -> Option<Frame<'a>> {
    let (&[head, length], mut rest) = bytes.split_first_chunk::<2>()?;
    let length = match length {
        126 => {
            let (length, after) = rest.split_first_chunk::<2>()?;
            rest = after;
            usize::from(u16::from_be_bytes(*length))
        }
        127 => {
            let (length, after) = rest.split_first_chunk::<8>()?;
            rest = after;
            usize::try_from(u64::from_be_bytes(*length)).ok()?
        }
        short => usize::from(short),
    };
    let (payload, rest) = rest.split_at_checked(length)?;
    *bytes = rest;
    Some(match head & 0x0f {
        TEXT => Frame::Text(payload),
        PING => Frame::Ping(payload),
        CLOSE => Frame::Close(match payload.first_chunk::<2>() {
            Some(code) => u16::from_be_bytes(*code),
            None => 1005,
        }),
        _ => Frame::Other,
    })
}

pub(crate) fn put_text(to: &mut Vec<u8>, text: &[u8]) {
    put(to, TEXT, text);
}

pub(crate) fn put_pong(to: &mut Vec<u8>, payload: &[u8]) {
    put(to, PONG, payload);
}

pub(crate) fn put_close(to: &mut Vec<u8>, code: u16) {
    put(to, CLOSE, &code.to_be_bytes());
}

fn put(to: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    to.push(FINAL | opcode);
    match payload.len() {
        short @ ..126 => to.push(MASKED | short as u8),
        middle @ ..0x1_0000 => {
            to.push(MASKED | 126);
            to.extend_from_slice(&(middle as u16).to_be_bytes());
        }
        long => {
            to.push(MASKED | 127);
            to.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    to.extend_from_slice(&MASK);
    to.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_taken_one_by_one_and_a_part_of_one_is_left() {
        let mut bytes: &[u8] = b"\x81\x02hi\x89\x00\x88\x02\x03\xe8\x81\x05hel";
        assert_eq!(take_frame(&mut bytes), Some(Frame::Text(b"hi")));
        assert_eq!(take_frame(&mut bytes), Some(Frame::Ping(b"")));
        assert_eq!(take_frame(&mut bytes), Some(Frame::Close(1000)));
        assert_eq!(take_frame(&mut bytes), None);
        assert_eq!(bytes, b"\x81\x05hel");
    }

    #[test]
    fn a_length_takes_as_many_bytes_as_it_needs() {
        for (length, head) in [
            (125, 2 + 4),
            (126, 4 + 4),
            (65_535, 4 + 4),
            (65_536, 10 + 4),
        ] {
            let mut frame = Vec::new();
            put_text(&mut frame, &vec![b'-'; length]);
            assert_eq!(frame.len(), head + length);
            // As a server would send it: the same without the mask.
            frame[1] &= !MASKED;
            frame.drain(head - 4..head);
            let mut bytes = frame.as_slice();
            assert!(
                matches!(take_frame(&mut bytes), Some(Frame::Text(text)) if text.len() == length)
            );
        }
    }
}
