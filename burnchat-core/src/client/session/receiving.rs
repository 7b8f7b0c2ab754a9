//! Envelopes in the log (spec section 8.5).

use super::{Context, Session};
use crate::client::Stop;
use crate::client::event::{Event, Message, Unreadable};
use crate::client::senders::Counted;
use crate::crypto::{Body, Decoded, Header, VerifyingKey};
use crate::error::Code;
use crate::ids::ParticipantId;
use crate::wire::{Envelope, LoggedEnvelope};

impl Session {
    pub(super) fn envelope(
        &mut self,
        logged: LoggedEnvelope,
        cx: &mut Context<'_>,
    ) -> Result<(), Stop> {
        let sender = logged.sender;
        if sender == self.me.id() {
            return self.accepted(&logged.into_envelope(), cx);
        }
        if let Some(reader) = self.history.as_mut().filter(|reader| reader.is_waiting()) {
            return reader.take_envelope(logged).map_err(Stop::refuse);
        }
        let envelope = logged.into_envelope();
        let entry = self
            .roster
            .get(&sender)
            .ok_or(Stop::refuse(Code::NotAParticipant))?;
        let Some(public) = &entry.public else {
            return Ok(());
        };
        let key = public.verifying().clone();
        if self.epochs.has_ended(&envelope.epoch) {
            return Err(Stop::refuse(Code::EndedEpoch));
        }
        if self.epochs.get(&envelope.epoch).is_some() {
            self.open(sender, &key, &envelope, false, cx)
                .map_err(Stop::refuse)
        } else {
            self.count_unopened(sender, &key, &envelope, cx)
                .map_err(Stop::refuse)
        }
    }

    /// An envelope of an epoch this client holds.
    pub(super) fn open(
        &mut self,
        sender: ParticipantId,
        key: &VerifyingKey,
        envelope: &Envelope,
        from_history: bool,
        cx: &mut Context<'_>,
    ) -> Result<(), Code> {
        let room_id = *cx.room.keys.room_id();
        let epoch = self
            .epochs
            .get_mut(&envelope.epoch)
            .ok_or(Code::EndedEpoch)?;
        let expected = epoch.next_n(&sender).ok_or(Code::NotAParticipant)?;
        let skipped = envelope.n.checked_sub(expected).ok_or(Code::Replayed)?;
        envelope
            .verify(&room_id, &sender, key)
            .map_err(|_| Code::BadEnvelopeSignature)?;
        let (message_key, after) = epoch
            .look_ahead(&sender, envelope.n)
            .ok_or(Code::Replayed)?;
        let padded = envelope
            .open(&room_id, &sender, &message_key)
            .map_err(|_| Code::BadEnvelope)?;

        epoch.advance(sender, after);
        let version = epoch.version;
        let decoded = Decoded::from_padded(envelope.n, &padded);
        let since = self.joined_version;
        let Some(record) = self.senders.get_mut(&sender) else {
            return Err(Code::NotAParticipant);
        };
        let counted = match &decoded {
            Some(decoded) => {
                record.count_read(&decoded.header, version, envelope.n, skipped, since)
            }
            None => record.count_unread(Some(version), envelope.n, skipped),
        };
        report(counted, sender, cx);
        match decoded {
            Some(Decoded {
                header,
                body: Some(body),
            }) => {
                self.show(sender, header, body, from_history, cx);
            }
            _ => cx.event(Event::Unreadable {
                from: sender,
                reason: Unreadable::Unparsable,
            }),
        }
        Ok(())
    }

    /// An envelope of an epoch this client does not hold.
    fn count_unopened(
        &mut self,
        sender: ParticipantId,
        key: &VerifyingKey,
        envelope: &Envelope,
        cx: &mut Context<'_>,
    ) -> Result<(), Code> {
        envelope
            .verify(cx.room.keys.room_id(), &sender, key)
            .map_err(|_| Code::BadEnvelopeSignature)?;
        let (version, skipped) = self
            .epochs
            .count_unopened(&envelope.epoch, sender, envelope.n)?;
        if let Some(record) = self.senders.get_mut(&sender) {
            let counted = record.count_unread(version, envelope.n, skipped);
            report(counted, sender, cx);
        }
        cx.event(Event::Unreadable {
            from: sender,
            reason: Unreadable::NotKeyedYet,
        });
        Ok(())
    }

    fn show(
        &mut self,
        sender: ParticipantId,
        header: Header,
        body: Body,
        from_history: bool,
        cx: &mut Context<'_>,
    ) {
        match body {
            Body::Text { text, burn_after } => {
                let Some(author) = self.author(&sender) else {
                    return;
                };
                if !cx.room.shown.note(sender, header.id) {
                    return;
                }
                if cx.room.burns.wait((sender, header.id), burn_after) {
                    // No room to remember that it must burn: better not shown than never burned.
                    cx.event(Event::MessageBurned {
                        author: sender,
                        id: header.id,
                    });
                    return;
                }
                cx.event(Event::Message(Message {
                    id: header.id,
                    author,
                    text,
                    sent_at: header.sent_at,
                    burn_after_ms: burn_after,
                    from_history,
                }));
            }
            _ if from_history => {}
            Body::Typing(typing) => cx.event(Event::Typing {
                from: sender,
                typing,
            }),
            Body::Read(messages) => {
                for read in messages {
                    cx.event(Event::Read {
                        by: sender,
                        author: read.sender,
                        id: read.id,
                    });
                }
            }
            Body::Ticket(ticket) => {
                if self.tickets.received(&ticket) {
                    cx.room.link.replace_ticket(ticket);
                    cx.event(Event::LinkChanged);
                }
            }
            Body::TicketWanted(hash) => {
                let me = self.me.id();
                let place = self
                    .roster
                    .entries()
                    .iter()
                    .position(|entry| entry.id == me);
                self.tickets
                    .wanted(cx.now, &hash, self.role, place.unwrap_or(0));
            }
        }
    }
}

fn report(counted: Counted, sender: ParticipantId, cx: &mut Context<'_>) {
    if counted.missed > 0 {
        cx.event(Event::Missed {
            from: sender,
            count: counted.missed,
        });
    }
    if counted.repeated {
        cx.fault(Code::CountRepeated, Some(sender));
    }
}
