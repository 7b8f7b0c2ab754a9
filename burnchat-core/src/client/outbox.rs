//! What this client sends, until it is accepted, refused or given back (spec section 8.4).

use alloc::collections::VecDeque;

use super::event::{Event, Output};
use crate::crypto::{LastEpoch, Text};
use crate::error::Code;
use crate::ids::{EpochId, MessageId};
use crate::limits;
use crate::time::Timestamp;
use crate::wire::Envelope;

/// A text that waits to be encrypted.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct Draft {
    pub(super) id: MessageId,
    pub(super) text: Text,
    pub(super) burn_after_ms: u32,
    /// The roster version its author saw when writing it.
    pub(super) written_at_version: u64,
    pub(super) written_at: Timestamp,
}

/// What an envelope on its way carries, as far as it matters once it is refused or accepted.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) enum Payload {
    Text(Draft),
    Ticket,
    /// `typing`, `read` and `ticket_wanted`: not carried over.
    Passing,
}

/// An envelope that was sent and not seen accepted.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct InFlight {
    pub(super) envelope: Envelope,
    /// The version of its epoch.
    pub(super) version: u64,
    pub(super) payload: Payload,
}

/// Texts held, envelopes in flight, and the counts that go into envelopes.
#[derive(Default)]
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct Outbox {
    held: VecDeque<Draft>,
    in_flight: VecDeque<InFlight>,
    accepted: u64,
    last: LastEpoch,
    /// When everything in flight is sent again.
    pub(super) retry_at: Option<Timestamp>,
}

impl Outbox {
    /// # Errors
    /// `queue_full`.
    pub(super) fn hold(&mut self, draft: Draft) -> Result<(), Code> {
        if self.held.len() >= limits::HELD_TEXTS {
            return Err(Code::QueueFull);
        }
        self.held.push_back(draft);
        Ok(())
    }

    /// Whether an envelope may be made in `epoch` now.
    pub(super) fn has_room_in(&self, epoch: &EpochId) -> bool {
        self.retry_at.is_none()
            && self.in_flight.len() < limits::IN_FLIGHT
            && self
                .in_flight
                .front()
                .is_none_or(|first| first.envelope.epoch == *epoch)
    }

    /// The `count` of the next envelope.
    pub(super) fn next_count(&self) -> u64 {
        self.accepted
            .saturating_add(self.in_flight.len() as u64)
            .saturating_add(1)
    }

    pub(super) fn last_epoch(&self) -> LastEpoch {
        self.last
    }

    pub(super) fn next_held(&mut self) -> Option<Draft> {
        self.held.pop_front()
    }

    pub(super) fn put_back(&mut self, draft: Draft) {
        self.held.push_front(draft);
    }

    pub(super) fn sent(&mut self, in_flight: InFlight) {
        self.in_flight.push_back(in_flight);
    }

    pub(super) fn in_flight(&self) -> impl Iterator<Item = &InFlight> {
        self.in_flight.iter()
    }

    #[cfg(burnchat_sim)]
    pub(super) fn held_ids(&self) -> alloc::vec::Vec<MessageId> {
        self.held.iter().map(|draft| draft.id).collect()
    }

    #[cfg(burnchat_sim)]
    pub(super) fn in_flight_ids(&self) -> alloc::vec::Vec<MessageId> {
        let texts = self
            .in_flight
            .iter()
            .filter_map(|sent| match &sent.payload {
                Payload::Text(draft) => Some(draft.id),
                _ => None,
            });
        texts.collect()
    }

    pub(super) fn is_in_flight(&self, wanted: impl Fn(&Payload) -> bool) -> bool {
        self.in_flight.iter().any(|sent| wanted(&sent.payload))
    }

