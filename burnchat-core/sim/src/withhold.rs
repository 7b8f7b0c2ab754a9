//! A relay that keeps an envelope back from one participant until a newer key is in use, and numbers what comes in
//! between as if nothing were missing: what takes no keys, and no check of numbers finds. The envelope is genuine; only
//! its epoch has ended (spec section 7.5).

use burnchat_core::wire::{LoggedEnvelope, RelayFrame};

/// What is kept back from one node on one connection.
pub(crate) struct Withheld {
    pub(crate) index: usize,
    pub(crate) connection: u64,
    envelope: Option<LoggedEnvelope>,
}

impl Withheld {
    /// Waits for an envelope to this node.
    pub(crate) fn waiting(index: usize, connection: u64) -> Self {
        Self {
            index,
            connection,
            envelope: None,
        }
    }

    /// What is sent in place of this frame, and whether that is the end of it.
    pub(crate) fn pass(&mut self, frame: &[u8]) -> (Vec<Vec<u8>>, bool) {
        let Ok(Some(parsed)) = RelayFrame::parse(frame) else {
            return (vec![frame.to_vec()], false);
        };
        let Some(envelope) = &mut self.envelope else {
            if let RelayFrame::Message(envelope) = parsed {
                self.envelope = Some(envelope);
                return (Vec::new(), false);
            }
            return (vec![frame.to_vec()], false);
        };
        let mut parsed = parsed;
        let Some(seq) = seq_of(&mut parsed) else {
            return (vec![frame.to_vec()], false);
        };
        let place = *seq;
        *seq = place.saturating_sub(1);
        let mut frames = vec![parsed.encode().as_bytes().to_vec()];
        let keyed = matches!(parsed, RelayFrame::SessionKey(_));
        if keyed {
            envelope.seq = place;
            let envelope = self.envelope.take().map(RelayFrame::Message);
            frames.extend(envelope.map(|frame| frame.encode().as_bytes().to_vec()));
        }
        (frames, keyed)
    }
}

/// The place in the log that a frame names.
fn seq_of(frame: &mut RelayFrame) -> Option<&mut u64> {
    Some(match frame {
        RelayFrame::ParticipantJoined(entry) => &mut entry.seq,
        RelayFrame::ParticipantLeft(entry) => &mut entry.seq,
        RelayFrame::Rekey(entry) => &mut entry.seq,
        RelayFrame::SessionKey(entry) => &mut entry.seq,
        RelayFrame::EpochEnd(entry) => &mut entry.seq,
        RelayFrame::Message(entry) => &mut entry.seq,
        RelayFrame::Locked(entry) => &mut entry.seq,
        RelayFrame::Extended(entry) => &mut entry.seq,
        RelayFrame::Renewed(entry) => &mut entry.seq,
        RelayFrame::Resumed(end) => &mut end.seq,
        _ => return None,
    })
}
