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

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(10_000);
    const EPOCH: EpochId = EpochId([1; 32]);
    const NEXT_EPOCH: EpochId = EpochId([2; 32]);

    fn ticket(number: u8) -> Ticket {
        Ticket::copy_of(&[number; 16])
    }

    /// Somebody with ticket 1 in a room whose newest is `newest`.
    fn with_ticket_one(newest: u8) -> Tickets {
        Tickets::new(ticket(newest).hash(), &ticket(1), NOW)
    }

    fn after(millis: u64) -> Timestamp {
        NOW.plus_millis(millis)
    }

    #[test]
    fn who_has_the_newest_ticket_asks_for_nothing() {
        let mut tickets = with_ticket_one(1);
        assert!(tickets.is_current());
        let keyed = Some((EPOCH, NOW));
        assert_eq!(tickets.next_timeout(keyed, Role::Creator), None);
        assert_eq!(
            tickets.due(after(99_999), keyed, Role::Creator),
            Due::Nothing
        );
    }

    #[test]
    fn who_lacks_it_asks_after_two_seconds_with_a_key_and_once_in_each_epoch() {
        let mut tickets = with_ticket_one(2);
        assert!(!tickets.is_current());
        assert_eq!(tickets.next_timeout(None, Role::Member), None);
        let keyed = Some((EPOCH, after(500)));
        assert_eq!(
            tickets.next_timeout(keyed, Role::Member),
            Some(after(2_500))
        );
        assert_eq!(tickets.due(after(2_499), keyed, Role::Member), Due::Nothing);
        assert_eq!(tickets.due(after(2_500), keyed, Role::Member), Due::Ask);
        tickets.asked(after(2_500), EPOCH);
        assert_eq!(tickets.next_timeout(keyed, Role::Member), None);
        let keyed = Some((NEXT_EPOCH, after(9_000)));
        assert_eq!(tickets.due(after(11_000), keyed, Role::Member), Due::Ask);
        // A creator does not ask again: it makes a new one.
        assert_eq!(
            tickets.next_timeout(keyed, Role::Creator),
            Some(after(7_500))
        );
        assert_eq!(
            tickets.due(after(7_499), keyed, Role::Creator),
            Due::Nothing
        );
        assert_eq!(tickets.due(after(7_500), keyed, Role::Creator), Due::Renew);
    }

    #[test]
    fn a_ticket_one_has_made_is_announced_once_it_is_logged() {
        let mut tickets = with_ticket_one(1);
        tickets.keep_candidate(ticket(2));
        tickets.keep_candidate(ticket(3));
        let made = tickets.renewed(NOW, ticket(3).hash(), &ticket(1)).unwrap();
        assert!(made.matches(&ticket(3).hash()));
        assert!(tickets.announce && tickets.is_current());
        assert_eq!(*tickets.newest(), ticket(3).hash());
        // Somebody else's takes its place.
        assert!(tickets.renewed(NOW, ticket(4).hash(), &ticket(3)).is_none());
        assert!(!tickets.announce && !tickets.is_current());
        // One that this client has in its link already, it has.
        assert!(tickets.renewed(NOW, ticket(3).hash(), &ticket(3)).is_none());
        assert!(!tickets.announce && tickets.is_current());
    }

    #[test]
    fn of_ones_own_candidates_the_newest_eight_are_kept() {
        let mut tickets = with_ticket_one(1);
        for number in 10..19 {
            tickets.keep_candidate(ticket(number));
        }
        assert_eq!(tickets.candidates.len(), 8);
        assert!(
            tickets
                .renewed(NOW, ticket(10).hash(), &ticket(1))
                .is_none()
        );
        assert!(
            tickets
                .renewed(NOW, ticket(11).hash(), &ticket(1))
                .is_some()
        );
    }

    #[test]
    fn only_the_newest_ticket_is_taken_and_only_by_who_lacks_it() {
        let mut tickets = with_ticket_one(2);
        assert!(!tickets.received(&ticket(3)));
        assert!(!tickets.is_current());
        assert!(tickets.received(&ticket(2)));
        assert!(tickets.is_current());
        assert!(!tickets.received(&ticket(2)));
    }

    #[test]
    fn a_creator_answers_at_once_and_members_in_the_order_of_the_roster() {
        let mut creator = with_ticket_one(1);
        creator.wanted(NOW, &ticket(1).hash(), Role::Creator, 3);
        assert!(creator.announce);

        let mut member = with_ticket_one(1);
        member.wanted(NOW, &ticket(1).hash(), Role::Member, 3);
        // Asked again, it does not wait longer.
        member.wanted(after(50), &ticket(1).hash(), Role::Member, 3);
        assert_eq!(member.next_timeout(None, Role::Member), Some(after(2_300)));
        member.due(after(2_299), None, Role::Member);
        assert!(!member.announce);
        member.due(after(2_300), None, Role::Member);
        assert!(member.announce);
        assert_eq!(member.next_timeout(None, Role::Member), None);
    }

    #[test]
    fn one_answer_spares_the_others_theirs() {
        let mut member = with_ticket_one(1);
        member.wanted(NOW, &ticket(1).hash(), Role::Member, 3);
        assert!(!member.received(&ticket(1)));
        assert_eq!(member.next_timeout(None, Role::Member), None);
    }

    #[test]
    fn who_lacks_the_ticket_and_who_is_asked_for_an_older_one_says_nothing() {
        let mut lacking = with_ticket_one(2);
        lacking.wanted(NOW, &ticket(2).hash(), Role::Creator, 0);
        assert!(!lacking.announce);
        let mut current = with_ticket_one(1);
        current.wanted(NOW, &ticket(2).hash(), Role::Creator, 0);
        assert!(!current.announce);
    }
}