    /// Takes an envelope of one's own out of the log.
    ///
    /// # Errors
    /// `fork` if it is not the one that must come next, byte for byte.
    pub(super) fn accept(&mut self, logged: &Envelope) -> Result<Payload, Code> {
        if self
            .in_flight
            .front()
            .is_none_or(|first| first.envelope != *logged)
        {
            return Err(Code::Fork);
        }
        let sent = self.in_flight.pop_front().ok_or(Code::Fork)?;
        self.accepted = self.accepted.saturating_add(1);
        self.last = LastEpoch {
            version: sent.version,
            count: sent.envelope.n.saturating_add(1),
        };
        if self.in_flight.is_empty() {
            self.retry_at = None;
        }
        Ok(sent.payload)
    }

    /// Takes back what `is_refused` names. Texts wait again, in their order, before those written later. Returns
    /// whether a `ticket` was among them.
    pub(super) fn refuse(&mut self, is_refused: impl Fn(&InFlight) -> bool) -> bool {
        let mut ticket = false;
        let mut back = VecDeque::new();
        let mut kept = VecDeque::with_capacity(self.in_flight.len());
        for sent in self.in_flight.drain(..) {
            if !is_refused(&sent) {
                kept.push_back(sent);
                continue;
            }
            match sent.payload {
                Payload::Text(draft) => back.push_back(draft),
                Payload::Ticket => ticket = true,
                Payload::Passing => {}
            }
        }
        self.in_flight = kept;
        back.append(&mut self.held);
        self.held = back;
        if self.in_flight.is_empty() {
            self.retry_at = None;
        }
        ticket
    }

