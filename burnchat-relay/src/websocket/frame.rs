//! A frame to be sent: encoded once, whoever gets it.

use std::fmt;
use std::sync::Arc;

use axum::body::Bytes;
use burnchat_core::crypto::SecretBytes;
use burnchat_core::wire::EncodedFrame;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::LONGEST_CONTROL;

/// The longest header of a frame without a mask.
const LONGEST_HEAD: usize = 10;

/// A frame from the relay. Clones share its bytes, and the last of them wipes them.
#[derive(Clone)]
pub(crate) struct Frame(Arc<Encoded>);

/// In one piece: what goes to many is copied behind its header once, and not put together for each of them.
struct Encoded {
    wire: SecretBytes,
    head: usize,
}

impl Frame {
    /// A whole text message, which is UTF-8.
    pub(crate) fn text(payload: &[u8]) -> Self {
        Self::new(OpCode::Data(Data::Text), payload)
    }

    pub(crate) fn ping() -> Self {
        Self::new(OpCode::Control(Control::Ping), &[])
    }

    /// The answer to a ping with this payload.
    pub(crate) fn pong(payload: &[u8]) -> Self {
        let payload = payload.get(..LONGEST_CONTROL).unwrap_or(payload);
        Self::new(OpCode::Control(Control::Pong), payload)
    }

    /// A close; without a code where there is none to say.
    pub(crate) fn close(code: Option<u16>) -> Self {
        let close = OpCode::Control(Control::Close);
        match code {
            Some(code) => Self::new(close, &code.to_be_bytes()),
            None => Self::new(close, &[]),
        }
    }

    /// The message without its WebSocket header.
    pub(crate) fn payload(&self) -> &[u8] {
        self.wire().get(self.0.head..).unwrap_or_default()
    }

    /// The same, for who has no WebSocket.
    pub(crate) fn into_payload(self) -> Bytes {
        struct Payload(Frame);

        impl AsRef<[u8]> for Payload {
            fn as_ref(&self) -> &[u8] {
                self.0.payload()
            }
        }

        Bytes::from_owner(Payload(self))
    }

    /// What goes over the wire.
    pub(crate) fn wire(&self) -> &[u8] {
        self.0.wire.as_slice()
    }

    fn new(opcode: OpCode, payload: &[u8]) -> Self {
        let header = FrameHeader {
            opcode,
            ..FrameHeader::default()
        };
        let mut head = [0; LONGEST_HEAD];
        let mut rest = head.as_mut_slice();
        // Ten bytes hold every header without a mask.
        let _ = header.format(payload.len() as u64, &mut rest);
        let len = LONGEST_HEAD - rest.len();
        let mut wire = SecretBytes::with_capacity(len + payload.len());
        wire.extend_from_slice(head.get(..len).unwrap_or_default());
        wire.extend_from_slice(payload);
        Self(Arc::new(Encoded { wire, head: len }))
    }
}

impl From<EncodedFrame> for Frame {
    fn from(frame: EncodedFrame) -> Self {
        Self::text(frame.as_bytes())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn head_of_text(len: usize) -> Vec<u8> {
        let frame = Frame::text(&vec![b'-'; len]);
        assert_eq!(frame.payload().len(), len);
        let head = frame.wire().len() - len;
        frame.wire()[..head].to_vec()
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
        assert_eq!(Frame::ping().wire(), [0x89, 0]);
        assert_eq!(Frame::pong(b"here").wire(), b"\x8a\x04here");
        assert_eq!(Frame::close(None).wire(), [0x88, 0]);
        assert_eq!(Frame::close(Some(1013)).wire(), [0x88, 2, 3, 0xf5]);
    }

    #[test]
    fn clones_share_the_bytes() {
        let frame = Frame::text(b"{}");
        assert!(std::ptr::eq(frame.wire(), frame.clone().wire()));
        let start = frame.payload().as_ptr();
        assert_eq!(frame.into_payload().as_ptr(), start);
    }

    #[test]
    fn debug_output_shows_no_text() {
        let frame = Frame::text(b"hunter2");
        assert_eq!(format!("{frame:?}"), "Frame(7 bytes)");
    }
}
