//! Entries of the log that change the roster or the room (spec sections 6 and 11.5).

use super::{Context, Session, Unkeyed};
use crate::client::Stop;
use crate::client::commands::Seen;
use crate::client::event::Event;
use crate::client::senders::Sender;
use crate::error::Code;
use crate::ids::ParticipantId;
use crate::wire::{
    Departure, EpochEnd, Extended, Locked, ParticipantJoined, ParticipantLeft, Rekey, Renewed,
};

impl Session {
    pub(super) fn participant_joined(
        &mut self,
        entry: ParticipantJoined,
        cx: &mut Context<'_>,
    ) -> Result<(), Stop> {
        self.next_version(entry.version)?;
        if let Some(replaced) = entry.replaces {
            self.depart(replaced, None, cx)?;
        }
        let (id, fault) = self
            .roster
            .add(entry.participant, entry.version, &cx.room.keys)
            .map_err(Stop::Rejoin)?;
        self.senders.insert(id, Sender::seen_joining());
        let participant = self
            .roster
            .get(&id)
            .map(|entry| entry.participant(&self.me.id()));
        cx.out.extend(
            participant.map(|joined| super::Output::Event(Event::ParticipantJoined(joined))),
        );
        if let Some(code) = fault {
            cx.fault(code, Some(id));
        }
        self.roster_changed(cx)
    }

    pub(super) fn participant_left(
        &mut self,
        entry: ParticipantLeft,
        cx: &mut Context<'_>,
    ) -> Result<(), Stop> {
        self.next_version(entry.version)?;
        self.depart(entry.id, Some(entry.reason), cx)?;
        self.commands.seen(Seen::Left(entry.id));
        self.roster_changed(cx)
    }

    pub(super) fn rekey(&mut self, entry: Rekey, cx: &mut Context<'_>) -> Result<(), Stop> {
        self.next_version(entry.version)?;
        self.version_is_new(cx)
    }

    pub(super) fn epoch_end(&mut self, entry: EpochEnd) -> Result<(), Stop> {
        if let Some(reader) = &mut self.history {
            reader.epoch_end(entry.version);
        }
        if let Some(id) = self.epochs.by_version(entry.version) {
            self.epochs.end(&id);
        }
        self.refuse_envelopes(|sent| sent.version == entry.version);
        Ok(())
    }

    pub(super) fn locked(&mut self, entry: Locked, cx: &mut Context<'_>) -> Result<(), Stop> {
        self.locked = entry.locked;
        self.commands.seen(Seen::Locked(entry.locked));
        cx.event(Event::Locked {
            locked: entry.locked,
        });
        Ok(())
    }

    pub(super) fn extended(&mut self, entry: Extended, cx: &mut Context<'_>) -> Result<(), Stop> {
        self.last_extended = entry.seq;
        self.commands.seen(Seen::Extended);
        // An entry that is replayed after a resume tells of a moment that is past: `resumed` corrects it downwards.
        cx.room.set_end(cx.now, entry.seconds_remaining);
        cx.event(Event::Extended {
            seconds_remaining: entry.seconds_remaining,
        });
        Ok(())
    }

    pub(super) fn renewed(&mut self, entry: Renewed, cx: &mut Context<'_>) -> Result<(), Stop> {
        self.commands.seen(Seen::Renewed(entry.ticket_hash));
        if let Some(ticket) = self
            .tickets
            .renewed(cx.now, entry.ticket_hash, cx.room.link.ticket())
        {
            cx.room.link.replace_ticket(ticket);
            cx.event(Event::LinkChanged);
        } else if !self.tickets.is_current() {
            cx.event(Event::LinkExpired);
        }
        Ok(())
    }

    fn next_version(&mut self, version: u64) -> Result<(), Stop> {
        if version != self.roster.version().saturating_add(1) {
            return Err(Stop::Rejoin(Code::Fork));
        }
        self.roster.set_version(version);
        Ok(())
    }

    fn depart(
        &mut self,
        id: ParticipantId,
        reason: Option<Departure>,
        cx: &mut Context<'_>,
    ) -> Result<(), Stop> {
        if id == self.me.id() {
            return Err(Stop::Rejoin(Code::Fork));
        }
        let entry = self.roster.remove(&id).map_err(Stop::Rejoin)?;
        if let Some(reader) = &mut self.history {
            reader.departed(id);
        }
        self.senders.remove(&id);
        if !cx.room.link.history() {
            cx.room.shown.forget(&id);
        }
        self.pairs.remove(&id);
        if self
            .epochs
            .note_departure(&id, entry.joined_version, self.roster.version())
        {
            self.refuse_envelopes(|_| true);
        }
        cx.event(Event::ParticipantLeft {
            participant: entry.participant(&self.me.id()),
            reason,
        });
        Ok(())
    }

    fn roster_changed(&mut self, cx: &mut Context<'_>) -> Result<(), Stop> {
        cx.event(Event::VerificationChanged);
        let others = self.others_verified();
        self.met_somebody |= others > 0;
        if !self.met_somebody && self.roster.entries().len() > 2 {
            return Err(Stop::bad_link());
        }
        if others == 0 && self.history.is_none() {
            self.epochs.wipe();
            self.outbox.give_back(false, cx.out);
        }
        self.version_is_new(cx)
    }

    fn version_is_new(&mut self, cx: &mut Context<'_>) -> Result<(), Stop> {
        self.epochs
            .note_version(&self.roster)
            .map_err(Stop::Rejoin)?;
        self.unkeyed = Some(Unkeyed {
            since: cx.now,
            reported: false,
        });
        Ok(())
    }
}