    /// Gives every text back to its author: those sent as `unknown`, or, if they were surely refused, as `unsent`.
    pub(super) fn give_back(&mut self, sent_is_unknown: bool, out: &mut VecDeque<Output>) {
        if !sent_is_unknown {
            self.refuse(|_| true);
        }
        for sent in self.in_flight.drain(..) {
            if let Payload::Text(Draft { id, text, .. }) = sent.payload {
                out.push_back(Output::Event(Event::Unknown { id, text }));
            }
        }
        for Draft { id, text, .. } in self.held.drain(..) {
            out.push_back(Output::Event(Event::Unsent { id, text }));
        }
        self.retry_at = None;
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    use super::*;
    use crate::wire::{Bytes, Ciphertext};

    const OLD: EpochId = EpochId([1; 32]);
    const NEW: EpochId = EpochId([2; 32]);

    fn draft(text: &str) -> Draft {
        Draft {
            id: MessageId([text.as_bytes()[0]; 16]),
            text: Text::new(text).unwrap(),
            burn_after_ms: 0,
            written_at_version: 1,
            written_at: Timestamp(0),
        }
    }

    fn envelope(epoch: EpochId, n: u64) -> Envelope {
        Envelope {
            epoch,
            n,
            flags: 0,
            iv: Bytes([0; 12]),
            ciphertext: Ciphertext(alloc::vec![0; 80]),
            sig: Bytes([0; 64]),
        }
    }

    fn sent(epoch: EpochId, n: u64, payload: Payload) -> InFlight {
        InFlight {
            envelope: envelope(epoch, n),
            version: 5,
            payload,
        }
    }

    /// Three texts and a ticket under way in one epoch, and a text that waits.
    fn busy() -> Outbox {
        let mut outbox = Outbox::default();
        outbox.sent(sent(OLD, 0, Payload::Text(draft("a"))));
        outbox.sent(sent(OLD, 1, Payload::Ticket));
        outbox.sent(sent(OLD, 2, Payload::Text(draft("b"))));
        outbox.sent(sent(OLD, 3, Payload::Passing));
        outbox.sent(sent(OLD, 4, Payload::Text(draft("c"))));
        outbox.hold(draft("d")).unwrap();
        outbox
    }

    fn held(outbox: &mut Outbox) -> String {
        let mut all = String::new();
        while let Some(draft) = outbox.next_held() {
            all.push_str(draft.text.as_str());
        }
        all
    }

    #[test]
    fn so_many_texts_wait_and_no_more() {
        let mut outbox = Outbox::default();
        for _ in 0..limits::HELD_TEXTS {
            assert_eq!(outbox.hold(draft("a")), Ok(()));
        }
        assert_eq!(outbox.hold(draft("b")), Err(Code::QueueFull));
    }

    #[test]
    fn so_many_envelopes_are_under_way_all_of_one_epoch() {
        let mut outbox = Outbox::default();
        assert!(outbox.has_room_in(&OLD));
        for n in 0..limits::IN_FLIGHT as u64 {
            assert!(outbox.has_room_in(&OLD), "{n}");
            assert_eq!(outbox.has_room_in(&NEW), n == 0);
            assert_eq!(outbox.next_count(), n + 1);
            outbox.sent(sent(OLD, n, Payload::Passing));
        }
        assert!(!outbox.has_room_in(&OLD));
        assert!(outbox.accept(&envelope(OLD, 0)).is_ok());
        assert!(outbox.has_room_in(&OLD));
        assert_eq!(outbox.next_count(), limits::IN_FLIGHT as u64 + 1);
        outbox.retry_at = Some(Timestamp(9));
        assert!(!outbox.has_room_in(&OLD));
    }

    #[test]
    fn the_log_takes_ones_envelopes_in_their_order_byte_for_byte() {
        let mut outbox = busy();
        outbox.retry_at = Some(Timestamp(9));
        let mut altered = envelope(OLD, 0);
        altered.iv = Bytes([1; 12]);
        assert_eq!(outbox.accept(&altered).err(), Some(Code::Fork));
        assert_eq!(outbox.accept(&envelope(OLD, 1)).err(), Some(Code::Fork));
        for n in 0..5 {
            assert_eq!(outbox.retry_at, Some(Timestamp(9)));
            assert!(outbox.accept(&envelope(OLD, n)).is_ok());
            let last = outbox.last_epoch();
            assert_eq!((last.version, last.count), (5, n + 1));
        }
        assert_eq!(outbox.retry_at, None);
        assert_eq!(outbox.accept(&envelope(OLD, 5)).err(), Some(Code::Fork));
    }

    #[test]
    fn what_is_refused_waits_again_in_its_order_before_what_was_written_later() {
        let mut outbox = busy();
        outbox.retry_at = Some(Timestamp(9));
        assert!(!outbox.refuse(|sent| sent.envelope.n >= 2));
        assert_eq!(outbox.in_flight().count(), 2);
        assert_eq!(outbox.retry_at, Some(Timestamp(9)));
        assert!(outbox.is_in_flight(|payload| matches!(payload, Payload::Ticket)));
        assert!(outbox.refuse(|_| true));
        assert!(!outbox.is_in_flight(|_| true));
        assert_eq!(outbox.retry_at, None);
        assert_eq!(held(&mut outbox), "abcd");
    }

    #[test]
    fn what_cannot_go_out_yet_stays_the_next() {
        let mut outbox = busy();
        let first = outbox.next_held().unwrap();
        outbox.hold(draft("e")).unwrap();
        outbox.put_back(first);
        assert_eq!(held(&mut outbox), "de");
    }

    #[test]
    fn texts_go_back_to_their_author_with_what_is_known_of_them() {
        for (sent_is_unknown, told) in [
            (true, "unknown a, unknown b, unknown c, unsent d"),
            (false, "unsent a, unsent b, unsent c, unsent d"),
        ] {
            let mut outbox = busy();
            outbox.retry_at = Some(Timestamp(9));
            let mut out = VecDeque::new();
            outbox.give_back(sent_is_unknown, &mut out);
            let said: Vec<_> = out
                .iter()
                .map(|output| match output {
                    Output::Event(Event::Unknown { text, .. }) => {
                        format!("unknown {}", text.as_str())
                    }
                    Output::Event(Event::Unsent { text, .. }) => {
                        format!("unsent {}", text.as_str())
                    }
                    _ => "?".to_string(),
                })
                .collect();
            assert_eq!(said.join(", "), told);
            assert_eq!(outbox.in_flight().count(), 0);
            assert!(outbox.next_held().is_none());
            assert_eq!(outbox.retry_at, None);
        }
    }
}
