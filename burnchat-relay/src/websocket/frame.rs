//! A frame to be sent: encoded once, whoever gets it.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use axum::body::Bytes;
use burnchat_core::wire::EncodedFrame;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::LONGEST_CONTROL;

/// The longest header of a frame without a mask.
const LONGEST_HEAD: usize = 10;

/// A frame from the relay. Clones share its bytes, and the last of them wipes the text of a room.
#[derive(Clone)]
pub(crate) struct Frame(Arc<Encoded>);

struct Encoded {
    head: Head,
    payload: Bytes,
}

/// The WebSocket header.
struct Head {
    bytes: [u8; LONGEST_HEAD],
    len: usize,
}

impl Frame {
    /// A whole text message, which is UTF-8.
    pub(crate) fn text(payload: Bytes) -> Self {
        Self::new(OpCode::Data(Data::Text), payload)
    }

    pub(crate) fn ping() -> Self {
        Self::new(OpCode::Control(Control::Ping), Bytes::new())
    }

    /// The answer to a ping with this payload.
    pub(crate) fn pong(payload: Bytes) -> Self {
        let payload = payload.slice(..payload.len().min(LONGEST_CONTROL));
        Self::new(OpCode::Control(Control::Pong), payload)
    }

    /// A close; without a code where there is none to say.
    pub(crate) fn close(code: Option<u16>) -> Self {
        let payload = code.map_or_else(Bytes::new, |code| {
            Bytes::copy_from_slice(&code.to_be_bytes())
        });
        Self::new(OpCode::Control(Control::Close), payload)
    }

    /// The message without its WebSocket header.
    pub(crate) fn payload(&self) -> &Bytes {
        &self.0.payload
    }

    /// What goes over the wire, in two parts.
    pub(crate) fn parts(&self) -> [&[u8]; 2] {
        [&self.0.head, &self.0.payload]
    }

    /// Bytes on the wire.
    pub(crate) fn wire_len(&self) -> usize {
        self.0.head.len + self.0.payload.len()
    }

    fn new(opcode: OpCode, payload: Bytes) -> Self {
        let head = Head::of(opcode, payload.len());
        Self(Arc::new(Encoded { head, payload }))
    }
}

impl From<EncodedFrame> for Frame {
    fn from(frame: EncodedFrame) -> Self {
        Self::text(Bytes::from_owner(SharedFrame(frame)))
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({} bytes)", self.payload().len())
    }
}

/// An encoded frame as the owner of [`Bytes`].
pub(crate) struct SharedFrame(pub(crate) EncodedFrame);

impl AsRef<[u8]> for SharedFrame {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Head {
    fn of(opcode: OpCode, payload: usize) -> Self {
        let header = FrameHeader {
            opcode,
            ..FrameHeader::default()
        };
        let mut bytes = [0; LONGEST_HEAD];
        let mut rest = bytes.as_mut_slice();
        // Ten bytes hold every header without a mask.
        let _ = header.format(payload as u64, &mut rest);
        let len = LONGEST_HEAD - rest.len();
        Self { bytes, len }
    }
}

impl Deref for Head {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head_of_text(len: usize) -> Vec<u8> {
        let frame = Frame::text(vec![b'-'; len].into());
        let [head, payload] = frame.parts();
        assert_eq!(payload.len(), len);
        assert_eq!(frame.wire_len(), head.len() + len);
        head.to_vec()
    }

    #[test]
    fn a_header_is_as_short_as_it_can_be() {
        assert_eq!(head_of_text(0), [0x81, 0]);
        assert_eq!(head_of_text(125), [0x81, 125]);
        assert_eq!(head_of_text(126), [0x81, 126, 0, 126]);
        assert_eq!(head_of_text(65_535), [0x81, 126, 0xff, 0xff]);
        assert_eq!(head_of_text(65_536), [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn control_frames_are_what_they_say() {
        assert_eq!(Frame::ping().parts().concat(), [0x89, 0]);
        assert_eq!(
            Frame::pong(Bytes::from_static(b"here")).parts().concat(),
            *b"\x8a\x04here"
        );
        assert_eq!(Frame::close(None).parts().concat(), [0x88, 0]);
        assert_eq!(
            Frame::close(Some(1013)).parts().concat(),
            [0x88, 2, 3, 0xf5]
        );
    }

    #[test]
    fn clones_share_the_bytes() {
        let frame = Frame::text(Bytes::from_static(b"{}"));
        let other = frame.clone();
        assert!(std::ptr::eq(frame.parts()[0], other.parts()[0]));
        assert!(std::ptr::eq(frame.parts()[1], other.parts()[1]));
    }

    #[test]
    fn debug_output_shows_no_text() {
        let frame = Frame::text(Bytes::from_static(b"hunter2"));
        assert_eq!(format!("{frame:?}"), "Frame(7 bytes)");
    }
}
