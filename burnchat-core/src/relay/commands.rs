//! What creators may order (spec section 11.5).

use super::Refusal;
use super::hashes::same_ticket;
use super::log::Kind;
use super::room::Moment;
use super::seats::{JoinNumber, SeatState};
use crate::error::Code;
use crate::ids::TicketHash;
use crate::limits::EXTENSION_SECONDS;
use crate::wire::{
    Departure, Extend, Extended, Kick, Lock, Locked, RelayFrame, Renew, Renewed, Role, WhoMayBurn,
};

impl Moment<'_> {
    pub(super) fn lock(&mut self, by: JoinNumber, command: Lock) -> Result<(), Refusal> {
        self.creators_only(by)?;
        let Lock { locked } = command;
        if self.live.locked != locked {
            self.live.locked = locked;
            self.log(Kind::Control, |seq| {
                RelayFrame::Locked(Locked { seq, locked })
            });
        }
        Ok(())
    }

    pub(super) fn kick(&mut self, by: JoinNumber, command: Kick) -> Result<(), Refusal> {
        self.creators_only(by)?;
        let Some(seat) = self.live.seats.of_id(&command.id) else {
            return Err(Code::UnknownParticipant.into());
        };
        let state = self.live.seats.state(seat);
        if state == SeatState::Held(by) {
            return Err(Code::BadRequest.into());
        }
        let ticket = match command.ticket_hash {
            Some(hash) => self.new_ticket(hash)?,
            None => None,
        };
        match state {
            SeatState::Held(number) => self.depart(number, Departure::Kicked),
            SeatState::Left | SeatState::Void | SeatState::Kicked => self.live.seats.kick(seat),
        }
        if let Some(hash) = ticket {
            self.replace_ticket(hash);
        }
        Ok(())
    }

    pub(super) fn renew(&mut self, by: JoinNumber, command: Renew) -> Result<(), Refusal> {
        self.creators_only(by)?;
        if let Some(hash) = self.new_ticket(command.ticket_hash)? {
            self.replace_ticket(hash);
        }
        Ok(())
    }

    pub(super) fn extend(&mut self, by: JoinNumber, command: Extend) -> Result<(), Refusal> {
        self.creators_only(by)?;
        if !EXTENSION_SECONDS.contains(&command.seconds) {
            return Err(Code::BadRequest.into());
        }
        if command.after != self.live.last_extended {
            return Err(Code::ExtendConflict.into());
        }
        let end = self
            .terms
            .end
            .plus_seconds(command.seconds)
            .min(self.terms.not_after);
        if end <= self.terms.end {
            return Err(Code::PastNotAfter.into());
        }
        self.terms.end = end;
        self.restart_countdown();
        let seconds_remaining = self.seconds_remaining();
        self.log(Kind::Control, |seq| {
            RelayFrame::Extended(Extended {
                seq,
                seconds_remaining,
            })
        });
        self.live.last_extended = self.live.log.seq();
        Ok(())
    }

    /// Whether this participant may burn the room.
    pub(super) fn may_burn(&self, by: JoinNumber) -> Result<(), Refusal> {
        match self.terms.burn {
            WhoMayBurn::Anyone => Ok(()),
            WhoMayBurn::Creator => self.creators_only(by),
        }
    }

    /// Counts an envelope against the room's budget.
    pub(super) fn spend(&mut self, len: usize) -> Result<(), Refusal> {
        let rates = (self.limits.room_envelopes, self.limits.room_bytes);
        self.live
            .quota
            .take(self.now, rates, len)
            .map_err(|wait| Refusal {
                retry_after_ms: Some(wait),
                ..Code::RateLimited.into()
            })
    }

    fn creators_only(&self, by: JoinNumber) -> Result<(), Refusal> {
        match self.live.roster.get(by) {
            Some(participant) if participant.entry.role == Role::Creator => Ok(()),
            _ => Err(Code::NotCreator.into()),
        }
    }

    /// `None` if it is the room's ticket already.
    fn new_ticket(&self, hash: TicketHash) -> Result<Option<TicketHash>, Refusal> {
        if same_ticket(&hash, &self.terms.ticket) {
            return Ok(None);
        }
        if self.live.replaced_tickets.contains(&hash) {
            return Err(Code::BadRequest.into());
        }
        Ok(Some(hash))
    }

    fn replace_ticket(&mut self, ticket_hash: TicketHash) {
        let replaced = core::mem::replace(&mut self.terms.ticket, ticket_hash);
        let tickets = &mut self.live.replaced_tickets;
        tickets.push_back(replaced);
        while tickets.len() > self.limits.replaced_tickets {
            tickets.pop_front();
        }
        self.live.seats.void_those_left();
        self.log(Kind::Control, |seq| {
            RelayFrame::Renewed(Renewed { seq, ticket_hash })
        });
    }
}
