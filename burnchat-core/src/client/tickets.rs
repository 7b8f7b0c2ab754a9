//! The room's newest ticket, and how it reaches everyone (spec section 11.5).

use alloc::vec::Vec;

use crate::ids::{EpochId, TicketHash};
use crate::limits;
use crate::link::Ticket;
use crate::time::Timestamp;
use crate::wire::Role;

/// How many of its own candidates a client keeps.
const CANDIDATES: usize = 8;

/// Where this client stands with the newest ticket.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct Tickets {
    newest: TicketHash,
    standing: Standing,
    /// Tickets this client made, whose hash has not been logged.
    candidates: Vec<Ticket>,
    /// The ticket is to be sent to the room.
    pub(super) announce: bool,
    /// When to answer somebody who lacks it, if nobody else has.
    answer_at: Option<Timestamp>,
}

/// Whether the link's ticket is the newest.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
enum Standing {
    Current,
    Lacking {
        since: Timestamp,
        asked: Option<Asked>,
    },
}

/// In which epoch this client asked for the newest ticket, and when.
#[derive(Clone, Copy)]
#[cfg_attr(burnchat_sim, derive(Hash))]
struct Asked {
    epoch: EpochId,
    at: Timestamp,
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Ask,
    Renew,
}

impl Tickets {
    pub(super) fn new(newest: TicketHash, ours: &Ticket, now: Timestamp) -> Self {
        let standing = if ours.matches(&newest) {
            Standing::Current
        } else {
            Standing::Lacking {
                since: now,
                asked: None,
            }
        };
        Self {
            newest,
            standing,
            candidates: Vec::new(),
            announce: false,
            answer_at: None,
        }
    }

    pub(super) fn newest(&self) -> &TicketHash {
        &self.newest
    }

    pub(super) fn is_current(&self) -> bool {
        matches!(self.standing, Standing::Current)
    }

    pub(super) fn keep_candidate(&mut self, ticket: Ticket) {
        if self.candidates.len() >= CANDIDATES {
            self.candidates.remove(0);
        }
        self.candidates.push(ticket);
    }

    /// A new hash was logged. Returns the ticket if it is one of ours.
    pub(super) fn renewed(
        &mut self,
        now: Timestamp,
        hash: TicketHash,
        ours: &Ticket,
    ) -> Option<Ticket> {
        self.newest = hash;
        self.answer_at = None;
        self.announce = false;
        let place = self
            .candidates
            .iter()
            .position(|candidate| candidate.matches(&hash));
        let candidate = place.map(|place| self.candidates.remove(place));
        if candidate.is_some() {
            self.standing = Standing::Current;
            self.announce = true;
        } else if ours.matches(&hash) {
            self.standing = Standing::Current;
        } else {
            self.standing = Standing::Lacking {
                since: now,
                asked: None,
            };
        }
        candidate
    }

    /// Somebody sent a ticket. True if it is the newest and was lacking.
    pub(super) fn received(&mut self, ticket: &Ticket) -> bool {
        if !ticket.matches(&self.newest) {
            return false;
        }
        self.answer_at = None;
        let lacked = !self.is_current();
        self.standing = Standing::Current;
        lacked
    }

    /// Somebody lacks the ticket of this hash. `place` is this client's on the roster: whoever answers first spares the
    /// others.
    pub(super) fn wanted(&mut self, now: Timestamp, hash: &TicketHash, role: Role, place: usize) {
        if *hash != self.newest || !self.is_current() {
            return;
        }
        match role {
            Role::Creator => self.announce = true,
            Role::Member => {
                let place = u64::try_from(place).unwrap_or(u64::MAX);
                let patience = place
                    .saturating_mul(limits::TICKET_STAGGER_MILLIS)
                    .saturating_add(limits::TICKET_PATIENCE_MILLIS);
                self.answer_at.get_or_insert(now.plus_millis(patience));
            }
        }
    }

    /// What the time calls for. `keyed` is the epoch that can be sent in and since when it has been.
    pub(super) fn due(
        &mut self,
        now: Timestamp,
        keyed: Option<(EpochId, Timestamp)>,
        role: Role,
    ) -> Due {
        if self.answer_at.is_some_and(|at| now >= at) {
            self.answer_at = None;
            self.announce = true;
        }
        match self.next(keyed, role) {
            Some((at, due)) if now >= at => due,
            _ => Due::Nothing,
        }
    }

    pub(super) fn asked(&mut self, now: Timestamp, epoch: EpochId) {
        if let Standing::Lacking { asked, .. } = &mut self.standing {
            *asked = Some(Asked { epoch, at: now });
        }
    }

    pub(super) fn next_timeout(
        &self,
        keyed: Option<(EpochId, Timestamp)>,
        role: Role,
    ) -> Option<Timestamp> {
        let next = self.next(keyed, role).map(|(at, _)| at);
        [self.answer_at, next].into_iter().flatten().min()
    }

    fn next(&self, keyed: Option<(EpochId, Timestamp)>, role: Role) -> Option<(Timestamp, Due)> {
        let Standing::Lacking { since, asked } = &self.standing else {
            return None;
        };
        let (epoch, keyed_at) = keyed?;
        match asked {
            Some(asked) if role == Role::Creator => Some((
                asked.at.plus_millis(limits::TICKET_RENEWAL_MILLIS),
                Due::Renew,
            )),
            Some(asked) if asked.epoch == epoch => None,
            _ => Some((
                (*since)
                    .max(keyed_at)
                    .plus_millis(limits::TICKET_PATIENCE_MILLIS),
                Due::Ask,
            )),
        }
    }
}
