//! Texts, tickets and the rest on their way out (spec section 8.4).

use alloc::vec::Vec;

use rand_core::CryptoRng;

use super::{Connection, Context, Session};
use crate::client::Stop;
use crate::client::event::{Event, Output};
use crate::client::outbox::{Draft, InFlight, Payload};
use crate::client::tickets::Due;
use crate::crypto::{Body, Header, Plaintext, ReadMessage, Text};
use crate::error::Code;
use crate::ids::{EpochId, MessageId};
use crate::link::Ticket;
use crate::wire::{ClientFrame, Envelope};

impl Session {
    pub(in crate::client) fn send_text(
        &mut self,
        text: Text,
        burn_after_ms: u32,
        cx: &mut Context<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<MessageId, Code> {
        if self.history.is_none() && self.others_verified() == 0 {
            return Err(Code::NobodyHere);
        }
        let id = random_id(rng);
        self.outbox.hold(Draft {
            id,
            text,
            burn_after_ms,
            written_at_version: self.roster.version(),
            written_at: cx.now,
        })?;
        Ok(id)
    }

    /// `typing` or `read`: sent now or not at all.
    pub(in crate::client) fn send_passing(
        &mut self,
        body: Passing,
        cx: &mut Context<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Stop> {
        let Some(epoch) = self.sendable_epoch() else {
            return Ok(());
        };
        let body = match body {
            Passing::Typing(typing) => Body::Typing(typing),
            Passing::Read(messages) => Body::Read(messages),
        };
        let header = Head {
            id: random_id(rng),
            sent_at: cx.now,
        };
        self.encrypt(epoch, header, body, cx, rng)
            .map(|_| ())
            .map_err(Stop::refuse)
    }

    /// Sends whatever can be sent now.
    pub(in crate::client) fn flush(
        &mut self,
        cx: &mut Context<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Stop> {
        while let Some(epoch) = self.sendable_epoch() {
            let sent = if self.tickets.announce {
                self.announce_ticket(epoch, cx, rng)
            } else if self.tickets.due(cx.now, self.keyed(), self.role) == Due::Ask {
                self.ask_for_ticket(epoch, cx, rng)
            } else if let Some(draft) = self.outbox.next_held() {
                self.send_draft(epoch, draft, cx, rng)
            } else {
                break;
            };
            sent.map_err(Stop::refuse)?;
        }
        Ok(())
    }

    /// Sends everything in flight again, the same bytes.
    pub(super) fn send_in_flight(&mut self, cx: &mut Context<'_>) {
        for sent in self.outbox.in_flight() {
            cx.out.push_back(Output::Send(
                ClientFrame::Message(sent.envelope.clone()).encode(),
            ));
        }
    }

    /// Takes back what the relay will not log any more.
    pub(super) fn refuse_envelopes(&mut self, is_refused: impl Fn(&InFlight) -> bool) {
        if self.outbox.refuse(is_refused) {
            self.tickets.announce = true;
        }
    }

    /// One's own envelope in the log.
    pub(super) fn accepted(
        &mut self,
        envelope: &Envelope,
        cx: &mut Context<'_>,
    ) -> Result<(), Stop> {
        if let Payload::Text(draft) = self.outbox.accept(envelope).map_err(Stop::Rejoin)? {
            let me = self.me.id();
            // In a history room it would come back after a fresh join.
            cx.room.shown.note(me, draft.id);
            cx.room
                .burns
                .start(cx.now, (me, draft.id), draft.burn_after_ms);
            cx.event(Event::Accepted { id: draft.id });
        }
        Ok(())
    }

    /// The epoch in which an envelope can be sent now.
    pub(super) fn sendable_epoch(&self) -> Option<EpochId> {
        let epoch = self
            .epochs
            .sending(&self.me.id())
            .filter(|_| self.connection == Connection::Open)?;
        self.outbox.has_room_in(&epoch).then_some(epoch)
    }

    fn announce_ticket(
        &mut self,
        epoch: EpochId,
        cx: &mut Context<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Code> {
        self.tickets.announce = false;
        if !self.tickets.is_current()
            || self
                .outbox
                .is_in_flight(|payload| matches!(payload, Payload::Ticket))
        {
            return Ok(());
        }
        let ticket = Ticket::copy_of(cx.room.link.ticket().as_secret().as_bytes());
        let head = Head {
            id: random_id(rng),
            sent_at: cx.now,
        };
        self.encrypt(epoch, head, Body::Ticket(ticket), cx, rng)
            .map(|_| ())
    }

    fn ask_for_ticket(
        &mut self,
        epoch: EpochId,
        cx: &mut Context<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Code> {
        let newest = *self.tickets.newest();
        let head = Head {
            id: random_id(rng),
            sent_at: cx.now,
        };
        self.encrypt(epoch, head, Body::TicketWanted(newest), cx, rng)?;
        self.tickets
            .asked(cx.now, self.keyed().map_or(epoch, |(id, _)| id));
        Ok(())
    }

    fn send_draft(
        &mut self,
        epoch: EpochId,
        draft: Draft,
        cx: &mut Context<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Code> {
        if !self.is_written_for(&draft, &epoch) {
            cx.event(Event::Unsent {
                id: draft.id,
                text: draft.text,
            });
            return Ok(());
        }
        let Draft {
            id,
            text,
            burn_after_ms,
            written_at_version,
            written_at,
        } = draft;
        let head = Head {
            id,
            sent_at: written_at,
        };
        let body = Body::Text {
            text,
            burn_after: burn_after_ms,
        };
        // What could not be encrypted comes back with the error: no text is lost.
        let (body, outcome) = self.encrypt_and_keep(epoch, head, body, cx, rng);
        let Body::Text { text, .. } = body else {
            return Err(Code::CryptoFailure);
        };
        let draft = Draft {
            id,
            text,
            burn_after_ms,
            written_at_version,
            written_at,
        };
        match outcome {
            Ok((envelope, version)) => {
                self.outbox.sent(InFlight {
                    envelope,
                    version,
                    payload: Payload::Text(draft),
                });
                Ok(())
            }
            Err(code) => {
                self.outbox.put_back(draft);
                Err(code)
            }
        }
    }

    /// Whether everyone on the roster of `epoch`, verified or not, was there when the text was written. Whom this client
    /// can't verify others may: they hold the key.
    fn is_written_for(&self, draft: &Draft, epoch: &EpochId) -> bool {
        self.epochs.get(epoch).is_some_and(|epoch| {
            self.roster
                .members_at(epoch.version)
                .all(|entry| entry.joined_version <= draft.written_at_version)
        })
    }

    fn encrypt(
        &mut self,
        epoch: EpochId,
        head: Head,
        body: Body,
        cx: &mut Context<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Code> {
        let (body, outcome) = self.encrypt_and_keep(epoch, head, body, cx, rng);
        let (envelope, version) = outcome?;
        let payload = match body {
            Body::Ticket(_) => Payload::Ticket,
            _ => Payload::Passing,
        };
        self.outbox.sent(InFlight {
            envelope,
            version,
            payload,
        });
        Ok(())
    }

    /// Encrypts and sends; gives the body back with the envelope and its epoch's version.
    fn encrypt_and_keep(
        &mut self,
        epoch: EpochId,
        head: Head,
        body: Body,
        cx: &mut Context<'_>,
        rng: &mut impl CryptoRng,
    ) -> (Body, Result<(Envelope, u64), Code>) {
        let count = self.outbox.next_count();
        let last = self.outbox.last_epoch();
        let me = self.me.id();
        let Some(epoch) = self.epochs.get_mut(&epoch) else {
            return (body, Err(Code::CryptoFailure));
        };
        let Some(key) = epoch.take_key(&me) else {
            return (body, Err(Code::CryptoFailure));
        };
        let n = key.n();
        let header = Header {
            id: head.id,
            sent_at: head.sent_at,
            count,
            last: (n == 0).then_some(last),
        };
        let plaintext = Plaintext { header, body };
        let padded = plaintext.encode(n);
        let sealed = Envelope::seal(
            cx.room.keys.room_id(),
            &epoch.id,
            &self.me,
            key,
            padded,
            rng,
        );
        let version = epoch.version;
        match sealed {
            Ok(envelope) => {
                let frame = ClientFrame::Message(envelope);
                cx.send(&frame);
                let ClientFrame::Message(envelope) = frame else {
                    return (plaintext.body, Err(Code::CryptoFailure));
                };
                (plaintext.body, Ok((envelope, version)))
            }
            Err(_) => {
                epoch.takes_envelopes = false;
                (plaintext.body, Err(Code::CryptoFailure))
            }
        }
    }
}

/// What a client says in passing.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(in crate::client) enum Passing {
    Typing(bool),
    Read(Vec<ReadMessage>),
}

/// What of a header the message itself decides.
#[derive(Clone, Copy)]
struct Head {
    id: MessageId,
    sent_at: crate::time::Timestamp,
}

fn random_id(rng: &mut impl CryptoRng) -> MessageId {
    let mut id = [0; 16];
    rng.fill_bytes(&mut id);
    MessageId(id)
}
